package yamlfile

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

func TestDecode(t *testing.T) {
	for _, c := range []struct{ text, err string }{
		{"a: 1\n", ""},
		{"---\na: 1\n", ""},
		{"a: 1\n---\n", ""},
		{"a: 1\n...\n# nothing more\n", ""},
		{"a: 1\n...\n---\na: 2\n", "second document"},
		{"a: 1\n...\na: 2\n", "yaml: "},
		{"a: 1\n...\n---\na: 2\n", "second document"},
		{"a: 1\n...\na: 2\n", "yaml: "},
		{"a: 1\n---\n\"\"\n", "second document"},
		{"a: 1\n---\n[", "yaml: "},
		{"a: 1\n\x00", "yaml: "},
		{"a: 1\n]", "yaml: "},
		{"a: 1\nb: 2\n", "line 2: unknown key \"b\": did you mean \"a\"?"},
		{"a: 1\na: 2\n", "already defined"},
	} {
		var into struct{ A int }
		err := Decode([]byte(c.text), &into)
		if c.err == "" && (err != nil || into.A != 1) || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%q: %+v, %v; want %q", c.text, into, err, c.err)
		}
	}
	if err := Decode(nil, &struct{}{}); !errors.Is(err, io.EOF) {
		t.Errorf("an empty file: %v", err)
	}
}

// What is unknown or does not fit is said in words of the file: the line, the key, and what is
// expected.
func TestErrors(t *testing.T) {
	type section struct {
		Every    time.Duration `yaml:"every"`
		AtOnce   bool          `yaml:"at_once"`
		Keep     int           `yaml:"keep"`
		Internal string        `yaml:"-"`
	}
	type file struct {
		Generation string            `yaml:"generation"`
		CRL        section           `yaml:"crl"`
		Names      []string          `yaml:"names"`
		Labels     map[string]string `yaml:"labels"`
		Own        *time.Time        `yaml:"own"`
		Rest       yaml.Node         `yaml:"rest"`
	}
	for text, want := range map[string]string{
		"generaton: gen2016":          `line 1: unknown key "generaton": did you mean "generation"?`,
		"# one\ncrl:\n  at_one: true": `line 3: unknown key "at_one" in crl: did you mean "at_once"?`,
		"crl: {colour: red}":          `line 1: unknown key "colour" in crl: known are every, at_once, keep`,
		"crl: {internal: x}":          `line 1: unknown key "internal" in crl: known are every, at_once, keep`,
		"crl: {every: 30d}":           `line 1: crl.every is "30d", where a duration such as 720h or 30m is expected`,
		"crl: {every: 720 h}":         `line 1: crl.every is "720 h", where a duration such as 720h or 30m is expected`,
		"crl: {at_once: oui}":         `line 1: crl.at_once is "oui", where true or false is expected`,
		"crl: {keep: many}":           `line 1: crl.keep is "many", where a whole number is expected`,
		"crl: yes":                    `line 1: crl is "yes", where keys with values is expected`,
		"generation: [gen2016]":       `line 1: generation is a list, where a text is expected`,
		"names: alain":                `line 1: names is "alain", where a list is expected`,
		"names: [a, [b]]":             `line 1: names[1] is a list, where a text is expected`,
		"labels: {a: {b: c}}":         `line 1: labels.a is keys, where a text is expected`,
		"- a":                         `line 1: a list, where keys with values is expected`,
	} {
		into := file{Generation: "before"}
		if err := Decode([]byte(text), &into); err == nil || err.Error() != want {
			t.Errorf("%s:\n%v\nwant\n%s", text, err, want)
		}
		if into.Generation != "before" {
			t.Errorf("%s: it was read in part", text)
		}
	}
	good := "generation: 2016\ncrl: {every: 1h, at_once: true}\nnames: [a, 1]\nlabels: {a: b}\nown: 2026-01-01T00:00:00Z\nrest: {any: [thing]}\n"
	if err := Decode([]byte(good), &file{}); err != nil {
		t.Errorf("%s: %v", good, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("a: &x {b: 1}\nc: *x\n<<: *x")
	f.Fuzz(func(t *testing.T, text string) {
		var into struct {
			A map[string]int
			B []struct{ C *bool }
		}
		_ = Decode([]byte(text), &into) // it does not panic, nor run for ever
	})
}
