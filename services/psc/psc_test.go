package psc

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/keys"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/ca/store/bolt"
	"github.com/igc-lab/igc/people"
	"github.com/igc-lab/igc/services/ecps"
	"github.com/igc-lab/igc/verify"
)

const (
	doctor = "899700999909"
	nobody = "899700999917"
)

// world is a provider with its servers, and a relying party's registration.
type world struct {
	testing.TB
	p      *Provider
	docs   store.DocumentStore
	phone  *ecps.Service
	issuer *httptest.Server
	wallet *httptest.Server
	card   *httptest.Server

	mu     sync.Mutex
	ahead  time.Duration
	secret string
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.ahead)
}

func (w *world) forward(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ahead += d
}

type noMessages struct{}

func (noMessages) Mail(context.Context, string, string, string) error { return nil }
func (noMessages) SMS(context.Context, string, string) error          { return nil }

// contacts gives the e-CPS the people's.
type contacts struct{ *people.Directory }

func (c contacts) Contact(ctx context.Context, id string) (ecps.Contact, error) {
	p, err := c.Find(ctx, id)
	if err != nil {
		return ecps.Contact{}, err
	}
	return ecps.Contact{ID: p.ID, GivenName: p.GivenName, FamilyName: p.FamilyName, Mail: p.Contact.Mail,
		Phone: p.Contact.Phone}, nil
}

// noRecords is a lab that has issued nothing.
type noRecords struct{}

func (noRecords) List(context.Context, ca.Filter) ([]*ca.Record, error) { return nil, nil }

// noCards is a verifier for servers that are given no certificate.
type noCards struct{}

func (noCards) Check(context.Context, *tls.ConnectionState) (*verify.Report, error) {
	return &verify.Report{Verdict: "TLS-NOCERT", Checks: []verify.Check{{ID: "tls", Code: "TLS-NOCERT",
		Level: verify.Bad}}}, nil
}

func noneRevoked(context.Context, Card) (bool, error) { return false, nil }

// newWorld makes a provider in which the doctor has an e-CPS that approves, and a client "app".
func newWorld(t testing.TB) *world {
	t.Helper()
	dir := t.TempDir()
	db := bolt.Open(filepath.Join(dir, "igc.db"), bolt.Options{})
	if err := db.Lock(time.Second); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Unlock() })
	w := &world{TB: t, docs: store.DocumentsOf(db, "test")}
	// as long as those that labs make: one that a person chose takes 150 ms a key
	ring := keys.NewRing(dir, func() ([]byte, error) { return []byte("dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0"), nil })
	directory := people.New(people.Options{Records: noRecords{}, Documents: w.docs})
	w.phone = ecps.New(ecps.Options{Documents: w.docs, People: contacts{directory}, Messages: noMessages{},
		Seal: ring, Now: w.now,
		URL: func() string { return "https://localhost/telephone/" }})
	var issuer, wallet, card http.Handler
	serve := func(h *http.Handler) *httptest.Server {
		s := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter,
			r *http.Request) {
			(*h).ServeHTTP(rw, r)
		}))
		t.Cleanup(s.Close)
		return s
	}
	w.issuer, w.wallet, w.card = serve(&issuer), serve(&wallet), serve(&card)
	w.p = New(Options{Documents: w.docs, Seal: ring, People: directory, ECPS: w.phone, Verifier: noCards{},
		Revoked: noneRevoked, Now: w.now,
		IssuerURL: w.issuer.URL, WalletURL: w.wallet.URL, CardURL: w.card.URL, HTTP: http.DefaultClient})
	issuer, wallet, card = w.p.IssuerHandler(), w.p.WalletHandler(), w.p.CardHandler()
	t.Cleanup(w.p.sending.Wait)
	c := &Client{ID: "app", Name: "Mon LGC", RedirectURIs: []string{"https://localhost:3000/cb"},
		PostLogoutRedirectURIs: []string{"https://localhost:3000/bye"}}
	w.secret = c.NewSecret()
	if err := AddClient(t.Context(), w.docs, "test", c); err != nil {
		t.Fatal(err)
	}
	if _, err := w.phone.Activate(t.Context(), "test", doctor, "1234"); err != nil {
		t.Fatal(err)
	}
	w.policy("approve")
	return w
}

