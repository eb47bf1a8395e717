package psc

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/net/html"

	"github.com/igc-lab/igc/services/ecps"
)

// fuzzed is a provider whose handlers are called without a network. Words in braces stand in the
// inputs for what each process has of its own: {LOGIN} for a sealed login of the browser, {CODE}
// for a good code.
type fuzzed struct {
	*world
	browser string            // value of the browser's cookie
	session string            // that of its session's
	values  map[string]string // by the word in braces
	claims  map[string]bool   // of the tokens that were given out
	made    time.Time
}

func newFuzzed(f *testing.F) *fuzzed {
	return &fuzzed{world: newWorld(f), browser: random(), values: map[string]string{}, claims: map[string]bool{}}
}

// within has the test's failures reported to one run.
func (z *fuzzed) within(t *testing.T) { z.TB = t }

// open makes a session of the doctor in the browser, with a grant to each of two clients.
func (z *fuzzed) open() {
	z.Helper()
	settings, err := z.p.current(z.Context())
	if err != nil {
		z.Fatal(err)
	}
	secret := random()
	s := &session{SID: uuid(), Person: doctor, Mode: modeMobile, AuthTime: z.now(), Used: z.now(),
		Cookie: digest(secret)}
	z.session = s.SID + "." + secret
	z.values["{SID}"], z.values["{CSRF}"] = s.SID, digest("csrf "+z.session)
	person, err := z.p.person(z.Context(), doctor)
	if err != nil {
		z.Fatal(err)
	}
	for _, client := range []string{"app", "other"} {
		g := grant{ID: uuid(), Client: client, Scope: "openid profile scope_all identity", Refresh: uuid(),
			Issued: z.now()}
		s.add(g, settings)
		tokens, err := z.p.sign(z.Context(), settings, s, &g, person, "n")
		if err != nil {
			z.Fatal(err)
		}
		prefix := "{" + strings.ToUpper(strings.TrimSuffix(client+"-", "app-"))
		z.values[prefix+"ACCESS}"], z.values[prefix+"REFRESH}"], z.values[prefix+"ID}"] = tokens.AccessToken,
			tokens.RefreshToken, tokens.IDToken
		for _, token := range []string{tokens.AccessToken, tokens.RefreshToken, tokens.IDToken} {
			z.claims[payload(z, token)] = true
		}
	}
	none := uint64(0)
	write, err := z.p.writeSession(s, settings, &none)
	if err != nil {
		z.Fatal(err)
	}
	if _, err := z.docs.WriteDocuments(z.Context(), "", write); err != nil {
		z.Fatal(err)
	}
	z.made = time.Now()
}

// seal makes a login of the browser, at the step that change brings it to.
func (z *fuzzed) seal(change func(*login)) string {
	z.Helper()
	l := &login{ID: uuid(), Begun: z.now(), Browser: digest(z.browser), Client: "app",
		Redirect: "https://localhost:3000/cb", Mode: "query",
		Scope: "openid profile scope_all identity", State: "a-random-state"}
	change(l)
	sealed, err := z.p.seal(l)
	if err != nil {
		z.Fatal(err)
	}
	return sealed
}

// spell puts the words' values in an input.
func (z *fuzzed) spell(input string) string {
	for _, word := range slices.Sorted(maps.Keys(z.values)) {
		input = strings.ReplaceAll(input, word, z.values[word])
	}
	return input
}

// route is what a fuzzed request is sent to.
type route struct {
	handler      http.Handler
	method, path string
}

