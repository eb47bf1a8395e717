package psc

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// The realm of a Pro Santé Connected API, and the API by which the ANS checks proxies. The real
// ones have hosts of their own; here they are under paths of the issuer. Attested: the realm's
// name, the parameters of the exchange with subject_issuer=psc, the client's certificate, the
// members of the answer, the four hours, the form of cnf, the shapes of /signsessiondata. Modelled:
// all else.
const (
	apiRealmPath    = "/realms/signsessiondata"
	apiProtocolPath = apiRealmPath + "/protocol/openid-connect"
	apiPath         = "/apipsc"
)

const (
	grantExchange    = "urn:ietf:params:oauth:grant-type:token-exchange"
	tokenTypeAccess  = "urn:ietf:params:oauth:token-type:access_token"
	subjectIssuerPSC = "psc"
)

// apiTTL is how long an API token is good, and its refresh token with it.
const apiTTL = 4 * time.Hour

func (p *Provider) apiIssuer() string { return p.IssuerURL + apiRealmPath }

// apiToken holds the claims of an API token.
type apiToken struct {
	Exp               int64  `json:"exp"`
	Iat               int64  `json:"iat"`
	JTI               string `json:"jti"`
	Iss               string `json:"iss"`
	Sub               string `json:"sub"`
	Typ               string `json:"typ"` // Bearer, or Refresh
	Azp               string `json:"azp"`
	SessionState      string `json:"session_state"` // of the session at Pro Santé Connect
	CNF               *cnf   `json:"cnf"`
	Scope             string `json:"scope"`
	PreferredUsername string `json:"preferred_username"`
	SubjectNameID     string `json:"SubjectNameID"`
}

// apiTokens is the answer of the realm's token endpoint.
type apiTokens struct {
	AccessToken      string `json:"access_token"`
	ExpiresIn        int    `json:"expires_in"`
	RefreshExpiresIn int    `json:"refresh_expires_in"`
	RefreshToken     string `json:"refresh_token"`
	TokenType        string `json:"token_type"`
	NotBeforePolicy  int    `json:"not-before-policy"`
	SessionState     string `json:"session_state"`
	Scope            string `json:"scope"`
	IssuedTokenType  string `json:"issued_token_type,omitempty"` // after an exchange (RFC 8693 §2.2.1)
}

// apiDiscovery is the realm's metadata, as far as it is there.
func (p *Provider) apiDiscovery(w http.ResponseWriter, _ *http.Request, _ *Call, _ *Settings) error {
	protocol := p.IssuerURL + apiProtocolPath
	p.json(w, http.StatusOK, map[string]any{"issuer": p.apiIssuer(), "token_endpoint": protocol + "/token",
		"jwks_uri": protocol + "/certs", "grant_types_supported": []string{grantExchange, "refresh_token"},
		"token_endpoint_auth_methods_supported":      []string{"tls_client_auth"},
		"tls_client_certificate_bound_access_tokens": true})
	return nil
}

