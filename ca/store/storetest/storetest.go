// Package storetest is what every driver of a store must pass: [Run] for what the interface
// promises, [Kills] for what outlives a process that is killed at any moment.
//
// A driver's test has both, and hands its TestMain to [Main], which is also the process to be
// killed:
//
//	var driver = storetest.Driver{Open: func(place string, now func() time.Time) (store.Store, error) { ... }}
//
//	func TestMain(m *testing.M)   { storetest.Main(m, driver) }
//	func TestStore(t *testing.T)  { storetest.Run(t, driver) }
//	func TestKills(t *testing.T)  { storetest.Kills(t, driver, 20) }
package storetest

import (
	"context"
	"encoding/asn1"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
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

// feed reads the whole feed and holds it to its hashes.
func (s *suite) feed() (all []store.Change) {
	s.Helper()
	all, err := readFeed(s.Context(), s.Store)
	if err != nil {
		s.Fatal(err)
	}
	return all
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
		"transactions": transactions, "feed": feed, "follow": follow, "certificates": certificates, "status and CRL": crls,
		"one serial number": oneSerial, "documents": documents, "swap": swap, "leases": leases, "reopened": reopened, "unknown": unknown,
	} {
		t.Run(name, func(t *testing.T) { test(newSuite(t, d)) })
	}
}