// ask calls a handler as net/http does for a request with that query and form.
func (z *fuzzed) ask(to route, query, form string, header http.Header, cookies bool) *httptest.ResponseRecorder {
	z.Helper()
	r := &http.Request{Method: to.method, URL: &url.URL{Path: to.path, RawQuery: query}, Proto: "HTTP/1.1",
		ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Host: "localhost", RequestURI: to.path + "?" + query, Body: http.NoBody}
	if to.method == http.MethodPost {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(form)), int64(len(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if cookies {
		r.AddCookie(&http.Cookie{Name: browserCookie, Value: z.browser})
		r.AddCookie(&http.Cookie{Name: sessionCookie, Value: z.session})
	}
	w := httptest.NewRecorder()
	to.handler.ServeHTTP(w, r.WithContext(z.Context()))
	return w
}

// sane checks what holds for every answer: no failure of the server, no way to an address that is
// not registered, no markup but the templates'.
func (z *fuzzed) sane(w *httptest.ResponseRecorder, registered ...string) {
	z.Helper()
	if w.Code >= 500 && w.Code != http.StatusServiceUnavailable {
		z.Fatalf("status %d\n%s", w.Code, w.Body)
	}
	if to := w.Header().Get("Location"); to != "" {
		z.goesTo("Location", to, registered)
	}
	for name, values := range w.Header() {
		for _, v := range values {
			if name != "Location" && strings.ContainsAny(v, "\r\n\x00") {
				z.Fatalf("header %s: %q", name, v)
			}
		}
	}
	switch kind := w.Header().Get("Content-Type"); {
	case strings.HasPrefix(kind, "text/html"):
		z.markup(w.Body.Bytes(), registered)
	case kind == "application/json":
		if !json.Valid(w.Body.Bytes()) {
			z.Fatalf("not JSON: %s", w.Body)
		}
	}
}

// goesTo checks an address that the browser is sent to, or may be.
func (z *fuzzed) goesTo(where, address string, registered []string) {
	z.Helper()
	for _, r := range registered {
		if rest, ok := strings.CutPrefix(address, r); ok && (rest == "" || rest[0] == '?' || rest[0] == '#') {
			return
		}
	}
	for _, own := range []string{z.p.WalletURL, z.p.IssuerURL, z.p.CardURL} {
		if strings.HasPrefix(address, own+"/") {
			return
		}
	}
	if u, err := url.Parse(address); err == nil && u.Scheme == "" && u.Host == "" && !strings.HasPrefix(address,
		"//") &&
		!strings.ContainsAny(address, "\\\r\n\t") {
		return
	}
	z.Fatalf("%s leads to %q", where, address)
}

// written are the elements and attributes that the templates have.
var written = map[string]string{"html": "lang", "head": "", "meta": "charset name content", "title": "",
	"style": "", "script": "",
	"link": "rel href", "body": "", "a": "class href lang hreflang", "header": "", "p": "class", "div": "class " +
		"tabindex", "span": "class aria-hidden",
	"nav": "aria-label", "main": "id", "footer": "", "h1": "", "h2": "", "strong": "", "code": "", "dl": "class",
	"dt": "", "dd": "class",
	"section": "class role", "ul": "class", "ol": "class", "li": "class", "form": "method action id",
	"input": "type name value id inputmode autocomplete spellcheck autocapitalize required aria-invalid",
	"label": "for", "button": "type name value", "img": "alt width height " +
		"src", "table": "class", "thead": "", "tbody": "", "tr": "",
	"th": "scope id", "td": ""}

// markup checks that a page has no elements, attributes, scripts or links but those of its
// template.
func (z *fuzzed) markup(page []byte, registered []string) {
	z.Helper()
	tokens := html.NewTokenizer(bytes.NewReader(page))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			if tokens.Err() != io.EOF {
				z.Fatalf("%v\n%s", tokens.Err(), page)
			}
			return
		case html.CommentToken:
			z.Fatalf("a comment: %q\n%s", tokens.Token(), page)
		case html.StartTagToken, html.SelfClosingTagToken:
			t := tokens.Token()
			attributes, known := written[t.Data]
			if !known {
				z.Fatalf("an element %q\n%s", t, page)
			}
			for _, a := range t.Attr {
				if !slices.Contains(strings.Fields(attributes), a.Key) {
					z.Fatalf("an attribute: %q\n%s", t, page)
				}
				if a.Key == "href" && !strings.HasPrefix(a.Val, "data:,") || a.Key == "action" || a.Key == "src" &&
					!strings.HasPrefix(a.Val, "data:image/") {
					z.goesTo(t.Data+" "+a.Key, a.Val, registered)
				}
			}
			if t.Data == "script" || t.Data == "style" {
				tokens.Next()
				own := "<" + t.Data + ">" + string(tokens.Raw()) + "</" + t.Data + ">"
				if view := z.p.pages.View(&http.Request{URL: &url.URL{}}); own != string(view.Frame().Script()) &&
					own != string(view.Frame().Style()) {
					z.Fatalf("a %s: %s", t.Data, own)
				}
			}
		}
	}
}

