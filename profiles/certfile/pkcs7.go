package certfile

import (
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/internal/der"
)

// readPKCS7 reads the certificates and CRLs of a signedData (RFC 2315 §9.1), as chains are
// published (.p7b, .p7c) and messages carry them; what may be signed in it is left alone.
func (r *reader) readPKCS7(value []byte) error {
	value, rest, err := der.FromBER(value)
	in := cryptobyte.String(value)
	var info, kind, wrapped, signed, skip, certificates, lists cryptobyte.String
	var version int64
	var some bool
	if err != nil || len(rest) > 0 || !in.ReadASN1(&info, cbasn1.SEQUENCE) ||
		!info.ReadASN1(&kind, cbasn1.OBJECT_IDENTIFIER) ||
		!info.ReadASN1(&wrapped, der.Explicit(0)) || !wrapped.ReadASN1(&signed, cbasn1.SEQUENCE) ||
		!signed.ReadASN1Integer(&version) || !signed.ReadASN1(&skip, cbasn1.SET) ||
		!signed.ReadASN1(&skip, cbasn1.SEQUENCE) ||
		!signed.ReadOptionalASN1(&certificates, &some, der.Explicit(0)) ||
		!signed.ReadOptionalASN1(&lists, &some, der.Explicit(1)) {
		return fault("pkcs7-broken", "un PKCS#7 dont le signedData est abîmé : exportez la chaîne de nouveau",
			"a PKCS#7 whose signedData is broken: export the chain again")
	}
	before, n := len(r.file.Items), 0
	for _, set := range []*cryptobyte.String{&certificates, &lists} {
		for ; !set.Empty(); n++ {
			var one cryptobyte.String
			var tag cbasn1.Tag
			if !set.ReadAnyASN1Element(&one, &tag) {
				return fault("pkcs7-element", "un PKCS#7 dont l'élément %d est abîmé : exportez la chaîne de nouveau",
					"a PKCS#7 whose element %d is not a certificate: export the chain again", n+1)
			}
			if tag != cbasn1.SEQUENCE { // an attribute certificate, or a CRL of another format
				r.note("READ-PKCS7-OTHER",
					"Ce PKCS#7 tient aussi ce qui n'est ni un certificat X.509 ni une CRL : laissé de côté.",
					"This PKCS#7 also holds what is neither an X.509 certificate nor a CRL: left aside.")
				continue
			}
			if err := r.readSigned(one, "PKCS#7"); err != nil {
				return fault("pkcs7-element", "PKCS#7, élément %d : %s", "PKCS#7, element %d: %s", n+1, err)
			}
		}
	}
	if len(r.file.Items) == before {
		return fault("pkcs7-empty", "un PKCS#7 sans certificat ni CRL : exportez-le avec sa chaîne",
			"a PKCS#7 without a certificate or a CRL: export it with its chain")
	}
	return nil
}
