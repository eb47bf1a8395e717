package testssl

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

// seen is what a visitor sees of the server in a handshake.
func (s *site) seen(t testing.TB) (*x509.Certificate, *ocsp.Response) {
	t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(s.urls[Default.Name], "https://"), "/"),
		&tls.Config{RootCAs: s.roots, Time: func() time.Time { return s.now() }})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	state := conn.ConnectionState()
	answer, err := ocsp.ParseResponseForCert(state.OCSPResponse, state.PeerCertificates[0], state.PeerCertificates[1])
	if err != nil {
		t.Fatalf("stapled: %v", err)
	}
	return state.PeerCertificates[0], answer
}

// The server presents a certificate of the lab with a fresh OCSP answer, asks again when half of
// that is over or the status changes, and renews the certificate by itself.
func TestOwnCertificate(t *testing.T) {
	s := newSite(t)
	first, answer := s.seen(t)
	if answer.Status != ocsp.Good {
		t.Errorf("stapled: %d", answer.Status)
	}
	s.move(s.now().Add(20 * time.Minute))
	if _, again := s.seen(t); !again.ThisUpdate.Equal(answer.ThisUpdate) {
		t.Error("the answer is not kept")
	}
	s.move(s.now().Add(20 * time.Minute))
	if _, again := s.seen(t); !again.ThisUpdate.After(answer.ThisUpdate) {
		t.Error("the answer is kept too long")
	}
	s.move(first.NotBefore.Add(first.NotAfter.Sub(first.NotBefore) * 7 / 10))
	second, answer := s.seen(t)
	if second.SerialNumber.Cmp(first.SerialNumber) == 0 || answer.Status != ocsp.Good {
		t.Error("the certificate is not renewed")
	}
	if _, err := s.lab.Revoke(t.Context(), serial(t, &tls.Certificate{Certificate: [][]byte{second.Raw}}), "superseded"); err != nil {
		t.Fatal(err)
	}
	if _, answer := s.seen(t); answer.Status != ocsp.Revoked {
		t.Error("the stapled answer does not say that the certificate is revoked")
	}
}

// No ticket is given, so each connection is a card anew; and no header has a browser use TLS only
// on localhost.
func TestNothingIsRemembered(t *testing.T) {
	s := newSite(t)
	c := issue(t, s.lab, time.Time{})["authentication"]
	for _, mode := range []Mode{Default, TLS13, AnyCA} {
		sessions := tls.NewLRUClientSessionCache(1)
		for _, card := range []*tls.Certificate{c, nil} {
			transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: s.roots, ClientSessionCache: sessions,
				Time: func() time.Time { return s.now() },
				GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
					if card == nil {
						return &tls.Certificate{}, nil
					}
					return card, nil
				}}}
			resp, err := (&http.Client{Transport: transport}).Get(s.urls[mode.Name])
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.TLS.DidResume || resp.Header.Get("Strict-Transport-Security") != "" {
				t.Errorf("%s: resumed: %t, %v", mode.Name, resp.TLS.DidResume, resp.Header)
			}
		}
	}
}
