package logins

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/internal/labtest"
)

const (
	doctor   = "899700999909"
	redirect = "http://localhost:3000/cb"
)

// provider is the Pro Santé Connect of a lab, as a relying party knows it.
type provider struct {
	issuer, wallet, card string // issuer without a slash at the end, as the others
	client, secret       string
	roots                *x509.CertPool
	byScript             func(*person) (code string, err error) // logs in where the pages are others than the lab's
}

// registered is what igc psc client add prints.
type registered struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
}

// newProvider registers a client with a lab that is served, and gives the doctor an e-CPS that
// approves.
func newProvider(l *labtest.Lab, s *labtest.Server, flags ...string) *provider {
	l.T.Helper()
	var c registered
	unmarshal(l.T, l.Must(append([]string{"psc", "client", "add", "--json", "--redirect", redirect, "app"},
		flags...)...), &c)
	l.Must("ecps", "activate", doctor, "--pin", "1234")
	l.Must("ecps", "policy", "approve")
	p := &provider{issuer: s.URLs["psc"], wallet: strings.TrimSuffix(s.URLs["wallet"], "/"),
		card:   strings.TrimSuffix(s.URLs["card_login"], "/"),
		client: c.ID, secret: c.Secret, roots: x509.NewCertPool()}
	if !p.roots.AppendCertsFromPEM([]byte(l.Must("show", "--pem", "ACR-EL"))) {
		l.T.Fatal("no root certificate")
	}
	return p
}

func unmarshal(t testing.TB, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}

// person is a browser: it keeps cookies, may have a card, and does not follow redirections to the
// client.
type person struct {
	*provider
	http *http.Client
}

func (p *provider) browser(card ...tls.Certificate) *person {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err) // it has no options
	}
	return &person{p, &http.Client{Jar: jar, Timeout: labtest.Patience,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.roots,
			GetClientCertificate: func(asked *tls.CertificateRequestInfo) (*tls.Certificate, error) {
				if len(card) > 0 {
					return &card[0], nil // the person insists, whatever the server names
				}
				return &tls.Certificate{}, nil
			}}},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if strings.HasPrefix(r.URL.String(), redirect) || len(via) > 10 {
				return http.ErrUseLastResponse
			}
			return nil
		}}}
}

func (b *person) close() { b.http.CloseIdleConnections() }

// page is where a browser has come to.
type page struct {
	status int
	at     *url.URL
	body   string
	to     url.Values // what the client receives, when the browser came back to it
}

func (b *person) do(ctx context.Context, method, address string, form url.Values) (*page, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("Accept", "text/html")
	req.Header.Set("Accept-Language", "en")
	resp, err := b.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	got := &page{status: resp.StatusCode, at: resp.Request.URL, body: string(body)}
	if to := resp.Header.Get("Location"); strings.HasPrefix(to, redirect) {
		u, err := url.Parse(to)
		if err != nil {
			return nil, err
		}
		got.to = u.Query()
	}
	return got, nil
}

// authorization is the address of an authorization request, changed by pairs of name and value.
func (p *provider) authorization(pairs ...string) string {
	q := url.Values{"response_type": {"code"}, "client_id": {p.client}, "redirect_uri": {redirect},
		"scope":      {"openid scope_all"},
		"acr_values": {"eidas1"}, "state": {"a-random-state"}, "nonce": {"a-random-nonce"}}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return p.wallet + "/auth?" + q.Encode()
}

var (
	loginField = regexp.MustCompile(`name="login" value="([^"]+)"`)
	cardLink   = regexp.MustCompile(`href="([^"]*/carte\?login=[^"]+)"`)
)

var errNoLogin = errors.New("no login page")

// begin opens the login page and returns its sealed login.
func (b *person) begin(ctx context.Context, pairs ...string) (*page, string, error) {
	got, err := b.do(ctx, "GET", b.authorization(pairs...), nil)
	if err != nil || got.to != nil {
		return got, "", err
	}
	field := loginField.FindStringSubmatch(got.body)
	if field == nil {
		return got, "", fmt.Errorf("%w: %d %s", errNoLogin, got.status, got.body)
	}
	return got, field[1], nil
}

// login logs in by e-CPS.
func (b *person) login(ctx context.Context) (*page, error) {
	got, field, err := b.begin(ctx)
	if err != nil || got.to != nil {
		return got, err
	}
	return b.do(ctx, "POST", b.wallet+"/auth/e-cps", url.Values{"login": {field}, "identifiant": {doctor}})
}

// byCard logs in by the browser's card.
func (b *person) byCard(ctx context.Context, pairs ...string) (*page, error) {
	got, _, err := b.begin(ctx, pairs...)
	if err != nil || got.to != nil {
		return got, err
	}
	link := cardLink.FindStringSubmatch(got.body)
	if link == nil {
		return nil, fmt.Errorf("%w by card: %s", errNoLogin, got.body)
	}
	return b.do(ctx, "GET", strings.ReplaceAll(link[1], "&amp;", "&"), nil)
}

// answer is what the token endpoint and its neighbours say.
type answer struct {
	status, size int
	Error        string `json:"error"`
	Description  string `json:"error_description"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
	SessionState string `json:"session_state"`
	AuthReqID    string `json:"auth_req_id"`
	Active       bool   `json:"active"`
	NameID       string `json:"SubjectNameID"`
	Sub          string `json:"sub"`
}

func (a *answer) String() string { return fmt.Sprintf("%d %s: %s", a.status, a.Error, a.Description) }

// call makes a call as the client.
func (b *person) call(ctx context.Context, path string, pairs ...string) (*answer, error) {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.issuer+"/protocol/openid-connect"+path,
		strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(b.client, b.secret)
	return b.send(req)
}

func (b *person) send(req *http.Request) (*answer, error) {
	resp, err := b.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	a := &answer{status: resp.StatusCode, size: len(data)}
	if len(data) > 0 {
		if err := json.Unmarshal(data, a); err != nil {
			return nil, fmt.Errorf("%s: %w: %s", resp.Status, err, data)
		}
	}
	return a, nil
}

func (b *person) userinfo(ctx context.Context, token string) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.issuer+"/protocol/openid-connect/userinfo", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	return b.send(req)
}

func (b *person) redeem(ctx context.Context, code string) (*answer, error) {
	return b.call(ctx, "/token", "grant_type", "authorization_code", "code", code, "redirect_uri", redirect)
}

func (b *person) refresh(ctx context.Context, token string) (*answer, error) {
	return b.call(ctx, "/token", "grant_type", "refresh_token", "refresh_token", token)
}

const grantCIBA = "urn:openid:params:grant-type:ciba"

// eventually waits until ok holds, and returns how long that took.
func eventually(t testing.TB, what string, ok func() bool) time.Duration {
	t.Helper()
	begun := time.Now()
	for !ok() {
		if time.Since(begun) > labtest.Patience {
			t.Fatalf("%s: not in %s", what, labtest.Patience)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(begun)
}
