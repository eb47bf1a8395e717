package inspect

import (
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// readPKCS7 reads the certificates and CRLs of a signedData (RFC 2315 §9.1), as chains are
// published (.p7b, .p7c); what may be signed in it is left alone. explicit is the [0] element that
// holds it.
func readPKCS7(explicit cryptobyte.String, opts Options) ([]Object, error) {
	var wrapped, signed, skip, certificates, lists cryptobyte.String
	var version int64
	var some bool
	if !explicit.ReadASN1(&wrapped, cbasn1.Tag(0).ContextSpecific().Constructed()) || !wrapped.ReadASN1(&signed, cbasn1.SEQUENCE) ||
		!signed.ReadASN1Integer(&version) || !signed.ReadASN1(&skip, cbasn1.SET) || !signed.ReadASN1(&skip, cbasn1.SEQUENCE) ||
		!signed.ReadOptionalASN1(&certificates, &some, cbasn1.Tag(0).ContextSpecific().Constructed()) ||
		!signed.ReadOptionalASN1(&lists, &some, cbasn1.Tag(1).ContextSpecific().Constructed()) {
		return nil, errors.New("a PKCS#7 whose signedData is broken: export the chain again")
	}
	var all []Object
	for _, set := range []*cryptobyte.String{&certificates, &lists} {
		for !set.Empty() {
			var one cryptobyte.String
			if !set.ReadASN1Element(&one, cbasn1.SEQUENCE) {
				return nil, fmt.Errorf("a PKCS#7 whose element %d is not a certificate: export the chain again", len(all)+1)
			}
			objects, err := readSigned(one, "PKCS#7", opts)
			if err != nil {
				return nil, fmt.Errorf("PKCS#7, element %d: %w", len(all)+1, err)
			}
			if all = append(all, objects...); len(all) > maxObjects {
				return nil, errTooMany
			}
		}
	}
	if all == nil {
		return nil, errors.New("a PKCS#7 without a certificate or a CRL")
	}
	return all, nil
}
