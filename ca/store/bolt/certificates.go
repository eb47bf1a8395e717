package bolt

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"time"

	"go.etcd.io/bbolt"

	"github.com/igc-lab/igc/ca/store"
)

// indexKey is where an index that lies over all authorities names a certificate.
func indexKey(what, authority string, serial []byte) []byte {
	return append([]byte(what+"\x00"+authority+"\x00"), serial...)
}

// addRecord records a certificate. It changes nothing when it fails.
func addRecord(tx *bbolt.Tx, r *store.Record) error {
	b := bucket(tx, r.Authority)
	if b == nil {
		return store.Errorf(store.NotFound, "the lab has no authority %s", r.Authority)
	}
	serial, err := hex.DecodeString(r.Serial)
	if err != nil {
		return err
	}
	if b.Bucket(bSerials).Get(serial) != nil {
		return store.ErrSerialTaken
	}
	certs := b.Bucket(bCerts)
	certs.FillPercent = 0.95 // keys only grow
	n, err := certs.NextSequence()
	if err != nil {
		return err
	}
	value, err := encodeRecord(r, n)
	if err != nil {
		return err
	}
	if certs.Get(u64(n)) != nil {
		return damage("the count of certificates of %s", r.Authority)
	}
	if err := certs.Put(u64(n), value); err != nil {
		return err
	}
	if err := putStatus(b, serial, n, newStatus(r.NotAfter)); err != nil {
		return err
	}
	issued, err := tx.CreateBucketIfNotExists(bIssued)
	if err != nil {
		return err
	}
	issued.FillPercent = 0.95
	if n, err = issued.NextSequence(); err != nil {
		return err
	}
	if issued.Get(u64(n)) != nil {
		return damage("the count of certificates")
	}
	if err := issued.Put(u64(n), append([]byte(r.Authority+"\x00"), serial...)); err != nil {
		return err
	}
	for _, index := range []struct {
		bucket []byte
		what   string
	}{{bCards, r.Holder.CardNumber}, {bHolders, r.Holder.Identifier()}} {
		if index.what == "" {
			continue
		}
		b, err := tx.CreateBucketIfNotExists(index.bucket)
		if err != nil {
			return err
		}
		key := indexKey(index.what, r.Authority, serial)
		if err := b.Put(key, binary.BigEndian.AppendUint32(nil, checksum(key))); err != nil {
			return err
		}
	}
	return nil
}

// statusOf looks a serial number up: its sequence and status, false when the authority never issued
// it.
func statusOf(b *bbolt.Bucket, serial []byte) (seq uint64, s status, ok bool) {
	v := b.Bucket(bSerials).Get(serial)
	if v == nil {
		return 0, s, false
	}
	seq, s, err := parseStatus(serial, v)
	if err != nil {
		panic(err)
	}
	return seq, s, true
}

func parseStatus(serial, v []byte) (seq uint64, s status, err error) {
	if len(v) != 8+len(s) {
		return 0, s, damage("the status of %X", serial)
	}
	copy(s[:], v[8:])
	if sum := s.checksum(); sum != 0 && sum != checksum(serial, v[:8], s[:statusChecksum]) || s[0] > 1 {
		return 0, s, damage("the status of %X", serial)
	}
	return binary.BigEndian.Uint64(v), s, nil
}

// putStatus puts the status of a certificate down, with its checksum.
func putStatus(b *bbolt.Bucket, serial []byte, seq uint64, s status) error {
	v := u64(seq)
	binary.BigEndian.PutUint32(s[statusChecksum:], checksum(serial, v, s[:statusChecksum]))
	return b.Bucket(bSerials).Put(serial, append(v, s[:]...))
}

// readRecord reads the certificate of that serial number.
func readRecord(b *bbolt.Bucket, authority string, serial []byte) (*store.Record, error) {
	seq, s, ok := statusOf(b, serial)
	switch {
	case !ok:
		return nil, store.Errorf(store.NotFound, "%s issued no certificate %X", authority, serial)
	case seq == 0:
		return nil, store.Errorf(store.NotFound, "of the certificate %X of %s nothing is known any more but that it was revoked, on %s: give igc recover the folder that holds it",
			serial, authority, s.time(2).Format(time.RFC3339))
	}
	r := &store.Record{Authority: authority}
	v := b.Bucket(bCerts).Get(u64(seq))
	if err := decodeRecord(r, seq, v); err != nil || !bytes.Equal(r.Key().Serial, serial) {
		return nil, damage("the record of %X of %s", serial, authority)
	}
	r.SetRevocation(s.revocation())
	return r, nil
}
