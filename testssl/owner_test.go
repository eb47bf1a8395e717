package testssl

import (
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/peer"
	"github.com/igc-lab/igc/revocation"
)

// makeCard makes a card in the site's lab, and returns the folder that the catalogue shows it in.
func (s *site) makeCard(t testing.TB) string {
	t.Helper()
	identity, err := fixtures.Find("alain")
	if err != nil {
		t.Fatal(err)
	}
	order := ca.CardOrder{IssueRequest: ca.IssueRequest{Product: "cps", Holder: identity.Holder}, Key: ca.P256, PIN: "1234"}
	_, folder, err := ca.MakeCard(t.Context(), s.lab, s.lab.Home, order)
	if err != nil {
		t.Fatal(err)
	}
	return "/cards/" + filepath.Base(folder) + "/"
}

// A user of the machine who is not the lab's owner reads the catalogue and gets no private key,
// whatever the way; the link that igc serve prints opens them to a browser, and a header to
// programs.
func TestKeysToOwnerOnly(t *testing.T) {
	s := newSite(t)
	key := s.makeCard(t) + "authentication.p12"
	token, err := ReadToken(s.lab.Home)
	if err != nil {
		t.Fatal(err)
	}
	address := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}
	h := s.server.Catalogue(http.NotFoundHandler(), address)
	gate := s.server.Gate(address)
	flipped := strings.Map(func(r rune) rune { return map[bool]rune{true: '1', false: '0'}[r == '0'] }, token)
	for _, tc := range []struct {
		name, path, header, value string
		given                     bool
	}{
		{"nothing", key, "", "", false},
		{"the token in the address", key + "?token=" + token, "", "", true},
		{"a bearer's", key, "Authorization", "Bearer " + token, true},
		{"the cookie", key, "Cookie", gate.cookie + "=" + gate.cookieValue(), true},
		{"the cookie, among others", key, "Cookie", "a=b; " + gate.cookie + "=x; " + gate.cookie + "=" + gate.cookieValue(), true},
		{"another token", key + "?token=" + flipped, "", "", false},
		{"half the token", key + "?token=" + token[:16], "", "", false},
		{"no token", key + "?token=", "", "", false},
		{"another bearer's", key, "Authorization", "Bearer " + flipped, false},
		{"no bearer's", key, "Authorization", "Bearer ", false},
		{"a password", key, "Authorization", "Basic " + token, false},
		{"the token as a cookie", key, "Cookie", gate.cookie + "=" + token, false},
		{"the cookie of another port", key, "Cookie", "igc-catalogue-8081=" + gate.cookieValue(), false},
		{"an empty cookie", key, "Cookie", gate.cookie + "=", false},
	} {
		for _, accept := range []string{"*/*", "text/html,*/*"} {
			r := httptest.NewRequest(http.MethodGet, "http://localhost:8080"+tc.path, nil)
			r.Header.Set("Accept", accept)
			if tc.header != "" {
				r.Header.Set(tc.header, tc.value)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			want := map[bool]int{true: http.StatusOK, false: http.StatusForbidden}[tc.given]
			body := w.Body.String()
			if w.Code != want || strings.Contains(body, "igc catalogue") == tc.given || w.Header().Get("Cross-Origin-Resource-Policy") != "same-origin" ||
				w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("%s: %d, want %d: %v\n%.300s", tc.name, w.Code, want, w.Header(), body)
			}
			if strings.Contains(body, token) {
				t.Errorf("%s: the token is in the answer", tc.name)
			}
		}
	}
	// a lab whose token was not loaded gives nothing, not even to an empty one
	other := New(s.lab, s.crls, s.responder, s.server.now, s.server.log)
	if w := ask(t, other.Catalogue(http.NotFoundHandler(), address), "localhost:8080", key+"?token="); w.Code != http.StatusForbidden {
		t.Errorf("without a token: %d", w.Code)
	}
}

