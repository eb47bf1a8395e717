package psc

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
)

var settingsKind = store.DocumentKind{Name: "psc.settings", Audited: true}

const settingsKey = "settings"

// Settings are what can be changed while the provider runs: toggles for what the real one may do
// one way or the other, lifetimes, and faults to play.
type Settings struct {
	ACR           string `json:"acr"`              // eidas1, or by_mode: eidas3 after a login by card
	Sub           string `json:"sub"`              // keycloak (f:component:id) or uuid
	CNF           string `json:"cnf"`              // off, rfc8705, ans_hex: of a client with a certificate
	DupACR        bool   `json:"dup_acr"`          // the access token has acr twice, as one of 2021
	SessionState  bool   `json:"session_state"`    // in the tokens, and not in the response alone
	EmailVerified bool   `json:"email_verified"`   // in userinfo
	AudInAT       bool   `json:"aud_in_at"`        // the access token has an aud
	OtherIDs      bool   `json:"other_ids"`        // in the access token and userinfo
	Discovery     string `json:"discovery"`        // at the standard path: real, helpful, off
	LogoutState   bool   `json:"logout_state"`     // the redirection after a logout has the state
	Refresh       string `json:"refresh"`          // rotate (single use, reuse ends the grant) or reuse
	Tabs          int    `json:"tabs"`             // of the login page: 2 or 4
	Interval      int    `json:"ciba_interval"`    // seconds between polls; 0 leaves it out
	CodeTTL       int    `json:"code_ttl"`         // seconds, as all that follow
	AccessTTL     int    `json:"access_ttl"`       //
	RefreshTTL    int    `json:"refresh_ttl"`      // also how long a session lasts without use
	SessionTTL    int    `json:"session_ttl"`      //
	CIBATTL       int    `json:"ciba_ttl"`         //
	PARTTL        int    `json:"par_ttl"`          //
	LoginTTL      int    `json:"login_ttl"`        // how long the login page may stand open
	Faults        Faults `json:"faults,omitempty"` // by endpoint
	SubComponent  string `json:"sub_component"`    // the UUID in sub
}

// Faults are failures to play, by endpoint: "503", "reset", or a delay such as "5s".
type Faults map[string]string

// endpoints that a fault can be played at.
var endpoints = []string{"authorize", "ciba", "discovery", "exchange", "introspect", "jwks", "logout", "par", "revoke",
	"signsessiondata", "token", "userinfo"}

// DefaultSettings are those of a new lab.
func DefaultSettings() Settings {
	return Settings{ACR: "eidas1", Sub: "keycloak", CNF: "off", SessionState: true, OtherIDs: true,
		Discovery:   "helpful",
		LogoutState: true, Refresh: "rotate", Tabs: 2, Interval: 5, CodeTTL: 60, AccessTTL: 120, RefreshTTL: 1800,
		SessionTTL: 14400,
		CIBATTL:    120, PARTTL: 60, LoginTTL: 1800, SubComponent: "550dc1c8-1ab0-4c1a-9a3b-0123456789ab"}
}

// toggle is a setting as users name it: what it takes, and how it is read and written.
type toggle struct {
	name   string
	values []string // nil for a number of seconds
	about  i18n.Text
	get    func(*Settings) string
	set    func(*Settings, string)
}

func word(name string, values []string, field func(*Settings) *string, fr, en string) toggle {
	return toggle{name, values, i18n.Text{FR: fr, EN: en},
		func(s *Settings) string { return *field(s) }, func(s *Settings, v string) { *field(s) = v }}
}

func onOff(name string, field func(*Settings) *bool, fr, en string) toggle {
	return toggle{name, []string{"on", "off"}, i18n.Text{FR: fr, EN: en},
		func(s *Settings) string {
			if *field(s) {
				return "on"
			}
			return "off"
		}, func(s *Settings, v string) { *field(s) = v == "on" }}
}

func number(name string, values []string, field func(*Settings) *int, fr, en string) toggle {
	return toggle{name, values, i18n.Text{FR: fr, EN: en},
		func(s *Settings) string { return strconv.Itoa(*field(s)) }, func(s *Settings, v string) {
			*field(s),
				_ = strconv.Atoi(v)
		}}
}

