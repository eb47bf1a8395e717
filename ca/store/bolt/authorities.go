package bolt

import (
	"bytes"
	"encoding/binary"
	"slices"

	"go.etcd.io/bbolt"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/ca/store"
)

// certificateOf is the certificate of the authority whose bucket it is.
func certificateOf(b *bbolt.Bucket) []byte {
	der, err := parseAuthority(b.Get(kCertificate))
	if err != nil {
		panic(err)
	}
	return der
}

// parseAuthority takes the certificate of an authority from its value. A checksum follows it,
// unless it was written before there were any.
func parseAuthority(v []byte) ([]byte, error) {
	rest := cryptobyte.String(v)
	var der cryptobyte.String
	if !rest.ReadASN1Element(&der, cbasn1.SEQUENCE) || len(rest) != 0 && (len(rest) != 4 || binary.BigEndian.Uint32(rest) != checksum(der)) {
		return nil, damage("the certificate of an authority")
	}
	return der, nil
}

// addAuthority gives the lab an authority. It never replaces one.
func addAuthority(tx *bbolt.Tx, id string, der []byte) error {
	all, err := tx.CreateBucketIfNotExists(bAuthorities)
	if err != nil {
		return err
	}
	b, err := all.CreateBucket([]byte(id))
	if err != nil {
		return store.Errorf(store.Conflict, "the lab has %s already", id)
	}
	for _, name := range append(slices.Clone(authorityBuckets), bExpiries) {
		if _, err := b.CreateBucket(name); err != nil {
			return err
		}
	}
	return b.Put(kCertificate, binary.BigEndian.AppendUint32(bytes.Clone(der), checksum(der)))
}
