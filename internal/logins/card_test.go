package logins

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/youmark/pkcs8"

	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/labtest"
)

// loadCard reads the certificate and the key of a card.
func loadCard(t testing.TB, certificate, key string) tls.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// logoutTokens receives the logout tokens of a client.
func logoutTokens(t testing.TB) (address string, received <-chan string) {
	tokens := make(chan string, 16)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter,
		r *http.Request) {
		tokens <- r.PostFormValue("logout_token")
	}))
	t.Cleanup(server.Close)
	return server.URL + "/logout", tokens
}

// atOnce is how soon a session must end.
const atOnce = time.Second

// A card logs in, is revoked or put on hold, and from then on is refused: its sessions end within a
// second, its tokens are no longer active, the client gets a logout token, and the next login ends
// on a page. Another person's session stays.
func TestRevokedCard(t *testing.T) {
	l := labtest.New(t, "--key", "p256")
	s := l.Serve()
	address, received := logoutTokens(t)
	p := newProvider(l, s, "--backchannel-logout", address)
	ctx := t.Context()
	phone := p.browser()
	got, err := phone.login(ctx)
	if err != nil || got.to.Get("code") == "" {
		t.Fatalf("%v, %v", got, err)
	}
	other, err := phone.redeem(ctx, got.to.Get("code"))
	if err != nil || other.status != 200 {
		t.Fatalf("%v, %v", other, err)
	}
	for _, test := range []struct {
		name, code string
		revoke     func(labtest.Card) []string
	}{
		{"revoked", "REV-CRL-REVOKED", func(c labtest.Card) []string {
			return []string{"revoke", c.Certificates[0].Serial, "--reason", "keyCompromise"}
		}},
		{"on hold", "REV-CRL-HOLD", func(c labtest.Card) []string {
			return []string{"revoke", c.Certificates[0].Serial, "--reason", "certificateHold"}
		}},
		{"the whole card", "REV-CRL-REVOKED", func(c labtest.Card) []string {
			return []string{"revoke", "--card",
				c.CardNumber}
		}},
		{"lost", "REV-CRL-REVOKED", func(c labtest.Card) []string {
			return []string{"card", "lose", c.CardNumber, "--code", "12345678"}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			card := l.Issue("--fixture", "alain", "--clear-keys")
			b := p.browser(loadCard(t, card.File("authentication.pem"), card.File("authentication.clear.key")))
			defer b.close()
			got, err := b.byCard(ctx)
			if err != nil || got.to.Get("code") == "" {
				t.Fatalf("%+v, %v", got, err)
			}
			tokens, err := b.redeem(ctx, got.to.Get("code"))
			if err != nil || tokens.status != 200 {
				t.Fatalf("%v, %v", tokens, err)
			}
			if a, err := b.userinfo(ctx, tokens.AccessToken); err != nil || a.NameID != "899700209812" {
				t.Fatalf("%v, %v", a, err)
			}
			l.Must(test.revoke(card)...)
			ends := eventually(t, "the session ends", func() bool {
				a, err := b.call(ctx, "/token/introspect", "token", tokens.AccessToken)
				return err == nil && !a.Active
			})
			var token string
			begun := time.Now()
			select {
			case token = <-received:
			case <-time.After(labtest.Patience):
				t.Fatal("no logout token")
			}
			t.Logf("the session ended after %s, the logout token came %s later", ends, time.Since(begun))
			if ends > atOnce || time.Since(begun) > atOnce {
				t.Error("that is too late")
			}
			claims := verifyToken(t, b, token)
			if claims["sid"] != tokens.SessionState || claims["aud"] != "app" || claims["typ"] != "Logout" {
				t.Errorf("the logout token says %v", claims)
			}
			if a, err := b.userinfo(ctx, tokens.AccessToken); err != nil || a.status != 401 {
				t.Errorf("userinfo: %v, %v", a, err)
			}
			if a, err := b.refresh(ctx, tokens.RefreshToken); err != nil || a.Error != "invalid_grant" {
				t.Errorf("refresh: %v, %v", a, err)
			}
			if got, _, err := b.begin(ctx, "prompt", "none"); err != nil || got.to.Get("error") != "login_required" {
				t.Errorf("single sign-on: %+v, %v", got, err)
			}
			// the next login, over the connection that is open and over a new one
			for _, who := range []*person{b,
				p.browser(*must(b.http.Transport.(*http.Transport).TLSClientConfig.GetClientCertificate(nil)))} {
				got, err := who.byCard(ctx)
				if err != nil {
					t.Fatal(err)
				}
				refusedWith(t, who, got, test.code)
			}
			if a, err := phone.userinfo(ctx, other.AccessToken); err != nil || a.status != 200 {
				t.Errorf("another person's session: %v, %v", a, err)
			}
		})
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// verifyToken verifies a token with the provider's published keys, and returns its claims.
func verifyToken(t testing.TB, b *person, token string) (claims map[string]any) {
	t.Helper()
	got, err := b.do(t.Context(), "GET", b.issuer+"/protocol/openid-connect/certs", nil)
	if err != nil {
		t.Fatal(err)
	}
	var keys jose.JSONWebKeySet
	unmarshal(t, got.body, &keys)
	parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatalf("%q: %v", token, err)
	}
	data, err := parsed.Verify(keys)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

var (
	shownCode = regexp.MustCompile(`<code>([A-Z][A-Z0-9-]+)</code>`)
	otherWay  = regexp.MustCompile(`href="([^"]*/auth/retour\?login=[^"]+)"`)
	backLink  = regexp.MustCompile(`href="([^"]*/auth/quitter\?login=[^"]+)"`)
)

// refusedWith checks the page of a card that is refused: its code, a link to another way to log in,
// and one back to the service.
func refusedWith(t testing.TB, b *person, got *page, code string) {
	t.Helper()
	found := shownCode.FindStringSubmatch(got.body)
	if got.status != http.StatusForbidden || found == nil || found[1] != code || got.to != nil {
		t.Errorf("%d, %v; want 403, %s\n%s", got.status, found, code, got.body)
		return
	}
	again, back := otherWay.FindStringSubmatch(got.body), backLink.FindStringSubmatch(got.body)
	if again == nil || back == nil {
		t.Errorf("no way back\n%s", got.body)
		return
	}
	follow := func(link string) *page {
		t.Helper()
		got, err := b.do(t.Context(), "GET", strings.ReplaceAll(link, "&amp;", "&"), nil)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := follow(again[1]); got.status != http.StatusOK || !loginField.MatchString(got.body) {
		t.Errorf("another way to log in: %d\n%s", got.status, got.body)
	}
	if got := follow(back[1]); got.to.Get("error") != "access_denied" || got.to.Get("state") != "a-random-state" {
		t.Errorf("back to the service: %d %v", got.status, got.to)
	}
}

// Every fixture that a TLS client can present is tried as a card: a good one logs its holder in,
// each of the others ends on a page with its code and a way back.
func TestCardsOnPurpose(t *testing.T) {
	l := labtest.New(t, "--key", "p256")
	s := l.Serve()
	set := l.MakeFixtures(filepath.Join(t.TempDir(), "fixtures"))
	p := newProvider(l, s)
	seen := map[string]int{}
	for _, f := range set.Fixtures {
		if f.Purpose != fixtures.Client {
			continue
		}
		t.Run(f.ID, func(t *testing.T) {
			key, err := pkcs8.ParsePKCS8PrivateKey(labtest.DER(t, set.File(f.Files.Key))[0], []byte(f.PIN))
			if err != nil {
				t.Fatal(err)
			}
			chain := labtest.DER(t, set.File(f.Files.Certificate))
			b := p.browser(tls.Certificate{Certificate: chain[:1], PrivateKey: key})
			defer b.close()
			got, err := b.byCard(t.Context())
			code := f.Expect.TestSSL
			if code == fixtures.Refused {
				if err == nil {
					t.Errorf("not refused in the handshake: %d", got.status)
				}
				seen[code]++
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.to.Get("code") != "" {
				leaf, err := x509.ParseCertificate(chain[0])
				if code != "OK" || err != nil || f.Role != "authentication" {
					t.Errorf("%s logged in, %v", leaf.Subject, err)
				}
				seen["logged in"]++
				return
			}
			if code == "OK" {
				code = "CARD-NOT-A-PERSON"
				if f.Role == "authentication" {
					code = "CARD-UNKNOWN"
				}
			}
			seen[code]++
			refusedWith(t, b, got, code)
		})
	}
	t.Log(seen)
	for _, code := range []string{"logged in", "DATE-EXPIRED", "REV-CRL-REVOKED", "REV-CRL-HOLD", "USAGE-NOT-AUTH",
		"CHAIN-UNKNOWN-ROOT", "CARD-NOT-A-PERSON"} {
		if seen[code] == 0 {
			t.Errorf("no card ended with %s", code)
		}
	}
}

// A card that is revoked on the way, after it was verified, opens no session: neither from the
// card's server to the wallet, nor between the approval of a CIBA request and the poll.
func TestRevokedOnTheWay(t *testing.T) {
	l := labtest.New(t, "--key", "p256")
	s := l.Serve()
	p := newProvider(l, s)
	ctx := t.Context()
	insert := func() (*person, labtest.Card) {
		card := l.Issue("--fixture", "alain", "--clear-keys")
		b := p.browser(loadCard(t, card.File("authentication.pem"), card.File("authentication.clear.key")))
		t.Cleanup(b.close)
		return b, card
	}
	revoke := func(card labtest.Card) { l.Must("revoke", card.Certificates[0].Serial, "--reason", "keyCompromise") }

	b, card := insert()
	var proof string
	ordinary := b.http.CheckRedirect
	b.http.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if r.URL.Path == "/auth/carte" {
			proof = r.URL.String()
			return http.ErrUseLastResponse
		}
		return ordinary(r, via)
	}
	if _, err := b.byCard(ctx); err != nil || proof == "" {
		t.Fatalf("no proof, %v", err)
	}
	b.http.CheckRedirect = ordinary
	revoke(card)
	got, err := b.do(ctx, "GET", proof, nil)
	if err != nil || got.status != http.StatusForbidden || got.to != nil || !strings.Contains(got.body,
		"CARD-REVOKED") {
		t.Errorf("the proof of a card that is revoked: %+v, %v", got, err)
	}
	if got, _, err := b.begin(ctx, "prompt", "none"); err != nil || got.to.Get("error") != "login_required" {
		t.Errorf("and then: %+v, %v", got, err)
	}

	b, card = insert()
	asked, err := b.call(ctx, "/ext/ciba/auth", "scope", "openid scope_all", "acr_values", "eidas1", "login_hint",
		"899700209812", "channel", "CARD")
	if err != nil || asked.AuthReqID == "" {
		t.Fatalf("%v, %v", asked, err)
	}
	list, err := b.do(ctx, "GET", b.card+"/cps-gestion", nil)
	if err != nil {
		t.Fatal(err)
	}
	key := regexp.MustCompile(`name="demande" value="([0-9a-f]+)"`).FindStringSubmatch(list.body)
	if key == nil {
		t.Fatalf("no request\n%s", list.body)
	}
	if got, err := b.do(ctx, "POST", b.card+"/cps-gestion", url.Values{"demande": {key[1]},
		"reponse": {"accepter"}}); err != nil || got.status != 200 {
		t.Fatalf("%+v, %v", got, err)
	}
	revoke(card)
	if a, err := b.call(ctx, "/token", "grant_type", grantCIBA, "auth_req_id", asked.AuthReqID); err != nil ||
		a.Error != "access_denied" {
		t.Errorf("a poll after the card was revoked: %v, %v\n%s", a, err, s.Log)
	}
}
