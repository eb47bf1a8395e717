package bolt

import (
	"encoding/binary"

	"go.etcd.io/bbolt"
)

var (
	bLab         = []byte("lab")
	bAuthorities = []byte("authorities")
	bCerts       = []byte("certs")
	bSerials     = []byte("serials")
	bEntries     = []byte("entries")
	bChanges     = []byte("changes")
	bExpiries    = []byte("expiries")
	bIssued      = []byte("issued")
	bCards       = []byte("cards")
	bHolders     = []byte("holders")
	bFeed        = []byte("feed")
	bDocuments   = []byte("documents")
	bEnds        = []byte("document ends")
	kFormat      = []byte("format")
	kCertificate = []byte("certificate")
	kRevision    = []byte("revision")
	kLists       = []byte("lists")
	kListed      = []byte("listed")
	kIndexed     = []byte("indexed")
	kForm        = []byte("form")
)

func u64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// number reads a number, 0 when there is none. Its checksum follows it, unless it was written
// before there were any.
func number(b *bbolt.Bucket, key []byte) uint64 {
	v := b.Get(key)
	if err := checkNumber(key, v); err != nil {
		panic(err)
	}
	if v == nil {
		return 0
	}
	return binary.BigEndian.Uint64(v)
}

func checkNumber(key, v []byte) error {
	if len(v) == 0 || len(v) == 8 || len(v) == 12 && binary.BigEndian.Uint32(v[8:]) == checksum(key, v[:8]) {
		return nil
	}
	return damage("the number %q", key)
}

func putNumber(b *bbolt.Bucket, key []byte, n uint64) error {
	v := u64(n)
	return b.Put(key, binary.BigEndian.AppendUint32(v, checksum(key, v)))
}

func increment(b *bbolt.Bucket, key []byte) (uint64, error) {
	n := number(b, key) + 1
	return n, putNumber(b, key, n)
}

// bucket returns the authority's bucket, nil when the lab has no such authority. The four that
// addAuthority makes are in it.
func bucket(tx *bbolt.Tx, authority string) *bbolt.Bucket {
	all := tx.Bucket(bAuthorities)
	if all == nil {
		return nil
	}
	b := all.Bucket([]byte(authority))
	if b == nil {
		return nil
	}
	for _, name := range authorityBuckets {
		if b.Bucket(name) == nil {
			panic(damage("%s has no %s", authority, name))
		}
	}
	return b
}

var authorityBuckets = [][]byte{bCerts, bSerials, bEntries, bChanges}
