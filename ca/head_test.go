package ca

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// seal is a stored change with the checksum that it should have, as whoever tampers with it would
// write.
func seal(change []byte) []byte {
	return fmt.Appendf(change, "\n%08x", crc32.Checksum(change, crc32.MakeTable(crc32.Castagnoli)))
}

// What is changed in the feed, taken out of it or cut off it is found, and named.
func TestVerifyFeed(t *testing.T) {
	lab := newCA(t, Options{})
	for range 3 {
		if _, err := lab.Issue(t.Context(), cps(t)); err != nil {
			t.Fatal(err)
		}
		if _, err := lab.SignHead(t.Context()); err != nil { // the first makes the key
			t.Fatal(err)
		}
	}
	signed, err := lab.SignHead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	whole, err := VerifyFeed(t.Context(), lab, signed, "")
	if err != nil || whole.Broken != "" || whole.Signed != whole.Entries || whole.Entries < 8 {
		t.Fatalf("%+v, %v", whole, err)
	}
	// the key that was noted elsewhere is the one that the feed names
	if r, err := VerifyFeed(t.Context(), lab, signed, whole.Key); err != nil || r.Broken != "" {
		t.Errorf("with its key: %+v, %v", r, err)
	}
	data, err := os.ReadFile(lab.store.Path())
	if err != nil {
		t.Fatal(err)
	}
	key := func(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
	for name, c := range map[string]struct {
		tamper func(feed *bolt.Bucket) error
		head   []byte
		want   string
	}{
		"a byte changed": {func(feed *bolt.Bucket) error {
			change, _, _ := bytes.Cut(feed.Get(key(4)), []byte("\n"))
			return feed.Put(key(4), seal(bytes.Replace(change, []byte("cli:test"), []byte("cli:anna"), 1)))
		}, signed, "entry 5 of the feed, or the one before it, was changed"},
		"the last changed": {func(feed *bolt.Bucket) error {
			last := whole.Entries
			change, _, _ := bytes.Cut(feed.Get(key(last)), []byte("\n"))
			return feed.Put(key(last), seal(bytes.Replace(change, []byte("cli:test"), []byte("cli:anna"), 1)))
		}, signed, "is not the one that was signed"},
		"an entry removed": {func(feed *bolt.Bucket) error { return feed.Delete(key(5)) }, signed, "entry 5 of the feed is missing"},
		"the tail cut":     {func(feed *bolt.Bucket) error { return feed.Delete(key(whole.Entries)) }, signed, "the end of the feed was cut off"},
		"all of it": {func(feed *bolt.Bucket) error {
			for n := range whole.Entries {
				if err := feed.Delete(key(n + 1)); err != nil {
					return err
				}
			}
			return nil
		}, signed, "names no key"},
		"another head":      {func(*bolt.Bucket) error { return nil }, bytes.Replace(signed, []byte(fmt.Sprint(whole.Entries)), []byte("2"), 1), "audit.head"},
		"a head of no feed": {func(*bolt.Bucket) error { return nil }, []byte("hello\n"), "not the signed head"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(lab.store.Path(), data, 0o600); err != nil {
				t.Fatal(err)
			}
			openFile(t, lab, func(db *bolt.DB) error {
				return db.Update(func(tx *bolt.Tx) error { return c.tamper(tx.Bucket([]byte("feed"))) })
			})
			r, err := VerifyFeed(t.Context(), openCA(lab.home, Options{}), c.head, "")
			if err != nil || !strings.Contains(r.Broken, c.want) {
				t.Errorf("%+v, %v; want %q", r, err, c.want)
			}
		})
	}
}
