package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/igc-lab/igc/ca/store/crlentry"
)

// expiries is a bucket that orders the certificates on the list by the end of their validity: the
// key is that time (8 bytes) and the serial number, the value is empty. So those that expired are
// found without a walk of the list. kIndexed counts the keys. A lab made by an earlier version has
// neither; where the count is not that of the list, the index is made anew when it is first asked
// for.

func expiryKey(serial []byte, s *status) []byte {
	return append(u64(uint64(s.time(10).Unix())), serial...)
}

// indexExpiry adds a certificate that was put on the list. A lab without an index goes on without.
func indexExpiry(b *bbolt.Bucket, serial []byte, s *status) error {
	index := b.Bucket(bExpiries)
	if index == nil {
		return nil
	}
	return errors.Join(index.Put(expiryKey(serial, s), nil), putNumber(b, kIndexed, number(b, kIndexed)+1))
}

// unindexExpiry removes a certificate that was taken off the list.
func unindexExpiry(b *bbolt.Bucket, serial []byte, s *status) error {
	index := b.Bucket(bExpiries)
	if index == nil || number(b, kIndexed) == 0 {
		return nil
	}
	return errors.Join(index.Delete(expiryKey(serial, s)), putNumber(b, kIndexed, number(b, kIndexed)-1))
}

// checkExpiries makes the index anew unless it holds as many certificates as the list.
func checkExpiries(b *bbolt.Bucket) error {
	if b.Bucket(bExpiries) != nil && number(b, kIndexed) == number(b, kListed) {
		return nil
	}
	if err := errors.Join(emptyBucket(b, bExpiries), putNumber(b, kIndexed, 0)); err != nil {
		return err
	}
	var keys [][]byte
	if err := eachEntry(b, func(serial []byte, s *status) error {
		keys = append(keys, expiryKey(serial, s))
		return nil
	}); err != nil {
		return err
	}
	slices.SortFunc(keys, bytes.Compare) // bbolt splits no page before the commit: out of order, this would be quadratic
	index := b.Bucket(bExpiries)
	index.FillPercent = 0.9
	for _, k := range keys {
		if err := index.Put(k, nil); err != nil {
			return err
		}
	}
	n := uint64(len(keys))
	return errors.Join(putNumber(b, kIndexed, n), putNumber(b, kListed, n))
}

// expiredBatch bounds the certificates that dropExpired holds in memory. Tests take less.
var expiredBatch = 20000

// dropExpired takes the certificates off the list that expired before that time and were put on it
// by that revision. It costs as much as they are many, and rewrites each chunk that they stand in
// once a batch. Their status stays.
func dropExpired(b *bbolt.Bucket, before time.Time, listedBy, revision uint64) error {
	if err := checkExpiries(b); err != nil {
		return err
	}
	var from []byte
	for {
		gone, next, err := expired(b, from, before, listedBy)
		if err != nil {
			return err
		}
		if err := dropBatch(b, gone, revision); err != nil {
			return err
		}
		if next == nil {
			return nil
		}
		from = next
	}
}

// expired lists certificates in the order of their ends, those from that key on; next is where to
// go on, nil for nowhere.
func expired(b *bbolt.Bucket, from []byte, before time.Time, listedBy uint64) (keys [][]byte, next []byte, err error) {
	c := b.Bucket(bExpiries).Cursor()
	for k, _ := c.Seek(from); k != nil && binary.BigEndian.Uint64(k) < uint64(before.Unix()); k, _ = c.Next() {
		if len(keys) == expiredBatch {
			return keys, bytes.Clone(k), nil
		}
		if _, s, _ := statusOf(b, k[8:]); s.order() <= listedBy {
			keys = append(keys, bytes.Clone(k))
		}
	}
	return keys, nil, nil
}

// dropBatch takes the certificates of those keys of the index off the list.
func dropBatch(b *bbolt.Bucket, keys [][]byte, revision uint64) error {
	list, index := entries{b.Bucket(bEntries)}, b.Bucket(bExpiries)
	gone := map[string]bool{}
	chunks := map[string]bool{}
	for _, k := range keys {
		serial := k[8:]
		_, s, ok := statusOf(b, serial)
		if v := s.revocation(); ok && v != nil {
			gone[string(bytes.TrimLeft(serial, "\x00"))] = true
			chunk, _ := list.chunk(entryKey(v.At, s.order()))
			chunks[string(chunk)] = true
		}
		if err := index.Delete(k); err != nil {
			return err
		}
	}
	left := uint64(0)
	for k := range chunks {
		n, err := list.filter([]byte(k), revision, gone)
		if err != nil {
			return err
		}
		left += uint64(n)
	}
	return errors.Join(putNumber(b, kIndexed, number(b, kIndexed)-uint64(len(keys))), putNumber(b, kListed, number(b, kListed)-left))
}

// filter takes those serial numbers out of a chunk, and tells how many there were.
func (e entries) filter(key []byte, revision uint64, gone map[string]bool) (n int, err error) {
	v := e.Get(key)
	if v == nil {
		return 0, nil
	}
	der, err := parseChunk(key, v)
	if err != nil {
		return 0, err
	}
	stay, n, ok := crlentry.Without(der, gone)
	if !ok {
		return 0, damage("entries of a CRL at %X", key)
	}
	switch {
	case n == 0:
		return 0, nil
	case len(stay) == 0:
		return n, e.Delete(key)
	}
	return n, e.put(key, revision, stay)
}
