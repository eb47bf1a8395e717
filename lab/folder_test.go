//go:build unix

package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/igc-lab/igc/ca"
)

// A home that another user can change is refused, by the folder's name, and nothing is made; one in
// a sticky folder, or behind a link of one's own, is not.
func TestUnsafeHome(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: only root gives folders to others")
	}
	const other, me = 65534, 12345
	dir := t.TempDir()
	mode := func(name string, m os.FileMode, owner int) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{os.Chmod(path, m), os.Lchown(path, owner, owner)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		return path
	}
	link := func(name, to string, owner int) string {
		t.Helper()
		path := filepath.Join(dir, name)
		for _, err := range []error{os.Symlink(to, path), os.Lchown(path, owner, owner)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		return path
	}
	open := mode("open", 0o777, me)
	sticky := mode("sticky", 0o777|os.ModeSticky, 0)
	group := mode("group", 0o775, me)
	theirs := mode("theirs", 0o755, other)
	mine := mode("mine", 0o700, me)
	mode("sticky/theirs", 0o755, other)
	mode("sticky/mine", 0o755, me)
	for _, c := range []struct{ home, words string }{
		{filepath.Join(open, "lab"), "chmod go-w " + open},
		{open, "chmod go-w " + open},
		{filepath.Join(open, "a", "b", "lab"), "chmod go-w " + open},
		{filepath.Join(group, "lab"), "chmod go-w " + group},
		{filepath.Join(theirs, "lab"), theirs + " is a folder of nobody"},
		{filepath.Join(sticky, "theirs"), "is a folder of nobody"},
		{filepath.Join(sticky, "theirs", "lab"), "is a folder of nobody"},
		{sticky, sticky + " is a folder of root"},
		{filepath.Join(link("sticky/link", mine, other), "lab"), "is a link of nobody"},
		{filepath.Join(link("toopen", open, me), "lab"), "chmod go-w " + open},
		{filepath.Join(link("loop", filepath.Join(dir, "loop"), me), "lab"), "leads nowhere"},
		{filepath.Join(sticky, "lab"), ""},
		{filepath.Join(sticky, "mine", "lab"), ""},
		{mine, ""},
		{filepath.Join(mine, "a", "lab"), ""},
		{filepath.Join(link("own", "mine", me), "lab"), ""},
		{filepath.Join(link("sticky/own", "../mine", me), "lab"), ""},
	} {
		err := safePath(c.home, me)
		if c.words == "" && err != nil || c.words != "" && (err == nil || !strings.Contains(err.Error(), c.words) || ca.KindOf(err) != ca.Unwritable) {
			t.Errorf("%s: %v, want %q", c.home, err, c.words)
		}
	}
	// for root itself, through the function that makes labs
	config := DefaultConfig()
	config.Key = ca.P256
	if _, err := Create(filepath.Join(open, "lab"), config, Options{}); err == nil {
		t.Error("a lab is made in a folder that others can change")
	}
	if _, err := os.Stat(filepath.Join(open, "lab")); err == nil {
		t.Error("what is refused leaves a folder")
	}
}
