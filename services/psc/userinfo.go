package psc

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/igc-lab/igc/ca/store"
)

// userinfo answers who the token is about (OpenID Connect Core §5.3), as JSON or, to a client that
// accepts application/jwt alone, signed.
func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request, call *Call, settings *Settings) error {
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		value = r.PostForm.Get("access_token")
	}
	if value == "" {
		w.Header().Set("WWW-Authenticate", `Bearer realm="`+realm+`"`)
		return fault(401, "invalid_request", "Missing token", "PSC-TOKEN-MISSING", scheme)
	}
	claims, s, code, err := p.openAccess(r.Context(), settings, value)
	if err != nil {
		return err
	}
	if claims == nil {
		seen := kindOfToken(value)
		return fault(401, "invalid_token", "Token verification failed", code, seen)
	}
	call.Client, call.Person = claims.Azp, s.Person
	if claims.CNF != nil && !presents(r, claims.CNF) {
		return fault(401, "invalid_token",
			"Client certificate missing, or its thumbprint and one in the refresh token did NOT match",
			"PSC-TOKEN-BOUND", "")
	}
	person, err := p.person(r.Context(), s.Person)
	if err != nil {
		return err
	}
	if person == nil {
		return fault(401, "invalid_token", "User not found", "PSC-TOKEN-INVALID", s.Person)
	}
	all := slices.Contains(strings.Fields(claims.Scope), "scope_all")
	if !all {
		call.found("PSC-SCOPE", claims.Scope)
	}
	info := userinfoOf(settings, person, s.Mode, all)
	if r.Header.Get("Accept") != "application/jwt" {
		p.json(w, http.StatusOK, info)
		return nil
	}
	data, err := json.Marshal(info)
	if err != nil {
		return err
	}
	head, err := json.Marshal(signedUserinfo{p.Issuer(), claims.Azp})
	if err != nil {
		return err
	}
	data = append(append(head[:len(head)-1], ','), data[1:]...)
	key, err := p.keys.current(r.Context())
	if err != nil {
		return err
	}
	signed, err := key.sign(data)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Content-Type", "application/jwt")
	w.Write([]byte(signed))
	return nil
}

// presents tells whether the connection has the certificate that a token is bound to.
func presents(r *http.Request, want *cnf) bool {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return false
	}
	sum := sha256.Sum256(r.TLS.PeerCertificates[0].Raw)
	return want.X5TS256 == base64.RawURLEncoding.EncodeToString(sum[:]) ||
		want.X5TS256 == base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString(sum[:])))
}

// introspect answers whether an access or refresh token is active (RFC 7662).
func (p *Provider) introspect(w http.ResponseWriter, r *http.Request, call *Call, settings *Settings) error {
	if _, _, err := p.authenticate(r, call); err != nil {
		return err
	}
	value := r.PostForm.Get("token")
	if value == "" {
		return badRequest("Token not provided", "PSC-PARAMETER", "token")
	}
	inactive := func(code Code) error {
		call.found(code, kindOfToken(value))
		p.json(w, http.StatusOK, map[string]bool{"active": false})
		return nil
	}
	claims, s, code, err := p.openAccess(r.Context(), settings, value)
	if err != nil {
		return err
	}
	if claims != nil {
		call.Person = s.Person
		p.json(w, http.StatusOK, introspection{accessToken: *claims, SubjectNameID: s.Person,
			ClientID: claims.Azp, Username: s.Person, Active: true})
		return nil
	}
	refresh, err := p.openRefresh(r.Context(), value)
	if err != nil {
		return err
	}
	if refresh == nil {
		return inactive(code)
	}
	if s, _, err = p.session(r.Context(), refresh.SID, settings); err != nil {
		return err
	}
	if s == nil || p.Now().Unix() >= refresh.Exp {
		return inactive("PSC-REFRESH-EXPIRED")
	}
	g := s.grant(refresh.Grant)
	if g == nil || settings.Refresh == "rotate" && g.Refresh != refresh.JTI {
		return inactive("PSC-REFRESH-INVALID")
	}
	call.Person = s.Person
	p.json(w, http.StatusOK, struct {
		refreshToken
		ClientID string `json:"client_id"`
		Username string `json:"username"`
		Active   bool   `json:"active"`
	}{*refresh, g.Client, s.Person, true})
	return nil
}

// revoke ends a token (RFC 7009): a refresh token with its grant, an access token by itself. An
// unknown token is answered in the same way.
func (p *Provider) revoke(w http.ResponseWriter, r *http.Request, call *Call, settings *Settings) error {
	c, _, err := p.authenticate(r, call)
	if err != nil {
		return err
	}
	ctx, value := r.Context(), r.PostForm.Get("token")
	if value == "" {
		return badRequest("Token not provided", "PSC-PARAMETER", "token")
	}
	refresh, err := p.openRefresh(ctx, value)
	if err != nil {
		return err
	}
	if refresh != nil && refresh.Azp == c.ID {
		if _, err := p.changeSession(ctx, refresh.SID, settings, func(s *session) ([]store.DocumentWrite, error) {
			s.remove(refresh.Grant)
			return nil, nil
		}); err != nil {
			return err
		}
	}
	access, _, _, err := p.openAccess(ctx, settings, value)
	if err != nil {
		return err
	}
	if access != nil && access.Azp == c.ID {
		write, err := put(revokedKind, access.JTI, true, p.until(settings.AccessTTL), nil)
		if err != nil {
			return err
		}
		if _, err := p.Documents.WriteDocuments(ctx, "", write); err != nil {
			return err
		}
	}
	w.WriteHeader(http.StatusOK)
	return nil
}
