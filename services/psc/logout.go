package psc

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// logout ends a session on a client's request (OpenID Connect RP-Initiated Logout): by
// id_token_hint, else by the browser's own session once the person has confirmed.
func (p *Provider) logout(w http.ResponseWriter, r *http.Request, call *Call, settings *Settings) error {
	ctx, params := r.Context(), r.Form
	if r.PostForm.Has("refresh_token") {
		return p.logoutByRefresh(w, r, call, settings)
	}
	if uri := params.Get("redirect_uri"); uri != "" {
		call.found("PSC-LOGOUT-INCOMPLETE", "redirect_uri="+uri)
	}
	hint, err := p.openIDToken(ctx, params.Get("id_token_hint"))
	if err != nil {
		return err
	}
	if params.Get("id_token_hint") != "" && hint == nil {
		p.errorPage(w, r, call, "Invalid parameter: id_token_hint", "PSC-LOGOUT-HINT",
			kindOfToken(params.Get("id_token_hint")))
		return nil
	}
	call.Client = params.Get("client_id")
	if hint != nil {
		if call.Client != "" && call.Client != hint.Azp {
			p.errorPage(w, r, call, "Invalid parameter: client_id", "PSC-LOGOUT-HINT", call.Client)
			return nil
		}
		call.Client, call.Person = hint.Azp, hint.PreferredUsername
	}
	back := params.Get("post_logout_redirect_uri")
	if back != "" {
		c, err := p.client(ctx, call.Client)
		if err != nil {
			return err
		}
		if c == nil || !slices.Contains(c.PostLogoutRedirectURIs, back) {
			p.errorPage(w, r, call, "Invalid redirect uri", "PSC-LOGOUT-REDIRECT", back)
			return nil
		}
	}
	s, _, err := p.browserSession(r, settings)
	if err != nil {
		return err
	}
	if hint != nil {
		if s, _, err = p.session(ctx, hint.SID, settings); err != nil {
			return err
		}
	} else if s != nil { // anybody could have sent the browser here: the person decides, on the wallet
		http.Redirect(w, r, p.WalletURL+"/deconnexion?"+url.Values{"client_id": {call.Client},
			"post_logout_redirect_uri": {back},
			"state":                    {params.Get("state")}}.Encode(), http.StatusFound)
		return nil
	}
	if s != nil {
		if err := p.endSession(ctx, s); err != nil {
			return err
		}
	}
	if s == nil && hint == nil && !forBrowser(r) {
		call.found("PSC-LOGOUT-INCOMPLETE", "")
	}
	endCookie(w, sessionCookie)
	p.loggedOut(w, r, settings, back, params.Get("state"))
	return nil
}

// forBrowser tells whether a person sees the answer.
func forBrowser(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }

