package crash

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/internal/labtest"
)

// kill -9 of igc backup and igc restore at random moments: a backup is whole or not there, and so
// is a lab; the lab that is copied never suffers.
func TestKillBackup(t *testing.T) {
	kills := killsWanted(t, 24)
	l := labtest.New(t, "--key", "p256", "--gamme", "FO")
	for range 5 {
		l.Issue("--fixture", "alain")
	}
	dir := t.TempDir()
	whole := filepath.Join(dir, "whole.tar")
	start := time.Now()
	l.Must("backup", whole)
	backupTook := time.Since(start)
	start = time.Now()
	first := *l
	first.Home = filepath.Join(dir, "first")
	first.Must("restore", whole)
	restoreTook := time.Since(start)
	within := func(took time.Duration) time.Duration { return time.Duration(rand.Int64N(int64(took)*5/4) + 1) }
	verify := func(what, home string) {
		t.Helper()
		again := *l
		again.Home = home
		again.Must("audit", "verify")
		if out := again.Must("list"); strings.Count(out, "DODO") != 5 {
			t.Errorf("%s: %s", what, out)
		}
	}
	outcomes := map[string]int{}
	for i := range kills {
		file := filepath.Join(dir, fmt.Sprint(i, ".tar"))
		_, killed := killAfter(t, l.Command("backup", file), within(backupTook))
		if _, err := os.Stat(file); err == nil {
			outcomes["backup"]++
			home := filepath.Join(dir, fmt.Sprint(i, ".lab"))
			again := *l
			again.Home = home
			again.Must("restore", file)
			verify(file, home)
		} else if !errors.Is(err, fs.ErrNotExist) || !killed {
			t.Errorf("%v, killed: %v", err, killed)
		} else {
			outcomes["no backup"]++
		}

		home := filepath.Join(dir, fmt.Sprint(i, ".restored"))
		again := *l
		again.Home = home
		_, killed = killAfter(t, again.Command("restore", whole), within(restoreTook))
		if _, err := os.Stat(home); err == nil {
			outcomes["lab"]++
			verify(home, home)
		} else if !errors.Is(err, fs.ErrNotExist) || !killed {
			t.Errorf("%v, killed: %v", err, killed)
		} else {
			outcomes["no lab"]++
		}
	}
	verify("the lab itself", l.Home)
	t.Logf("%d kills: %v", 2*kills, outcomes)
}
