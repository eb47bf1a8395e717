package peer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// NodeModules installs packages of npm once, in the user's cache, and returns the folder that a
// script which imports them stands in.
func NodeModules(t testing.TB, packages ...string) string {
	t.Helper()
	Need(t, "npm")
	Need(t, "node")
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = t.TempDir()
	}
	dir := filepath.Join(cache, "igc-test", strings.NewReplacer("@", "-").Replace(strings.Join(packages, "_")))
	if _, err := os.Stat(filepath.Join(dir, "complete")); err == nil {
		return dir
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"install", "--prefix", dir, "--no-audit", "--no-fund", "--silent"}, packages...)
	if out, err := Try(t, "npm", args...); err != nil {
		Missing(t, strings.Join(packages, " ")+" from the npm registry ("+out+")")
	}
	if err := os.WriteFile(filepath.Join(dir, "complete"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}
