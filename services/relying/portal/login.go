package portal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/web"
)

// loginCookie holds a login under way.
const loginCookie = "__Host-portail-demo-connexion"

// loginLimit is how long a person may take to log in.
const loginLimit = 10 * time.Minute

// pending is a login under way. The browser keeps it, encrypted: the portal has nothing of a login
// that is abandoned, and a value of another browser is of no use.
type pending struct {
	State    string
	Nonce    string `json:",omitempty"`
	Verifier string `json:",omitempty"` // PKCE
	Card     bool   `json:",omitempty"` // without Pro Santé Connect
	At       time.Time
	Lang     string `json:",omitempty"` // that was chosen
}

// sealer encrypts logins, by a key that this process has made.
type sealer struct{ aead cipher.AEAD }

func newSealer() sealer {
	key := make([]byte, 32)
	rand.Read(key) // never fails
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the key has 32 bytes
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // AES has blocks of 16 bytes
	}
	return sealer{aead}
}

func (s sealer) seal(use string, value any) (string, error) {
	data, err := json.Marshal(value)
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nil, nil, data, []byte(use))), err
}

func (s sealer) open(use, text string, value any) bool {
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return false
	}
	data, err = s.aead.Open(nil, nil, data, []byte(use))
	return err == nil && json.Unmarshal(data, value) == nil
}

// begin draws what a login needs and gives it to the browser.
func (p *Portal) begin(w http.ResponseWriter, r *http.Request, card bool) (*pending, error) {
	l := &pending{State: random(), Card: card, At: p.Now(), Lang: string(web.ChosenLanguage(r))}
	if !card {
		l.Nonce, l.Verifier = random(), oauth2.GenerateVerifier()
	}
	sealed, err := p.sealer.seal(loginCookie, l)
	if err == nil {
		setCookie(w, loginCookie, sealed, int(loginLimit.Seconds()))
	}
	return l, err
}

// underWay is the login of the browser that comes back with a state; nil, and a problem, when it is
// of another browser or too old. A login ends here: the browser gives it back.
func (p *Portal) underWay(w http.ResponseWriter, r *http.Request, card bool, state string) (*pending, *problem) {
	cookie, err := r.Cookie(loginCookie)
	var l pending
	if err != nil || !p.sealer.open(loginCookie, cookie.Value, &l) || l.Card != card {
		return nil, problemNoLogin
	}
	if subtle.ConstantTimeCompare([]byte(l.State), []byte(state)) != 1 {
		return nil, problemState
	}
	setCookie(w, loginCookie, "", 0)
	if age := p.Now().Sub(l.At); age < 0 || age >= loginLimit {
		return nil, problemNoLogin
	}
	return &l, nil
}

// login sends the browser to Pro Santé Connect.
func (p *Portal) login(w http.ResponseWriter, r *http.Request) error {
	c, err := p.client(r.Context())
	if err != nil {
		return err
	}
	l, err := p.begin(w, r, false)
	if err != nil {
		return err
	}
	redirect(w, c.authorizationURL(l.State, l.Nonce, l.Verifier))
	return nil
}

// callback takes the answer of Pro Santé Connect: the redirect URI.
func (p *Portal) callback(w http.ResponseWriter, r *http.Request) error {
	answer := r.URL.Query()
	for _, name := range []string{"state", "code", "iss", "error"} {
		if len(answer[name]) > 1 {
			return problemTwice.seen(name)
		}
	}
	l, wrong := p.underWay(w, r, false, answer.Get("state"))
	if wrong != nil {
		return wrong
	}
	c, err := p.client(r.Context())
	if err != nil {
		return err
	}
	switch iss := answer.Get("iss"); {
	case iss != c.issuer && (iss != "" || c.endpoint.IssInAnswer): // RFC 9207: another provider's answer
		return problemIssuer.seen(iss)
	case answer.Get("error") != "":
		return refusal(answer.Get("error"), answer.Get("error_description"))
	case answer.Get("code") == "":
		return problemNoCode
	}
	n := &session{}
	n.journal.add(step{At: l.At, Title: i18n.Text{FR: "Envoyer le navigateur à Pro Santé Connect",
		EN: "Send the browser to Pro Santé Connect"},
		Method: "303", URL: before(c.oauth.Endpoint.AuthURL), Params: params(queryOf(c.authorizationURL(l.State,
			l.Nonce, l.Verifier))),
		Code: source("authorizationURL")})
	n.journal.add(step{At: p.Now(), Title: i18n.Text{FR: "Recevoir le code, et comparer state et iss",
		EN: "Receive the code, and compare state and iss"},
		Method: r.Method, URL: p.URL + r.URL.Path, Params: params(answer)})
	ctx := withJournal(p.context(r.Context()), &n.journal)
	token, id, err := c.exchange(ctx, answer.Get("code"), l.Nonce, l.Verifier)
	if err != nil {
		return exchangeProblem(err)
	}
	var claims struct {
		SID    string `json:"sid"`
		Person string `json:"SubjectNameID"`
		Given  string `json:"given_name"`
		Family string `json:"family_name"`
	}
	if err := id.Claims(&claims); err != nil {
		return problemProvider.because(err)
	}
	n.sid, n.got.subject, n.got.id = claims.SID, id.Subject, claims.Person
	n.got.name = strings.TrimSpace(claims.Given + " " + claims.Family)
	p.storeTokens(n, token)
	if n.got.userinfo, err = c.userinfo(ctx, token, id.Subject); err != nil {
		return problemProvider.because(err)
	}
	p.open(w, r, n, l)
	return nil
}

// storeTokens keeps the tokens of a response.
func (p *Portal) storeTokens(n *session, token *oauth2.Token) {
	now := p.Now()
	n.got.token = token
	n.got.idToken, _ = token.Extra("id_token").(string)
	n.got.accessEnd = now.Add(time.Duration(token.ExpiresIn) * time.Second)
	seconds, _ := token.Extra("refresh_expires_in").(float64)
	n.got.refreshEnd = now.Add(time.Duration(max(0, min(seconds, 1e9))) * time.Second)
}

// open begins the session of a login and shows it.
func (p *Portal) open(w http.ResponseWriter, r *http.Request, n *session, l *pending) {
	p.admit(w, r, p.sessions.add(n), l)
}

// admit gives the browser a session, under a new key whatever it had, and shows it.
func (p *Portal) admit(w http.ResponseWriter, r *http.Request, key string, l *pending) {
	if old, _ := p.sessions.ofRequest(r); old != nil {
		p.sessions.remove(old)
	}
	setCookie(w, sessionCookie, key, int(maxAge.Seconds()))
	to := "/session"
	if l.Lang != "" {
		to += "?lang=" + l.Lang
	}
	redirect(w, to)
}

// exchangeProblem is why the code brought no session.
func exchangeProblem(err error) *problem {
	var refused *oauth2.RetrieveError
	switch {
	case errors.Is(err, errNonce):
		return problemNonce
	case errors.As(err, &refused) && refused.ErrorCode != "":
		return problemCode.seen(refused.ErrorCode + ": " + refused.ErrorDescription)
	}
	return problemProvider.because(err)
}

func before(address string) string {
	address, _, _ = strings.Cut(address, "?")
	return address
}

func queryOf(address string) url.Values {
	u, err := url.Parse(address)
	if err != nil {
		return nil
	}
	return u.Query()
}

func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}
