package portal

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/people"
	"github.com/igc-lab/igc/verify"
)

// provider is what answers the portal's calls.
type provider func(*http.Request) (*http.Response, error)

func (f provider) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

type noCards struct{}

func (noCards) Check(context.Context, *tls.ConnectionState) (*verify.Report, error) {
	return nil, errors.New("no card is expected")
}

const issuer = "https://localhost:8451/auth/realms/esante-wallet"

// newTestPortal makes a portal whose provider has a discovery document, and refuses all else.
func newTestPortal(t testing.TB) *Portal {
	t.Helper()
	document, err := json.Marshal(map[string]any{"issuer": issuer,
		"authorization_endpoint": "https://localhost:8452/auth",
		"token_endpoint":         issuer + "/token",
		"jwks_uri":               issuer + "/certs", "userinfo_endpoint": issuer + "/userinfo",
		"end_session_endpoint": issuer + "/logout", "authorization_response_iss_parameter_supported": true})
	if err != nil {
		t.Fatal(err)
	}
	answers := provider(func(r *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		switch {
		case strings.HasSuffix(r.URL.Path, "-configuration"):
			w.Write(document)
		case strings.HasSuffix(r.URL.Path, "/token"):
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			w.WriteString(`{"error":"invalid_grant","error_description":"Code not valid"}`)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
		return w.Result(), nil
	})
	return New(Options{ClientID: "portail-demo", ClientSecret: "s3cret", Issuer: issuer,
		URL: "https://localhost:8456", HTTP: answers,
		Verifier: noCards{}, Now: time.Now})
}

func ask(p *Portal, method, target string, cookies ...*http.Cookie) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.Host = "localhost:8456"
	for _, c := range cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	p.Handler().ServeHTTP(w, r)
	return w
}

func TestLoginAsks(t *testing.T) {
	p := newTestPortal(t)
	w := ask(p, "GET", "/connexion?lang=en")
	to, err := url.Parse(w.Header().Get("Location"))
	if err != nil || w.Code != http.StatusSeeOther || to.Host != "localhost:8452" {
		t.Fatalf("%d %s %v", w.Code, to, err)
	}
	q := to.Query()
	for name, want := range map[string]string{"response_type": "code", "client_id": "portail-demo",
		"scope":      "openid scope_all",
		"acr_values": "eidas1", "code_challenge_method": "S256", "redirect_uri": "https://localhost:8456/retour"} {
		if q.Get(name) != want {
			t.Errorf("%s is %q", name, q.Get(name))
		}
	}
	cookie := w.Result().Cookies()[0]
	if !cookie.HttpOnly || !cookie.Secure || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" ||
		cookie.Domain != "" {
		t.Errorf("cookie %+v", cookie)
	}
	for _, value := range []string{q.Get("state"), q.Get("nonce")} {
		if len(value) < 43 || strings.Contains(cookie.Value, value) {
			t.Errorf("%q is short, or in the cookie as it is", value)
		}
	}
	if again, _ := url.Parse(ask(p, "GET",
		"/connexion").Header().Get("Location")); again.Query().Get("state") == q.Get("state") ||
		again.Query().Get("nonce") == q.Get("nonce") || again.Query().Get("code_challenge") == q.Get("code_challenge") {
		t.Error("two logins share a value")
	}
	for _, header := range []string{"Content-Security-Policy"} {
		if policy := ask(p, "GET", "/").Header().Get(header); !strings.Contains(policy,
			"form-action 'self' https://localhost:8451;") ||
			strings.Contains(policy, "unsafe") {
			t.Errorf("policy %q", policy)
		}
	}
}