// transactions: an update that fails leaves nothing, a view sees one moment, an update sees its own
// writes.
func transactions(s *suite) {
	failed := errors.New("failed")
	before := len(s.feed())
	err := s.Update(s.Context(), actor, func(tx store.Tx) error {
		if err := tx.AddCertificate(record(1)); err != nil {
			return err
		}
		if r, err := tx.Certificate(record(1).Key()); err != nil || r.Profile != "cps/authentication" {
			s.Errorf("an update does not see its own write: %v, %v", r, err)
		}
		if tx.Head().Seq != uint64(before)+1 {
			s.Errorf("nor its change: %v", tx.Head())
		}
		if _, err := tx.PutDocument(store.DocumentKind{Name: "d"}, "k", nil, time.Time{}, nil); err != nil {
			return err
		}
		return failed
	})
	if !errors.Is(err, failed) {
		s.Errorf("%v, want the function's own error", err)
	}
	s.view(func(r store.Reader) error {
		if r.Status(record(1).Key()).Issued || len(r.ByCard(record(1).Holder.CardNumber)) != 0 {
			s.Error("a failed update left a certificate")
		}
		if _, err := r.Document("d", "k"); store.KindOf(err) != store.NotFound {
			s.Errorf("a failed update left a document: %v", err)
		}
		return nil
	})
	if n := len(s.feed()); n != before {
		s.Errorf("a failed update left %d changes", n-before)
	}
	s.view(func(r store.Reader) error {
		written := make(chan error)
		go func() {
			written <- s.Update(context.WithoutCancel(s.Context()), actor, func(tx store.Tx) error { return tx.AddCertificate(record(2)) })
		}()
		if err := <-written; err != nil {
			return err
		}
		if r.Status(record(2).Key()).Issued {
			s.Error("a view sees what was written after it began")
		}
		return nil
	})
	if err := s.Update(s.Context(), "", func(store.Tx) error { return nil }); err == nil {
		s.Error("an update without an actor was taken")
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

// follow: changes come in order and once each, while others write; and an update returns when they
// have come.
func follow(s *suite) {
	ctx, cancel := context.WithCancel(s.Context())
	defer cancel()
	var mu sync.Mutex
	var seen []store.Change
	done := make(chan error, 1)
	began := make(chan struct{})
	go func() {
		var once sync.Once
		done <- s.Follow(ctx, 0, func(changes []store.Change) error {
			once.Do(func() { close(began) })
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, changes...)
			return nil
		})
	}()
	<-began
	var wg sync.WaitGroup
	for i := range uint64(4) {
		wg.Go(func() {
			for j := range uint64(10) {
				r := record(1 + i*10 + j)
				if err := s.Update(ctx, actor, func(tx store.Tx) error { return tx.AddCertificate(r) }); err != nil {
					s.Error(err)
					return
				}
				mu.Lock()
				if !slices.ContainsFunc(seen, func(c store.Change) bool { return c.Serial == r.Serial }) {
					s.Errorf("the update of %s returned before its follower had it", r.Serial)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for i, c := range seen {
		if c.Seq != uint64(i)+1 {
			s.Fatalf("change %d came as number %d", c.Seq, i+1)
		}
	}
	if len(seen) != 41 {
		s.Errorf("%d changes came, want 41", len(seen))
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		s.Errorf("it ended with %v", err)
	}
	stop := errors.New("enough")
	if err := s.Follow(s.Context(), 40, func(changes []store.Change) error {
		if len(changes) != 1 || changes[0].Seq != 41 {
			s.Errorf("after 40 came %v", changes)
		}
		return stop
	}); !errors.Is(err, stop) {
		s.Errorf("it ended with %v", err)
	}
}

// certificates are found by all that names them, and list in the order of issue.
func certificates(s *suite) {
	s.add(1, 2, 3, 0x1000)
	s.view(func(r store.Reader) error {
		got, err := r.Certificate(record(2).Key())
		if err != nil {
			return err
		}
		if want := record(2); got.Serial != want.Serial || !reflect.DeepEqual(got.Holder, want.Holder) || string(got.DER) != string(want.DER) || !got.NotAfter.Equal(want.NotAfter) {
			s.Errorf("got %+v, want %+v", got, want)
		}
		if keys := r.ByCard(record(2).Holder.CardNumber); len(keys) != 2 {
			s.Errorf("by card: %v", keys)
		}
		if keys := r.ByHolder(record(3).Holder.Identifier()); len(keys) != 2 {
			s.Errorf("by holder: %v", keys)
		}
		if keys := r.ByHolder(record(3).Holder.Identifier()[:8]); len(keys) != 0 {
			s.Errorf("by a part of the holder: %v", keys)
		}
		for digits, n := range map[string]int{"63DA": 4, record(1).Serial: 1, record(1).Serial[:29]: 3, "64": 0} {
			if keys, err := r.BySerialPrefix(digits, 10); err != nil || len(keys) != n {
				s.Errorf("by %s: %v, %v; want %d", digits, keys, err, n)
			}
		}
		if keys, _ := r.BySerialPrefix("63DA", 2); len(keys) != 2 {
			s.Errorf("more than asked for: %v", keys)
		}
		for name, want := range map[string][]string{
			"":       {record(1).Serial, record(2).Serial, record(3).Serial, record(0x1000).Serial},
			"newest": {record(0x1000).Serial, record(3).Serial, record(2).Serial, record(1).Serial},
			"card":   {record(2).Serial, record(3).Serial},
			"after":  {record(3).Serial, record(0x1000).Serial},
		} {
			f := map[string]store.Filter{"newest": {Newest: true}, "card": {Card: record(2).Holder.CardNumber}, "after": {After: 2}}[name]
			var got []string
			for r, err := range r.List(f) {
				if err != nil {
					return err
				}
				got = append(got, r.Serial)
			}
			if !slices.Equal(got, want) {
				s.Errorf("list %q: %v, want %v", name, got, want)
			}
		}
		if c := r.Counts().Authorities[authority]; c.Issued != 4 || c.Listed != 0 {
			s.Errorf("counts: %+v", c)
		}
		return nil
	})
	err := s.Update(s.Context(), actor, func(tx store.Tx) error { return tx.AddAuthority(authority, record(9).DER) })
	if store.KindOf(err) != store.Conflict {
		s.Errorf("an authority was replaced: %v", err)
	}
}

// crls: what is revoked is on the next CRL, what is released on the delta, and numbers only grow.
func crls(s *suite) {
	s.add(1, 2, 3)
	at := s.clock().Add(-time.Hour)
	revoke := func(n uint64, v *store.Revocation) {
		s.Helper()
		s.update(func(tx store.Tx) error { return tx.SetStatus(record(n).Key(), v) })
	}
	next := func(req store.CRLRequest) (content store.CRLContent) {
		s.Helper()
		s.update(func(tx store.Tx) error { _, err := tx.NextCRL(authority, req); return err })
		s.view(func(r store.Reader) (err error) {
			content, err = r.CRLContent(authority, req.Full)
			content.Full = slices.Clone(content.Full)
			return err
		})
		return content
	}
	due := store.CRLRequest{Full: true, Due: true, Form: store.FaithfulCRL}
	first := next(due)
	revoke(1, &store.Revocation{At: at, Reason: "keyCompromise"})
	revoke(2, &store.Revocation{At: at, Reason: store.Hold})
	s.view(func(r store.Reader) error {
		if st := r.Status(record(2).Key()); !st.Issued || !st.Certificate || st.Revoked == nil || st.Revoked.Reason != store.Hold || !st.Revoked.At.Equal(at) {
			s.Errorf("status %+v", st)
		}
		return nil
	})
	second := next(due)
	if second.Number <= first.Number || second.Revision <= first.Revision || second.Entries != 2 || len(second.Full) == 0 {
		s.Errorf("after %+v came %+v", first, second)
	}
	revoke(2, nil)
	revoke(3, &store.Revocation{At: at, Reason: "superseded"})
	delta := next(store.CRLRequest{Form: store.FaithfulCRL})
	if delta.Number <= second.Number || delta.Base != second.Number || delta.Changed != 2 || len(delta.Changes) == 0 {
		s.Errorf("the delta is %+v", delta)
	}
	if full := next(due); full.Entries != 2 {
		s.Errorf("the full CRL has %d entries, want 2", full.Entries)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	numbers := map[uint64]bool{}
	for range 8 {
		wg.Go(func() {
			var state store.CRLState
			if err := s.Update(s.Context(), actor, func(tx store.Tx) (err error) {
				state, err = tx.NextCRL(authority, due)
				return err
			}); err != nil {
				s.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if numbers[state.Number] || state.Number <= delta.Number {
				s.Errorf("CRL number %d a second time", state.Number)
			}
			numbers[state.Number] = true
		})
	}
	wg.Wait()
	s.view(func(r store.Reader) error {
		n, revoked := 0, 0
		for _, st := range r.Statuses(authority) {
			if n++; st.Revoked != nil {
				revoked++
			}
		}
		if n != 3 || revoked != 2 {
			s.Errorf("%d statuses, %d revoked", n, revoked)
		}
		return nil
	})
}

// oneSerial: of many that record the same serial number at once, one does.
func oneSerial(s *suite) {
	var wg sync.WaitGroup
	errs := make([]error, 20)
	for i := range errs {
		wg.Go(func() {
			errs[i] = s.Update(s.Context(), actor, func(tx store.Tx) error { return tx.AddCertificate(record(7)) })
		})
	}
	wg.Wait()
	taken := 0
	for _, err := range errs {
		if errors.Is(err, store.ErrSerialTaken) {
			taken++
		} else if err != nil {
			s.Error(err)
		}
	}
	if taken != len(errs)-1 {
		s.Errorf("%d of %d were refused", taken, len(errs))
	}
	if n := len(s.feed()); n != 2 {
		s.Errorf("%d changes, want the authority's and one certificate's", n)
	}
}

// documents are written, read, scanned, deleted, and end.
func documents(s *suite) {
	ctx := s.Context()
	d := store.Documents{Store: s.Store, Kind: store.DocumentKind{Name: "session"}}
	other := store.Documents{Store: s.Store, Kind: store.DocumentKind{Name: "session.old"}}
	for _, key := range []string{"b/1", "a/2", "a/1", "c"} {
		if _, err := d.Put(ctx, actor, key, []byte("value of "+key), time.Time{}); err != nil {
			s.Fatal(err)
		}
	}
	if _, err := other.Put(ctx, actor, "a/3", nil, time.Time{}); err != nil {
		s.Fatal(err)
	}
	keys := func(prefix string) string {
		s.Helper()
		docs, err := d.Scan(ctx, prefix)
		if err != nil {
			s.Fatal(err)
		}
		var all []string
		for _, doc := range docs {
			if string(doc.Value) != "value of "+doc.Key {
				s.Errorf("%q has the value %q", doc.Key, doc.Value)
			}
			all = append(all, doc.Key)
		}
		return strings.Join(all, " ")
	}
	if got := keys("a/"); got != "a/1 a/2" {
		s.Errorf("with a/ begin %s", got)
	}
	if got := keys(""); got != "a/1 a/2 b/1 c" {
		s.Errorf("all are %s", got)
	}
	if err := d.Delete(ctx, actor, "c"); err != nil {
		s.Fatal(err)
	}
	if err := d.Delete(ctx, actor, "c"); err != nil {
		s.Errorf("a second time: %v", err)
	}
	if _, err := d.Get(ctx, "c"); store.KindOf(err) != store.NotFound {
		s.Errorf("a deleted document: %v", err)
	}
	if _, err := d.Put(ctx, actor, "a/1", []byte("value of a/1"), s.clock().Add(time.Minute)); err != nil {
		s.Fatal(err)
	}
	if doc, err := d.Get(ctx, "a/1"); err != nil || !doc.Expires.Equal(s.clock().Add(time.Minute)) {
		s.Errorf("%+v, %v", doc, err)
	}
	s.forward(time.Minute)
	if _, err := d.Get(ctx, "a/1"); store.KindOf(err) != store.NotFound {
		s.Errorf("an expired document: %v", err)
	}
	if got := keys(""); got != "a/2 b/1" {
		s.Errorf("left are %s", got)
	}
	for _, want := range []int{1, 0} {
		s.update(func(tx store.Tx) error {
			if n, err := tx.DropExpiredDocuments(10); err != nil || n != want {
				s.Errorf("%d dropped, %v; want %d", n, err, want)
			}
			return nil
		})
	}
	if n := len(s.feed()); n != 1 {
		s.Errorf("%d changes: documents of a kind that is not audited are among them", n)
	}
	for _, bad := range []string{"", strings.Repeat("k", 1<<16)} {
		if _, err := d.Put(ctx, actor, bad, nil, time.Time{}); store.KindOf(err) != store.Invalid {
			s.Errorf("a key of %d bytes: %v", len(bad), err)
		}
	}
}

// swap: of many that change one document at once none is lost, and a version does not come again.
func swap(s *suite) {
	ctx := s.Context()
	d := store.Documents{Store: s.Store, Kind: store.DocumentKind{Name: "counter"}}
	const writers, rounds = 8, 20
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for done := 0; done < rounds; {
				doc, err := d.Get(ctx, "n")
				if err != nil && store.KindOf(err) != store.NotFound {
					s.Error(err)
					return
				}
				_, err = d.Swap(ctx, actor, "n", doc.Version, append(doc.Value, 'x'), time.Time{})
				switch {
				case err == nil:
					done++
				case !errors.Is(err, store.ErrSwap):
					s.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	doc, err := d.Get(ctx, "n")
	if err != nil || len(doc.Value) != writers*rounds {
		s.Errorf("counted to %d, %v; want %d", len(doc.Value), err, writers*rounds)
	}
	if err := d.Delete(ctx, actor, "n"); err != nil {
		s.Fatal(err)
	}
	if _, err := d.Swap(ctx, actor, "n", doc.Version, nil, time.Time{}); !errors.Is(err, store.ErrSwap) {
		s.Errorf("a deleted document was swapped: %v", err)
	}
	again, err := d.Swap(ctx, actor, "n", 0, nil, time.Time{})
	if err != nil || again <= doc.Version {
		s.Errorf("version %d after %d, %v", again, doc.Version, err)
	}
	if _, err := d.Swap(ctx, actor, "n", 0, nil, time.Time{}); !errors.Is(err, store.ErrSwap) {
		s.Errorf("made twice: %v", err)
	}
}

// leases are one's at a time, end by themselves, and their fence grows.
func leases(s *suite) {
	ctx := s.Context()
	first, err := store.Acquire(ctx, s.Store, "crl", time.Minute)
	if err != nil {
		s.Fatal(err)
	}
	if _, err := store.Acquire(ctx, s.Store, "crl", time.Minute); !errors.Is(err, store.ErrLeaseHeld) {
		s.Errorf("held by two: %v", err)
	}
	if _, err := store.Acquire(ctx, s.Store, "mail", time.Minute); err != nil {
		s.Errorf("another lease: %v", err)
	}
	s.forward(30 * time.Second)
	if err := first.Renew(ctx); err != nil {
		s.Error(err)
	}
	s.forward(45 * time.Second)
	if _, err := store.Acquire(ctx, s.Store, "crl", time.Minute); !errors.Is(err, store.ErrLeaseHeld) {
		s.Errorf("a renewed lease was taken: %v", err)
	}
	s.forward(2 * time.Minute)
	second, err := store.Acquire(ctx, s.Store, "crl", time.Minute)
	if err != nil {
		s.Fatalf("an ended lease: %v", err)
	}
	if second.Fence() <= first.Fence() {
		s.Errorf("fence %d after %d", second.Fence(), first.Fence())
	}
	if err := first.Renew(ctx); !errors.Is(err, store.ErrLeaseHeld) {
		s.Errorf("a lost lease was renewed: %v", err)
	}
	if err := first.Release(ctx); err != nil {
		s.Error(err)
	}
	if _, err := store.Acquire(ctx, s.Store, "crl", time.Minute); !errors.Is(err, store.ErrLeaseHeld) {
		s.Errorf("the former holder released the present one's: %v", err)
	}
	if err := second.Release(ctx); err != nil {
		s.Error(err)
	}
	third, err := store.Acquire(ctx, s.Store, "crl", time.Minute)
	if err != nil || third.Fence() <= second.Fence() {
		s.Errorf("after a release: %v", err)
	}
}

// reopened: a store that was closed is as it was.
func reopened(s *suite) {
	s.add(1, 2)
	s.update(func(tx store.Tx) error {
		return tx.SetStatus(record(1).Key(), &store.Revocation{At: s.clock(), Reason: "superseded"})
	})
	s.update(func(tx store.Tx) error {
		_, err := tx.PutDocument(store.DocumentKind{Name: "d"}, "k", []byte("v"), time.Time{}, nil)
		return err
	})
	before := s.feed()
	if err := s.close(); err != nil {
		s.Fatal(err)
	}
	s.open()
	after := s.feed()
	if !slices.EqualFunc(before, after, func(a, b store.Change) bool { return a.Seq == b.Seq && a.Prev == b.Prev && a.Kind == b.Kind }) {
		s.Errorf("the feed was %v, and is %v", before, after)
	}
	s.view(func(r store.Reader) error {
		if st := r.Status(record(1).Key()); st.Revoked == nil || st.Revoked.Reason != "superseded" {
			s.Errorf("status %+v", st)
		}
		if doc, err := r.Document("d", "k"); err != nil || string(doc.Value) != "v" {
			s.Errorf("document %+v, %v", doc, err)
		}
		return nil
	})
}

// unknown: what is not there is an error of kind NotFound, or nothing.
func unknown(s *suite) {
	key := record(5).Key()
	s.view(func(r store.Reader) error {
		if _, err := r.Certificate(key); store.KindOf(err) != store.NotFound {
			s.Errorf("certificate: %v", err)
		}
		if _, err := r.Certificate(store.Key{Authority: "ACI-XX", Serial: key.Serial}); store.KindOf(err) != store.NotFound {
			s.Errorf("of no authority: %v", err)
		}
		if _, err := r.CRLState("ACI-XX"); store.KindOf(err) != store.NotFound {
			s.Errorf("CRL: %v", err)
		}
		if _, ok := r.Authority("ACI-XX"); ok || r.Status(key).Issued {
			s.Error("what is not there, is")
		}
		return nil
	})
	if err := s.Update(s.Context(), actor, func(tx store.Tx) error { return tx.SetStatus(key, nil) }); store.KindOf(err) != store.NotFound {
		s.Errorf("status: %v", err)
	}
	orphan := record(6)
	orphan.Authority = "ACI-XX"
	if err := s.Update(s.Context(), actor, func(tx store.Tx) error { return tx.AddCertificate(orphan) }); store.KindOf(err) != store.NotFound {
		s.Errorf("certificate of no authority: %v", err)
	}
}
