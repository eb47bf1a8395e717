package inspect

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
	"software.sslmate.com/src/go-pkcs12"
)

// maxIterations bounds the work that a file may ask for with each password. Software asks for 2 000
// to 600 000.
const maxIterations = 2_000_000

// readPKCS12 opens a key store with the first password that does: one key and its chain, or a Java
// trust store.
func readPKCS12(der []byte, opts Options) ([]Object, error) {
	if !affordable(der, 0, false) {
		return nil, fmt.Errorf("a PKCS#12 that asks for more than %d iterations: make it again with fewer", maxIterations)
	}
	wrong := false
	var last error
	for _, password := range opts.passwords() {
		key, leaf, chain, err := pkcs12.DecodeChain(der, password)
		if err != nil && !errors.Is(err, pkcs12.ErrIncorrectPassword) {
			if anchors, trusted := pkcs12.DecodeTrustStore(der, password); trusted == nil && len(anchors) > 0 {
				key, leaf, chain, err = nil, anchors[0], anchors[1:], nil
			}
		}
		switch {
		case errors.Is(err, pkcs12.ErrIncorrectPassword), errors.Is(err, pkcs12.ErrDecryption):
			wrong = true
			continue
		case err != nil:
			last = err
			continue
		}
		return opened(key, append([]*x509.Certificate{leaf}, chain...), opts)
	}
	if wrong && last == nil { // else one password was right and the rest was not
		return nil, ErrPassword
	}
	return nil, fmt.Errorf("a PKCS#12 that cannot be read: %w (openssl pkcs12 -nokeys shows the certificates of one of a rare form)", last)
}

// opened lists what a PKCS#12 held: the certificate of its key first, whatever their order in it,
// and then the key.
func opened(key any, certificates []*x509.Certificate, opts Options) ([]Object, error) {
	var all []Object
	for _, one := range certificates {
		c, err := NewCertificate(one.Raw, "PKCS#12", opts.Now)
		if err != nil {
			return nil, fmt.Errorf("PKCS#12: %w", err)
		}
		all = append(all, c)
	}
	if key == nil {
		return all, nil
	}
	public := publicHalf(key)
	own := slices.IndexFunc(certificates, func(c *x509.Certificate) bool { return matches(public, c.PublicKey) })
	k := privateKey("PKCS#12", true, func() crypto.PublicKey { return public })
	k.What = Text{"clé privée du certificat ci-dessus : elle n'est pas montrée", "private key of the certificate above: it is not shown"}
	if own < 0 {
		own = 0
		k.What = Text{"clé privée, qui N'EST PAS celle du certificat ci-dessus : refaites le PKCS#12 avec la bonne clé",
			"private key, which is NOT that of the certificate above: make the PKCS#12 again with the right key"}
		if len(certificates) > 1 {
			k.What = Text{"clé privée, qui N'EST celle d'AUCUN des certificats de ce PKCS#12 : refaites-le avec la bonne clé",
				"private key, which is that of NONE of the certificates in this PKCS#12: make it again with the right key"}
		}
	}
	first := all[own]
	return slices.Concat([]Object{first, k}, all[:own], all[own+1:]), nil
}

func matches(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}

// passwordBased are the arcs of the algorithms whose parameters hold an iteration count: PKCS#12's
// and PKCS#5's.
var passwordBased = []asn1.ObjectIdentifier{{1, 2, 840, 113549, 1, 12, 1}, {1, 2, 840, 113549, 1, 5}}

// affordable walks a PFX for iteration counts: in the parameters of password-based algorithms and
// in the MacData, the third element. What is encrypted is not looked at.
func affordable(der cryptobyte.String, depth int, counting bool) bool {
	if depth > 24 {
		return false
	}
	for i := 0; !der.Empty(); i++ {
		var value cryptobyte.String
		var tag cbasn1.Tag
		element := der
		if !der.ReadAnyASN1(&value, &tag) {
			return true // not DER, such as a salt: no parameters
		}
		switch {
		case tag == cbasn1.OBJECT_IDENTIFIER:
			var oid asn1.ObjectIdentifier
			if element.ReadASN1ObjectIdentifier(&oid) {
				for _, arc := range passwordBased {
					counting = counting || len(oid) > len(arc) && oid[:len(arc)].Equal(arc)
				}
			}
		case tag == cbasn1.INTEGER && counting:
			var n int64
			if !element.ReadASN1Integer(&n) || n > maxIterations {
				return false
			}
		case tag&0x20 != 0:
			if !affordable(value, depth+1, counting || depth == 1 && i == 2) {
				return false
			}
		case tag == cbasn1.OCTET_STRING && !counting:
			if !affordable(value, depth+1, false) {
				return false
			}
		}
	}
	return true
}
