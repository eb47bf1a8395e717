package verify

import (
	"bytes"
	"crypto/sha1"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/profiles"
)

// Header is a variable that a server in front of an application fills from the card, under the
// names that nginx and Apache's mod_ssl have for it; empty where one has none.
type Header struct {
	Nginx  string `json:"nginx,omitempty"`
	Apache string `json:"apache,omitempty"`
	Value  string `json:"value"`
}

// headers are what hospitals' applications read behind nginx or Apache. The names in RFC 2253 form
// are OpenSSL's, which both servers use; nginx writes letters beyond ASCII as \C3\A9, Apache as
// they are.
func headers(r *Report, leaf *x509.Certificate, now time.Time) []Header {
	remain := max(0, int(leaf.NotAfter.Sub(now)/(24*time.Hour)))
	serial := profiles.SerialHex(leaf.SerialNumber)
	sum := sha1.Sum(leaf.Raw)
	subject, issuer := rfc2253(leaf.RawSubject, true), rfc2253(leaf.RawIssuer, true)
	list := []Header{
		{"$ssl_client_verify", "SSL_CLIENT_VERIFY", r.verification()},
		{"$ssl_client_s_dn", "", subject},
		{"$ssl_client_i_dn", "", issuer},
	}
	if s, i := rfc2253(leaf.RawSubject, false), rfc2253(leaf.RawIssuer, false); s == subject && i == issuer {
		list[1].Apache, list[2].Apache = "SSL_CLIENT_S_DN", "SSL_CLIENT_I_DN"
	} else {
		list = append(list, Header{"", "SSL_CLIENT_S_DN", s}, Header{"", "SSL_CLIENT_I_DN", i})
	}
	return append(list,
		Header{"$ssl_client_serial", "SSL_CLIENT_M_SERIAL", serial},
		Header{"$ssl_client_fingerprint", "", hex.EncodeToString(sum[:])},
		Header{"$ssl_client_v_start", "SSL_CLIENT_V_START", leaf.NotBefore.UTC().Format(opensslDate)},
		Header{"$ssl_client_v_end", "SSL_CLIENT_V_END", leaf.NotAfter.UTC().Format(opensslDate)},
		Header{"$ssl_client_v_remain", "SSL_CLIENT_V_REMAIN", strconv.Itoa(remain)},
		Header{"$ssl_client_escaped_cert", "", escapeCertificate(leaf.Raw)},
		Header{"$ssl_protocol", "SSL_PROTOCOL", strings.Replace(r.TLS.Version, "TLS 1", "TLSv1", 1)})
}

// escapeCertificate writes the PEM as nginx does for a header.
func escapeCertificate(der []byte) string {
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return strings.ReplaceAll(url.QueryEscape(string(text)), "+", "%20")
}

// opensslNames are the short names that OpenSSL writes; any other attribute goes by its OID.
var opensslNames = map[string]string{
	"2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.9": "street",
	"2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "title", "2.5.4.13": "description", "2.5.4.17": "postalCode", "2.5.4.41": "name",
	"2.5.4.42": "GN", "2.5.4.43": "initials", "2.5.4.44": "generationQualifier", "2.5.4.46": "dnQualifier", "2.5.4.65": "pseudonym",
	"2.5.4.97": "organizationIdentifier", "0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC", "1.2.840.113549.1.9.1": "emailAddress",
}

// rfc2253 writes a DER name as X509_NAME_print_ex does with XN_FLAG_RFC2253: the last RDN first,
// and within one the last attribute first. ascii escapes letters beyond ASCII, as nginx has it and
// mod_ssl has not. A name that cannot be read is "".
func rfc2253(der []byte, ascii bool) string {
	in := cryptobyte.String(der)
	var seq cryptobyte.String
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) {
		return ""
	}
	out := ""
	for !seq.Empty() {
		var set cryptobyte.String
		if !seq.ReadASN1(&set, cbasn1.SET) {
			return ""
		}
		rdn := ""
		for !set.Empty() {
			var ava, value, element cryptobyte.String
			var oid asn1.ObjectIdentifier
			var tag cbasn1.Tag
			if !set.ReadASN1(&ava, cbasn1.SEQUENCE) || !ava.ReadASN1ObjectIdentifier(&oid) || !ava.ReadAnyASN1Element(&element, &tag) {
				return ""
			}
			whole := element
			element.ReadAnyASN1(&value, &tag)
			name, known := opensslNames[oid.String()]
			text, readable := stringValue(tag, value)
			one := oid.String() + "=#" + strings.ToUpper(hex.EncodeToString(whole))
			switch {
			case known && readable:
				one = name + "=" + escapeValue(text, ascii)
			case known:
				one = name + "=#" + strings.ToUpper(hex.EncodeToString(whole))
			}
			if rdn != "" {
				one += "+"
			}
			rdn = one + rdn
		}
		if out != "" {
			rdn += ","
		}
		out = rdn + out
	}
	return out
}

// stringValue reads the string types as OpenSSL converts them to UTF-8: T61String is Latin-1 to it.
func stringValue(tag cbasn1.Tag, value []byte) (string, bool) {
	switch tag {
	case cbasn1.UTF8String:
		return string(value), true
	case cbasn1.PrintableString, cbasn1.IA5String, cbasn1.T61String, 18, 26: // NumericString, VisibleString
		runes := make([]rune, len(value))
		for i, b := range value {
			runes[i] = rune(b)
		}
		return string(runes), true
	case 30: // BMPString
		units := make([]uint16, len(value)/2)
		for i := range units {
			units[i] = uint16(value[2*i])<<8 | uint16(value[2*i+1])
		}
		return string(utf16.Decode(units)), len(value)%2 == 0
	}
	return "", false
}

// escapeValue escapes by RFC 2253 §2.4, byte by byte.
func escapeValue(s string, ascii bool) string {
	var b bytes.Buffer
	for i := range len(s) {
		ch := s[i]
		switch {
		case strings.IndexByte(`,+"\<>;`, ch) >= 0, ch == '#' && i == 0, ch == ' ' && (i == 0 || i == len(s)-1):
			b.WriteByte('\\')
			b.WriteByte(ch)
		case ch < ' ' || ch == 0x7f || ch > 0x7f && ascii:
			fmt.Fprintf(&b, `\%02X`, ch)
		default:
			b.WriteByte(ch)
		}
	}
	return b.String()
}
