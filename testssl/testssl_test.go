package testssl

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"html"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/jsonschema"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation"
	"github.com/igc-lab/igc/revocation/crl"
	"github.com/igc-lab/igc/revocation/ocsp"
	"github.com/igc-lab/igc/verify"
)

// site is TestSSL on a lab of its own, with every mode listening.
type site struct {
	lab       *lab.Lab
	crls      *crl.Issuer
	responder *ocsp.Responder
	server    *Server
	clock     movedClock
	urls      map[string]string
	https     map[string]*http.Server
	plain     string // the plain port
	roots     *x509.CertPool
}

// movedClock is a clock that a test moves while servers read it.
type movedClock struct {
	mu  sync.Mutex
	now time.Time
}

func (s *site) now() time.Time {
	s.clock.mu.Lock()
	defer s.clock.mu.Unlock()
	return s.clock.now
}

func (s *site) move(to time.Time) {
	s.clock.mu.Lock()
	defer s.clock.mu.Unlock()
	s.clock.now = to
}

func newLab(t testing.TB, now func() time.Time, publication string) *lab.Lab {
	t.Helper()
	config := lab.DefaultConfig()
	config.Key = ca.P256
	config.URLs.Publication, config.URLs.OCSP = publication, publication+"/ocsp"
	lab, err := lab.Create(filepath.Join(t.TempDir(), "lab"), config, lab.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	if err := lab.Lock(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lab.Unlock() })
	return lab
}

func newSite(t testing.TB) *site {
	t.Helper()
	s := &site{urls: map[string]string{}, https: map[string]*http.Server{}, roots: x509.NewCertPool()}
	s.move(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	clock := s.now
	plain := listen(t)
	s.plain = "http://localhost:" + web.Port(plain.Addr().String())
	s.lab = newLab(t, clock, s.plain)
	lists, responder := crl.NewIssuer(s.lab, clock), newResponder(t, s.lab, clock)
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	s.crls, s.responder = lists, responder
	server := New(s.lab, lists, responder, clock, log)
	s.server = server
	if err := errors.Join(server.Prepare(t.Context()), server.LoadToken()); err != nil {
		t.Fatal(err)
	}
	for _, m := range Modes {
		l := listen(t)
		h := server.HTTP(m)
		s.https[m.Name] = h
		s.urls[m.Name] = server.Listen(m, l.Addr())
		go h.Serve(server.TLS(m, l))
		t.Cleanup(func() { h.Close() })
	}
	h := &http.Server{Handler: server.Catalogue(revocation.NewPublication(s.lab, lists, responder, log), plain.Addr())}
	go h.Serve(plain)
	t.Cleanup(func() { h.Close() })
	infos, err := s.lab.Authorities(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range infos {
		c, err := x509.ParseCertificate(i.DER)
		if err != nil {
			t.Fatal(err)
		}
		if i.ID == "ACR-EL" {
			s.roots.AddCert(c)
		}
	}
	return s
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// issue gives the certificates of a card, by role.
func issue(t testing.TB, lab *lab.Lab, notBefore time.Time) map[string]*tls.Certificate {
	t.Helper()
	identity, err := fixtures.Find("alain")
	if err != nil {
		t.Fatal(err)
	}
	keys, public := map[string]crypto.Signer{}, map[string][]byte{}
	for _, role := range []string{"authentication", "signature"} {
		if keys[role], err = ca.P256.Generate(); err != nil {
			t.Fatal(err)
		}
		if public[role], err = x509.MarshalPKIXPublicKey(keys[role].Public()); err != nil {
			t.Fatal(err)
		}
	}
	issued, err := lab.Issue(t.Context(), ca.IssueRequest{Product: "cps", Holder: identity.Holder, PublicKeys: public, NotBefore: notBefore})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*tls.Certificate{}
	for i, role := range []string{"authentication", "signature"} {
		out[role] = &tls.Certificate{Certificate: [][]byte{issued.Records[i].DER}, PrivateKey: keys[role]}
	}
	return out
}

func serial(t testing.TB, c *tls.Certificate) string {
	t.Helper()
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return profiles.SerialHex(leaf.SerialNumber)
}

// client presents the certificate whatever the server asks for, as no browser does; nil presents
// none.
func (s *site) client(c *tls.Certificate) *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.roots, Time: func() time.Time { return s.now() },
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if c == nil {
				return &tls.Certificate{}, nil
			}
			return c, nil
		}}}}
}

