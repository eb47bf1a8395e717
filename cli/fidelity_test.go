package cli

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/reference"
)

// A real certificate of production is read, and its twin is a TEST one of its layout: gen2023 gives
// gen2023 (reference §11).
func TestLikeProduction(t *testing.T) {
	t.Parallel()
	real := filepath.Join(reference.Dir(t), "certificates", "EL-ORG-auth-client-gen2023.pem")
	l := labtest.New(t, "--key", "p256")
	if out := l.Must("lint", real); strings.Contains(out, "error") || strings.Contains(out, "warning") || !strings.Contains(out, "igc_policy_test") {
		t.Errorf("lint: %s", out)
	}
	if out := l.Must("inspect", real); strings.Contains(out, "deviation") || !strings.Contains(out, "IGC-Santé PRODUCTION") ||
		!strings.Contains(out, "auth-cli/client (attested)") || !strings.Contains(out, "elementary organisations, client authentication") {
		t.Errorf("inspect: %s", out)
	}
	twin := filepath.Join(t.TempDir(), "twin")
	l.Must("issue", "--like", real, "--out", twin)
	out := l.Must("inspect", "--json", filepath.Join(twin, "client.pem"))
	for _, want := range []string{`"generation": "gen2023"`, `"igc-sante-test"`, `TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS`, `apibi.gateway_ANS`} {
		if !strings.Contains(out, want) {
			t.Errorf("no %s in %s", want, out)
		}
	}
	if strings.Contains(out, "1.2.250.1.213.1.7.1.") {
		t.Error("the twin has a policy of production")
	}
}
