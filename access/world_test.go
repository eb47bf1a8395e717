package access

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/revocation"
	"github.com/igc-lab/igc/revocation/crl"
	"github.com/igc-lab/igc/verify"
)

// Whom the tests are about.
const (
	alainID   = "899700209812"               // a CPS, which names no structure
	charlesID = "30B0057881/CPET0002"        // a CPE of damesID
	hopitalID = "10B0039129/dossier-patient" // an AUTH_CLI
	damesID   = "10B0057881"
	otherID   = "10B0037750"
)

// world is a lab with cards and certificates, and what this package makes of it.
type world struct {
	*labtest.CardLab
	*Registry
	owner    *Caller
	gate     *Gate
	verifier *verify.Verifier
	records  map[string]*ca.Record // by fixture
}

func newWorld(t *testing.T) *world {
	t.Helper()
	config := lab.DefaultConfig()
	config.Key = ca.P256
	w := &world{CardLab: labtest.NewEmptyLab(t, config), owner: Owner("cli:test"), records: map[string]*ca.Record{}}
	for _, f := range []struct {
		fixture string
		roles   []string
	}{
		{"alain", []string{"authentication", "signature"}}, {"charles", []string{"authentication", "signature"}},
		{"hopital", []string{"client"}}, {"serveur", []string{"server"}}, {"cecile", []string{"authentication",
			"signature"}},
		{"ministere", []string{"seal"}}, {"assistante", []string{"authentication", "signature"}},
	} {
		w.IssueCard(t, f.fixture, f.roles...)
		w.records[f.fixture] = w.Cards[len(w.Cards)-1]
	}
	w.Registry = New(Options{Service: w.Lab, Now: func() time.Time { return w.Now }})
	responder, err := revocation.NewResponder(t.Context(), w.Lab, w.Clock())
	if err != nil {
		t.Fatal(err)
	}
	w.verifier = verify.New(verify.Options{Authorities: w.Lab, CRLs: crl.NewIssuer(w.Lab, w.Clock()), OCSP: responder,
		Now: w.Clock()})
	w.gate = NewGate(GateOptions{Registry: w.Registry, Verifier: w.verifier})
	return w
}

// with makes a request over a connection that presented the certificate of a fixture; none for "".
func (w *world) with(t *testing.T, method, fixture string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "https://localhost/x", nil)
	r.TLS = &tls.ConnectionState{Version: tls.VersionTLS12}
	if fixture != "" {
		leaf, _ := w.Certificates(t, w.records[fixture])
		r.TLS.PeerCertificates = []*x509.Certificate{leaf}
	}
	return r
}

func (w *world) grant(t *testing.T, holder string, role Role, structure string) {
	t.Helper()
	if _, _, err := w.Grant(t.Context(), w.owner, Grant{Holder: holder, Role: role, Structure: structure}); err != nil {
		t.Fatal(err)
	}
}

func (w *world) token(t *testing.T, want Bearer) string {
	t.Helper()
	_, token, err := w.AddToken(t.Context(), w.owner, want)
	if err != nil {
		t.Fatal(err)
	}
	return token
}
