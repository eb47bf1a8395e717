package postgres_test

import (
	"errors"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/postgrestest"
)

// Nodes whose clocks are ten minutes off go by the database's: what one dates, the others take, and
// leases and codes last as long as they were given.
func TestClockSkew(t *testing.T) {
	dsn := postgrestest.Database(t)
	offsets := []time.Duration{0, 10 * time.Minute, -10 * time.Minute, time.Second}
	nodes := make([]store.Store, len(offsets))
	for i, off := range offsets {
		s := open(t, dsn)
		s.SetWall(func() time.Time { return time.Now().Add(off) })
		nodes[i] = s
	}
	addAuthority(t, nodes[0])
	for i, s := range nodes {
		// A command reads, and follows nothing.
		if err := s.View(t.Context(), func(store.Reader) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if wrong := time.Until(s.(store.Shared).Now()).Abs(); wrong > 2*time.Second {
			t.Errorf("a command whose clock is %s ahead is wrong by %s", offsets[i], wrong)
		}
		var follower seen
		follower.follow(t, s)
		l := s.(store.Shared).Link()
		if wrong := (l.Ahead - offsets[i]).Abs(); wrong > time.Second {
			t.Errorf("a clock that is %s ahead was taken as %s ahead", offsets[i], l.Ahead)
		}
		if wrong := time.Until(s.(store.Shared).Now()).Abs(); wrong > 2*time.Second {
			t.Errorf("a node that is %s ahead is wrong by %s", offsets[i], wrong)
		}
	}
	codes := store.DocumentKind{Name: "code"}
	for i, s := range nodes {
		docs := store.Documents{Store: store.DocumentsOf(s, "test"), Kind: codes}
		ends := s.(store.Shared).Now().Add(6 * time.Second)
		if _, err := docs.Put(t.Context(), "", "c", nil, ends); err != nil {
			t.Fatal(err)
		}
		for j, other := range nodes {
			if _, err := (store.Documents{Store: store.DocumentsOf(other, "test"), Kind: codes}).
				Get(t.Context(), "c"); err != nil {
				t.Errorf("a code that node %d made has ended on node %d: %v", i, j, err)
			}
		}
		lease, err := store.Acquire(t.Context(), s, "work", 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		for j, other := range nodes {
			if _, err := store.Acquire(t.Context(), other, "work", time.Second); !errors.Is(err, store.ErrLeaseHeld) {
				t.Errorf("the lease of node %d was taken by node %d: %v", i, j, err)
			}
		}
		if err := lease.Release(t.Context()); err != nil {
			t.Error(err)
		}
	}
	docs := store.Documents{Store: store.DocumentsOf(nodes[1], "test"), Kind: codes}
	if _, err := docs.Put(t.Context(), "", "c", nil, nodes[1].(store.Shared).Now().Add(2*time.Second)); err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		_, err := (store.Documents{Store: store.DocumentsOf(nodes[2], "test"), Kind: codes}).Get(t.Context(), "c")
		if store.KindOf(err) == store.NotFound {
			break
		}
		if err != nil || time.Since(start) > 10*time.Second {
			t.Fatalf("a code of two seconds: %v", err)
		}
	}
}
