package style

import (
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	proseColumns = 100
	codeColumns  = 120
	tabColumns   = 4
)

// longLines counts the lines that are too long. A directive, a link or a row of a table cannot be
// broken.
func longLines(found *faults, file string, content []byte) {
	n := 0
	for line := range strings.Lines(string(content)) {
		n++
		line = strings.TrimRight(line, "\n")
		width := utf8.RuneCountInString(line) + (tabColumns-1)*strings.Count(line, "\t")
		text, prose := strings.CutPrefix(strings.TrimSpace(line), "//")
		switch {
		case prose && (strings.HasPrefix(text, "go:") || strings.HasPrefix(text, "\t") || len(strings.Fields(text)) == 1):
		case prose && width > proseColumns:
			found.add("prose-100", file, n, line)
		case !prose && width > codeColumns:
			found.add("code-120", file, n, line)
		}
	}
}

func TestLongLines(t *testing.T) {
	for line, rule := range map[string]string{
		"// " + strings.Repeat("word ", 19) + "ab":    "",
		"// " + strings.Repeat("word ", 19) + "abc":   "prose-100",
		"\t// " + strings.Repeat("mot é ", 16):        "prose-100",
		"\tx := " + strings.Repeat("y", 111):          "",
		"\tx := " + strings.Repeat("y", 112):          "code-120",
		"// https://" + strings.Repeat("example", 20): "",
		"//go:generate " + strings.Repeat("x ", 60):   "",
	} {
		found := faults{map[broken]int{}, map[broken][]place{}}
		longLines(&found, "a.go", []byte(line+"\n"))
		if found.count[broken{rule, "a.go"}] != min(1, len(rule)) || len(found.count) > 1 {
			t.Errorf("%q: %v, want %q", line, found.count, rule)
		}
	}
}
