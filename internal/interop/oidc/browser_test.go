package oidc

import (
	"crypto/tls"
	"crypto/x509"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// visitor is a browser with a person before it, whose phone approves everything.
type visitor struct {
	*testing.T
	http   http.Client
	person string
}

// visited is a page, where it was found in the end.
type visited struct {
	url    *url.URL
	status int
	body   string
}

func newVisitor(t *testing.T, roots []byte, person string) *visitor {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(roots)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}
	return &visitor{t, http.Client{Jar: jar, Transport: transport}, person}
}

func (v *visitor) get(address string) visited {
	v.Helper()
	return v.do(http.NewRequestWithContext(v.Context(), http.MethodGet, address, nil))
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

// post sends the fields of a form of a page, and those that are given.
func (v *visitor) post(p visited, action string, fields url.Values) visited {
	v.Helper()
	for _, hidden := range hiddenField.FindAllStringSubmatch(p.body, -1) {
		if !fields.Has(hidden[1]) {
			fields.Set(hidden[1], html.UnescapeString(hidden[2]))
		}
	}
	to, err := p.url.Parse(action)
	if err != nil {
		v.Fatal(err)
	}
	r, err := http.NewRequestWithContext(v.Context(), http.MethodPost, to.String(), strings.NewReader(fields.Encode()))
	if err == nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", to.Scheme+"://"+to.Host)
	}
	return v.do(r, err)
}

func (v *visitor) do(r *http.Request, err error) visited {
	v.Helper()
	if err != nil {
		v.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Accept-Language", "fr")
	resp, err := v.http.Do(r)
	if err != nil {
		v.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		v.Fatal(err)
	}
	return visited{resp.Request.URL, resp.StatusCode, string(body)}
}

// login opens an address of a service, which leads to the login page, and logs in by e-CPS.
func (v *visitor) login(address string) visited {
	v.Helper()
	p := v.get(address)
	if !p.asksForLogin() {
		v.Fatalf("%s leads to %s, not to the login page:\n%d %s", address, p.url, p.status, p.body)
	}
	return v.post(p, "/auth/e-cps", url.Values{"identifiant": {v.person}})
}

func (p visited) asksForLogin() bool { return strings.Contains(p.body, `name="identifiant"`) }