func (s *site) get(t testing.TB, mode, path string, c *tls.Certificate) (*http.Response, string) {
	t.Helper()
	client := s.client(c)
	defer client.CloseIdleConnections()
	resp, err := client.Get(s.urls[mode] + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func selfSigned(t testing.TB, now time.Time) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: `<script>alert(1)</script>`}, NotBefore: now.Add(-time.Hour),
		NotAfter: now.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// maxPage is what a page may weigh, in bytes: nothing else is loaded with it.
const maxPage = 60_000

// Each visitor ends on a page with its own code, in HTML and in JSON, and never on a broken
// connection; the strict port refuses what the page says would be refused, and nothing else.
func TestVisitors(t *testing.T) {
	s := newSite(t)
	schema, err := jsonschema.Load("../docs/card.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	good := issue(t, s.lab, time.Time{})
	revoked := issue(t, s.lab, time.Time{})
	if _, err := s.lab.Revoke(t.Context(), serial(t, revoked["authentication"]), "keyCompromise"); err != nil {
		t.Fatal(err)
	}
	elsewhere := newLab(t, func() time.Time { return s.now() }, "http://localhost:1")
	for name, tc := range map[string]struct {
		card         *tls.Certificate
		code         verify.Code
		verification string
		words        string
	}{
		"no card":       {nil, "TLS-NOCERT", "", "<code>igc card unblock</code> la débloque"},
		"good":          {good["authentication"], verify.OK, "SUCCESS", "Votre carte fonctionne"},
		"signature":     {good["signature"], "USAGE-NOT-AUTH", "FAILED:unsuitable certificate purpose", "certificat de SIGNATURE"},
		"revoked":       {revoked["authentication"], "REV-CRL-REVOKED", "FAILED:certificate revoked", "keyCompromise"},
		"expired":       {issue(t, s.lab, s.now().AddDate(-4, 0, 0))["authentication"], "DATE-EXPIRED", "FAILED:certificate has expired", "expiré depuis le"},
		"not yet valid": {issue(t, s.lab, s.now().AddDate(0, 1, 0))["authentication"], "DATE-NOT-YET", "FAILED:certificate is not yet valid", "valable seulement à partir du"},
		"another lab's": {issue(t, elsewhere, time.Time{})["authentication"], "CHAIN-UNKNOWN-ROOT", "FAILED:unable to get local issuer certificate", "émetteur inconnu"},
		"anybody's":     {selfSigned(t, s.now()), "CHAIN-UNKNOWN-ROOT", "FAILED:unable to get local issuer certificate", "Aucun produit de l'IGC-Santé"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, mode := range []string{Default.Name, TLS13.Name, AnyCA.Name} {
				resp, body := s.get(t, mode, "api/v1/card", tc.card)
				var r verify.Report
				if err := schema.Check(json.RawMessage(body)); err != nil {
					t.Errorf("%s: %v", mode, err)
				}
				if err := json.Unmarshal([]byte(body), &r); err != nil || resp.StatusCode != http.StatusOK {
					t.Fatalf("%s: %s, %v", mode, resp.Status, err)
				}
				if r.Verdict != tc.code || r.OK != (tc.code == verify.OK) || r.Screen != nil && r.Screen.Verification != tc.verification {
					t.Errorf("%s: verdict %s, screen %+v", mode, r.Verdict, r.Screen)
				}
				resp, page := s.get(t, mode, "", tc.card)
				if strings.Contains(page, "<script>alert") {
					t.Errorf("%s: a script came through", mode)
				}
				page = html.UnescapeString(page)
				if resp.StatusCode != http.StatusOK || !strings.Contains(page, tc.words) || tc.code != verify.OK && !strings.Contains(page, string(tc.code)) {
					t.Errorf("%s: %s, the page lacks %q or %s", mode, resp.Status, tc.words, tc.code)
				}
				if len(page) >= maxPage {
					t.Errorf("%s: the page has %d bytes", mode, len(page))
				}
				if csp := resp.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || resp.Header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s: headers %v", mode, resp.Header)
				}
			}
			client := s.client(tc.card)
			defer client.CloseIdleConnections()
			resp, err := client.Get(s.urls[Strict.Name])
			if err == nil {
				resp.Body.Close()
			}
			if (err == nil) != (tc.code == verify.OK) {
				t.Errorf("strict: %v", err)
			}
		})
	}
}

// The screen has the words and formats of the public one.
func TestScreen(t *testing.T) {
	s := newSite(t)
	c := issue(t, s.lab, time.Date(2026, 9, 1, 11, 46, 48, 0, time.UTC))["authentication"]
	_, body := s.get(t, Default.Name, "api/v1/card", c)
	var r verify.Report
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatal(err)
	}
	want := verify.Screen{Organisation: "ASIP-SANTE", Autorite: "0002 187512751", Classe: "TEST AC IGC-SANTE FORT PERSONNES",
		Prenom: "ALAIN", Nom: "DODO0020981", Identifiant: "899700209812", Serie: serial(t, c),
		Cree: "Sep  1 11:46:48 2026 GMT", Expire: "Sep  1 11:46:48 2029 GMT", Verification: "SUCCESS"}
	if r.Screen == nil || *r.Screen != want {
		t.Errorf("screen %+v\nwant   %+v", r.Screen, want)
	}
	_, page := s.get(t, Default.Name, "", c)
	page = html.UnescapeString(page)
	for _, words := range []string{"Information sur votre carte CPS", "Valeurs", "IGC CPS", "ORGANISATION", "AUTORITE", "CLASSE", "IDENTITE", "Prénom", "Nom",
		"Identifiant", "Ville", "Certificat d'AUTHENTIFICATION", "N° de série", "Créé le :", "Expire le :", "Vérification", "Cert. X509", "Votre certificat d'auth. X509", "LAB / TEST"} {
		if !strings.Contains(page, words) {
			t.Errorf("the page lacks %q", words)
		}
	}
	for path, kind := range map[string]string{"card.der": "application/pkix-cert", "card.pem": "application/x-pem-file"} {
		resp, body := s.get(t, Default.Name, path, c)
		if resp.Header.Get("Content-Type") != kind || !strings.Contains(body, string(c.Certificate[0])) && !strings.HasPrefix(body, "-----BEGIN CERTIFICATE-----") {
			t.Errorf("%s: %s, %d bytes", path, resp.Header.Get("Content-Type"), len(body))
		}
		if resp, _ := s.get(t, Default.Name, path, nil); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s without a card: %s", path, resp.Status)
		}
	}
}

