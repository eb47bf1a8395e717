package psc

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// login is an authorization request on its way through the login pages. It travels sealed in their
// addresses: a login that is abandoned leaves nothing behind.
type login struct {
	ID        string    `json:"id"` // spent by the code
	Begun     time.Time `json:"begun"`
	Browser   string    `json:"browser"` // digest of the cookie of the browser that began it
	Client    string    `json:"client"`
	Redirect  string    `json:"redirect"`
	Mode      string    `json:"mode"` // response_mode
	Scope     string    `json:"scope"`
	State     string    `json:"state,omitempty"`
	Nonce     string    `json:"nonce,omitempty"`
	Challenge string    `json:"challenge,omitempty"`
	Method    string    `json:"method,omitempty"` // of the challenge
	Hint      string    `json:"hint,omitempty"`   // login_hint
	Request   string    `json:"request,omitempty"`
	Auth      *proof    `json:"auth,omitempty"`
	Portal    bool      `json:"portal,omitempty"` // to the portal, without a client
}

// proof is how a person was authenticated, from the card's server to the wallet.
type proof struct {
	Person string    `json:"person"`
	Mode   string    `json:"mode"`
	At     time.Time `json:"at"`
	Card   *card     `json:"card,omitempty"`
}

// proofTTL is how long the way from the card's server to the wallet may take.
const proofTTL = time.Minute

func (p *Provider) seal(l *login) (string, error) {
	data, err := json.Marshal(l)
	if err != nil {
		return "", err
	}
	sealed, err := p.Seal.Seal(sealLogin, data)
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

// maxLogin bounds a sealed login.
const maxLogin = 16 << 10

// open opens a sealed login of this browser. It is nil when it is not one, or too old.
func (p *Provider) open(r *http.Request, sealed string, settings *Settings) *login {
	if sealed == "" || len(sealed) > maxLogin {
		return nil
	}
	data, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return nil
	}
	if data, err = p.Seal.Unseal(sealLogin, data); err != nil {
		return nil
	}
	l := &login{}
	if json.Unmarshal(data, l) != nil {
		return nil
	}
	age := p.Now().Sub(l.Begun)
	cookie, err := r.Cookie(browserCookie)
	if err != nil || age > time.Duration(settings.LoginTTL)*time.Second ||
		subtle.ConstantTimeCompare([]byte(l.Browser), []byte(digest(cookie.Value))) != 1 {
		return nil
	}
	return l
}

// bind returns the digest of the browser's cookie, and gives the browser one that has none.
func bind(w http.ResponseWriter, r *http.Request) string {
	if cookie, err := r.Cookie(browserCookie); err == nil && len(cookie.Value) == 43 {
		return digest(cookie.Value)
	}
	value := random()
	setCookie(w, browserCookie, value)
	return digest(value)
}

// nativeAuthorize is the path of Keycloak's own authorization endpoint, on the issuer. The real one
// answers there, with a page that logs nobody in (reference §10).
const nativeAuthorize = protocolPath + "/auth"

// authorizeNatively answers at that path, which Keycloak's adapters know without being told. The
// helpful lab leads to the wallet; the real one has no way on from there, but for single sign-on.
func (p *Provider) authorizeNatively(w http.ResponseWriter, r *http.Request, call *Call, settings *Settings) error {
	if settings.Discovery != "helpful" {
		return p.authorize(w, r, call, settings)
	}
	call.Client = r.Form.Get("client_id")
	call.found("PSC-AUTHORIZATION-ENDPOINT", p.IssuerURL+nativeAuthorize)
	http.Redirect(w, r, p.WalletURL+"/auth?"+r.Form.Encode(), http.StatusSeeOther)
	return nil
}

// authorize answers the browser that a relying party sends (RFC 6749 §4.1.1, OpenID Connect Core
// §3.1.2). What is wrong with the client or its redirect URI ends on a page: nothing is ever sent
// to an address that is not registered.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request, call *Call, settings *Settings) error {
	params := r.Form
	call.Client = params.Get("client_id")
	c, err := p.client(r.Context(), call.Client)
	if err != nil {
		return err
	}
	if c == nil {
		code := Code("PSC-CLIENT-UNKNOWN")
		if call.Client == "" {
			code = "PSC-CLIENT-MISSING"
		}
		p.errorPage(w, r, call, "Client not found.", code, call.Client)
		return nil
	}
	if uri := params.Get("request_uri"); uri != "" {
		pushed, f, err := p.spendPAR(r.Context(), c, uri)
		if err != nil {
			return err
		}
		if f != nil {
			p.errorPage(w, r, call, f.description, f.code, f.seen)
			return nil
		}
		params = pushed
	}
	l, f := p.request(c, params, call)
	if l == nil {
		p.errorPage(w, r, call, f.description, f.code, f.seen)
		return nil
	}
	if f != nil {
		p.deny(w, r, call, l, f)
		return nil
	}
	l.Begun, l.ID, l.Browser = p.Now(), uuid(), bind(w, r)
	return p.signOn(w, r, call, settings, l, params)
}

