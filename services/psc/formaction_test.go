package psc

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

var formAction = regexp.MustCompile(`form-action ([^;]*);`)

// The forms of each page may be sent to the page's own server, and to that of the client whose
// login it is where the page has one.
func TestFormAction(t *testing.T) {
	w := newWorld(t)
	c := &Client{ID: "many", RedirectURIs: []string{"https://app.example/cb", "http://127.0.0.1:3000/cb?x=1",
		"http://[::1]:3000/cb", "https://xn--bcher-kva.example:8443/", "http://localhost/cb"}}
	c.NewSecret()
	if err := AddClient(t.Context(), w.docs, "test", c); err != nil {
		t.Fatal(err)
	}
	at := func(redirect string, pairs ...string) string {
		return w.authorize(append([]string{"client_id", "many", "redirect_uri", redirect}, pairs...)...)
	}
	for _, test := range []struct{ name, address, want string }{
		{"a client", w.authorize(), "'self' https://localhost:3000"},
		{"another host", at(c.RedirectURIs[0]), "'self' https://app.example"},
		{"http on this machine", at(c.RedirectURIs[1]), "'self' http://127.0.0.1:3000"},
		{"an IPv6 address, which no policy can name", at(c.RedirectURIs[2]), "'self'"},
		{"an international name", at(c.RedirectURIs[3]), "'self' https://xn--bcher-kva.example:8443"},
		{"no port", at(c.RedirectURIs[4]), "'self' http://localhost"},
		{"the portal's own login", w.wallet.URL + "/portail/connexion", "'self'"},
		{"the portal", w.wallet.URL + "/login-page", "'self'"},
		{"a client that is unknown", w.authorize("client_id", "x"), "'self'"},
		{"an address that is not registered", w.authorize("redirect_uri", "https://evil.example/"), "'self'"},
		{"nothing there", w.wallet.URL + "/nowhere", "'self'"},
		{"a mistake that is sent by a form", w.authorize("prompt", "none", "response_mode", "form_post"),
			"https://localhost:3000"},
	} {
		t.Run(test.name, func(t *testing.T) {
			resp, _ := w.browser().do("GET", test.address, nil)
			got := formAction.FindStringSubmatch(resp.Header.Get("Content-Security-Policy"))
			if got == nil || got[1] != test.want {
				t.Errorf("%s: %q, want %q", resp.Status, got, test.want)
			}
		})
	}
	b := w.browser()
	resp, _ := b.ask(b.begin(), "x")
	if got := formAction.FindStringSubmatch(resp.Header.Get("Content-Security-Policy")); got == nil ||
		got[1] != "'self' https://localhost:3000" {
		t.Errorf("the login page after a mistake: %s, %q", resp.Status, got)
	}
}

// A browser whose request is answered at once gets a page between the form and the client, by which
// the policy of the form's page ends; a program is redirected.
func TestOnward(t *testing.T) {
	for policy, want := range map[string]string{"approve": "code", "refuse": "error"} {
		t.Run(policy, func(t *testing.T) {
			w := newWorld(t)
			w.TB = t
			w.policy(policy)
			b := w.browser()
			form := url.Values{"login": {b.begin()}, "identifiant": {doctor}}
			req, err := http.NewRequest("POST", w.wallet.URL+"/auth/e-cps?lang=fr", strings.NewReader(form.Encode()))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("Sec-Fetch-Site", "same-origin")
			req.Header.Set("Sec-Fetch-Mode", "navigate")
			resp, err := b.http.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			to, found := strings.CutPrefix(resp.Header.Get("Refresh"), "0; url=")
			if resp.StatusCode != 200 || !found || !strings.Contains(to, "lang=fr") {
				t.Fatalf("%s, %q", resp.Status, resp.Header.Get("Refresh"))
			}
			resp, _ = b.do("GET", w.wallet.URL+to, nil)
			if got := b.callback(resp); got.Get(want) == "" {
				t.Errorf("%v", got)
			}
		})
	}
}