// otherClient registers a second client, which has the same address.
func (z *fuzzed) otherClient() (secret string) {
	z.Helper()
	c := &Client{ID: "other", RedirectURIs: []string{"https://localhost:3000/cb"},
		PostLogoutRedirectURIs: []string{"https://localhost:3000/bye"}}
	secret = c.NewSecret()
	if err := AddClient(z.Context(), z.docs, "test", c); err != nil {
		z.Fatal(err)
	}
	return secret
}

// spaced is a query that no request line can hold: net/http refuses it before any handler.
func spaced(query string) bool {
	return strings.ContainsFunc(query, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '#' })
}

// Whatever a browser is made to send to the authorization endpoint and to the login pages, it gets
// an answer, stays with the lab or goes to the registered address, and there is no code without a
// session, an approval or a card.
func FuzzAuthorize(f *testing.F) {
	z := newFuzzed(f)
	z.otherClient()
	z.open()
	issuer, wallet, card := z.p.IssuerHandler(), z.p.WalletHandler(), z.p.CardHandler()
	routes := []route{{wallet, "GET", "/auth"}, {wallet, "POST", "/auth"}, {issuer, "GET", protocolPath + "/auth"},
		{issuer, "POST", protocolPath + "/auth"},
		{wallet, "POST", "/auth/e-cps"}, {wallet, "GET", "/auth/attente"}, {wallet, "GET",
			"/auth/attente.json"}, {wallet, "GET", "/auth/quitter"},
		{wallet, "GET", "/auth/retour"}, {wallet, "GET", "/auth/carte"}, {card, "GET", "/carte"}, {card, "POST",
			"/cps-gestion"},
		{wallet, "GET", "/portail/activation"}, {wallet, "POST", "/portail/code"}, {wallet, "GET", "/login-page"}}
	good := strings.SplitN(z.authorize(), "?", 2)[1]
	for i := range routes {
		f.Add(byte(i), good, "", true)
		f.Add(byte(i), "", good, false)
		for _, word := range []string{"{LOGIN}", "{ASKED}", "{PROOF}", "{PORTAL}", "x"} {
			f.Add(byte(i), "login="+word, "login="+word+"&identifiant="+doctor, true)
		}
	}
	for _, more := range []string{"response_mode=fragment", "response_mode=form_post", "prompt=none",
		"prompt=login&max_age=1", "max_age=x", "code_challenge=x",
		"code_challenge_method=S256", "request=e30.", "request_uri={PAR}", "lang=en", "ui_locales=%3Cscript%3E",
		"login_hint=%22%3E%3Cimg%20src=x%3E",
		"redirect_uri=https://localhost:3000/cb%0d%0aX:y", "client_id=other&redirect_uri=//evil.example/",
		"state=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "%zz", "a=1&a=2"} {
		f.Add(byte(0), more+"&"+good, "", true)
		f.Add(byte(0), good+"&"+more, "", false)
		f.Add(byte(1), "", more+"&"+good, true)
		f.Add(byte(4), "lang=en", more+"&login={LOGIN}", true)
	}
	f.Fuzz(func(t *testing.T, at byte, query, form string, cookies bool) {
		z.within(t)
		if spaced(query) {
			return
		}
		if time.Since(z.made) > time.Minute {
			z.open()
		}
		all := query + form
		z.values["{LOGIN}"] = z.seal(func(*login) {})
		if strings.Contains(all, "{PROOF}") {
			z.values["{PROOF}"] = z.seal(func(l *login) {
				l.Auth = &proof{Person: doctor, Mode: modeMobile,
					At: z.now()}
			})
		}
		if strings.Contains(all, "{PORTAL}") {
			z.values["{PORTAL}"] = z.seal(func(l *login) {
				l.Portal, l.Auth = true, &proof{Person: doctor,
					Mode: modeMobile, At: z.now()}
			})
		}
		if strings.Contains(all, "{ASKED}") {
			asked, err := z.phone.Ask(t.Context(), ecps.Asked{Person: doctor, ClientID: "app"})
			if err != nil {
				t.Fatal(err)
			}
			z.values["{ASKED}"] = z.seal(func(l *login) { l.Request = asked.ID })
		}
		if strings.Contains(all, "{PAR}") {
			_, answer := z.call("/ext/par/request", "response_type", "code", "redirect_uri",
				"https://localhost:3000/cb", "scope", "openid")
			z.values["{PAR}"], _ = answer["request_uri"].(string)
		}
		w := z.ask(routes[int(at)%len(routes)], z.spell(query), z.spell(form), http.Header{"Accept": {"text/html"}},
			cookies)
		z.sane(w, "https://localhost:3000/cb")
		to, err := url.Parse(w.Header().Get("Location"))
		if err != nil {
			return
		}
		fragment, _ := url.ParseQuery(to.Fragment)
		if gives := to.Query().Get("code") != "" || fragment.Get("code") != "" || strings.Contains(w.Body.String(),
			`name="code" value`); gives &&
			to.Host == "localhost:3000" && !cookies {
			t.Fatalf("a code for a browser without cookies: %s", to)
		}
	})
}

