// Package csr reads certification requests (PKCS#10, RFC 2986), as the holder of a key makes them:
// a server, an HSM, a Java keystore, a Windows store.
//
// [Read] finds the requests of a file, whatever form it has. [Request.Check] checks the key and the
// proof of its possession. [Request.Fill] takes of the subject and names that were asked what the
// product has a place for; [Request.LeftAside] says what was asked and is not in the certificate.
//
// The subject and the extensions of a certificate come from its profile: a request decides its
// public key, and nothing else by itself.
package csr

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// Request is a certification request, read.
type Request struct {
	Raw                  []byte // DER
	Subject              profiles.Name
	SubjectPublicKeyInfo []byte
	PublicKey            any // *rsa.PublicKey, *ecdsa.PublicKey or a kind that [Request.Check] refuses
	SignatureAlgorithm   x509.SignatureAlgorithm

	// The subjectAltName that is asked for.
	DNSNames, EmailAddresses, OtherNames []string
	IPAddresses                          []net.IP

	extensions []pkix.Extension        // asked for
	attributes []asn1.ObjectIdentifier // other than those that ask for extensions
	proof      *x509.CertificateRequest
}

// Attributes that ask for extensions: that of RFC 2985, and the older one of Microsoft.
var (
	oidExtensionRequest          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 14}
	oidMicrosoftExtensionRequest = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 1, 14}

	oidKeyUsage         = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidSubjectAltName   = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidBasicConstraints = asn1.ObjectIdentifier{2, 5, 29, 19}
	oidExtendedKeyUsage = asn1.ObjectIdentifier{2, 5, 29, 37}
	oidSubjectKeyID     = asn1.ObjectIdentifier{2, 5, 29, 14}
	oidPrincipalName    = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 20, 2, 3}
)

// maxRequest bounds a request; one with an RSA key of 8192 bits and thirty names takes 4 kB.
const maxRequest = 64 << 10

func broken(what i18n.Text) error {
	return i18n.NewError("csr-broken", i18n.Text{FR: "demande de certificat illisible : %s",
		EN: "the certification request cannot be read: %s"}, what)
}

// Parse reads one request from its DER. Its key and its proof are checked by [Request.Check].
//
//	CertificationRequest ::= SEQUENCE {
//	    certificationRequestInfo  SEQUENCE { version, subject, subjectPKInfo, attributes [0] },
//	    signatureAlgorithm        AlgorithmIdentifier,
//	    signature                 BIT STRING }
//
// crypto/x509 reads what is inside, but not the whole: it refuses names with characters that their
// string type has not, and requests without attributes, both of which old programs write.
func Parse(der []byte) (*Request, error) {
	if len(der) > maxRequest {
		return nil, broken(i18n.Text{FR: "elle dépasse 64 Ko", EN: "it is larger than 64 kB"})
	}
	in := cryptobyte.String(der)
	var whole, request, info, inner, subject, key, algorithm cryptobyte.String
	var signature asn1.BitString
	var version int64
	if !in.ReadASN1Element(&whole, cbasn1.SEQUENCE) || !whole.ReadASN1(&request, cbasn1.SEQUENCE) {
		return nil, broken(i18n.Text{FR: "ce n'est pas du DER", EN: "it is not DER"})
	}
	for _, c := range in { // programs and editors end files with a newline
		if c != '\n' && c != '\r' && c != ' ' && c != 0 {
			return nil, broken(i18n.Text{FR: "des octets suivent sa fin", EN: "bytes follow its end"})
		}
	}
	r := &Request{Raw: der[:len(der)-len(in)]}
	if !request.ReadASN1Element(&info, cbasn1.SEQUENCE) || !request.ReadASN1Element(&algorithm, cbasn1.SEQUENCE) ||
		!request.ReadASN1BitString(&signature) || !request.Empty() {
		return nil, broken(i18n.Text{FR: "ce n'est pas une CertificationRequest (RFC 2986)",
			EN: "it is not a CertificationRequest (RFC 2986)"})
	}
	signed := info
	if !info.ReadASN1(&inner, cbasn1.SEQUENCE) || !inner.ReadASN1Integer(&version) ||
		!inner.ReadASN1Element(&subject, cbasn1.SEQUENCE) || !inner.ReadASN1Element(&key, cbasn1.SEQUENCE) {
		return nil, broken(i18n.Text{FR: "sa partie signée n'est pas une CertificationRequestInfo (RFC 2986)",
			EN: "its signed part is not a CertificationRequestInfo (RFC 2986)"})
	}
	var err error
	if r.Subject, err = profiles.ParseName(subject); err != nil {
		return nil, broken(i18n.Text{FR: "son sujet n'est pas un nom", EN: "its subject is not a name"})
	}
	if !r.readAttributes(inner) {
		return nil, broken(i18n.Text{FR: "ses attributs sont mal formés", EN: "its attributes are malformed"})
	}
	r.SubjectPublicKeyInfo = key
	if r.proof, err = proof(signed, key, algorithm, signature); err != nil {
		return nil, i18n.NewError("csr-key-unknown", i18n.Text{
			FR: "la clé de la demande n'est pas d'un type connu (%s) : il faut RSA de 2048 bits au moins, P-256 ou " +
				"P-384",
			EN: "the key of the request is of no known kind (%s): RSA of 2048 bits at least, P-256 or P-384 are " +
				"taken"}, err)
	}
	r.PublicKey, r.SignatureAlgorithm = r.proof.PublicKey, r.proof.SignatureAlgorithm
	return r, nil
}

