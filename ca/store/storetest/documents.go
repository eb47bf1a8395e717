package storetest

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/igc-lab/igc/ca/store"
)

// writtenTogether checks that the writes of one call are all made, or none.
func writtenTogether(s *suite) {
	ctx, d := s.Context(), store.DocumentsOf(s.Store, actor)
	code, session := store.DocumentKind{Name: "code"}, store.DocumentKind{Name: "session", Audited: true}
	none := uint64(0)
	versions, err := d.WriteDocuments(ctx, "",
		store.DocumentWrite{Kind: code, Key: "c", Value: []byte("1"), IfVersion: &none},
		store.DocumentWrite{Kind: session, Key: "s", Value: []byte("1"), IfVersion: &none})
	if err != nil || len(versions) != 2 || versions[0] == 0 || versions[1] == 0 {
		s.Fatalf("versions %d, %v", versions, err)
	}
	redeem := []store.DocumentWrite{
		{Kind: session, Key: "s", Value: []byte("2")},
		{Kind: code, Key: "c", Delete: true, IfVersion: &versions[0]},
	}
	got, err := d.WriteDocuments(ctx, "", redeem...)
	if err != nil || len(got) != 2 || got[1] != 0 || got[0] <= versions[1] {
		s.Errorf("versions %d after %d, %v", got, versions, err)
	}
	redeem[0].Value = []byte("3")
	if _, err := d.WriteDocuments(ctx, "", redeem...); !errors.Is(err, store.ErrSwap) {
		s.Errorf("a second time: %v", err)
	}
	if doc, err := d.GetDocument(ctx, session, "s"); err != nil || string(doc.Value) != "2" {
		s.Errorf("%q, %v: the first write of a call that failed was made", doc.Value, err)
	}
	if docs, err := d.ScanDocuments(ctx, code, ""); err != nil || len(docs) != 0 {
		s.Errorf("%v, %v", docs, err)
	}
}

// documents are written, read, scanned, deleted, and end.
func documents(s *suite) {
	ctx := s.Context()
	d := store.Documents{Store: store.DocumentsOf(s.Store, "test"), Kind: store.DocumentKind{Name: "session"}}
	other := store.Documents{Store: store.DocumentsOf(s.Store, "test"), Kind: store.DocumentKind{Name: "session.old"}}
	for _, key := range []string{"b/1", "a/2", "a/1", "c"} {
		if _, err := d.Put(ctx, actor, key, []byte("value of "+key), time.Time{}); err != nil {
			s.Fatal(err)
		}
	}
	if _, err := other.Put(ctx, actor, "a/3", nil, time.Time{}); err != nil {
		s.Fatal(err)
	}
	keys := func(prefix string) string {
		s.Helper()
		docs, err := d.Scan(ctx, prefix)
		if err != nil {
			s.Fatal(err)
		}
		var all []string
		for _, doc := range docs {
			if string(doc.Value) != "value of "+doc.Key {
				s.Errorf("%q has the value %q", doc.Key, doc.Value)
			}
			all = append(all, doc.Key)
		}
		return strings.Join(all, " ")
	}
	if got := keys("a/"); got != "a/1 a/2" {
		s.Errorf("with a/ begin %s", got)
	}
	if got := keys(""); got != "a/1 a/2 b/1 c" {
		s.Errorf("all are %s", got)
	}
	for _, test := range []struct {
		prefix, after string
		limit         int
		want          string
	}{
		{"", "", 3, "a/1 a/2 b/1"}, {"", "a/2", 3, "b/1 c"}, {"", "a/11", 1, "a/2"}, {"a/", "", 1, "a/1"},
		{"a/", "a/1", 9, "a/2"}, {"a/", "a/2", 9, ""}, {"b", "a/1", 9, "b/1"}, {"a/", "b/1", 9, ""}, {"", "c", 9, ""},
	} {
		docs, err := d.Page(ctx, test.prefix, test.after, test.limit)
		var got []string
		for _, doc := range docs {
			got = append(got, doc.Key)
		}
		if err != nil || strings.Join(got, " ") != test.want {
			s.Errorf("%+v: %v, %v", test, got, err)
		}
	}
	if err := d.Delete(ctx, actor, "c"); err != nil {
		s.Fatal(err)
	}
	if err := d.Delete(ctx, actor, "c"); err != nil {
		s.Errorf("a second time: %v", err)
	}
	if _, err := d.Get(ctx, "c"); store.KindOf(err) != store.NotFound {
		s.Errorf("a deleted document: %v", err)
	}
	if _, err := d.Put(ctx, actor, "a/1", []byte("value of a/1"), s.clock().Add(time.Minute)); err != nil {
		s.Fatal(err)
	}
	if doc, err := d.Get(ctx, "a/1"); err != nil || !doc.Expires.Equal(s.clock().Add(time.Minute)) {
		s.Errorf("%+v, %v", doc, err)
	}
	s.forward(time.Minute)
	if _, err := d.Get(ctx, "a/1"); store.KindOf(err) != store.NotFound {
		s.Errorf("an expired document: %v", err)
	}
	if got := keys(""); got != "a/2 b/1" {
		s.Errorf("left are %s", got)
	}
	for _, want := range []int{1, 0} {
		s.update(func(tx store.Tx) error {
			if n, err := tx.DropExpiredDocuments(10); err != nil || n != want {
				s.Errorf("%d dropped, %v; want %d", n, err, want)
			}
			return nil
		})
	}
	if n := len(s.feed()); n != 1 {
		s.Errorf("%d changes: documents of a kind that is not audited are among them", n)
	}
	for _, bad := range []string{"", strings.Repeat("k", 1<<16)} {
		if _, err := d.Put(ctx, actor, bad, nil, time.Time{}); store.KindOf(err) != store.Invalid {
			s.Errorf("a key of %d bytes: %v", len(bad), err)
		}
	}
}

