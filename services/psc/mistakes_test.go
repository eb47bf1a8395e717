package psc

import (
	"net/http"
	"strings"
	"testing"
)

// What relying parties get wrong before they reach an endpoint is named, like what they ask there.
func TestNamedMistakes(t *testing.T) {
	w := newWorld(t)
	const form = "application/x-www-form-urlencoded"
	page := map[string]string{"Origin": "http://localhost:4200", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}
	calls := 0
	for name, test := range map[string]struct {
		method, path, body string
		header             map[string]string
		status             int
		code               Code
	}{
		"an address of another product": {"POST", "/oauth2/token", "grant_type=refresh_token",
			map[string]string{"Content-Type": form}, 404, "PSC-ENDPOINT"},
		"GET of the token endpoint": {"GET", protocolPath + "/token", "", nil, 404, "PSC-ENDPOINT"},
		"announced and not served": {"POST", protocolPath + "/auth/device", "client_id=app",
			map[string]string{"Content-Type": form}, 404, "PSC-ENDPOINT"},
		"what a browser asks by itself": {"GET", "/favicon.ico", "", nil, 404, ""},
		"discovery by a page": {"GET", issuerPath + "/.well-known/openid-configuration", "", page, 200,
			"PSC-CORS"},
		"a preflight": {"OPTIONS", protocolPath + "/token", "", map[string]string{"Origin": "http://localhost:4200",
			"Access-Control-Request-Method": "POST"}, 404, "PSC-CORS"},
		"a server whose fetch says cors": {"GET", issuerPath + "/.well-known/openid-configuration", "",
			map[string]string{"Sec-Fetch-Mode": "cors"}, 200, ""},
		"JSON": {"POST", protocolPath + "/token", `{"grant_type":"refresh_token"}`,
			map[string]string{"Content-Type": "application/json; charset=utf-8"}, 400, "PSC-FORM"},
		"parameters in the address": {"POST", protocolPath + "/token?grant_type=refresh_token&client_secret=hidden", "",
			nil, 400, "PSC-FORM"},
		"no client": {"POST", protocolPath + "/token", "grant_type=refresh_token&refresh_token=x",
			map[string]string{"Content-Type": form}, 401, "PSC-CLIENT-MISSING"},
		"a logout of nobody": {"GET", protocolPath + "/logout?client_id=app", "", nil, 204, "PSC-LOGOUT-INCOMPLETE"},
		"a logout as of old": {"GET", protocolPath + "/logout?redirect_uri=http://localhost:3000/", "",
			map[string]string{"Accept": "text/html"}, 200, "PSC-LOGOUT-INCOMPLETE"},
	} {
		req, err := http.NewRequest(test.method, w.issuer.URL+test.path, strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		for key, value := range test.header {
			req.Header.Set(key, value)
		}
		resp, err := w.issuer.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != test.status {
			t.Errorf("%s: %s", name, resp.Status)
		}
		if test.path == "/favicon.ico" {
			continue // the number of the call after it tells that it is not remembered
		}
		list, wake := w.p.Requests.After(calls, "")
		if len(list) == 0 { // the answer comes before the record
			<-wake
			list, _ = w.p.Requests.After(calls, "")
		}
		if calls++; len(list) != 1 || list[0].Number != calls {
			t.Fatalf("%s: %d calls, %+v", name, len(list), list)
		}
		var codes []string
		for _, found := range list[0].Found {
			codes = append(codes, string(found.Code))
			if strings.Contains(found.Seen, "hidden") {
				t.Errorf("%s: a secret is shown: %s", name, found.Seen)
			}
		}
		if got := strings.Join(codes, " "); !strings.Contains(got, string(test.code)) || test.code == "" && got != "" {
			t.Errorf("%s: %s; want %s", name, got, test.code)
		}
	}
}

// Keycloak's own authorization endpoint, which its adapters take, leads to the wallet. As at the
// real one, it has no page that can be used, and the page says so; single sign-on works there.
func TestNativeAuthorize(t *testing.T) {
	w := newWorld(t)
	native := strings.Replace(w.authorize(), w.wallet.URL+"/auth", w.issuer.URL+protocolPath+"/auth", 1)
	b := w.browser()
	if got := b.login(native); got.Get("code") == "" || got.Get("state") != "a-random-state" {
		t.Errorf("%v", got)
	}
	if calls, _ := w.p.Requests.After(0, ""); len(calls[0].Found) != 1 ||
		calls[0].Found[0].Code != "PSC-AUTHORIZATION-ENDPOINT" {
		t.Errorf("%+v", calls[0])
	}
	w.set("standard_discovery", "real")
	b = w.browser()
	if resp, body := b.do("GET", native, nil); resp.StatusCode != 400 || loginField.MatchString(body) ||
		!strings.Contains(body, "PSC-AUTHORIZATION-ENDPOINT") {
		t.Errorf("%s %s", resp.Status, body)
	}
	w.last("PSC-AUTHORIZATION-ENDPOINT")
	resp, _ := b.do("GET", native+"&prompt=none", nil)
	if got := b.callback(resp); got.Get("error") != "login_required" {
		t.Errorf("%v", got)
	}
	resp, body := b.do("GET", strings.Replace(w.authorize(), "client_id=app&", "", 1), nil)
	if resp.StatusCode != 400 || !strings.Contains(body, "PSC-CLIENT-MISSING") {
		t.Errorf("%s %s", resp.Status, body)
	}
}

// A server ends a session by its refresh token, as Keycloak's adapters do.
func TestLogoutByRefreshToken(t *testing.T) {
	w := newWorld(t)
	tokens := w.tokens()
	refresh := tokens["refresh_token"].(string)
	status, answer := w.call("/logout", "refresh_token", refresh, "client_id", "app", "client_secret", "wrong")
	w.failed(status, answer, 401, "unauthorized_client", invalidClient, "PSC-CLIENT-SECRET")
	status, answer = w.call("/logout", "refresh_token", tokens["access_token"].(string))
	w.failed(status, answer, 400, "invalid_grant", "Invalid refresh token", "PSC-REFRESH-INVALID")
	if _, active := w.call("/token/introspect", "token", refresh); active["active"] != true {
		t.Errorf("after refused logouts: %v", active)
	}
	for range 2 { // the second has nothing left to end
		if status, answer = w.call("/logout", "refresh_token", refresh); status != 204 {
			t.Errorf("%d %v", status, answer)
		}
		w.last("")
	}
	if status, _ := w.userinfo(tokens["access_token"].(string)); status != 401 {
		t.Errorf("userinfo after the logout: %d", status)
	}
	status, answer = w.call("/token", "grant_type", "refresh_token", "refresh_token", refresh)
	w.failed(status, answer, 400, "invalid_grant", "Session not active", "PSC-REFRESH-EXPIRED")
}
