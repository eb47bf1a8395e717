package psc

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
)

// Claim is a claim of a token, as it is explained.
type Claim struct {
	Name  string    `json:"name"`
	Value string    `json:"value"` // JSON
	Means i18n.Text `json:"means,omitzero"`
}

// Remark is what is unusual in a token.
type Remark struct {
	Bad  bool      `json:"bad"`
	Text i18n.Text `json:"text"`
}

// Explanation is what a token says.
type Explanation struct {
	Kind    i18n.Text `json:"kind"`
	Header  string    `json:"header"` // JSON
	Claims  []Claim   `json:"claims"`
	Remarks []Remark  `json:"remarks"`
}

// shapes are the claims of the real tokens, in their order (reference §2.5, §2.6).
var shapes = map[string][]string{
	"ID": strings.Fields("exp iat auth_time jti iss aud sub typ azp nonce session_state at_hash sid authMode acr " +
		"SubjectNameID preferred_username given_name family_name"),
	"Bearer": strings.Fields("exp iat auth_time jti iss aud sub typ azp nonce session_state acr cnf scope sid " +
		"authMode " +
		"otherIds preferred_username"),
	"Logout": strings.Fields("iat exp jti iss aud sub typ sid events"),
}

var kinds = map[string]i18n.Text{
	"ID":     {FR: "jeton d'identité (id_token)", EN: "ID token"},
	"Bearer": {FR: "jeton d'accès (access_token)", EN: "access token"},
	"Refresh": {FR: "jeton de rafraîchissement (refresh_token), opaque pour le client",
		EN: "refresh token, opaque to the client"},
	"Logout": {FR: "jeton de déconnexion (logout_token)", EN: "logout token"},
}

var claimMeanings = map[string]i18n.Text{
	"exp":       {FR: "fin de validité", EN: "end of validity"},
	"iat":       {FR: "émis", EN: "issued"},
	"auth_time": {FR: "la personne s'est authentifiée", EN: "the person authenticated"},
	"jti":       {FR: "identifiant du jeton", EN: "identifier of the token"},
	"iss":       {FR: "émetteur", EN: "issuer"},
	"aud": {FR: "destinataire : votre client_id, à vérifier",
		EN: "audience: your client_id, to be checked"},
	"sub": {FR: "sujet ; n'en faites pas votre clé, sa forme va changer : prenez SubjectNameID",
		EN: "subject; do not make it your key, its form is to change: take SubjectNameID"},
	"typ":           {FR: "nature du jeton", EN: "kind of token"},
	"azp":           {FR: "client qui l'a demandé", EN: "client that asked for it"},
	"nonce":         {FR: "celui de votre demande, à vérifier", EN: "that of your request, to be checked"},
	"session_state": {FR: "session", EN: "session"},
	"sid": {FR: "session ; la même dans un jeton de déconnexion",
		EN: "session; the same in a logout token"},
	"at_hash":  {FR: "empreinte du jeton d'accès", EN: "hash of the access token"},
	"authMode": {FR: "CARD : carte ; MOBILE : e-CPS", EN: "CARD: card; MOBILE: e-CPS"},
	"acr":      {FR: "niveau d'authentification", EN: "level of authentication"},
	"SubjectNameID": {FR: "identifiant national, avec son préfixe (8 pour un RPPS)",
		EN: "national identifier, with its prefix (8 for an RPPS)"},
	"preferred_username": {FR: "le même", EN: "the same"},
	"given_name":         {FR: "prénom", EN: "given name"},
	"family_name":        {FR: "nom", EN: "family name"},
	"scope":              {FR: "portée", EN: "scope"},
	"otherIds":           {FR: "autres identifiants", EN: "other identifiers"},
	"cnf":                {FR: "certificat auquel le jeton est lié", EN: "certificate that the token is bound to"},
	"events":             {FR: "déconnexion", EN: "logout"},
}

