package postgres_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/ca/store/postgres"
	"github.com/igc-lab/igc/internal/postgrestest"
)

// The primary is killed while writers write, and its standby takes over: all that was acknowledged
// is there, once, the writers and followers go on by themselves, and a write that nobody knows the
// outcome of says so.
func TestFailover(t *testing.T) {
	begun := time.Now()
	pair := postgrestest.StartPair(t)
	t.Logf("the pair runs after %s", time.Since(begun))
	s, other := open(t, pair.URL), open(t, pair.URL)
	addAuthority(t, s)
	var follower seen
	follower.follow(t, other)
	var acknowledged sync.Map
	var count atomic.Int64
	var last atomic.Int64 // when the last write was acknowledged
	var longest atomic.Int64
	done := make(chan struct{})
	var writers sync.WaitGroup
	for w := range 4 {
		on := []*postgres.Store{s, other}[w%2]
		writers.Go(func() {
			for n := w * 100000; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				start := time.Now()
				err := add(t.Context(), on, n)
				if took := time.Since(start); took > time.Duration(longest.Load()) {
					longest.Store(int64(took))
				}
				switch kind := store.KindOf(err); {
				case err == nil:
					acknowledged.Store(n, record(n).Key())
					count.Add(1)
					last.Store(time.Now().UnixNano())
				case kind != store.Unavailable && kind != store.Unanswered:
					t.Errorf("%v (%s)", err, kind)
					return
				default:
					t.Logf("%s: %v", kind, err)
				}
			}
		})
	}
	wait := func(n int64) {
		t.Helper()
		for start := time.Now(); count.Load() < n; time.Sleep(5 * time.Millisecond) {
			if time.Since(start) > 20*time.Second {
				t.Fatalf("%d certificates", count.Load())
			}
		}
	}
	wait(100)
	if err := pair.KillPrimary(); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	before := count.Load()
	time.Sleep(500 * time.Millisecond)
	if err := pair.Promote(); err != nil {
		t.Fatal(err)
	}
	promoted := time.Now()
	wait(before + 8)
	t.Logf("writes go on %s after the kill, %s after the promotion", time.Since(killed), time.Since(promoted))
	wait(before + 100)
	close(done)
	writers.Wait()
	t.Logf("%d certificates, the longest write took %s", count.Load(), time.Duration(longest.Load()))
	if err := other.View(t.Context(), func(r store.Reader) error {
		acknowledged.Range(func(n, key any) bool {
			if !r.Status(key.(store.Key)).Issued {
				t.Errorf("%d was acknowledged and is lost", n)
			}
			return true
		})
		return nil
	}); err != nil {
		t.Error(err)
	}
	for start := time.Now(); time.Since(other.Confirmed()) > time.Second; time.Sleep(10 * time.Millisecond) {
		if time.Since(start) > 5*time.Second {
			t.Fatal("the feed is not confirmed again")
		}
	}
	var chain store.Head
	for _, c := range follower.all {
		data, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		_, hash, err := store.ParseChange(data)
		if err != nil {
			t.Fatal(err)
		}
		if err := chain.Next(c, hash); err != nil {
			t.Fatal(err)
		}
	}
}