// signOn uses the browser's session when there is one and the request allows it, else shows the
// login page.
func (p *Provider) signOn(w http.ResponseWriter, r *http.Request, call *Call, settings *Settings, l *login,
	params url.Values) error {
	s, version, err := p.browserSession(r, settings)
	if err != nil {
		return err
	}
	prompt := strings.Fields(params.Get("prompt"))
	if s != nil && (slices.Contains(prompt, "login") || slices.Contains(prompt, "select_account") || p.tooOld(s,
		params.Get("max_age"))) {
		s = nil
	}
	if s != nil {
		person, err := p.person(r.Context(), s.Person)
		if err != nil {
			return err
		}
		if person != nil {
			call.Person = s.Person
			return p.giveCode(w, r, call, settings, l, &opening{s: s, version: version})
		}
	}
	if slices.Contains(prompt, "none") {
		p.deny(w, r, call, l, fault(0, "login_required", "", "", ""))
		return nil
	}
	if r.URL.Path == nativeAuthorize {
		p.errorPage(w, r, call, "This login page cannot be used.", "PSC-AUTHORIZATION-ENDPOINT",
			p.IssuerURL+nativeAuthorize)
		return nil
	}
	return p.loginPage(w, r, settings, l)
}

func (p *Provider) tooOld(s *session, maxAge string) bool {
	n, err := strconv.Atoi(maxAge)
	return maxAge != "" && err == nil && p.Now().Sub(s.AuthTime) >= time.Duration(n)*time.Second
}

