package psc

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/igc-lab/igc/internal/i18n"
)

var update = flag.Bool("update", false, "write what is made from the sources into docs/")

// golden compares a file of docs/ with what it is made from, and writes it with -update.
func golden(t *testing.T, file string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(file); err != nil || !bytes.Equal(have, want) {
		t.Errorf("%s is not made from the sources: run this test with -update (%v)", file, err)
	}
}

// docs/psc-codes.md is made from codes.yaml; every row is whole, in both languages; the program
// uses no code that the file lacks, and the file has none that nothing ends on.
func TestCodes(t *testing.T) {
	var doc bytes.Buffer
	if err := WriteCodes(&doc); err != nil {
		t.Fatal(err)
	}
	golden(t, "../../docs/psc-codes.md", doc.Bytes())

	for _, m := range Mistakes() {
		if levelNames[m.Level] == (i18n.Text{}) {
			t.Errorf("%s: unknown level %q", m.Code, m.Level)
		}
		for _, text := range []i18n.Text{m.Means, m.Expected, m.Fix} {
			if text.FR == "" || text.EN == "" || strings.ContainsAny(text.FR+text.EN, "|\n") {
				t.Errorf("%s: %+v", m.Code, text)
			}
		}
	}
	list, byCode := mistakes()
	if len(byCode) != len(list) {
		t.Errorf("%d codes, %d of them different", len(list), len(byCode))
	}
	used := map[Code]bool{}
	sources, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range sources {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, code := range regexp.MustCompile(`"(PSC-[A-Z0-9-]*[A-Z0-9])"`).FindAllSubmatch(source, -1) {
			used[Code(code[1])] = true
			if mistakeOf(Code(code[1])) == nil {
				t.Errorf("%s uses %s, which codes.yaml lacks", name, code[1])
			}
		}
	}
	for code := range byCode {
		if !used[code] {
			t.Errorf("nothing ends on %s", code)
		}
	}
}

// settingsTable is the table of the settings as a page of docs/ has it.
func settingsTable(lang i18n.Language) string {
	def := DefaultSettings()
	pick := func(fr, en string) string { return i18n.Text{FR: fr, EN: en}.In(lang) }
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | %s | %s | %s |\n|---|---|---|---|\n", pick("réglage", "setting"),
		pick("défaut", "default"), pick("valeurs", "values"), pick("sens", "meaning"))
	for _, s := range def.List() {
		values := pick("secondes", "seconds")
		if s.Values != nil {
			values = "`" + strings.Join(s.Values, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", s.Name, s.Default, values, s.About.In(lang))
	}
	fmt.Fprintf(&b, "| `fault.%s` | `off` | `503`, `reset`, `5s`, `off` | %s : `%s` |\n", pick("POINT", "ENDPOINT"),
		pick("panne jouée à un de ces points", "fault played at one of these endpoints"),
		strings.Join(endpoints, "`, `"))
	return b.String()
}

// The table of the settings in docs/psc.md and docs/psc.fr.md is made from the settings.
func TestSettingsTable(t *testing.T) {
	const begin, end = "<!-- settings -->\n", "<!-- /settings -->\n"
	pages := map[string]i18n.Language{"../../docs/psc.md": i18n.English, "../../docs/psc.fr.md": i18n.French}
	for file, lang := range pages {
		page, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		before, rest, found := strings.Cut(string(page), begin)
		_, after, closed := strings.Cut(rest, end)
		if !found || !closed {
			t.Fatalf("%s has no lines %q and %q", file, begin, end)
		}
		golden(t, file, []byte(before+begin+settingsTable(lang)+end+after))
	}
}
