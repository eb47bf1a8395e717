package yamlfile

import (
	"strings"
	"testing"

	"github.com/igc-lab/igc/internal/i18n"
)

// A reader of French is told in French what is wrong, and the words of the library stand quoted at
// the end.
func TestFrenchErrors(t *testing.T) {
	type file struct {
		Key  string `yaml:"key"`
		List []struct {
			Keep int `yaml:"keep"`
		} `yaml:"list"`
	}
	for text, want := range map[string]string{
		"key: [a":              `ligne 1 : un crochet qui n'est pas fermé ("yaml: `,
		"list: {a: b":          `ligne 1 : une accolade qui n'est pas fermée ("yaml: `,
		"key: a\n  b: c":       `ligne 2 : un deux-points de trop, ou une ligne mal indentée ("yaml: mapping values`,
		"\tkey: a":             `YAML : une tabulation, ou un signe qui veut des guillemets ; indentez avec`,
		"key: \"a":             `un guillemet qui n'est pas fermé ("yaml: `,
		"key: \"C:\\données\"": `une barre oblique inverse entre guillemets doubles`,
		"key: a\nkey: b":       `ligne 2 : une clé donnée deux fois ; gardez-en une ("yaml: mapping key`,
		"key: *a":              `une ancre (&, *) qui n'existe pas ("yaml: unknown anchor`,
		"key: \x01":            `un caractère de contrôle ; ôtez-le ("yaml: `,
		"key: \xe9t\xe9":       `un texte qui n'est pas en UTF-8 ; enregistrez-le ainsi ("yaml: `,
		"list:\n- a: 1\n b: 2": `une ligne mal indentée ("yaml: `,
		"key: [a]":             `ligne 1 : key est une liste ; attendu : un texte`,
		"key: {a: b}":          `ligne 1 : key est des clés ; attendu : un texte`,
		"list: 3":              `ligne 1 : list est "3" ; attendu : une liste`,
		"list: [{keep: x}]":    `ligne 1 : list[0].keep est "x" ; attendu : un nombre entier`,
		"list: [3]":            `ligne 1 : list[0] est "3" ; attendu : des clés avec leurs valeurs`,
		"list: [{kepe: 1}]":    `ligne 1 : clé inconnue "kepe" dans list[0] : connues : keep`,
	} {
		err := Decode([]byte(text), &file{})
		if err == nil {
			t.Errorf("%q is read", text)
			continue
		}
		got := i18n.TextOf(err)
		if !strings.Contains(got.FR, want) || got.EN == got.FR {
			t.Errorf("%q: %s\nwant %s", text, got.FR, want)
		}
		if at := strings.Index(got.FR, `("yaml: `); at >= 0 && !strings.HasSuffix(got.FR, `")`) {
			t.Errorf("%q: the library's words are not at the end: %s", text, got.FR)
		}
	}
}
