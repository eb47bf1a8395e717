package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"time"

	"go.etcd.io/bbolt"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/ca/store/crlentry"
)

// entries is a bucket of CRL entries (RFC 5280 §5.1.2.6), encoded as a CRL carries them and in the
// order of the real CRLs, by date of revocation and then as they came. They stand in chunks of some
// hundred. The key is time and order of the first (8+8 bytes; the order of a chunk split off is 0:
// no entry of that time stands before it); the value is a checksum of all the rest (4 bytes, 0 in
// what was written without), the revision that changed the chunk last (4 bytes) and the entries'
// DER, one after the other.
//
// So a CRL of a million entries is some ten thousand slices of the file's memory, to be hashed as
// they are; adding or removing an entry rewrites one chunk, however many there are; and whoever has
// a copy of a chunk knows whether it is the present one.
type entries struct{ *bbolt.Bucket }

func entryKey(at time.Time, order uint64) []byte {
	return append(u64(uint64(at.Unix())), u64(order)...)
}

// chunk finds the chunk that an entry of that key stands in, or belongs in: the last that begins at
// or before it. There is none when all begin after it.
func (e entries) chunk(key []byte) (k, der []byte) {
	c := e.Cursor()
	k, v := c.Seek(key)
	switch {
	case k == nil:
		k, v = c.Last()
	case !bytes.Equal(k, key):
		k, v = c.Prev()
	}
	if k == nil {
		return nil, nil
	}
	der, err := parseChunk(k, v)
	if err != nil {
		panic(err)
	}
	return bytes.Clone(k), der
}

// parseChunk takes a chunk's entries out of its value.
func parseChunk(key, v []byte) (der []byte, err error) {
	if len(key) != 16 || len(v) <= 8 {
		return nil, damage("entries of a CRL at %X", key)
	}
	if sum := binary.BigEndian.Uint32(v); sum != 0 && sum != checksum(key, v[4:]) {
		return nil, damage("entries of a CRL at %X", key)
	}
	return v[8:], nil
}

// put writes a chunk whose content is that of the slices, one after the other: they may be bbolt's,
// which are only to be read.
func (e entries) put(key []byte, revision uint64, der ...[]byte) error {
	v := append(u64(revision&0xFFFFFFFF), bytes.Join(der, nil)...)
	binary.BigEndian.PutUint32(v, checksum(key, v[4:]))
	return e.Put(key, v)
}

// add puts an entry after those of its time and before. Its order is the present revision, larger
// than any before.
func (e entries) add(at time.Time, order uint64, entry []byte) error {
	e.FillPercent = 0.9 // most come at the end
	key := entryKey(at, order)
	k, der := e.chunk(key)
	if k == nil { // before all others: it begins the first chunk, when there is space
		if first, v := e.Cursor().First(); first != nil && len(v)-8+len(entry) <= crlentry.ChunkSize {
			later, err := parseChunk(first, v)
			if err != nil {
				return err
			}
			whole := append(bytes.Clone(entry), later...)
			if err := e.Delete(bytes.Clone(first)); err != nil {
				return err
			}
			return e.put(key, order, whole)
		}
		return e.put(key, order, entry)
	}
	split := crlentry.After(der, crlentry.Time(entry))
	switch {
	case len(der)+len(entry) <= crlentry.ChunkSize:
		return e.put(k, order, der[:split], entry, der[split:])
	case split == len(der):
		return e.put(key, order, entry)
	}
	rest := bytes.Clone(der[split:])
	if err := e.put(k, order, der[:split], entry); err != nil {
		return err
	}
	return e.put(entryKey(crlentry.ParseTime(rest), 0), order, rest)
}