var toggles = []toggle{
	word("acr", []string{"eidas1", "by_mode"}, func(s *Settings) *string { return &s.ACR },
		"acr renvoyé : toujours eidas1, ou eidas3 après une connexion par carte (modélisé)",
		"acr returned: always eidas1, or eidas3 after a login by card (modelled)"),
	word("sub", []string{"keycloak", "uuid"}, func(s *Settings) *string { return &s.Sub },
		"forme de sub : f:composant:identifiant (attesté), ou un UUID (annoncé pour 2026)",
		"form of sub: f:component:identifier (attested), or a UUID (announced for 2026)"),
	word("cnf", []string{"off", "rfc8705", "ans_hex"}, func(s *Settings) *string { return &s.CNF },
		"cnf des jetons d'un client à certificat : aucun, RFC 8705, ou la forme hexadécimale de l'ANS",
		"cnf in the tokens of a client with a certificate: none, RFC 8705, or ANS's hexadecimal form"),
	onOff("dup_acr", func(s *Settings) *bool { return &s.DupACR },
		"deux acr dans le jeton d'accès, comme un jeton de 2021",
		"acr twice in the access token, as in a token of 2021"),
	onOff("session_state_in_jwt", func(s *Settings) *bool { return &s.SessionState },
		"session_state dans les jetons (attesté jusqu'en 2023)", "session_state in the tokens (attested until 2023)"),
	onOff("email_verified", func(s *Settings) *bool { return &s.EmailVerified },
		"email_verified dans userinfo (attesté en 2021-2022)", "email_verified in userinfo (attested in 2021-2022)"),
	onOff("aud_in_at", func(s *Settings) *bool { return &s.AudInAT },
		"aud dans le jeton d'accès (absent des jetons vus)", "aud in the access token (absent from the tokens seen)"),
	onOff("otherIds", func(s *Settings) *bool { return &s.OtherIDs },
		"otherIds dans le jeton d'accès et userinfo", "otherIds in the access token and userinfo"),
	word("standard_discovery", []string{"real", "helpful", "off"}, func(s *Settings) *string { return &s.Discovery },
		"/.well-known/openid-configuration : comme le vrai (dont l'adresse de connexion ne sert à rien), utile "+
			"(cette adresse mène au portefeuille), ou absent",
		"/.well-known/openid-configuration: as the real one (whose authorization endpoint is of no use), helpful "+
			"(that endpoint leads to the wallet), or absent"),
	onOff("logout_state", func(s *Settings) *bool { return &s.LogoutState },
		"le retour après déconnexion porte state", "the redirection after a logout has the state"),
	word("refresh", []string{"rotate", "reuse"}, func(s *Settings) *string { return &s.Refresh },
		"jeton de rafraîchissement à usage unique, ou réutilisable", "refresh tokens of a single use, or reusable"),
	number("tabs", []string{"2", "4"}, func(s *Settings) *int { return &s.Tabs },
		"onglets de la page de connexion", "tabs of the login page"),
	number("ciba_interval", nil, func(s *Settings) *int { return &s.Interval },
		"secondes entre deux questions d'un client CIBA", "seconds between two polls of a CIBA client"),
	number("code_ttl", nil, func(s *Settings) *int { return &s.CodeTTL }, "durée du code, en secondes",
		"lifetime of a code, in seconds"),
	number("access_ttl", nil, func(s *Settings) *int { return &s.AccessTTL },
		"durée des jetons d'accès et d'identité", "lifetime of access and ID tokens"),
	number("refresh_ttl", nil, func(s *Settings) *int { return &s.RefreshTTL },
		"durée du jeton de rafraîchissement, et d'une session sans activité",
		"lifetime of a refresh token, and of an idle session"),
	number("session_ttl", nil, func(s *Settings) *int { return &s.SessionTTL }, "durée d'une session",
		"lifetime of a session"),
	number("ciba_ttl", nil, func(s *Settings) *int { return &s.CIBATTL }, "durée d'une demande CIBA",
		"lifetime of a CIBA request"),
	number("par_ttl", nil, func(s *Settings) *int { return &s.PARTTL }, "durée d'une request_uri",
		"lifetime of a request_uri"),
	number("login_ttl", nil, func(s *Settings) *int { return &s.LoginTTL }, "durée de la page de connexion",
		"lifetime of the login page"),
}

