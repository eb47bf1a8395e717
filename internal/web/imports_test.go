package web

import (
	"go/build"
	"slices"
	"strings"
	"testing"
)

// The package is for any service of the lab, and so imports none.
func TestImports(t *testing.T) {
	p, err := build.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	allowed := []string{"ca", "ca/store", "internal/i18n", "profiles"}
	for _, path := range p.Imports {
		if rest, ours := strings.CutPrefix(path, "github.com/igc-lab/igc/"); ours && !slices.Contains(allowed, rest) {
			t.Errorf("imports %s", path)
		}
	}
}