var verifierForm = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`)

// request reads an authorization request. Without a login the failure is for a page, with one it is
// for the client.
func (p *Provider) request(c *Client, params url.Values, call *Call) (*login, *failure) {
	uri := params.Get("redirect_uri")
	if uri == "" && len(c.RedirectURIs) == 1 && params.Get("scope") == "" {
		uri = c.RedirectURIs[0]
	}
	if !c.redirectTo(uri) {
		return nil, badRequest("Invalid parameter: redirect_uri", "PSC-REDIRECT-UNREGISTERED", uri)
	}
	l := &login{Client: c.ID, Redirect: uri, State: params.Get("state"), Nonce: params.Get("nonce"),
		Hint: params.Get("login_hint"),
		Mode: params.Get("response_mode"), Challenge: params.Get("code_challenge"),
		Method: params.Get("code_challenge_method")}
	switch l.Mode {
	case "":
		l.Mode = "query"
	case "query", "fragment", "form_post":
	default:
		seen := l.Mode
		l.Mode = "query"
		return l, badRequest("Invalid parameter: response_mode", "PSC-RESPONSE-MODE", seen)
	}
	switch t := params.Get("response_type"); t {
	case "code":
	case "":
		return l, badRequest("Missing parameter: response_type", "PSC-RESPONSE-TYPE", "")
	default:
		return l, fault(0, "unsupported_response_type", "", "PSC-RESPONSE-TYPE", t)
	}
	if params.Get("request") != "" {
		return l, fault(0, "request_not_supported", "", "PSC-REQUEST-OBJECT", "request")
	}
	var f *failure
	if l.Scope, f = grantedScope(params.Get("scope")); f != nil {
		return l, f
	}
	if !slices.Contains(strings.Fields(params.Get("scope")), "scope_all") {
		call.found("PSC-SCOPE", params.Get("scope"))
	}
	if acr := params.Get("acr_values"); acr != "eidas1" {
		call.found("PSC-ACR", acr)
	}
	if len(l.State) < 8 {
		call.found("PSC-STATE", l.State)
	}
	prompt := strings.Fields(params.Get("prompt"))
	for _, v := range prompt {
		if !slices.Contains([]string{"none", "login", "consent", "select_account"}, v) || v == "none" &&
			len(prompt) > 1 {
			return l, badRequest("Invalid parameter: prompt", "PSC-PARAMETER", params.Get("prompt"))
		}
	}
	if v := params.Get("max_age"); v != "" {
		if n, err := strconv.Atoi(v); err != nil || n < 0 {
			return l, badRequest("Invalid parameter: max_age", "PSC-PARAMETER", v)
		}
	}
	return l, p.challenge(c, l)
}

// challenge checks the code challenge of a request (RFC 7636 §4.3).
func (p *Provider) challenge(c *Client, l *login) *failure {
	switch {
	case l.Challenge == "" && l.Method != "":
		return badRequest("Missing parameter: code_challenge", "PSC-PKCE", "code_challenge_method="+l.Method)
	case l.Challenge == "" && c.PKCE:
		return badRequest("Missing parameter: code_challenge_method", "PSC-PKCE", "")
	case l.Challenge == "":
		return nil
	case l.Method == "":
		l.Method = "plain"
	case l.Method != "plain" && l.Method != "S256":
		return badRequest("Invalid parameter: code_challenge_method", "PSC-PKCE", l.Method)
	}
	if !verifierForm.MatchString(l.Challenge) {
		return badRequest("Invalid parameter: code_challenge", "PSC-PKCE", l.Challenge)
	}
	return nil
}

// grantedScope is the scope that a request is given: its own, and the client's defaults, in the
// real one's order.
func grantedScope(asked string) (string, *failure) {
	fields := strings.Fields(asked)
	for _, s := range fields {
		if !slices.Contains(scopesKnown, s) {
			return "", fault(0, "invalid_scope", "Invalid scopes: "+asked, "PSC-SCOPE", asked)
		}
	}
	if !slices.Contains(fields, "openid") {
		return "", fault(0, "invalid_scope", "Invalid scopes: "+asked, "PSC-SCOPE", asked)
	}
	granted := []string{"openid", "profile"}
	for _, s := range fields {
		if !slices.Contains(granted, s) && s != "identity" {
			granted = append(granted, s)
		}
	}
	return strings.Join(append(granted, "identity"), " "), nil
}

// deny sends the browser back with an error.
func (p *Provider) deny(w http.ResponseWriter, r *http.Request, call *Call, l *login, f *failure) {
	if f.code != "" {
		call.found(f.code, f.seen)
	}
	call.Error = strings.TrimSuffix(f.err+": "+f.description, ": ")
	params := [][2]string{{"error", f.err}}
	if f.description != "" {
		params = append(params, [2]string{"error_description", f.description})
	}
	p.respond(w, r, l, params)
}

// respond sends the browser back to the client, by the response mode that it asked for. state and
// iss (RFC 9207) are added.
func (p *Provider) respond(w http.ResponseWriter, r *http.Request, l *login, params [][2]string) {
	if l.State != "" {
		params = append([][2]string{{"state", l.State}}, params...)
	}
	params = append(params, [2]string{"iss", p.Issuer()})
	if l.Mode == "form_post" {
		p.formPost(w, r, l.Redirect, params)
		return
	}
	var query strings.Builder
	for i, param := range params {
		if i > 0 {
			query.WriteByte('&')
		}
		query.WriteString(param[0] + "=" + url.QueryEscape(param[1]))
	}
	sep := "?"
	switch {
	case l.Mode == "fragment":
		sep = "#"
	case strings.Contains(l.Redirect, "?"):
		sep = "&"
	}
	w.Header().Set("Location", l.Redirect+sep+query.String())
	w.Header().Set("Cache-Control", "no-store, must-revalidate, max-age=0")
	w.WriteHeader(http.StatusFound)
}

// code is an authorization code as it is stored, under its digest.
type code struct {
	Client    string    `json:"client"`
	Redirect  string    `json:"redirect"`
	Scope     string    `json:"scope"`
	Nonce     string    `json:"nonce,omitempty"`
	Challenge string    `json:"challenge,omitempty"`
	Method    string    `json:"method,omitempty"`
	SID       string    `json:"sid"`
	Expires   time.Time `json:"expires"`
	Grant     string    `json:"grant,omitempty"` // what it was traded for
}

// giveCode writes a session with a code and spends the login: all in one write. Then it sends the
// browser back with the code.
func (p *Provider) giveCode(w http.ResponseWriter, r *http.Request, call *Call, settings *Settings, l *login,
	o *opening) error {
	value := uuid() + "." + o.s.SID + "." + clientUUID(l.Client)
	codeWrite, err := put(codeKind, digest(value), code{Client: l.Client, Redirect: l.Redirect, Scope: l.Scope,
		Nonce: l.Nonce, Challenge: l.Challenge, Method: l.Method, SID: o.s.SID,
		Expires: p.Now().Add(time.Duration(settings.CodeTTL) * time.Second)}, p.until(settings.CodeTTL), nil)
	if err != nil {
		return err
	}
	if done, err := p.openSession(w, r, settings, l, o, codeWrite); !done || err != nil {
		return err
	}
	p.respond(w, r, l, [][2]string{{"session_state", o.s.SID}, {"code", value}})
	return nil
}

// clientUUID is the internal ID of a client, which Keycloak's codes end with.
func clientUUID(id string) string {
	raw := []byte(digest("client " + id))
	return formatUUID([16]byte(raw[:16]), 5)
}
