package ca

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// This file keeps CRLs right when the clock was ahead for a while and was set back.

// kDropped is up to which end of validity expired certificates were taken off an authority's list: seconds since 1970.
var kDropped = []byte("dropped")

// restore puts back what left the list because it had expired by a clock that was ahead, or before igc.yaml had expired
// certificates listed: all that is revoked, but for what [dropExpired] of the same arguments takes off. It reads every
// certificate of the authority, and is needed once after the clock was set back.
func restore(b *bolt.Bucket, form ListForm, before time.Time, listedBy uint64) error {
	bound := uint64(0)
	if !before.IsZero() {
		bound = uint64(before.Unix())
	}
	if number(b, kDropped) <= bound {
		return nil
	}
	var stay []listedCertificate
	err := b.Bucket(bSerials).ForEach(func(serial, v []byte) error {
		one := listedCertificate{serial: bytes.Clone(serial)}
		if copy(one.status[:], v[min(8, len(v)):]) == len(one.status) && one.status.revocation() != nil &&
			(!one.status.time(10).Before(before) || one.status.order() > listedBy) {
			stay = append(stay, one)
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(stay, func(a, b listedCertificate) int {
		return cmp.Or(a.status.time(2).Compare(b.status.time(2)), cmp.Compare(a.status.order(), b.status.order()))
	})
	if err := errors.Join(rebuild(b, form, stay), emptyBucket(b, bExpiries), putNumber(b, kIndexed, 0), checkExpiries(b)); err != nil {
		return err
	}
	revision, err := increment(b, kRevision)
	if err != nil {
		return err
	}
	if err := (entries{b.Bucket(bEntries)}).touch(revision); err != nil {
		return err
	}
	return putNumber(b, kDropped, bound)
}

// touch gives all chunks a new revision: nobody takes them for those of another list.
func (e entries) touch(revision uint64) error {
	var keys [][]byte
	if err := e.ForEach(func(k, _ []byte) error { keys = append(keys, bytes.Clone(k)); return nil }); err != nil {
		return err
	}
	for _, k := range keys {
		if err := e.put(k, revision, e.Get(k)[8:]); err != nil {
			return err
		}
	}
	return nil
}

// DatedBy dates the entries whose revocation lies after the list's thisUpdate as of that: they were revoked while the
// clock was ahead, and Java takes a certificate as good until the date of its revocation. The records keep their dates.
func (c *ListContent) DatedBy(thisUpdate time.Time) error {
	var b cryptobyte.Builder
	addTime(&b, thisUpdate)
	latest, err := b.Bytes()
	if err != nil {
		return err
	}
	for i := len(c.Full) - 1; i >= 0; i-- { // in the order of their dates
		der, changed, err := datedBy(c.Full[i].DER, latest)
		if err != nil {
			return err
		}
		if !changed {
			break
		}
		c.Full[i].DER = der
		id := c.Full[i].ID[16:]
		binary.BigEndian.PutUint64(id, ^(binary.BigEndian.Uint64(id)<<32 ^ uint64(thisUpdate.Unix()))) // it is not the store's chunk
	}
	c.Changes, _, err = datedBy(c.Changes, latest)
	return err
}

// datedBy replaces the later dates of encoded entries by an encoded Time. Without any, it returns what it was given.
func datedBy(der, latest []byte) (out []byte, changed bool, err error) {
	var b cryptobyte.Builder
	for rest := cryptobyte.String(der); !rest.Empty(); {
		var entry, fields, serial, at cryptobyte.String
		var tag cbasn1.Tag
		if !rest.ReadASN1Element(&entry, cbasn1.SEQUENCE) {
			return nil, false, damage("entries of a CRL")
		}
		whole := entry
		if !entry.ReadASN1(&fields, cbasn1.SEQUENCE) || !fields.ReadASN1Element(&serial, cbasn1.INTEGER) || !fields.ReadAnyASN1Element(&at, &tag) {
			return nil, false, damage("entries of a CRL")
		}
		if bytes.Compare(at, latest) <= 0 {
			b.AddBytes(whole)
			continue
		}
		changed = true
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes(serial)
			b.AddBytes(latest)
			b.AddBytes(fields)
		})
	}
	if !changed {
		return der, false, nil
	}
	out, err = b.Bytes()
	return out, true, err
}
