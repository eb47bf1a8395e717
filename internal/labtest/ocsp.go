package labtest

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"net/url"
	"testing"

	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/internal/der"
)

// CertID is the CertID of a certificate as most clients write it, with SHA-1.
func CertID(t testing.TB, leaf, issuer *x509.Certificate) []byte {
	t.Helper()
	encoded, err := ocsp.CreateRequest(leaf, issuer, nil)
	if err != nil {
		t.Fatal(err)
	}
	var request struct {
		TBS struct{ List []struct{ ID asn1.RawValue } }
	}
	if _, err := asn1.Unmarshal(encoded, &request); err != nil {
		t.Fatal(err)
	}
	return request.TBS.List[0].ID.FullBytes
}

// CertID is the CertID of a card's first certificate.
func (l *CardLab) CertID(t testing.TB, card int) []byte {
	t.Helper()
	leaf, issuer := l.Certificates(t, l.Cards[card])
	return CertID(t, leaf, issuer)
}

// OCSPRequest is an OCSPRequest: before comes between the beginning of the TBSRequest and its
// requestList, after behind it.
func OCSPRequest(before []byte, ids [][]byte, singleExtensions, after []byte) []byte {
	var list []byte
	for _, id := range ids {
		list = append(list, der.Element(cbasn1.SEQUENCE, id, singleExtensions)...)
	}
	return der.Element(cbasn1.SEQUENCE, der.Element(cbasn1.SEQUENCE, before, der.Element(cbasn1.SEQUENCE, list), after))
}

// Nonce is the value of a nonce extension, of n bytes.
func Nonce(n int) []byte { return der.Element(cbasn1.OCTET_STRING, bytes.Repeat([]byte{0xa5}, n)) }

// WithNonce adds a nonce extension to an OCSPRequest.
func WithNonce(t testing.TB, request, nonce []byte) []byte {
	t.Helper()
	type ext struct {
		ID    asn1.ObjectIdentifier
		Value []byte
	}
	var outer struct{ TBS struct{ List asn1.RawValue } }
	if _, err := asn1.Unmarshal(request, &outer); err != nil {
		t.Fatal(err)
	}
	encoded, err := asn1.Marshal(struct {
		TBS struct {
			List       asn1.RawValue
			Extensions []ext `asn1:"explicit,tag:2"`
		}
	}{struct {
		List       asn1.RawValue
		Extensions []ext `asn1:"explicit,tag:2"`
	}{outer.TBS.List, []ext{{asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 2}, nonce}}}})
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

// OCSPGet is a whole HTTP request that asks by GET, of a responder whose address has no path.
func OCSPGet(request []byte) []byte {
	return []byte("GET /" + url.PathEscape(base64.StdEncoding.EncodeToString(request)) + " HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

// OCSPPost is a whole HTTP request that asks by POST.
func OCSPPost(request []byte) []byte {
	head := fmt.Sprintf("POST /ocsp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/ocsp-request\r\nContent-Length: %d\r\n\r\n", len(request))
	return append([]byte(head), request...)
}
