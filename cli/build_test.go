package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// The program as it is handed out keeps these bounds of modules and size. It can be built without
// PostgreSQL, and then says so.
func TestBuilds(t *testing.T) {
	if testing.Short() {
		t.Skip("links the program twice")
	}
	t.Parallel()
	for _, c := range []struct {
		tags    string
		modules int
		mb      float64 // on linux/amd64
	}{
		{"urfave_cli_no_docs,nopkcs11", 52, 31},
		{"urfave_cli_no_docs,nopkcs11,nopostgres", 44, 27},
	} {
		t.Run(c.tags, func(t *testing.T) {
			program := filepath.Join(t.TempDir(), "igc")
			// Compiled as other tests do, so most is there already. Linked as it is handed out,
			// without cgo, and so without what calls PKCS#11 tokens.
			build := exec.Command("go", "build", "-tags", c.tags, "-ldflags=-s -w", "-o", program,
				"github.com/igc-lab/igc/cli/igc")
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			info, err := os.Stat(program)
			if err != nil {
				t.Fatal(err)
			}
			linked, err := exec.Command("go", "version", "-m", program).Output()
			if err != nil {
				t.Fatal(err)
			}
			modules, mb := strings.Count(string(linked), "\n\tdep\t"), float64(info.Size())/1e6
			t.Logf("%d modules, %.2f MB", modules, mb)
			if modules > c.modules {
				t.Errorf("%d modules are linked, more than %d", modules, c.modules)
			}
			if runtime.GOOS+runtime.GOARCH == "linuxamd64" && mb > c.mb {
				t.Errorf("%.2f MB, more than %.0f", mb, c.mb)
			}
			run := func(args ...string) string {
				cmd := exec.Command(program, args...)
				cmd.Env = append(os.Environ(), "IGC_HOME="+filepath.Join(t.TempDir(), "lab"), "LC_ALL=C.UTF-8")
				out, _ := cmd.CombinedOutput()
				return string(out)
			}
			without := strings.Contains(c.tags, "nopostgres")
			for _, args := range [][]string{
				{"init", "--store", "postgres://nobody@127.0.0.1:1/none"},
				{"store", "migrate", "postgres://nobody@127.0.0.1:1/none"},
				{"store", "copy", "postgres://nobody@127.0.0.1:1/none",
					"bbolt:" + filepath.Join(t.TempDir(), "igc.db")},
			} {
				out := run(args...)
				said := strings.Contains(out, "tag nopostgres") && strings.Contains(out, "store: bbolt")
				if said != without {
					t.Errorf("igc %s: %s", args[0], out)
				}
			}
			pin := filepath.Join(t.TempDir(), "pin")
			if err := os.WriteFile(pin, []byte("1234\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			out := run("init", "--authority-keys", "pkcs11:token=x?pin-source="+pin)
			if !strings.Contains(out, "make build CGO=1") {
				t.Errorf("a token without cgo: %s", out)
			}
			if out := run("list"); !strings.Contains(out, "igc init") { // a lab in a file, which is not there
				t.Errorf("igc list: %s", out)
			}
		})
	}
}
