package i18n

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Numbers have a comma in French and a point in English, whatever the verb says of them.
func TestNumbers(t *testing.T) {
	for _, tc := range []struct {
		format string
		value  any
		want   Text
	}{
		{"%.1f", 64.5, Text{"64,5", "64.5"}},
		{"%.0f", 64.5, Text{"64", "64"}},
		{"%6.2f|", -0.125, Text{" -0,12|", " -0.12|"}},
		{"%g", 1e6 + 0.5, Text{"1,0000005e+06", "1.0000005e+06"}},
		{"%v", 0.25, Text{"0,25", "0.25"}},
		{"%+.1f %%", 12.34, Text{"+12,3 %", "+12.3 %"}},
		{"%d", 1500, Text{"1500", "1500"}},
		{"%s", "igc.yaml 1.5", Text{"igc.yaml 1.5", "igc.yaml 1.5"}}, // not a number
	} {
		if got := Same(tc.format).Format(tc.value); got != tc.want {
			t.Errorf("%s of %v: %q, want %q", tc.format, tc.value, got, tc.want)
		}
	}
}

// floats is a message with a number that Text.Format does not write.
var floats = regexp.MustCompile(`fmt\.\w*[Pp]rintf?\(.*%[-+0-9.]*[fgeG]\b|FormatFloat\(`)

// No other place writes numbers with decimals for people.
func TestNumbersAreWrittenHere(t *testing.T) {
	elsewhere := map[string]string{
		"revocation/health.go":  "the answer of /healthz is English",
		"batch/sheet/xlsx.go":   "a cell becomes the text that was typed",
		"revocation/metrics.go": "Prometheus reads it",
	}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != root || d.Name() == "build") {
			return fs.SkipDir
		}
		name, _ := filepath.Rel(root, path)
		if elsewhere[filepath.ToSlash(name)] != "" || filepath.Ext(path) != ".go" ||
			strings.HasSuffix(path, "_test.go") {
			return nil
		}
		data, err := os.ReadFile(path)
		for _, line := range floats.FindAllString(string(data), -1) {
			t.Errorf("%s: %s: a number for people is formatted by Text.Format", name, line)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