// A private key is given to the catalogue's own page, or to a person who typed its address: to no
// page of another site, be it one of another port.
func TestKeysToOwnPagesOnly(t *testing.T) {
	s := newSite(t)
	folder := s.makeCard(t)
	token, err := ReadToken(s.lab.Home)
	if err != nil {
		t.Fatal(err)
	}
	h := s.server.Catalogue(http.NotFoundHandler(), &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080})
	for site, given := range map[string]bool{"": true, "none": true, "same-origin": true, "same-site": false, "cross-site": false, "x": false} {
		for _, name := range []string{"authentication.p12", "chain.pem"} {
			r := httptest.NewRequest(http.MethodGet, "http://localhost:8080"+folder+name+"?token="+token, nil)
			if site != "" {
				r.Header.Set("Sec-Fetch-Site", site)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if got := w.Code == http.StatusOK; got != (given || name == "chain.pem") {
				t.Errorf("%s, Sec-Fetch-Site %q: %d", name, site, w.Code)
			}
		}
	}
	// a page is shown to who comes from TestSSL, without the question that the missing cookie would
	// bring
	for site, asked := range map[string]bool{"cross-site": false, "none": true} {
		r := httptest.NewRequest(http.MethodGet, "http://localhost:8080/", nil)
		r.Header.Set("Sec-Fetch-Site", site)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if page := w.Body.String(); w.Code != http.StatusOK || strings.Contains(page, "igc catalogue") != asked || !strings.Contains(page, folder+"authentication.p12") {
			t.Errorf("Sec-Fetch-Site %s: %d, asked: %v", site, w.Code, !asked)
		}
	}
}

// The printed link works once typed: it leaves a cookie and an address without the token, and the
// page's links then work.
func TestOwnersLink(t *testing.T) {
	s := newSite(t)
	s.makeCard(t)
	plain, err := url.Parse(s.plain)
	if err != nil {
		t.Fatal(err)
	}
	token, err := ReadToken(s.lab.Home)
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	get := func(address string) (*http.Response, string) {
		t.Helper()
		resp, err := browser.Get(address)
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
	link := CatalogueLink(token, plain.Host, "/fixtures")
	for _, wrong := range []string{strings.Replace(link, token, "0", 1), s.plain + "/?token="} {
		if resp, _ := get(wrong); resp.StatusCode != http.StatusForbidden || len(resp.Cookies()) > 0 {
			t.Errorf("%s: %s, %v", wrong, resp.Status, resp.Cookies())
		}
	}
	if resp, _ := get(link + "&lang=en"); resp.StatusCode != http.StatusOK || resp.Request.URL.String() != s.plain+"/fixtures?lang=en" {
		t.Errorf("the link leads to %s, %s", resp.Request.URL, resp.Status)
	}
	cookies := jar.Cookies(plain)
	if len(cookies) != 1 || cookies[0].Name != "igc-catalogue-"+plain.Port() || strings.Contains(cookies[0].Value, token) {
		t.Errorf("cookies: %v", cookies)
	}
	_, page := get(s.plain + "/")
	if strings.Contains(page, "igc catalogue") || strings.Contains(page, token) {
		t.Error("the owner is asked for the link, or the page holds the token")
	}
	path := regexp.MustCompile(`href="(/cards/[^"]+\.p12)"`).FindStringSubmatch(page)
	if path == nil {
		t.Fatal("no link to a private key")
	}
	_, p12 := get(s.plain + path[1])
	if _, _, _, err := pkcs12.DecodeChain([]byte(p12), "1234"); err != nil {
		t.Errorf("%s: %v", path[1], err)
	}
	// the cookie as it was set
	w := ask(t, s.server.Catalogue(http.NotFoundHandler(), &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}), "localhost:8080", "/?token="+token)
	set := w.Header().Get("Set-Cookie")
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/" || w.Header().Get("Referrer-Policy") != "no-referrer" ||
		!strings.Contains(set, "HttpOnly") || !strings.Contains(set, "SameSite=Strict") {
		t.Errorf("%d: %v", w.Code, w.Header())
	}
	// one command with curl, whose arguments other users of the machine see: the token is not among
	// them
	file := filepath.Join(t.TempDir(), "card.p12")
	curl := exec.CommandContext(t.Context(), peer.Need(t, "curl"), "-sSf", "-H", "@-", "-o", file, s.plain+path[1])
	curl.Stdin = strings.NewReader("Authorization: Bearer " + token + "\n")
	if out, err := curl.CombinedOutput(); err != nil {
		t.Errorf("curl: %v, %s", err, out)
	} else if data, err := os.ReadFile(file); err != nil || string(data) != p12 {
		t.Errorf("curl wrote another file: %v", err)
	}
}

