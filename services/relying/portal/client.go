package portal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// maxAnswer bounds what the provider may answer.
const maxAnswer = 1 << 20

// client is what the portal knows of its provider.
type client struct {
	issuer   string
	oauth    oauth2.Config
	provider *oidc.Provider
	verifier *oidc.IDTokenVerifier
	endpoint endpoints
}

// endpoints are those that go-oidc has no name for.
type endpoints struct {
	Introspection string `json:"introspection_endpoint"`
	EndSession    string `json:"end_session_endpoint"`
	IssInAnswer   bool   `json:"authorization_response_iss_parameter_supported"`
}

// discover reads the provider's metadata. Pro Santé Connect has it at a path of its own, where
// oidc.NewProvider does not look.
func discover(ctx context.Context, issuer, id, secret, redirect string, now func() time.Time) (*client, error) {
	data, err := call(ctx, http.MethodGet, issuer+"/.well-known/wallet-openid-configuration", nil, nil)
	if err != nil {
		return nil, err
	}
	c := &client{issuer: issuer}
	var config oidc.ProviderConfig
	if err := errors.Join(json.Unmarshal(data, &config), json.Unmarshal(data, &c.endpoint)); err != nil {
		return nil, err
	}
	if config.IssuerURL != issuer {
		return nil, fmt.Errorf("the issuer is %q, and not %q", config.IssuerURL, issuer)
	}
	c.provider = config.NewProvider(ctx)
	c.verifier = c.provider.Verifier(&oidc.Config{ClientID: id, SupportedSigningAlgs: []string{oidc.RS256}, Now: now})
	c.oauth = oauth2.Config{ClientID: id, ClientSecret: secret, RedirectURL: redirect, Endpoint: c.provider.Endpoint(),
		Scopes: []string{oidc.ScopeOpenID, "scope_all"}}
	c.oauth.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
	return c, nil
}

// authorizationURL is where the browser goes to log in. State, nonce and verifier are drawn for
// this login and stay with this browser.
func (c *client) authorizationURL(state, nonce, verifier string) string {
	return c.oauth.AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier),
		oauth2.SetAuthURLParam("acr_values", "eidas1"))
}

// exchange trades the code for tokens, and verifies the ID token: signature, issuer, audience,
// dates, then the nonce and the access token that it goes with.
func (c *client) exchange(ctx context.Context, code, nonce, verifier string) (*oauth2.Token, *oidc.IDToken, error) {
	token, err := c.oauth.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		return nil, nil, err
	}
	id, err := c.verify(ctx, token)
	if err != nil {
		return nil, nil, err
	}
	if id.Nonce != nonce {
		return nil, nil, errNonce
	}
	return token, id, nil
}

var errNonce = errors.New("the ID token has the nonce of another login")

// verify verifies the ID token of a response.
func (c *client) verify(ctx context.Context, token *oauth2.Token) (*oidc.IDToken, error) {
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return nil, errors.New("the response has no id_token")
	}
	id, err := c.verifier.Verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	return id, id.VerifyAccessToken(token.AccessToken)
}

// userinfo asks who the person is. The subject is that of the ID token, or the answer is of
// somebody else (OpenID Connect Core §5.3.2).
func (c *client) userinfo(ctx context.Context, token *oauth2.Token, subject string) (json.RawMessage, error) {
	info, err := c.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return nil, err
	}
	if info.Subject != subject {
		return nil, errors.New("userinfo is about another subject than the ID token")
	}
	var claims json.RawMessage
	return claims, info.Claims(&claims)
}

// refresh trades the refresh token for new tokens. It can be used once: keep the new one.
func (c *client) refresh(ctx context.Context, refreshToken, subject string) (*oauth2.Token, *oidc.IDToken, error) {
	token, err := c.oauth.TokenSource(ctx, &oauth2.Token{RefreshToken: refreshToken}).Token()
	if err != nil {
		return nil, nil, err
	}
	id, err := c.verify(ctx, token)
	if err == nil && id.Subject != subject {
		err = errors.New("the new ID token is about another subject")
	}
	return token, id, err
}

// introspect asks whether a token is active. A service that is given tokens by others does that.
func (c *client) introspect(ctx context.Context, token string) (json.RawMessage, error) {
	return call(ctx, http.MethodPost, c.endpoint.Introspection, url.Values{"token": {token}},
		func(r *http.Request) {
			r.SetBasicAuth(url.QueryEscape(c.oauth.ClientID), url.QueryEscape(c.oauth.ClientSecret))
		})
}

// logoutURL is where the browser goes to end the session at Pro Santé Connect.
func (c *client) logoutURL(idToken, back string) string {
	return c.endpoint.EndSession + "?" + url.Values{"id_token_hint": {idToken},
		"post_logout_redirect_uri": {back}}.Encode()
}

// verifyLogout verifies a logout token, and returns the session that has ended at Pro Santé
// Connect.
func (c *client) verifyLogout(ctx context.Context, raw string) (sid string, err error) {
	token, err := c.verifier.VerifyLogout(ctx, raw)
	if err != nil {
		return "", err
	}
	if token.SessionID == "" {
		return "", errors.New("the logout token has no sid")
	}
	return token.SessionID, nil
}

// call makes a call that the libraries have no function for.
func call(ctx context.Context, method, address string, form url.Values, change func(*http.Request)) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if change != nil {
		change(req)
	}
	hc, _ := ctx.Value(oauth2.HTTPClient).(*http.Client) // see oidc.ClientContext
	if hc == nil {
		hc = http.DefaultClient
	}
	resp, err := hc.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, data)
	}
	return data, err
}
