package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/igc-lab/igc/internal/labtest"
)

// What the README says of adding a product is true: its row, put in the table, gives cards, and its commands pass. Nothing
// else is touched.
func TestNewcomer(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, chapter, ok := strings.Cut(string(readme), "## Adding a product")
	if !ok {
		t.Fatal("the README has no chapter on adding a product")
	}
	blocks := regexp.MustCompile("(?s)```\\w*\n(.*?)```").FindAllStringSubmatch(chapter, 2)
	if len(blocks) != 2 {
		t.Fatal("the chapter wants two blocks: the row, and the commands")
	}
	row, commands := blocks[0][1], blocks[1][1]

	copied := t.TempDir()
	for _, dir := range []string{"ca", "card", "cli", "fixtures", "internal", "profiles", "revocation", "testssl"} {
		if err := os.CopyFS(filepath.Join(copied, dir), os.DirFS(filepath.Join("..", dir))); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join("..", file))
		if err != nil {
			t.Fatal(err)
		}
		labtest.Write(t, filepath.Join(copied, file), data)
	}
	table := filepath.Join(copied, "profiles", "products.yaml")
	data, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	labtest.Write(t, table, append(data, "\n"+row...))
	for _, line := range strings.Split(strings.TrimSpace(commands), "\n") {
		words := strings.Fields(strings.Split(line, " #")[0])
		cmd := exec.Command(words[0], words[1:]...)
		cmd.Dir = copied
		cmd.Env = append(os.Environ(), "IGC_HOME="+filepath.Join(copied, "lab"), "IGC_LANG=en")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
		if strings.Contains(line, "issue") && !strings.Contains(string(out), "modelled") {
			t.Errorf("%s: it does not say that the profile is modelled\n%s", line, out)
		}
	}
}