// proof is the signed part with its signature in a form that crypto/x509 checks. It is made of an
// empty request with that key and signature, to which the bytes that were signed are given.
func proof(signed, key, algorithm []byte, signature asn1.BitString) (*x509.CertificateRequest, error) {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(0)
			b.AddASN1(cbasn1.SEQUENCE, func(*cryptobyte.Builder) {})
			b.AddBytes(key)
			b.AddASN1(attributesTag, func(*cryptobyte.Builder) {})
		})
		b.AddBytes(algorithm)
		b.AddASN1BitString(signature.RightAlign())
	})
	der, err := b.Bytes()
	if err != nil {
		return nil, err
	}
	req, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, err
	}
	req.RawTBSCertificateRequest = signed
	return req, nil
}

var attributesTag = cbasn1.Tag(0).Constructed().ContextSpecific()

// readAttributes reads Attributes ::= SET OF SEQUENCE { type OBJECT IDENTIFIER, values SET OF ANY
// }, which may be missing.
func (r *Request) readAttributes(in cryptobyte.String) bool {
	if in.Empty() {
		return true
	}
	var all cryptobyte.String
	if !in.ReadASN1(&all, attributesTag) || !in.Empty() {
		return false
	}
	for !all.Empty() {
		var attribute, values cryptobyte.String
		var id asn1.ObjectIdentifier
		if !all.ReadASN1(&attribute, cbasn1.SEQUENCE) || !attribute.ReadASN1ObjectIdentifier(&id) ||
			!attribute.ReadASN1(&values, cbasn1.SET) {
			return false
		}
		if !id.Equal(oidExtensionRequest) && !id.Equal(oidMicrosoftExtensionRequest) {
			r.attributes = append(r.attributes, id)
			continue
		}
		for !values.Empty() {
			var list cryptobyte.String
			if !values.ReadASN1(&list, cbasn1.SEQUENCE) || !r.readExtensions(list) {
				return false
			}
		}
	}
	return true
}

func (r *Request) readExtensions(list cryptobyte.String) bool {
	for !list.Empty() {
		var one, value cryptobyte.String
		var ext pkix.Extension
		if !list.ReadASN1(&one, cbasn1.SEQUENCE) || !one.ReadASN1ObjectIdentifier(&ext.Id) ||
			one.PeekASN1Tag(cbasn1.BOOLEAN) && !one.ReadASN1Boolean(&ext.Critical) ||
			!one.ReadASN1(&value, cbasn1.OCTET_STRING) {
			return false
		}
		ext.Value = value
		r.extensions = append(r.extensions, ext)
		if ext.Id.Equal(oidSubjectAltName) && !r.readNames(value) {
			return false
		}
	}
	return true
}

// readNames reads GeneralNames (RFC 5280 §4.2.1.6). Those of kinds that no product has are kept as
// text, to be named when they are left aside.
func (r *Request) readNames(value cryptobyte.String) bool {
	var names cryptobyte.String
	if !value.ReadASN1(&names, cbasn1.SEQUENCE) {
		return false
	}
	for !names.Empty() {
		var name cryptobyte.String
		var tag cbasn1.Tag
		if !names.ReadAnyASN1(&name, &tag) {
			return false
		}
		switch tag {
		case cbasn1.Tag(1).ContextSpecific():
			r.EmailAddresses = append(r.EmailAddresses, string(name))
		case cbasn1.Tag(2).ContextSpecific():
			r.DNSNames = append(r.DNSNames, string(name))
		case cbasn1.Tag(6).ContextSpecific():
			r.OtherNames = append(r.OtherNames, "URI:"+string(name))
		case cbasn1.Tag(7).ContextSpecific():
			if len(name) != net.IPv4len && len(name) != net.IPv6len {
				return false
			}
			r.IPAddresses = append(r.IPAddresses, net.IP(name))
		case cbasn1.Tag(0).Constructed().ContextSpecific():
			r.OtherNames = append(r.OtherNames, otherName(name))
		case cbasn1.Tag(4).Constructed().ContextSpecific():
			directory, err := profiles.ParseName(name)
			if err != nil {
				return false
			}
			r.OtherNames = append(r.OtherNames, "DirName:"+directory.String())
		default:
			r.OtherNames = append(r.OtherNames, "GeneralName ["+string('0'+byte(tag&0xf)%10)+"]")
		}
	}
	return true
}

// otherName names an OtherName: the user principal name as text, others by their type.
func otherName(in cryptobyte.String) string {
	var id asn1.ObjectIdentifier
	var value, text cryptobyte.String
	if !in.ReadASN1ObjectIdentifier(&id) {
		return "otherName"
	}
	if id.Equal(oidPrincipalName) && in.ReadASN1(&value, cbasn1.Tag(0).Constructed().ContextSpecific()) &&
		value.ReadASN1(&text, cbasn1.UTF8String) && utf8.Valid(text) {
		return "UPN:" + string(text)
	}
	return "otherName:" + id.String()
}

// decodeUTF16 is the text of bytes in UTF-16, of either order, with the mark at their beginning.
func decodeUTF16(data []byte) []byte {
	big := data[0] == 0xFE
	var units []uint16
	for i := 2; i+1 < len(data); i += 2 {
		if big {
			units = append(units, uint16(data[i])<<8|uint16(data[i+1]))
		} else {
			units = append(units, uint16(data[i+1])<<8|uint16(data[i]))
		}
	}
	return []byte(string(utf16.Decode(units)))
}
