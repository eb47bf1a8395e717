package bolt

import (
	"bytes"

	"go.etcd.io/bbolt"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/ca/store/crlentry"
	"github.com/igc-lab/igc/profiles"
)

// crossCheck holds the parts of the records to each other: every status has its record, every entry
// of an index and of a CRL its status, and there are as many of them as there should be.
func crossCheck(tx *bbolt.Tx) error {
	recorded := 0
	for _, a := range profiles.Authorities() {
		b := bucket(tx, a.ID())
		if b == nil {
			continue
		}
		n, err := crossCheckAuthority(b, a.ID())
		if err != nil {
			return err
		}
		recorded += n
	}
	known := func(authority, serial []byte) error {
		b := bucket(tx, string(authority))
		if b == nil {
			return damage("an index names %X of %q", serial, authority)
		}
		if seq, _, ok := statusOf(b, serial); !ok || seq == 0 {
			return damage("an index names %X of %s, which is not there", serial, authority)
		}
		return nil
	}
	if b := tx.Bucket(bIssued); b != nil {
		if err := b.ForEach(func(_, v []byte) error {
			recorded--
			authority, serial, _ := bytes.Cut(v, []byte{0})
			return known(authority, serial)
		}); err != nil {
			return err
		}
	}
	if recorded != 0 {
		return damage("the order of what was issued lacks %d", recorded)
	}
	for _, index := range [][]byte{bCards, bHolders} {
		b := tx.Bucket(index)
		if b == nil {
			continue
		}
		if err := b.ForEach(func(k, v []byte) error {
			_, rest, _ := bytes.Cut(k, []byte{0})
			authority, serial, _ := bytes.Cut(rest, []byte{0})
			if err := checkIndexed(k, v); err != nil {
				return err
			}
			return known(authority, serial)
		}); err != nil {
			return err
		}
	}
	return nil
}

// crossCheckAuthority returns how many certificates of the authority are recorded.
func crossCheckAuthority(b *bbolt.Bucket, id string) (recorded int, err error) {
	certs := b.Bucket(bCerts)
	revoked := 0
	if err := b.Bucket(bSerials).ForEach(func(serial, v []byte) error {
		seq, s, err := parseStatus(serial, v)
		if err != nil {
			return err
		}
		if s.revocation() != nil {
			revoked++
		}
		if seq == 0 {
			return nil
		}
		recorded++
		if certs.Get(u64(seq)) == nil {
			return damage("the record of %X of %s", serial, id)
		}
		return nil
	}); err != nil {
		return 0, err
	}
	listed := 0
	if err := b.Bucket(bEntries).ForEach(func(k, v []byte) error {
		der, err := parseChunk(k, v)
		if err != nil {
			return err
		}
		for rest := cryptobyte.String(der); !rest.Empty(); listed++ {
			var entry cryptobyte.String
			if !rest.ReadASN1Element(&entry, cbasn1.SEQUENCE) {
				return damage("entries of a CRL at %X", k)
			}
			if _, s, ok := statusOf(b, crlentry.Serial(entry)); !ok || s.revocation() == nil {
				return damage("the entry of %X in a CRL", crlentry.Serial(entry))
			}
		}
		return nil
	}); err != nil {
		return 0, err
	}
	// certificates that ended may have left the CRL: there are never more on it than are revoked
	if uint64(listed) != number(b, kListed) || listed > revoked {
		return 0, damage("the CRL of %s has %d entries of %d, and %d are revoked", id, listed, number(b, kListed), revoked)
	}
	return recorded, b.Bucket(bChanges).ForEach(func(_, serial []byte) error {
		if _, _, ok := statusOf(b, serial); !ok {
			return damage("a change of status of %X", serial)
		}
		return nil
	})
}
