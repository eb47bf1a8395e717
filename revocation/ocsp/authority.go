package ocsp

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
)

// authority is an issuing authority as OCSP sees it: the names that requests give it, and who
// answers for it.
type authority struct {
	*ca.Issuer
	issuerIDs [][]byte // of certID.issuer

	making   sync.Mutex // one delegate at a time
	delegate atomic.Pointer[delegate]
	failure  atomic.Pointer[renewalFailure] // nil when the last renewal succeeded
}

// authorities are those that the responder has met, by what a certID says of the issuer.
type authorities struct {
	mu         sync.RWMutex
	byIssuerID map[string]*authority
	byID       map[string]*authority
	found      uint64 // one more than [lab.Lab.AuthoritiesMade] when all were looked up; 0 before
}

// byCertID returns the issuing authority that the certID names, nil when the lab has none.
func (s *authorities) byCertID(ctx context.Context, lab *lab.Lab, id certID) (*authority, error) {
	made := lab.AuthoritiesMade() + 1 // before they are looked up: one that is made meanwhile is found the next time
	s.mu.RLock()
	a, found := s.byIssuerID[string(id.issuer)], s.found
	s.mu.RUnlock()
	if a != nil || found == made {
		return a, nil
	}
	for _, p := range profiles.Authorities() {
		if _, err := s.get(ctx, lab, p); err != nil && ca.KindOf(err) != ca.NotFound {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found = made
	return s.byIssuerID[string(id.issuer)], nil
}

// get returns the authority, NotFound when the lab does not have it.
func (s *authorities) get(ctx context.Context, lab *lab.Lab, p profiles.Authority) (*authority, error) {
	s.mu.RLock()
	a := s.byID[p.ID()]
	s.mu.RUnlock()
	if a != nil {
		return a, nil
	}
	issuer, err := lab.Issuer(ctx, p)
	if err != nil {
		return nil, err
	}
	ids, err := issuerIDs(issuer.Certificate)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.byID[p.ID()]; a != nil {
		return a, nil
	}
	a = &authority{Issuer: issuer, issuerIDs: ids}
	s.byID[p.ID()] = a
	for _, form := range ids {
		s.byIssuerID[string(form)] = a
	}
	return a, nil
}
