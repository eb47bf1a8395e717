package inspect

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"fmt"

	"github.com/igc-lab/igc/profiles"
)

// Other is what is recognised and of which there is little to show: keys, certificate requests,
// parameters.
type Other struct {
	Source
	What      Text   `json:"what"`
	Encrypted *bool  `json:"encrypted,omitempty"` // of a private key
	Subject   string `json:"subject,omitempty"`   // of a request
	Key       *Key   `json:"key,omitempty"`       // never of a private key

	private func() crypto.PublicKey // of a private key: its public half, nil when that cannot be known
}

// Facts are the lines about it.
func (o *Other) Facts() []Fact {
	facts := []Fact{{Label: Text{"contenu", "content"}, Value: o.What}}
	return append(facts, values("sujet", "subject", o.Subject, "clé", "key", o.Key.String())...)
}

// values makes a fact of each label, in French and in English, and value that is not empty.
func values(triples ...string) []Fact {
	var facts []Fact
	for ; len(triples) >= 3; triples = triples[3:] {
		if triples[2] != "" {
			facts = append(facts, Fact{Label: Text{triples[0], triples[1]}, Value: Text{triples[2], triples[2]}})
		}
	}
	return facts
}

// privateKey makes what is shown of a private key: not the key.
func privateKey(in string, encrypted bool, public func() crypto.PublicKey) *Other {
	what := Text{"clé privée en clair : elle n'est pas montrée ; gardez ce fichier pour vous", "private key in clear: it is not shown; keep this file to yourself"}
	if encrypted {
		what = Text{"clé privée chiffrée : elle n'est pas montrée", "encrypted private key: it is not shown"}
	}
	return &Other{Source: Source{KindPrivateKey, in}, What: what, Encrypted: &encrypted, private: public}
}

func newRequest(der []byte, in string) (*Other, error) {
	r, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, err
	}
	name, err := profiles.ParseName(r.RawSubject)
	if err != nil {
		return nil, err
	}
	return &Other{Source: Source{KindRequest, in}, What: Text{"demande de certificat (PKCS#10)", "certificate request (PKCS#10)"},
		Subject: name.String(), Key: keyOf(r.RawSubjectPublicKeyInfo)}, nil
}

// Key is a public key in words.
type Key struct {
	Algorithm string `json:"algorithm"`
	Bits      int    `json:"bits"`
}

func (k *Key) String() string {
	switch {
	case k == nil:
		return ""
	case k.Algorithm == "RSA":
		return fmt.Sprintf("RSA %d", k.Bits)
	}
	return k.Algorithm // its name tells its size
}

// keyOf reads a SubjectPublicKeyInfo; nil when it is of a kind that the sector does not use.
func keyOf(spki []byte) *Key {
	pub, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return nil
	}
	switch pub := pub.(type) {
	case *rsa.PublicKey:
		return &Key{"RSA", pub.N.BitLen()}
	case *ecdsa.PublicKey:
		return &Key{"EC " + pub.Params().Name, pub.Params().BitSize}
	case ed25519.PublicKey:
		return &Key{"Ed25519", 8 * len(pub)}
	}
	return nil
}

// signatureNames are the names that OpenSSL and the reference give to signature algorithms.
var signatureNames = map[string]string{
	"1.2.840.113549.1.1.4": "md5WithRSAEncryption", "1.2.840.113549.1.1.5": "sha1WithRSAEncryption",
	"1.2.840.113549.1.1.10": "rsassaPss", "1.2.840.113549.1.1.11": "sha256WithRSAEncryption",
	"1.2.840.113549.1.1.12": "sha384WithRSAEncryption", "1.2.840.113549.1.1.13": "sha512WithRSAEncryption",
	"1.2.840.10045.4.1": "ecdsa-with-SHA1", "1.2.840.10045.4.3.2": "ecdsa-with-SHA256",
	"1.2.840.10045.4.3.3": "ecdsa-with-SHA384", "1.2.840.10045.4.3.4": "ecdsa-with-SHA512", "1.3.101.112": "Ed25519",
}

// signatureName is the name of the algorithm with this identifier, or the identifier.
func signatureName(oid string) string {
	if name, ok := signatureNames[oid]; ok {
		return name
	}
	return oid
}
