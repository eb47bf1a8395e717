package browsers

import (
	"bytes"
	"context"
	"crypto"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/youmark/pkcs8"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation"
	"github.com/igc-lab/igc/revocation/crl"
	"github.com/igc-lab/igc/revocation/ocsp"
	"github.com/igc-lab/igc/testssl"
	"github.com/igc-lab/igc/verify"
)

// stand is TestSSL as visitors meet it on good days and on bad ones: the same lab under a server
// whose clock is wrong, whose CRL is stale, whose OCSP responder is down; and another lab that has
// never heard of the cards.
type stand struct {
	labtest.FixtureSet
	root     string                       // a PEM file of the roots that visitors are to trust
	urls     map[string]map[string]string // by condition, then by mode
	catalogs map[string]string            // the plain port, by condition
}

// conditions are what may be wrong with a server.
var conditions = map[string]struct {
	clock     time.Duration // of the server, against the true one
	stale     bool          // the CRLs
	down      bool          // OCSP
	elsewhere string        // another lab, which has this issuing authority beside that of its server's certificate
}{
	"good":       {},
	"late":       {clock: 4 * 365 * 24 * time.Hour},
	"early":      {clock: -60 * 24 * time.Hour},
	"stale":      {stale: true},
	"down":       {down: true},
	"other lab":  {elsewhere: "ACI-EL-ORG"},
	"incomplete": {elsewhere: "ACI-FO-ORG"}, // the root of the cards' gamme, and not their authority
}

// forgotten are lists that nobody has made anew for ten days.
type forgotten struct{ *crl.Issuer }

func (f forgotten) Get(ctx context.Context, a profiles.Authority) (*crl.CRL, error) {
	list, err := f.Issuer.Get(ctx, a)
	if err != nil {
		return nil, err
	}
	old := *list
	old.ThisUpdate, old.NextUpdate = old.ThisUpdate.AddDate(0, 0, -10), old.NextUpdate.AddDate(0, 0, -10)
	return &old, nil
}

// silent is a responder that nobody reaches.
type silent struct{}

func (silent) Answer(context.Context, []byte) ([]byte, error) {
	return nil, errors.New("dial tcp 127.0.0.1:8080: connect: connection refused")
}

// openStand makes a lab with its fixtures, and opens it under every condition.
func openStand(t testing.TB) *stand {
	t.Helper()
	l := labtest.New(t, "--key", "p256")
	s := &stand{FixtureSet: l.MakeFixtures(filepath.Join(l.Home, "fixtures")), root: filepath.Join(t.TempDir(),
		"roots.pem"),
		urls: map[string]map[string]string{}, catalogs: map[string]string{}}
	l.Issue("--fixture", "alain")
	own, err := lab.Open(l.Home, lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	hold := func(l *lab.Lab) {
		if err := l.Lock(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Unlock() })
	}
	hold(own)
	var roots []byte
	for name, c := range conditions {
		served := own
		if c.elsewhere != "" {
			config := lab.DefaultConfig()
			config.Key = ca.P256
			if served, err = lab.Create(filepath.Join(t.TempDir(), "lab"), config, lab.Options{}); err != nil {
				t.Fatal(err)
			}
			hold(served)
			a, err := profiles.ParseAuthority(c.elsewhere)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := served.Ensure(t.Context(), []profiles.Authority{a}); err != nil {
				t.Fatal(err)
			}
		}
		log := slog.New(slog.NewTextHandler(io.Discard, nil))
		kept, answering := crl.NewIssuer(served, time.Now), newResponder(t, served, time.Now)
		var lists verify.CRLs = kept
		if c.stale {
			lists = forgotten{kept}
		}
		var responder verify.Responder = answering
		if c.down {
			responder = silent{}
		}
		server := testssl.New(served, lists, responder, func() time.Time { return time.Now().Add(c.clock) }, log)
		if err := server.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		root, err := served.Issuer(t.Context(), profiles.Authority{Gamme: profiles.Elementaire})
		if err != nil {
			t.Fatal(err)
		}
		if der := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE",
			Bytes: root.Certificate.Raw}); !bytes.Contains(roots, der) {
			roots = append(roots, der...)
		}
		s.urls[name] = map[string]string{}
		for _, mode := range testssl.Modes {
			listener := listenOn(t)
			s.urls[name][mode.Name] = server.Listen(mode, listener.Addr())
			h := server.HTTP(mode)
			go h.Serve(server.TLS(mode, listener))
			t.Cleanup(func() { h.Close() })
		}
		listener := listenOn(t)
		plain := &http.Server{Handler: server.Catalogue(revocation.NewPublication(served, kept, answering, log),
			listener.Addr()), ReadHeaderTimeout: time.Minute}
		go plain.Serve(listener)
		t.Cleanup(func() { plain.Close() })
		s.catalogs[name] = "http://localhost:" + port(listener.Addr().String()) + "/"
	}
	labtest.Write(t, s.root, roots)
	return s
}