func (w *world) policy(text string) {
	w.Helper()
	policy, err := ecps.ParsePolicy(text)
	if err != nil {
		w.Fatal(err)
	}
	if err := w.phone.SetPolicy(w.Context(), "test", ecps.Scope{}, policy); err != nil {
		w.Fatal(err)
	}
}

func (w *world) set(name, value string) {
	w.Helper()
	if _, err := ChangeSettings(w.Context(), w.docs, "test", func(s *Settings) error {
		return s.Set(name,
			value)
	}); err != nil {
		w.Fatal(err)
	}
}

// browser is a browser: it keeps cookies and does not follow redirections to the client.
type browser struct {
	*world
	http *http.Client
}

func (w *world) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.Fatal(err)
	}
	return &browser{w, &http.Client{Jar: jar, Transport: w.issuer.Client().Transport,
		CheckRedirect: func(r *http.Request, _ []*http.Request) error {
			if r.URL.Host == "localhost:3000" {
				return http.ErrUseLastResponse
			}
			return nil
		}}}
}

func (b *browser) do(method, address string, form url.Values) (*http.Response, string) {
	b.Helper()
	req, err := http.NewRequest(method, address, strings.NewReader(form.Encode()))
	if err != nil {
		b.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("Accept", "text/html")
	req.Header.Set("Accept-Language", "fr")
	resp, err := b.http.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	return resp, string(body)
}

// authorize is the address of an authorization request, changed by pairs of name and value.
func (w *world) authorize(pairs ...string) string {
	q := url.Values{"response_type": {"code"}, "client_id": {"app"},
		"redirect_uri": {"https://localhost:3000/cb"}, "scope": {"openid scope_all"},
		"acr_values": {"eidas1"}, "state": {"a-random-state"}, "nonce": {"a-random-nonce"}}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			q.Del(pairs[i])
		} else {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return w.wallet.URL + "/auth?" + q.Encode()
}

var loginField = regexp.MustCompile(`name="login" value="([^"]+)"`)

// login goes through the e-CPS tab and returns what the client receives.
func (b *browser) login(authorize string) url.Values {
	b.Helper()
	resp, body := b.do("GET", authorize, nil)
	if resp.StatusCode == http.StatusFound {
		return b.callback(resp)
	}
	field := loginField.FindStringSubmatch(body)
	if field == nil {
		b.Fatalf("no login page: %s\n%s", resp.Status, body)
	}
	resp, body = b.do("POST", b.wallet.URL+"/auth/e-cps", url.Values{"login": {field[1]}, "identifiant": {doctor}})
	if resp.StatusCode != http.StatusFound {
		b.Fatalf("after the phone: %s\n%s", resp.Status, body)
	}
	return b.callback(resp)
}

func (b *browser) callback(resp *http.Response) url.Values {
	b.Helper()
	u, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || u.Host != "localhost:3000" {
		b.Fatalf("redirected to %q, %v", resp.Header.Get("Location"), err)
	}
	return u.Query()
}

// call makes a call as the client, with its secret, and returns the status and the JSON.
func (w *world) call(path string, pairs ...string) (int, map[string]any) {
	w.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	req, err := http.NewRequest("POST", w.issuer.URL+protocolPath+path, strings.NewReader(form.Encode()))
	if err != nil {
		w.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if form.Get("client_id") == "" {
		req.SetBasicAuth("app", w.secret)
	}
	return w.send(req)
}

func (w *world) send(req *http.Request) (int, map[string]any) {
	w.Helper()
	resp, err := w.issuer.Client().Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		w.Fatal(err)
	}
	answer := map[string]any{}
	if len(data) > 0 {
		if err := json.Unmarshal(data, &answer); err != nil {
			w.Fatalf("%s: %v", data, err)
		}
	}
	return resp.StatusCode, answer
}

// tokens logs in and trades the code.
func (w *world) tokens() map[string]any {
	w.Helper()
	code := w.browser().login(w.authorize()).Get("code")
	status, t := w.call("/token", "grant_type", "authorization_code", "code", code, "redirect_uri",
		"https://localhost:3000/cb")
	if status != 200 {
		w.Fatalf("%d %v", status, t)
	}
	return t
}

func (w *world) userinfo(token string) (int, map[string]any) {
	w.Helper()
	req, _ := http.NewRequest("GET", w.issuer.URL+protocolPath+"/userinfo", nil)
	req.Header.Set("Authorization", "Bearer "+token)
	return w.send(req)
}

// failed checks an error and its code in the list of calls.
func (w *world) failed(status int, answer map[string]any, want int, e, description string, code Code) {
	w.Helper()
	if status != want || answer["error"] != e || answer["error_description"] != description {
		w.Errorf("%d %v; want %d %s: %s", status, answer, want, e, description)
	}
	w.last(code)
}

// last checks the code of the last call.
func (w *world) last(code Code) {
	w.Helper()
	calls, _ := w.p.Requests.After(0, "")
	if len(calls) == 0 {
		w.Fatal("no call is remembered")
	}
	found := calls[len(calls)-1].Found
	switch {
	case code == "" && len(found) == 0:
	case code == "" || len(found) == 0 || found[len(found)-1].Code != code:
		w.Errorf("found %+v; want %q", found, code)
	}
}

func payload(t testing.TB, token string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is not a JWS", token)
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// members are the names of the members of a JSON object, in their order.
func members(t testing.TB, object string) string {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(object))
	var names []string
	depth, key := 0, false
	for {
		token, err := dec.Token()
		if err == io.EOF {
			return strings.Join(names, " ")
		}
		if err != nil {
			t.Fatal(err)
		}
		switch v := token.(type) {
		case json.Delim:
			if v == '{' || v == '[' {
				depth++
			} else {
				depth--
			}
			key = depth == 1
		case string:
			if depth == 1 && key {
				names = append(names, v)
				key = false
				continue
			}
			key = depth == 1
		default:
			key = depth == 1
		}
	}
}

func TestCodeAndECPS(t *testing.T) {
	w := newWorld(t)
	sum := sha256.Sum256([]byte(strings.Repeat("v", 43)))
	got := w.browser().login(w.authorize("code_challenge", base64.RawURLEncoding.EncodeToString(sum[:]),
		"code_challenge_method", "S256"))
	if got.Get("state") != "a-random-state" || got.Get("iss") != w.p.Issuer() || got.Get("session_state") == "" {
		t.Errorf("%v", got)
	}
	status, answer := w.call("/token", "grant_type", "authorization_code", "code", got.Get("code"),
		"redirect_uri", "https://localhost:3000/cb",
		"code_verifier", strings.Repeat("v", 43))
	if status != 200 || answer["token_type"] != "Bearer" || answer["expires_in"] != 120.0 ||
		answer["refresh_expires_in"] != 1800.0 ||
		answer["scope"] != "openid profile scope_all identity" || answer["session_state"] != got.Get("session_state") {
		t.Fatalf("%d %v", status, answer)
	}
	w.last("")
	id, access := payload(t, answer["id_token"].(string)), payload(t, answer["access_token"].(string))
	if got, want := members(t, id), "exp iat auth_time jti iss aud sub typ azp nonce session_state at_hash sid "+
		"authMode acr SubjectNameID preferred_username given_name family_name"; got != want {
		t.Errorf("ID token: %s\nwant %s", got, want)
	}
	if got, want := members(t, access), "exp iat auth_time jti iss sub typ azp nonce session_state acr scope sid "+
		"authMode otherIds preferred_username"; got != want {
		t.Errorf("access token: %s\nwant %s", got, want)
	}
	for _, want := range []string{`"authMode":"MOBILE"`, `"acr":"eidas1"`, `"nonce":"a-random-nonce"`,
		`:899700999909"`, `"aud":"app"`} {
		if !strings.Contains(id, want) {
			t.Errorf("ID token without %s: %s", want, id)
		}
	}
	status, info := w.userinfo(answer["access_token"].(string))
	if status != 200 || info["SubjectNameID"] != doctor || info["Acces_Regulation_Medicale"] != "FAUX" {
		t.Errorf("%d %v", status, info)
	}
	// the required fields of ANS's schemas (reference §2.7, §2.8)
	for _, name := range strings.Fields("Secteur_Activite sub SubjectOrganization Mode_Acces_Raison " +
		"preferred_username " +
		"given_name Acces_Regulation_Medicale UITVersion Palier_Authentification SubjectRefPro SubjectRole " +
		"PSI_Locale " +
		"otherIds SubjectNameID family_name") {
		if _, ok := info[name]; !ok {
			t.Errorf("userinfo without %s", name)
		}
	}
	status, active := w.call("/token/introspect", "token", answer["access_token"].(string))
	if status != 200 || active["active"] != true {
		t.Errorf("%d %v", status, active)
	}
	allowed := strings.Fields("email_verified sid authMode otherIds SubjectNameID")
	for _, name := range strings.Fields("exp iat auth_time jti iss sub typ azp nonce session_state " +
		"preferred_username " +
		"acr scope client_id username active") {
		if _, ok := active[name]; !ok {
			t.Errorf("introspection without %s", name)
		}
		allowed = append(allowed, name)
	}
	for name := range active {
		if !strings.Contains(" "+strings.Join(allowed, " ")+" ", " "+name+" ") {
			t.Errorf("introspection with %s", name)
		}
	}
}

func TestDiscoveryHas54Keys(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"wallet-openid-configuration", "openid-configuration"} {
		req, _ := http.NewRequest("GET", w.p.Issuer()+"/.well-known/"+path, nil)
		if status, doc := w.send(req); status != 200 || len(doc) != 54 || doc["issuer"] != w.p.Issuer() ||
			doc["authorization_endpoint"] != w.wallet.URL+"/auth" {
			t.Errorf("%s: %d, %d keys", path, status, len(doc))
		}
	}
	w.set("standard_discovery", "real")
	req, _ := http.NewRequest("GET", w.p.Issuer()+"/.well-known/openid-configuration", nil)
	if _, doc := w.send(req); doc["authorization_endpoint"] != w.issuer.URL+protocolPath+"/auth" {
		t.Errorf("real: %v", doc["authorization_endpoint"])
	}
	w.set("standard_discovery", "off")
	if status, _ := w.send(req); status != 404 {
		t.Errorf("off: %d", status)
	}
}

