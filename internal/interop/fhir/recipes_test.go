package fhir

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
)

// The recipes of docs/annuaire.md run as they stand there.
func TestRecipes(t *testing.T) {
	peer.Need(t, "bash")
	peer.Need(t, "curl")
	peer.Need(t, "jq")
	l := labtest.New(t, "--key", "p256")
	l.Serve()
	l.Must("people", "generate", "2000", "--seed", "7")
	card := l.Issue("--fixture", "alain")
	dir := filepath.Dir(roots(t, l))
	if err := os.Symlink(labtest.Program(), filepath.Join(dir, "igc")); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../../docs/annuaire.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	expected := []func(lines []string) bool{
		func(lines []string) bool {
			return len(lines) == 20 && regexp.MustCompile(`^99\d{9}\t\S`).MatchString(lines[0])
		},
		func(lines []string) bool {
			seen := map[string]bool{}
			for _, line := range lines {
				seen[line] = true
			}
			return len(lines) > 2000 && len(seen) == len(lines)
		},
		func(lines []string) bool { return len(lines) == 1 && lines[0] == card.CardNumber },
		func(lines []string) bool { return len(lines) >= 1 && lines[0] != "" },
	}
	if len(blocks) != len(expected) {
		t.Fatalf("%d recipes, %d are known", len(blocks), len(expected))
	}
	for i, block := range blocks {
		cmd := exec.Command("bash", "-euo", "pipefail", "-c", block[1])
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "IGC_HOME="+l.Home, "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		if err != nil || !expected[i](strings.Split(strings.TrimSpace(string(out)), "\n")) {
			t.Errorf("%v\n%s\n%.600s", err, block[1], out)
		}
	}
}
