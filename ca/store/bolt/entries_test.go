package bolt

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/ca/store/crlentry"
)

// Entries stay in the order of their dates, and as they came within one, whatever is added and
// removed, also by chunks that split and join; and no chunk grows beyond its size by more than an
// entry.
func TestEntriesAgainstAList(t *testing.T) {
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "db"), 0o600, &bbolt.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	type entry struct {
		at     time.Time
		order  uint64
		serial []byte
		der    []byte
	}
	var model []entry
	random := rand.New(rand.NewPCG(1, 2))
	base := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	order := uint64(0)
	for round := range 60 {
		err := db.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists(bEntries)
			if err != nil {
				return err
			}
			for range 100 {
				if len(model) > 0 && random.IntN(3) == 0 {
					i := random.IntN(len(model))
					if n, err := (entries{b}).remove(model[i].at, model[i].order, order, model[i].serial); err != nil || n != len(model[i].der) {
						return fmt.Errorf("remove: %d, %v", n, err)
					}
					model = slices.Delete(model, i, i+1)
					continue
				}
				order++
				// many share a date; some come before all others; one in a while is after 2050
				at := base.Add(time.Duration(random.IntN(40)) * time.Hour)
				switch random.IntN(50) {
				case 0:
					at = base.Add(-time.Duration(order) * time.Hour)
				case 1:
					at = base.AddDate(40, 0, int(order))
				}
				serial := make([]byte, 16)
				for i := range serial {
					serial[i] = byte(random.Uint32())
				}
				serial[0] |= 1
				der, err := store.EncodeEntry(serial, at, round%7, time.Time{}, round%2 == 0)
				if err != nil {
					return err
				}
				if err := (entries{b}).add(at, order, der); err != nil {
					return err
				}
				model = append(model, entry{at, order, serial, der})
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(model, func(a, b entry) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.order, b.order)) })
		var want, got []byte
		for _, e := range model {
			want = append(want, e.der...)
		}
		if err := db.View(func(tx *bbolt.Tx) error {
			return tx.Bucket(bEntries).ForEach(func(k, v []byte) error {
				if v = v[8:]; len(v) == 0 || len(v) > crlentry.ChunkSize+64 {
					t.Errorf("round %d: a chunk of %d bytes at %s", round, len(v), hex.EncodeToString(k))
				}
				got = append(got, v...)
				return nil
			})
		}); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("round %d: the entries are not those of the list, in its order", round)
		}
	}
	if err := db.Update(func(tx *bbolt.Tx) error {
		for _, e := range model {
			if _, err := (entries{tx.Bucket(bEntries)}).remove(e.at, e.order, order, e.serial); err != nil {
				return err
			}
		}
		if k, _ := tx.Bucket(bEntries).Cursor().First(); k != nil {
			t.Error("something is left of an emptied list")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
