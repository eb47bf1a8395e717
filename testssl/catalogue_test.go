package testssl

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/fixtures"
)

// ask calls a handler as somebody at that host would.
func ask(t testing.TB, h http.Handler, host, path string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "http://"+host+path, nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// The plain port shows the lab's cards and fixtures, and gives what is needed to import them: what
// a card names, and nothing else of the lab. Every link on its page leads somewhere.
func TestCatalogue(t *testing.T) {
	s := newSite(t)
	identity, err := fixtures.Find("alain")
	if err != nil {
		t.Fatal(err)
	}
	order := ca.CardOrder{IssueRequest: ca.IssueRequest{Product: "cps", Holder: identity.Holder}, Key: ca.P256,
		PIN: "1234"}
	card, folder, err := ca.MakeCard(t.Context(), s.lab, s.lab.Home, order)
	if err != nil {
		t.Fatal(err)
	}
	number := filepath.Base(folder)
	manifest := fixtures.Manifest{MadeBy: fixtures.MadeBy, Fixtures: []fixtures.Entry{{ID: "one",
		FR: "<b>une</b>", EN: "one", PIN: "4321",
		Files: fixtures.Files{Certificate: "one/a.pem", Chain: "one/chain.pem",
			PKCS12: "one/a.p12"}, Expect: fixtures.Expected{TestSSL: "SIG-BAD"}}}}
	data, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	set := filepath.Join(s.lab.Home, "fixtures")
	if err := os.MkdirAll(filepath.Join(set, "one"), 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(set, fixtures.ManifestFile), string(data))
	for _, name := range []string{"a.pem", "a.p12", "chain.pem", "a.key"} {
		put(t, filepath.Join(set, "one", name), name)
	}
	// a card.json that points out of its folder
	evil := filepath.Join(s.lab.Home, "cards", "evil")
	if err := os.MkdirAll(evil, 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(evil, "card.json"), `{"product":"cps","certificates":[{"certificate":"link","pkcs12":"../../passphrase"}]}`)
	if err := os.Symlink("../../passphrase", filepath.Join(evil, "link")); err != nil {
		t.Fatal(err)
	}

	token, err := ReadToken(s.lab.Home)
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string) (*http.Response, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.plain+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(r)
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
	_, page := get("/?lang=en")
	_, wrong := get("/fixtures?lang=en")
	page += wrong
	for _, words := range []string{card.Holder.DisplayName(), number, "<code>one</code>", "4321", "SIG-BAD",
		"ACI-FO-PP-TEST.crl", s.urls[Default.Name], "Test in TestSSL", ">valid<"} {
		if !strings.Contains(page, words) {
			t.Errorf("the page lacks %q", words)
		}
	}
	if _, page := get("/fixtures?lang=fr"); !strings.Contains(page, "&lt;b&gt;une") {
		t.Error("a fixture's words are not escaped")
	}
	for _, link := range regexp.MustCompile(`href="(/[^"]+)"`).FindAllStringSubmatch(page, -1) {
		path := html.UnescapeString(link[1])
		if strings.HasPrefix(path, "/cards/evil/") || strings.HasPrefix(path, "/tester") { // TestTestLink
			continue
		}
		if resp, body := get(path); resp.StatusCode != http.StatusOK || body == "" {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
	_, p12 := get("/cards/" + number + "/authentication.p12")
	if _, cert, _, err := pkcs12.DecodeChain([]byte(p12), order.PIN); err != nil ||
		cert.Subject.CommonName != identity.Holder.IdNat {
		t.Errorf("the PKCS#12 does not open: %v", err)
	}
	for _, path := range []string{"/cards/" + number + "/authentication.key", "/cards/" + number + "/card.json",
		"/cards/" + number + "/..%2f..%2fpassphrase",
		"/cards/evil/link", "/cards/evil/..%2f..%2fpassphrase", "/cards/..%2fkeys/ACR-EL", "/cards/none/chain.pem",
		"/fixtures/one/a.key", "/fixtures/one/manifest.json", "/igc.db", "/keys/ACR-EL"} {
		if resp, body := get(path); resp.StatusCode == http.StatusOK {
			t.Errorf("%s is given: %.40s", path, body)
		}
	}
	resp, bundle := get("/authorities.pem")
	n := 0
	for block, rest := pem.Decode([]byte(bundle)); block != nil; block, rest = pem.Decode(rest) {
		if c, err := x509.ParseCertificate(block.Bytes); err != nil || !c.IsCA {
			t.Errorf("in authorities.pem: %v, %v", c, err)
		}
		n++
	}
	if n != 4 || resp.Header.Get("Content-Type") != "application/x-pem-file" {
		t.Errorf("%d authorities, %s", n, resp.Header.Get("Content-Type"))
	}
}

// Private keys are for this machine: not given when the port listens elsewhere too, nor to a page
// whose name was made to lead here. Certificates are.
func TestKeysOnLoopbackOnly(t *testing.T) {
	s := newSite(t)
	identity, err := fixtures.Find("alain")
	if err != nil {
		t.Fatal(err)
	}
	order := ca.CardOrder{IssueRequest: ca.IssueRequest{Product: "cps", Holder: identity.Holder}, Key: ca.P256,
		PIN: "1234"}
	_, folder, err := ca.MakeCard(t.Context(), s.lab, s.lab.Home, order)
	if err != nil {
		t.Fatal(err)
	}
	in := "/cards/" + filepath.Base(folder) + "/"
	for _, test := range []struct {
		listen, host string
		given        bool
	}{
		{"127.0.0.1", "localhost:8080", true}, {"127.0.0.1", "127.0.0.1:8080", true}, {"::1", "[::1]:8080", true},
		{"127.0.0.1", "rebound.example:8080", false},
		{"0.0.0.0", "localhost:8080", false}, {"::", "localhost:8080", false}, {"192.0.2.7", "192.0.2.7:8080", false},
	} {
		h := s.server.Catalogue(http.NotFoundHandler(), &net.TCPAddr{IP: net.ParseIP(test.listen), Port: 8080})
		key := ask(t, h, test.host, in+"authentication.p12?token="+s.server.token)
		page := ask(t, h, test.host, "/")
		if (key.Code == http.StatusOK) != test.given || strings.Contains(page.Body.String(), `href="`+in+"authentication.p12") != test.given {
			t.Errorf("listening on %s, called %s: %d", test.listen, test.host, key.Code)
		}
		if cert := ask(t, h, test.host, in+"authentication.pem"); cert.Code != http.StatusOK {
			t.Errorf("listening on %s, called %s: no certificate: %d", test.listen, test.host, cert.Code)
		}
	}
}

// The page speaks the browser's language, or the one that the visitor chose, and says which.
func TestLanguage(t *testing.T) {
	s := newSite(t)
	h := s.server.Catalogue(http.NotFoundHandler(), &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	for _, test := range []struct{ accept, query, want string }{
		{"", "", "fr"}, {"en-GB,en;q=0.9,fr;q=0.8", "", "en"}, {"fr-FR,fr;q=0.9,en;q=0.8", "",
			"fr"}, {"de, en;q=0.7, fr;q=0.3", "", "en"}, {"de", "", "fr"},
		{"en", "?lang=fr", "fr"}, {"fr", "?lang=en", "en"}, {"fr", "?lang=%22%3E", "fr"},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://localhost/codes"+test.query, nil)
		r.Header.Set("Accept-Language", test.accept)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		title := map[string]string{"fr": "Les codes de TestSSL", "en": "The codes of TestSSL"}[test.want]
		if page := w.Body.String(); w.Header().Get("Content-Language") != test.want || !strings.Contains(page, `<html lang="`+test.want) ||
			!strings.Contains(page, title) || len(page) >= maxPage {
			t.Errorf("%+v: %s, %d bytes", test, w.Header().Get("Content-Language"), len(page))
		}
	}
}

// maxFixturesPage is what the page of all fixtures may weigh, in bytes: each row has its downloads
// and what to pick in the browser.
const maxFixturesPage = 90_000

// The page is light with the whole catalogue of fixtures on it, too, and its filters count them.
func TestCatalogueBudget(t *testing.T) {
	s := newSite(t)
	manifest := fixtures.Manifest{MadeBy: fixtures.MadeBy}
	for _, f := range fixtures.Catalogue() {
		manifest.Fixtures = append(manifest.Fixtures, f.Entry())
	}
	data, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(s.lab.Home, "fixtures"), 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(s.lab.Home, "fixtures", fixtures.ManifestFile), string(data))
	h := s.server.Catalogue(http.NotFoundHandler(), &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if page := ask(t, h, "localhost", "/fixtures"); page.Code != http.StatusOK || page.Body.Len() >= maxFixturesPage {
		t.Errorf("%d, %d bytes", page.Code, page.Body.Len())
	}
	rows := regexp.MustCompile(`<tr id="`)
	for query, want := range map[string]func(fixtures.Entry) bool{
		"":                   func(fixtures.Entry) bool { return true },
		"?kind=wrong":        func(e fixtures.Entry) bool { return e.Kind == fixtures.Wrong },
		"?code=REV-CRL-HOLD": func(e fixtures.Entry) bool { return e.Expect.TestSSL == "REV-CRL-HOLD" },
		"?kind=wrong&code=SIG-BAD&lang=en": func(e fixtures.Entry) bool {
			return e.Kind == fixtures.Wrong &&
				e.Expect.TestSSL == "SIG-BAD"
		},
		"?kind=good&code=SIG-BAD":           func(fixtures.Entry) bool { return false },
		"?kind=%3Cscript%3E&code=%22%3E%3C": func(fixtures.Entry) bool { return false },
	} {
		n := 0
		for _, e := range manifest.Fixtures {
			if want(e) {
				n++
			}
		}
		page := ask(t, h, "localhost", "/fixtures"+query).Body.String()
		if got := len(rows.FindAllString(page, -1)); got != n || strings.Contains(page, "<script>") {
			t.Errorf("%s: %d rows, want %d", query, got, n)
		}
	}
}

// A card on the page has its state and its expiry, as the lab knows them.
func TestCardStates(t *testing.T) {
	s := newSite(t)
	identity, err := fixtures.Find("alain")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for state, change := range map[string]func(serial string) error{
		"valide": func(string) error { return nil },
		"révoquée": func(serial string) error {
			_, err := s.lab.Revoke(t.Context(), serial,
				"keyCompromise")
			return err
		},
		"suspendue": func(serial string) error {
			_, err := s.lab.Revoke(t.Context(), serial,
				"certificateHold")
			return err
		},
		"expirée":           func(string) error { return nil },
		"pas encore valide": func(string) error { return nil },
	} {
		order := ca.CardOrder{IssueRequest: ca.IssueRequest{Product: "cps", Holder: identity.Holder},
			Key: ca.P256, PIN: "1234"}
		switch state {
		case "expirée":
			order.NotBefore = s.now().AddDate(-4, 0, 0)
		case "pas encore valide":
			order.NotBefore = s.now().AddDate(0, 1, 0)
		}
		card, folder, err := ca.MakeCard(t.Context(), s.lab, s.lab.Home, order)
		if err != nil {
			t.Fatal(err)
		}
		serial := card.Certificates[0].Serial
		if err := change(serial); err != nil {
			t.Fatal(err)
		}
		want[filepath.Base(folder)] = state + "</span>\n<small>expire le " +
			card.Certificates[0].NotAfter.Format("2006-01-02")
		want[filepath.Base(folder)+" "] = "choisir <bdi>" + identity.Holder.IdNat + " (…" + serial[len(serial)-6:]
	}
	h := s.server.Catalogue(http.NotFoundHandler(), &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	page := ask(t, h, "localhost", "/").Body.String()
	if strings.Index(page, `id="cartes"`) > strings.Index(page, `id="autorites"`) {
		t.Error("the authorities are above the cards")
	}
	for number, words := range want {
		_, row, _ := strings.Cut(page, `<tr id="`+strings.TrimSpace(number))
		row, _, _ = strings.Cut(row, "</tr>")
		if !strings.Contains(row, words) {
			t.Errorf("%s lacks %q: %s", number, words, row)
		}
	}
}

// Each click on a test link leads to a host name of its own.
func TestTestLink(t *testing.T) {
	s := newSite(t)
	h := s.server.Catalogue(http.NotFoundHandler(), &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	_, port, _ := strings.Cut(strings.TrimPrefix(s.urls[Default.Name], "https://"), ":")
	seen := map[string]bool{}
	for range 5 {
		answer := ask(t, h, "localhost", "/tester?lang=en")
		to := answer.Header().Get("Location")
		if answer.Code != http.StatusSeeOther || seen[to] || !strings.HasSuffix(to,
			".carte.localhost:"+port+"?lang=en") {
			t.Errorf("%d, %s", answer.Code, to)
		}
		seen[to] = true
	}
}

// A set made in another folder is said to be elsewhere, its path to the owner only, and the true
// count stands where none was made.
func TestFixturesElsewhere(t *testing.T) {
	s := newSite(t)
	h := s.server.Catalogue(http.NotFoundHandler(), &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	page := ask(t, h, "localhost", "/").Body.String()
	if count := fmt.Sprint(s.server.availableFixtures(), " cartes"); !strings.Contains(page, count) ||
		strings.Contains(page, "autre dossier") {
		t.Errorf("the page lacks %q, or tells of a set that was not made", count)
	}
	dir := t.TempDir()
	put(t, filepath.Join(dir, fixtures.ManifestFile), "{}")
	if err := fixtures.NoteElsewhere(s.lab.Home, dir); err != nil {
		t.Fatal(err)
	}
	if page := ask(t, h, "localhost", "/").Body.String(); !strings.Contains(page, "autre dossier") ||
		strings.Contains(page, dir) {
		t.Error("a set made elsewhere is not mentioned, or its path is for everybody")
	}
	r := httptest.NewRequest(http.MethodGet, "http://localhost/fixtures", nil)
	r.Header.Set("Authorization", "Bearer "+s.server.token)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if !strings.Contains(w.Body.String(), dir) {
		t.Error("the owner does not read where the set is")
	}
	if err := os.Remove(filepath.Join(dir, fixtures.ManifestFile)); err != nil {
		t.Fatal(err)
	}
	if page := ask(t, h, "localhost", "/").Body.String(); strings.Contains(page, "autre dossier") {
		t.Error("a set that is gone is mentioned")
	}
}

func put(t testing.TB, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