// Set changes a setting by its name, or the fault of an endpoint: "fault.token".
func (s *Settings) Set(name, value string) error {
	if endpoint, ok := strings.CutPrefix(name, "fault."); ok {
		return s.setFault(endpoint, value)
	}
	i := slices.IndexFunc(toggles, func(t toggle) bool { return t.name == name })
	if i < 0 {
		return store.Errorf(store.Invalid, "unknown setting %q: igc psc set lists them", name)
	}
	t := toggles[i]
	if t.values == nil {
		if n, err := strconv.Atoi(value); err != nil || n < 0 || n > 30*24*3600 {
			return store.Errorf(store.Invalid, "%s=%q: give a number of seconds, at most thirty days", name, value)
		}
	} else if !slices.Contains(t.values, value) {
		return store.Errorf(store.Invalid, "%s=%q: choose one of %s", name, value, strings.Join(t.values, ", "))
	}
	t.set(s, value)
	return nil
}

func (s *Settings) setFault(endpoint, value string) error {
	if !slices.Contains(endpoints, endpoint) {
		return store.Errorf(store.Invalid, "unknown endpoint %q: choose one of %s",
			endpoint, strings.Join(endpoints, ", "))
	}
	faults := Faults{}
	for k, v := range s.Faults {
		faults[k] = v
	}
	if value == "" || value == "off" {
		delete(faults, endpoint)
	} else {
		if d, err := time.ParseDuration(value); value != "503" && value != "reset" && (err != nil || d <= 0 ||
			d > time.Minute) {
			return store.Errorf(store.Invalid,
				"fault.%s=%q: give 503, reset, off, or a delay up to a minute, such as 5s",
				endpoint, value)
		}
		faults[endpoint] = value
	}
	s.Faults = faults
	return nil
}

// Toggle is a setting as it is shown.
type Toggle struct {
	Name    string    `json:"name"`
	Value   string    `json:"value"`
	Default string    `json:"default"`
	Values  []string  `json:"values,omitempty"` // none for a number of seconds
	About   i18n.Text `json:"about"`
}

// List lists the settings with their values, and the faults that are played.
func (s *Settings) List() []Toggle {
	def := DefaultSettings()
	var all []Toggle
	for _, t := range toggles {
		all = append(all, Toggle{t.name, t.get(s), t.get(&def), t.values, t.about})
	}
	for _, endpoint := range endpoints {
		if fault := s.Faults[endpoint]; fault != "" {
			all = append(all, Toggle{"fault." + endpoint, fault, "off", []string{"503", "reset", "5s", "off"},
				i18n.Text{FR: "panne jouée", EN: "fault played"}})
		}
	}
	return all
}

// ReadSettings reads the settings of a lab.
func ReadSettings(ctx context.Context, documents store.DocumentStore) (Settings, error) {
	s, _, err := readSettings(ctx, documents)
	return s, err
}

func readSettings(ctx context.Context, documents store.DocumentStore) (s Settings, version uint64, err error) {
	s = DefaultSettings()
	doc, err := documents.GetDocument(ctx, settingsKind, settingsKey)
	if store.KindOf(err) == store.NotFound {
		return s, 0, nil
	}
	if err != nil {
		return s, 0, err
	}
	if err := json.Unmarshal(doc.Value, &s); err != nil {
		return s, 0, store.Errorf(store.Damaged, "the document %s/%s: %w", settingsKind.Name, settingsKey, err)
	}
	return s, doc.Version, nil
}

// ChangeSettings changes the settings of a lab; change may run more than once.
func ChangeSettings(ctx context.Context, documents store.DocumentStore, actor string,
	change func(*Settings) error) (Settings, error) {
	for {
		s, version, err := readSettings(ctx, documents)
		if err != nil {
			return s, err
		}
		if err := change(&s); err != nil {
			return s, err
		}
		value, err := json.Marshal(s)
		if err != nil {
			return s, err
		}
		_, err = documents.WriteDocuments(ctx, actor, store.DocumentWrite{Kind: settingsKind, Key: settingsKey,
			Value: value, IfVersion: &version})
		if !errors.Is(err, store.ErrSwap) {
			return s, err
		}
	}
}
