package fhir

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/igc-lab/igc/cli"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
	"github.com/igc-lab/igc/internal/reference"
)

func TestMain(m *testing.M) {
	labtest.Main(m, func() { os.Exit(cli.Main(os.Args, os.Stdin, os.Stdout, os.Stderr)) })
}

// A client that walks all that ten thousand people are gets every resource once, with right totals
// and references that resolve, all of them valid.
func TestWalk(t *testing.T) {
	modules := peer.NodeModules(t, "fhir@4.12.0", "fhir-kit-client@2.0.3", "fhirpath@5.2.2")
	profiles := filepath.Join(reference.Dir(t), "annuaire")
	l := labtest.New(t, "--key", "p256")
	s := l.Serve()
	l.Must("people", "generate", "10000", "--seed", "7")
	l.Issue("--fixture", "alain", "--clear-keys")

	script := filepath.Join(t.TempDir(), "walk.mjs")
	data, err := os.ReadFile("testdata/walk.mjs")
	if err == nil {
		err = os.WriteFile(script, data, 0o600)
	}
	if err == nil {
		err = os.Symlink(filepath.Join(modules, "node_modules"), filepath.Join(filepath.Dir(script), "node_modules"))
	}
	if err != nil {
		t.Fatal(err)
	}
	base := strings.TrimSpace(l.Must("annuaire", "url"))
	cmd := exec.Command("node", script, base, "1", profiles)
	cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+roots(t, l))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, &stderr, s.Log)
	}
	var found struct {
		Counts     map[string]int
		Validated  int
		Evaluated  int
		Invariants map[string]int
		Problems   []string
	}
	if err := json.Unmarshal(out, &found); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, p := range found.Problems {
		t.Error(p)
	}
	if found.Counts["Practitioner"] < 10_000 || found.Validated < 25_000 || found.Evaluated < 50_000 ||
		len(found.Invariants) != 6 {
		t.Errorf("the walk was not whole: %s", out)
	}
	t.Logf("%s", out)
}

// roots is a file with the root of the lab's server certificates.
func roots(t *testing.T, l *labtest.Lab) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "igc-root.pem")
	if err := os.WriteFile(file, []byte(l.Must("show", "--pem", "ACR-EL")), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
