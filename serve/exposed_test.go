package serve

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/testssl"
)

const exposedName = "lab.example.test"

// exposedSite is a lab that is served beyond its machine, as far as a test can be.
type exposedSite struct {
	*labtest.CardLab
	registry  *access.Registry
	endpoints map[string]string // their URLs, by name
	roots     *x509.CertPool
	routes    []deskRoute
}

func newExposedSite(t *testing.T) *exposedSite {
	t.Helper()
	config := lab.DefaultConfig()
	config.Key = "p256"
	config.Exposed = lab.Exposed{Names: []string{exposedName, "igc.example.test"}, Listen: "0.0.0.0"}
	first, err := strconv.Atoi(labtest.FreePorts(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := InRow(&config, first); err != nil {
		t.Fatal(err)
	}
	s := &exposedSite{CardLab: labtest.NewEmptyLab(t, config), endpoints: map[string]string{},
		roots: x509.NewCertPool()}
	s.IssueCard(t, "alain", "authentication", "signature")
	if err := Run(t.Context(), s.Lab, Options{Log: slog.New(slog.DiscardHandler),
		Now: s.Clock()}); store.KindOf(err) != store.Invalid {
		t.Fatalf("served without --exposed: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	started, ended := make(chan Started, 1), make(chan error, 1)
	go func() {
		ended <- Run(ctx, s.Lab, Options{Log: slog.New(slog.DiscardHandler), Now: s.Clock(), Exposed: true,
			Started: func(s Started) { started <- s }})
	}()
	select {
	case got := <-started:
		for _, e := range got.Endpoints {
			s.endpoints[e.Name] = strings.TrimSuffix(e.URL, "/")
		}
		s.routes = got.routes
		if got.CatalogueLink != "" {
			t.Errorf("the catalogue gives private keys: %s", got.CatalogueLink)
		}
	case err := <-ended:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	s.registry = access.New(access.Options{Service: s.Lab, Now: s.Clock()})
	infos, err := s.Authorities(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range infos {
		if c, err := x509.ParseCertificate(info.DER); err == nil {
			s.roots.AddCert(c)
		}
	}
	return s
}

// client is a client whose names all lead to the lab's machine, over an address that is not
// loopback where there is one.
func (s *exposedSite) client(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.roots},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
		}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (s *exposedSite) token(t *testing.T, name string, scopes ...access.Scope) string {
	t.Helper()
	_, token, err := s.registry.AddToken(t.Context(), access.Owner("cli:test"), access.Bearer{Name: name,
		Scopes: scopes,
		Grants: []access.Grant{{Role: access.Administrator}}})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// ask sends a request and returns the status, the headers and the body.
func ask(t *testing.T, client *http.Client, method, address string, headers ...string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, address, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(body)
}

// patterns are those that the packages behind the desk register, read from their sources: a new one
// is tried too.
func patterns(t *testing.T) []string {
	t.Helper()
	prefixes := map[string]string{"services/ecps": phonePath, "outbox": messagesPath, "console": peoplePath,
		"services/annuaire": annuairePath, "services/psc": requestsPath}
	quoted := regexp.MustCompile(`"((?:GET |POST )?(?:[a-z]+\.)?)?" ?\+? ?(?:s\.prefix|prefix|path) ?\+ ?"([^"]*)"`)
	listed := regexp.MustCompile(`"(/?[a-z{][^" ]*)": `)
	all := map[string]bool{}
	for folder, prefix := range prefixes {
		names, err := fs.Glob(os.DirFS("../"+folder), "*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			source, err := os.ReadFile("../" + folder + "/" + name)
			if err != nil || strings.HasSuffix(name, "_test.go") {
				continue
			}
			for line := range strings.Lines(string(source)) {
				if m := quoted.FindStringSubmatch(line); m != nil && strings.Contains(line, "Handle") {
					all[prefix+strings.TrimPrefix(m[2], "/")] = true
				}
				for _, m := range listed.FindAllStringSubmatch(line, -1) {
					if folder == "services/ecps" || folder == "outbox" {
						all[prefix+strings.TrimPrefix(m[1], "/")] = true
					}
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// Nothing of the desk of an exposed lab is answered without a caller but what its table opens, with
// a reason: every pattern of the table and of the packages behind it, and every method.
func TestExposedDesk(t *testing.T) {
	s := newExposedSite(t)
	client, desk := s.client(t), s.endpoints["desk"]
	if !strings.HasPrefix(desk, "https://"+exposedName+":") {
		t.Fatal(s.endpoints)
	}
	found := patterns(t)
	if len(found) < 20 || !slices.Contains(found, phonePath+"appareil/{device}") || !slices.Contains(found,
		messagesPath+"{id}") {
		t.Fatalf("patterns: %q", found)
	}
	found = append(found, ordersPath+"roles", ordersPath+"1", ordersPath+"nouvelle")
	open := map[string]bool{"nouveau": true, "conditions": true, "identifiant": true, "scanner": true,
		"activation/{handle}": true, "appareil/{device}": true, "events": true, "manifest.webmanifest": true,
		"icone.svg": true, "icone-192.png": true, "icone-512.png": true}
	var paths []string
	for _, route := range s.routes {
		if (len(route.policy.open) > 0) != (route.policy.why != "") {
			t.Errorf("%s is open without a reason: %+v", route.pattern, route.policy)
		}
		paths = append(paths, strings.TrimPrefix(route.pattern, "GET "))
	}
	fill := strings.NewReplacer("{$}", "", "{id...}", "899700209812", "{id}", "1", "{authority}", "ACI-FO-PP",
		"{serial}",
		s.Cards[0].Serial, "{device}", "x", "{handle}", "x")
	refused, opened := 0, 0
	for _, pattern := range append(paths, found...) {
		path := fill.Replace(pattern)
		isOpen := strings.HasPrefix(path, "/fhir") || strings.HasPrefix(path, loginPath) ||
			open[strings.TrimPrefix(pattern, phonePath)] && strings.HasPrefix(pattern, phonePath)
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"} {
			status, _, _ := ask(t, client, method, desk+path)
			if denied := status == 401 || status == 403; !denied && !isOpen && status != 405 {
				t.Errorf("%s %s: %d without a caller", method, path, status)
			} else if denied {
				refused++
			} else {
				opened++
			}
			if isOpen && method == "GET" && (status == 401 || status == 403) {
				t.Errorf("%s %s: %d", method, path, status)
			}
		}
	}
	if refused < 100 || opened < 20 {
		t.Errorf("%d refused, %d open", refused, opened)
	}
	for _, path := range []string{"/telephone/events?page=liste", "/telephone//", "//messages/",
		"/messages/..%2fmessages/",
		"/telephone/nouveau/..", "/telephone/../messages/", "/telephone/nouveau/../../psc/requests.json",
		"/fhir/../messages/api/v1/messages", "/%6dessages/api/v1/messages", "/unknown", "/telephone/unknown",
		"/metrics", "/connexion/../metrics"} {
		status, _, body := ask(t, client, "GET", desk+path)
		if status == 200 || strings.Contains(body, "LABDOC") {
			t.Errorf("%s: %d", path, status)
		}
	}

	reader, writer := s.token(t, "lecture", access.ReadScope), s.token(t, "ordres", access.WriteOrders)
	for path, want := range map[string]int{peoplePath: 200, messagesPath + "api/v1/messages": 200, requestsPath +
		"requests.json": 200,
		"/metrics": 200, phonePath: 200, "/": 302, "/unknown": 404, annuairePath + "appels.json": 200} {
		if status, _, _ := ask(t, client, "GET", desk+path, "Authorization", "Bearer "+reader); status != want {
			t.Errorf("%s by a token: %d", path, status)
		}
		if status, _, body := ask(t, client, "GET", desk+path, "Authorization", "Bearer "+writer); want != 404 &&
			(status != 403 || !strings.Contains(body, "ACCESS-SCOPE")) {
			t.Errorf("%s by a token of another scope: %d %s", path, status, body)
		}
	}
	if status, _, body := ask(t, client, "POST", desk+messagesPath, "Authorization", "Bearer "+reader); status != 403 ||
		!strings.Contains(body, "ACCESS-SCOPE") {
		t.Errorf("a change by a token that reads: %d %s", status, body)
	}
	if status, _, _ := ask(t, client, "GET", desk+peoplePath, "Host", "evil.test"); status != 403 {
		t.Errorf("another name: %d", status)
	}
	if status, _, _ := ask(t, client, "GET", desk+"/fhir/v2/metadata", "Host", "evil.test"); status != 403 {
		t.Errorf("another name: %d", status)
	}
	for _, name := range []string{exposedName, "igc.example.test", "localhost"} {
		_, port, _ := net.SplitHostPort(strings.TrimPrefix(desk, "https://"))
		if status, _, _ := ask(t, client, "GET", "https://"+net.JoinHostPort(name, port)+peoplePath); status != 401 {
			t.Errorf("%s: %d", name, status)
		}
	}
}

// A browser logs in at the desk by a token, and is out when the token is removed.
func TestExposedLogin(t *testing.T) {
	s := newExposedSite(t)
	client, desk := s.client(t), s.endpoints["desk"]
	status, header, _ := ask(t, client, "GET", desk+peoplePath+"?q=dodo", "Accept", "text/html")
	if want := loginPath + "?vers=" + url.QueryEscape(peoplePath+"?q=dodo"); status != 303 ||
		header.Get("Location") != want {
		t.Fatalf("%d %s", status, header.Get("Location"))
	}
	if status, _, body := ask(t, client, "GET", desk+header.Get("Location")); status != 200 ||
		!strings.Contains(body, `value="/personnes/?q=dodo"`) {
		t.Errorf("%d %s", status, body)
	}
	login := func(token, next string, headers ...string) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "POST", desk+loginPath,
			strings.NewReader(url.Values{"jeton": {token}, "vers": {next}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i+1 < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp
	}
	token := s.token(t, "navigateur", access.ReadScope)
	if resp := login("igc_x_y", ""); resp.StatusCode != 401 || len(resp.Cookies()) != 0 {
		t.Errorf("a wrong token: %d", resp.StatusCode)
	}
	if resp := login(token, "", "Origin", "https://evil.test"); resp.StatusCode != 403 {
		t.Errorf("from another site: %d", resp.StatusCode)
	}
	for next, want := range map[string]string{"/personnes/?q=dodo": "/personnes/?q=dodo",
		"https://evil.test/": ConsolePath,
		"//evil.test/":       ConsolePath, `/\evil.test/`: ConsolePath, "javascript:alert(1)": ConsolePath, "": ConsolePath,
		loginPath: ConsolePath, "/a\nb": ConsolePath} {
		resp := login(token, next)
		if resp.StatusCode != 303 || resp.Header.Get("Location") != want {
			t.Errorf("%q: %d %s", next, resp.StatusCode, resp.Header.Get("Location"))
		}
		c := resp.Cookies()
		if len(c) != 1 || !c[0].HttpOnly || !c[0].Secure || c[0].SameSite != http.SameSiteStrictMode ||
			c[0].Path != "/" ||
			c[0].Domain != "" || !strings.HasPrefix(c[0].Name, "__Host-") || strings.Contains(c[0].Value, token[15:]) {
			t.Errorf("%+v", c)
		}
	}
	if status, _, _ := ask(t, client, "GET", desk+peoplePath); status != 200 {
		t.Errorf("logged in: %d", status)
	}
	if status, _, body := ask(t, client, "POST", desk+peoplePath, "Sec-Fetch-Site", "same-site"); status != 403 ||
		!strings.Contains(body, "ACCESS-ORIGIN") { // a page at another port of this host
		t.Errorf("from another port: %d %s", status, body)
	}
	if err := s.registry.RemoveToken(t.Context(), access.Owner("cli:test"), "navigateur"); err != nil {
		t.Fatal(err)
	}
	if status, _, _ := ask(t, client, "GET", desk+peoplePath); status != 401 {
		t.Errorf("after the token was removed: %d", status)
	}
	s.token(t, "navigateur", access.ReadScope) // another of the same name
	if status, _, _ := ask(t, client, "GET", desk+peoplePath); status != 401 {
		t.Errorf("with another token of that name: %d", status)
	}
	if resp := login(s.token(t, "autre", access.ReadScope), ""); resp.StatusCode != 303 {
		t.Fatal(resp.Status)
	}
	if status, _, _ := ask(t, client, "POST", desk+loginPath+"/fin"); status != 303 {
		t.Errorf("log out: %d", status)
	}
	if status, _, _ := ask(t, client, "GET", desk+peoplePath); status != 401 {
		t.Errorf("logged out: %d", status)
	}
}

// Beside the desk: what a client without a secret must reach is served, by every name, and no list
// of cards or private key is. Commands on the machine reach the desk over the socket.
func TestExposedElsewhere(t *testing.T) {
	s := newExposedSite(t)
	client := s.client(t)
	plain := s.endpoints["publication"]
	for _, folder := range append(testssl.PageFolders(), "metrics") {
		open, known := openFolders[folder]
		if !known {
			t.Errorf("the catalogue's %q: open or not?", folder)
		}
		status, _, body := ask(t, client, "GET", plain+"/"+folder)
		if (status == 403) == open || strings.Contains(body, "DODO") {
			t.Errorf("/%s: %d", folder, status)
		}
	}
	for _, path := range []string{"/cards/" + s.Cards[0].Holder.CardNumber + "/card.p12", "//cards/x/y",
		"/fixtures/x/y.p12",
		"/?token=" + strings.Repeat("0", 32)} {
		if status, _, _ := ask(t, client, "GET", plain+path); status != 403 {
			t.Errorf("%s: %d", path, status)
		}
	}
	for _, path := range []string{"/healthz", "/CRL/ACI-FO-PP-TEST.crl"} {
		if status, _, _ := ask(t, client, "GET", plain+path); status != 200 {
			t.Errorf("%s: %d", path, status)
		}
	}
	for name, path := range map[string]string{"testssl": "/", "wallet": "/login-page", "portal": "/",
		"psc": ""} {
		address := s.endpoints[name] + path
		if name == "psc" {
			address += "/.well-known/wallet-openid-configuration"
		}
		status, _, body := ask(t, client, "GET", address)
		if status != 200 || strings.Contains(address, "localhost") {
			t.Errorf("%s: %d", address, status)
		}
		if name != "psc" {
			continue
		}
		var discovery map[string]any
		if err := json.Unmarshal([]byte(body), &discovery); err != nil || discovery["issuer"] != s.endpoints["psc"] ||
			strings.Contains(body, "localhost") {
			t.Errorf("%v %s", err, body)
		}
	}
	socket, address := s.Client().Desk()
	status, _, body := ask(t, socket, "GET", address+requestsPath+"requests.json")
	if status != 200 || !strings.HasPrefix(body, "[") {
		t.Errorf("over the socket: %d %s", status, body)
	}
}

// A lab is exposed by both igc.yaml and --exposed, under names that can be.
func TestExpose(t *testing.T) {
	config := lab.DefaultConfig()
	config.Key = "p256"
	l := labtest.NewEmptyLab(t, config)
	if err := expose(l.Lab, true); store.KindOf(err) != store.Invalid || !strings.Contains(err.Error(),
		"exposed: {names:") {
		t.Errorf("without names: %v", err)
	}
	if err := expose(l.Lab, false); err != nil || l.Config.Listen.Desk != config.Listen.Desk {
		t.Errorf("%v", err)
	}
	l.Config.Exposed.Names = []string{exposedName}
	if err := expose(l.Lab, false); store.KindOf(err) != store.Invalid || !strings.Contains(err.Error(), "--exposed") {
		t.Errorf("without --exposed: %v", err)
	}
	if err := expose(l.Lab, true); err != nil || l.Config.Listen.Desk != "0.0.0.0:8454" ||
		l.Config.Listen.Portal != "0.0.0.0:8456" {
		t.Errorf("%v %+v", err, l.Config.Listen)
	}
}
