package inspect

import (
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/profiles/certfile"
)

// Other is what is recognised and of which there is little to show: keys, certificate requests,
// parameters.
type Other struct {
	Source
	What      Text   `json:"what"`
	Encrypted *bool  `json:"encrypted,omitempty"` // of a private key
	Subject   string `json:"subject,omitempty"`   // of a request
	Key       *Key   `json:"key,omitempty"`       // of a private key, its kind alone

	FriendlyName string             `json:"friendly_name,omitempty"` // that a PKCS#12 gives it
	Notes        []profiles.Finding `json:"notes,omitempty"`
}

// Facts are the lines about it.
func (o *Other) Facts() []Fact {
	facts := []Fact{{Label: Text{"contenu", "content"}, Value: o.What}}
	facts = append(facts, values("sujet", "subject", o.Subject, "clé", "key", o.Key.String(), "nom dans le fichier",
		"friendly name", o.FriendlyName)...)
	return append(facts, remarkFacts(nil, o.Notes)...)
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
func privateKey(item *certfile.Item) *Other {
	k := item.Key
	encrypted := k.Encrypted || item.In == "PKCS#12"
	o := &Other{Source: Source{Kind: KindPrivateKey, In: item.In}, Encrypted: &encrypted, FriendlyName: item.Name}
	if k.Algorithm != "" {
		o.Key = &Key{k.Algorithm, k.Bits}
	}
	switch {
	case item.In != "PKCS#12" && encrypted:
		o.What = Text{"clé privée chiffrée : elle n'est pas montrée", "encrypted private key: it is not shown"}
	case item.In != "PKCS#12":
		o.What = Text{"clé privée en clair : elle n'est pas montrée ; gardez ce fichier pour vous",
			"private key in clear: it is not shown; keep this file to yourself"}
	case len(k.Of) > 0 && k.Computed():
		o.What = Text{"clé privée du certificat ci-dessus : elle n'est pas montrée",
			"private key of the certificate above: it is not shown"}
	case len(k.Of) > 0:
		o.What = Text{"clé privée du certificat ci-dessus, selon l'identifiant que le fichier lui donne : elle " +
			"n'est ni montrée ni vérifiée",
			"private key of the certificate above, by the identifier that the file gives it: it is neither shown " +
				"nor verified"}
	case k.Certificates == 0:
		o.What = Text{"clé privée sans certificat : elle n'est pas montrée",
			"private key without a certificate: it is not shown"}
	case !k.Computed():
		o.What = Text{"clé privée, dont rien ici ne dit de quel certificat elle est : elle n'est pas montrée",
			"private key of which nothing here tells the certificate: it is not shown"}
	case k.Certificates == 1:
		o.What = Text{"clé privée, qui N'EST PAS celle du certificat ci-dessus : refaites le PKCS#12 avec la bonne clé",
			"private key, which is NOT that of the certificate above: make the PKCS#12 again with the right key"}
	default:
		o.What = Text{"clé privée, qui N'EST celle d'AUCUN des certificats de ce PKCS#12 : refaites-le avec la " +
			"bonne clé",
			"private key, which is that of NONE of the certificates in this PKCS#12: make it again with the right key"}
	}
	return o
}

// newRequest reads a PKCS#10 (RFC 2986 §4), whose key may be of a kind that crypto/x509 refuses.
func newRequest(der []byte, in string) (*Other, error) {
	outer := cryptobyte.String(der)
	var request, info, subject, spki cryptobyte.String
	var version int
	if !outer.ReadASN1(&request, cbasn1.SEQUENCE) || !request.ReadASN1(&info, cbasn1.SEQUENCE) ||
		!info.ReadASN1Integer(&version) ||
		!info.ReadASN1Element(&subject, cbasn1.SEQUENCE) || !info.ReadASN1Element(&spki, cbasn1.SEQUENCE) {
		return nil, fault("une demande de certificat abîmée : refaites-la",
			"a certificate request that is broken: make it again")
	}
	name, err := profiles.ParseName(subject)
	if err != nil {
		return nil, err
	}
	return &Other{Source: Source{Kind: KindRequest, In: in}, What: Text{"demande de certificat (PKCS#10)",
		"certificate request (PKCS#10)"},
		Subject: name.String(), Key: keyOf(spki)}, nil
}

// Key is a public key in words.
type Key struct {
	Algorithm string `json:"algorithm"`
	Bits      int    `json:"bits"`
}

func (k *Key) String() string {
	if k == nil {
		return ""
	}
	switch k.Algorithm {
	case "RSA", "RSA-PSS", "RSA-OAEP", "DSA", "DH":
		if k.Bits > 0 {
			return fmt.Sprintf("%s %d", k.Algorithm, k.Bits)
		}
	}
	return k.Algorithm // its name tells its size
}

// keyOf names the key of a SubjectPublicKeyInfo, whether or not anything here computes with it; nil
// when it cannot be read.
func keyOf(spki []byte) *Key {
	algorithm, bits, ok := certfile.PublicKeyName(spki)
	if !ok {
		return nil
	}
	return &Key{algorithm, bits}
}

// signatureNames are the names that OpenSSL and the reference give to signature algorithms.
var signatureNames = map[string]string{
	"1.2.840.113549.1.1.4": "md5WithRSAEncryption", "1.2.840.113549.1.1.5": "sha1WithRSAEncryption",
	"1.2.840.113549.1.1.10": "rsassaPss", "1.2.840.113549.1.1.11": "sha256WithRSAEncryption",
	"1.2.840.113549.1.1.12": "sha384WithRSAEncryption", "1.2.840.113549.1.1.13": "sha512WithRSAEncryption",
	"1.2.840.10045.4.1": "ecdsa-with-SHA1", "1.2.840.10045.4.3.2": "ecdsa-with-SHA256",
	"1.2.840.10045.4.3.3": "ecdsa-with-SHA384", "1.2.840.10045.4.3.4": "ecdsa-with-SHA512", "1.3.101.112": "Ed25519",
	"1.2.840.113549.1.1.2": "md2WithRSAEncryption", "1.2.840.113549.1.1.14": "sha224WithRSAEncryption",
	"1.2.840.10045.4.3.1": "ecdsa-with-SHA224",
	"1.2.840.10040.4.3":   "dsa-with-SHA1", "2.16.840.1.101.3.4.3.1": "dsa-with-SHA224",
	"2.16.840.1.101.3.4.3.2":  "dsa-with-SHA256",
	"2.16.840.1.101.3.4.3.14": "sha3-256WithRSAEncryption", "2.16.840.1.101.3.4.3.10": "ecdsa-with-SHA3-256",
	"1.3.101.113":       "Ed448",
	"1.2.643.2.2.3":     "GOST R 34.10-2001 with GOST R 34.11-94",
	"1.2.643.7.1.1.3.2": "GOST R 34.10-2012 with Streebog-256",
	"1.2.643.7.1.1.3.3": "GOST R 34.10-2012 with Streebog-512", "1.2.156.10197.1.501": "SM2-with-SM3",
	"2.16.840.1.101.3.4.3.17": "ML-DSA-44", "2.16.840.1.101.3.4.3.18": "ML-DSA-65",
	"2.16.840.1.101.3.4.3.19": "ML-DSA-87",
}

// signatureName is the name of the algorithm with this identifier, or the identifier.
func signatureName(oid string) string {
	if name, ok := signatureNames[oid]; ok {
		return name
	}
	return oid
}
