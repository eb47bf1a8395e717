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
	// one that changes while others are deleted stays
	changing := New(changingStore{docs, t}, time.Now)
	if n, err := changing.DropEnded(t.Context(), passing); err != nil || n != 1199 {
		t.Errorf("%d documents beside one that changes, %v", n, err)
	}
	if n, err := c.DropEnded(t.Context(), passing); err != nil || n != 1 {
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

// changingStore writes document 7 each time after all were read.
type changingStore struct {
	store.DocumentStore
	t *testing.T
}

func (s changingStore) ScanDocuments(
	ctx context.Context,
	kind store.DocumentKind,
	prefix string,
) ([]store.Document, error) {
	docs, err := s.DocumentStore.ScanDocuments(ctx, kind, prefix)
	write := store.DocumentWrite{Kind: kind, Key: "7", Value: []byte("changed"), Expires: time.Now().Add(time.Hour)}
	if _, err := s.WriteDocuments(ctx, "", write); err != nil {
		s.t.Error(err)
	}
	return docs, err
}
