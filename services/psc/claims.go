package psc

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/igc-lab/igc/people"
)

// idToken holds the claims of an ID token in the order of the real one (reference §2.5).
type idToken struct {
	Exp               int64  `json:"exp"`
	Iat               int64  `json:"iat"`
	AuthTime          int64  `json:"auth_time"`
	JTI               string `json:"jti"`
	Iss               string `json:"iss"`
	Aud               string `json:"aud"`
	Sub               string `json:"sub"`
	Typ               string `json:"typ"`
	Azp               string `json:"azp"`
	Nonce             string `json:"nonce,omitempty"`
	SessionState      string `json:"session_state,omitempty"`
	AtHash            string `json:"at_hash"`
	SID               string `json:"sid"`
	AuthMode          string `json:"authMode"`
	ACR               string `json:"acr"`
	SubjectNameID     string `json:"SubjectNameID"`
	PreferredUsername string `json:"preferred_username"`
	GivenName         string `json:"given_name"`
	FamilyName        string `json:"family_name"`
}

// accessToken holds the claims of an access token in the order of the real one (reference §2.6).
type accessToken struct {
	Exp               int64            `json:"exp"`
	Iat               int64            `json:"iat"`
	AuthTime          int64            `json:"auth_time"`
	JTI               string           `json:"jti"`
	Iss               string           `json:"iss"`
	Aud               string           `json:"aud,omitempty"`
	Sub               string           `json:"sub"`
	Typ               string           `json:"typ"`
	Azp               string           `json:"azp"`
	Nonce             string           `json:"nonce"` // "" when there was none
	SessionState      string           `json:"session_state,omitempty"`
	ACR               string           `json:"acr"`
	CNF               *cnf             `json:"cnf,omitempty"`
	Scope             string           `json:"scope"`
	SID               string           `json:"sid"`
	AuthMode          string           `json:"authMode"`
	OtherIDs          []people.OtherID `json:"otherIds,omitempty"`
	PreferredUsername string           `json:"preferred_username"`
}

// cnf is the confirmation of a token that is bound to a certificate (RFC 8705 §3.1).
type cnf struct {
	X5TS256 string `json:"x5t#S256"`
}

// refreshToken holds the claims of a refresh token. Clients do not read it.
type refreshToken struct {
	Exp   int64  `json:"exp"`
	Iat   int64  `json:"iat"`
	JTI   string `json:"jti"`
	Iss   string `json:"iss"`
	Aud   string `json:"aud"`
	Sub   string `json:"sub"`
	Typ   string `json:"typ"`
	Azp   string `json:"azp"`
	Scope string `json:"scope"`
	SID   string `json:"sid"`
	Grant string `json:"gid"`
}

// introspection is the answer about an active token (reference §2.7): its claims and three more.
type introspection struct {
	accessToken
	SubjectNameID string `json:"SubjectNameID,omitempty"`
	ClientID      string `json:"client_id"`
	Username      string `json:"username"`
	Active        bool   `json:"active"`
}

// signedUserinfo are the claims that stand before those of userinfo in a signed answer (OpenID
// Connect Core §5.3.2).
type signedUserinfo struct {
	Iss string `json:"iss"`
	Aud string `json:"aud"`
}

// identity is what userinfo says without the scope scope_all (modelled).
type identity struct {
	Sub               string `json:"sub"`
	PreferredUsername string `json:"preferred_username"`
	GivenName         string `json:"given_name"`
	AuthMode          string `json:"authMode"`
	SubjectNameID     string `json:"SubjectNameID"`
	FamilyName        string `json:"family_name"`
}

// sub is the subject of a person.
func sub(settings *Settings, person string) string {
	if settings.Sub != "uuid" {
		return "f:" + settings.SubComponent + ":" + person
	}
	sum := sha1.Sum([]byte(settings.SubComponent + person)) // a UUID of names (RFC 9562 §5.5), to be stable
	return formatUUID([16]byte(sum[:16]), 5)
}

func acr(settings *Settings, mode string) string {
	if settings.ACR == "by_mode" && mode == modeCard {
		return "eidas3"
	}
	return "eidas1"
}

func otherIDs(settings *Settings, person *people.Person) []people.OtherID {
	if !settings.OtherIDs {
		return nil
	}
	return person.OtherIDs()
}

