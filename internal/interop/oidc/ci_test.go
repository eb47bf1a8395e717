package oidc

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
)

// The script of docs/ci.md runs as it stands there, on other ports, with the page's test; it fails
// when that does, and leaves no server behind.
func TestContinuousIntegration(t *testing.T) {
	peer.Need(t, "curl")
	var scripts []string
	for _, b := range readPage(t, "ci") {
		if b.language == "sh" {
			scripts = append(scripts, b.text)
		}
	}
	if len(scripts) != 2 {
		t.Fatalf("docs/ci.md has %d scripts", len(scripts))
	}
	first := labtest.FreePorts(t)
	ports := portsFrom(t, first)
	adapt := strings.NewReplacer(append(ports, "igc init --key p256", "igc init --key p256 --port "+first)...)
	for name, test := range map[string]string{"passes": scripts[1], "fails": "exit 3\n"} {
		t.Run(name, func(t *testing.T) {
			s := &site{T: t, dir: t.TempDir()}
			labtest.Write(t, s.file("psc.sh"), []byte(adapt.Replace(scripts[0])))
			labtest.Write(t, s.file("test.sh"), []byte(adapt.Replace(test)))
			cmd := exec.CommandContext(t.Context(), "sh", "psc.sh")
			cmd.Dir, cmd.Env = s.dir, append(os.Environ(), "IGC_LANG=en")
			out, err := cmd.CombinedOutput()
			want := map[string]int{"passes": 0, "fails": 3}[name]
			if code := cmd.ProcessState.ExitCode(); code != want {
				t.Fatalf("exit code %d, want %d: %v\n%s\n%s", code, want, err, out, labtest.Read(t, s.file("igc.log")))
			}
			if out, err := peer.Try(t, "curl", "-s", adapt.Replace("http://localhost:8080/healthz")); err == nil {
				t.Errorf("the server still runs: %s", out)
			}
		})
	}
}