// logoutByRefresh ends the session of a refresh token at the call of a client's server: Keycloak's
// own way, older than OpenID Connect's, which adapters of Keycloak still use.
func (p *Provider) logoutByRefresh(w http.ResponseWriter, r *http.Request, call *Call, settings *Settings) error {
	c, _, err := p.authenticate(r, call)
	if err != nil {
		return err
	}
	ctx, value := r.Context(), r.PostForm.Get("refresh_token")
	claims, err := p.openRefresh(ctx, value)
	if err != nil {
		return err
	}
	if claims == nil || claims.Azp != c.ID {
		return invalidGrant("Invalid refresh token", "PSC-REFRESH-INVALID", kindOfToken(value))
	}
	s, _, err := p.session(ctx, claims.SID, settings)
	if err != nil {
		return err
	}
	if s != nil {
		call.Person = s.Person
		if err := p.endSession(ctx, s); err != nil {
			return err
		}
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// loggedOut sends the browser back, or says that the session is closed.
func (p *Provider) loggedOut(w http.ResponseWriter, r *http.Request, settings *Settings, back, state string) {
	switch {
	case back != "":
		w.Header().Set("Location", p.backTo(settings, back, state))
		w.WriteHeader(http.StatusFound)
	case forBrowser(r):
		p.closedPage(w, r, "")
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// backTo is where a browser goes after a logout.
func (p *Provider) backTo(settings *Settings, back, state string) string {
	if state == "" || !settings.LogoutState {
		return back
	}
	sep := "?"
	if strings.Contains(back, "?") {
		sep = "&"
	}
	return back + sep + "state=" + url.QueryEscape(state)
}

// openIDToken verifies an ID token, whatever its dates; nil when it is not one.
func (p *Provider) openIDToken(ctx context.Context, value string) (*idToken, error) {
	if value == "" {
		return nil, nil
	}
	data, ok, err := p.keys.open(ctx, value, jose.RS256)
	if err != nil || !ok {
		return nil, err
	}
	claims := &idToken{}
	if json.Unmarshal(data, claims) != nil || claims.Typ != "ID" || claims.Iss != p.Issuer() {
		return nil, nil
	}
	return claims, nil
}

// logoutToken holds the claims of a logout token (OpenID Connect Back-Channel Logout §2.4), in
// Keycloak's order.
type logoutToken struct {
	Iat    int64                     `json:"iat"`
	Exp    int64                     `json:"exp"`
	JTI    string                    `json:"jti"`
	Iss    string                    `json:"iss"`
	Aud    string                    `json:"aud"`
	Sub    string                    `json:"sub"`
	Typ    string                    `json:"typ"`
	SID    string                    `json:"sid"`
	Events map[string]map[string]any `json:"events"`
}

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// logoutPatience is how long a client may take to answer.
const logoutPatience = 5 * time.Second

// sendLogoutTokens tells every client of a session that has a logout address that the session has
// ended. It does not wait for them.
func (p *Provider) sendLogoutTokens(ctx context.Context, s *session) {
	ctx = context.WithoutCancel(ctx)
	var clients []string
	for _, g := range s.Grants {
		if !slices.Contains(clients, g.Client) {
			clients = append(clients, g.Client)
		}
	}
	for _, id := range clients {
		c, err := p.client(ctx, id)
		if err != nil || c == nil || c.BackchannelLogoutURI == "" {
			continue
		}
		p.sending.Go(func() { p.sendLogoutToken(ctx, c, s) })
	}
}

// sending counts the logout tokens under way.
type sending = sync.WaitGroup

func (p *Provider) sendLogoutToken(ctx context.Context, c *Client, s *session) {
	begun := time.Now()
	call := Call{At: p.Now().UTC(), Endpoint: "backchannel_logout", Client: c.ID, Person: s.Person}
	status, err := p.postLogoutToken(ctx, c, s)
	call.Status, call.Took = status, time.Since(begun)
	if err != nil {
		call.Error = err.Error()
	}
	if status != http.StatusOK && status != http.StatusNoContent {
		call.found("PSC-LOGOUT-CALL", call.Error)
	}
	p.Requests.add(call)
}

func (p *Provider) postLogoutToken(ctx context.Context, c *Client, s *session) (status int, err error) {
	settings, err := p.current(ctx)
	if err != nil {
		return 0, err
	}
	key, err := p.keys.current(ctx)
	if err != nil {
		return 0, err
	}
	now := p.Now().Unix()
	claims, err := json.Marshal(logoutToken{Iat: now, Exp: now + 120, JTI: uuid(), Iss: p.Issuer(), Aud: c.ID,
		Sub: sub(settings, s.Person),
		Typ: "Logout", SID: s.SID, Events: map[string]map[string]any{logoutEvent: {}}})
	if err != nil {
		return 0, err
	}
	token, err := key.sign(claims)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, logoutPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.BackchannelLogoutURI,
		strings.NewReader(url.Values{"logout_token": {token}}.Encode()))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := p.HTTP.Do(req)
	if err != nil {
		return 0, err
	}
	resp.Body.Close()
	return resp.StatusCode, nil
}