// Whatever a client sends to the endpoints of tokens, there are no tokens without a good code,
// refresh token or request of that client and its secret, and no token is active that was not
// given.
func FuzzToken(f *testing.F) {
	z := newFuzzed(f)
	other := z.otherClient()
	z.open()
	z.values["{SECRET}"], z.values["{OTHERSECRET}"] = z.secret, other
	z.values["{BASIC}"] = base64.StdEncoding.EncodeToString([]byte("app:" + z.secret))
	give := func(client string, change func(*code)) string {
		z.Helper()
		value := uuid() + "." + z.values["{SID}"] + "." + clientUUID(client)
		c := code{Client: client, Redirect: "https://localhost:3000/cb", Scope: "openid profile scope_all identity",
			SID:     z.values["{SID}"],
			Expires: z.now().Add(time.Minute)}
		change(&c)
		write, err := put(codeKind, digest(value), c, z.p.until(60), nil)
		if err != nil {
			z.Fatal(err)
		}
		if _, err := z.docs.WriteDocuments(z.Context(), "", write); err != nil {
			z.Fatal(err)
		}
		return value
	}
	renew := func() {
		z.Helper()
		z.open()
		z.values["{CODE}"] = give("app", func(*code) {})
		z.values["{PKCE}"] = give("app", func(c *code) { c.Challenge, c.Method = strings.Repeat("v", 43), "plain" })
		z.values["{OTHERCODE}"] = give("other", func(*code) {})
		z.values["{OLD}"] = give("app", func(c *code) { c.Expires = z.now() })
		z.values["{SPENT}"] = give("app", func(c *code) { c.Grant = uuid() })
		_, answer := z.call("/ext/ciba/auth", "scope", "openid scope_all", "login_hint", doctor)
		z.values["{CIBA}"], _ = answer["auth_req_id"].(string)
	}
	renew()
	issuer := z.p.IssuerHandler()
	var routes []route
	for _, path := range []string{"/token", "/userinfo", "/token/introspect", "/revoke", "/ext/ciba/auth",
		"/ext/par/request"} {
		routes = append(routes, route{issuer, "POST", protocolPath + path})
	}
	secret, cb := "&client_id=app&client_secret={SECRET}", "&redirect_uri=https://localhost:3000/cb"
	for i := range routes {
		for _, word := range []string{"{ACCESS}", "{REFRESH}", "{ID}", "{OTHERACCESS}", "{OTHERREFRESH}", "{CODE}",
			"e30.e30.x"} {
			f.Add(byte(i), "Basic {BASIC}", "token="+word)
			f.Add(byte(i), "Bearer "+word, "access_token="+word+secret)
		}
	}
	for _, word := range []string{"{CODE}", "{PKCE}", "{OTHERCODE}", "{OLD}", "{SPENT}", "x"} {
		f.Add(byte(0), "", "grant_type=authorization_code&code="+word+cb+secret)
		f.Add(byte(0), "Basic {BASIC}",
			"grant_type=authorization_code&code="+word+cb+"&code_verifier="+strings.Repeat("v", 43))
		f.Add(byte(0), "", "grant_type=authorization_code&code="+word+"&client_id=app"+cb)
		f.Add(byte(0), "", "grant_type=authorization_code&code="+word+"&client_id=other&client_secret={OTHERSECRET}"+cb)
	}
	for _, word := range []string{"{REFRESH}", "{OTHERREFRESH}", "{ACCESS}", "{ID}"} {
		f.Add(byte(0), "", "grant_type=refresh_token&refresh_token="+word+secret)
		f.Add(byte(0), "", "grant_type=refresh_token&client_id=app&refresh_token="+word)
	}
	f.Add(byte(0), "Basic {BASIC}", "grant_type="+url.QueryEscape(grantCIBA)+"&auth_req_id={CIBA}")
	f.Add(byte(0), "Basic {BASIC}", "grant_type=password&username="+doctor)
	f.Add(byte(4), "Basic {BASIC}",
		"scope=openid&login_hint="+doctor+"&binding_message=42&requested_expiry=5&channel=CARD")
	f.Add(byte(5), "Basic {BASIC}", "response_type=code&scope=openid"+cb)
	f.Fuzz(func(t *testing.T, at byte, authorization, form string) {
		z.within(t)
		if time.Since(z.made) > 30*time.Second {
			renew()
		}
		to := routes[int(at)%len(routes)]
		authorization, form = z.spell(authorization), z.spell(form)
		header := http.Header{"Accept": {"application/json"}}
		if authorization != "" {
			header.Set("Authorization", authorization)
		}
		w := z.ask(to, "", form, header, false)
		z.sane(w)
		var answer struct {
			AccessToken string `json:"access_token"`
			Active      bool   `json:"active"`
			NameID      string `json:"SubjectNameID"`
		}
		_ = json.Unmarshal(w.Body.Bytes(), &answer)
		params, _ := url.ParseQuery(form)
		r := http.Request{Header: header}
		id, given, basic := r.BasicAuth()
		if !basic {
			id, given = params.Get("client_id"), params.Get("client_secret")
		}
		if decoded, err := url.QueryUnescape(given); basic && err == nil {
			given = decoded
		}
		known := given == z.secret || given == other
		switch {
		case answer.AccessToken != "":
			own := given == z.secret && (slices.Contains([]string{z.values["{CODE}"], z.values["{PKCE}"],
				z.values["{CIBA}"]},
				params.Get("code")+params.Get("auth_req_id")) || z.claims[claimsOf(params.Get("refresh_token"))])
			its := given == other && (params.Get("code") == z.values["{OTHERCODE}"] ||
				z.claims[claimsOf(params.Get("refresh_token"))])
			if !own && !its || params.Get("code") == z.values["{PKCE}"] &&
				params.Get("code_verifier") != strings.Repeat("v", 43) {
				t.Fatalf("tokens for %q of %s", form, id)
			}
			renew()
		case w.Code == http.StatusOK && (answer.Active || strings.HasSuffix(to.path, "/userinfo")):
			token := params.Get("token")
			if strings.HasSuffix(to.path, "/userinfo") {
				if _, token, _ = strings.Cut(authorization, " "); !z.claims[claimsOf(token)] {
					token = params.Get("access_token")
				}
			} else if !known {
				t.Fatalf("introspection without a secret: %q", form)
			}
			if !z.claims[claimsOf(token)] {
				t.Fatalf("active, and never given: %q", token)
			}
		case w.Code == http.StatusOK && strings.HasSuffix(to.path, "/revoke"):
			if !known {
				t.Fatalf("revocation without a secret: %q", form)
			}
			renew()
		}
	})
}

