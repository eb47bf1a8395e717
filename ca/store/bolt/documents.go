package bolt

import (
	"bytes"
	"encoding/binary"
	"iter"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"github.com/igc-lab/igc/ca/store"
)

// A document is stored as its version (8 bytes), its expiry (seconds since 1970 in 8 bytes, 0 for
// never), a checksum of its key and of all the rest (4 bytes) and its value.
const documentHead = 20

func parseDocument(key, v []byte) (d store.Document, err error) {
	if len(v) < documentHead || binary.BigEndian.Uint32(v[16:]) != checksum(key, v[:16], v[documentHead:]) {
		return d, damage("the document %q", key)
	}
	d = store.Document{Key: string(key), Version: binary.BigEndian.Uint64(v), Value: bytes.Clone(v[documentHead:])}
	if end := binary.BigEndian.Uint64(v[8:]); end != 0 {
		d.Expires = time.Unix(int64(end), 0).UTC()
	}
	return d, nil
}

func encodeDocument(d store.Document) []byte {
	v := u64(d.Version)
	end := uint64(0)
	if !d.Expires.IsZero() {
		end = uint64(d.Expires.Unix())
	}
	v = binary.BigEndian.AppendUint64(v, end)
	v = binary.BigEndian.AppendUint32(v, checksum([]byte(d.Key), v, d.Value))
	return append(v, d.Value...)
}

// endKey is where the index of expiries names a document.
func endKey(kind string, d store.Document) []byte {
	return append(u64(uint64(d.Expires.Unix())), kind+"\x00"+d.Key...)
}

// kindBucket is the bucket of a kind, nil when there is none.
func (t *tx) kindBucket(kind string) *bbolt.Bucket {
	b := t.Bucket(bDocuments)
	if b == nil {
		return nil
	}
	return b.Bucket([]byte(kind))
}

// stored reads a document, expired or not; ok is false when there is none.
func (t *tx) stored(kind, key string) (d store.Document, ok bool, err error) {
	b := t.kindBucket(kind)
	if b == nil {
		return d, false, nil
	}
	v := b.Get([]byte(key))
	if v == nil {
		return d, false, nil
	}
	d, err = parseDocument([]byte(key), v)
	return d, err == nil, err
}

func (t *tx) expired(d store.Document) bool { return ended(d, t.Now()) }

// ended tells whether a document has expired.
func ended(d store.Document, now time.Time) bool {
	return !d.Expires.IsZero() && !now.Before(d.Expires)
}

func noDocument(kind, key string) error { return store.Errorf(store.NotFound, "no %s %q", kind, key) }

func (t *tx) Document(kind, key string) (store.Document, error) {
	d, ok, err := t.stored(kind, key)
	switch {
	case err != nil:
		return d, err
	case !ok || t.expired(d):
		return store.Document{}, noDocument(kind, key)
	}
	return d, nil
}

func (t *tx) Documents(kind, prefix string) iter.Seq2[store.Document, error] {
	return t.DocumentsAfter(kind, prefix, "")
}

func (t *tx) DocumentsAfter(kind, prefix, after string) iter.Seq2[store.Document, error] {
	return func(yield func(store.Document, error) bool) {
		b := t.kindBucket(kind)
		if b == nil {
			return
		}
		c := b.Cursor()
		k, v := c.Seek([]byte(max(prefix, after)))
		if after != "" && string(k) == after {
			k, v = c.Next()
		}
		for ; k != nil && bytes.HasPrefix(k, []byte(prefix)); k, v = c.Next() {
			d, err := parseDocument(k, v)
			if err == nil && t.expired(d) {
				continue
			}
			if !yield(d, err) || err != nil {
				return
			}
		}
	}
}

// maxKey bounds the key of a document and the name of its kind, as bbolt bounds keys.
const maxKey = 1 << 10

