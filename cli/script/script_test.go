package script

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/igc-lab/igc/cli"
	"github.com/igc-lab/igc/internal/labtest"
)

func TestMain(m *testing.M) {
	labtest.Main(m, func() { os.Exit(cli.Main(os.Args, os.Stdin, os.Stdout, os.Stderr)) })
}

// What users type, in files that read like a terminal.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"remedy": remedy, "serving": serving,
			"capture": capture},
		Setup: func(env *testscript.Env) error {
			env.Setenv("IGC_HOME", filepath.Join(env.WorkDir, "lab"))
			env.Setenv("IGC_LANG", "en")
			env.Setenv("PORT", labtest.FreePorts(t))
			env.Setenv("PATH", filepath.Dir(labtest.Program())+string(filepath.ListSeparator)+env.Getenv("PATH")) // see labtest.Main
			return nil
		},
	})
}

// remedy CHECK [INPUT] runs the command that igc doctor prints for a check: what follows sees
// whether it did help. COPY in the command is the folder "copy".
func remedy(ts *testscript.TestScript, _ bool, args []string) {
	var findings []struct{ Check, Found, Remedy string }
	_ = ts.Exec("igc", "doctor", "--json") // its exit code says that something is to do
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &findings))
	for _, f := range findings {
		if f.Check == args[0] && f.Remedy != "" {
			ts.Logf("%s: %s\n→ %s", f.Check, f.Found, f.Remedy)
			input := "/dev/null"
			if len(args) > 1 {
				input = ts.MkAbs(args[1])
			}
			ts.Check(ts.Exec("sh", "-c", "{ "+strings.ReplaceAll(f.Remedy, "COPY", ts.MkAbs("copy"))+"; } <"+input))
			return
		}
	}
	ts.Fatalf("igc doctor has no command for %s", args[0])
}

// capture NAME PATTERN sets a variable to what the pattern matches in the last output.
func capture(ts *testscript.TestScript, _ bool, args []string) {
	found := regexp.MustCompile(args[1]).FindString(ts.ReadFile("stdout"))
	if found == "" {
		ts.Fatalf("%s matches nothing of the output", args[1])
	}
	ts.Setenv(args[0], found)
}

// serving PORT waits until a server has opened its last port.
func serving(ts *testscript.TestScript, _ bool, args []string) {
	for end := time.Now().Add(labtest.Patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", args[0])); err == nil {
			conn.Close()
			return
		}
	}
	ts.Fatalf("nobody listens on %s", args[0])
}
