package lint

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/profiles"
)

// certificate is what rules look at: the certificate decoded, and what [profiles.Decode] passes
// over.
type certificate struct {
	*profiles.Decoded
	version    int
	algorithms [2][]byte // AlgorithmIdentifiers: what is signed names one, and one stands by the signature
	times      [2]cbasn1.Tag
	names      [2][]byte // issuer and subject
	key        keyFacts
}

// keyFacts are what rules ask of a public key; zero for one that cannot be read.
type keyFacts struct {
	kind           string // RSA or EC, else the Go type
	bits, exponent int
}

func (k keyFacts) String() string {
	if k.exponent != 0 {
		return fmt.Sprintf("%s %d, e = %d", k.kind, k.bits, k.exponent)
	}
	return fmt.Sprintf("%s %d", k.kind, k.bits)
}

// newCertificate reads again what Decode read, so it does not look for errors: Decode would have
// met them.
func newCertificate(d *profiles.Decoded) *certificate {
	c := &certificate{Decoded: d, version: 1}
	in := cryptobyte.String(d.Raw)
	var cert, tbs, wrapped, validity, element cryptobyte.String
	in.ReadASN1(&cert, cbasn1.SEQUENCE)
	cert.ReadASN1(&tbs, cbasn1.SEQUENCE)
	var present bool
	if tbs.ReadOptionalASN1(&wrapped, &present, cbasn1.Tag(0).Constructed().ContextSpecific()) && present {
		wrapped.ReadASN1Integer(&c.version)
		c.version++ // v1 is 0
	}
	tbs.SkipASN1(cbasn1.INTEGER)
	tbs.ReadASN1Element((*cryptobyte.String)(&c.algorithms[0]), cbasn1.SEQUENCE)
	cert.ReadASN1Element((*cryptobyte.String)(&c.algorithms[1]), cbasn1.SEQUENCE)
	tbs.ReadASN1Element((*cryptobyte.String)(&c.names[0]), cbasn1.SEQUENCE)
	tbs.ReadASN1(&validity, cbasn1.SEQUENCE)
	for i := range c.times {
		validity.ReadAnyASN1(&element, &c.times[i])
	}
	tbs.ReadASN1Element((*cryptobyte.String)(&c.names[1]), cbasn1.SEQUENCE)
	var spki cryptobyte.String
	tbs.ReadASN1Element(&spki, cbasn1.SEQUENCE)
	public, err := x509.ParsePKIXPublicKey(spki)
	switch key := public.(type) {
	case *rsa.PublicKey:
		c.key = keyFacts{"RSA", key.N.BitLen(), key.E}
	case *ecdsa.PublicKey:
		c.key = keyFacts{"EC", key.Curve.Params().BitSize, 0}
	default:
		if err == nil {
			c.key.kind = fmt.Sprintf("%T", public)
		}
	}
	return c
}
