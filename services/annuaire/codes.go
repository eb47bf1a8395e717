package annuaire

import (
	_ "embed"
	"fmt"
	"io"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/igc-lab/igc/internal/i18n"
)

// Code is a stable name for what is noted of a call. codes.yaml lists them all.
type Code string

// Mistake is what a client of the API can do otherwise than it should.
type Mistake struct {
	Code  Code      `yaml:"code" json:"code"`
	Level string    `yaml:"level" json:"level"` // bad: the call was refused; note: it was answered
	Means i18n.Text `yaml:"means" json:"means"`
	Fix   i18n.Text `yaml:"fix" json:"fix"`
}

//go:embed codes.yaml
var codesFile []byte

// mistakes are the rows of codes.yaml, in its order and by their code. Most commands need none: the
// file is read when the first one is asked for.
var mistakes = sync.OnceValues(func() (list []*Mistake, byCode map[Code]*Mistake) {
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
})

// Mistakes lists the mistakes. The caller changes nothing in it.
func Mistakes() []*Mistake {
	list, _ := mistakes()
	return list
}

// mistakeOf is the mistake of that code, nil for none.
func mistakeOf(code Code) *Mistake {
	_, byCode := mistakes()
	return byCode[code]
}

// WriteCodes writes the list of codes as Markdown: docs/annuaire-codes.md.
func WriteCodes(w io.Writer) error {
	if _, err := fmt.Fprint(w, "# Les codes de l'Annuaire / The codes of the Annuaire\n\n"+
		"Fait de `services/annuaire/codes.yaml` par `go test ./services/annuaire -run Codes -update`. "+
		"`igc annuaire calls` et la page `/annuaire/appels` du guichet les donnent. "+
		"Un appel *refusé* échoue ; un appel *signalé* a eu sa réponse.\n\n"+
		"Made from `services/annuaire/codes.yaml` by `go test ./services/annuaire -run Codes -update`. "+
		"`igc annuaire calls` and the desk's page `/annuaire/appels` give them. "+
		"A *refused* call fails; a *noted* one was answered.\n"); err != nil {
		return err
	}
	for _, m := range Mistakes() {
		level := "refusé / refused"
		if m.Level == "note" {
			level = "signalé / noted"
		}
		if _, err := fmt.Fprintf(w, "\n## %s\n\n%s\n\n- %s %s\n- %s %s\n", m.Code, level, m.Means.FR, m.Fix.FR,
			m.Means.EN, m.Fix.EN); err != nil {
			return err
		}
	}
	return nil
}
