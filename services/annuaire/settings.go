package annuaire

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

var settingsKind = store.DocumentKind{Name: "annuaire.settings", Audited: true}

const settingsKey = "settings"

// Settings are what can be changed while the API runs.
type Settings struct {
	RequireKey bool   `json:"require_key"` // a call needs an API key, as the real service's do
	Limit      bool   `json:"limit"`       // 17 calls a second and 1,000 a minute by key
	Restricted bool   `json:"restricted"`  // calls without a key get restricted data too
	Fault      string `json:"fault"`       // off, 429, 502, 504, next, or a delay such as 5s
	FaultEvery int    `json:"fault_every"` // the fault is played at each nth call
}

// DefaultSettings are those of a new lab: no key is needed, so that a first call is answered.
func DefaultSettings() Settings { return Settings{Fault: "off", FaultEvery: 1} }

// Toggle is a setting as it is shown and changed.
type Toggle struct {
	Name    string    `json:"name"`
	Value   string    `json:"value"`
	Default string    `json:"default"`
	Values  string    `json:"values"` // what it takes
	About   i18n.Text `json:"about"`
}

type toggle struct {
	name, values string
	about        i18n.Text
	get          func(*Settings) string
	set          func(*Settings, string) bool // false for a value that it does not take
}

func onOff(name, fr, en string, field func(*Settings) *bool) toggle {
	return toggle{name, "on, off", i18n.Text{FR: fr, EN: en},
		func(s *Settings) string {
			if *field(s) {
				return "on"
			}
			return "off"
		}, func(s *Settings, v string) bool {
			*field(s) = v == "on"
			return v == "on" || v == "off"
		}}
}

var toggles = []toggle{
	onOff("require_key", "une clé ESANTE-API-KEY est exigée, comme par le vrai service",
		"a key ESANTE-API-KEY is required, as by the real service", func(s *Settings) *bool { return &s.RequireKey }),
	onOff("limit", "17 appels par seconde et 1 000 par minute au plus, par clé",
		"at most 17 calls a second and 1,000 a minute, by key", func(s *Settings) *bool { return &s.Limit }),
	onOff("restricted", "données restreintes (oppositions, certificats) aussi sans clé",
		"restricted data (oppositions, certificates) without a key too",
		func(s *Settings) *bool { return &s.Restricted }),
	{"fault", "off, 429, 502, 504, next, 5s", i18n.Text{
		FR: "panne jouée : un statut, next pour un lien next cassé, ou une attente d'une minute au plus",
		EN: "fault played: a status, next for a broken link next, or a delay of a minute at most"},
		func(s *Settings) string { return s.Fault }, func(s *Settings, v string) bool {
			d, err := time.ParseDuration(v)
			s.Fault = v
			return slices.Contains([]string{"off", "429", "502", "504", "next"}, v) ||
				err == nil && d > 0 && d <= time.Minute
		}},
	{"fault_every", "1, 2, 3...", i18n.Text{FR: "la panne est jouée un appel sur N",
		EN: "the fault is played at each nth call"},
		func(s *Settings) string { return strconv.Itoa(s.FaultEvery) }, func(s *Settings, v string) bool {
			n, err := strconv.Atoi(v)
			s.FaultEvery = n
			return err == nil && n >= 1 && n <= 1000
		}},
}

// Set changes a setting by its name.
func (s *Settings) Set(name, value string) error {
	i := slices.IndexFunc(toggles, func(t toggle) bool { return t.name == name })
	if i < 0 {
		return store.Errorf(store.Invalid, "unknown setting %q: igc annuaire set lists them", name)
	}
	changed := *s
	if !toggles[i].set(&changed, strings.TrimSpace(value)) {
		return store.Errorf(store.Invalid, "%s=%q: choose one of %s", name, value, toggles[i].values)
	}
	*s = changed
	return nil
}

// List lists the settings with their values.
func (s *Settings) List() (all []Toggle) {
	def := DefaultSettings()
	for _, t := range toggles {
		all = append(all, Toggle{t.name, t.get(s), t.get(&def), t.values, t.about})
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
