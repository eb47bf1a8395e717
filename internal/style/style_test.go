package style

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	root    = "../.."
	backlog = "testdata/backlog.txt"
)

var update = flag.Bool("update", false, "write the backlog anew; it only gets shorter")

// broken is where a rule is broken: its name, the file from the root of the repository.
type broken struct{ rule, file string }

// faults collects what breaks the rules, and where the first lines are.
type faults struct {
	count map[broken]int
	where map[broken][]string
}

func (f *faults) add(rule, file string, line int, text string) {
	at := broken{rule, file}
	f.count[at]++
	f.where[at] = append(f.where[at], fmt.Sprintf("%s:%d: %s", file, line, strings.TrimSpace(text)))
}

func TestStyle(t *testing.T) {
	found := faults{map[broken]int{}, map[broken][]string{}}
	for _, file := range sources(t) {
		content, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, ".go") {
			longLines(&found, file, content)
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
		writeBacklog(t, known, found.count)
		return
	}
	for _, at := range sorted(found.count) {
		if n := found.count[at]; n > known[at] {
			t.Errorf("%s: %d times in %s, %d before:\n\t%s", at.rule, n, at.file, known[at],
				strings.Join(found.where[at], "\n\t"))
		}
	}
	for _, at := range sorted(known) {
		if n := found.count[at]; n < known[at] {
			t.Errorf("%s: %d times in %s, and %s says %d: run with -update", at.rule, n, at.file, backlog, known[at])
		}
	}
}

// sources lists the files that people write: Go, pages, tables. Golden files, images and the sector's own tables are not.
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

func readBacklog() (map[broken]int, error) {
	known := map[broken]int{}
	content, err := os.ReadFile(backlog)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	lines := bufio.NewScanner(bytes.NewReader(content))
	for lines.Scan() {
		var n int
		var at broken
		if _, err := fmt.Sscan(lines.Text(), &n, &at.rule, &at.file); err != nil {
			return nil, fmt.Errorf("%s: %q: %w", backlog, lines.Text(), err)
		}
		known[at] = n
	}
	return known, lines.Err()
}

func writeBacklog(t *testing.T, known, found map[broken]int) {
	before, now := totals(known), totals(found)
	for rule, n := range now {
		if len(known) > 0 && n > before[rule] {
			t.Errorf("%s is broken %d times, %d before: the list only gets shorter", rule, n, before[rule])
		}
	}
	if t.Failed() {
		return
	}
	var b bytes.Buffer
	for _, at := range sorted(found) {
		fmt.Fprintln(&b, found[at], at.rule, at.file)
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