// The link of a catalogue that others reach gives nothing, and there is none for it.
func TestLinkOnLoopbackOnly(t *testing.T) {
	s := newSite(t)
	token, err := ReadToken(s.lab.Home)
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{"127.0.0.1:8080": "http://localhost:8080/?token=ab", "[::1]:1": "http://localhost:1/?token=ab", "localhost:8080": "http://localhost:8080/?token=ab",
		"0.0.0.0:8080": "", ":8080": "", "192.0.2.7:8080": "", "lab.example:8080": ""} {
		if got := CatalogueLink("ab", address, "/"); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
	h := s.server.Catalogue(http.NotFoundHandler(), &net.TCPAddr{IP: net.IPv4zero, Port: 8080})
	if w := ask(t, h, "localhost:8080", "/?token="+token); w.Code != http.StatusForbidden || w.Header().Get("Set-Cookie") != "" {
		t.Errorf("%d, %v", w.Code, w.Header())
	}
}

// The token is the owner's alone and stays from start to start; one that others could read is
// replaced.
func TestToken(t *testing.T) {
	s := newSite(t)
	file := filepath.Join(s.lab.Home, tokenFile)
	first, err := ReadToken(s.lab.Home)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	load := func() string {
		t.Helper()
		if err := s.server.LoadToken(); err != nil {
			t.Fatal(err)
		}
		token, err := ReadToken(s.lab.Home)
		if err != nil || token != s.server.token {
			t.Fatalf("the file has %q, the server %q: %v", token, s.server.token, err)
		}
		return token
	}
	if second := load(); second != first {
		t.Error("another token at the next start")
	}
	put(t, file, "not a token\n")
	if _, err := ReadToken(s.lab.Home); ca.KindOf(err) != ca.NotFound {
		t.Errorf("a broken file: %v", err)
	}
	third := load()
	if third == first {
		t.Error("a broken file gave the first token")
	}
	if runtime.GOOS != "windows" {
		if err := os.Chmod(file, 0o644); err != nil {
			t.Fatal(err)
		}
		if load() == third {
			t.Error("a token that others could read stays")
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadToken(s.lab.Home); ca.KindOf(err) != ca.NotFound {
		t.Errorf("no file: %v", err)
	}
}

// Every answer of every port, errors and redirects too, forbids browsers to guess what it is.
func TestNosniffEverywhere(t *testing.T) {
	s := newSite(t)
	folder := s.makeCard(t)
	publication := s.server.Catalogue(revocation.NewPublication(s.lab, s.crls, s.responder, s.server.log),
		&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080})
	plain := []string{"/", "//", "/?token=x", "/fixtures", "/fixtures/", "/codes", "/codes/", "/authorities.pem", "/cards", "/cards/x/y", "/cards//x", folder + "authentication.p12",
		folder + "authentication.pem", folder + "chain.pem", folder + "..", "/fixtures/a/b", "/CRL/ACI-FO-PP-TEST.crl", "/CRL/ACI-FO-PP-TEST-delta.crl", "/CRL/x", "/CRL", "//CRL/x",
		"/AC%20TEST/ACI-FO-PP-TEST.cer", "/AC%20TEST/Chaine_de_certification-IGC-Sante-TEST.p7b", "/AC%20TEST/Chaine_de_certification-IGC-Sante-TEST.p7c", "/AC%20TEST/x",
		"/PC%20TEST", "/PC%20TEST/", "/PC%20TEST/x", "/healthz", "/metrics", "/ocsp", "/ocsp/", "/ocsp/x", "/ocsp//", "/MA", "//MA", "/nothing", "/nothing/../x"}
	card := []string{"/", "//", "/?lang=en", "/codes", "/api/v1/card", "/api/v1/", "/card.pem", "/card.der", "/autre-carte", "/events", "/nothing", "/x/../y"}
	walk := func(name string, h http.Handler, origin string, paths []string) {
		for _, path := range paths {
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "OPTIONS", "TRACE"} {
				r := httptest.NewRequestWithContext(t.Context(), method, origin+"/", nil)
				var err error
				if r.URL, err = url.ParseRequestURI(path); err != nil {
					t.Fatal(err)
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				if got := w.Result().Header.Get("X-Content-Type-Options"); got != "nosniff" {
					t.Errorf("%s: %s %s: %d, X-Content-Type-Options %q", name, method, path, w.Code, got)
				}
			}
		}
	}
	walk("publication", publication, "http://localhost:8080", plain)
	walk("publication, from elsewhere", publication, "http://rebound.example", plain)
	for _, m := range Modes {
		walk(m.Name, s.https[m.Name].Handler, "https://localhost:8443", card)
	}
}
