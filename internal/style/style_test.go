package style

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	root      = "../.."
	catalogue = "internal/i18n/catalogue.go" // a table of messages, one a line
	backlog   = "testdata/backlog.txt"
)

var update = flag.Bool("update", false, "write the backlog anew; it only gets shorter")

// broken is where a rule is broken: its name, the file from the root of the repository.
type broken struct{ rule, file string }

// faults collects what breaks the rules, and where the first lines are.
type faults struct {
	count map[broken]int
	where map[broken][]place
}

// place is a line that breaks a rule.
type place struct {
	line int
	text string
}

func (f *faults) add(rule, file string, line int, text string) {
	at := broken{rule, file}
	f.count[at]++
	f.where[at] = append(f.where[at], place{line, strings.TrimSpace(text)})
}

func TestStyle(t *testing.T) {
	found := faults{map[broken]int{}, map[broken][]place{}}
	for _, file := range sources(t) {
		content, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, ".go") {
			if file != catalogue {
				longLines(&found, file, content)
			}
			if err := retiredInGo(&found, file, content); err != nil {
				t.Error(err)
			}
		} else {
			retiredInText(&found, file, content)
		}
	}
	known, err := readBacklog()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		writeBacklog(t, known, totals(found.count))
		return
	}
	now := totals(found.count)
	for _, rule := range slices.Sorted(maps.Keys(now)) {
		if now[rule] <= known[rule] {
			continue
		}
		t.Errorf("%s is broken %d times, %d before. In what is not committed, or all when they are few:", rule, now[rule], known[rule])
		added := addedLines()
		for _, at := range sorted(found.count) {
			for _, p := range found.where[at] {
				if at.rule == rule && (added[p.text] || now[rule] < 20) {
					t.Logf("%s:%d: %s", at.file, p.line, p.text)
				}
			}
		}
	}
	for _, rule := range slices.Sorted(maps.Keys(known)) {
		if now[rule] < known[rule] {
			t.Errorf("%s is broken %d times, and %s says %d: run with -update", rule, now[rule], backlog, known[rule])
		}
	}
}

// sources lists the files that people write: Go, pages, tables. Golden files, images and the
// sector's own tables are not.
func sources(t *testing.T) (files []string) {
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, d fs.DirEntry, err error) error {
		name := d.Name()
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if path != "." && name[0] == '.' || path == "build" || path == "internal/style" ||
				name == "node_modules" || name == "testdata" && path != "cli/script/testdata" {
				return fs.SkipDir
			}
		case slices.Contains([]string{".go", ".md", ".yaml", ".tmpl", ".html"}, filepath.Ext(name)), name == "Makefile":
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// readBacklog reads how often each rule is broken still, a line each.
func readBacklog() (map[string]int, error) {
	known := map[string]int{}
	content, err := os.ReadFile(backlog)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	lines := bufio.NewScanner(bytes.NewReader(content))
	for lines.Scan() {
		var n int
		var rule string
		if _, err := fmt.Sscan(lines.Text(), &n, &rule); err != nil {
			return nil, fmt.Errorf("%s: %q: %w", backlog, lines.Text(), err)
		}
		known[rule] = n
	}
	return known, lines.Err()
}

func writeBacklog(t *testing.T, known, now map[string]int) {
	var b bytes.Buffer
	for _, rule := range slices.Sorted(maps.Keys(now)) {
		if len(known) > 0 && now[rule] > known[rule] {
			t.Errorf("%s is broken %d times, %d before: the numbers only get smaller", rule, now[rule], known[rule])
		}
		fmt.Fprintln(&b, now[rule], rule)
	}
	if t.Failed() {
		return
	}
	if err := os.WriteFile(backlog, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func totals(counts map[broken]int) map[string]int {
	sum := map[string]int{}
	for at, n := range counts {
		sum[at.rule] += n
	}
	return sum
}

func sorted(counts map[broken]int) []broken {
	return slices.SortedFunc(maps.Keys(counts), func(a, b broken) int {
		return strings.Compare(a.rule+" "+a.file, b.rule+" "+b.file)
	})
}

// addedLines are the lines of the working tree that the last commit does not have. A new file counts
// once git add knows it.
func addedLines() map[string]bool {
	cmd := exec.Command("git", "diff", "HEAD", "--unified=0", "--no-color")
	cmd.Dir = root
	out, _ := cmd.Output()
	added := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		if text, ok := strings.CutPrefix(line, "+"); ok {
			added[strings.TrimSpace(text)] = true
		}
	}
	return added
}