func TestSingleSignOn(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	first := b.login(w.authorize())
	second, _ := b.do("GET", w.authorize("prompt", "none"), nil)
	if got := b.callback(second); got.Get("code") == "" || got.Get("session_state") != first.Get("session_state") {
		t.Errorf("prompt=none: %v", got)
	}
	for _, pairs := range [][]string{{"prompt", "login"}, {"max_age", "0"}} {
		if resp, body := b.do("GET", w.authorize(pairs...), nil); resp.StatusCode != 200 ||
			!loginField.MatchString(body) {
			t.Errorf("%v: %s", pairs, resp.Status)
		}
	}
	resp, _ := w.browser().do("GET", w.authorize("prompt", "none"), nil)
	if got := b.callback(resp); got.Get("error") != "login_required" {
		t.Errorf("another browser: %v", got)
	}
	w.forward(31 * time.Minute)
	resp, _ = b.do("GET", w.authorize("prompt", "none"), nil)
	if got := b.callback(resp); got.Get("error") != "login_required" {
		t.Errorf("after 31 minutes: %v", got)
	}
}

// A browser logs in to several services at the same moment, while one of them refreshes: the
// session that they share changes meanwhile, and each gets its code.
func TestLoginsAtOnce(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	_, tokens := w.call("/token", "grant_type", "authorization_code", "code", b.login(w.authorize()).Get("code"),
		"redirect_uri", "https://localhost:3000/cb")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			resp, err := b.http.Get(w.authorize("prompt", "none"))
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
			to := resp.Header.Get("Location")
			if resp.StatusCode != http.StatusFound || !strings.Contains(to, "code=") {
				t.Errorf("%s %s", resp.Status, to)
			}
		})
	}
	for range 4 {
		_, tokens = w.call("/token", "grant_type", "refresh_token",
			"refresh_token", tokens["refresh_token"].(string))
	}
	all.Wait()
}

