package store

import (
	"bytes"
	"encoding/binary"
	"math/big"
	"time"

	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"golang.org/x/crypto/cryptobyte"
)

var (
	oidReasonCode     = []int{2, 5, 29, 21}
	oidInvalidityDate = []int{2, 5, 29, 24}
)

// EncodeEntry encodes an entry of a CRL: bare, as those of the real CRLs, or with its extensions,
// reasonCode and invalidityDate (RFC 5280 §5.3). A reason of unspecified (0) is left out. serial is
// big-endian.
func EncodeEntry(serial []byte, at time.Time, reason int, invalidity time.Time, bare bool) ([]byte, error) {
	var b cryptobyte.Builder
	extension := func(oid []int, value func(*cryptobyte.Builder)) cryptobyte.BuilderContinuation {
		return func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oid)
			b.AddASN1(cbasn1.OCTET_STRING, value)
		}
	}
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1BigInt(new(big.Int).SetBytes(serial))
		addTime(b, at)
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

// addTime writes a Time (RFC 5280 §5.1.2.4).
func addTime(b *cryptobyte.Builder, at time.Time) {
	if at = at.UTC(); at.Year() < 2050 {
		b.AddASN1UTCTime(at)
	} else {
		b.AddASN1GeneralizedTime(at)
	}
}

// DatedBy dates the entries whose revocation lies after the list's thisUpdate as of that: they were
// revoked while the clock was ahead, and Java takes a certificate as good until the date of its
// revocation. The records keep their dates.
func (c *CRLContent) DatedBy(thisUpdate time.Time) error {
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

// datedBy replaces the later dates of encoded entries by an encoded Time. Without any, it returns
// what it was given.
func datedBy(der, latest []byte) (out []byte, changed bool, err error) {
	var b cryptobyte.Builder
	for rest := cryptobyte.String(der); !rest.Empty(); {
		var entry, fields, serial, at cryptobyte.String
		var tag cbasn1.Tag
		if !rest.ReadASN1Element(&entry, cbasn1.SEQUENCE) {
			return nil, false, Errorf(Damaged, "the entries of a CRL are damaged")
		}
		whole := entry
		if !entry.ReadASN1(&fields, cbasn1.SEQUENCE) || !fields.ReadASN1Element(&serial, cbasn1.INTEGER) || !fields.ReadAnyASN1Element(&at, &tag) {
			return nil, false, Errorf(Damaged, "the entries of a CRL are damaged")
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
