package psc

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/igc-lab/igc/ca/store"
)

const grantCIBA = "urn:openid:params:grant-type:ciba"

// token answers the token endpoint (RFC 6749 §3.2).
func (p *Provider) token(w http.ResponseWriter, r *http.Request, call *Call, settings *Settings) error {
	if r.PostForm.Get("grant_type") == "" {
		return badRequest("Missing form parameter: grant_type", "PSC-GRANT-TYPE", "")
	}
	c, thumbprint, err := p.authenticate(r, call)
	if err != nil {
		return err
	}
	var t *tokens
	switch grantType := r.PostForm.Get("grant_type"); grantType {
	case "authorization_code":
		t, err = p.redeem(r, call, settings, c, thumbprint)
	case "refresh_token":
		t, err = p.refresh(r, call, settings, c, thumbprint)
	case grantCIBA:
		t, err = p.redeemCIBA(r, call, settings, c, thumbprint)
	case "password", "client_credentials", "implicit":
		return fault(400, "unauthorized_client", "Client not allowed for this grant type", "PSC-GRANT-TYPE", grantType)
	default:
		return fault(400, "unsupported_grant_type", "Unsupported grant_type", "PSC-GRANT-TYPE", grantType)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Pragma", "no-cache")
	p.json(w, http.StatusOK, t)
	return nil
}

const codeNotValid = "Code not valid"

// redeem trades a code for tokens. The code is spent, and the grant written, in one write.
func (p *Provider) redeem(r *http.Request, call *Call, settings *Settings, c *Client,
	thumbprint []byte) (*tokens, error) {
	ctx, value := r.Context(), r.PostForm.Get("code")
	if value == "" {
		return nil, badRequest("Missing parameter: code", "PSC-PARAMETER", "code")
	}
	key := digest(value)
	given, version, err := get[code](ctx, p.Documents, codeKind, key)
	if err != nil {
		return nil, err
	}
	switch {
	case given == nil || given.Client != c.ID:
		return nil, invalidGrant(codeNotValid, "PSC-CODE-UNKNOWN", "")
	case given.Grant != "":
		return nil, p.reused(ctx, settings, given)
	case !p.Now().Before(given.Expires):
		return nil, invalidGrant(codeNotValid, "PSC-CODE-EXPIRED",
			p.Now().Sub(given.Expires).Round(time.Second).String())
	case r.PostForm.Get("redirect_uri") != given.Redirect:
		return nil, invalidGrant("Incorrect redirect_uri", "PSC-REDIRECT-OTHER", r.PostForm.Get("redirect_uri"))
	}
	if f := checkVerifier(given, r.PostForm.Get("code_verifier")); f != nil {
		return nil, f
	}
	g := grant{ID: uuid(), Client: c.ID, Scope: given.Scope, Nonce: given.Nonce, Code: key, Refresh: uuid(),
		Issued: p.Now(),
		CNF:    bound(settings, thumbprint)}
	t, err := p.grant(ctx, call, settings, given.SID, g, func() ([]store.DocumentWrite, error) {
		spent := *given
		spent.Grant = g.ID
		w, err := put(codeKind, key, spent, p.until(settings.SessionTTL), &version)
		return []store.DocumentWrite{w}, err
	})
	switch {
	case errors.Is(err, store.ErrSwap): // another call was faster
		if given, _, err = get[code](ctx, p.Documents, codeKind, key); err != nil {
			return nil, err
		}
		if given == nil {
			return nil, invalidGrant(codeNotValid, "PSC-CODE-UNKNOWN", "")
		}
		return nil, p.reused(ctx, settings, given)
	case err == nil && t == nil:
		return nil, invalidGrant(codeNotValid, "PSC-CODE-EXPIRED", "session")
	}
	return t, err
}

// grant gives a client its tokens of a session: they are signed first, and given out once the grant
// is written, with other writes. It returns nil when the session has ended.
func (p *Provider) grant(ctx context.Context, call *Call, settings *Settings, sid string, g grant,
	others func() ([]store.DocumentWrite, error)) (*tokens, error) {
	var t *tokens
	s, err := p.changeSession(ctx, sid, settings, func(s *session) ([]store.DocumentWrite, error) {
		person, err := p.person(ctx, s.Person)
		if err != nil {
			return nil, err
		}
		if person == nil {
			return nil, invalidGrant("User not found", "PSC-CODE-UNKNOWN", s.Person)
		}
		call.Person = s.Person
		s.Used = p.Now()
		s.add(g, settings)
		if t == nil {
			if t, err = p.sign(ctx, settings, s, &g, person, g.Nonce); err != nil {
				return nil, err
			}
		}
		return others()
	})
	if s == nil || err != nil {
		return nil, err
	}
	return t, nil
}

// reused ends what came of a code that is used a second time (RFC 6749 §4.1.2).
func (p *Provider) reused(ctx context.Context, settings *Settings, given *code) error {
	if _, err := p.changeSession(ctx, given.SID, settings, func(s *session) ([]store.DocumentWrite, error) {
		s.remove(given.Grant)
		return nil, nil
	}); err != nil {
		return err
	}
	return invalidGrant(codeNotValid, "PSC-CODE-REUSED", "")
}

// bound is the thumbprint that tokens are bound to, nil when they are not.
func bound(settings *Settings, thumbprint []byte) []byte {
	if settings.CNF == "off" {
		return nil
	}
	return thumbprint
}

// checkVerifier compares a code verifier with the challenge (RFC 7636 §4.6). A verifier without a
// challenge is refused too: the challenge was taken out on the way (RFC 9700 §4.8.2).
func checkVerifier(c *code, verifier string) *failure {
	switch {
	case c.Challenge == "" && verifier == "":
		return nil
	case c.Challenge == "":
		return invalidGrant("PKCE verification failed: Code challenge not specified in the authorization request",
			"PSC-PKCE", "code_verifier")
	case verifier == "":
		return invalidGrant("PKCE code verifier not specified", "PSC-PKCE", "")
	case !verifierForm.MatchString(verifier):
		return invalidGrant("PKCE verification failed: Invalid code verifier", "PSC-PKCE", verifier)
	}
	seen := verifier
	if c.Method == "S256" {
		sum := sha256.Sum256([]byte(verifier))
		seen = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	if subtle.ConstantTimeCompare([]byte(seen), []byte(c.Challenge)) != 1 {
		return invalidGrant("PKCE verification failed: Code mismatch", "PSC-PKCE", c.Method)
	}
	return nil
}

// errReused ends a change of a session when the refresh token is not the present one.
var errReused = errors.New("the refresh token was used already")

// refresh trades a refresh token for tokens. With rotation it is single-use, and a second use ends
// the grant (RFC 9700 §4.14.2).
func (p *Provider) refresh(r *http.Request, call *Call, settings *Settings, c *Client,
	thumbprint []byte) (*tokens, error) {
	ctx, value := r.Context(), r.PostForm.Get("refresh_token")
	if value == "" {
		return nil, badRequest("No refresh token", "PSC-PARAMETER", "refresh_token")
	}
	claims, err := p.openRefresh(ctx, value)
	if err != nil {
		return nil, err
	}
	switch {
	case claims == nil || claims.Azp != c.ID:
		return nil, invalidGrant("Invalid refresh token", "PSC-REFRESH-INVALID", kindOfToken(value))
	case p.Now().Unix() >= claims.Exp:
		return nil, invalidGrant("Token is not active", "PSC-REFRESH-EXPIRED",
			p.Now().Sub(seconds(claims.Exp)).Round(time.Second).String())
	}
	var t *tokens
	var bad error
	s, err := p.changeSession(ctx, claims.SID, settings, func(s *session) ([]store.DocumentWrite, error) {
		bad, t = nil, nil
		g := s.grant(claims.Grant)
		switch {
		case g == nil || g.Client != c.ID:
			return nil, invalidGrant("Session doesn't have required client", "PSC-REFRESH-INVALID", "")
		case g.CNF != nil && subtle.ConstantTimeCompare(g.CNF, thumbprint) != 1:
			return nil, invalidGrant("Client certificate missing, or its thumbprint and one in the refresh token did "+
				"NOT match", "PSC-TOKEN-BOUND", "")
		case settings.Refresh == "rotate" && g.Refresh != claims.JTI:
			s.remove(g.ID)
			bad = errReused
			return nil, nil
		}
		person, err := p.person(ctx, s.Person)
		if err != nil {
			return nil, err
		}
		if person == nil {
			return nil, invalidGrant("User not found", "PSC-REFRESH-INVALID", s.Person)
		}
		call.Person = s.Person
		s.Used, g.Issued = p.Now(), p.Now()
		if settings.Refresh == "rotate" {
			g.Refresh = uuid()
		}
		t, err = p.sign(ctx, settings, s, g, person, g.Nonce)
		return nil, err
	})
	switch {
	case err != nil:
		return nil, err
	case s == nil:
		return nil, invalidGrant("Session not active", "PSC-REFRESH-EXPIRED", "session")
	case bad != nil:
		return nil, invalidGrant("Maximum allowed refresh token reuse exceeded", "PSC-REFRESH-REUSED", "")
	}
	return t, nil
}

// openRefresh verifies a refresh token; nil when it is not one.
func (p *Provider) openRefresh(ctx context.Context, value string) (*refreshToken, error) {
	data, ok, err := p.keys.open(ctx, value, jose.HS512)
	if err != nil || !ok {
		return nil, err
	}
	claims := &refreshToken{}
	if json.Unmarshal(data, claims) != nil || claims.Typ != "Refresh" || claims.Iss != p.Issuer() {
		return nil, nil
	}
	return claims, nil
}

// openAccess verifies an access token that is still valid, and that its session has not ended. The
// code says what is wrong when there are no claims.
func (p *Provider) openAccess(ctx context.Context, settings *Settings, value string) (*accessToken, *session, Code,
	error) {
	claims, err := p.verifyAccess(ctx, value)
	if err != nil || claims == nil {
		return nil, nil, "PSC-TOKEN-INVALID", err
	}
	if p.Now().Unix() >= claims.Exp {
		return nil, nil, "PSC-TOKEN-EXPIRED", nil
	}
	s, _, err := p.session(ctx, claims.SID, settings)
	if err != nil || s == nil || !s.grantedTo(claims.Azp) {
		return nil, nil, "PSC-TOKEN-INVALID", err
	}
	if c, err := p.client(ctx, claims.Azp); err != nil || c == nil { // removed meanwhile
		return nil, nil, "PSC-TOKEN-INVALID", err
	}
	if _, err := p.Documents.GetDocument(ctx, revokedKind, claims.JTI); store.KindOf(err) != store.NotFound {
		return nil, nil, "PSC-TOKEN-INVALID", err
	}
	return claims, s, "", nil
}

// verifyAccess verifies an access token, whatever its dates; nil when it is not one. One that this
// process signed or verified lately is known by its hash. The claims are not to be changed.
func (p *Provider) verifyAccess(ctx context.Context, value string) (*accessToken, error) {
	if len(value) > maxToken {
		return nil, nil
	}
	hash := sha256.Sum256([]byte(value))
	if claims, ok := p.accesses.Get(hash); ok {
		return claims, nil
	}
	data, ok, err := p.keys.open(ctx, value, jose.RS256)
	if err != nil || !ok {
		return nil, err
	}
	claims := &accessToken{}
	if json.Unmarshal(data, claims) != nil || claims.Typ != "Bearer" || claims.Iss != p.Issuer() {
		return nil, nil
	}
	p.accesses.Put(hash, claims, p.Now())
	return claims, nil
}

// kindOfToken says which token was given instead of another, by its typ, without believing it.
func kindOfToken(value string) string {
	parsed, err := jose.ParseSignedCompact(value, []jose.SignatureAlgorithm{jose.RS256, jose.HS512})
	if err != nil {
		return ""
	}
	var claims struct {
		Typ string `json:"typ"`
	}
	if json.Unmarshal(parsed.UnsafePayloadWithoutVerification(), &claims) != nil || len(claims.Typ) > 20 {
		return ""
	}
	return "typ=" + claims.Typ
}
