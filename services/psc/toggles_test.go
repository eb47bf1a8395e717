package psc

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Each setting does what it says.
func TestSettingsTakeEffect(t *testing.T) {
	for _, test := range []struct {
		name, value string
		id, access  string // words that the tokens have then, without them before
		lacks       string // a word that neither has any more
	}{
		{"sub", "uuid", `"sub":"`, `"sub":"`, `"sub":"f:`},
		{"dup_acr", "on", "", `"acr":"1","acr":"eidas1"`, ""},
		{"aud_in_at", "on", "", `"aud":"app"`, ""},
		{"session_state_in_jwt", "off", "", "", `"session_state"`},
		{"otherIds", "off", "", "", `"otherIds"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			both := func() (string, string) {
				tokens := w.tokens()
				return payload(t, tokens["id_token"].(string)), payload(t, tokens["access_token"].(string))
			}
			id, access := both()
			if test.lacks != "" && !strings.Contains(id+access, test.lacks) || test.lacks == "" &&
				strings.Contains(access, test.access) {
				t.Errorf("before: %s %s", id, access)
			}
			w.set(test.name, test.value)
			id, access = both()
			if !strings.Contains(id, test.id) || !strings.Contains(access, test.access) ||
				test.lacks != "" && strings.Contains(id+access, test.lacks) {
				t.Errorf("after: %s %s", id, access)
			}
		})
	}
	t.Run("acr", func(t *testing.T) {
		w := newWorld(t)
		for value, want := range map[string]string{"eidas1": `"acr":"eidas1"`, "by_mode": `"acr":"eidas3"`} {
			w.set("acr", value)
			given, err := w.p.Direct(t.Context(), "app", doctor, &Card{"ACI-FO-PP", "01"})
			if err != nil {
				t.Fatal(err)
			}
			id := payload(t, given.(*tokens).IDToken)
			if !strings.Contains(id, want) || !strings.Contains(id, `"authMode":"CARD"`) {
				t.Errorf("%s: %s", value, id)
			}
		}
	})
	// the two forms of the reference (§2.9) of one thumbprint
	t.Run("cnf", func(t *testing.T) {
		thumbprint := []byte(strings.Repeat("\xa2", 32))
		for value, want := range map[string]string{
			"off": "", "rfc8705": "oqKioqKioqKioqKioqKioqKioqKioqKioqKioqKioqI",
			"ans_hex": "YTJhMmEyYTJhMmEyYTJhMmEyYTJhMmEyYTJhMmEyYTJhMmEyYTJhMmEyYTJhMmEyYTJhMmEyYTJhMmEyYTJhMg==",
		} {
			settings := DefaultSettings()
			if err := settings.Set("cnf", value); err != nil {
				t.Fatal(err)
			}
			got := ""
			if c := confirmation(&settings, thumbprint); c != nil {
				got = c.X5TS256
			}
			if got != want {
				t.Errorf("%s: %s", value, got)
			}
		}
	})
	t.Run("email_verified", func(t *testing.T) {
		w := newWorld(t)
		w.set("email_verified", "on")
		if _, info := w.userinfo(w.tokens()["access_token"].(string)); info["email_verified"] != false {
			t.Errorf("%v", info["email_verified"])
		}
	})
	t.Run("tabs", func(t *testing.T) {
		w := newWorld(t)
		w.set("tabs", "4")
		if _, body := w.browser().do("GET", w.authorize(), nil); !strings.Contains(body, "Délégation") {
			t.Error("two tabs")
		}
	})
	t.Run("logout_state", func(t *testing.T) {
		w := newWorld(t)
		w.set("logout_state", "off")
		resp, _ := w.browser().do("GET", w.issuer.URL+protocolPath+"/logout?"+url.Values{"state": {"s"},
			"id_token_hint":            {w.tokens()["id_token"].(string)},
			"post_logout_redirect_uri": {"https://localhost:3000/bye"}}.Encode(), nil)
		if got := resp.Header.Get("Location"); got != "https://localhost:3000/bye" {
			t.Errorf("%s %q", resp.Status, got)
		}
	})
	t.Run("lifetimes", func(t *testing.T) {
		w := newWorld(t)
		w.set("access_ttl", "7")
		w.set("refresh_ttl", "70")
		w.set("par_ttl", "9")
		w.set("ciba_ttl", "8")
		w.set("ciba_interval", "0")
		tokens := w.tokens()
		if tokens["expires_in"] != 7.0 || tokens["refresh_expires_in"] != 70.0 {
			t.Errorf("%v", tokens)
		}
		_, ciba := w.call("/ext/ciba/auth", "scope", "openid", "login_hint", doctor)
		if _, has := ciba["interval"]; ciba["expires_in"] != 8.0 || has {
			t.Errorf("%v", ciba)
		}
		w.set("code_ttl", "1")
		code := w.browser().login(w.authorize()).Get("code")
		w.forward(2 * time.Second)
		status, answer := w.call("/token", "grant_type", "authorization_code", "code", code, "redirect_uri",
			"https://localhost:3000/cb")
		w.failed(status, answer, 400, "invalid_grant", "Code not valid", "PSC-CODE-EXPIRED")
		w.set("session_ttl", "60")
		w.forward(61 * time.Second)
		status, answer = w.call("/token", "grant_type", "refresh_token",
			"refresh_token", tokens["refresh_token"].(string))
		w.failed(status, answer, 400, "invalid_grant", "Session not active", "PSC-REFRESH-EXPIRED")
		field := w.browser()
		login := field.begin()
		w.set("login_ttl", "5")
		w.forward(6 * time.Second)
		if resp, _ := field.ask(login, doctor); resp.StatusCode != 400 {
			t.Errorf("a login page that is too old: %s", resp.Status)
		}
	})
	t.Run("faults", func(t *testing.T) {
		w := newWorld(t)
		tokens := w.tokens()
		get := func() (*http.Response, error) {
			req, _ := http.NewRequest("GET", w.issuer.URL+protocolPath+"/userinfo", nil)
			req.Header.Set("Authorization", "Bearer "+tokens["access_token"].(string))
			resp, err := w.issuer.Client().Do(req)
			if err == nil {
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			return resp, err
		}
		w.set("fault.userinfo", "503")
		if resp, err := get(); err != nil || resp.StatusCode != 503 {
			t.Errorf("503: %v, %v", resp, err)
		}
		w.set("fault.userinfo", "reset")
		if _, err := get(); err == nil {
			t.Error("reset: it answered")
		}
		w.set("fault.userinfo", "300ms")
		if begun := time.Now(); true {
			if resp, err := get(); err != nil || resp.StatusCode != 200 || time.Since(begun) < 300*time.Millisecond {
				t.Errorf("300ms: %v, %v after %s", resp, err, time.Since(begun))
			}
		}
		w.set("fault.userinfo", "off")
		if resp, err := get(); err != nil || resp.StatusCode != 200 {
			t.Errorf("off: %v, %v", resp, err)
		}
		if status, _ := w.call("/token/introspect", "token", tokens["access_token"].(string)); status != 200 {
			t.Errorf("another endpoint: %d", status)
		}
	})
}