// A login that is too old, of another process or changed is refused.
func TestLoginCookie(t *testing.T) {
	p, other := newTestPortal(t), newTestPortal(t)
	w := ask(p, "GET", "/connexion")
	to, _ := url.Parse(w.Header().Get("Location"))
	cookie := w.Result().Cookies()[0]
	back := "/retour?" + url.Values{"state": {to.Query().Get("state")}, "code": {"x"}, "iss": {issuer}}.Encode()
	changed := *cookie
	changed.Value = "A" + cookie.Value[1:]
	for name, got := range map[string]*httptest.ResponseRecorder{"none": ask(p, "GET", back), "changed": ask(p,
		"GET", back, &changed),
		"of another process": ask(other, "GET", back, cookie)} {
		if got.Code != http.StatusBadRequest || !strings.Contains(got.Body.String(), "PORTAL-NO-LOGIN") {
			t.Errorf("%s: %d", name, got.Code)
		}
	}
	if got := ask(p, "GET", back, cookie); !strings.Contains(got.Body.String(), "PORTAL-CODE") ||
		!strings.Contains(got.Body.String(), "Code not valid") {
		t.Errorf("a code that the provider refuses: %s", got.Body)
	}
	p.Now = func() time.Time { return time.Now().Add(loginLimit) }
	if got := ask(p, "GET", back, cookie); !strings.Contains(got.Body.String(), "PORTAL-NO-LOGIN") {
		t.Error("a login that is too old goes on")
	}
}

func TestCallsNobodyElse(t *testing.T) {
	p := newTestPortal(t)
	for _, address := range []string{"https://example.org/", "https://localhost:8452/auth",
		"http://localhost:8451/", "https://localhost/"} {
		if resp, err := p.http.Get(address); err == nil {
			t.Errorf("%s is called: %s", address, resp.Status)
		}
	}
}

func TestHosts(t *testing.T) {
	p := newTestPortal(t)
	for host, want := range map[string]int{"localhost:8456": 200, "127.0.0.1:8456": 200, "lab.example": 403,
		"a.carte.localhost:8456": 403} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		if p.Handler().ServeHTTP(w, r); w.Code != want {
			t.Errorf("%s: %d", host, w.Code)
		}
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.TLS = &tls.ConnectionState{ServerName: "ab.carte.localhost"}
	w := httptest.NewRecorder()
	if p.Handler().ServeHTTP(w, r); w.Header().Get("Location") != "https://localhost:8456/" {
		t.Errorf("at a name that asks for a card: %d %s", w.Code, w.Header().Get("Location"))
	}
	if got := ask(p, "GET", "/ailleurs"); got.Code != http.StatusNotFound || !strings.Contains(got.Body.String(),
		"PORTAL-NOT-FOUND") {
		t.Errorf("an unknown page: %d", got.Code)
	}
}

// Sessions are bounded in number and time, and end with the one at Pro Santé Connect.
func TestSessions(t *testing.T) {
	now := time.Now()
	s := sessions{now: func() time.Time { return now }, byKey: map[string]*session{}}
	of := func(key string) (*session, ending) {
		r := httptest.NewRequest("GET", "/", nil)
		r.AddCookie(&http.Cookie{Name: sessionCookie, Value: key})
		return s.ofRequest(r)
	}
	first := s.add(&session{sid: "a"})
	now = now.Add(time.Second)
	for range maxSessions {
		s.add(&session{sid: "b"})
	}
	if len(s.byKey) != maxSessions {
		t.Errorf("%d sessions", len(s.byKey))
	}
	if n, _ := of(first); n != nil {
		t.Error("the one that was used the longest ago is there still")
	}
	kept := s.add(&session{sid: "c"})
	for range 10 {
		if now = now.Add(maxIdle - time.Second); now.Sub(s.byKey[kept].created) >= maxAge {
			break
		}
		if n, _ := of(kept); n == nil {
			t.Fatal("a session that is used has ended")
		}
	}
	if n, _ := of(kept); n != nil {
		t.Errorf("a session lasts longer than %s", maxAge)
	}
	s.add(&session{})
	if len(s.byKey) != 1 {
		t.Errorf("%d sessions after all others are over", len(s.byKey))
	}
	told := s.add(&session{sid: "d", got: received{idToken: "x"}})
	if n := s.endedAt("d"); n != 1 || s.byKey[told].got.idToken != "" {
		t.Errorf("%d sessions were ended, or one keeps its tokens", n)
	}
	if n, end := of(told); n != nil || end != endedByPSC {
		t.Errorf("after its end: %v %q", n, end)
	}
	if n, end := of(told); n != nil || end != "" {
		t.Errorf("the end is told twice: %v %q", n, end)
	}
}

