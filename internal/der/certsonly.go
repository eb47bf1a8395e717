package der

import (
	"bytes"
	"encoding/asn1"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// CertsOnly is a SignedData that holds certificates and has no signer (RFC 5652 5.1, RFC 8551
// 3.9): what protocols of enrolment hand certificates out in.
func CertsOnly(certificates ...[]byte) ([]byte, error) {
	data := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	signedData := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	set := slices.SortedFunc(slices.Values(certificates), bytes.Compare) // DER orders a SET OF
	return Build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(signedData)
			b.AddASN1(Explicit(0), func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1Int64(1)
					b.AddASN1(cbasn1.SET, func(*cryptobyte.Builder) {})
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(data) })
					b.AddASN1(Explicit(0), func(b *cryptobyte.Builder) {
						for _, c := range set {
							b.AddBytes(c)
						}
					})
					b.AddASN1(cbasn1.SET, func(*cryptobyte.Builder) {})
				})
			})
		})
	})
}