// swap: of many that change one document at once none is lost, and a version does not come again.
func swap(s *suite) {
	ctx := s.Context()
	d := store.Documents{Store: store.DocumentsOf(s.Store, "test"), Kind: store.DocumentKind{Name: "counter"}}
	const writers, rounds = 8, 20
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for done := 0; done < rounds; {
				doc, err := d.Get(ctx, "n")
				if err != nil && store.KindOf(err) != store.NotFound {
					s.Error(err)
					return
				}
				_, err = d.Swap(ctx, actor, "n", doc.Version, append(doc.Value, 'x'), time.Time{})
				switch {
				case err == nil:
					done++
				case !errors.Is(err, store.ErrSwap):
					s.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	doc, err := d.Get(ctx, "n")
	if err != nil || len(doc.Value) != writers*rounds {
		s.Errorf("counted to %d, %v; want %d", len(doc.Value), err, writers*rounds)
	}
	if err := d.Delete(ctx, actor, "n"); err != nil {
		s.Fatal(err)
	}
	if _, err := d.Swap(ctx, actor, "n", doc.Version, nil, time.Time{}); !errors.Is(err, store.ErrSwap) {
		s.Errorf("a deleted document was swapped: %v", err)
	}
	again, err := d.Swap(ctx, actor, "n", 0, nil, time.Time{})
	if err != nil || again <= doc.Version {
		s.Errorf("version %d after a deletion, want more than %d (%v)", again, doc.Version, err)
	}
	if _, err := d.Swap(ctx, actor, "n", 0, nil, time.Time{}); !errors.Is(err, store.ErrSwap) {
		s.Errorf("made twice: %v", err)
	}
}

// leases are one's at a time, end by themselves, and their fence grows.
func leases(s *suite) {
	ctx := s.Context()
	first, err := store.Acquire(ctx, s.Store, "crl", time.Minute)
	if err != nil {
		s.Fatal(err)
	}
	if _, err := store.Acquire(ctx, s.Store, "crl", time.Minute); !errors.Is(err, store.ErrLeaseHeld) {
		s.Errorf("held by two: %v", err)
	}
	if _, err := store.Acquire(ctx, s.Store, "mail", time.Minute); err != nil {
		s.Errorf("another lease: %v", err)
	}
	s.forward(30 * time.Second)
	if err := first.Renew(ctx); err != nil {
		s.Error(err)
	}
	s.forward(45 * time.Second)
	if _, err := store.Acquire(ctx, s.Store, "crl", time.Minute); !errors.Is(err, store.ErrLeaseHeld) {
		s.Errorf("a renewed lease was taken: %v", err)
	}
	s.forward(2 * time.Minute)
	second, err := store.Acquire(ctx, s.Store, "crl", time.Minute)
	if err != nil {
		s.Fatalf("an ended lease: %v", err)
	}
	if second.Fence() <= first.Fence() {
		s.Errorf("fence %d after %d", second.Fence(), first.Fence())
	}
	if err := first.Renew(ctx); !errors.Is(err, store.ErrLeaseHeld) {
		s.Errorf("a lost lease was renewed: %v", err)
	}
	if err := first.Release(ctx); err != nil {
		s.Error(err)
	}
	if _, err := store.Acquire(ctx, s.Store, "crl", time.Minute); !errors.Is(err, store.ErrLeaseHeld) {
		s.Errorf("the former holder released the present one's: %v", err)
	}
	if err := second.Release(ctx); err != nil {
		s.Error(err)
	}
	third, err := store.Acquire(ctx, s.Store, "crl", time.Minute)
	if err != nil || third.Fence() <= second.Fence() {
		s.Errorf("after a release: %v", err)
	}
}

// documentsAtOnce are written and read by several at once: a reader never sees one go back, and
// after a write has returned it is what is read.
func documentsAtOnce(s *suite) {
	ctx := s.Context()
	d := store.Documents{Store: store.DocumentsOf(s.Store, "test"), Kind: store.DocumentKind{Name: "session"}}
	keys := []string{"a", "b", "c"}
	var writers, readers sync.WaitGroup
	for _, key := range keys {
		writers.Go(func() {
			for i := range 50 {
				var err error
				var version uint64
				if i%7 == 6 {
					err = d.Delete(ctx, actor, key)
				} else {
					version, err = d.Put(ctx, actor, key, []byte(strconv.Itoa(i)), time.Time{})
				}
				if err != nil {
					s.Error(err)
					return
				}
				doc, err := d.Get(ctx, key)
				if version == 0 && store.KindOf(err) != store.NotFound || version > 0 && (err != nil ||
					doc.Version != version || string(doc.Value) != strconv.Itoa(i)) {
					s.Errorf("after the write of %d: %+v, %v", version, doc, err)
				}
			}
		})
	}
	done := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			seen := map[string]uint64{}
			for {
				for _, key := range keys {
					doc, err := d.Get(ctx, key)
					switch {
					case store.KindOf(err) == store.NotFound && err != nil:
					case err != nil:
						s.Error(err)
						return
					case doc.Version < seen[key]:
						s.Errorf("%s is of version %d after %d", key, doc.Version, seen[key])
					default:
						seen[key] = doc.Version
						doc.Value[0] = 'x' // a copy: the next reader sees nothing of it
					}
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
}
