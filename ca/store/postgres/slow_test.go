package postgres_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/postgrestest"
)

// A node that gets far from its database holds nobody up for longer than a second, does not take as
// confirmed what it does not have, and is itself slow, not stuck.
func TestSlowDatabase(t *testing.T) {
	dsn := postgrestest.Database(t)
	for _, way := range []time.Duration{150 * time.Millisecond, 1500 * time.Millisecond} {
		t.Run(fmt.Sprint(2*way), func(t *testing.T) {
			t.Parallel()
			serial := int(way/time.Millisecond) * 1000
			link, through := postgrestest.NewLink(t, dsn+"&connect_timeout=60")
			near, far := open(t, dsn), open(t, through)
			if err := near.Update(t.Context(), "test", func(tx store.Tx) error {
				if _, ok := tx.Authority(authority); ok {
					return nil
				}
				return tx.AddAuthority(authority, []byte{0x30, 0})
			}); err != nil {
				t.Fatal(err)
			}
			var has seen
			has.follow(t, far)
			link.Delay(way)
			for n := range 4 {
				r := record(serial + n)
				start := time.Now()
				if err := add(t.Context(), near, serial+n); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took > 5*time.Second {
					t.Errorf("a write near the database took %s", took)
				}
				if got := has.has(r.Serial); !got && time.Since(far.Confirmed()) < time.Second {
					t.Error("the node that is far counts as confirmed, and does not have what was acknowledged")
				}
			}
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), way/2)
			defer cancel()
			err := far.View(ctx, func(r store.Reader) error {
				r.Counts()
				return nil
			})
			if took := time.Since(start); store.KindOf(err) != store.Unavailable || took > way+2*time.Second {
				t.Errorf("a view of %s ended after %s: %v", way/2, took, err)
			}
			if way > time.Second { // the rest takes a dozen round trips
				return
			}
			start = time.Now()
			if err := add(t.Context(), far, serial+100); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); took > 30*way+2*time.Second {
				t.Errorf("a write far from the database took %s", took)
			}
			t.Logf("a write far from the database took %s", time.Since(start))
			if err := far.View(t.Context(), func(r store.Reader) error {
				if !r.Status(record(serial + 3).Key()).Issued {
					t.Error("the view does not see what was acknowledged")
				}
				return nil
			}); err != nil {
				t.Errorf("a view: %v", err)
			}
		})
	}
}
