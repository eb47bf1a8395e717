package storetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/igc-lab/igc/ca/store"
)

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

// feed reads the whole feed and holds it to its hashes.
func (s *suite) feed() (all []store.Change) {
	s.Helper()
	all, err := readFeed(s.Context(), s.Store)
	if err != nil {
		s.Fatal(err)
	}
	return all
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
	calls := 0
	if err := s.Follow(s.Context(), 41, func(changes []store.Change) error {
		calls++
		if len(changes) != 0 {
			s.Errorf("after the last came %v", changes)
		}
		return stop
	}); !errors.Is(err, stop) || calls != 1 {
		s.Errorf("a follower of the end was called %d times, and ended with %v", calls, err)
	}
	if err := s.Follow(s.Context(), 40, func(changes []store.Change) error {
		if len(changes) != 1 || changes[0].Seq != 41 {
			s.Errorf("after 40 came %v", changes)
		}
		return stop
	}); !errors.Is(err, stop) {
		s.Errorf("it ended with %v", err)
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