// claimsOf is the payload of a token, as far as it has one.
func claimsOf(token string) string {
	parts := strings.Split(strings.TrimSpace(token), ".")
	if len(parts) != 3 {
		return ""
	}
	data, _ := base64.RawURLEncoding.DecodeString(strings.NewReplacer("\n", "", "\r", "", " ", "", "\t",
		"").Replace(parts[1]))
	return string(data)
}

// Whatever stands in the place of a token, and whatever claims the lab's own key signs, reading it
// does no harm; what the lab did not sign is never taken for its own.
func FuzzJWT(f *testing.F) {
	z := newFuzzed(f)
	z.open()
	for _, word := range []string{"{ACCESS}", "{REFRESH}", "{ID}"} {
		parts := strings.Split(z.values[word], ".")
		head, _ := base64.RawURLEncoding.DecodeString(parts[0])
		for signed := range byte(4) {
			f.Add(signed, string(head), payload(f, z.values[word]), parts[2])
		}
	}
	key, err := z.p.keys.current(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(byte(0), `{"alg":"none"}`, `{}`, "")
	f.Add(byte(0), `{"alg":"RS256","kid":"`+"\x01\u2028"+`","crit":["b64"],"b64":false}`, `[1]`, "AA")
	f.Add(byte(0), `{"alg":"HS256","jwk":{"kty":"oct","k":"AA"},"x5c":["AA"]}`, `{"typ":"Bearer","typ":"ID"}`, "AA")
	f.Add(byte(1), "", `{"typ":"Bearer","exp":1e400}`, "")
	f.Add(byte(1), "", `{"typ":"ID","sid":"../../x","iss":"`+z.p.Issuer()+`"}`, "")
	f.Add(byte(2), "", `{"typ":"Refresh","gid":{},"sid":7}`, "")
	f.Add(byte(3), "Bearer a.b.c", "", "")
	f.Fuzz(func(t *testing.T, signed byte, head, claims, signature string) {
		z.within(t)
		if time.Since(z.made) > time.Minute {
			z.open()
		}
		encode := base64.RawURLEncoding.EncodeToString
		token := encode([]byte(head)) + "." + encode([]byte(claims)) + "." + signature
		switch signed % 4 {
		case 1:
			if token, err = key.sign([]byte(claims)); err != nil {
				t.Fatal(err)
			}
		case 2:
			token = key.mac([]byte(claims))
		case 3:
			token = head + claims + signature
		}
		ours := signed%4 == 1 || signed%4 == 2 || z.claims[claimsOf(token)]
		explained, err := z.p.Explain(t.Context(), token)
		if err == nil {
			if !json.Valid([]byte(explained.Header)) {
				t.Fatalf("the header is explained as %q", explained.Header)
			}
			for _, c := range explained.Claims {
				if !json.Valid([]byte(c.Value)) {
					t.Fatalf("the claim %q is explained as %q", c.Name, c.Value)
				}
			}
			for _, r := range explained.Remarks {
				if strings.HasPrefix(r.Text.EN, "signature valid") && !ours {
					t.Fatalf("%q has a valid signature", token)
				}
			}
		}
		if seen := kindOfToken(token); len(seen) > 25 {
			t.Fatalf("kind %q", seen)
		}
		for _, alg := range []jose.SignatureAlgorithm{jose.RS256, jose.HS512} {
			if data, ok, err := z.p.keys.open(t.Context(), token, alg); err != nil || ok && (!ours ||
				!z.claims[string(data)] && string(data) != claims) {
				t.Fatalf("%s opens %q: %q, %v", alg, token, data, err)
			}
		}
		settings := DefaultSettings()
		id, err1 := z.p.openIDToken(t.Context(), token)
		refresh, err2 := z.p.openRefresh(t.Context(), token)
		access, s, _, err3 := z.p.openAccess(t.Context(), &settings, token)
		if err1 != nil || err2 != nil || err3 != nil {
			t.Fatal(err1, err2, err3)
		}
		if (id != nil || refresh != nil || access != nil) && !ours || access != nil && s == nil || id != nil &&
			access != nil {
			t.Fatalf("%q is taken for a token", token)
		}
	})
}

// Whatever is sent to the logout, the browser stays with the lab or goes to the registered address,
// and the session ends only by its ID token or by the form of its own page.
func FuzzLogout(f *testing.F) {
	z := newFuzzed(f)
	z.otherClient()
	z.open()
	issuer, wallet := z.p.IssuerHandler(), z.p.WalletHandler()
	routes := []route{{issuer, "GET", protocolPath + "/logout"}, {issuer, "POST", protocolPath + "/logout"},
		{wallet, "GET", "/deconnexion"},
		{wallet, "POST", "/deconnexion"}, {wallet, "GET", "/deconnexion/retour"}}
	for i := range routes {
		for _, word := range []string{"{ID}", "{OTHERID}", "{ACCESS}", "{REFRESH}", "x.y.z", ""} {
			params := "id_token_hint=" + word +
				"&post_logout_redirect_uri=https://localhost:3000/bye&state=s&client_id=app&jeton={CSRF}"
			f.Add(byte(i), params, params, true, "text/html")
			f.Add(byte(i), "id_token_hint="+word, "jeton={CSRF}", i%2 == 0, "")
		}
		f.Add(byte(i), "client_id=app&post_logout_redirect_uri=https://localhost:3000/bye%3fx=1",
			"post_logout_redirect_uri=javascript:alert(1)", true, "")
		f.Add(byte(i),
			"client_id=app&post_logout_redirect_uri=https://localhost:3000/bye&state=%22%3E%3Cscript%3E%0d%0a",
			"state=%22%3E%3Cimg%3E", true, "*/*")
		f.Add(byte(i), "post_logout_redirect_uri=//evil.example", "client_id=%22&client_id=x", false, "text/html")
	}
	f.Fuzz(func(t *testing.T, at byte, query, form string, cookies bool, accept string) {
		z.within(t)
		if spaced(query) || strings.ContainsAny(accept, "\r\n\x00") {
			return
		}
		if time.Since(z.made) > time.Minute {
			z.open()
		}
		to := routes[int(at)%len(routes)]
		query, form = z.spell(query), z.spell(form)
		w := z.ask(to, query, form, http.Header{"Accept": {accept}}, cookies)
		z.sane(w, "https://localhost:3000/bye")
		settings := DefaultSettings()
		s, _, err := z.p.session(t.Context(), z.values["{SID}"], &settings)
		if err != nil {
			t.Fatal(err)
		}
		if s != nil {
			return
		}
		hinted := false
		for _, params := range []string{query, form} {
			values, _ := url.ParseQuery(params)
			hinted = hinted || strings.HasSuffix(to.path, "/logout") && z.claims[claimsOf(values.Get("id_token_hint"))]
			hinted = hinted || to.path == "/deconnexion" && to.method == "POST" && cookies &&
				values.Get("jeton") == z.values["{CSRF}"]
		}
		if !hinted {
			t.Fatalf("%s %s?%s ended the session: %q", to.method, to.path, query, form)
		}
		z.open()
	})
}
