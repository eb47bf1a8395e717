package cli

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/profiles/lint"
)

// Every test identity, issued, passes igc lint, which says nothing of it but that fast keys are not
// faithful.
func TestLintFixtures(t *testing.T) {
	l := labtest.New(t, "--key", "p256")
	dir := t.TempDir()
	for _, name := range fixtures.Names() {
		l.Must("issue", "--fixture", name, "--out", filepath.Join(dir, name))
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.pem"))
	if err != nil || len(files) < 2*len(fixtures.Names()) {
		t.Fatal(files, err)
	}
	var all []linted
	if err := json.Unmarshal([]byte(l.Must(append([]string{"lint", "--json"}, files...)...)), &all); err != nil {
		t.Fatal(err)
	}
	for _, one := range all {
		for _, f := range one.Findings {
			if f.Level != lint.Notice {
				t.Errorf("%s #%d: %+v", one.File, one.Number, f)
			}
		}
	}
}