// A revocation is seen at the next look at the page, on the same connection too.
func TestRevocationIsSeenAtOnce(t *testing.T) {
	s := newSite(t)
	c := issue(t, s.lab, time.Time{})["authentication"]
	client := s.client(c)
	verdict := func() verify.Code {
		resp, err := client.Get(s.urls[Default.Name] + "api/v1/card")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var r verify.Report
		if err := json.NewDecoder(resp.Body).Decode(&r); err != nil {
			t.Fatal(err)
		}
		return r.Verdict
	}
	if v := verdict(); v != verify.OK {
		t.Fatalf("before: %s", v)
	}
	if _, err := s.lab.Revoke(t.Context(), serial(t, c), "affiliationChanged"); err != nil {
		t.Fatal(err)
	}
	if v := verdict(); v != "REV-CRL-REVOKED" {
		t.Errorf("after: %s", v)
	}
}

// What the ports ask for and speak: the list of authorities that browsers filter cards by, and the
// versions that cards can do.
func TestModes(t *testing.T) {
	s := newSite(t)
	issue(t, s.lab, time.Time{})
	for mode, want := range map[string]struct {
		version     uint16
		authorities int
	}{Default.Name: {tls.VersionTLS12, 4}, TLS13.Name: {tls.VersionTLS13, 4}, AnyCA.Name: {tls.VersionTLS12, 0}} {
		var asked *tls.CertificateRequestInfo
		conn, err := tls.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(s.urls[mode], "https://"), "/"), &tls.Config{RootCAs: s.roots, Time: func() time.Time { return s.now() },
			GetClientCertificate: func(i *tls.CertificateRequestInfo) (*tls.Certificate, error) {
				asked = i
				return &tls.Certificate{}, nil
			}})
		if err != nil {
			t.Fatal(mode, err)
		}
		state := conn.ConnectionState()
		conn.Close()
		if asked == nil || len(asked.AcceptableCAs) != want.authorities || state.Version != want.version {
			t.Errorf("%s: asked %v, %s", mode, asked, tls.VersionName(state.Version))
		}
		d, err := profiles.Decode(state.PeerCertificates[0].Raw)
		if err != nil || d.Profile == nil || d.Profile.ID() != "ssl-serv/server" {
			t.Errorf("%s: the server's own certificate is not an SSL_SERV: %v, %v", mode, d, err)
		}
	}
}

// Another card is asked for on a host name that the browser has not seen, and the server's
// certificate holds that name.
func TestAnotherCard(t *testing.T) {
	s := newSite(t)
	client := s.client(nil)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	seen := map[string]bool{}
	for range 3 {
		resp, err := client.Get(s.urls[Default.Name] + "autre-carte")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		to, err := resp.Location()
		if err != nil || !resp.Close || seen[to.Host] || !strings.HasSuffix(to.Hostname(), ".carte.localhost") {
			t.Fatalf("sent to %v, %v, connection closed: %t", to, err, resp.Close)
		}
		seen[to.Host] = true
		there := s.client(nil)
		there.Transport.(*http.Transport).DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", to.Port()))
		}
		page, err := there.Get(to.String())
		if err != nil {
			t.Fatal(err)
		}
		page.Body.Close()
	}
}

// A client whose certificate message has bytes that are not a certificate gets an alert from TLS
// itself.
func TestGarbageCertificate(t *testing.T) {
	s := newSite(t)
	c := issue(t, s.lab, time.Time{})["authentication"]
	garbage := &tls.Certificate{Certificate: [][]byte{append([]byte{0x30, 3}, 1, 2, 3)}, PrivateKey: c.PrivateKey}
	client := s.client(garbage)
	resp, err := client.Get(s.urls[Default.Name])
	if err == nil {
		resp.Body.Close()
	}
	var alert *net.OpError
	if err == nil || !errors.As(err, &alert) && !strings.Contains(err.Error(), "tls") {
		t.Errorf("%v", err)
	}
}

// newResponder makes a responder that follows the lab's changes of status.
func newResponder(t testing.TB, lab *lab.Lab, now func() time.Time) *ocsp.Responder {
	t.Helper()
	r, err := revocation.NewResponder(t.Context(), lab, now)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