// confirmation is the cnf of a token that is bound to a certificate, nil when it is not.
func confirmation(settings *Settings, thumbprint []byte) *cnf {
	switch {
	case thumbprint == nil || settings.CNF == "off":
		return nil
	case settings.CNF == "ans_hex": // as ANS's guide and conformance API have it
		return &cnf{base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString(thumbprint)))}
	}
	return &cnf{base64.RawURLEncoding.EncodeToString(thumbprint)}
}

// userinfoOf is what userinfo says of a person.
func userinfoOf(settings *Settings, person *people.Person, mode string, all bool) any {
	subject := sub(settings, person.ID)
	if !all {
		return identity{subject, person.ID, person.GivenName, mode, person.ID, person.FamilyName}
	}
	u := person.UserInfo()
	u.Sub, u.AuthMode, u.OtherIDs = subject, mode, otherIDs(settings, person)
	if settings.EmailVerified {
		u.EmailVerified = new(bool)
	}
	return u
}

// tokens is the answer of the token endpoint, in Keycloak's order.
type tokens struct {
	AccessToken      string `json:"access_token"`
	ExpiresIn        int    `json:"expires_in"`
	RefreshExpiresIn int    `json:"refresh_expires_in"`
	RefreshToken     string `json:"refresh_token"`
	TokenType        string `json:"token_type"`
	IDToken          string `json:"id_token,omitempty"`
	NotBeforePolicy  int    `json:"not-before-policy"`
	SessionState     string `json:"session_state"`
	Scope            string `json:"scope"`
}

// sign makes the tokens of a grant. The refresh token is the one whose jti the grant holds.
func (p *Provider) sign(ctx context.Context, settings *Settings, s *session, g *grant, person *people.Person,
	nonce string) (*tokens, error) {
	key, err := p.keys.current(ctx)
	if err != nil {
		return nil, err
	}
	now := p.Now().Unix()
	end := s.AuthTime.Unix() + int64(settings.SessionTTL)
	exp := min(now+int64(settings.AccessTTL), end)
	refreshExp := min(now+int64(settings.RefreshTTL), end)
	state := ""
	if settings.SessionState {
		state = s.SID
	}
	access := accessToken{Exp: exp, Iat: now, AuthTime: s.AuthTime.Unix(), JTI: uuid(), Iss: p.Issuer(),
		Sub: sub(settings, s.Person),
		Typ: "Bearer", Azp: g.Client, Nonce: nonce, SessionState: state, ACR: acr(settings,
			s.Mode), CNF: confirmation(settings, g.CNF),
		Scope: g.Scope, SID: s.SID, AuthMode: s.Mode, OtherIDs: otherIDs(settings, person), PreferredUsername: s.Person}
	if settings.AudInAT {
		access.Aud = g.Client
	}
	claims, err := json.Marshal(access)
	if err != nil {
		return nil, err
	}
	if settings.DupACR {
		claims = bytes.Replace(claims, []byte(`"acr":`), []byte(`"acr":"1","acr":`), 1)
	}
	t := &tokens{ExpiresIn: int(exp - now), RefreshExpiresIn: int(refreshExp - now), TokenType: "Bearer",
		SessionState: s.SID, Scope: g.Scope}
	if t.AccessToken, err = key.sign(claims); err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(t.AccessToken))
	p.accesses.Put(sum, &access, p.Now())
	id := idToken{Exp: exp, Iat: now, AuthTime: access.AuthTime, JTI: uuid(), Iss: access.Iss, Aud: g.Client,
		Sub: access.Sub, Typ: "ID",
		Azp: g.Client, Nonce: nonce, SessionState: state, AtHash: base64.RawURLEncoding.EncodeToString(sum[:16]),
		SID:      s.SID,
		AuthMode: s.Mode, ACR: access.ACR, SubjectNameID: s.Person, PreferredUsername: s.Person,
		GivenName: person.GivenName, FamilyName: person.FamilyName}
	if claims, err = json.Marshal(id); err != nil {
		return nil, err
	}
	if t.IDToken, err = key.sign(claims); err != nil {
		return nil, err
	}
	refresh := refreshToken{Exp: refreshExp, Iat: now, JTI: g.Refresh, Iss: access.Iss, Aud: access.Iss,
		Sub: access.Sub, Typ: "Refresh",
		Azp: g.Client, Scope: g.Scope, SID: s.SID, Grant: g.ID}
	if claims, err = json.Marshal(refresh); err != nil {
		return nil, err
	}
	t.RefreshToken = key.mac(claims)
	return t, nil
}

// seconds is a time as JWTs have it.
func seconds(t int64) time.Time { return time.Unix(t, 0) }
