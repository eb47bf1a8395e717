package certfile

import (
	"bytes"
	"crypto/x509"
	"errors"
	"slices"
	"strings"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// maxMain bounds the certificates among which the main one is looked for: a file that holds more is
// a store, which means none of them.
const maxMain = 100

// AmbiguousError says that a file may mean each of several certificates.
type AmbiguousError struct{ Certificates []*Item }

// Text names the first few of them.
func (e *AmbiguousError) Text() i18n.Text {
	const most = 5
	var list []string
	for _, c := range e.Certificates[:min(most, len(e.Certificates))] {
		list = append(list, profiles.SerialHex(c.Certificate.Serial)+" ("+c.Certificate.Subject.String()+")")
	}
	named := i18n.Same(strings.Join(list, ", "))
	if more := len(e.Certificates) - most; more > 0 {
		named = i18n.Text{FR: "%s, et %d autres", EN: "%s, %d more"}.Format(named, more)
	}
	return i18n.Text{FR: "le fichier tient %d certificats possibles : %s. Donnez le numéro de série de celui qui " +
		"est voulu, ou un fichier qui n'a que lui",
		EN: "it holds %d certificates that it may mean: %s. Give the serial number of the one that is meant, or a " +
			"file that holds it alone"}.Format(len(e.Certificates), named)
}

// Error is the message in English, for logs.
func (e *AmbiguousError) Error() string { return e.Text().EN }

// Main is the certificate that the file stands for, in whatever order the file has them: the one
// whose private key is in it, else the one that issued no other in it. Where several would do, a
// certificate that is not an authority's goes before those of authorities, and what is then left is
// an [AmbiguousError]. A file that holds an authority's certificate alone means the authority: the
// caller has to look. An OCSP response is about a certificate that it does not hold, and its
// responder's is not meant.
func (f *File) Main() (*Item, error) {
	var all []*Item
	seen := map[[20]byte]bool{}
	for _, item := range f.Items {
		if item.Kind != Certificate || seen[fingerprint(item.DER)] {
			continue
		}
		seen[fingerprint(item.DER)] = true
		if all = append(all, item); len(all) > maxMain {
			return nil, fault("main-many",
				"le fichier tient plus de %d certificats : donnez-en un qui tient celui qui est voulu",
				"it holds more than %d certificates: give a file that holds the one that is meant", maxMain)
		}
	}
	switch len(all) {
	case 0:
		return nil, f.noCertificate()
	case 1:
		return all[0], nil
	}
	candidates := all
	if keyed := f.withKey(all); len(keyed) > 0 {
		candidates = keyed
	}
	candidates = endEntities(lastOnes(candidates))
	if len(candidates) == 1 {
		return candidates[0], nil
	}
	return nil, &AmbiguousError{candidates}
}

// noCertificate says what the file holds instead, and what to give.
func (f *File) noCertificate() error {
	has := func(k Kind) bool {
		return slices.ContainsFunc(f.Items, func(i *Item) bool { return i.Kind == k })
	}
	switch {
	case has(Request):
		return fault("main-request",
			"c'est une demande de certificat (CSR), pas un certificat : donnez celui qui a été émis pour elle, ou "+
				"demandez-le (igc issue --csr)",
			"it holds no certificate, but a certificate request (CSR): give the certificate that was issued for "+
				"it, or ask for one (igc issue --csr)")
	case has(PrivateKey):
		return fault("main-key",
			"il n'y a qu'une clé privée, et pas de certificat : donnez le fichier du certificat (.pem, .crt, "+
				".cer, .p12)",
			"it holds no certificate, only a private key: give the file of the certificate (.pem, .crt, .cer, .p12)")
	case has(CRL):
		return fault("main-crl", "c'est une CRL, pas un certificat : igc inspect l'explique",
			"it holds no certificate, but a CRL: igc inspect explains it")
	case has(OCSPResponse):
		return fault("main-ocsp", "c'est une réponse OCSP, pas un certificat : igc inspect l'explique",
			"it holds no certificate, but an OCSP response: igc inspect explains it")
	}
	return fault("main-none", "il n'y a pas de certificat dans ce fichier : donnez le .pem, le .crt ou le .p12",
		"it holds no certificate: give the .pem, .crt or .p12")
}

// withKey are the certificates whose private key is in the file.
func (f *File) withKey(all []*Item) (found []*Item) {
	owners := newOwners(all)
	opened := 0
	for _, k := range f.Items {
		if k.Kind != PrivateKey {
			continue
		}
		if k.Key.open != nil {
			if opened++; opened > maxOpened {
				continue
			}
		}
		for _, c := range owners.find(k) {
			if !slices.Contains(found, c) {
				found = append(found, c)
			}
		}
	}
	return found
}

// lastOnes are the certificates that issued none of the others. Where authorities issued each
// other, all of them stay.
func lastOnes(all []*Item) []*Item {
	last := slices.DeleteFunc(slices.Clone(all), func(c *Item) bool {
		return slices.ContainsFunc(all, func(other *Item) bool {
			return other != c && issued(c.Certificate,
				other.Certificate)
		})
	})
	if len(last) == 0 {
		return all
	}
	return last
}

// endEntities are the certificates that are not authorities', or all where each is an authority's.
func endEntities(all []*Item) []*Item {
	ends := slices.DeleteFunc(slices.Clone(all), func(c *Item) bool { return c.Certificate.IsAuthority })
	if len(ends) == 0 {
		return all
	}
	return ends
}

// issued tells whether the first certificate is that of the other's issuer. A signature proves it;
// where it cannot be verified, or the names and key identifiers alone match, these tell.
func issued(c, other *profiles.Decoded) bool {
	named := c.Subject.Equal(other.Issuer)
	known := len(c.SubjectKeyID) > 0 && len(other.AuthorityKeyID) > 0
	same := known && bytes.Equal(c.SubjectKeyID, other.AuthorityKeyID)
	if !named && !same {
		return false
	}
	if named && same {
		return true
	}
	issuer, err := x509.ParseCertificate(c.Raw)
	if err != nil {
		return !known
	}
	issued, err := x509.ParseCertificate(other.Raw)
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
