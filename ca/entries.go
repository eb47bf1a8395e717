package ca

import (
	"bytes"
	"encoding/binary"
	"math/big"
	"time"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// entries is a bucket of CRL entries (RFC 5280 §5.1.2.6), encoded as a CRL carries them and in the order of the real CRLs,
// by date of revocation and then as they came. They stand in chunks of a few hundred: the value is the entries' DER, one
// after the other, and the key is time and order of the first (8+8 bytes; the order of a chunk split off is 0: no entry of
// that time stands before it).
//
// So a CRL of a million entries is some thousands of slices of the file's memory, to be hashed and copied as they are, and
// adding or removing an entry rewrites one chunk, however many there are.
type entries struct{ *bolt.Bucket }

// chunkSize bounds a chunk. Larger ones make a CRL no faster, and a revocation write more.
const chunkSize = 8 << 10

func entryKey(at time.Time, order uint64) []byte {
	return append(u64(uint64(at.Unix())), u64(order)...)
}

// chunk finds the chunk that an entry of that key stands in, or belongs in: the last that begins at or before it. There is
// none when all begin after it.
func (e entries) chunk(key []byte) (k, v []byte) {
	c := e.Cursor()
	switch k, v = c.Seek(key); {
	case k == nil:
		return c.Last()
	case !bytes.Equal(k, key):
		return c.Prev()
	}
	return k, v
}

// add puts an entry after those of its time and before. Its order is larger than any given yet.
func (e entries) add(at time.Time, order uint64, entry []byte) error {
	e.FillPercent = 0.9 // most come at the end
	key := entryKey(at, order)
	k, v := e.chunk(key)
	if k == nil { // before all others: it begins the first chunk, when there is room
		if first, rest := e.Cursor().First(); first != nil && len(rest)+len(entry) <= chunkSize {
			whole := append(bytes.Clone(entry), rest...)
			if err := e.Delete(first); err != nil {
				return err
			}
			return e.Put(key, whole)
		}
		return e.Put(key, bytes.Clone(entry))
	}
	split := after(v, entryTime(entry))
	switch {
	case len(v)+len(entry) <= chunkSize:
		return e.Put(bytes.Clone(k), insert(v, split, entry))
	case split == len(v):
		return e.Put(key, bytes.Clone(entry))
	}
	begin, rest := bytes.Clone(k), bytes.Clone(v[split:])
	if err := e.Put(begin, insert(v[:split], split, entry)); err != nil {
		return err
	}
	return e.Put(entryKey(parseEntryTime(rest), 0), rest)
}

// remove takes out the entry of that serial number, and tells its length; 0 when it is not there.
func (e entries) remove(at time.Time, order uint64, serial []byte) (int, error) {
	k, v := e.chunk(entryKey(at, order))
	for rest := cryptobyte.String(v); !rest.Empty(); {
		begin := len(v) - len(rest)
		var entry cryptobyte.String
		if !rest.ReadASN1Element(&entry, cbasn1.SEQUENCE) {
			break
		}
		if !bytes.Equal(entrySerial(entry), serial) {
			continue
		}
		left := append(bytes.Clone(v[:begin]), rest...)
		if len(left) == 0 {
			return len(entry), e.Delete(bytes.Clone(k))
		}
		return len(entry), e.Put(bytes.Clone(k), left)
	}
	return 0, nil
}

// insert makes a new slice: that of bbolt is only to be read.
func insert(v []byte, at int, entry []byte) []byte {
	out := make([]byte, 0, len(v)+len(entry))
	return append(append(append(out, v[:at]...), entry...), v[at:]...)
}

// after tells where in a chunk the entries later than that time begin.
func after(chunk, when []byte) int {
	rest := cryptobyte.String(chunk)
	for !rest.Empty() {
		begin := len(chunk) - len(rest)
		var entry cryptobyte.String
		if !rest.ReadASN1Element(&entry, cbasn1.SEQUENCE) || bytes.Compare(entryTime(entry), when) > 0 {
			return begin
		}
	}
	return len(chunk)
}

// entrySerial is the serial number of an entry, without the byte that makes it positive.
func entrySerial(entry []byte) []byte {
	in := cryptobyte.String(entry)
	var fields, serial cryptobyte.String
	if !in.ReadASN1(&fields, cbasn1.SEQUENCE) || !fields.ReadASN1(&serial, cbasn1.INTEGER) {
		return nil
	}
	return bytes.TrimLeft(serial, "\x00")
}

// entryTime is the Time of an entry as it is encoded. Encodings compare as the times do: a UTCTime, which these use until
// 2049, has the lower tag and the shorter length.
func entryTime(entry []byte) []byte {
	in := cryptobyte.String(entry)
	var fields, t cryptobyte.String
	var tag cbasn1.Tag
	if !in.ReadASN1(&fields, cbasn1.SEQUENCE) || !fields.SkipASN1(cbasn1.INTEGER) || !fields.ReadAnyASN1Element(&t, &tag) {
		return nil
	}
	return t
}

// parseEntryTime reads the time of the first entry.
func parseEntryTime(entry []byte) (t time.Time) {
	in := cryptobyte.String(entryTime(entry))
	if in.PeekASN1Tag(cbasn1.UTCTime) {
		in.ReadASN1UTCTime(&t)
	} else {
		in.ReadASN1GeneralizedTime(&t)
	}
	return t
}

var (
	oidReasonCode     = []int{2, 5, 29, 21}
	oidInvalidityDate = []int{2, 5, 29, 24}
)

// removeFromCRL is the reason by which a delta CRL takes an entry off (RFC 5280 §5.2.4). No certificate has it.
const removeFromCRL = 8

// encodeEntry encodes an entry: bare, as those of the real CRLs, or with its extensions, reasonCode and invalidityDate
// (RFC 5280 §5.3). A reason of unspecified (0) is said by saying nothing.
func encodeEntry(serial []byte, at time.Time, reason int, invalidity time.Time, bare bool) ([]byte, error) {
	var b cryptobyte.Builder
	extension := func(oid []int, value func(*cryptobyte.Builder)) cryptobyte.BuilderContinuation {
		return func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oid)
			b.AddASN1(cbasn1.OCTET_STRING, value)
		}
	}
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1BigInt(new(big.Int).SetBytes(serial))
		if at = at.UTC(); at.Year() < 2050 {
			b.AddASN1UTCTime(at)
		} else {
			b.AddASN1GeneralizedTime(at)
		}
		if bare || reason == 0 && invalidity.IsZero() {
			return
		}
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			if reason != 0 {
				b.AddASN1(cbasn1.SEQUENCE, extension(oidReasonCode, func(b *cryptobyte.Builder) { b.AddASN1Enum(int64(reason)) }))
			}
			if !invalidity.IsZero() {
				b.AddASN1(cbasn1.SEQUENCE, extension(oidInvalidityDate, func(b *cryptobyte.Builder) { b.AddASN1GeneralizedTime(invalidity.UTC()) }))
			}
		})
	})
	return b.Bytes()
}

