package bolt

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/igc-lab/igc/ca/store"
)

// A fault of our own code is none of the database's.
func TestOwnPanic(t *testing.T) {
	for name, do := range map[string]func(){
		"index": func() { var b []byte; _ = b[len(os.Args)] },
		"nil":   func() { var s *Store; _ = s.path },
		"own":   func() { panic("own") },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("the panic was taken for damage")
				}
			}()
			t.Error(guard(func() error { do(); return nil }))
		})
	}
	if err := guard(func() error { panic(damage("x")) }); !errors.As(err, new(*damageError)) {
		t.Errorf("%v", err)
	}
}

var testKind = store.DocumentKind{Name: "test"}

// An operation that fails leaves nothing, and harms none of those that were to be committed with
// it.
func TestFailedOperationInABatch(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "igc.db"), Options{})
	if err := s.Lock(time.Second); err != nil {
		t.Fatal(err)
	}
	defer s.Unlock()
	release := make(chan struct{})
	go s.update(func(*bbolt.Tx) error { <-release; return nil }) // holds the writer until all wait
	five := errors.New("five")
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			err := s.Update(t.Context(), "test", func(tx store.Tx) error {
				if _, err := tx.PutDocument(testKind, fmt.Sprint(i), nil, time.Time{}, nil); err != nil {
					return err
				}
				if i == 5 {
					return five
				}
				return nil
			})
			if (err != nil) != (i == 5) || i == 5 && err.Error() != "five" {
				t.Errorf("operation %d: %v", i, err)
			}
		})
	}
	time.Sleep(50 * time.Millisecond)
	close(release)
	wg.Wait()
	docs, err := store.Documents{Store: store.DocumentsOf(s, "test"), Kind: testKind}.Scan(t.Context(), "")
	if err != nil || len(docs) != 9 || slices.ContainsFunc(docs, func(d store.Document) bool { return d.Key == "5" }) {
		t.Errorf("%v, %v; want all but the fifth", docs, err)
	}
}
