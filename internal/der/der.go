// Package der writes and reads the DER (X.690) that CRLs, OCSP and LDAP share, beside
// golang.org/x/crypto/cryptobyte: elements of known contents, the times and algorithms of RFC 5280,
// and a builder that writes from the end.
package der

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"math"
	"math/big"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Build returns what write adds to a builder.
func Build(write func(*cryptobyte.Builder)) ([]byte, error) {
	var b cryptobyte.Builder
	write(&b)
	return b.Bytes()
}

// Header is the tag and the length of an element whose contents have that length.
func Header(tag cbasn1.Tag, length int64) []byte {
	if length < 0x80 {
		return []byte{byte(tag), byte(length)}
	}
	size := big.NewInt(length).Bytes()
	return append([]byte{byte(tag), 0x80 | byte(len(size))}, size...)
}

// AddTime writes a Time: UTCTime until 2049, GeneralizedTime after (RFC 5280 §5.1.2.4).
func AddTime(b *cryptobyte.Builder, t time.Time) {
	if t = t.UTC(); t.Year() < 2050 {
		b.AddASN1UTCTime(t)
	} else {
		b.AddASN1GeneralizedTime(t)
	}
}

// ReadTime reads a Time.
func ReadTime(in *cryptobyte.String, t *time.Time) bool {
	if in.PeekASN1Tag(cbasn1.UTCTime) {
		return in.ReadASN1UTCTime(t)
	}
	return in.ReadASN1GeneralizedTime(t)
}

// AlgorithmIdentifier encodes the algorithm of a signature: RSA has NULL parameters, ECDSA none.
func AlgorithmIdentifier(a x509.SignatureAlgorithm) ([]byte, error) {
	return Build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			switch a {
			case x509.SHA256WithRSA:
				b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11})
				b.AddASN1NULL()
			case x509.ECDSAWithSHA256:
				b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2})
			default:
				b.SetError(fmt.Errorf("signature algorithm %s is not one that the lab uses", a))
			}
		})
	})
}

// ReverseBuilder writes DER from its end to its beginning: every length is known when it is
// written, and nothing is copied twice. An OCSP response is small, and its encoding should cost
// little beside its signature.
type ReverseBuilder struct {
	der   []byte
	begin int // of what is written
}

// NewReverseBuilder returns a builder that writes into the buffer while that has space.
func NewReverseBuilder(buffer []byte) ReverseBuilder { return ReverseBuilder{buffer, len(buffer)} }

// Bytes is what was written.
func (w *ReverseBuilder) Bytes() []byte { return w.der[w.begin:] }

// Len is the length of what was written.
func (w *ReverseBuilder) Len() int { return len(w.der) - w.begin }

// Add puts bytes before what is written.
func (w *ReverseBuilder) Add(b []byte) {
	if len(b) > w.begin {
		larger := make([]byte, 2*len(w.der)+len(b))
		copy(larger[len(larger)-w.Len():], w.Bytes())
		w.begin += len(larger) - len(w.der)
		w.der = larger
	}
	w.begin -= len(b)
	copy(w.der[w.begin:], b)
}

// Wrap makes an element of what was written since Len was after.
func (w *ReverseBuilder) Wrap(tag cbasn1.Tag, after int) {
	n := w.Len() - after
	switch {
	case n < 0x80:
		w.Add([]byte{byte(tag), byte(n)})
	case n < 0x100:
		w.Add([]byte{byte(tag), 0x81, byte(n)})
	case n < 0x10000:
		w.Add([]byte{byte(tag), 0x82, byte(n >> 8), byte(n)})
	default: // up to 16 MB
		w.Add([]byte{byte(tag), 0x83, byte(n >> 16), byte(n >> 8), byte(n)})
	}
}

// Time writes a GeneralizedTime.
func (w *ReverseBuilder) Time(t time.Time) {
	var room [16]byte
	after := w.Len()
	w.Add(t.UTC().AppendFormat(room[:0], "20060102150405Z"))
	w.Wrap(cbasn1.GeneralizedTime, after)
}

// Element is an element of those contents, one after the other.
func Element(tag cbasn1.Tag, contents ...[]byte) []byte {
	var w ReverseBuilder
	for _, c := range slices.Backward(contents) {
		w.Add(c)
	}
	w.Wrap(tag, 0)
	return w.Bytes()
}

// Explicit is the tag [n] of a constructed element.
func Explicit(n uint8) cbasn1.Tag { return cbasn1.Tag(n).ContextSpecific().Constructed() }

// ReadHeader reads the tag and the length of an element in BER, whose lengths need not be the
// shortest: it returns how many bytes both take, 0 when they are not a header, and the length.
func ReadHeader(b []byte) (n, length int) {
	if len(b) < 2 || b[0]&0x1f == 0x1f {
		return 0, 0
	}
	if b[1] < 0x80 {
		return 2, int(b[1])
	}
	n = 2 + int(b[1]&0x7f)
	if n == 2 || n > 6 || len(b) < n {
		return 0, 0
	}
	for _, c := range b[2:n] {
		length = length<<8 | int(c)
	}
	if length > math.MaxInt32 {
		return 0, 0
	}
	return n, length
}
