package csr

import (
	"crypto/x509"
	"encoding/asn1"
	"slices"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// LeftAside says what the request asks for and the certificate that was issued for it does not
// have, an item a text. What cannot be compared is named.
func (r *Request) LeftAside(certificate []byte) (aside []i18n.Text) {
	say := func(fr, en, value string) {
		aside = append(aside, i18n.Text{FR: fr + printable(value), EN: en + printable(value)})
	}
	cert, err := x509.ParseCertificate(certificate)
	if err != nil {
		return nil
	}
	subject, err := profiles.ParseName(cert.RawSubject)
	if err != nil {
		return nil
	}
	for _, rdn := range r.Subject {
		for _, a := range rdn {
			if !has(subject, a) && !(a.Type.Equal(oidEmailAddress) && slices.Contains(cert.EmailAddresses, a.Value)) {
				say("sujet, ", "subject, ", profiles.Name{{a}}.String())
			}
		}
	}
	names := "subjectAltName, "
	granted := func(list []string, name string) bool {
		return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, name) })
	}
	for _, name := range r.DNSNames {
		if !granted(cert.DNSNames, name) {
			say(names, names, "DNS:"+name)
		}
	}
	for _, name := range r.EmailAddresses {
		if !granted(cert.EmailAddresses, name) {
			say(names, names, "email:"+name)
		}
	}
	for _, ip := range r.IPAddresses {
		if !slices.ContainsFunc(cert.IPAddresses, ip.Equal) {
			say(names, names, "IP:"+ip.String())
		}
	}
	for _, name := range r.OtherNames {
		say(names, names, name)
	}
	for _, ext := range r.extensions {
		switch {
		case ext.Id.Equal(oidSubjectAltName):
		case ext.Id.Equal(oidKeyUsage):
			for _, usage := range keyUsages(ext.Value) {
				if cert.KeyUsage&usage.bit == 0 {
					say("keyUsage, ", "keyUsage, ", usage.name)
				}
			}
		case ext.Id.Equal(oidExtendedKeyUsage):
			for _, id := range extendedUsages(ext.Value) {
				if !grantsUsage(cert, id) {
					say("extKeyUsage, ", "extKeyUsage, ", oidName(id))
				}
			}
		case ext.Id.Equal(oidBasicConstraints):
			if asksForAuthority(ext.Value) {
				say("basicConstraints, ", "basicConstraints, ", "CA:TRUE")
			}
		case ext.Id.Equal(oidSubjectKeyID):
			var id []byte
			if _, err := asn1.Unmarshal(ext.Value, &id); err != nil || !slices.Equal(id, cert.SubjectKeyId) {
				say("extension ", "extension ", "subjectKeyIdentifier")
			}
		default:
			say("extension ", "extension ", oidName(ext.Id))
		}
	}
	for _, id := range r.attributes { // a challenge password is named, and not shown
		say("attribut ", "attribute ", oidName(id))
	}
	return aside
}

var oidEmailAddress = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}

// printable takes control characters out of the text of a request, and bounds it.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x200b && r <= 0x200f || r >= 0x2028 && r <= 0x202e ||
			r >= 0x2066 && r <= 0x2069 || r == 0xfeff {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if runes := []rune(s); len(runes) > 200 {
		return string(runes[:200]) + "…"
	}
	return s
}

func has(subject profiles.Name, a profiles.AVA) bool {
	return slices.ContainsFunc(subject, func(rdn profiles.RDN) bool {
		return slices.ContainsFunc(rdn, func(b profiles.AVA) bool { return a.Type.Equal(b.Type) && a.Value == b.Value })
	})
}

type keyUsage struct {
	bit  x509.KeyUsage
	name string
}

var allKeyUsages = []keyUsage{
	{x509.KeyUsageDigitalSignature, "digitalSignature"}, {x509.KeyUsageContentCommitment, "nonRepudiation"},
	{x509.KeyUsageKeyEncipherment, "keyEncipherment"}, {x509.KeyUsageDataEncipherment, "dataEncipherment"},
	{x509.KeyUsageKeyAgreement, "keyAgreement"}, {x509.KeyUsageCertSign, "keyCertSign"}, {x509.KeyUsageCRLSign,
		"cRLSign"},
	{x509.KeyUsageEncipherOnly, "encipherOnly"}, {x509.KeyUsageDecipherOnly, "decipherOnly"},
}

