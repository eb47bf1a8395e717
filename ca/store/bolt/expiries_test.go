package bolt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/igc-lab/igc/ca/store"
)

// crlBucket makes the buckets of an authority's list, as an earlier version made them or as this
// one does.
func crlBucket(tx *bbolt.Tx, indexed bool) (*bbolt.Bucket, error) {
	b, err := tx.CreateBucket([]byte("ACI"))
	if err != nil {
		return nil, err
	}
	names := [][]byte{bSerials, bEntries, bChanges}
	if indexed {
		names = append(names, bExpiries)
	}
	for _, name := range names {
		if _, err := b.CreateBucket(name); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// putListed records a certificate that ends then, and puts it on the list at that revision.
func putListed(b *bbolt.Bucket, serial []byte, revoked, notAfter time.Time, revision uint64) error {
	s := newStatus(notAfter)
	s.revoke(store.Revocation{At: revoked, Reason: "superseded"}, revision)
	if err := b.Bucket(bSerials).Put(serial, append(u64(revision), s[:]...)); err != nil {
		return err
	}
	return addEntry(b, serial, &s)
}

// listed reads the list: the serial numbers in their order, and how many it is said to hold.
func listed(b *bbolt.Bucket) (serials []string, n uint64, err error) {
	err = eachEntry(b, func(serial []byte, _ *status) error {
		serials = append(serials, string(serial))
		return nil
	})
	return serials, number(b, kListed), err
}

// What expired leaves the list, whatever its form, in a lab with an index, in one of an earlier
// version, which has none, and in one in which an earlier version worked meanwhile; what stays
// keeps its order, and the count is right.
func TestDropExpired(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	random := rand.New(rand.NewPCG(3, 4))
	defer func(all int) { expiredBatch = all }(expiredBatch)
	expiredBatch = 500
	const n, days = 2000, 400
	for _, name := range []string{"indexed", "earlier version", "earlier version meanwhile"} {
		t.Run(name, func(t *testing.T) {
			db, err := bbolt.Open(filepath.Join(t.TempDir(), "db"), 0o600, &bbolt.Options{NoSync: true})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			ends, listedAt := map[string]time.Time{}, map[string]uint64{}
			var order []string
			do := func(f func(b *bbolt.Bucket) error) {
				t.Helper()
				if err := db.Update(func(tx *bbolt.Tx) error { return f(tx.Bucket([]byte("ACI"))) }); err != nil {
					t.Fatal(err)
				}
			}
			if err := db.Update(func(tx *bbolt.Tx) error {
				_, err := crlBucket(tx, name != "earlier version")
				return err
			}); err != nil {
				t.Fatal(err)
			}
			do(func(b *bbolt.Bucket) error {
				for i := range n {
					serial := binary.BigEndian.AppendUint64([]byte{7}, random.Uint64())
					end := begin.Add(time.Duration(random.IntN(days*24)) * time.Hour)
					ends[string(serial)], listedAt[string(serial)] = end, uint64(i+1)
					order = append(order, string(serial))
					if err := putListed(b, serial, begin.Add(time.Duration(i)*time.Second), end, uint64(i+1)); err != nil {
						return err
					}
				}
				return nil
			})
			if name == "earlier version meanwhile" { // it takes one off the list and leaves it in the index
				do(func(b *bbolt.Bucket) error {
					_, s, _ := statusOf(b, []byte(order[0]))
					if err := removeEntry(b, []byte(order[0]), &s, n+1); err != nil {
						return err
					}
					order = order[1:]
					if err := b.Put(kIndexed, u64(n)); err != nil {
						return err
					}
					return b.Bucket(bExpiries).Put(expiryKey([]byte("stale"), &s), nil)
				})
			}
			check := func(what string) {
				t.Helper()
				do(func(b *bbolt.Bucket) error {
					got, count, err := listed(b)
					if err != nil || !slices.Equal(got, order) || count != uint64(len(order)) {
						t.Errorf("%s: %d entries, said to be %d, want %d, %v", what, len(got), count, len(order), err)
					}
					return nil
				})
			}
			revision := uint64(n + 1)
			for day := 0; day <= days+1; day += 1 + random.IntN(200) {
				before := begin.Add(time.Duration(day) * 24 * time.Hour)
				// those put on it after the revision stay
				by := revision
				if day < 50 {
					by = n / 2
				}
				do(func(b *bbolt.Bucket) error { return dropExpired(b, before, by, revision) })
				order = slices.DeleteFunc(order, func(s string) bool {
					return ends[s].Before(before) && listedAt[s] <= by
				})
				check(fmt.Sprintf("day %d", day))
				form := []store.CRLForm{store.FaithfulCRL, store.RichCRL}[day%2]
				do(func(b *bbolt.Bucket) error { return rebuildEntries(b, form) })
				check(string(form))
				revision++
			}
			do(func(b *bbolt.Bucket) error {
				if err := dropExpired(b, begin.Add(2*days*24*time.Hour), revision, revision); err != nil {
					return err
				}
				if k, _ := b.Bucket(bEntries).Cursor().First(); k != nil || number(b, kListed) != 0 || number(b, kIndexed) != 0 {
					t.Errorf("left: %x, %d listed, %d in the index", k, number(b, kListed), number(b, kIndexed))
				}
				return nil
			})
		})
	}
}

// What a day costs at a million entries of which a thousandth expired: with the index, without it
// (the walk that earlier versions made each day and that this one makes once in a lab of theirs),
// and what a revocation pays for it. IGC_SCALE names another size than 100,000.
func BenchmarkDropExpired(b *testing.B) {
	n := 100_000
	if s := os.Getenv("IGC_SCALE"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	db, err := bbolt.Open(filepath.Join(b.TempDir(), "db"), 0o600, &bbolt.Options{NoSync: true})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	random := rand.New(rand.NewPCG(3, 4))
	update := func(f func(l *bbolt.Bucket) error) time.Duration {
		b.Helper()
		start := time.Now()
		if err := db.Update(func(tx *bbolt.Tx) error { return f(tx.Bucket([]byte("ACI"))) }); err != nil {
			b.Fatal(err)
		}
		return time.Since(start)
	}
	if err := db.Update(func(tx *bbolt.Tx) error { _, err := crlBucket(tx, true); return err }); err != nil {
		b.Fatal(err)
	}
	for i := 0; i < n; i += 2000 {
		update(func(l *bbolt.Bucket) error {
			for i := i; i < min(n, i+2000); i++ {
				serial := binary.BigEndian.AppendUint64(bytes.Repeat([]byte{7}, 8), random.Uint64())
				end := begin.Add(time.Duration(i%1000) * 24 * time.Hour)
				if err := putListed(l, serial, begin.Add(time.Duration(i)*time.Second), end, uint64(i+1)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	day := 0
	for b.Loop() {
		day++
		walk := update(func(l *bbolt.Bucket) error {
			found := 0
			return eachEntry(l, func(_ []byte, s *status) error {
				if s.time(10).Before(begin) {
					found++
				}
				return nil
			})
		})
		index := update(func(l *bbolt.Bucket) error {
			return dropExpired(l, begin.Add(time.Duration(day)*24*time.Hour-time.Second), uint64(n), uint64(n+day))
		})
		anew := update(func(l *bbolt.Bucket) error {
			if err := l.DeleteBucket(bExpiries); err != nil {
				return err
			}
			return checkExpiries(l)
		})
		b.ReportMetric(float64(walk.Microseconds())/1000, "walk-ms")
		b.ReportMetric(float64(index.Microseconds())/1000, "index-ms")
		b.ReportMetric(float64(anew.Microseconds())/1000, "first-index-ms")
		b.ReportMetric(0, "ns/op")
	}
}
