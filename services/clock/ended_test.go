package clock

import (
	"context"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/ca/store/bolt"
)

// What has ended by a clock that was moved is deleted, and what has not, or never ends, stays.
func TestDropEnded(t *testing.T) {
	db := bolt.Open(filepath.Join(t.TempDir(), "igc.db"), bolt.Options{})
	if err := db.Lock(time.Second); err != nil {
		t.Fatal(err)
	}
	defer db.Unlock()
	docs := store.DocumentsOf(db, "test")
	c := New(docs, time.Now)
	passing, other := store.DocumentKind{Name: "passing"}, store.DocumentKind{Name: "other"}
	var writes []store.DocumentWrite
	for i := range 1200 {
		writes = append(writes, store.DocumentWrite{Kind: passing, Key: strconv.Itoa(i),
			Expires: time.Now().Add(time.Hour)})
	}
	writes = append(writes, store.DocumentWrite{Kind: passing, Key: "later", Expires: time.Now().Add(3 * time.Hour)},
		store.DocumentWrite{Kind: passing, Key: "never"}, store.DocumentWrite{Kind: other, Key: "x",
			Expires: time.Now().Add(time.Hour)})
	if _, err := docs.WriteDocuments(t.Context(), "", writes...); err != nil {
		t.Fatal(err)
	}
	if n, err := c.DropEnded(t.Context(), passing); err != nil || n != 0 {
		t.Errorf("%d documents, %v", n, err)
	}
	tick := make(chan time.Time)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	moved := c.Moved(ctx, tick)
	tick <- time.Now()
	if _, err := New(docs, time.Now).Forward(t.Context(), "test", 2*time.Hour); err != nil { // another process
		t.Fatal(err)
	}
	tick <- time.Now()
	select {
	case <-moved:
	case <-time.After(time.Minute):
		t.Fatal("the clock has not moved")
	}
	if n, err := c.DropEnded(t.Context(), passing); err != nil || n != 1200 {
		t.Errorf("%d documents, %v", n, err)
	}
	for _, kind := range []store.DocumentKind{passing, other} {
		left, err := docs.ScanDocuments(t.Context(), kind, "")
		if err != nil {
			t.Fatal(err)
		}
		if want := map[string]int{"passing": 2, "other": 1}[kind.Name]; len(left) != want {
			t.Errorf("%d documents of kind %s are left", len(left), kind.Name)
		}
	}
}