// Every field that Pro Santé Connect sends has a meaning in both languages, and every function that
// the page shows is there.
func TestFieldsHaveMeanings(t *testing.T) {
	for _, of := range []any{people.UserInfo{}, people.RefPro{}, people.Exercice{}, people.Activity{},
		people.OtherID{}} {
		for i := range reflect.TypeOf(of).NumField() {
			name, _, _ := strings.Cut(reflect.TypeOf(of).Field(i).Tag.Get("json"), ",")
			if m := fields()[name].Means; m.FR == "" || m.EN == "" || m.FR == m.EN && name != "codeProfession" {
				t.Errorf("%s: %+v", name, m)
			}
		}
	}
	for name, f := range fields() {
		if f.Means.FR == "" || f.Means.EN == "" {
			t.Errorf("%s: %+v", name, f)
		}
	}
	for _, address := range []string{"/a-configuration", "/certs", "/token", "/userinfo", "/introspect"} {
		if title, code := kindOf(address, url.Values{}); title.FR == address || code == "" ||
			!strings.HasSuffix(strings.TrimSpace(code), "}") {
			t.Errorf("%s: %v\n%s", address, title, code)
		}
	}
	for _, name := range []string{"authorizationURL", "verifyLogout", "refresh", "logoutURL"} {
		if !strings.HasPrefix(source(name), "func (c *client) "+name+"(") {
			t.Errorf("%s: %q", name, source(name))
		}
	}
}