func listenOn(t testing.TB) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

func port(address string) string { _, p, _ := net.SplitHostPort(address); return p }

// entry is the fixture of that name.
func (s *stand) entry(t testing.TB, id string) fixtures.Entry {
	t.Helper()
	i := slices.IndexFunc(s.Fixtures, func(e fixtures.Entry) bool { return e.ID == id })
	if i < 0 {
		t.Fatalf("no fixture %s", id)
	}
	return s.Fixtures[i]
}

// card is the fixture's certificate and key.
func (s *stand) card(t testing.TB, id string) tls.Certificate {
	t.Helper()
	e := s.entry(t, id)
	key, err := pkcs8.ParsePKCS8PrivateKey(labtest.DER(t, s.File(e.Files.Key))[0], []byte(e.PIN))
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: labtest.DER(t, s.File(e.Files.Certificate)), PrivateKey: key.(crypto.Signer)}
}

// relay presents a card that browsers hide, on a port of its own, and gives what TestSSL answers.
func (s *stand) relay(t testing.TB, to, id string) string {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	card := s.card(t, id)
	server := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, // the browser test's own server
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &card, nil }}},
	})
	t.Cleanup(server.CloseClientConnections)
	return "http://localhost:" + port(server.Listener.Addr().String()) + "/"
}

// visits are what happens to cards in browsers: each ends on a page, with a code.
var visits = []struct {
	name      string
	fixture   string // empty for none
	condition string
	mode      string
	hidden    bool // the browser does not present it: the relay does
	code      verify.Code
	looks     []view // axe checks the last
}{
	{"01-no-card", "", "good", "testssl", false, "TLS-NOCERT", []view{desktop, dark, phone}},
	{"02-cps", "cps-2016", "good", "testssl", false, "OK", []view{desktop, phone, dark}},
	{"03-cpe", "cpe-2016", "good", "testssl", false, "OK", []view{desktop}},
	{"04-software", "ps-logiciel-2016", "good", "testssl", false, "OK", []view{desktop}},
	{"05-organisation", "auth-cli-2016", "good", "testssl", false, "OK", []view{desktop}},
	{"06-expired-hidden", "expired", "good", "testssl", false, "TLS-NOCERT", nil},
	{"06-expired-presented", "expired", "good", "testssl", true, "DATE-EXPIRED", []view{desktop, phone}},
	{"06-expired-by-the-server", "cps-2016", "late", "testssl", false, "DATE-EXPIRED", []view{desktop}},
	{"07-not-yet-presented", "not-yet-valid", "good", "testssl", true, "DATE-NOT-YET", []view{desktop}},
	{"07-not-yet-by-the-server", "cps-2016", "early", "testssl", false, "DATE-NOT-YET", []view{desktop}},
	{"08-revoked", "revoked-key-compromise", "good", "testssl", false, "REV-CRL-REVOKED", []view{desktop, phone,
		paper, dark}},
	{"09-on-hold", "on-hold", "good", "testssl", false, "REV-CRL-HOLD", []view{desktop}},
	{"10-unknown-root-hidden", "cps-2016", "other lab", "testssl", false, "TLS-NOCERT", nil},
	{"10-unknown-root", "cps-2016", "other lab", "any-ca", false, "CHAIN-UNKNOWN-ROOT", []view{desktop, phone}},
	{"11-missing-intermediate", "chain-missing", "incomplete", "any-ca", false, "CHAIN-MISSING-INTERMEDIATE",
		[]view{desktop}},
	{"12-signature-hidden", "signature-for-tls", "good", "testssl", false, "TLS-NOCERT", nil},
	{"12-signature-presented", "signature-for-tls", "good", "testssl", true, "USAGE-NOT-AUTH", []view{desktop}},
	{"13-crl-stale", "cps-2016", "stale", "testssl", false, "REV-CRL-STALE", []view{desktop}},
	{"14-ocsp-down", "cps-2016", "down", "testssl", false, "REV-OCSP-UNAVAILABLE", []view{desktop}},
	{"15-name-script", "name-script", "good", "testssl", false, "OK", []view{desktop}},
	{"16-name-bidi", "name-bidi", "good", "testssl", false, "REV-OCSP-UNKNOWN", []view{desktop}},
	{"17-tls13", "ps-logiciel-2023", "good", "tls13", false, "OK", nil},
}

// pkcs12 is the file that a person imports.
func (s *stand) pkcs12(t testing.TB, id string) []imported {
	t.Helper()
	if id == "" {
		return nil
	}
	e := s.entry(t, id)
	return []imported{{s.File(e.Files.PKCS12), e.PIN}}
}

// imported is a PKCS#12 file in a browser.
type imported struct{ file, password string }

// screenshots is the folder that pictures are kept in.
func screenshots(t testing.TB) string {
	t.Helper()
	folder := os.Getenv("IGC_SCREENSHOTS")
	if folder == "" {
		folder = filepath.Join("..", "..", "build", "screenshots")
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	return folder
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
