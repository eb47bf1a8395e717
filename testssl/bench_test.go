package testssl

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"slices"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/lab"
)

// BenchmarkVisits compares, in one run and in turns, a visit to TestSSL with one to the least that
// a Go server can do: demand a card of the lab, verify its chain, and print its subject. Each visit
// is a new connection with a full handshake and one request, by a card with an RSA 2048 key to a
// server with another, as the real ones are. First is the time to the page's first byte after the
// handshake.
func BenchmarkVisits(b *testing.B) {
	s := newSite(b)
	card := rsaCard(b, s.lab)
	s.lab.Config.Key = ca.RSA2048
	if err := s.server.Prepare(b.Context()); err != nil {
		b.Fatal(err)
	}
	own := s.server.certificate.Current(b.Context())
	known, err := s.server.verifier.ClientCAs(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	bare := listen(b)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, r.TLS.PeerCertificates[0].Subject)
	})}
	go server.Serve(tls.NewListener(bare, &tls.Config{Certificates: []tls.Certificate{own}, ClientAuth: tls.RequireAndVerifyClientCert,
		ClientCAs: known, Time: s.server.now, MaxVersion: tls.VersionTLS12, SessionTicketsDisabled: true, NextProtos: []string{"http/1.1"}}))
	b.Cleanup(func() { server.Close() })

	visit := func(url string) (whole, first time.Duration) {
		client := s.client(card)
		defer client.CloseIdleConnections()
		var shaken, byteOne time.Time
		trace := &httptrace.ClientTrace{TLSHandshakeDone: func(tls.ConnectionState, error) { shaken = time.Now() },
			GotFirstResponseByte: func() { byteOne = time.Now() }}
		req, err := http.NewRequestWithContext(httptrace.WithClientTrace(b.Context(), trace), http.MethodGet, url, nil)
		if err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		resp, err := client.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			b.Fatal(resp.Status)
		}
		return time.Since(start), byteOne.Sub(shaken)
	}
	urls := []string{"https://localhost:" + web.Port(bare.Addr().String()) + "/", s.urls[Default.Name]}
	wholes, firsts := make([][]time.Duration, len(urls)), make([][]time.Duration, len(urls))
	visit(urls[1]) // the CRL and the responder are made
	for b.Loop() {
		for i, url := range urls {
			whole, first := visit(url)
			wholes[i], firsts[i] = append(wholes[i], whole), append(firsts[i], first)
		}
	}
	median := func(list []time.Duration) float64 {
		slices.Sort(list)
		return float64(list[len(list)/2].Microseconds()) / 1000
	}
	b.ReportMetric(median(wholes[0]), "bare-ms")
	b.ReportMetric(median(wholes[1]), "testssl-ms")
	b.ReportMetric(median(wholes[0])/median(wholes[1]), "of-bare")
	b.ReportMetric(median(firsts[0]), "bare-first-ms")
	b.ReportMetric(median(firsts[1]), "first-ms")
}

// BenchmarkReport is the report alone, past TLS.
func BenchmarkReport(b *testing.B) {
	s := newSite(b)
	leaf, err := x509.ParseCertificate(rsaCard(b, s.lab).Certificate[0])
	if err != nil {
		b.Fatal(err)
	}
	state := &tls.ConnectionState{Version: tls.VersionTLS12, PeerCertificates: []*x509.Certificate{leaf}}
	for b.Loop() {
		if r, err := s.server.verifier.Check(b.Context(), state); err != nil || !r.OK {
			b.Fatal(r, err)
		}
	}
}

func rsaCard(b *testing.B, lab *lab.Lab) *tls.Certificate {
	b.Helper()
	identity, err := fixtures.Find("alain")
	if err != nil {
		b.Fatal(err)
	}
	return certify(b, lab, ca.IssueRequest{Product: "cps", Holder: identity.Holder}, "authentication", "signature")
}

// certify has the lab issue a product for RSA keys, and returns its first certificate.
func certify(b *testing.B, lab *lab.Lab, req ca.IssueRequest, roles ...string) *tls.Certificate {
	b.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		b.Fatal(err)
	}
	req.PublicKeys = map[string][]byte{}
	for _, role := range roles {
		req.PublicKeys[role] = public
	}
	issued, err := lab.Issue(b.Context(), req)
	if err != nil {
		b.Fatal(err)
	}
	leaf, err := issued.Records[0].Certificate()
	if err != nil {
		b.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{leaf.Raw, issued.Chain[0]}, PrivateKey: key, Leaf: leaf}
}

// BenchmarkPage is the report and its page, past TLS.
func BenchmarkPage(b *testing.B) {
	s := newSite(b)
	leaf, err := x509.ParseCertificate(rsaCard(b, s.lab).Certificate[0])
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "https://localhost/", nil)
	r.TLS = &tls.ConnectionState{Version: tls.VersionTLS12, PeerCertificates: []*x509.Certificate{leaf}}
	for b.Loop() {
		w := httptest.NewRecorder()
		if s.https[Default.Name].Handler.ServeHTTP(w, r); w.Code != http.StatusOK {
			b.Fatal(w.Code)
		}
	}
}