func keyUsages(value []byte) (list []keyUsage) {
	var bits asn1.BitString
	if _, err := asn1.Unmarshal(value, &bits); err != nil {
		return nil
	}
	for i, usage := range allKeyUsages {
		if bits.At(i) != 0 {
			list = append(list, usage)
		}
	}
	return list
}

func extendedUsages(value cryptobyte.String) (list []asn1.ObjectIdentifier) {
	var all cryptobyte.String
	if !value.ReadASN1(&all, cbasn1.SEQUENCE) {
		return nil
	}
	for !all.Empty() {
		var id asn1.ObjectIdentifier
		if !all.ReadASN1ObjectIdentifier(&id) {
			return list
		}
		list = append(list, id)
	}
	return list
}

func grantsUsage(cert *x509.Certificate, id asn1.ObjectIdentifier) bool {
	for _, ext := range cert.Extensions {
		if ext.Id.Equal(oidExtendedKeyUsage) {
			return slices.ContainsFunc(extendedUsages(ext.Value), id.Equal)
		}
	}
	return false
}

func asksForAuthority(value cryptobyte.String) bool {
	var constraints cryptobyte.String
	var ca bool
	return value.ReadASN1(&constraints, cbasn1.SEQUENCE) && constraints.PeekASN1Tag(cbasn1.BOOLEAN) &&
		constraints.ReadASN1Boolean(&ca) && ca
}

// oidNames names what requests are seen to ask for.
var oidNames = map[string]string{
	"1.2.840.113549.1.9.2":   "unstructuredName",
	"1.2.840.113549.1.9.7":   "challengePassword",
	"1.2.840.113549.1.9.8":   "unstructuredAddress",
	"1.2.840.113549.1.9.15":  "sMIMECapabilities",
	"1.3.6.1.4.1.311.2.1.21": "individualCodeSigning",
	"1.3.6.1.4.1.311.10.3.4": "encryptingFileSystem",
	"1.3.6.1.4.1.311.13.2.1": "enrollmentNameValuePair (Microsoft)",
	"1.3.6.1.4.1.311.13.2.2": "enrollmentCSP (Microsoft)",
	"1.3.6.1.4.1.311.13.2.3": "OSVersion (Microsoft)",
	"1.3.6.1.4.1.311.20.2":   "certificateTemplateName (Microsoft)",
	"1.3.6.1.4.1.311.20.2.2": "smartcardLogon",
	"1.3.6.1.4.1.311.21.7":   "certificateTemplate (Microsoft)",
	"1.3.6.1.4.1.311.21.10":  "applicationPolicies (Microsoft)",
	"1.3.6.1.4.1.311.21.20":  "requestClientInfo (Microsoft)",
	"1.3.6.1.4.1.311.25.2":   "szOID_NTDS_CA_SECURITY_EXT (Microsoft)",
	"1.3.6.1.5.5.7.1.24":     "TLS feature (must-staple)",
	"1.3.6.1.5.5.7.3.1":      "serverAuth",
	"1.3.6.1.5.5.7.3.2":      "clientAuth",
	"1.3.6.1.5.5.7.3.3":      "codeSigning",
	"1.3.6.1.5.5.7.3.4":      "emailProtection",
	"1.3.6.1.5.5.7.3.8":      "timeStamping",
	"1.3.6.1.5.5.7.3.9":      "OCSPSigning",
	"2.5.29.16":              "privateKeyUsagePeriod",
	"2.5.29.17":              "subjectAltName",
	"2.5.29.30":              "nameConstraints",
	"2.5.29.31":              "cRLDistributionPoints",
	"2.5.29.32":              "certificatePolicies",
	"2.5.29.35":              "authorityKeyIdentifier",
	"2.5.29.37.0":            "anyExtendedKeyUsage",
	"2.16.840.1.113730.1.1":  "netscapeCertType",
	"2.16.840.1.113730.1.13": "netscapeComment",
}

func oidName(id asn1.ObjectIdentifier) string {
	if name, ok := oidNames[id.String()]; ok {
		return name
	}
	return id.String()
}

// HasAttribute tells whether the request has an attribute, by its OID in dotted form. Those that
// ask for extensions are not meant.
func (r *Request) HasAttribute(oid string) bool {
	return slices.ContainsFunc(r.attributes, func(id asn1.ObjectIdentifier) bool { return id.String() == oid })
}