func TestCodeIsSpent(t *testing.T) {
	w := newWorld(t)
	redeem := func(code string, pairs ...string) (int, map[string]any) {
		return w.call("/token", append([]string{"grant_type", "authorization_code", "code", code,
			"redirect_uri", "https://localhost:3000/cb"}, pairs...)...)
	}
	code := w.browser().login(w.authorize()).Get("code")
	_, first := redeem(code)
	status, answer := redeem(code)
	w.failed(status, answer, 400, "invalid_grant", "Code not valid", "PSC-CODE-REUSED")
	if status, _ := w.userinfo(first["access_token"].(string)); status != 401 {
		t.Errorf("the tokens of a code that was used twice: %d", status)
	}
	status, answer = redeem("no-such-code")
	w.failed(status, answer, 400, "invalid_grant", "Code not valid", "PSC-CODE-UNKNOWN")
	code = w.browser().login(w.authorize()).Get("code")
	w.forward(61 * time.Second)
	status, answer = redeem(code)
	w.failed(status, answer, 400, "invalid_grant", "Code not valid", "PSC-CODE-EXPIRED")
	code = w.browser().login(w.authorize()).Get("code")
	status, answer = redeem(code, "redirect_uri", "https://localhost:3000/other")
	w.failed(status, answer, 400, "invalid_grant", "Incorrect redirect_uri", "PSC-REDIRECT-OTHER")
	status, answer = redeem(code, "code_verifier", strings.Repeat("v", 43))
	w.failed(status, answer, 400, "invalid_grant",
		"PKCE verification failed: Code challenge not specified in the authorization request", "PSC-PKCE")
	if status, answer := redeem(code); status != 200 {
		t.Errorf("after calls that failed: %d %v", status, answer)
	}
	// at once
	code = w.browser().login(w.authorize()).Get("code")
	var all sync.WaitGroup
	var mu sync.Mutex
	count := 0
	for range 8 {
		all.Go(func() {
			if status, _ := redeem(code); status == 200 {
				mu.Lock()
				count++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if count != 1 {
		t.Errorf("a code was traded %d times", count)
	}
}

func TestRefresh(t *testing.T) {
	w := newWorld(t)
	refresh := func(token any) (int, map[string]any) {
		return w.call("/token", "grant_type", "refresh_token", "refresh_token", token.(string))
	}
	first := w.tokens()
	status, second := refresh(first["refresh_token"])
	if status != 200 || second["refresh_token"] == first["refresh_token"] {
		t.Fatalf("%d %v", status, second)
	}
	status, answer := refresh(first["refresh_token"])
	w.failed(status, answer, 400, "invalid_grant", "Maximum allowed refresh token reuse exceeded", "PSC-REFRESH-REUSED")
	status, answer = refresh(second["refresh_token"])
	w.failed(status, answer, 400, "invalid_grant", "Session doesn't have required client", "PSC-REFRESH-INVALID")
	status, answer = refresh(w.tokens()["access_token"])
	w.failed(status, answer, 400, "invalid_grant", "Invalid refresh token", "PSC-REFRESH-INVALID")

	late := w.tokens()
	w.forward(121 * time.Second)
	if status, _ := w.userinfo(late["access_token"].(string)); status != 401 {
		t.Errorf("an access token after 121 s: %d", status)
	}
	w.last("PSC-TOKEN-EXPIRED")
	status, late = refresh(late["refresh_token"])
	if status != 200 {
		t.Fatalf("after 121 s: %d %v", status, late)
	}
	for range 7 {
		w.forward(29 * time.Minute)
		if status, late = refresh(late["refresh_token"]); status != 200 {
			t.Fatalf("%d %v", status, late)
		}
	}
	w.forward(31 * time.Minute)
	status, answer = refresh(late["refresh_token"])
	w.failed(status, answer, 400, "invalid_grant", "Token is not active", "PSC-REFRESH-EXPIRED")

	w.set("refresh", "reuse")
	again := w.tokens()
	for range 2 {
		if status, answer := refresh(again["refresh_token"]); status != 200 {
			t.Errorf("reusable: %d %v", status, answer)
		}
	}
}

func TestCIBA(t *testing.T) {
	w := newWorld(t)
	ask := func(pairs ...string) (int, map[string]any) {
		return w.call("/ext/ciba/auth", append([]string{"scope", "openid scope_all", "acr_values", "eidas1",
			"login_hint", doctor, "binding_message", "42"}, pairs...)...)
	}
	poll := func(id any) (int, map[string]any) {
		return w.call("/token", "grant_type", grantCIBA, "auth_req_id", id.(string))
	}
	status, answer := ask()
	if status != 200 || answer["expires_in"] != 120.0 || answer["interval"] != 5.0 {
		t.Fatalf("%d %v", status, answer)
	}
	status, got := poll(answer["auth_req_id"])
	if status != 200 || got["id_token"] == nil {
		t.Fatalf("%d %v", status, got)
	}
	status, got = poll(answer["auth_req_id"])
	w.failed(status, got, 400, "invalid_grant", "Invalid Auth Req ID", "PSC-POLL-UNKNOWN")

	w.policy("ignore")
	_, answer = ask()
	pending := "The authorization request is still pending as the end-user hasn't yet been authenticated."
	status, got = poll(answer["auth_req_id"])
	w.failed(status, got, 400, "authorization_pending", pending, "")
	status, got = poll(answer["auth_req_id"])
	w.failed(status, got, 400, "slow_down", "too early to access", "PSC-POLL-TOO-FAST")
	w.forward(11 * time.Second)
	status, got = poll(answer["auth_req_id"])
	w.failed(status, got, 400, "authorization_pending", pending, "")
	w.forward(110 * time.Second)
	status, got = poll(answer["auth_req_id"])
	w.failed(status, got, 400, "expired_token", "authentication timed out", "")
	status, got = poll(answer["auth_req_id"])
	w.failed(status, got, 400, "expired_token", "authentication timed out", "PSC-POLL-AFTER-DENIAL")
	w.forward(20 * time.Second)
	status, got = poll(answer["auth_req_id"])
	w.failed(status, got, 400, "invalid_grant", "Invalid Auth Req ID", "PSC-POLL-UNKNOWN")

	w.policy("refuse")
	_, answer = ask()
	status, got = poll(answer["auth_req_id"])
	w.failed(status, got, 400, "access_denied", "not authorized", "")
	status, got = poll(answer["auth_req_id"])
	w.failed(status, got, 400, "access_denied", "not authorized", "PSC-POLL-AFTER-DENIAL")

	for _, test := range []struct {
		name, value    string
		status         int
		e, description string
		code           Code
	}{
		{"login_hint", "", 400, "invalid_request", "missing parameter : login_hint", "PSC-PARAMETER"},
		{"login_hint", "99700999909", 400, "invalid_request", "invalid user", "PSC-NO-8"},
		{"login_hint", "899700000000", 400, "invalid_request", "invalid user", "PSC-HINT-UNKNOWN"},
		{"login_hint", nobody, 503, "server_error", "Failed to send authentication request", "PSC-NO-ECPS"},
		{"scope", "", 400, "invalid_request", "missing parameter : scope", "PSC-SCOPE"},
		{"scope", "openid other", 400, "invalid_scope", "Invalid scopes: openid other", "PSC-SCOPE"},
		{"binding_message", "two words", 400, "invalid_binding_message",
			"the binding_message value has to be plain text and a maximum of 50 characters", "PSC-BINDING-MESSAGE"},
		{"user_code", "1", 400, "invalid_request", "User code not supported", "PSC-CIBA-PARAMETER"},
		{"client_notification_token", "t", 400, "invalid_request",
			"Client Notification Token is not supported in poll mode", "PSC-CIBA-PARAMETER"},
		{"client_id", "other", 401, "unauthorized_client", "Invalid client or Invalid client credentials",
			"PSC-CLIENT-UNKNOWN"},
	} {
		status, got := ask(test.name, test.value)
		w.failed(status, got, test.status, test.e, test.description, test.code)
	}
	status, got = w.call("/token", "grant_type", grantCIBA)
	w.failed(status, got, 400, "invalid_request", "Missing parameter: auth_req_id", "PSC-PARAMETER")
}

// The first poll of a server's life may be one of a request that was refused.
func TestCIBARefusedAtOnce(t *testing.T) {
	w := newWorld(t)
	w.policy("refuse")
	_, answer := w.call("/ext/ciba/auth", "scope", "openid scope_all", "acr_values", "eidas1", "login_hint", doctor)
	status, got := w.call("/token", "grant_type", grantCIBA, "auth_req_id", answer["auth_req_id"].(string))
	w.failed(status, got, 400, "access_denied", "not authorized", "")
}

// What is remembered of polls goes after a while.
func TestPollsAreForgotten(t *testing.T) {
	var p polls
	now := time.Now()
	for i := range 1000 {
		p.tooFast(strconv.Itoa(i), now, time.Second)
	}
	if p.tooFast("0", now.Add(pollKept+time.Second), time.Second); len(p.last) != 1 {
		t.Errorf("%d polls are remembered", len(p.last))
	}
}

func TestPushedRequests(t *testing.T) {
	w := newWorld(t)
	u, _ := url.Parse(w.authorize())
	var pairs []string
	for name, values := range u.Query() {
		if name != "client_id" {
			pairs = append(pairs, name, values[0])
		}
	}
	status, answer := w.call("/ext/par/request", pairs...)
	if status != 201 || answer["expires_in"] != 60.0 {
		t.Fatalf("%d %v", status, answer)
	}
	at := w.wallet.URL + "/auth?" + url.Values{"client_id": {"app"},
		"request_uri": {answer["request_uri"].(string)}}.Encode()
	if got := w.browser().login(at); got.Get("code") == "" || got.Get("state") != "a-random-state" {
		t.Errorf("%v", got)
	}
	if resp, body := w.browser().do("GET", at, nil); resp.StatusCode != 400 || !strings.Contains(body, "PSC-PAR") {
		t.Errorf("a second time: %s", resp.Status)
	}
	status, answer = w.call("/ext/par/request", append(pairs, "redirect_uri", "https://evil.example/")...)
	w.failed(status, answer, 400, "invalid_request", "Invalid parameter: redirect_uri", "PSC-REDIRECT-UNREGISTERED")
}

func TestLogout(t *testing.T) {
	w := newWorld(t)
	received := make(chan string, 1)
	client := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter,
		r *http.Request) {
		received <- r.PostFormValue("logout_token")
	}))
	defer client.Close()
	if _, err := ChangeClient(t.Context(), w.docs, "test", "app", func(c *Client) error {
		c.BackchannelLogoutURI = client.URL + "/logout"
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	b := w.browser()
	_, tokens := w.call("/token", "grant_type", "authorization_code", "code",
		b.login(w.authorize()).Get("code"), "redirect_uri", "https://localhost:3000/cb")
	logout := w.issuer.URL + protocolPath + "/logout?" + url.Values{"id_token_hint": {tokens["id_token"].(string)},
		"state":                    {"bye-state"},
		"post_logout_redirect_uri": {"https://localhost:3000/bye"}}.Encode()
	if resp, body := b.do("GET", strings.Replace(logout, "%2Fbye", "%2Fevil", 1), nil); resp.StatusCode != 400 ||
		!strings.Contains(body, "PSC-LOGOUT-REDIRECT") {
		t.Errorf("to an address that is not registered: %s", resp.Status)
	}
	if resp, _ := b.do("GET", logout+"&client_id=other", nil); resp.StatusCode != 400 {
		t.Errorf("of another client: %s", resp.Status)
	}
	resp, _ := b.do("GET", logout, nil)
	if got := resp.Header.Get("Location"); got != "https://localhost:3000/bye?state=bye-state" {
		t.Errorf("%s %s", resp.Status, got)
	}
	select {
	case token := <-received:
		claims := payload(t, token)
		if got, want := members(t, claims), "iat exp jti iss aud sub typ sid events"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("no logout token")
	}
	if status, _ := w.userinfo(tokens["access_token"].(string)); status != 401 {
		t.Errorf("userinfo after the logout: %d", status)
	}
	resp, _ = b.do("GET", w.authorize("prompt", "none"), nil)
	if got := b.callback(resp); got.Get("error") != "login_required" {
		t.Errorf("after the logout: %v", got)
	}
	if _, active := w.call("/token/introspect", "token", tokens["refresh_token"].(string)); active["active"] != false {
		t.Errorf("refresh token after the logout: %v", active)
	}
}

func TestRevocation(t *testing.T) {
	w := newWorld(t)
	tokens := w.tokens()
	if status, _ := w.call("/revoke", "token", tokens["access_token"].(string)); status != 200 {
		t.Errorf("%d", status)
	}
	if status, _ := w.userinfo(tokens["access_token"].(string)); status != 401 {
		t.Errorf("a revoked access token: %d", status)
	}
	if status, _ := w.call("/token", "grant_type", "refresh_token", "refresh_token",
		tokens["refresh_token"].(string)); status != 200 {
		t.Errorf("its refresh token: %d", status)
	}
	tokens = w.tokens()
	w.call("/revoke", "token", tokens["refresh_token"].(string))
	for _, name := range []string{"access_token", "refresh_token"} {
		if _, active := w.call("/token/introspect", "token", tokens[name].(string)); active["active"] != false {
			t.Errorf("%s of a revoked grant: %v", name, active)
		}
	}
	if status, _ := w.call("/revoke", "token", "nonsense"); status != 200 {
		t.Errorf("an unknown token: %d", status)
	}
}

func TestRotateKey(t *testing.T) {
	w := newWorld(t)
	tokens := w.tokens()
	if err := RotateKey(t.Context(), w.docs, w.p.Seal, w.now(), "test"); err != nil {
		t.Fatal(err)
	}
	w.p.keys.read = time.Time{}
	after := w.tokens()
	if strings.SplitN(tokens["id_token"].(string), ".", 2)[0] == strings.SplitN(after["id_token"].(string), ".", 2)[0] {
		t.Error("the same key signs")
	}
	for _, set := range []map[string]any{tokens, after} {
		if status, answer := w.userinfo(set["access_token"].(string)); status != 200 {
			t.Errorf("%d %v", status, answer)
		}
	}
}

// Nothing goes to an address that is not registered, and what is wrong with a request is named.
func TestWrongRequests(t *testing.T) {
	w := newWorld(t)
	for _, test := range []struct {
		pairs []string
		page  bool
		e     string
		code  Code
	}{
		{[]string{"client_id", "other"}, true, "", "PSC-CLIENT-UNKNOWN"},
		{[]string{"redirect_uri", "https://localhost:3000/cb/"}, true, "", "PSC-REDIRECT-UNREGISTERED"},
		{[]string{"redirect_uri", "https://localhost:3000/cb?x=1"}, true, "", "PSC-REDIRECT-UNREGISTERED"},
		{[]string{"redirect_uri", ""}, true, "", "PSC-REDIRECT-UNREGISTERED"},
		{[]string{"response_type", "token"}, false, "unsupported_response_type", "PSC-RESPONSE-TYPE"},
		{[]string{"response_type", ""}, false, "invalid_request", "PSC-RESPONSE-TYPE"},
		{[]string{"response_mode", "jwt"}, false, "invalid_request", "PSC-RESPONSE-MODE"},
		{[]string{"scope", "scope_all"}, false, "invalid_scope", "PSC-SCOPE"},
		{[]string{"scope", "openid every"}, false, "invalid_scope", "PSC-SCOPE"},
		{[]string{"prompt", "none login"}, false, "invalid_request", "PSC-PARAMETER"},
		{[]string{"max_age", "soon"}, false, "invalid_request", "PSC-PARAMETER"},
		{[]string{"code_challenge_method", "S256"}, false, "invalid_request", "PSC-PKCE"},
		{[]string{"code_challenge", "short"}, false, "invalid_request", "PSC-PKCE"},
		{[]string{"code_challenge", strings.Repeat("c", 43), "code_challenge_method", "none"}, false,
			"invalid_request", "PSC-PKCE"},
		{[]string{"request", "e30."}, false, "request_not_supported", "PSC-REQUEST-OBJECT"},
		{[]string{"request_uri", "https://evil.example/"}, true, "", "PSC-PAR"},
	} {
		b := w.browser()
		resp, body := b.do("GET", w.authorize(test.pairs...), nil)
		w.last(test.code)
		if test.page {
			if resp.StatusCode != 400 || !strings.Contains(body, string(test.code)) {
				t.Errorf("%v: %s", test.pairs, resp.Status)
			}
			continue
		}
		if got := b.callback(resp); got.Get("error") != test.e || got.Get("state") != "a-random-state" ||
			got.Get("iss") == "" || got.Get("code") != "" {
			t.Errorf("%v: %v", test.pairs, got)
		}
	}
}
