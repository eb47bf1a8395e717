package inspect

import (
	"crypto"
	"encoding/asn1"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
	"software.sslmate.com/src/go-pkcs12"
)

// maxIterations bounds the work that a file may ask for with each password. Software asks for 2 000 to 600 000.
const maxIterations = 2_000_000

// readPKCS12 opens a key store with the first password that does: one key and its chain, or a Java trust store.
func readPKCS12(der []byte, opts Options) ([]Object, error) {
	if !affordable(der, 0, false) {
		return nil, fmt.Errorf("a PKCS#12 that asks for more than %d iterations: make it again with fewer", maxIterations)
	}
	passwords := opts.Passwords
	if passwords == nil {
		passwords = []string{"", "1234"}
	}
	wrong := false
	var last error
	for _, password := range passwords {
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
		c, err := NewCertificate(leaf.Raw, "PKCS#12", opts.Now)
		if err != nil {
			return nil, fmt.Errorf("PKCS#12: %w", err)
		}
		all := []Object{c}
		if key != nil {
			k := privateKey("PKCS#12", true)
			k.What = Text{"clé privée du certificat ci-dessus : elle n'est pas montrée", "private key of the certificate above: it is not shown"}
			if signer, ok := key.(crypto.Signer); !ok || !matches(signer.Public(), leaf.PublicKey) {
				k.What = Text{"clé privée, qui N'EST PAS celle du certificat ci-dessus : refaites le PKCS#12 avec la bonne clé",
					"private key, which is NOT that of the certificate above: make the PKCS#12 again with the right key"}
			}
			all = append(all, k)
		}
		for _, other := range chain {
			c, err := NewCertificate(other.Raw, "PKCS#12", opts.Now)
			if err != nil {
				return nil, fmt.Errorf("PKCS#12: %w", err)
			}
			all = append(all, c)
		}
		return all, nil
	}
	if wrong && last == nil { // else one password was right and the rest was not
		return nil, ErrPassword
	}
	return nil, fmt.Errorf("a PKCS#12 that cannot be read: %w (openssl pkcs12 -nokeys shows the certificates of one of a rare form)", last)
}

func matches(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}

// passwordBased are the arcs of the algorithms whose parameters hold an iteration count: PKCS#12's and PKCS#5's.
var passwordBased = []asn1.ObjectIdentifier{{1, 2, 840, 113549, 1, 12, 1}, {1, 2, 840, 113549, 1, 5}}

// affordable walks a PFX for iteration counts: in the parameters of password-based algorithms and in the MacData, the
// third element. What is encrypted is not looked at.
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
