package yamlfile

import (
	"errors"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/igc-lab/igc/internal/i18n"
)

// faults are what the library finds wrong in the syntax, by words of its messages, and what people
// most often did.
var faults = []struct {
	words string
	what  i18n.Text
}{
	{"mapping values are not allowed", i18n.Text{FR: "un deux-points de trop, ou une ligne mal indentée",
		EN: "one colon too many, or a line that is badly indented"}},
	{"cannot start any token", i18n.Text{FR: "une tabulation, ou un signe qui veut des guillemets ; indentez avec " +
		"des espaces", EN: "a tab, or a sign that wants quotes; indent with spaces"}},
	{"violates indentation", i18n.Text{FR: "une tabulation ; indentez avec des espaces",
		EN: "a tab; indent with spaces"}},
	{"expected ',' or ']'", i18n.Text{FR: "un crochet qui n'est pas fermé", EN: "a bracket that is not closed"}},
	{"expected ',' or '}'", i18n.Text{FR: "une accolade qui n'est pas fermée", EN: "a brace that is not closed"}},
	{"unexpected end of stream", i18n.Text{FR: "un guillemet qui n'est pas fermé", EN: "a quote that is not closed"}},
	{"escape", i18n.Text{FR: "une barre oblique inverse entre guillemets doubles ; " +
		"doublez-la, ou prenez des apostrophes", EN: "a backslash in double quotes; double it, or take single quotes"}},
	{"could not find expected ':'", i18n.Text{FR: "une clé sans deux-points", EN: "a key without a colon"}},
	{"expected key", i18n.Text{FR: "une ligne mal indentée", EN: "a line that is badly indented"}},
	{"expected '-'", i18n.Text{FR: "un tiret qui manque, ou une ligne mal indentée",
		EN: "a dash that is missing, or a line that is badly indented"}},
	{"already defined", i18n.Text{FR: "une clé donnée deux fois ; gardez-en une",
		EN: "a key that stands there twice; keep one"}},
	{"anchor", i18n.Text{FR: "une ancre (&, *) qui n'existe pas", EN: "an anchor (&, *) that does not exist"}},
	{"alphabetic or numeric", i18n.Text{FR: "un signe & ou * qui veut des guillemets",
		EN: "a sign & or * that wants quotes"}},
	{"control characters", i18n.Text{FR: "un caractère de contrôle ; ôtez-le", EN: "a control character; remove it"}},
	{"UTF-", i18n.Text{FR: "un texte qui n'est pas en UTF-8 ; enregistrez-le ainsi",
		EN: "text that is not UTF-8; save it as that"}},
}

var (
	lineOf = regexp.MustCompile(`line (\d+): `)
	prefix = regexp.MustCompile(`^yaml: (unmarshal errors: )?(line \d+: )?`)
)

// syntaxError says of an error of the library which line is meant and what is wrong there, before
// the library's own words. Other errors stay as they are.
func syntaxError(err error) error {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if fit := (*yaml.TypeError)(nil); !errors.As(err, &fit) && !strings.HasPrefix(text, "yaml: ") {
		return err
	}
	what := i18n.Text{FR: "il n'est pas du YAML", EN: "it is not YAML"}
	for _, fault := range faults {
		if strings.Contains(text, fault.words) {
			what = fault.what
			break
		}
	}
	words := "yaml: " + prefix.ReplaceAllString(text, "")
	if line := lineOf.FindStringSubmatch(text); line != nil {
		return i18n.Errorf("line %s: %s (%q)", line[1], what, words)
	}
	return i18n.Errorf("the file cannot be read as YAML: %s (%q)", what, words)
}
