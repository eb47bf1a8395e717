package oidc

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/igc-lab/igc/cli"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
	"github.com/igc-lab/igc/internal/web"
)

func TestMain(m *testing.M) {
	labtest.Main(m, func() { os.Exit(cli.Main(os.Args, os.Stdin, os.Stdout, os.Stderr)) })
}

// packages are what npm fetches.
var packages = []string{"openid-client@6.9.0", "undici@7.16.0", "jose@6.1.3"}

// registered is what igc psc client add prints.
type registered struct {
	ID        string `json:"client_id"`
	Secret    string `json:"client_secret"`
	Issuer    string `json:"issuer"`
	Discovery string `json:"discovery"`
	Folder    string `json:"certificate_folder"`
}

func register(t *testing.T, l *labtest.Lab, args ...string) (c registered) {
	t.Helper()
	if err := json.Unmarshal([]byte(l.Must(append([]string{"psc", "client", "add", "--json"}, args...)...)),
		&c); err != nil {
		t.Fatal(err)
	}
	return c
}

const person = "899700999909"

func TestOpenIDClient(t *testing.T) {
	modules := peer.NodeModules(t, packages...)
	l := labtest.New(t, "--key", "p256")
	s := l.Serve()
	doctor := l.Issue("--fixture", "alain", "--clear-keys")
	logout := labtest.FreePorts(t)
	const redirect = "http://localhost:3000/cb"
	app := register(t, l, "mon-lgc", "--redirect", redirect, "--post-logout", redirect, "--backchannel-logout",
		"http://localhost:"+logout+"/logout")
	mutual := register(t, l, "mon-serveur", "--mtls", "--redirect", redirect)
	l.Must("ecps", "activate", person, "--pin", "1234")
	l.Must("ecps", "policy", "approve")
	l.Must("psc", "set", "ciba_interval=1")

	script := filepath.Join(modules, "openid-client.mjs")
	labtest.Write(t, script, []byte(labtest.Read(t, "testdata/openid-client.mjs")))
	root := filepath.Join(t.TempDir(), "root.pem")
	labtest.Write(t, root, []byte(l.Must("show", "--pem", "ACR-EL")))
	cmd := exec.Command("node", script)
	cmd.Env = append(os.Environ(), "CA="+root, "CLIENT="+app.ID, "SECRET="+app.Secret, "ISSUER="+app.Issuer,
		"DISCOVERY="+app.Discovery,
		"REDIRECT="+redirect, "PERSON="+person, "DOCTOR=899700209812", "LOGOUT_PORT="+logout,
		"CARD_PORT="+web.Port(strings.TrimSuffix(strings.TrimPrefix(s.URLs["card_login"], "https://"), "/")),
		"DOCTOR_CERT="+doctor.File("authentication.pem"), "DOCTOR_KEY="+doctor.File("authentication.clear.key"),
		"MTLS_CLIENT="+mutual.ID, "MTLS_CERT="+filepath.Join(mutual.Folder,
			"client.pem"), "MTLS_KEY="+filepath.Join(mutual.Folder, "client.clear.key"))
	out, err := cmd.CombinedOutput()
	passed := strings.Count(string(out), "ok - ")
	if err != nil || passed < 36 {
		t.Fatalf("%d checks passed, %v\n%s\n%s", passed, err, out, l.Must("psc", "requests"))
	}
	t.Logf("%d checks passed", passed)
}
