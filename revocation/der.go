package revocation

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"math/big"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// This file writes and reads the DER that CRLs and OCSP answers share.

// extension is an extension; value writes what the OCTET STRING holds.
type extension struct {
	oid      asn1.ObjectIdentifier
	critical bool
	value    func(*cryptobyte.Builder)
}

func addExtensions(b *cryptobyte.Builder, extensions []extension) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, e := range extensions {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(e.oid)
				if e.critical {
					b.AddASN1Boolean(true)
				}
				b.AddASN1(cbasn1.OCTET_STRING, e.value)
			})
		}
	})
}

func encoded(write func(*cryptobyte.Builder)) ([]byte, error) {
	var b cryptobyte.Builder
	write(&b)
	return b.Bytes()
}

// header is the tag and length of an element of so many bytes.
func header(tag cbasn1.Tag, length int64) []byte {
	if length < 0x80 {
		return []byte{byte(tag), byte(length)}
	}
	size := big.NewInt(length).Bytes()
	return append([]byte{byte(tag), 0x80 | byte(len(size))}, size...)
}

// addTime writes a Time: UTCTime until 2049, GeneralizedTime after (RFC 5280 §5.1.2.4).
func addTime(b *cryptobyte.Builder, t time.Time) {
	if t = t.UTC(); t.Year() < 2050 {
		b.AddASN1UTCTime(t)
	} else {
		b.AddASN1GeneralizedTime(t)
	}
}

func readTime(in *cryptobyte.String, t *time.Time) bool {
	if in.PeekASN1Tag(cbasn1.UTCTime) {
		return in.ReadASN1UTCTime(t)
	}
	return in.ReadASN1GeneralizedTime(t)
}

// algorithmIdentifier encodes the algorithm of a signature: RSA has NULL parameters, ECDSA none.
func algorithmIdentifier(a x509.SignatureAlgorithm) ([]byte, error) {
	return encoded(func(b *cryptobyte.Builder) {
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

// backward writes DER from its end to its beginning, so that every length is known when it is written, and nothing is
// copied twice: an answer is small, and its encoding should cost little beside its signature.
type backward struct {
	der   []byte
	begin int // of what is written
}

func (w *backward) bytes() []byte { return w.der[w.begin:] }

func (w *backward) len() int { return len(w.der) - w.begin }

// add puts bytes before what is written.
func (w *backward) add(b []byte) {
	if len(b) > w.begin {
		larger := make([]byte, 2*len(w.der)+len(b))
		copy(larger[len(larger)-w.len():], w.bytes())
		w.begin += len(larger) - len(w.der)
		w.der = larger
	}
	w.begin -= len(b)
	copy(w.der[w.begin:], b)
}

// wrap makes an element of what was written since the length was after.
func (w *backward) wrap(tag cbasn1.Tag, after int) {
	n := w.len() - after
	switch {
	case n < 0x80:
		w.add([]byte{byte(tag), byte(n)})
	case n < 0x100:
		w.add([]byte{byte(tag), 0x81, byte(n)})
	case n < 0x10000:
		w.add([]byte{byte(tag), 0x82, byte(n >> 8), byte(n)})
	default: // an answer is bounded by maxRequest
		w.add([]byte{byte(tag), 0x83, byte(n >> 16), byte(n >> 8), byte(n)})
	}
}

// time writes a GeneralizedTime.
func (w *backward) time(t time.Time) {
	var room [16]byte
	after := w.len()
	w.add(t.UTC().AppendFormat(room[:0], "20060102150405Z"))
	w.wrap(cbasn1.GeneralizedTime, after)
}

// element is a DER element of those contents.
func element(tag cbasn1.Tag, contents ...[]byte) []byte {
	var w backward
	for _, c := range slices.Backward(contents) {
		w.add(c)
	}
	w.wrap(tag, 0)
	return w.bytes()
}
