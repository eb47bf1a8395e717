package revocation

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/profiles"
)

// authority is an issuing authority as OCSP sees it: the names that requests give it, and who answers for it.
type authority struct {
	*ca.Issuer
	forms [][]byte // of certID.issuer

	making   sync.Mutex // one delegate at a time
	delegate atomic.Pointer[delegate]
}

// delegate is a delegated responder (RFC 6960 §2.6): its key, its certificate, and what each of its answers holds in DER.
type delegate struct {
	certificate *x509.Certificate
	signer      crypto.Signer
	id          []byte // ResponderID
	algorithm   []byte // AlgorithmIdentifier of its signatures
	certs       []byte // its certificate, as a BasicOCSPResponse encloses it
	renew       time.Time
}

// retry is how long a delegate whose renewal failed goes on before it is tried again.
const retry = time.Minute

// holds tells whether the delegate's certificate is valid: its answers are worth nothing when it is not.
func (d *delegate) holds(now time.Time) bool {
	return d != nil && !now.Before(d.certificate.NotBefore) && now.Before(d.certificate.NotAfter)
}

// delegateOf returns the authority's delegate, and makes one when there is none or its certificate is half over. When
// that fails the old one is returned for as long as it holds, with the error, which is then for the log.
func (r *Responder) delegateOf(ctx context.Context, a *authority) (*delegate, error) {
	now := r.now()
	if d := a.delegate.Load(); d.holds(now) && now.Before(d.renew) {
		return d, nil
	}
	a.making.Lock()
	defer a.making.Unlock()
	old := a.delegate.Load()
	if old.holds(now) && now.Before(old.renew) {
		return old, nil
	}
	d, err := r.newDelegate(ctx, a)
	if err != nil {
		err = fmt.Errorf("OCSP responder of %s: %w", a.Authority.ID(), err)
		if !old.holds(now) {
			return nil, err
		}
		again := *old
		again.renew = now.Add(retry)
		d = &again
	}
	a.delegate.Store(d)
	return d, err
}

func (r *Responder) newDelegate(ctx context.Context, a *authority) (*delegate, error) {
	config := r.lab.Config.OCSP
	signer, err := config.KeyPolicy(r.lab.Config.Key).Generate()
	if err != nil {
		return nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(signer.Public())
	if err != nil {
		return nil, err
	}
	issued, err := r.lab.IssueResponder(ctx, a.Authority, public)
	if err != nil {
		return nil, err
	}
	c, err := issued.Records[0].Certificate()
	if err != nil {
		return nil, err
	}
	d := &delegate{certificate: c, signer: signer, renew: c.NotBefore.Add(c.NotAfter.Sub(c.NotBefore) / 2)}
	algorithm := x509.ECDSAWithSHA256
	if _, ok := signer.Public().(*rsa.PublicKey); ok {
		algorithm = x509.SHA256WithRSA
	}
	if d.algorithm, err = algorithmIdentifier(algorithm); err != nil {
		return nil, err
	}
	d.id = element(explicit(2), element(cbasn1.OCTET_STRING, c.SubjectKeyId))
	if config.ResponderID == "name" {
		d.id = element(explicit(1), c.RawSubject)
	}
	d.certs = element(explicit(0), element(cbasn1.SEQUENCE, c.Raw))
	return d, nil
}

// authorities are those that the responder has met, by what a certID says of the issuer.
type authorities struct {
	mu     sync.RWMutex
	byForm map[string]*authority
	byID   map[string]*authority
}

// named returns the issuing authority that the certID names, nil when the lab has none.
func (s *authorities) named(ctx context.Context, lab *ca.Lab, id certID) (*authority, error) {
	s.mu.RLock()
	a, all := s.byForm[string(id.issuer)], len(s.byID) == issuing
	s.mu.RUnlock()
	if a != nil || all {
		return a, nil
	}
	for _, p := range profiles.Authorities() { // one may have been made since
		if p.IsRoot() { // the roots of the IGC-Santé have no responder: their certificates name none
			continue
		}
		if _, err := s.get(ctx, lab, p); err != nil && ca.KindOf(err) != ca.NotFound {
			return nil, err
		}
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byForm[string(id.issuer)], nil
}

// issuing is the number of issuing authorities that a lab can have.
var issuing = func() (n int) {
	for _, p := range profiles.Authorities() {
		if !p.IsRoot() {
			n++
		}
	}
	return n
}()

// get returns the authority, NotFound when the lab does not have it.
func (s *authorities) get(ctx context.Context, lab *ca.Lab, p profiles.Authority) (*authority, error) {
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
	forms, err := issuerForms(issuer.Certificate)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.byID[p.ID()]; a != nil {
		return a, nil
	}
	a = &authority{Issuer: issuer, forms: forms}
	s.byID[p.ID()] = a
	for _, form := range forms {
		s.byForm[string(form)] = a
	}
	return a, nil
}