// totals counts the entries of an authority's list, and the bytes of each form of them.
type totals struct{ entries, bare, rich uint64 }

func readTotals(b *bolt.Bucket) (t totals) {
	if v := b.Get(kTotals); len(v) == 24 {
		t.entries, t.bare, t.rich = binary.BigEndian.Uint64(v), binary.BigEndian.Uint64(v[8:]), binary.BigEndian.Uint64(v[16:])
	}
	return t
}

func (t totals) write(b *bolt.Bucket) error {
	return b.Put(kTotals, append(append(u64(t.entries), u64(t.bare)...), u64(t.rich)...))
}

// enlist puts a certificate on the authority's list.
func enlist(b *bolt.Bucket, serial []byte, s *status) error {
	v := s.revocation()
	t := readTotals(b)
	for _, form := range []struct {
		bucket []byte
		bare   bool
		size   *uint64
	}{{bBare, true, &t.bare}, {bRich, false, &t.rich}} {
		entry, err := encodeEntry(serial, v.At, v.Reason.Code(), v.Invalidity, form.bare)
		if err != nil {
			return err
		}
		if err := (entries{b.Bucket(form.bucket)}).add(v.At, s.order(), entry); err != nil {
			return err
		}
		*form.size += uint64(len(entry))
	}
	t.entries++
	if err := t.write(b); err != nil {
		return err
	}
	return b.Bucket(bExpiring).Put(expiryKey(s, serial), nil)
}

// delist takes a certificate off the list.
func delist(b *bolt.Bucket, serial []byte, s *status) error {
	v := s.revocation()
	t := readTotals(b)
	for _, form := range []struct {
		bucket []byte
		size   *uint64
	}{{bBare, &t.bare}, {bRich, &t.rich}} {
		n, err := entries{b.Bucket(form.bucket)}.remove(v.At, s.order(), serial)
		if err != nil {
			return err
		}
		if n == 0 {
			return nil // it left when it expired
		}
		*form.size -= uint64(n)
	}
	t.entries--
	if err := t.write(b); err != nil {
		return err
	}
	return b.Bucket(bExpiring).Delete(expiryKey(s, serial))
}

func expiryKey(s *status, serial []byte) []byte { return append(bytes.Clone(s[10:18]), serial...) }
