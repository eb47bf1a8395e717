package logins

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"github.com/igc-lab/igc/internal/labtest"
)

// visitor is somebody at the ordering platform with a card, or without.
type visitor struct {
	*testing.T
	client *http.Client
	desk   string // https://localhost:8455
}

func newVisitor(t *testing.T, desk string, card *labtest.Card) visitor {
	t.Helper()
	config := &tls.Config{InsecureSkipVerify: true} // a lab's own server
	if card != nil {
		key, leaf, chain, err := pkcs12.DecodeChain([]byte(labtest.Read(t, card.File("authentication.p12"))), card.PIN)
		if err != nil {
			t.Fatal(err)
		}
		certificate := tls.Certificate{PrivateKey: key, Certificate: [][]byte{leaf.Raw}}
		for _, c := range chain {
			certificate.Certificate = append(certificate.Certificate, c.Raw)
		}
		config.Certificates = []tls.Certificate{certificate}
	}
	return visitor{t, &http.Client{Transport: &http.Transport{TLSClientConfig: config},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, desk}
}

// do makes a request, and returns its answer and body.
func (v visitor) do(method, path string, body string, change ...func(*http.Request)) (*http.Response, string) {
	v.Helper()
	r, err := http.NewRequest(method, v.desk+path, strings.NewReader(body))
	if err != nil {
		v.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, f := range change {
		f(r)
	}
	answer, err := v.client.Do(r)
	if err != nil {
		v.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		v.Fatal(err)
	}
	return answer, string(data)
}

var orderToken = regexp.MustCompile(`name="jeton" value="([^"]+)"`)

// token reads the token of a page's form.
func (v visitor) token(path string) string {
	v.Helper()
	_, page := v.do("GET", path, "")
	found := orderToken.FindStringSubmatch(page)
	if found == nil {
		v.Fatalf("%s has no form: %.400s", path, page)
	}
	return found[1]
}

const orderForm = "/commandes/demander?offre=ORG&usage=AUTH_CLI"

// orderFields are those of the form, filled in.
func orderFields(token string) url.Values {
	return url.Values{"jeton": {token}, "structure": {"10B0057881"}, "organisation": {"HOPITAL TEST"},
		"department": {"75"}, "service": {"DMP"}, "password": {"cheval correct"}}
}

// A table of attacks on the ordering platform of a server that runs, with what stops each.
// SECURITY.md lists them.
func TestOrderAttacks(t *testing.T) {
	l := labtest.New(t, "--key", "p256")
	alain, guy := l.Issue("--fixture", "alain"), l.Issue("--fixture", "guy")
	l.Must("role", "add", "administrateur-technique", "alain", "--structure", "10B0057881")
	l.Must("role", "add", "administrateur-technique", "guy", "--structure", "10B0039129")
	token := strings.TrimSpace(l.Must("token", "add", "loop", "--scope", "orders:write", "--role",
		"administrateur-technique:10B0057881"))
	desk := strings.TrimSuffix(l.Serve().URLs["card_desk"], "/commandes/")
	owner, other, nobody := newVisitor(t, desk, &alain), newVisitor(t, desk, &guy), newVisitor(t, desk, nil)
	placed, body := owner.do("POST", orderForm, orderFields(owner.token(orderForm)).Encode())
	order := placed.Header.Get("Location")
	if placed.StatusCode != http.StatusSeeOther || !strings.HasPrefix(order, "/commandes/CMD-") {
		t.Fatalf("%s: %.400s", placed.Status, body)
	}

	want := func(t *testing.T, answer *http.Response, body string, status int, word string) {
		t.Helper()
		if answer.StatusCode != status || !strings.Contains(body, word) {
			t.Errorf("%s, want %d and %s: %.300s", answer.Status, status, word, body)
		}
	}
	for name, attack := range map[string]func(t *testing.T){
		"CSRF: a form of another site, with the card of the visitor": func(t *testing.T) {
			fields := orderFields(owner.token(orderForm)).Encode()
			answer, body := owner.do("POST", orderForm, fields, func(r *http.Request) {
				r.Header.Set("Sec-Fetch-Site", "cross-site")
				r.Header.Set("Origin", "https://evil.test")
			})
			want(t, answer, body, 403, "ACCESS-ORIGIN")
		},
		"CSRF: a form without the page's token": func(t *testing.T) {
			answer, body := owner.do("POST", orderForm, orderFields("").Encode())
			want(t, answer, body, 403, "ORDER-FORM")
		},
		"CSRF: the token of another visitor's page": func(t *testing.T) {
			answer, body := owner.do("POST", orderForm, orderFields(other.token(orderForm)).Encode())
			want(t, answer, body, 403, "ORDER-FORM")
		},
		"rebinding: a name of another site that leads here": func(t *testing.T) {
			for _, path := range []string{"/commandes/", "/api/v1/whoami", "/.well-known/est/cacerts"} {
				answer, body := owner.do("GET", path, "", func(r *http.Request) { r.Host = "evil.test" })
				want(t, answer, body, 403, "localhost")
			}
		},
		"click-jacking: a page in a frame of another site": func(t *testing.T) {
			for _, path := range []string{"/commandes/", orderForm, order, "/commandes/roles", "/commandes/nowhere"} {
				answer, _ := owner.do("GET", path, "")
				if policy := answer.Header.Get("Content-Security-Policy"); !strings.Contains(policy,
					"frame-ancestors 'none'") {
					t.Errorf("%s has the policy %q", path, policy)
				}
			}
		},
		"paths that lead elsewhere": func(t *testing.T) {
			for _, path := range []string{"/commandes/..%2f..%2fconsole/", "/commandes/%2e%2e/console/",
				"/commandes//etc/passwd",
				"/commandes/CMD-1/certificat/..%2f..%2fkeys", "/commandes/CMD-1%00/", "/console/", "/messages/",
				"/telephone/"} {
				if answer, _ := owner.do("GET", path, ""); answer.StatusCode == 200 || answer.StatusCode >= 500 {
					t.Errorf("%s: %s", path, answer.Status)
				}
			}
		},
		"mass assignment: fields that are not the form's": func(t *testing.T) {
			fields := orderFields(owner.token(orderForm))
			fields.Set("state", "retiré")
			fields.Set("number", "CMD-MINE")
			fields.Set("card_number", "2000000000")
			answer, _ := owner.do("POST", orderForm, fields.Encode())
			_, page := owner.do("GET", answer.Header.Get("Location"), "")
			if !strings.Contains(page, "à retirer") || strings.Contains(page, "CMD-MINE") || strings.Contains(page,
				"2000000000") {
				t.Errorf("%.600s", page)
			}
		},
		"a replayed link: the mail's, by whoever has it": func(t *testing.T) {
			answer, body := nobody.do("GET", order, "")
			want(t, answer, body, 401, "ACCESS-NOBODY")
			answer, body = other.do("GET", order, "")
			want(t, answer, body, 404, "ORDER-NONE")
		},
		"guessed order numbers: one that is there looks like one that is not": func(t *testing.T) {
			there, page := other.do("GET", order, "")
			absent, none := other.do("GET", "/commandes/CMD-20200101-000000-000000", "")
			page = strings.ReplaceAll(page, order[len("/commandes/"):], "N")
			none = strings.ReplaceAll(none, "CMD-20200101-000000-000000", "N")
			if there.StatusCode != absent.StatusCode || page != none {
				t.Errorf("%s and %s differ", there.Status, absent.Status)
			}
		},
		"a certification request of a megabyte": func(t *testing.T) {
			fields := orderFields(owner.token(orderForm))
			fields.Del("password")
			fields.Set("csr", strings.Repeat("A", 900<<10))
			answer, body := owner.do("POST", orderForm, fields.Encode())
			want(t, answer, body, 422, "ORDER-CSR")
			fields.Set("csr", strings.Repeat("A", 2<<20))
			if answer, _ := owner.do("POST", orderForm, fields.Encode()); answer.StatusCode/100 != 4 {
				t.Errorf("two megabytes: %s", answer.Status)
			}
		},
	} {
		t.Run(name, attack)
	}

	t.Run("ten thousand orders a minute by one actor", func(t *testing.T) {
		var let, refused, without atomic.Int64
		start := time.Now()
		var workers sync.WaitGroup
		for range 8 {
			workers.Go(func() {
				for range 125 { // a thousand at once are ten thousand a minute on any machine
					answer, _ := nobody.do("POST", "/api/v1/orders", `{"usage":"NONE"}`, func(r *http.Request) {
						r.Header.Set("Content-Type", "application/json")
						r.Header.Set("Authorization", "Bearer "+token)
					})
					switch {
					case answer.StatusCode != http.StatusTooManyRequests:
						let.Add(1)
					case answer.Header.Get("Retry-After") == "":
						without.Add(1)
					default:
						refused.Add(1)
					}
				}
			})
		}
		workers.Wait()
		most := 150 + int64(15*time.Since(start).Seconds()+1)
		if let.Load() > most || refused.Load() == 0 || without.Load() > 0 {
			t.Errorf("%d of 1000 were let through in %s, at most %d may be; %d without Retry-After", let.Load(),
				time.Since(start), most, without.Load())
		}
		// others are not the worse for it
		if answer, body := owner.do("GET", order, ""); answer.StatusCode != 200 {
			t.Errorf("%s: %.300s", answer.Status, body)
		}
	})
}
