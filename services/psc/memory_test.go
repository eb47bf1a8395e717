package psc

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

var (
	typedField = regexp.MustCompile(`name="identifiant" value="([^"]*)"`)
	tickedBox  = regexp.MustCompile(`name="memoriser" value="1" checked`)
)

// shows wants a login page with that identifier in its field, and its box ticked or not.
func (b *browser) shows(when, address, id string, ticked bool) {
	b.Helper()
	_, body := b.do("GET", address, nil)
	b.fields(when, body, id, ticked)
}

func (b *browser) fields(when, body, id string, ticked bool) {
	b.Helper()
	field := typedField.FindStringSubmatch(body)
	if field == nil || field[1] != id || tickedBox.MatchString(body) != ticked {
		b.Errorf("%s: %q, ticked %t; want %q, %t", when, field, tickedBox.MatchString(body), id, ticked)
	}
}

// fill sends the login page's form.
func (b *browser) fill(id string, keep bool) (*http.Response, string) {
	b.Helper()
	form := url.Values{"login": {b.begin("prompt", "login")}, "identifiant": {id}}
	if keep {
		form.Set("memoriser", "1")
	}
	return b.do("POST", b.wallet.URL+"/auth/e-cps", form)
}

// A browser remembers the identifier of a login whose box was ticked, for every service and the
// portal, until a login without the tick. What nobody has is not remembered.
func TestRemembered(t *testing.T) {
	w := newWorld(t)
	login, portal := w.authorize("prompt", "login"), w.wallet.URL+"/portail/connexion"
	b := w.browser()
	b.shows("at first", login, "", false)
	b.shows("at first, in the portal", portal, "", false)
	b.fill(doctor, false)
	b.shows("without the tick", login, "", false)

	for _, wrong := range []string{"camille", doctor[1:], "899700000000", `"><script>`} {
		_, body := b.fill(wrong, true)
		b.fields("a form that comes back", body, strings.NewReplacer(`"`, "&#34;", "<", "&lt;", ">", "&gt;").
			Replace(strings.ToUpper(wrong)), true)
		b.shows("after "+wrong, login, "", false)
	}

	b.fill("8997 0099 9909", true)
	b.shows("with the tick", login, doctor, true)
	b.shows("another that the service names", w.authorize("prompt", "login", "login_hint", nobody), nobody, true)
	other := w.browser()
	other.shows("another browser", login, "", false)
	resp, _ := b.do("GET", w.wallet.URL+"/auth?"+strings.SplitN(w.authorize("prompt", "none"), "?", 2)[1], nil)
	if got := b.callback(resp); got.Get("code") == "" {
		t.Errorf("the session: %v", got)
	}

	_, body := b.fill("camille", false)
	b.fields("without the tick, a form that comes back", body, "CAMILLE", false)
	b.shows("then", login, "", false)
	b.fill(doctor, true)
	b.fill(doctor, false)
	b.shows("after a login without the tick", login, "", false)
}

// After the session the portal's login page has the identifier, too.
func TestRememberedByThePortal(t *testing.T) {
	w := newWorld(t)
	w.policy("refuse") // nobody is logged in
	b := w.browser()
	b.fill(doctor, true)
	b.shows("the portal", w.wallet.URL+"/portail/connexion", doctor, true)
	b.shows("its own address", w.wallet.URL+"/auth/portail", doctor, true)
}

// The cookie is the browser's alone, goes to the login pages only, and ends; one that holds
// anything but an identifier is left out.
func TestMemoryCookie(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, _ := b.fill(doctor, true)
	const want = memoryCookie + "=" + doctor + "; Path=/auth; Max-Age=15552000; HttpOnly; Secure; SameSite=Lax"
	if got := resp.Header.Values("Set-Cookie"); len(got) != 1 || got[0] != want {
		t.Errorf("%q, want %q", got, want)
	}
	resp, _ = b.fill(doctor, false)
	if got := resp.Header.Values("Set-Cookie"); len(got) != 1 || got[0] != memoryCookie+
		"=; Path=/auth; Max-Age=0; HttpOnly; Secure; SameSite=Lax" {
		t.Errorf("%q", got)
	}
	for _, value := range []string{"", "x", doctor[1:], strings.Repeat("8", 5000), "<script>", "8997009999091"} {
		b := w.browser()
		address, err := url.Parse(w.wallet.URL + "/auth")
		if err != nil {
			t.Fatal(err)
		}
		b.http.Jar.SetCookies(address, []*http.Cookie{{Name: memoryCookie, Value: value, Path: "/auth", Secure: true}})
		b.shows("a cookie "+value, w.authorize(), "", false)
	}
}
