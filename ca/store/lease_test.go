package store_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/ca/store/bolt"
)

// lostCommit is a store whose next commit is lost: the transaction runs and is undone, or is
// written and not acknowledged.
type lostCommit struct {
	store.Store
	undone, unacknowledged bool
}

func (s *lostCommit) Update(ctx context.Context, actor string, fn func(store.Tx) error) error {
	undone, unacknowledged := s.undone, s.unacknowledged
	s.undone, s.unacknowledged = false, false
	unavailable := &store.Error{Kind: store.Unavailable, Err: errors.New("the connection is lost")}
	err := s.Store.Update(ctx, actor, func(tx store.Tx) error {
		if err := fn(tx); err != nil || !undone {
			return err
		}
		return unavailable
	})
	if err == nil && unacknowledged {
		return &store.Error{Kind: store.Unanswered, Err: errors.New("the connection is lost")}
	}
	return err
}

// A renewal whose commit is lost does not prolong the lease for its holder, nor end it.
func TestRenewalLost(t *testing.T) {
	for name, lose := range map[string]func(*lostCommit){
		"undone":         func(s *lostCommit) { s.undone = true },
		"unacknowledged": func(s *lostCommit) { s.unacknowledged = true },
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			s := &lostCommit{Store: bolt.Open(filepath.Join(t.TempDir(), "igc.db"),
				bolt.Options{Now: func() time.Time { return now }})}
			lease, err := store.Acquire(t.Context(), s, "work", time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			ends := lease.Expires()
			now = now.Add(30 * time.Second)
			lose(s)
			if err := lease.Renew(t.Context()); err == nil {
				t.Fatal("the renewal succeeded")
			}
			if !lease.Expires().Equal(ends) {
				t.Errorf("after a renewal that was lost the lease ends at %s, before at %s", lease.Expires(), ends)
			}
			if err := lease.Renew(t.Context()); err != nil {
				t.Errorf("the renewal after it: %v", err)
			}
			lose(s)
			if err := lease.Renew(t.Context()); err == nil {
				t.Fatal("the renewal succeeded")
			}
			if err := lease.Release(t.Context()); err != nil {
				t.Error(err)
			}
			if _, err := store.Acquire(t.Context(), s, "work", time.Minute); err != nil {
				t.Errorf("after the release: %v", err)
			}
		})
	}
}
