package browsers

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/igc-lab/igc/internal/peer"
)

// axeVersion is that of axe-core (Deque Systems, MPL-2.0), which checks accessibility. npm fetches
// it from the registry when a test first needs it and verifies it; it is not a part of the project.
const axeVersion = "axe-core-4.14.1"

// axeCore is the script of axe-core, from npm and then from the user's cache.
func axeCore(t testing.TB) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = t.TempDir()
	}
	cache = filepath.Join(cache, "igc-test")
	file := filepath.Join(cache, axeVersion+".min.js")
	if script, err := os.ReadFile(file); err == nil {
		return string(script)
	}
	peer.Need(t, "npm")
	dir := t.TempDir()
	if out, err := peer.Try(t, "npm", "pack", "axe-core@"+axeVersion[len("axe-core-"):], "--silent",
		"--pack-destination", dir); err != nil {
		peer.Missing(t, "axe-core from the npm registry ("+out+")")
	}
	f, err := os.Open(filepath.Join(dir, axeVersion+".tgz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for files := tar.NewReader(z); ; {
		h, err := files.Next()
		if err != nil {
			t.Fatal(errors.Join(errors.New("no axe.min.js in the package"), err))
		}
		if h.Name != "package/axe.min.js" {
			continue
		}
		script, err := io.ReadAll(files)
		if err != nil {
			t.Fatal(err)
		}
		if os.MkdirAll(cache, 0o755) == nil {
			os.WriteFile(file, script, 0o644) // only to be faster the next time
		}
		return string(script)
	}
}

// accessible has axe check the page: by every rule that it has for WCAG 2.2 A and AA, and its own
// good practices.
func (v *visitor) accessible(axe string) {
	v.t.Helper()
	do(v, chromedp.Evaluate[bool](axe+"\n;true"))
	found := do(v, chromedp.Evaluate[string](`axe.run().then(r => JSON.stringify({passes: r.passes.length, violations: r.violations.map(v =>
		({rule: v.id, why: v.help, where: v.nodes.slice(0, 3).map(n => n.html + " " + n.failureSummary)}))}))`, chromedp.EvalAwaitPromise))
	var report struct {
		Passes     int
		Violations []json.RawMessage
	}
	if err := json.Unmarshal([]byte(found), &report); err != nil {
		v.t.Fatal(err)
	}
	if report.Passes < 10 {
		v.t.Errorf("axe looked at next to nothing: %s", found)
	}
	for _, violation := range report.Violations {
		v.t.Errorf("axe: %s", violation)
	}
}
