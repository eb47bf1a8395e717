package browsers

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
)

// shows waits until an element of the page has that text. A page that is being left has none.
func (f *firefox) shows(selector, text string) {
	f.t.Helper()
	script := fmt.Sprintf(`return document.querySelector(%q)?.innerText ?? ""`, selector)
	labtest.Until(f.t, text+" in "+selector, func() bool {
		var shown string
		value, err := f.ask("WebDriver:ExecuteScript", map[string]any{"script": script, "args": []any{}})
		return err == nil && json.Unmarshal(value, &shown) == nil && strings.Contains(shown, text)
	})
}

// press clicks an element that is there. The click comes after the answer to this command, since it
// may leave the page.
func (f *firefox) press(selector string) {
	f.t.Helper()
	if got := f.evaluate(fmt.Sprintf(`const e = document.querySelector(%q);
		if (!e) return "nothing at " + location.href; setTimeout(() => e.click()); return ""`, selector)); got != "" {
		f.t.Fatalf("%s: %s", selector, got)
	}
}

func (f *firefox) fill(selector, text string) {
	f.t.Helper()
	f.evaluate(fmt.Sprintf(`document.querySelector(%q).value = %q; return ""`, selector, text))
}

func (f *firefox) visit(address string) {
	f.t.Helper()
	f.call("WebDriver:Navigate", map[string]any{"url": address})
}

// TestFirefoxLogins logs in to the demo portal with Firefox: by an e-CPS that is answered after a
// while, and at once; by card, with Pro Santé Connect and without.
func TestFirefoxLogins(t *testing.T) {
	for _, program := range []string{"firefox-esr", "certutil", "pk12util"} {
		peer.Need(t, program)
	}
	exclusiveBrowsers(t)
	l := labtest.New(t, "--key", "p256")
	guy := l.Issue("--fixture", "guy")
	lab := openSite(t, l)
	login := elsewhere(t, l, lab.urls["wallet"])
	const person = "899700999909"
	l.Must("ecps", "activate", person, "--pin", "1234")
	f := newFirefox(t, lab.root, imported{guy.File("authentication.p12"), guy.PIN})
	portal := lab.urls["portal"]

	f.visit(portal)
	f.press(`a[href="/connexion"]`)
	f.shows("h1", "Connectez-vous")
	f.fill("#identifiant", person)
	f.press(`input[name=memoriser]`)
	f.press(`form[action^="/auth/e-cps"] button`)
	f.shows("h2", "Vérification de votre identité")
	l.Must("ecps", "approve", person, "--pin", "1234")
	f.shows("h1", "Vous êtes connecté") // by itself
	f.shows(".verdict", person)
	f.press(`form[action^="/deconnexion"] button`)
	f.shows(".notice", "Vous êtes déconnecté")

	l.Must("ecps", "policy", "approve")
	f.visit(portal)
	f.press(`a[href="/connexion"]`)
	f.shows("h1", "Connectez-vous")
	if got := f.evaluate(`return document.querySelector("#identifiant").value`); got != person {
		t.Errorf("the identifier that is remembered: %q", got)
	}
	f.press(`form[action^="/auth/e-cps"] button`)
	f.shows(".verdict", person)
	f.press(`form[action^="/deconnexion"] button`)
	f.shows(".notice", "Vous êtes déconnecté")

	f.visit(portal)
	f.press(`a[href="/connexion"]`)
	f.shows("h1", "Connectez-vous")
	f.press(`a.button[href*="/carte?"]`)
	f.shows(".verdict", "00B6077602")
	f.press(`form[action^="/deconnexion"] button`)
	f.shows(".notice", "Vous êtes déconnecté")
	f.visit(portal + "carte/connexion")
	f.shows(".verdict", "par la carte, sans Pro Santé Connect")

	f.visit(login)
	f.press(`form[action^="/auth/e-cps"] button`)
	f.shows("h1", "connecté ailleurs")
}

// elsewhere is a service whose callback sends the browser on to another server; it returns the
// address of a login to it.
func elsewhere(t *testing.T, l *labtest.Lab, wallet string) (login string) {
	t.Helper()
	var home string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/cb" && r.FormValue("code") != "" {
			http.Redirect(w, r, home, http.StatusFound)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write([]byte(`<!doctype html><html lang="fr"><link rel="icon" href="data:,"><title>Service</title>` +
			`<h1>connecté ailleurs</h1>`))
	}))
	t.Cleanup(server.Close)
	home = server.URL + "/accueil"
	callback := strings.Replace(server.URL, "127.0.0.1", "localhost", 1) + "/cb"
	l.Must("psc", "client", "add", "ailleurs", "--redirect", callback)
	return wallet + "auth?" + url.Values{"response_type": {"code"}, "client_id": {"ailleurs"},
		"redirect_uri": {callback},
		"scope":        {"openid scope_all"}, "acr_values": {"eidas1"}, "state": {"a-random-state"}}.Encode()
}

// TestFormAction logs in with Chromium, which applies the content policy of a form to where its
// answer redirects to, to a service that sends the browser on to another server.
func TestFormAction(t *testing.T) {
	for _, program := range []string{"chromium", "certutil", "pk12util"} {
		peer.Need(t, program)
	}
	l := labtest.New(t, "--key", "p256")
	lab := openSite(t, l)
	const person = "899700999909"
	l.Must("ecps", "activate", person, "--pin", "1234")
	login := elsewhere(t, l, lab.urls["wallet"])
	for _, policy := range [][]string{{"approve"}, {"approve-after", "2s"}} {
		t.Run(policy[0], func(t *testing.T) {
			l.Must(append([]string{"ecps", "policy"}, policy...)...)
			v := newVisitor(t, lab.root)
			v.expected = "request to http://127.0.0.1" // where the service sends it
			do(v, chromedp.Navigate(login))
			do(v, chromedp.SetValue(chromedp.CSS("#identifiant"), person))
			do(v, chromedp.WaitEvent(page.LoadEventFired, nil, chromedp.Click(chromedp.CSS(`form button`))))
			labtest.Until(t, "the service", func() bool {
				text, err := chromedp.Run(v.ctx,
					chromedp.Evaluate[string](`document.querySelector("h1")?.innerText ?? ""`))
				return err == nil && text == "connecté ailleurs"
			})
		})
	}
}
