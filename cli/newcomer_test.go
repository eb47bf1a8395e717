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

// What docs/products.md says is true: its row, added to the table, gives cards, and its commands
// pass. Nothing else changes.
func TestNewcomer(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/products.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```\\w*\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) != 2 {
		t.Fatalf("docs/products.md has %d blocks; this test reads two: the row, and the commands", len(blocks))
	}
	row, commands := blocks[0][1], blocks[1][1]

	copied := t.TempDir()
	dirs, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		name := dir.Name()
		if !dir.IsDir() || name[0] == '.' || name == "build" || name == "docs" {
			continue
		}
		if err := os.CopyFS(filepath.Join(copied, name), os.DirFS(filepath.Join("..", name))); err != nil {
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
