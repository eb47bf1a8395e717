package psc

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/services/ecps"
)

// loginField begins a login and returns its sealed form field.
func (b *browser) begin(pairs ...string) string {
	b.Helper()
	_, body := b.do("GET", b.authorize(pairs...), nil)
	field := loginField.FindStringSubmatch(body)
	if field == nil {
		b.Fatalf("no login page\n%s", body)
	}
	return field[1]
}

// ask types the identifier, and returns the page that follows.
func (b *browser) ask(field, id string) (*http.Response, string) {
	b.Helper()
	return b.do("POST", b.wallet.URL+"/auth/e-cps", url.Values{"login": {field}, "identifiant": {id}})
}

// A table of attacks, with what stops each. docs/security.md lists them.
func TestAttacks(t *testing.T) {
	other := func(w *world) string {
		c := &Client{ID: "other", RedirectURIs: []string{"https://localhost:3000/cb"}}
		secret := c.NewSecret()
		if err := AddClient(t.Context(), w.docs, "test", c); err != nil {
			t.Fatal(err)
		}
		return secret
	}
	for name, attack := range map[string]func(*testing.T, *world){
		"code injection: the code of another client": func(t *testing.T, w *world) {
			secret := other(w)
			code := w.browser().login(w.authorize()).Get("code")
			status, answer := w.call("/token", "grant_type", "authorization_code", "code", code, "redirect_uri",
				"https://localhost:3000/cb",
				"client_id", "other", "client_secret", secret)
			w.failed(status, answer, 400, "invalid_grant", "Code not valid", "PSC-CODE-UNKNOWN")
		},
		"refresh token of another client": func(t *testing.T, w *world) {
			secret := other(w)
			status, answer := w.call("/token", "grant_type", "refresh_token", "refresh_token",
				w.tokens()["refresh_token"].(string),
				"client_id", "other", "client_secret", secret)
			w.failed(status, answer, 400, "invalid_grant", "Invalid refresh token", "PSC-REFRESH-INVALID")
		},
		"mix-up: every answer names the issuer": func(t *testing.T, w *world) {
			for _, pairs := range [][]string{nil, {"prompt", "none"}, {"response_type", "token"}, {"scope", "x"}} {
				b := w.browser()
				var got url.Values
				if pairs == nil {
					got = b.login(w.authorize())
				} else {
					resp, _ := b.do("GET", w.authorize(pairs...), nil)
					got = b.callback(resp)
				}
				if got.Get("iss") != w.p.Issuer() {
					t.Errorf("%v: iss=%q", pairs, got.Get("iss"))
				}
			}
		},
		"PKCE downgrade: the challenge was taken out on the way": func(t *testing.T, w *world) {
			code := w.browser().login(w.authorize()).Get("code")
			status, answer := w.call("/token", "grant_type", "authorization_code", "code", code, "redirect_uri",
				"https://localhost:3000/cb",
				"code_verifier", strings.Repeat("v", 43))
			w.failed(status, answer, 400, "invalid_grant",
				"PKCE verification failed: Code challenge not specified in the authorization request", "PSC-PKCE")
		},
		"login CSRF: a login that another browser began": func(t *testing.T, w *world) {
			field := w.browser().begin()
			if resp, body := w.browser().ask(field, doctor); resp.StatusCode != 400 || !strings.Contains(body,
				"LOGIN-TOO-OLD") {
				t.Errorf("%s", resp.Status)
			}
		},
		"login CSRF: the page of an approved login, in another browser": func(t *testing.T, w *world) {
			w.policy("ignore")
			b := w.browser()
			resp, _ := b.ask(b.begin(), doctor)
			at := resp.Request.URL.String()
			pending, err := w.phone.Pending(t.Context())
			if err != nil || len(pending) != 1 {
				t.Fatalf("%v, %v", pending, err)
			}
			if err := w.phone.Approve(t.Context(), "test", pending[0].ID, "1234", pending[0].Number); err != nil {
				t.Fatal(err)
			}
			if resp, _ := w.browser().do("GET", at, nil); resp.StatusCode != 400 {
				t.Errorf("another browser got %s", resp.Status)
			}
			if resp, _ := b.do("GET", at, nil); resp.StatusCode != 302 {
				t.Errorf("its own browser got %s", resp.Status)
			}
			if resp, body := b.do("GET", at, nil); resp.StatusCode != 409 || !strings.Contains(body, "LOGIN-SPENT") {
				t.Errorf("a second time: %s", resp.Status)
			}
			resp, _ = b.do("GET", w.authorize("prompt", "none"), nil)
			if got := b.callback(resp); got.Get("code") == "" {
				t.Errorf("the session after that: %v", got)
			}
		},
		"forms sent by another site": func(t *testing.T, w *world) {
			b := w.browser()
			field := b.begin()
			for _, to := range []string{"/auth/e-cps", "/portail/activation", "/portail/suppression", "/deconnexion"} {
				b.login(w.authorize())
				req, _ := http.NewRequest("POST", w.wallet.URL+to,
					strings.NewReader(url.Values{"login": {field}, "identifiant": {doctor}, "cgu": {"1"}}.Encode()))
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				req.Header.Set("Sec-Fetch-Site", "cross-site")
				resp, err := b.http.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if resp.StatusCode != http.StatusForbidden {
					t.Errorf("%s: %s", to, resp.Status)
				}
			}
			// without the header, as an old browser: the token is missing
			if resp, _ := b.do("POST", w.wallet.URL+"/deconnexion",
				url.Values{}); resp.StatusCode != http.StatusForbidden {
				t.Errorf("logout without a token: %s", resp.Status)
			}
		},
		"session fixation: a login changes the cookie": func(t *testing.T, w *world) {
			b := w.browser()
			b.login(w.authorize())
			address, _ := url.Parse(w.wallet.URL)
			value := func() string {
				for _, c := range b.http.Jar.Cookies(address) {
					if c.Name == sessionCookie {
						return c.Value
					}
				}
				return ""
			}
			before := value()
			if before == "" {
				t.Fatal("no session cookie")
			}
			b.login(w.authorize("prompt", "login"))
			if value() == before {
				t.Error("the cookie is the same")
			}
			stolen := w.browser()
			stolen.http.Jar.SetCookies(address, []*http.Cookie{{Name: sessionCookie, Value: before, Path: "/",
				Secure: true}})
			resp, _ := stolen.do("GET", w.authorize("prompt", "none"), nil)
			if got := b.callback(resp); got.Get("error") != "login_required" {
				t.Errorf("with the former cookie: %v", got)
			}
		},
		"login_hint of another person": func(t *testing.T, w *world) {
			b := w.browser()
			resp, body := b.ask(b.begin("login_hint", nobody), nobody)
			if resp.StatusCode != 422 || !strings.Contains(body, string(ecps.NoECPS)) {
				t.Errorf("%s", resp.Status)
			}
		},
		"a sealed login that was changed": func(t *testing.T, w *world) {
			b := w.browser()
			field := b.begin()
			for i := range 40 {
				changed := []byte(field)
				at := i * len(changed) / 40
				changed[at] ^= 1
				if resp, _ := b.ask(string(changed), doctor); resp.StatusCode != 400 {
					t.Errorf("byte %d: %s", at, resp.Status)
				}
			}
		},
		"a login page that is too old": func(t *testing.T, w *world) {
			b := w.browser()
			field := b.begin()
			w.forward(31 * time.Minute)
			if resp, _ := b.ask(field, doctor); resp.StatusCode != 400 {
				t.Errorf("%s", resp.Status)
			}
		},
		"proof of a card from another place than the card's server": func(t *testing.T, w *world) {
			b := w.browser()
			if resp, _ := b.do("GET", w.wallet.URL+"/auth/carte?login="+b.begin(), nil); resp.StatusCode != 400 {
				t.Errorf("without a proof: %s", resp.Status)
			}
			field := b.begin()
			if resp, body := b.do("GET", w.card.URL+"/carte?login="+field, nil); resp.StatusCode != 403 ||
				!strings.Contains(body, "Aucune carte") {
				t.Errorf("without a card: %s", resp.Status)
			}
		},
		"one token in the place of another": func(t *testing.T, w *world) {
			tokens := w.tokens()
			for _, name := range []string{"id_token", "refresh_token"} {
				if status, _ := w.userinfo(tokens[name].(string)); status != 401 {
					t.Errorf("userinfo with the %s: %d", name, status)
				}
			}
			for _, name := range []string{"access_token", "refresh_token"} {
				resp, _ := w.browser().do("GET",
					w.issuer.URL+protocolPath+"/logout?id_token_hint="+tokens[name].(string), nil)
				if resp.StatusCode != 400 {
					t.Errorf("logout with the %s: %s", name, resp.Status)
				}
			}
		},
		"tokens of other signatures": func(t *testing.T, w *world) {
			token := w.tokens()["access_token"].(string)
			parts := strings.Split(token, ".")
			var head map[string]string
			data, _ := base64.RawURLEncoding.DecodeString(parts[0])
			if err := json.Unmarshal(data, &head); err != nil {
				t.Fatal(err)
			}
			key, _ := w.p.keys.current(t.Context())
			for _, alg := range []string{"none", "HS256", "HS512", "RS512"} {
				header := header(alg, head["kid"])
				mac := hmac.New(sha256.New, []byte(key.public()))
				mac.Write([]byte(header + "." + parts[1]))
				for _, signature := range []string{"", parts[2], base64.RawURLEncoding.EncodeToString(mac.Sum(nil))} {
					if status, _ := w.userinfo(header + "." + parts[1] + "." + signature); status != 401 {
						t.Errorf("%s: %d", alg, status)
					}
				}
			}
			if status, _ := w.userinfo(parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(payload(t,
				token)+" ")) + "." + parts[2]); status != 401 {
				t.Errorf("changed claims: %d", status)
			}
		},
		"logout of somebody by a link": func(t *testing.T, w *world) {
			b := w.browser()
			b.login(w.authorize())
			if resp, body := b.do("GET", w.issuer.URL+protocolPath+"/logout", nil); resp.StatusCode != 200 ||
				!strings.Contains(body, "Voulez-vous") {
				t.Errorf("%s", resp.Status)
			}
			resp, _ := b.do("GET", w.authorize("prompt", "none"), nil)
			if got := b.callback(resp); got.Get("code") == "" {
				t.Errorf("the session ended: %v", got)
			}
		},
		"request_uri of another client": func(t *testing.T, w *world) {
			other(w)
			u, _ := url.Parse(w.authorize())
			var pairs []string
			for name, values := range u.Query() {
				if name != "client_id" {
					pairs = append(pairs, name, values[0])
				}
			}
			_, answer := w.call("/ext/par/request", pairs...)
			at := w.wallet.URL + "/auth?" + url.Values{"client_id": {"other"},
				"request_uri": {answer["request_uri"].(string)}}.Encode()
			if resp, _ := w.browser().do("GET", at, nil); resp.StatusCode != 400 {
				t.Errorf("%s", resp.Status)
			}
		},
		"a parameter that comes twice": func(t *testing.T, w *world) {
			b := w.browser()
			resp, _ := b.do("GET", w.authorize()+"&redirect_uri=https://evil.example/", nil)
			if resp.StatusCode != 400 || resp.Header.Get("Location") != "" {
				t.Errorf("%s", resp.Status)
			}
		},
		"a removed client": func(t *testing.T, w *world) {
			tokens := w.tokens()
			if err := RemoveClient(t.Context(), w.docs, "test", "app"); err != nil {
				t.Fatal(err)
			}
			if status, _ := w.userinfo(tokens["access_token"].(string)); status != 401 {
				t.Errorf("userinfo: %d", status)
			}
		},
		"guessing secrets": func(t *testing.T, w *world) {
			for _, secret := range []string{"", "x", w.secret[:len(w.secret)-1], w.secret + "x"} {
				status, answer := w.call("/token", "grant_type", "refresh_token", "refresh_token", "x",
					"client_id", "app", "client_secret", secret)
				w.failed(status, answer, 401, "unauthorized_client", invalidClient, "PSC-CLIENT-SECRET")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.TB = t
			attack(t, w)
		})
	}
}
