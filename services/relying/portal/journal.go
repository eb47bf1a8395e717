package portal

import (
	"context"
	_ "embed"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/igc-lab/igc/internal/i18n"
)

// step is one thing that the portal did, as its page shows it.
type step struct {
	At     time.Time
	Took   time.Duration
	Title  i18n.Text
	Method string
	URL    string // without its query
	Auth   string // the Authorization header, its secret left out
	Params []param
	Status int
	Err    string
	Code   string // the function of client.go that did it
}

// param is a parameter of a request; long values are cut, secrets left out.
type param struct{ Name, Value string }

// journal holds the last steps of a session, or those done once for all.
type journal struct {
	mu    sync.Mutex
	steps []step
}

// maxSteps bounds a journal.
const maxSteps = 24

func (j *journal) add(s step) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.steps = append(j.steps, s); len(j.steps) > maxSteps {
		j.steps = append(j.steps[:0], j.steps[1:]...)
	}
}

func (j *journal) list() []step {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]step(nil), j.steps...)
}

type journalKey struct{}

// recorder notes the calls of the portal: in the journal of the context, else in the one for all.
type recorder struct {
	next   http.RoundTripper
	host   string // of the provider: the portal calls no other
	now    func() time.Time
	common *journal
}

// RoundTrip implements [http.RoundTripper].
func (t *recorder) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != t.host || r.URL.Scheme != "https" {
		return nil, i18n.Errorf("%s is not an address of Pro Santé Connect, %s: the portal calls nothing else",
			r.URL.Redacted(), t.host)
	}
	j, _ := r.Context().Value(journalKey{}).(*journal)
	if j == nil {
		j = t.common
	}
	form := url.Values{}
	if r.GetBody != nil {
		if body, err := r.GetBody(); err == nil {
			data, _ := io.ReadAll(io.LimitReader(body, maxAnswer))
			form, _ = url.ParseQuery(string(data))
		}
	}
	s := step{At: t.now(), Method: r.Method, Auth: withoutSecret(r.Header.Get("Authorization")), Params: params(form)}
	s.URL, _, _ = strings.Cut(r.URL.String(), "?")
	s.Title, s.Code = kindOf(s.URL, form)
	begun := time.Now()
	resp, err := t.next.RoundTrip(r)
	s.Took = time.Since(begun)
	if err != nil {
		s.Err = err.Error()
	} else {
		s.Status = resp.StatusCode
	}
	j.add(s)
	return resp, err
}

// kindOf is what a call is for, and the function that makes it.
func kindOf(address string, form url.Values) (i18n.Text, string) {
	switch {
	case strings.HasSuffix(address, "-configuration"):
		return i18n.Text{FR: "Lire le document de découverte", EN: "Read the discovery document"}, source("discover")
	case strings.HasSuffix(address, "/certs"):
		return i18n.Text{FR: "Lire les clés de signature", EN: "Read the signing keys"}, source("verify")
	case strings.HasSuffix(address, "/token") && form.Get("grant_type") == "refresh_token":
		return i18n.Text{FR: "Rafraîchir les jetons", EN: "Refresh the tokens"}, source("refresh")
	case strings.HasSuffix(address, "/token"):
		return i18n.Text{FR: "Échanger le code contre les jetons, et vérifier le jeton d'identité",
				EN: "Trade the code for the tokens, and verify the ID token"},
			source("exchange") + "\n" + source("verify")
	case strings.HasSuffix(address, "/userinfo"):
		return i18n.Text{FR: "Demander qui est la personne", EN: "Ask who the person is"}, source("userinfo")
	case strings.HasSuffix(address, "/introspect"):
		return i18n.Text{FR: "Demander si le jeton d'accès vaut encore",
			EN: "Ask whether the access token is still good"}, source("introspect")
	}
	return i18n.Same(address), ""
}

//go:embed client.go
var clientSource string

// source is a function of client.go, as it is.
func source(name string) string {
	for _, head := range []string{"\nfunc (c *client) " + name + "(", "\nfunc " + name + "("} {
		if at := strings.Index(clientSource, head); at >= 0 {
			rest := clientSource[at+1:]
			return rest[:strings.Index(rest, "\n}\n")+2]
		}
	}
	return ""
}

// withoutSecret is an Authorization header as it may be shown.
func withoutSecret(header string) string {
	scheme, value, _ := strings.Cut(header, " ")
	switch scheme {
	case "":
		return ""
	case "Basic":
		r := http.Request{Header: http.Header{"Authorization": {header}}}
		user, _, _ := r.BasicAuth()
		return "Basic " + user + ":***"
	}
	return scheme + " " + cut(value)
}

// params are the parameters of a form or a query, in the order of their names in [shown].
func params(form url.Values) (list []param) {
	for _, name := range shown {
		for _, value := range form[name] {
			if name == "client_secret" {
				value = "***"
			}
			list = append(list, param{name, cut(value)})
		}
	}
	return list
}

// shown are the parameters that a reader looks for, in this order.
var shown = []string{"response_type", "grant_type", "client_id", "client_secret", "redirect_uri", "scope",
	"acr_values", "state", "nonce",
	"code_challenge", "code_challenge_method", "code", "code_verifier", "refresh_token", "token", "session_state",
	"iss", "error",
	"error_description", "id_token_hint", "post_logout_redirect_uri", "logout_token", "sid"}

// cut shortens a value that nobody reads to its end: a token, a code.
func cut(value string) string {
	if len(value) <= 72 || strings.HasPrefix(value, "https://") && len(value) <= 200 {
		return value
	}
	return strings.ToValidUTF8(value[:24], "") + "…"
}

// withJournal makes calls on the context be noted in a journal.
func withJournal(ctx context.Context, j *journal) context.Context {
	return context.WithValue(ctx, journalKey{}, j)
}