// remove takes out the entry of that serial number, added under that order, and tells its length; 0
// when it is not there.
func (e entries) remove(at time.Time, order, revision uint64, serial []byte) (int, error) {
	k, der := e.chunk(entryKey(at, order))
	begin, end, ok := crlentry.Find(der, serial)
	switch {
	case !ok:
		return 0, nil
	case end-begin == len(der):
		return len(der), e.Delete(k)
	}
	return end - begin, e.put(k, revision, der[:begin], der[end:])
}

// crlForm is the form that the authority's entries are stored in.
func crlForm(b *bbolt.Bucket) store.CRLForm {
	if f := b.Get(kForm); f != nil {
		return store.CRLForm(f)
	}
	return store.FaithfulCRL
}

// addEntry puts a certificate on the authority's list.
func addEntry(b *bbolt.Bucket, serial []byte, s *status) error {
	return errors.Join(appendEntry(b, serial, s), indexExpiry(b, serial, s))
}

// appendEntry puts a certificate on the list, and not into the index of expiries, which does not
// depend on the form.
func appendEntry(b *bbolt.Bucket, serial []byte, s *status) error {
	v := s.revocation()
	entry, err := store.EncodeEntry(serial, v.At, v.Reason.Code(), v.Invalidity, crlForm(b) == store.FaithfulCRL)
	if err != nil {
		return err
	}
	if err := (entries{b.Bucket(bEntries)}).add(v.At, s.order(), entry); err != nil {
		return err
	}
	return putNumber(b, kListed, number(b, kListed)+1)
}

// removeEntry takes a certificate off the list, unless it left when it expired.
func removeEntry(b *bbolt.Bucket, serial []byte, s *status, revision uint64) error {
	n, err := entries{b.Bucket(bEntries)}.remove(s.revocation().At, s.order(), revision, serial)
	if err != nil || n == 0 {
		return err
	}
	return errors.Join(putNumber(b, kListed, number(b, kListed)-1), unindexExpiry(b, serial, s))
}

// rebuildEntries makes the list anew in another form. It costs as much as the list is long, and is
// a change of igc.yaml.
func rebuildEntries(b *bbolt.Bucket, form store.CRLForm) error {
	var stay []listedCertificate
	if err := eachEntry(b, func(serial []byte, s *status) error {
		stay = append(stay, listedCertificate{serial, *s})
		return nil
	}); err != nil {
		return err
	}
	return writeEntries(b, form, stay)
}

// listedCertificate is a certificate on the list, with its status.
type listedCertificate struct {
	serial []byte
	status status
}

// writeEntries makes the list of those certificates, in their order. The index of expiries stays as
// it is.
func writeEntries(b *bbolt.Bucket, form store.CRLForm, stay []listedCertificate) error {
	if err := errors.Join(emptyBucket(b, bEntries), b.Put(kForm, []byte(form)), putNumber(b, kListed, 0)); err != nil {
		return err
	}
	for _, one := range stay {
		if err := appendEntry(b, one.serial, &one.status); err != nil {
			return err
		}
	}
	return nil
}

// eachEntry calls do with every certificate on the list.
func eachEntry(b *bbolt.Bucket, do func(serial []byte, s *status) error) error {
	c := b.Bucket(bEntries).Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		der, err := parseChunk(k, v)
		if err != nil {
			return err
		}
		for len(der) > 0 {
			entry, rest, ok := crlentry.Next(der)
			if !ok {
				return damage("entries of a CRL at %X", k)
			}
			der = rest
			serial := bytes.Clone(crlentry.Serial(entry))
			_, s, ok := statusOf(b, serial)
			if !ok || s.revocation() == nil {
				return damage("the entry of %X in a CRL", serial)
			}
			if err := do(serial, &s); err != nil {
				return err
			}
		}
	}
	return nil
}

// emptyBucket makes a bucket within b anew.
func emptyBucket(b *bbolt.Bucket, name []byte) error {
	if b.Bucket(name) != nil {
		if err := b.DeleteBucket(name); err != nil {
			return err
		}
	}
	_, err := b.CreateBucket(name)
	return err
}
