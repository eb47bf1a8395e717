package oidc

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/internal/labtest"
)

// A proxy trades an access token of Pro Santé Connect for an API token, as the ANS's own does, and
// has the conformance API sign its session. Whatever is wrong with a call is refused by its code.
func TestTokenExchange(t *testing.T) {
	l := labtest.New(t, "--key", "p256")
	s := l.Serve()
	l.Must("ecps", "activate", person, "--pin", "1234")
	l.Must("ecps", "policy", "approve")
	l.Must("psc", "set", "access_ttl=3600")
	proxy := register(t, l, "mon-proxy", "--mtls", "--redirect", "http://localhost:3000/cb")
	other := register(t, l, "autre-proxy", "--mtls", "--redirect", "http://localhost:3000/cb")
	register(t, l, "sans-certificat", "--redirect", "http://localhost:3000/cb")

	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(l.Must("show", "--pem", "ACR-EL")))
	over := func(c registered) *http.Client {
		config := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
		if c.Folder != "" {
			pair, err := tls.LoadX509KeyPair(filepath.Join(c.Folder, "client.pem"), filepath.Join(c.Folder,
				"client.clear.key"))
			if err != nil {
				t.Fatal(err)
			}
			config.Certificates = []tls.Certificate{pair}
		}
		transport := &http.Transport{TLSClientConfig: config}
		t.Cleanup(transport.CloseIdleConnections)
		return &http.Client{Transport: transport, Timeout: time.Minute}
	}
	base, _, _ := strings.Cut(s.URLs["psc"], "/auth/")
	realm := base + "/realms/signsessiondata"
	send := func(hc *http.Client, req *http.Request) (int, map[string]any) {
		t.Helper()
		resp, err := hc.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		answer := map[string]any{}
		if err != nil || json.Unmarshal(data, &answer) != nil {
			t.Fatalf("%s: %s, %v", resp.Status, data, err)
		}
		return resp.StatusCode, answer
	}
	token := func(hc *http.Client, pairs ...string) (int, map[string]any) {
		t.Helper()
		form := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		req, _ := http.NewRequest("POST", realm+"/protocol/openid-connect/token", strings.NewReader(form.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return send(hc, req)
	}
	login := func(client string) (got struct {
		Access string `json:"access_token"`
		State  string `json:"session_state"`
	}) {
		t.Helper()
		if err := json.Unmarshal([]byte(l.Must("psc", "login", "--client", client, "--as", person)), &got); err != nil {
			t.Fatal(err)
		}
		return got
	}
	mine := login(proxy.ID)
	const (
		exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
		access   = "urn:ietf:params:oauth:token-type:access_token"
	)
	asked := func(change ...string) []string {
		form := map[string]string{"grant_type": exchange, "client_id": proxy.ID, "subject_token": mine.Access,
			"subject_token_type": access, "subject_issuer": "psc"}
		for i := 0; i < len(change); i += 2 {
			form[change[i]] = change[i+1]
		}
		var pairs []string
		for name, value := range form {
			if value != "" {
				pairs = append(pairs, name, value)
			}
		}
		return pairs
	}
	hc := over(proxy)
	status, got := token(hc, asked()...)
	if status != 200 || got["expires_in"] != 14400.0 || got["refresh_expires_in"] != 14400.0 ||
		got["issued_token_type"] != access {
		t.Fatalf("%d %v", status, got)
	}
	claims := map[string]any{}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(got["access_token"].(string), ".")[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		t.Fatal(err)
	}
	if x5t, _ := claims["cnf"].(map[string]any)["x5t#S256"].(string); len(x5t) != 88 {
		t.Errorf("cnf is %q, not the ANS's form", x5t)
	}
	if claims["iss"] != realm || claims["SubjectNameID"] != person || claims["azp"] != proxy.ID ||
		claims["session_state"] != mine.State {
		t.Errorf("claims %v", claims)
	}

	for _, test := range []struct {
		name   string
		hc     *http.Client
		form   []string
		status int
		code   string
	}{
		{"no certificate", over(registered{}), asked(), 401, "PSC-CLIENT-NOCERT"},
		{"the certificate of another", over(other), asked(), 401, "PSC-CLIENT-CN"},
		{"a client without a certificate", hc, asked("client_id", "sans-certificat", "client_secret", "x"), 401,
			"PSC-CLIENT-SECRET"},
		{"no subject_issuer", hc, asked("subject_issuer", ""), 400, "PSC-PARAMETER"},
		{"another subject_issuer", hc, asked("subject_issuer", "google"), 400, "PSC-PARAMETER"},
		{"no subject_token", hc, asked("subject_token", ""), 400, "PSC-PARAMETER"},
		{"another type", hc, asked("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"), 400,
			"PSC-PARAMETER"},
		{"the token of another client", hc, asked("subject_token", login(other.ID).Access), 400, "PSC-TOKEN-INVALID"},
		{"an API token", hc, asked("subject_token", got["access_token"].(string)), 400, "PSC-TOKEN-INVALID"},
		{"another grant", hc, asked("grant_type", "password"), 400, "PSC-GRANT-TYPE"},
		{"a refresh token of nobody", hc, []string{"grant_type", "refresh_token", "client_id", proxy.ID,
			"refresh_token", "x"}, 400,
			"PSC-REFRESH-INVALID"},
		{"an access token to refresh", hc, []string{"grant_type", "refresh_token", "client_id", proxy.ID,
			"refresh_token",
			got["access_token"].(string)}, 400, "PSC-REFRESH-INVALID"},
	} {
		if status, answer := token(test.hc, test.form...); status != test.status {
			t.Errorf("%s: %d %v", test.name, status, answer)
		}
		if calls := strings.Split(strings.TrimSpace(l.Must("psc", "requests", "--json")), "\n"); !strings.Contains(
			strings.Join(calls[max(0, len(calls)-60):], "\n"), test.code) {
			t.Errorf("%s: the last calls lack %s", test.name, test.code)
		}
	}

	sign := func(hc *http.Client, bearer, body string) (int, map[string]any) {
		t.Helper()
		req, _ := http.NewRequest("POST", base+"/apipsc/signsessiondata", bytes.NewReader([]byte(body)))
		req.Header.Set("Content-Type", "application/json")
		if bearer != "" {
			req.Header.Set("Authorization", "Bearer "+bearer)
		}
		return send(hc, req)
	}
	api := got["access_token"].(string)
	data := `{"nationalId":"` + person + `","clientID":"` + proxy.ID +
		`","proxy_session_id":"1","session_state":"` + mine.State + `"}`
	status, signed := sign(hc, api, data)
	if signature, _ := signed["signature"].(string); status != 200 || strings.Count(signature, ".") != 2 ||
		signed["nationalId"] != person {
		t.Errorf("%d %v", status, signed)
	}
	for _, test := range []struct {
		name, bearer, body string
		hc                 *http.Client
		status             int
	}{
		{"no token", "", data, hc, 401}, {"a token of Pro Santé Connect", mine.Access, data, hc, 401},
		{"the refresh token", got["refresh_token"].(string), data, hc, 401}, {"no certificate", api, data,
			over(registered{}), 401},
		{"another certificate", api, data, over(other), 401}, {"no JSON", api, "x", hc, 400}, {"nothing", api, "{}",
			hc, 400},
		{"another person", api, strings.Replace(data, person, "899700999917", 1), hc, 400},
	} {
		if status, answer := sign(test.hc, test.bearer, test.body); status != test.status {
			t.Errorf("%s: %d %v", test.name, status, answer)
		}
	}

	refresh := []string{"grant_type", "refresh_token", "client_id", proxy.ID, "refresh_token",
		got["refresh_token"].(string)}
	forward := func(by string) {
		l.Must("psc", "clock", by)
		time.Sleep(300 * time.Millisecond) // the server reads it every tenth of a second
	}
	forward("+3h")
	if status, again := token(hc, refresh...); status != 200 || again["expires_in"].(float64) > 3601 {
		t.Errorf("refreshing after three hours: %d %v", status, again)
	}
	if status, answer := token(hc, asked()...); status != 400 {
		t.Errorf("an access token that has expired: %d %v", status, answer)
	}
	forward("+61m")
	if status, answer := token(hc, refresh...); status != 400 {
		t.Errorf("refreshing after four hours: %d %v", status, answer)
	}
	if status, answer := sign(hc, api, data); status != 401 {
		t.Errorf("an API token after four hours: %d %v", status, answer)
	}
}
