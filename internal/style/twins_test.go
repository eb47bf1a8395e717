package style

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// oneLanguage are pages that are made by a test in both languages at once, or that only those who
// work on igc read.
var oneLanguage = []string{"docs/architecture.md", "docs/cli.md", "docs/codes.md", "docs/costs.md",
	"docs/psc-codes.md", "docs/annuaire-codes.md", "docs/access.md", "docs/orders-codes.md",
	"docs/storage.md"}

var (
	fence   = regexp.MustCompile("(?ms)^```\\w*\n(.*?)^```$")
	heading = regexp.MustCompile(`(?m)^(#+) .+$`)
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
)

// Every page for users is in English and in French: with a link from one to the other, the same
// headings in number and level, and the same commands in its blocks of code.
func TestTwinPages(t *testing.T) {
	const root = "../.."
	pages, err := filepath.Glob(filepath.Join(root, "docs/*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatal(pages, err)
	}
	twins := 0
	for _, path := range append(pages, filepath.Join(root, "README.md")) {
		name, _ := filepath.Rel(root, path)
		if strings.HasSuffix(name, ".fr.md") {
			if _, err := os.Stat(strings.TrimSuffix(path, ".fr.md") + ".md"); err != nil {
				t.Errorf("%s has no page in English: %v", name, err)
			}
			continue
		}
		if slices.Contains(oneLanguage, filepath.ToSlash(name)) {
			continue
		}
		twin := strings.TrimSuffix(path, ".md") + ".fr.md"
		english, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		french, err := os.ReadFile(twin)
		if err != nil {
			t.Errorf("%s has no page in French: %v", name, err)
			continue
		}
		twins++
		en, fr := page(english), page(french)
		if !strings.Contains(en.text, "("+filepath.Base(twin)+")") ||
			!strings.Contains(fr.text, "("+filepath.Base(path)+")") {
			t.Errorf("%s and its page in French do not link to one another", name)
		}
		if !slices.Equal(en.levels, fr.levels) {
			t.Errorf("%s: headings of the levels %v, in French %v", name, en.levels, fr.levels)
		}
		if !slices.Equal(en.commands, fr.commands) {
			t.Errorf("%s: its blocks of code differ in French:\n%s\n---\n%s", name, strings.Join(en.commands, "\n"),
				strings.Join(fr.commands, "\n"))
		}
		if a, b := en.targets(), fr.targets(); !slices.Equal(a, b) {
			t.Errorf("%s leads to %q, in French to %q", name, a, b)
		}
		for _, target := range link.FindAllStringSubmatch(en.text+fr.text, -1) {
			file, _, _ := strings.Cut(target[1], "#")
			if file == "" || strings.Contains(file, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), file)); err != nil {
				t.Errorf("%s leads to %s: %v", name, target[1], err)
			}
		}
	}
	if twins < 7 {
		t.Errorf("%d pages in two languages", twins)
	}
}

// content is what both languages of a page have in common.
type content struct {
	text             string // without its blocks of code
	levels, commands []string
}

func page(data []byte) (c content) {
	for _, block := range fence.FindAllStringSubmatch(string(data), -1) {
		typed := strings.Contains("\n"+block[1], "\n$ ")
		for line := range strings.Lines(block[1]) {
			command, _, _ := strings.Cut(strings.TrimSpace(line), " #")
			switch {
			case typed && !strings.HasPrefix(line, "$ "): // what the command prints
			case !typed && strings.HasPrefix(line, "  "), isFinding(line):
			case strings.TrimSpace(command) != "":
				c.commands = append(c.commands, strings.TrimSpace(command))
			}
		}
	}
	c.text = fence.ReplaceAllString(string(data), "")
	for _, h := range heading.FindAllStringSubmatch(c.text, -1) {
		c.levels = append(c.levels, h[1])
	}
	return c
}

// isFinding tells a line of igc doctor, which is in the language of the page.
func isFinding(line string) bool {
	state, _, _ := strings.Cut(line, "  ")
	return slices.Contains([]string{"ok", "to do", "à faire", "note", "skipped", "non vu"}, state)
}

// targets are the pages and pictures that a page leads to, in either language.
func (c content) targets() (all []string) {
	for _, target := range link.FindAllStringSubmatch(c.text, -1) {
		file, _, _ := strings.Cut(target[1], "#")
		if file = strings.Replace(file, ".fr.md", ".md", 1); !slices.Contains(all, file) {
			all = append(all, file)
		}
	}
	slices.Sort(all)
	return all
}
