package postgres_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/ca/store/postgres"
	"github.com/igc-lab/igc/internal/postgrestest"
)

// seen is what a follower has taken.
type seen struct {
	mu  sync.Mutex
	all []store.Change
}

func (s *seen) follow(t *testing.T, on store.Store) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	began := make(chan struct{})
	begin := sync.OnceFunc(func() { close(began) })
	go on.Follow(ctx, 0, func(changes []store.Change) error {
		s.mu.Lock()
		s.all = append(s.all, changes...)
		s.mu.Unlock()
		begin()
		return nil
	})
	<-began
}

func (s *seen) has(serial string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.all {
		if c.Serial == serial {
			return true
		}
	}
	return false
}

// Several processes write at once: the feed is one chain, each follower has it in order, and an
// update returns when the followers of all of them have it.
func TestNodes(t *testing.T) {
	dsn := postgrestest.Database(t)
	var stores [3]*postgres.Store
	var followers [3]seen
	for i := range stores {
		stores[i] = open(t, dsn)
	}
	addAuthority(t, stores[0])
	for i := range stores {
		followers[i].follow(t, stores[i])
	}
	const writers, each = 4, 15
	var wg sync.WaitGroup
	for i, s := range stores {
		for w := range writers {
			wg.Go(func() {
				for n := range each {
					r := record(1 + i*10000 + w*1000 + n)
					start := time.Now()
					err := s.Update(t.Context(), "test", func(tx store.Tx) error { return tx.AddCertificate(r) })
					if err != nil {
						t.Error(err)
						return
					}
					for j := range followers {
						if took := time.Since(start); !followers[j].has(r.Serial) && took < time.Second {
							t.Errorf("node %d does not have %s, which node %d wrote in %s", j, r.Serial, i, took)
						}
					}
				}
			})
		}
	}
	wg.Wait()
	var head store.Head
	if err := stores[1].View(t.Context(), func(r store.Reader) error {
		head = r.Head()
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if want := uint64(1 + len(stores)*writers*each); head.Seq != want {
		t.Errorf("%d changes, want %d", head.Seq, want)
	}
	for i := range followers {
		var chain store.Head
		for _, c := range followers[i].all {
			data, err := c.Encode()
			if err != nil {
				t.Fatal(err)
			}
			_, hash, err := store.ParseChange(data)
			if err != nil {
				t.Fatal(err)
			}
			if err := chain.Next(c, hash); err != nil {
				t.Fatalf("node %d: %v", i, err)
			}
		}
		if chain != head {
			t.Errorf("node %d has the feed up to %v, and its head is %v", i, chain, head)
		}
	}
}

// A follower that does not take a change holds an update up for a second, and not longer; its node
// does not count as confirmed then.
func TestSlowNode(t *testing.T) {
	dsn := postgrestest.Database(t)
	slow, other := open(t, dsn), open(t, dsn)
	addAuthority(t, other)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	began, release := make(chan struct{}), make(chan struct{})
	begin := sync.OnceFunc(func() { close(began) })
	go slow.Follow(ctx, 0, func([]store.Change) error {
		begin()
		<-release
		return nil
	})
	<-began
	start := time.Now()
	if err := add(t.Context(), other, 1); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < 900*time.Millisecond || took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	if at := slow.Confirmed(); time.Since(at) < time.Second {
		t.Errorf("the slow node is confirmed as of %s ago", time.Since(at))
	}
	close(release)
	for start := time.Now(); time.Since(slow.Confirmed()) > time.Second; time.Sleep(10 * time.Millisecond) {
		if time.Since(start) > 5*time.Second {
			t.Fatal("it was never confirmed again")
		}
	}
	start = time.Now()
	if err := add(t.Context(), other, 2); err != nil || time.Since(start) > 900*time.Millisecond {
		t.Errorf("after it caught up: %s, %v", time.Since(start), err)
	}
}
