package cli

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/igc-lab/igc/internal/labtest"
)

// go install MODULE@VERSION works, from a module proxy that has this tree: it refuses a go.mod with
// replace or exclude, and a tree with files that a module cannot have. The program says its
// version.
func TestGoInstall(t *testing.T) {
	t.Parallel()
	const module, tag = "github.com/igc-lab/igc", "v0.0.1"
	dir := t.TempDir()
	proxy := filepath.Join(dir, "proxy", module, "@v")
	if err := os.MkdirAll(proxy, 0o700); err != nil {
		t.Fatal(err)
	}
	labtest.Write(t, filepath.Join(proxy, tag+".mod"), []byte(labtest.Read(t, "../go.mod")))
	labtest.Write(t, filepath.Join(proxy, tag+".info"), fmt.Appendf(nil, `{"Version":%q,"Time":"2026-11-25T00:00:00Z"}`, tag))
	labtest.Write(t, filepath.Join(proxy, "list"), []byte(tag+"\n"))
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	tree := os.DirFS("..")
	if err := fs.WalkDir(tree, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (path == ".git" || path == "build" || path != "." && exists(filepath.Join("..", path, "go.mod"))):
			return fs.SkipDir
		case !d.Type().IsRegular() || path == ".git":
			return nil
		}
		data, err := fs.ReadFile(tree, path)
		if err != nil {
			return err
		}
		w, err := z.Create(module + "@" + tag + "/" + path)
		if err == nil {
			_, err = w.Write(data)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	labtest.Write(t, filepath.Join(proxy, tag+".zip"), archive.Bytes())

	cache, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	// what this module needs is in the cache already: these tests were built of it
	downloads := "file://" + filepath.Join(strings.TrimSpace(string(cache)), "cache", "download")
	bin := filepath.Join(dir, "bin")
	cmd := exec.Command("go", "install", "-tags", "urfave_cli_no_docs", module+"/cli/igc@"+tag)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOPROXY=file://"+filepath.Join(dir, "proxy")+","+downloads, "GOSUMDB=off", "GOFLAGS=-modcacherw",
		"GOMODCACHE="+filepath.Join(dir, "modules"), "GOBIN="+bin, "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%q: %v\n%s", cmd.Args, err, out)
	}
	out, err := exec.Command(filepath.Join(bin, "igc"), "--version").CombinedOutput()
	if err != nil || !strings.Contains(string(out), tag) {
		t.Errorf("igc --version: %s, %v", out, err)
	}
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }
