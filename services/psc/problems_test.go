package psc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/people"
	"github.com/igc-lab/igc/revocation"
	"github.com/igc-lab/igc/revocation/crl"
	"github.com/igc-lab/igc/verify"
)

// Every row of problems.yaml is whole, in both languages, and its code is there once.
func TestProblems(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range problems() {
		if seen[p.Code] {
			t.Errorf("%s is there twice", p.Code)
		}
		seen[p.Code] = true
		for _, text := range []i18n.Text{p.Title, p.Text, p.Do} {
			if text.FR == "" || text.EN == "" || strings.ContainsAny(text.FR+text.EN, "|\n") {
				t.Errorf("%s: %+v", p.Code, text)
			}
		}
		if strings.HasSuffix(p.Title.FR, ".") || !strings.HasSuffix(p.Do.FR, ".") {
			t.Errorf("%s: %+v", p.Code, p)
		}
	}
}

// oneCard is a verifier that sees the same certificate in each connection.
type oneCard struct {
	*verify.Verifier
	leaf *x509.Certificate
}

func (c oneCard) Check(ctx context.Context, state *tls.ConnectionState) (*verify.Report, error) {
	presented := *state
	presented.PeerCertificates = []*x509.Certificate{c.leaf}
	return c.Verifier.Check(ctx, &presented)
}

// insert is what the login by card answers to a browser with a certificate of a lab,
// the first of those.
func (b *browser) insert(identity string, roles ...string) (*http.Response, string) {
	b.Helper()
	l := labtest.NewCardLab(b, 0)
	l.IssueCard(b, identity, roles...)
	leaf, _ := l.Certificates(b, l.Cards[0])
	responder, err := revocation.NewResponder(b.Context(), l.Lab, l.Clock())
	if err != nil {
		b.Fatal(err)
	}
	b.p.Verifier = oneCard{verify.New(verify.Options{Authorities: l.Lab, CRLs: crl.NewIssuer(l.Lab, l.Clock()),
		OCSP: responder, Now: l.Clock()}), leaf}
	handler := b.p.CardHandler()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.TLS.PeerCertificates = []*x509.Certificate{leaf}
		handler.ServeHTTP(w, r)
	}))
	b.Cleanup(server.Close)
	return b.do("GET", server.URL+"/carte?login="+b.begin(), nil)
}

// nobodyIn is a directory that knows nobody.
type nobodyIn struct{ People }

func (d nobodyIn) Find(ctx context.Context, _ string) (*people.Person, error) {
	return d.People.Find(ctx, nobody+"0")
}

// damaged is a directory that cannot be read.
type away struct{}

func (away) Find(context.Context, string) (*people.Person, error) {
	return nil, &store.Error{Kind: store.Unavailable, Err: errors.New("no answer of 10.0.0.1")}
}

type damaged struct{}

func (damaged) Find(context.Context, string) (*people.Person, error) {
	return nil, errors.New("a test")
}

// Each problem of problems.yaml is reached, by the status and the page that it ends on; the page
// says what to do, in both languages.
func TestEachProblem(t *testing.T) {
	ask := func(id string) func(*browser) (*http.Response, string) {
		return func(b *browser) (*http.Response, string) { return b.ask(b.begin(), id) }
	}
	// waiting is the address of the page on which a browser waits for the doctor.
	waiting := func(b *browser) string {
		b.policy("ignore")
		resp, _ := b.ask(b.begin(), doctor)
		return resp.Request.URL.String()
	}
	reached := map[string]func(*browser) (*http.Response, string){
		"400 LOGIN-TOO-OLD": func(b *browser) (*http.Response, string) { return b.ask("x", doctor) },
		"409 LOGIN-SPENT": func(b *browser) (*http.Response, string) {
			field := b.begin()
			b.ask(field, doctor)
			return b.ask(field, doctor)
		},
		"500 LOGIN-INTERNAL": func(b *browser) (*http.Response, string) {
			field := b.begin()
			b.p.People = damaged{}
			return b.ask(field, doctor)
		},
		"503 LOGIN-AWAY": func(b *browser) (*http.Response, string) {
			field := b.begin()
			b.p.People = away{}
			return b.ask(field, doctor)
		},
		"403 LOGIN-ORIGIN": func(b *browser) (*http.Response, string) {
			b.login(b.authorize())
			return b.do("POST", b.wallet.URL+"/deconnexion", url.Values{})
		},
		"400 LOGIN-FORM": func(b *browser) (*http.Response, string) {
			return b.do("GET", b.wallet.URL+"/auth/retour?login=a&login=b", nil)
		},
		"200 LOGIN-TIMEOUT": func(b *browser) (*http.Response, string) {
			at := waiting(b)
			b.forward(phoneTTL + time.Second)
			return b.do("GET", at, nil)
		},
		"404 LOGIN-NOT-FOUND": func(b *browser) (*http.Response, string) {
			return b.do("GET", b.wallet.URL+"/nowhere", nil)
		},
		"422 LOGIN-NO-IDENTIFIER": ask(" "),
		"422 LOGIN-IDENTIFIER":    ask("camille"),
		"422 PSC-NO-8":            ask(doctor[1:]),
		"422 PSC-HINT-UNKNOWN":    ask("899700000000"),
		"422 ECPS-NONE":           ask(nobody),
		"422 ECPS-EXPIRED": func(b *browser) (*http.Response, string) {
			if _, err := b.phone.Expire(b.Context(), "test", doctor); err != nil {
				b.Fatal(err)
			}
			return b.ask(b.begin(), doctor)
		},
		"200 ECPS-BLOCKED": func(b *browser) (*http.Response, string) {
			at := waiting(b)
			pending, err := b.phone.Pending(b.Context())
			if err != nil || len(pending) != 1 {
				b.Fatal(pending, err)
			}
			for range 5 {
				b.phone.Approve(b.Context(), "test", pending[0].ID, "0000", pending[0].Number)
			}
			return b.do("GET", at, nil)
		},
		"403 CARD-UNKNOWN": func(b *browser) (*http.Response, string) {
			b.p.People = nobodyIn{b.p.People}
			return b.insert("alain", "authentication", "signature")
		},
		"403 CARD-REVOKED": func(b *browser) (*http.Response, string) {
			b.p.Revoked = func(context.Context, Card) (bool, error) { return true, nil }
			return b.insert("alain", "authentication", "signature")
		},
		"403 CARD-NOT-A-PERSON": func(b *browser) (*http.Response, string) { return b.insert("hopital", "client") },
	}
	missing := map[string]bool{}
	for _, p := range problems() {
		missing[p.Code] = true
	}
	for end, reach := range reached {
		status, code, _ := strings.Cut(end, " ")
		if !missing[code] {
			t.Errorf("problems.yaml lacks %s, or it is here twice", code)
			continue
		}
		delete(missing, code)
		t.Run(code, func(t *testing.T) {
			b := newWorld(t).browser()
			resp, body := reach(b)
			what := coded(code)()
			for _, want := range []string{"<code>" + code + "</code>", what.Title.FR} {
				if !strings.Contains(html.UnescapeString(body), want) {
					t.Errorf("%s, without %q\n%s", resp.Status, want, body)
				}
			}
			if !strings.HasPrefix(resp.Status, status) {
				t.Error(resp.Status)
			}
			if text := strings.ReplaceAll(body, code, ""); strings.Contains(text, "IDENTIFIANT") ||
				strings.Contains(text, "IDENTIFIER") {
				t.Errorf("whose?\n%s", text)
			}
		})
	}
	for code := range missing {
		t.Errorf("no test ends on %s", code)
	}
}
