package cli

import (
	"crypto/tls"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/postgrestest"
)

// get asks a server of a lab for a page.
func get(t *testing.T, base, path string) (status int, header http.Header, body string) {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	client := &http.Client{Timeout: time.Minute, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Get(strings.TrimSuffix(base, "/") + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(text)
}

// The database is away while igc serve runs: what is kept is given as long as igc.yaml has it, else
// OCSP says tryLater; all else says 503 and when to come back, and nothing is issued. When it is
// back, all goes on.
func TestDatabaseAway(t *testing.T) {
	postgrestest.Need(t)
	database, err := postgrestest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer database.Stop()
	address, err := database.Database("lab")
	if err != nil {
		t.Fatal(err)
	}
	l := labtest.New(t, "--key", "p256", "--gamme", "FO", "--store", address)
	l.Serve().Stop(t) // what a server makes for itself is made
	lasting := newNode(t, l)
	config := filepath.Join(lasting.Home, "igc.yaml")
	text := labtest.Read(t, config)
	labtest.Write(t, config, []byte(strings.Replace(text, "store_gone: 1s", "store_gone: 10m", 1)))
	strict, goingOn := l.Serve(), lasting.Serve()

	card := l.Issue("--fixture", "alain")
	records := l.List()
	r := records[card.Certificates[0].Serial]
	issuer := issuerOf(t, records, r)
	unkept := records[card.Certificates[1].Serial]
	for _, s := range []*labtest.Server{strict, goingOn} {
		if got := ocspStatus(t, s, r, issuer); got != ocsp.Good {
			t.Fatalf("status %d", got)
		}
		if status, _, _ := get(t, s.URLs["publication"], "/CRL/ACI-FO-PP-TEST.crl"); status != http.StatusOK {
			t.Fatalf("the CRL: %d", status)
		}
	}

	if err := database.Crash(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1200 * time.Millisecond)
	for name, test := range map[string]struct {
		got, want int
	}{
		"kept, for one second":       {ocspStatus(t, strict, r, issuer), -1},
		"kept, for ten minutes":      {ocspStatus(t, goingOn, r, issuer), ocsp.Good},
		"not kept":                   {ocspStatus(t, goingOn, unkept, issuer), -1},
		"not kept, for one second":   {ocspStatus(t, strict, unkept, issuer), -1},
		"kept, for ten minutes, too": {ocspStatus(t, goingOn, r, issuer), ocsp.Good},
	} {
		if test.got != test.want {
			t.Errorf("OCSP, %s: %d, want %d", name, test.got, test.want)
		}
	}
	for _, page := range []struct{ endpoint, path string }{
		{"publication", "/CRL/ACI-FO-PP-TEST.crl"}, {"publication", "/CRL/ACI-FO-PP-TEST-delta.crl"},
		{"publication", "/AC%20TEST/ACI-FO-PP-TEST.cer"}, {"publication", "/healthz"}, {"publication", "/metrics"},
		{"publication", "/healthz/live"},
		{"desk", "/"}, {"desk", "/console/"}, {"desk", "/console/cartes/" + card.Certificates[0].Serial},
		{"desk", "/telephone/"}, {"desk", "/messages/"}, {"desk", "/commandes/"}, {"desk", "/personnes/"},
		{"desk", "/api/v1/orders"}, {"desk", "/annuaire/"}, {"desk", "/psc/"},
		{"psc", "/.well-known/openid-configuration"}, {"wallet", "/"}, {"portal", "/"}, {"portal", "/connexion"},
		{"card_login", "/"}, {"testssl", "/"}, {"any_ca", "/"},
	} {
		start := time.Now()
		status, header, body := get(t, strict.URLs[page.endpoint], page.path)
		t.Logf("%s%s: %d after %s", page.endpoint, page.path, status, time.Since(start).Round(time.Millisecond))
		switch {
		case status == http.StatusServiceUnavailable:
			if header.Get("Retry-After") == "" && page.path != "/healthz" {
				t.Errorf("%s%s: no Retry-After", page.endpoint, page.path)
			}
			if page.path != "/healthz" && strings.Contains(body, database.Dir) {
				t.Errorf("%s%s tells visitors where the database is", page.endpoint, page.path)
			}
		case status >= 400 && status != http.StatusNotFound:
			t.Errorf("%s%s: %d %.300s", page.endpoint, page.path, status, body)
		}
	}
	if _, _, body := get(t, strict.URLs["publication"], "/metrics"); !strings.Contains(body, "\nigc_store_up 0\n") {
		t.Errorf("/metrics says\n%s", body)
	}
	ready := func(want int) {
		t.Helper()
		for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
			status, _, body := get(t, strict.URLs["publication"], "/healthz/ready")
			if status == want {
				t.Logf("/healthz/ready: %d %s", status, body)
				return
			}
			if time.Since(start) > 10*time.Second {
				t.Fatalf("/healthz/ready: %d %s, want %d", status, body, want)
			}
		}
	}
	ready(http.StatusServiceUnavailable)
	start := time.Now()
	if out, errOut, err := l.Run("issue", "--fixture", "alain"); err == nil ||
		!strings.Contains(errOut, "database does not answer") {
		t.Errorf("issued without a database: %s%s", out, errOut)
	}
	t.Logf("igc issue failed after %s", time.Since(start))

	if err := database.Start(); err != nil {
		t.Fatal(err)
	}
	start = time.Now()
	for ocspStatus(t, strict, unkept, issuer) != ocsp.Good {
		if time.Since(start) > 10*time.Second {
			t.Fatal("OCSP does not answer again")
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Logf("OCSP answers again after %s", time.Since(start))
	ready(http.StatusOK)
	l.Issue("--fixture", "alain")
	if status, _, body := get(t, strict.URLs["publication"], "/healthz"); status != http.StatusOK {
		t.Errorf("/healthz: %d %s", status, body)
	}
	l.Must("revoke", r.Serial, "--reason", "keyCompromise")
	for name, s := range map[string]*labtest.Server{"strict": strict, "going on": goingOn} {
		if got := ocspStatus(t, s, r, issuer); got != ocsp.Revoked {
			t.Errorf("%s: status %d after the revocation", name, got)
		}
	}
}
