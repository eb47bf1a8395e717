package verify

import (
	"go/build"
	"slices"
	"testing"
)

// The package reports; it serves nothing and knows no service.
func TestImports(t *testing.T) {
	p, err := build.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	const module = "github.com/igc-lab/igc/"
	for _, path := range []string{"net/http", "html/template", "text/template", module + "internal/web", module + "testssl", module + "cli"} {
		if slices.Contains(p.Imports, path) {
			t.Errorf("imports %s", path)
		}
	}
}
