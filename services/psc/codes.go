package psc

import (
	_ "embed"
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/igc-lab/igc/internal/i18n"
)

// Code is a stable name for a mistake of a relying party. codes.yaml lists them all.
type Code string

// Mistake is a mistake that a relying party can make.
type Mistake struct {
	Code     Code      `yaml:"code" json:"code"`
	Level    string    `yaml:"level" json:"level"` // bad, or note: the call went on
	Means    i18n.Text `yaml:"means" json:"means"`
	Expected i18n.Text `yaml:"expected" json:"expected"`
	Fix      i18n.Text `yaml:"fix" json:"fix"`
}

//go:embed codes.yaml
var codesFile []byte

var mistakes, mistakeByCode = loadMistakes()

func loadMistakes() (list []*Mistake, byCode map[Code]*Mistake) {
	if err := yaml.Unmarshal(codesFile, &list); err != nil {
		panic(err) // it is embedded
	}
	byCode = map[Code]*Mistake{}
	for _, m := range list {
		if m.Level == "" {
			m.Level = "bad"
		}
		byCode[m.Code] = m
	}
	return list, byCode
}

// Mistakes lists the mistakes. The caller changes nothing in it.
func Mistakes() []*Mistake { return mistakes }

// failure is an OAuth error (RFC 6749 §5.2), with the code that says what the client did wrong.
type failure struct {
	status      int
	err         string // error
	description string // error_description, in the words of the real one where they are known
	code        Code
	seen        string
}

func (f *failure) Error() string { return fmt.Sprintf("%s: %s (%s)", f.err, f.description, f.code) }

func fault(status int, err, description string, code Code, seen string) *failure {
	return &failure{status, err, description, code, seen}
}

func badRequest(description string, code Code, seen string) *failure {
	return fault(400, "invalid_request", description, code, seen)
}

func invalidGrant(description string, code Code, seen string) *failure {
	return fault(400, "invalid_grant", description, code, seen)
}