// Explain says what a token is, checks its signature with the provider's keys, and compares it with
// the real ones.
func (p *Provider) Explain(ctx context.Context, token string) (*Explanation, error) {
	token = strings.TrimPrefix(strings.TrimSpace(token), "Bearer ")
	if len(token) > maxToken {
		return nil, store.Errorf(store.Invalid, "this is not a token: it has %d bytes", len(token))
	}
	parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256, jose.HS512, jose.RS384,
		jose.RS512, jose.ES256, jose.PS256, jose.HS256})
	if err != nil {
		return nil, store.Errorf(store.Invalid, "this is not a JWT: %w", err)
	}
	body := parsed.UnsafePayloadWithoutVerification()
	header, err := json.Marshal(struct {
		Alg string `json:"alg"`
		KID string `json:"kid"`
	}{parsed.Signatures[0].Header.Algorithm, parsed.Signatures[0].Header.KeyID})
	if err != nil {
		return nil, err
	}
	e := &Explanation{Header: string(header)}
	var names []string
	typ := ""
	dec := json.NewDecoder(bytes.NewReader(body))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, store.Errorf(store.Invalid, "the claims of this token are not a JSON object")
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, store.Errorf(store.Invalid, "the claims of this token are not a JSON object")
		}
		name := key.(string) // a member of an object has a name
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, store.Errorf(store.Invalid, "the claims of this token are not a JSON object")
		}
		c := Claim{Name: name, Value: string(value), Means: claimMeanings[name]}
		if name == "exp" || name == "iat" || name == "auth_time" {
			var at int64
			if json.Unmarshal(value, &at) == nil {
				when := time.Unix(at, 0)
				c.Means = i18n.Text{FR: c.Means.FR + " : " + when.Format("02/01/2006 15:04:05"),
					EN: c.Means.EN + ": " + when.Format("2006-01-02 15:04:05")}
				if name == "exp" && !p.Now().Before(when) {
					e.remark(false, "il a expiré depuis %s", "it expired %s ago", p.Now().Sub(when).Round(time.Second))
				}
			}
		}
		if name == "typ" {
			_ = json.Unmarshal(value, &typ)
		}
		if slices.Contains(names, name) {
			e.remark(true, "%s y est deux fois : les bibliothèques n'en lisent pas la même",
				"%s stands there twice: libraries do not read the same one", name)
		}
		names = append(names, name)
		e.Claims = append(e.Claims, c)
	}
	if e.Kind = kinds[typ]; e.Kind == (i18n.Text{}) {
		e.Kind = i18n.Text{FR: "jeton d'une autre nature", EN: "another kind of token"}
	}
	alg := jose.RS256
	if typ == "Refresh" {
		alg = jose.HS512
	}
	_, ok, err := p.keys.open(ctx, token, alg)
	if err != nil {
		return nil, err
	}
	if ok {
		e.remark(false, "signature valide, d'une clé de ce laboratoire", "signature valid, by a key of this lab")
	} else {
		e.remark(true, "sa signature n'est d'aucune clé de ce laboratoire", "its signature is by no key of this lab")
	}
	e.compare(shapes[typ], names)
	return e, nil
}

func (e *Explanation) remark(bad bool, fr, en string, args ...any) {
	e.Remarks = append(e.Remarks, Remark{bad, i18n.Text{FR: fr, EN: en}.Format(args...)})
}

// compare says which claims of the real token are missing, and which it does not have.
func (e *Explanation) compare(shape, names []string) {
	if shape == nil {
		return
	}
	optional := strings.Fields("aud cnf nonce session_state otherIds")
	for _, name := range shape {
		if !slices.Contains(names, name) && !slices.Contains(optional, name) {
			e.remark(true, "%s manque : le vrai jeton l'a", "%s is missing: the real token has it", name)
		}
	}
	for _, name := range names {
		if !slices.Contains(shape, name) {
			e.remark(false, "%s n'est pas dans les vrais jetons que l'on a vus",
				"%s is not in the real tokens that were seen", name)
		}
	}
}
