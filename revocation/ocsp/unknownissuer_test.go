package ocsp

import (
	"bytes"
	"crypto/rand"
	"testing"

	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
	xocsp "golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/internal/der"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/profiles"
)

// An authority that is made after others were asked for in vain is answered for.
func TestAuthorityMadeLater(t *testing.T) {
	l := newTestLab(t, 1)
	r := newResponder(t, l.Lab, l.Clock())
	leaf, issuer := l.Certificates(t, l.Cards[0])
	elsewhere := *issuer
	elsewhere.RawSubject = leaf.RawSubject
	request, err := xocsp.CreateRequest(leaf, &elsewhere, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got, err := r.Answer(t.Context(), request); err != nil || !bytes.Equal(got, xocsp.UnauthorizedErrorResponse) {
			t.Fatalf("%x, %v", got, err)
		}
	}
	later, err := profiles.ParseAuthority("ACI-EL-PP")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Ensure(t.Context(), []profiles.Authority{later}); err != nil {
		t.Fatal(err)
	}
	made, err := l.Issuer(t.Context(), later)
	if err != nil {
		t.Fatal(err)
	}
	if request, err = xocsp.CreateRequest(leaf, made.Certificate, nil); err != nil {
		t.Fatal(err)
	}
	der, err := r.Answer(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := xocsp.ParseResponse(der, made.Certificate); err != nil || answer.Status != xocsp.Unknown {
		t.Errorf("%+v, %v", answer, err)
	}
}

// A request of as many unknown issuers as a request may hold, against one of a certificate whose
// answer is kept: the answer to the unknown costs no more than some look-ups.
func BenchmarkUnknownIssuers(b *testing.B) {
	l := newTestLab(b, 1)
	r := newResponder(b, l.Lab, l.Clock())
	leaf, issuer := l.Certificates(b, l.Cards[0])
	known, err := xocsp.CreateRequest(leaf, issuer, nil)
	if err != nil {
		b.Fatal(err)
	}
	var ids [][]byte
	for range maxIDs {
		name, key := make([]byte, 20), make([]byte, 20)
		rand.Read(name)
		rand.Read(key)
		ids = append(ids, der.Element(cbasn1.SEQUENCE, der.Element(cbasn1.SEQUENCE, certIDHashes[0].oid, []byte{5, 0}),
			der.Element(cbasn1.OCTET_STRING, name), der.Element(cbasn1.OCTET_STRING, key), der.Element(cbasn1.INTEGER, []byte{1})))
	}
	for name, request := range map[string][]byte{"known": known, "unknown": labtest.OCSPRequest(nil, ids, nil, nil)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := r.Answer(b.Context(), request); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
