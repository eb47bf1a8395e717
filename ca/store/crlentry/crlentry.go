// Package crlentry reads the encoded entries of CRLs (RFC 5280 §5.1.2.6), one after the other, as
// drivers of a store keep them in chunks. [store.EncodeEntry] writes them.
//
// [store.EncodeEntry]: https://pkg.go.dev/github.com/igc-lab/igc/ca/store#EncodeEntry
package crlentry

import (
	"bytes"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// ChunkSize bounds a chunk. Larger ones make a CRL no faster, and a revocation write more.
const ChunkSize = 4<<10 - 128

// Next takes the first entry off a chunk; ok is false where there is none.
func Next(chunk []byte) (entry, rest []byte, ok bool) {
	in := cryptobyte.String(chunk)
	var element cryptobyte.String
	if !in.ReadASN1Element(&element, cbasn1.SEQUENCE) {
		return nil, chunk, false
	}
	return element, in, true
}

// After is the offset in a chunk of the first entry revoked later than when, as [Time] gives it, or
// the chunk's length.
func After(chunk, when []byte) int {
	for rest := chunk; len(rest) > 0; {
		begin := len(chunk) - len(rest)
		entry, next, ok := Next(rest)
		if !ok || bytes.Compare(Time(entry), when) > 0 {
			return begin
		}
		rest = next
	}
	return len(chunk)
}

// Find is where the entry of a serial number stands in a chunk; ok is false when it does not.
func Find(chunk, serial []byte) (begin, end int, ok bool) {
	for rest := chunk; len(rest) > 0; {
		begin := len(chunk) - len(rest)
		entry, next, ok := Next(rest)
		if !ok {
			break
		}
		if bytes.Equal(Serial(entry), serial) {
			return begin, begin + len(entry), true
		}
		rest = next
	}
	return 0, 0, false
}

// Without is the chunk without the entries of those serial numbers, and how many there were; ok is
// false when the chunk cannot be read.
func Without(chunk []byte, serials map[string]bool) (stay []byte, n int, ok bool) {
	for rest := chunk; len(rest) > 0; {
		entry, next, ok := Next(rest)
		if !ok {
			return nil, 0, false
		}
		if serials[string(Serial(entry))] {
			n++
		} else {
			stay = append(stay, entry...)
		}
		rest = next
	}
	return stay, n, true
}

// Serial is the serial number of an entry, without the byte that makes it positive.
func Serial(entry []byte) []byte {
	in := cryptobyte.String(entry)
	var fields, serial cryptobyte.String
	if !in.ReadASN1(&fields, cbasn1.SEQUENCE) || !fields.ReadASN1(&serial, cbasn1.INTEGER) {
		return nil
	}
	return bytes.TrimLeft(serial, "\x00")
}

// Time is the Time of an entry as it is encoded. Encodings compare as the times do: a UTCTime,
// which these use until 2049, has the lower tag and the shorter length.
func Time(entry []byte) []byte {
	in := cryptobyte.String(entry)
	var fields, t cryptobyte.String
	var tag cbasn1.Tag
	if !in.ReadASN1(&fields, cbasn1.SEQUENCE) || !fields.SkipASN1(cbasn1.INTEGER) ||
		!fields.ReadAnyASN1Element(&t, &tag) {
		return nil
	}
	return t
}

// ParseTime reads the time of the first entry.
func ParseTime(entry []byte) (t time.Time) {
	in := cryptobyte.String(Time(entry))
	if in.PeekASN1Tag(cbasn1.UTCTime) {
		in.ReadASN1UTCTime(&t)
	} else {
		in.ReadASN1GeneralizedTime(&t)
	}
	return t
}
