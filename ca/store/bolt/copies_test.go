package bolt

import (
	"context"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca/store"
)

// Copies of documents are bounded, and none outlives what it is a copy of: a write, the end of the
// document, the file.
func TestCopies(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	path := filepath.Join(t.TempDir(), "igc.db")
	s := Open(path, Options{Now: func() time.Time { return now }})
	if err := s.Lock(time.Second); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	d := store.Documents{Store: store.DocumentsOf(s, "test"), Kind: store.DocumentKind{Name: "kind"}}
	put := func(key, value string, expires time.Time) {
		t.Helper()
		if _, err := d.Put(ctx, "", key, []byte(value), expires); err != nil {
			t.Fatal(err)
		}
	}
	// reads reads a document twice: the second time from a copy.
	reads := func(when, key, want string) {
		t.Helper()
		for range 2 {
			doc, err := d.Get(ctx, key)
			absent := store.KindOf(err) == store.NotFound && err != nil
			if string(doc.Value) != want || absent != (want == "") {
				t.Errorf("%s, %s is %q, %v", when, key, doc.Value, err)
			}
		}
	}
	kept := func() int { return len(s.copies.known) }
	reads("before it is written", "a", "")
	put("a", "1", time.Time{})
	reads("written", "a", "1")
	put("a", "2", now.Add(time.Minute))
	reads("written again", "a", "2")
	now = now.Add(time.Minute)
	reads("at its end", "a", "")
	if err := s.Update(ctx, "test", func(tx store.Tx) error {
		_, err := tx.DropExpiredDocuments(10)
		return err
	}); err != nil || kept() != 0 {
		t.Errorf("%d copies of what was dropped, %v", kept(), err)
	}
	put("b", "1", time.Time{})
	reads("of a write that fails", "b", "1")
	one := uint64(1)
	if _, err := d.Store.WriteDocuments(ctx, "", store.DocumentWrite{Kind: d.Kind, Key: "b", Value: []byte("2")},
		store.DocumentWrite{Kind: d.Kind, Key: "c", Value: []byte("2"), IfVersion: &one}); err == nil {
		t.Error("a swap of what is not there")
	}
	reads("after a write that failed", "b", "1")

	if err := s.Unlock(); err != nil {
		t.Fatal(err)
	}
	other := store.Documents{Store: store.DocumentsOf(Open(path, Options{}), "test"), Kind: d.Kind}
	if _, err := other.Put(ctx, "", "b", []byte("other"), time.Time{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Lock(time.Second); err != nil {
		t.Fatal(err)
	}
	defer s.Unlock()
	reads("written by another process meanwhile", "b", "other")

	large := strings.Repeat("x", maxCopies/8)
	for i := range 20 {
		put(strconv.Itoa(i), large, time.Time{})
		reads("large", strconv.Itoa(i), large)
		d.Get(ctx, "absent"+strconv.Itoa(i))
		if s.copies.size > maxCopies || kept() > maxCopies/copyCost {
			t.Fatalf("%d copies of %d bytes", kept(), s.copies.size)
		}
	}
	if kept() == 0 {
		t.Error("no copies")
	}
}
