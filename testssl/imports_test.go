package testssl

import (
	"go/build"
	"slices"
	"testing"
)

// The service is built on the packages that other services use too: it has no TLS, layout or checks
// of its own.
func TestImports(t *testing.T) {
	p, err := build.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"verify", "internal/web"} {
		if !slices.Contains(p.Imports, "github.com/igc-lab/igc/"+path) {
			t.Errorf("does not import %s", path)
		}
	}
	for _, path := range []string{"html/template", "golang.org/x/crypto/ocsp"} {
		if slices.Contains(p.Imports, path) {
			t.Errorf("imports %s", path)
		}
	}
}