// exchange trades an access token of Pro Santé Connect for an API token, and refreshes that. The
// client has a certificate: a secret is not enough.
func (p *Provider) exchange(w http.ResponseWriter, r *http.Request, call *Call, settings *Settings) error {
	grantType := r.PostForm.Get("grant_type")
	if grantType == "" {
		return badRequest("Missing form parameter: grant_type", "PSC-GRANT-TYPE", "")
	}
	c, thumbprint, err := p.authenticate(r, call)
	if err != nil {
		return err
	}
	if !c.MutualTLS || thumbprint == nil {
		return fault(http.StatusUnauthorized, "unauthorized_client", invalidClient, "PSC-CLIENT-NOCERT",
			"client_secret")
	}
	var t *apiTokens
	switch grantType {
	case grantExchange:
		t, err = p.exchanged(r, call, settings, c, thumbprint)
	case "refresh_token":
		t, err = p.refreshedAPI(r, call, settings, c, thumbprint)
	default:
		return fault(http.StatusBadRequest, "unsupported_grant_type", "Unsupported grant_type", "PSC-GRANT-TYPE",
			grantType)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Pragma", "no-cache")
	p.json(w, http.StatusOK, t)
	return nil
}

func (p *Provider) exchanged(r *http.Request, call *Call, settings *Settings, c *Client, thumbprint []byte) (*apiTokens,
	error) {
	form := r.PostForm
	switch {
	case form.Get("subject_token") == "":
		return nil, badRequest("Missing parameter: subject_token", "PSC-PARAMETER", "subject_token")
	case form.Get("subject_issuer") != subjectIssuerPSC:
		return nil, badRequest("Invalid issuer", "PSC-PARAMETER", "subject_issuer="+form.Get("subject_issuer"))
	case form.Get("subject_token_type") != tokenTypeAccess:
		return nil, badRequest("Invalid token type, must be access token", "PSC-PARAMETER",
			"subject_token_type="+form.Get("subject_token_type"))
	}
	claims, s, code, err := p.openAccess(r.Context(), settings, form.Get("subject_token"))
	if err != nil {
		return nil, err
	}
	if claims == nil || claims.Azp != c.ID { // a token that another client was given
		if code == "" {
			code = "PSC-TOKEN-INVALID"
		}
		return nil, badRequest("Invalid token", code, kindOfToken(form.Get("subject_token")))
	}
	if claims.CNF != nil && !presents(r, claims.CNF) {
		return nil, badRequest("Invalid token", "PSC-TOKEN-BOUND", "")
	}
	call.Person = s.Person
	t, err := p.signAPI(r.Context(), apiToken{Sub: claims.Sub, Azp: c.ID, SessionState: s.SID,
		CNF:   apiConfirmation(settings, thumbprint),
		Scope: form.Get("scope"), PreferredUsername: s.Person, SubjectNameID: s.Person}, p.Now().Add(apiTTL))
	if err == nil {
		t.IssuedTokenType = tokenTypeAccess
	}
	return t, err
}

// refreshedAPI gives new tokens for a refresh token of the realm, which can be used again until it
// ends. It outlives the session at Pro Santé Connect.
func (p *Provider) refreshedAPI(r *http.Request, call *Call, settings *Settings, c *Client,
	thumbprint []byte) (*apiTokens,
	error) {
	value := r.PostForm.Get("refresh_token")
	if value == "" {
		return nil, badRequest("No refresh token", "PSC-PARAMETER", "refresh_token")
	}
	claims, err := p.openAPI(r.Context(), value, jose.HS512, "Refresh")
	switch {
	case err != nil:
		return nil, err
	case claims == nil || claims.Azp != c.ID:
		return nil, invalidGrant("Invalid refresh token", "PSC-REFRESH-INVALID", kindOfToken(value))
	case p.Now().Unix() >= claims.Exp:
		return nil, invalidGrant("Token is not active", "PSC-REFRESH-EXPIRED", "")
	case !presents(r, claims.CNF):
		return nil, invalidGrant("Client certificate missing, or its thumbprint and one in the refresh token did "+
			"NOT match",
			"PSC-TOKEN-BOUND", "")
	}
	call.Person = claims.SubjectNameID
	end := seconds(claims.Exp)
	claims.CNF = apiConfirmation(settings, thumbprint)
	return p.signAPI(r.Context(), *claims, end)
}

// apiConfirmation is the cnf of an API token: in the ANS's own form, unless the settings ask for
// that of RFC 8705.
func apiConfirmation(settings *Settings, thumbprint []byte) *cnf {
	if settings.CNF == "rfc8705" {
		return &cnf{base64.RawURLEncoding.EncodeToString(thumbprint)}
	}
	return &cnf{base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString(thumbprint)))}
}

