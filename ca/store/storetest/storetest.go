// Package storetest is what every driver of a store must pass: [Run] for what the interface
// promises, [Kills] for what outlives a process that is killed at any moment, [Frozen] for the
// leases of one that is stopped.
//
// A driver's test has them, and hands its TestMain to [Main], which is also the process to be
// killed:
//
//	var driver = storetest.Driver{Open: func(place string, now func() time.Time) (store.Store, error) { ... }}
//
//	func TestMain(m *testing.M)   { storetest.Main(m, driver) }
//	func TestStore(t *testing.T)  { storetest.Run(t, driver) }
//	func TestKills(t *testing.T)  { storetest.Kills(t, driver, 20) }
//	func TestFrozen(t *testing.T) { storetest.Frozen(t, driver) }
package storetest

import (
	"context"
	"encoding/asn1"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/profiles"
)

// Driver is what is tested.
type Driver struct {
	// Open opens the store of a place: a name, the same for the same store. now is nil for the
	// clock.
	Open func(place string, now func() time.Time) (store.Store, error)
}

const (
	authority = "ACI-FO-PP"
	actor     = "storetest"
)

// record is that of a made-up certificate: no store reads more of the DER than that it is a
// SEQUENCE.
func record(serial uint64) *store.Record {
	der, err := asn1.Marshal(struct{ Serial int64 }{int64(serial)})
	if err != nil {
		panic(err)
	}
	issued := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return &store.Record{Authority: authority, Serial: fmt.Sprintf("63DAFFCFC8034BDC%016X", serial), Profile: "cps/authentication", Status: store.Good,
		Holder:    profiles.Holder{Surname: "DODO", GivenName: "ALAIN", IdNat: fmt.Sprintf("8%011d", serial/2), CardNumber: fmt.Sprintf("2%09d", serial/2)},
		NotBefore: issued, NotAfter: issued.AddDate(3, 0, 0), IssuedAt: issued, DER: der}
}

// suite is one store under test, with a clock that the test moves.
type suite struct {
	*testing.T
	driver Driver
	place  string
	store.Store
	close func() error // once

	mu  sync.Mutex
	now time.Time
}

func (s *suite) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *suite) forward(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

func newSuite(t *testing.T, d Driver) *suite {
	s := &suite{T: t, driver: d, place: filepath.Join(t.TempDir(), "store"), now: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)}
	s.open()
	s.update(func(tx store.Tx) error { return tx.AddAuthority(authority, record(0).DER) })
	return s
}

func (s *suite) open() {
	s.Helper()
	opened, err := s.driver.Open(s.place, s.clock)
	if err != nil {
		s.Fatal(err)
	}
	s.Store, s.close = opened, sync.OnceValue(opened.Close)
	closing := s.close
	s.Cleanup(func() { closing() })
}

func (s *suite) update(fn func(store.Tx) error) {
	s.Helper()
	if err := s.Update(s.Context(), actor, fn); err != nil {
		s.Fatal(err)
	}
}

func (s *suite) view(fn func(store.Reader) error) {
	s.Helper()
	if err := s.View(s.Context(), fn); err != nil {
		s.Fatal(err)
	}
}

func (s *suite) add(serials ...uint64) {
	s.Helper()
	s.update(func(tx store.Tx) error {
		for _, n := range serials {
			if err := tx.AddCertificate(record(n)); err != nil {
				return err
			}
		}
		return nil
	})
}

func readFeed(ctx context.Context, s store.Store) (all []store.Change, err error) {
	err = s.View(ctx, func(r store.Reader) error {
		all = nil
		var head store.Head
		for {
			changes, err := r.Changes(head.Seq, 7)
			if err != nil {
				return err
			}
			for _, c := range changes {
				data, err := c.Encode()
				if err != nil {
					return err
				}
				_, hash, err := store.ParseChange(data)
				if err != nil {
					return err
				}
				if err := head.Next(c, hash); err != nil {
					return err
				}
			}
			if all = append(all, changes...); len(changes) == 0 {
				break
			}
		}
		if head != r.Head() {
			return fmt.Errorf("the feed ends at %v, and its head is %v", head, r.Head())
		}
		return nil
	})
	return all, err
}

// Run tests all that the interface promises within one process.
func Run(t *testing.T, d Driver) {
	for name, test := range map[string]func(*suite){
		"transactions": transactions, "feed": feed, "follow": follow, "certificates": certificates, "lists": lists,
		"status and CRL":    crls,
		"one serial number": oneSerial, "documents": documents, "documents at once": documentsAtOnce, "swap": swap,
		"written together": writtenTogether, "leases": leases, "reopened": reopened, "unknown": unknown,
	} {
		t.Run(name, func(t *testing.T) { test(newSuite(t, d)) })
	}
}

// feed: every write has its entry, with who and what, in one chain.
func feed(s *suite) {
	s.add(1)
	v := &store.Revocation{At: s.clock(), Reason: "keyCompromise"}
	clients := store.DocumentKind{Name: "client", Audited: true}
	var version uint64
	s.update(func(tx store.Tx) error { return tx.SetStatus(record(1).Key(), v) })
	s.update(func(tx store.Tx) error {
		_, err := tx.NextCRL(authority, store.CRLRequest{Full: true, Form: store.FaithfulCRL})
		return err
	})
	s.update(func(tx store.Tx) (err error) {
		version, err = tx.PutDocument(clients, "app", []byte("{}"), time.Time{}, nil)
		return err
	})
	s.update(func(tx store.Tx) error { return tx.DeleteDocument(clients, "app", nil) })
	s.update(func(tx store.Tx) error {
		return tx.Append(store.Change{Kind: store.LabSeeded, Note: "broken \xff text"})
	})
	want := []store.ChangeKind{store.AuthorityMade, store.CertificateIssued, store.StatusChanged, store.CRLIssued, store.DocumentPut, store.DocumentDeleted, store.LabSeeded}
	all := s.feed()
	for i, c := range all {
		if i >= len(want) || c.Kind != want[i] || c.Actor != actor || !c.At.Equal(s.clock()) || c.Seq != uint64(i)+1 {
			s.Errorf("change %+v", c)
		}
	}
	if len(all) != len(want) {
		s.Fatalf("%d changes, want %d", len(all), len(want))
	}
	if c := all[2]; c.Serial != record(1).Serial || c.Status != store.Revoked || c.Revoked.Reason != "keyCompromise" || c.Revision == 0 {
		s.Errorf("the revocation is %+v", c)
	}
	if c := all[4]; c.Document != "client/app" || c.Version != version {
		s.Errorf("the document is %+v", c)
	}
}