func TestGroups(t *testing.T) {
	list := groups(json.RawMessage(`{"exp":1795000120,"acr":"1","acr":"eidas3",
		"Secteur_Activite":"SA07^1.2.250.1.71.4.2.4",
		"x":null,"b":true,
		"SubjectRole":["10^1.2.250.1.213.1.1.5.5"],"otherIds":[],
		"SubjectRefPro":{"exercices":[{"codeProfession":"10","activities":[
		{"codeModeExercice":"L","telephone":""}]}]},"big":12345678901234567890}`))
	var got []string
	for _, g := range list {
		got = append(got, "# "+g.Heading)
		for _, r := range g.Rows {
			got = append(got, r.Name+"|"+r.Value+"|"+r.Label.EN)
		}
		for _, r := range g.Empty {
			got = append(got, r.Name)
		}
	}
	sector, _ := people.Label("codeSecteurDactivite", "SA07")
	want := []string{"# ", "exp|1795000120|2026-11-18 11:08:40 UTC", "acr|1|",
		"acr|eidas3|seen after a login by card (2021 to 2023)",
		"Secteur_Activite|SA07^1.2.250.1.71.4.2.4|" +
			sector.EN, "x|null|", "b|true|", "SubjectRole|10^1.2.250.1.213.1.1.5.5|Médecin",
		"big|12345678901234567890|", "otherIds", "# SubjectRefPro", "# SubjectRefPro › exercices " +
			"1", "codeProfession|10|Médecin",
		"# SubjectRefPro › exercices 1 › activities 1", "codeModeExercice|L|Self-employed", "telephone"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("groups\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, bad := range []string{``, `[]`, `"a"`, `{`, `{"a"`, `{"a":`, `{"a":[[[[1]]]]}`, strings.Repeat(`{"a":`, 200),
		`{"a":[` + strings.Repeat(`1,`, 5000) + `1]}`, `{"a":[` + strings.Repeat(`{},`, 5000) + `1]}`} {
		if n := count(groups(json.RawMessage(bad))); n > maxRows+1 {
			t.Errorf("%.20q has %d rows", bad, n)
		}
	}
}

func count(list []*group) (n int) {
	for _, g := range list {
		n += 1 + len(g.Rows) + len(g.Empty)
	}
	return n
}

func TestSecretsAreNotShown(t *testing.T) {
	if got := withoutSecret("Basic cG9ydGFpbC1kZW1vOnMzY3JldA=="); got != "Basic portail-demo:***" {
		t.Error(got)
	}
	if got := withoutSecret("Bearer " + strings.Repeat("x", 900)); len(got) > 60 {
		t.Error(got)
	}
	for _, p := range params(url.Values{"client_secret": {"s3cret"}, "other": {"x"},
		"code_verifier": {strings.Repeat("v", 128)}}) {
		if strings.Contains(p.Value, "s3cret") || len(p.Value) > 60 {
			t.Errorf("%+v", p)
		}
	}
}

// FuzzCallback sends the redirect URI whatever may come: nobody is logged in by it, and the portal
// always has an answer.
func FuzzCallback(f *testing.F) {
	p := newTestPortal(f)
	begun := ask(p, "GET", "/connexion")
	to, err := url.Parse(begun.Header().Get("Location"))
	if err != nil {
		f.Fatal(err)
	}
	good := begun.Result().Cookies()[0].Value
	state := to.Query().Get("state")
	for _, query := range []string{"", "state=" + state + "&code=x&iss=" + url.QueryEscape(issuer), "state=" +
		state, "code=x", "error=access_denied",
		"state=" + state + "&error=%00&iss=" + url.QueryEscape(issuer), "state=%zz", "state=a&state=b", "iss=" +
			url.QueryEscape(issuer), ";=&&="} {
		f.Add(query, good)
		f.Add(query, "")
		f.Add(query, "A"+good)
	}
	f.Fuzz(func(t *testing.T, query, cookie string) {
		r := httptest.NewRequest("GET", "/retour", nil)
		r.Host, r.URL.RawQuery = "localhost:8456", query
		r.Header.Set("Cookie", loginCookie+"="+cookie)
		w := httptest.NewRecorder()
		p.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusBadRequest && w.Code != http.StatusForbidden && w.Code != http.StatusBadGateway {
			t.Errorf("%q: %d", query, w.Code)
		}
		if len(p.sessions.byKey) > 0 {
			t.Fatalf("%q logs somebody in", query)
		}
		if w.Header().Get("Content-Security-Policy") == "" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%q: headers %v", query, w.Header())
		}
	})
}

// FuzzBackchannel sends logout tokens that nobody signed: they end no session.
func FuzzBackchannel(f *testing.F) {
	p := newTestPortal(f)
	p.sessions.add(&session{sid: "a"})
	for _, token := range []string{"", "x", "e30.e30.e30", "eyJhbGciOiJub25lIn0.eyJzaWQiOiJhIn0.",
		"eyJhbGciOiJIUzI1NiJ9.eyJzaWQiOiJhIn0.AAAA"} {
		f.Add("logout_token=" + token)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest("POST", BackchannelPath, strings.NewReader(body))
		r.Host = "localhost:8456"
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		p.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusBadRequest {
			t.Errorf("%q: %d", body, w.Code)
		}
		if p.sessions.endedAt("a") != 1 {
			t.Fatalf("%q ends a session", body)
		}
		p.sessions.add(&session{sid: "a"})
	})
}

// FuzzGroups reads whatever a provider may send.
func FuzzGroups(f *testing.F) {
	f.Add(`{"a":{"b":[{"c":1},null,"x"]},"exp":99999999999999999999}`)
	f.Add(`{"exp":-1,"SubjectRole":["^"],"a":[[1]]}`)
	f.Fuzz(func(t *testing.T, text string) {
		if n := count(groups(json.RawMessage(text))); n > maxRows+1 {
			t.Errorf("%d rows", n)
		}
		readJWT(text)
		pretty(json.RawMessage(text))
	})
}