// signAPI makes the tokens; both end by then.
func (p *Provider) signAPI(ctx context.Context, claims apiToken, end time.Time) (*apiTokens, error) {
	key, err := p.keys.current(ctx)
	if err != nil {
		return nil, err
	}
	now := p.Now().Unix()
	claims.Iss, claims.Iat, claims.Exp = p.apiIssuer(), now, end.Unix()
	left := int(claims.Exp - now)
	t := &apiTokens{ExpiresIn: left, RefreshExpiresIn: left, TokenType: "Bearer", SessionState: claims.SessionState,
		Scope: claims.Scope}
	claims.Typ, claims.JTI = "Bearer", uuid()
	data, err := json.Marshal(claims)
	if err != nil {
		return nil, err
	}
	if t.AccessToken, err = key.sign(data); err != nil {
		return nil, err
	}
	claims.Typ, claims.JTI = "Refresh", uuid()
	if data, err = json.Marshal(claims); err != nil {
		return nil, err
	}
	t.RefreshToken = key.mac(data)
	return t, nil
}

// openAPI verifies a token of the realm, whatever its dates; nil when it is not one.
func (p *Provider) openAPI(ctx context.Context, value string, alg jose.SignatureAlgorithm, typ string) (*apiToken,
	error) {
	data, ok, err := p.keys.open(ctx, value, alg)
	if err != nil || !ok {
		return nil, err
	}
	claims := &apiToken{}
	if json.Unmarshal(data, claims) != nil || claims.Typ != typ || claims.Iss != p.apiIssuer() || claims.CNF == nil {
		return nil, nil
	}
	return claims, nil
}

// sessionData is what the conformance API is given. All members are required.
type sessionData struct {
	NationalID     string `json:"nationalId"`
	ClientID       string `json:"clientID"`
	ProxySessionID string `json:"proxy_session_id"`
	SessionState   string `json:"session_state"`
}

// signSessionData is the conformance API: it signs what a proxy tells of a session. What differs
// from the token is refused, so that a proxy that mixes up sessions notices (modelled); so is the
// form of the signature, a JWS of the four members.
func (p *Provider) signSessionData(w http.ResponseWriter, r *http.Request, call *Call, _ *Settings) error {
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || value == "" {
		return fault(http.StatusUnauthorized, "invalid_token", "Token not provided", "PSC-TOKEN-MISSING", "")
	}
	claims, err := p.openAPI(r.Context(), value, jose.RS256, "Bearer")
	switch {
	case err != nil:
		return err
	case claims == nil:
		return fault(http.StatusUnauthorized, "invalid_token", "Token verification failed", "PSC-TOKEN-INVALID",
			kindOfToken(value))
	case p.Now().Unix() >= claims.Exp:
		return fault(http.StatusUnauthorized, "invalid_token", "Token verification failed", "PSC-TOKEN-EXPIRED", "")
	case !presents(r, claims.CNF):
		return fault(http.StatusUnauthorized, "invalid_token", "Token verification failed", "PSC-TOKEN-BOUND", "")
	}
	call.Client, call.Person = claims.Azp, claims.SubjectNameID
	var data sessionData
	if err := json.NewDecoder(r.Body).Decode(&data); err != nil {
		return badRequest("the body is not the JSON of SessionData", "PSC-PARAMETER", err.Error())
	}
	for _, member := range []struct{ name, is, want string }{{"nationalId", data.NationalID, claims.SubjectNameID},
		{"clientID", data.ClientID, claims.Azp}, {"session_state", data.SessionState, claims.SessionState},
		{"proxy_session_id", data.ProxySessionID, data.ProxySessionID}} {
		if member.is == "" || member.is != member.want {
			return badRequest(member.name+" is missing, or not that of the token", "PSC-PARAMETER",
				member.name+"="+member.is)
		}
	}
	key, err := p.keys.current(r.Context())
	if err != nil {
		return err
	}
	text, err := json.Marshal(data)
	if err != nil {
		return err
	}
	signature, err := key.sign(text)
	if err != nil {
		return err
	}
	p.json(w, http.StatusOK, struct {
		sessionData
		Signature string `json:"signature"`
	}{data, signature})
	return nil
}
