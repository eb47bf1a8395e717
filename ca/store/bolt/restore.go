package bolt

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/igc-lab/igc/ca/store"
)

// This file keeps CRLs right when the clock was ahead for a while and was set back.

// kDropped is up to which end of validity expired certificates were taken off an authority's list:
// seconds since 1970.
var kDropped = []byte("dropped")

// restore puts back what left the list because it had expired by a clock that was ahead, or before
// igc.yaml had expired certificates listed: all that is revoked, but for what [dropExpired] of the
// same arguments takes off. It reads every certificate of the authority, and is needed once after
// the clock was set back.
func restore(b *bbolt.Bucket, form store.CRLForm, before time.Time, listedBy uint64) error {
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
	if err := errors.Join(writeEntries(b, form, stay), emptyBucket(b, bExpiries), putNumber(b, kIndexed, 0), checkExpiries(b)); err != nil {
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
