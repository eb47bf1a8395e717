package cli

import (
	"encoding/json"
	"net"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// doctorCommands are those of scripts that go through what igc doctor finds.
var doctorCommands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	// mend CHECK [INPUT] runs the command that igc doctor prints for a check: what follows sees whether it did mend it. COPY is the folder "copy".
	"mend": func(ts *testscript.TestScript, neg bool, args []string) {
		var findings []finding
		_ = ts.Exec("igc", "doctor", "--json") // its exit code says that something is to do
		ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &findings))
		for _, f := range findings {
			if f.Check == args[0] && f.Mend != "" {
				ts.Logf("%s: %s\n→ %s", f.Check, f.Found, f.Mend)
				input := "/dev/null"
				if len(args) > 1 {
					input = ts.MkAbs(args[1])
				}
				ts.Check(ts.Exec("sh", "-c", "{ "+strings.ReplaceAll(f.Mend, "COPY", ts.MkAbs("copy"))+"; } <"+input))
				return
			}
		}
		ts.Fatalf("igc doctor has no command for %s", args[0])
	},
	// serving PORT waits until a server has opened its last port.
	"serving": func(ts *testscript.TestScript, neg bool, args []string) {
		for range 600 {
			if conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", args[0])); err == nil {
				conn.Close()
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		ts.Fatalf("nobody listens on %s", args[0])
	},
}