func (t *tx) PutDocument(kind store.DocumentKind, key string, value []byte, expires time.Time, ifVersion *uint64) (uint64, error) {
	if key == "" || kind.Name == "" || len(key) > maxKey || len(kind.Name) > maxKey || strings.Contains(kind.Name, "\x00") {
		return 0, store.Errorf(store.Invalid, "%q is not a key for a document of kind %q", key, kind.Name)
	}
	former, err := t.swap(kind.Name, key, ifVersion)
	if err != nil {
		return 0, err
	}
	t.store.copies.forget(documentKey{kind.Name, key})
	all, err := t.CreateBucketIfNotExists(bDocuments)
	if err != nil {
		return 0, err
	}
	b, err := all.CreateBucketIfNotExists([]byte(kind.Name))
	if err != nil {
		return 0, err
	}
	ends, err := t.CreateBucketIfNotExists(bEnds)
	if err != nil {
		return 0, err
	}
	d := store.Document{Key: key, Value: value, Expires: expires.UTC().Truncate(time.Second)}
	if expires.IsZero() {
		d.Expires = time.Time{}
	}
	if d.Version, err = b.NextSequence(); err != nil {
		return 0, err
	}
	if !former.Expires.IsZero() {
		if err := ends.Delete(endKey(kind.Name, former)); err != nil {
			return 0, err
		}
	}
	if !d.Expires.IsZero() {
		k := endKey(kind.Name, d)
		if err := ends.Put(k, binary.BigEndian.AppendUint32(nil, checksum(k))); err != nil {
			return 0, err
		}
	}
	if err := b.Put([]byte(key), encodeDocument(d)); err != nil {
		return 0, err
	}
	if !kind.Audited {
		return d.Version, nil
	}
	return d.Version, t.Append(store.Change{Kind: store.DocumentPut, Document: kind.Name + "/" + key, Version: d.Version})
}

// swap reads the stored document and compares its version with the one asked for. An expired one
// counts as absent.
func (t *tx) swap(kind, key string, ifVersion *uint64) (store.Document, error) {
	former, ok, err := t.stored(kind, key)
	if err != nil {
		return former, err
	}
	present := former.Version
	if !ok || t.expired(former) {
		present = 0
	}
	if ifVersion != nil && *ifVersion != present {
		return former, store.ErrSwap
	}
	return former, nil
}

func (t *tx) DeleteDocument(kind store.DocumentKind, key string, ifVersion *uint64) error {
	former, err := t.swap(kind.Name, key, ifVersion)
	if err != nil || former.Version == 0 {
		return err
	}
	if err := t.drop(kind.Name, former); err != nil || !kind.Audited {
		return err
	}
	return t.Append(store.Change{Kind: store.DocumentDeleted, Document: kind.Name + "/" + key, Version: former.Version})
}

// drop takes a document and its place in the index of expiries out.
func (t *tx) drop(kind string, d store.Document) error {
	t.store.copies.forget(documentKey{kind, d.Key})
	if !d.Expires.IsZero() {
		if err := t.Bucket(bEnds).Delete(endKey(kind, d)); err != nil {
			return err
		}
	}
	return t.kindBucket(kind).Delete([]byte(d.Key))
}

func (t *tx) DropExpiredDocuments(limit int) (n int, err error) {
	b := t.Bucket(bEnds)
	if b == nil {
		return 0, nil
	}
	var gone [][]byte
	c := b.Cursor()
	for k, _ := c.First(); len(k) > 8 && len(gone) < limit && int64(binary.BigEndian.Uint64(k)) <= t.Now().Unix(); k, _ = c.Next() {
		gone = append(gone, bytes.Clone(k))
	}
	for _, k := range gone {
		kind, key, _ := strings.Cut(string(k[8:]), "\x00")
		d, ok, err := t.stored(kind, key)
		switch {
		case err != nil:
			return n, err
		case !ok:
			return n, damage("the expiries of documents name %q, which is not there", key)
		}
		if err := t.drop(kind, d); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
