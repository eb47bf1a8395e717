package cardtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/igc-lab/igc/internal/peer"
)

var (
	moduleOnce sync.Once
	moduleErr  error
)

// Module is libigc-cps.so, built as its users build it, once a test run.
func Module(t testing.TB) string {
	t.Helper()
	peer.Need(t, "make")
	peer.Need(t, "gcc")
	_, file, _, _ := runtime.Caller(0)
	root := filepath.Dir(filepath.Dir(filepath.Dir(file)))
	path := filepath.Join(root, "build", "libigc-cps.so")
	moduleOnce.Do(func() {
		// Packages are tested in processes of their own: each builds in a place of its own, and
		// renames.
		if moduleErr = os.MkdirAll(filepath.Dir(path), 0o755); moduleErr != nil {
			return
		}
		work, err := os.MkdirTemp(filepath.Dir(path), "module-*")
		if err != nil {
			moduleErr = err
			return
		}
		defer os.RemoveAll(work)
		made := filepath.Join(work, filepath.Base(path))
		cmd := exec.Command("make", "-s", "-C", root, "module", "MODULE="+made)
		cmd.Stderr = os.Stderr
		if moduleErr = cmd.Run(); moduleErr == nil {
			moduleErr = os.Rename(made, path)
		}
	})
	if moduleErr != nil {
		t.Fatal(moduleErr)
	}
	return path
}
