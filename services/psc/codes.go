package psc

import (
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"sync"

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

// levelNames are the levels in words.
var levelNames = map[string]i18n.Text{"bad": {FR: "refusé", EN: "refused"}, "note": {FR: "signalé", EN: "noted"}}

// WriteCodes writes the list of codes as Markdown: docs/psc-codes.md.
func WriteCodes(w io.Writer) error {
	var b bytes.Buffer
	b.WriteString("# Les codes de Pro Santé Connect / The codes of Pro Santé Connect\n\n" +
		"Fait de `services/psc/codes.yaml` par `go test ./services/psc -run Codes -update`. " +
		"`igc psc requests` et la page `/psc/requests` du guichet les donnent, avec ce qui a été vu. " +
		"L'appel *refusé* échoue ; l'appel *signalé* a continué.\n\n" +
		"Made from `services/psc/codes.yaml` by `go test ./services/psc -run Codes -update`. " +
		"`igc psc requests` and the desk's page `/psc/requests` give them, with what was seen. " +
		"A *refused* call fails; a *noted* one went on.\n\n" +
		"| code | | sens / meaning | attendu / expected | que faire / what to do |\n|---|---|---|---|---|\n")
	for _, m := range Mistakes() {
		level := levelNames[m.Level]
		fmt.Fprintf(&b, "| `%s` | %s / %s | %s *%s* | %s *%s* | %s *%s* |\n", m.Code, level.FR, level.EN,
			m.Means.FR, m.Means.EN, m.Expected.FR, m.Expected.EN, m.Fix.FR, m.Fix.EN)
	}
	b.WriteString("\n## Les pages de connexion / The login pages\n\n" +
		"Faits de `services/psc/problems.yaml`. Les pages de connexion finissent sur ces codes ; ils " +
		"s'adressent à la personne, et non au client. Une carte dont le certificat est refusé finit " +
		"sur un [code de TestSSL](codes.md).\n\n" +
		"Made from `services/psc/problems.yaml`. The login pages end on these codes, which are for the person " +
		"and not for the client. A card whose certificate is refused ends on a [code of TestSSL](codes.md).\n\n" +
		"| code | sens / meaning | que faire / what to do |\n|---|---|---|\n")
	for _, p := range problems() {
		fmt.Fprintf(&b, "| `%s` | %s. %s *%s. %s* | %s *%s* |\n", p.Code, p.Title.FR, p.Text.FR, p.Title.EN,
			p.Text.EN, p.Do.FR, p.Do.EN)
	}
	_, err := w.Write(b.Bytes())
	return err
}

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
