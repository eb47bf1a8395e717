package oidc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/internal/labtest"
)

// portalVisitor is a browser in front of the demo portal: cookies, redirections, and names under
// carte.localhost that lead to this machine.
type portalVisitor struct {
	*testing.T
	http   *http.Client
	portal string
}

func newPortalVisitor(t *testing.T, l *labtest.Lab, s *labtest.Server, card ...tls.Certificate) *portalVisitor {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(l.Must("show", "--pem", "ACR-EL"))) {
		t.Fatal("no root")
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{RootCAs: roots, Certificates: card, MinVersion: tls.VersionTLS12}
	transport := &http.Transport{TLSClientConfig: config, DialContext: func(ctx context.Context, network,
		address string) (net.Conn, error) {
		_, port, _ := net.SplitHostPort(address)
		return (&net.Dialer{}).DialContext(ctx, network, "127.0.0.1:"+port)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &portalVisitor{t, &http.Client{Jar: jar, Transport: transport, Timeout: time.Minute},
		strings.TrimSuffix(s.URLs["portal"], "/")}
}

func (v *portalVisitor) send(method, address string, form url.Values) (*http.Response, string) {
	v.Helper()
	req, err := http.NewRequest(method, address, strings.NewReader(form.Encode()))
	if err != nil {
		v.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("Accept", "text/html")
	req.Header.Set("Accept-Language", "en")
	resp, err := v.http.Do(req)
	if err != nil {
		v.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		v.Fatal(err)
	}
	return resp, string(body)
}

var (
	loginField = regexp.MustCompile(`name="login" value="([^"]+)"`)
	formToken  = regexp.MustCompile(`name="jeton" value="([^"]+)"`)
	cardLink   = regexp.MustCompile(`href="(https://localhost:\d+/carte\?login=[^"]+)"`)
)

// begin goes to the login page of Pro Santé Connect, and returns its address and its login.
func (v *portalVisitor) begin() (wallet, login string) {
	v.Helper()
	resp, body := v.send("GET", v.portal+"/connexion", nil)
	found := loginField.FindStringSubmatch(body)
	if found == nil {
		v.Fatalf("no login page: %s\n%s", resp.Status, body)
	}
	return "https://" + resp.Request.URL.Host, found[1]
}

// login logs in by the e-CPS and returns the portal's page.
func (v *portalVisitor) login() string {
	v.Helper()
	wallet, login := v.begin()
	resp, body := v.send("POST", wallet+"/auth/e-cps", url.Values{"login": {login}, "identifiant": {person}})
	for try := 0; try < 50 && strings.Contains(resp.Request.URL.Path, "attente"); try++ {
		time.Sleep(100 * time.Millisecond)
		resp, body = v.send("GET", resp.Request.URL.String(), nil)
	}
	v.holds(body, "You are logged in", "LABDOC0001", person)
	return body
}

// press sends a form of the portal's page and returns the page that comes.
func (v *portalVisitor) press(path string) string {
	v.Helper()
	_, page := v.send("GET", v.portal+"/session", nil)
	found := formToken.FindStringSubmatch(page)
	if found == nil {
		v.Fatalf("no form to press for %s:\n%s", path, page)
	}
	_, body := v.send("POST", v.portal+path, url.Values{"jeton": {found[1]}})
	return body
}

func (v *portalVisitor) holds(page string, words ...string) {
	v.Helper()
	for _, word := range words {
		if !strings.Contains(page, word) {
			_, shown, _ := strings.Cut(page, "<main")
			v.Errorf("the page lacks %q:\n%s", word, shown)
		}
	}
}

// The demo portal logs people in by each way, shows what it received, and ends sessions.
func TestPortal(t *testing.T) {
	l := labtest.New(t, "--key", "p256")
	s := l.Serve()
	doctor := l.Issue("--fixture", "alain", "--clear-keys")
	l.Must("ecps", "activate", person, "--pin", "1234")
	l.Must("ecps", "policy", "approve")

	t.Run("e-CPS", func(t *testing.T) {
		v := newPortalVisitor(t, l, s)
		_, home := v.send("GET", v.portal+"/", nil)
		v.holds(home, "Log in with Pro Santé Connect", "portail-demo")
		page := v.login()
		v.holds(page, "acr=eidas1", "Sector (table R02)", "Cabinet individuel", "code_challenge_method", "S256",
			"Basic portail-demo:***",
			"func (c *client) exchange(", "Read the discovery document", "/.well-known/wallet-openid-configuration")
		if strings.Contains(page, "client_secret=") {
			t.Error("the page shows a secret")
		}
		refreshed := v.press("/rafraichir")
		v.holds(refreshed, "You are logged in", "Refresh the tokens")
		v.holds(v.press("/introspection"), `id="introspection"`, "&#34;active&#34;: true")
		v.holds(v.press("/userinfo"), "You are logged in")
		v.holds(v.press("/quitter"), "Welcome")
		// the session at Pro Santé Connect lives on: nothing is asked
		_, again := v.send("GET", v.portal+"/connexion", nil)
		v.holds(again, "You are logged in")
		v.holds(v.press("/deconnexion"), "You are logged out")
		if _, login := v.begin(); login == "" {
			t.Error("after a logout Pro Santé Connect asks nothing")
		}
	})

	t.Run("logout at Pro Santé Connect", func(t *testing.T) {
		v := newPortalVisitor(t, l, s)
		v.login()
		wallet := strings.TrimSuffix(s.URLs["wallet"], "/")
		_, own := v.send("GET", wallet+"/portail", nil)
		found := formToken.FindStringSubmatch(own)
		if found == nil {
			t.Fatalf("no portal of Pro Santé Connect:\n%s", own)
		}
		v.send("POST", wallet+"/deconnexion", url.Values{"jeton": {found[1]}})
		labtest.Until(t, "the end of the portal's session", func() bool {
			_, page := v.send("GET", v.portal+"/session", nil)
			return strings.Contains(page, "Pro Santé Connect has ended your session")
		})
		_, page := v.send("GET", v.portal+"/session", nil)
		v.holds(page, "Welcome") // it is told once
	})

	t.Run("card at Pro Santé Connect", func(t *testing.T) {
		pair, err := tls.LoadX509KeyPair(doctor.File("authentication.pem"), doctor.File("authentication.clear.key"))
		if err != nil {
			t.Fatal(err)
		}
		v := newPortalVisitor(t, l, s, pair)
		_, page := v.send("GET", v.portal+"/connexion", nil)
		link := cardLink.FindStringSubmatch(page)
		if link == nil {
			t.Fatalf("no way to log in by card:\n%s", page)
		}
		_, page = v.send("GET", strings.ReplaceAll(link[1], "&amp;", "&"), nil)
		v.holds(page, "You are logged in", "DODO0020981", "CPS card")
		l.Must("revoke", doctor.Certificates[0].Serial, "--reason", "keyCompromise")
		labtest.Until(t, "the end of the session of a revoked card", func() bool {
			_, page := v.send("GET", v.portal+"/session", nil)
			return strings.Contains(page, "Pro Santé Connect has ended your session")
		})
		resp, page := v.send("GET", v.portal+"/carte/connexion", nil)
		if v.holds(page, "This card is refused", "REVOKED"); resp.StatusCode != http.StatusForbidden {
			t.Errorf("a revoked card: %s", resp.Status)
		}
	})

	t.Run("card without Pro Santé Connect", func(t *testing.T) {
		card := l.Issue("--fixture", "guy", "--clear-keys")
		pair, err := tls.LoadX509KeyPair(card.File("authentication.pem"), card.File("authentication.clear.key"))
		if err != nil {
			t.Fatal(err)
		}
		v := newPortalVisitor(t, l, s, pair)
		_, page := v.send("GET", v.portal+"/carte/connexion?lang=fr", nil)
		v.holds(page, "Vous êtes connecté", "par la carte, sans Pro Santé Connect", "Ce que dit la carte")
		v.holds(v.press("/quitter"), "Welcome")
		_, page = newPortalVisitor(t, l, s).send("GET", v.portal+"/carte/connexion", nil)
		v.holds(page, "No card was presented")
		signature, err := tls.LoadX509KeyPair(card.File("signature.pem"), card.File("signature.clear.key"))
		if err != nil {
			t.Fatal(err)
		}
		_, page = newPortalVisitor(t, l, s, signature).send("GET", v.portal+"/carte/connexion", nil)
		v.holds(page, "This card is refused")
	})

	t.Run("refused", func(t *testing.T) {
		l.Must("ecps", "policy", "refuse")
		defer l.Must("ecps", "policy", "approve")
		v := newPortalVisitor(t, l, s)
		wallet, login := v.begin()
		resp, page := v.send("POST", wallet+"/auth/e-cps", url.Values{"login": {login}, "identifiant": {person}})
		for try := 0; try < 50 && strings.Contains(resp.Request.URL.Path, "attente"); try++ {
			time.Sleep(100 * time.Millisecond)
			resp, page = v.send("GET", resp.Request.URL.String(), nil)
		}
		v.holds(page, "PORTAL-REFUSED", "access_denied")
	})

	t.Run("tampered", func(t *testing.T) {
		v := newPortalVisitor(t, l, s)
		v.login() // Pro Santé Connect asks nothing from here on
		v.press("/quitter")
		// one changes what the portal asks, or the answer, on its way through the browser
		pass := func(change func(asked, answer url.Values)) string {
			t.Helper()
			v.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			defer func() { v.http.CheckRedirect = nil }()
			resp, _ := v.send("GET", v.portal+"/connexion", nil)
			ask, err := resp.Location()
			if err != nil {
				t.Fatal(err)
			}
			asked := ask.Query()
			change(asked, nil)
			ask.RawQuery = asked.Encode()
			if resp, _ = v.send("GET", ask.String(), nil); resp.StatusCode != http.StatusFound {
				t.Fatalf("Pro Santé Connect: %s", resp.Status)
			}
			back, err := resp.Location()
			if err != nil {
				t.Fatal(err)
			}
			answer := back.Query()
			change(nil, answer)
			back.RawQuery = answer.Encode()
			_, page := v.send("GET", back.String(), nil)
			return page
		}
		of := func(which func(asked, answer url.Values) url.Values, name, value string) func(asked, answer url.Values) {
			return func(asked, answer url.Values) {
				if q := which(asked, answer); q != nil {
					q.Set(name, value)
				}
			}
		}
		asked := func(asked, _ url.Values) url.Values { return asked }
		answer := func(_, answer url.Values) url.Values { return answer }
		for _, test := range []struct {
			name   string
			change func(asked, answer url.Values)
			code   string
		}{
			{"state of the answer", of(answer, "state", "another"), "PORTAL-STATE"},
			{"no state", of(answer, "state", ""), "PORTAL-STATE"},
			{"nonce of the question", of(asked, "nonce", "another"), "PORTAL-NONCE"},
			{"challenge of the question", of(asked, "code_challenge", strings.Repeat("A", 43)), "PORTAL-CODE"},
			{"issuer of the answer", of(answer, "iss", "https://localhost:1/"), "PORTAL-ISSUER"},
			{"code of the answer", of(answer, "code", "another"), "PORTAL-CODE"},
			{"no code", of(answer, "code", ""), "PORTAL-NO-CODE"},
			{"an error instead", of(answer, "error", "<b>server_error"), "&lt;b&gt;server_error"},
			{"two states", func(_, answer url.Values) {
				if answer != nil {
					answer.Add("state", "another")
				}
			}, "PORTAL-PARAMETER"},
		} {
			v.holds(pass(test.change), test.code)
			if _, page := v.send("GET", v.portal+"/session", nil); !strings.Contains(page, "Welcome") {
				t.Errorf("%s: somebody is logged in", test.name)
			}
		}
		// the answer of one browser in another
		other := newPortalVisitor(t, l, s)
		v.http.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
			if r.URL.Path == "/retour" {
				return http.ErrUseLastResponse
			}
			return nil
		}
		resp, _ := v.send("GET", v.portal+"/connexion", nil)
		v.http.CheckRedirect = nil
		back, err := resp.Location()
		if err != nil {
			t.Fatal(err)
		}
		_, page := other.send("GET", back.String(), nil)
		other.holds(page, "PORTAL-NO-LOGIN")
		_, page = v.send("GET", back.String(), nil)
		v.holds(page, "You are logged in")
		_, page = v.send("GET", back.String(), nil)
		v.holds(page, "PORTAL-NO-LOGIN") // the answer is good once
		// forms of other pages
		if resp, _ := v.send("POST", v.portal+"/deconnexion",
			url.Values{"jeton": {"another"}}); resp.StatusCode != http.StatusForbidden {
			t.Errorf("a form with another token: %s", resp.Status)
		}
		if resp, _ := v.send("POST", v.portal+"/deconnexion-psc",
			url.Values{"logout_token": {"e30.e30.e30"}}); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("a logout token of nobody: %s", resp.Status)
		}
		_, page = v.send("GET", v.portal+"/session", nil)
		v.holds(page, "You are logged in")
	})

	t.Run("faults and time", func(t *testing.T) {
		v := newPortalVisitor(t, l, s)
		v.login()
		l.Must("psc", "set", "fault.token=503")
		v.holds(v.press("/rafraichir"), "PORTAL-PROVIDER", "503")
		l.Must("psc", "set", "fault.token=off")
		if page := v.press("/rafraichir"); strings.Contains(page, "PORTAL-PROVIDER") {
			t.Error("a fault is told after it has gone")
		}
		l.Must("psc", "clock", "+3m")
		labtest.Until(t, "the end of the access token", func() bool {
			_, page := v.send("GET", v.portal+"/session", nil)
			return strings.Contains(page, "<dd>expired")
		})
		if page := v.press("/rafraichir"); strings.Contains(page, "<dd>expired") || strings.Contains(page, "PORTAL-") {
			t.Errorf("refreshing after three minutes:\n%s", page)
		}
		l.Must("psc", "clock", "+31m")
		labtest.Until(t, "the end of the portal's session", func() bool {
			_, page := v.send("GET", v.portal+"/session", nil)
			return strings.Contains(page, "Welcome")
		})
	})

	t.Run("another secret", func(t *testing.T) {
		l.Must("psc", "client", "secret", "portail-demo")
		s.Stop(t)
		newPortalVisitor(t, l, l.Serve()).login() // igc serve has put it right
	})
}
