package inspect

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/youmark/pkcs8"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// maxMain bounds the certificates among which the main one is looked for, and maxKeys the encrypted
// keys that are opened for it: a file that holds more is a store, which means none of them.
const (
	maxMain = 100
	maxKeys = 4
)

var errNoCertificate = errors.New("it holds no certificate")

// AmbiguousError says that a file may mean each of several certificates.
type AmbiguousError struct{ Certificates []*Certificate }

func (e *AmbiguousError) Error() string {
	const most = 5
	var list []string
	for _, c := range e.Certificates[:min(most, len(e.Certificates))] {
		list = append(list, c.Serial+" ("+c.Subject+")")
	}
	if more := len(e.Certificates) - most; more > 0 {
		list = append(list, fmt.Sprintf("%d more", more))
	}
	return fmt.Sprintf("it holds %d certificates that it may mean: %s. Give the serial number of the one that is meant, or a file that holds it alone",
		len(e.Certificates), strings.Join(list, ", "))
}

// MainCertificate is the certificate that a file stands for, in whatever order the file has them:
// the one whose private key is in it, else the one that issued no other in it. Where several would
// do, a certificate that is not an authority's goes before those of authorities, and what is then
// left is an [AmbiguousError]. A file that holds an authority's certificate alone means the
// authority: the caller has to look. An OCSP response is about a certificate that it does not hold,
// and its responder's is not meant.
func MainCertificate(objects []Object) (*Certificate, error) {
	var all []*Certificate
	for _, o := range objects {
		c, ok := o.(*Certificate)
		if ok && c.In != "OCSP" && !slices.ContainsFunc(all, func(other *Certificate) bool { return bytes.Equal(other.decoded.Raw, c.decoded.Raw) }) {
			all = append(all, c)
		}
		if len(all) > maxMain {
			return nil, fmt.Errorf("it holds more than %d certificates: give a file that holds the one that is meant", maxMain)
		}
	}
	switch len(all) {
	case 0:
		return nil, errNoCertificate
	case 1:
		return all[0], nil
	}
	candidates := all
	if keyed := withKey(all, objects); len(keyed) > 0 {
		candidates = keyed
	}
	candidates = endEntities(lastOnes(candidates))
	if len(candidates) == 1 {
		return candidates[0], nil
	}
	return nil, &AmbiguousError{candidates}
}

// withKey are the certificates whose private key is among the objects.
func withKey(all []*Certificate, objects []Object) (found []*Certificate) {
	opened := 0
	for _, o := range objects {
		k, ok := o.(*Other)
		if !ok || k.private == nil {
			continue
		}
		if *k.Encrypted && k.In != "PKCS#12" {
			if opened++; opened > maxKeys {
				continue
			}
		}
		public := k.private()
		if public == nil {
			continue
		}
		for _, c := range all {
			if matches(public, c.publicKey()) && !slices.Contains(found, c) {
				found = append(found, c)
			}
		}
	}
	return found
}

// lastOnes are the certificates that issued none of the others. Where authorities issued each
// other, all of them stay.
func lastOnes(all []*Certificate) []*Certificate {
	last := slices.DeleteFunc(slices.Clone(all), func(c *Certificate) bool {
		return slices.ContainsFunc(all, func(other *Certificate) bool { return other != c && c.issued(other) })
	})
	if len(last) == 0 {
		return all
	}
	return last
}

// endEntities are the certificates that are not authorities', or all where each is an authority's.
func endEntities(all []*Certificate) []*Certificate {
	ends := slices.DeleteFunc(slices.Clone(all), func(c *Certificate) bool { return c.IsAuthority() })
	if len(ends) == 0 {
		return all
	}
	return ends
}

// issued tells whether the certificate is that of the other's issuer. A signature proves it; where
// it cannot be verified, or the names and key identifiers alone match, these tell.
func (c *Certificate) issued(other *Certificate) bool {
	named := c.decoded.Subject.Equal(other.decoded.Issuer)
	known := len(c.decoded.SubjectKeyID) > 0 && len(other.decoded.AuthorityKeyID) > 0
	same := known && bytes.Equal(c.decoded.SubjectKeyID, other.decoded.AuthorityKeyID)
	if !named && !same {
		return false
	}
	if named && same {
		return true
	}
	issuer, err := x509.ParseCertificate(c.decoded.Raw)
	if err != nil {
		return !known
	}
	issued, err := x509.ParseCertificate(other.decoded.Raw)
	if err != nil {
		return !known
	}
	var insecure x509.InsecureAlgorithmError
	err = issuer.CheckSignature(issued.SignatureAlgorithm, issued.RawTBSCertificate, issued.Signature)
	if errors.As(err, &insecure) || errors.Is(err, x509.ErrUnsupportedAlgorithm) {
		return !known
	}
	return err == nil
}

// IsAuthority tells whether the certificate may issue others.
func (c *Certificate) IsAuthority() bool { return c.decoded.IsAuthority }

// DER is the certificate itself.
func (c *Certificate) DER() []byte { return c.decoded.Raw }

func (c *Certificate) publicKey() crypto.PublicKey {
	public, err := x509.ParsePKIXPublicKey(c.decoded.SubjectPublicKeyInfo)
	if err != nil {
		return nil
	}
	return public
}

// publicOf is the public half of a private key in PKCS#8, PKCS#1 or SEC 1, nil when it is of a rare
// kind.
func publicOf(der []byte) crypto.PublicKey {
	var key any
	var err error
	if key, err = x509.ParsePKCS8PrivateKey(der); err != nil {
		if key, err = x509.ParsePKCS1PrivateKey(der); err != nil {
			if key, err = x509.ParseECPrivateKey(der); err != nil {
				return nil
			}
		}
	}
	return publicHalf(key)
}

func publicHalf(key any) crypto.PublicKey {
	if signer, ok := key.(crypto.Signer); ok {
		return signer.Public()
	}
	return nil
}

// publicOfEncrypted opens a PKCS#8 that a password protects through PBKDF2, the one way whose work
// [affordable] bounds.
func publicOfEncrypted(der []byte, opts Options) crypto.PublicKey {
	if !affordable(der, 0, false) || !bytes.Contains(der, pbkdf2) {
		return nil
	}
	for _, password := range opts.passwords() {
		if key, err := pkcs8.ParsePKCS8PrivateKey(der, []byte(password)); err == nil && password != "" {
			return publicHalf(key)
		}
	}
	return nil
}

// pbkdf2 is its object identifier, 1.2.840.113549.1.5.12, in DER.
var pbkdf2 = func() []byte {
	var b cryptobyte.Builder
	b.AddASN1ObjectIdentifier([]int{1, 2, 840, 113549, 1, 5, 12})
	return b.BytesOrPanic()
}()

// firstElement is the DER value that the data begin with, nil for none.
func firstElement(data []byte) []byte {
	in, one := cryptobyte.String(data), cryptobyte.String(nil)
	if !in.ReadASN1Element(&one, cbasn1.SEQUENCE) {
		return nil
	}
	return one
}
