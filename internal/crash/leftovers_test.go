package crash

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/internal/labtest"
)

// What killed commands leave is removed by the next that issues, or by igc doctor --fix; what one
// is writing now is not.
func TestLeftovers(t *testing.T) {
	l := labtest.New(t, "--key", "p256", "--gamme", "FO")
	old := time.Now().Add(-2 * time.Hour)
	leave := func() (gone []string) {
		t.Helper()
		for _, name := range []string{".igc-123", "passphrase.abcdefgh", "keys/.igc-456", "cards/.card-789/reserve"} {
			path := filepath.Join(l.Home, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			labtest.Write(t, path, []byte("unfinished"))
			gone = append(gone, path)
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chtimes(filepath.Join(l.Home, "cards", ".card-789"), old, old); err != nil {
			t.Fatal(err)
		}
		return gone
	}
	is := func(path string) bool { _, err := os.Lstat(path); return err == nil }
	// a command that is killed while it makes a card
	died := false
	for after := 20 * time.Millisecond; !died && after < 5*time.Second; after += 10 * time.Millisecond {
		if _, died = killAfter(t, l.Command("issue", "--fixture", "alain"), after); died {
			found, _ := filepath.Glob(filepath.Join(l.Home, "cards", ".card-*"))
			died = len(found) > 0
		}
	}
	killed, _ := filepath.Glob(filepath.Join(l.Home, "cards", ".card-*"))
	t.Logf("killed commands left %q", killed)
	gone := leave()
	l.Issue("--fixture", "alain")
	for _, path := range gone {
		if is(path) {
			t.Errorf("%s is left", path)
		}
	}
	for _, path := range killed { // not old enough: it might be another's work
		if !is(path) {
			t.Errorf("%s was removed while it is new", path)
		}
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	gone = append(leave(), killed...)
	out, _, err := l.Run("doctor")
	exit := (*exec.ExitError)(nil)
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(out, "left by commands that were killed") {
		t.Errorf("igc doctor: %v, %s", err, out)
	}
	if out, _, _ = l.Run("doctor", "--fix"); !strings.Contains(out, "fixed") {
		t.Errorf("igc doctor --fix: %s", out)
	}
	for _, path := range gone {
		if is(path) {
			t.Errorf("%s is left by --fix", path)
		}
	}
	if !is(filepath.Join(l.Home, "passphrase")) || len(l.List()) == 0 {
		t.Error("the lab suffered")
	}
}
