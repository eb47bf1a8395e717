package psc

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// What the calls that clients make most cost the provider, without the network: internal/logins
// measures a whole server.
func BenchmarkCalls(b *testing.B) {
	w := newWorld(b)
	tokens := w.tokens()
	w.policy("ignore")
	_, asked := w.call("/ext/ciba/auth", "scope", "openid scope_all", "acr_values", "eidas1", "login_hint", doctor)
	w.set("access_ttl", "3600")
	w.set("ciba_interval", "0")
	handler := w.p.IssuerHandler()
	for _, call := range []struct {
		name, method, path string
		form               url.Values
		status             int
	}{
		{"introspection", "POST", "/token/introspect", url.Values{"token": {tokens["access_token"].(string)}}, 200},
		{"userinfo", "GET", "/userinfo", nil, 200},
		{"poll", "POST", "/token", url.Values{"grant_type": {grantCIBA},
			"auth_req_id": {asked["auth_req_id"].(string)}}, 400},
	} {
		b.Run(call.name, func(b *testing.B) {
			b.ReportAllocs()
			body := call.form.Encode()
			for range b.N {
				r := httptest.NewRequest(call.method, protocolPath+call.path, io.NopCloser(strings.NewReader(body)))
				if call.form == nil {
					r.Header.Set("Authorization", "Bearer "+tokens["access_token"].(string))
				} else {
					r.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
					r.SetBasicAuth("app", w.secret)
				}
				answer := httptest.NewRecorder()
				if handler.ServeHTTP(answer, r); answer.Code != call.status {
					b.Fatal(answer.Code, answer.Body)
				}
			}
		})
	}
}
