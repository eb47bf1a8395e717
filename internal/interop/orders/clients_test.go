package orders

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/igc-lab/igc/cli"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
)

func TestMain(m *testing.M) {
	labtest.Main(m, func() { os.Exit(cli.Main(os.Args, os.Stdin, os.Stdout, os.Stderr)) })
}

// stand is a lab that serves, with a token for a technical administrator.
type stand struct {
	dir, url, root, token, document string
}

func newStand(t *testing.T) stand {
	t.Helper()
	l := labtest.New(t, "--key", "p256")
	s := stand{dir: t.TempDir()}
	s.root, s.document = filepath.Join(s.dir, "root.pem"), filepath.Join(s.dir, "openapi.yaml")
	labtest.Write(t, s.root, []byte(l.Must("show", "--pem", "ACR-EL")))
	s.token = strings.TrimSpace(l.Must("token", "add", "clients", "--scope", "orders:read", "--scope", "orders:write",
		"--scope", "revoke", "--role", "administrateur-technique:10B0057881"))
	s.url = strings.TrimSuffix(strings.TrimSuffix(l.Serve().URLs["card_desk"], "/"), "/commandes")
	peer.Run(t, "curl", "-sS", "--fail", "--noproxy", "*", "--cacert", s.root, "-o", s.document,
		s.url+"/api/v1/openapi.yaml")
	return s
}

// run runs a command in the folder, with what the flows need to know.
func (s stand) run(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LAB="+s.url, "TOKEN="+s.token, "ROOT="+s.root, "NODE_EXTRA_CA_CERTS="+s.root,
		"CSR="+filepath.Join(s.dir, "server.csr"), "GOFLAGS=-mod=mod", "NO_PROXY=localhost")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", program, args, err, out)
	}
	return string(out)
}

// A client in TypeScript that openapi-typescript types: it compiles, and leads an order through its
// life.
func TestTypeScript(t *testing.T) {
	for _, program := range []string{"node", "npm", "curl", "openssl"} {
		peer.Need(t, program)
	}
	modules := peer.NodeModules(t, "openapi-typescript@7.13.0", "openapi-fetch@0.17.0", "typescript@5.9.3",
		"@types/node@20")
	s := newStand(t)
	peer.Run(t, "openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
		filepath.Join(s.dir, "server.key"), "-out", filepath.Join(s.dir, "server.csr"), "-subj", "/CN=srv.test",
		"-addext", "subjectAltName=DNS:srv.test")
	bin := func(name string) string { return filepath.Join(modules, "node_modules", ".bin", name) }
	if err := os.Symlink(filepath.Join(modules, "node_modules"), filepath.Join(s.dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	labtest.Write(t, filepath.Join(s.dir, "package.json"), []byte(`{"type": "module"}`))
	flow := labtest.Read(t, filepath.Join("testdata", "flow.ts"))
	s.run(t, s.dir, bin("openapi-typescript"), "openapi.yaml", "-o", "api.d.ts")
	compile := []string{"--strict", "--module", "nodenext", "--target", "es2022", "--types", "node", "--skipLibCheck",
		"flow.ts"}
	labtest.Write(t, filepath.Join(s.dir, "flow.ts"), []byte(flow))
	s.run(t, s.dir, bin("tsc"), compile...)
	if got := strings.TrimSpace(s.run(t, s.dir, "node", "flow.js")); got != "AUTH_CLI révoqué, SSL_SERV retiré" {
		t.Errorf("the flow ends with %q", got)
	}
}

// A client in Go that oapi-codegen makes.
func TestGoClient(t *testing.T) {
	peer.Need(t, "curl")
	s := newStand(t)
	dir := filepath.Join(s.dir, "client")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	labtest.Write(t, filepath.Join(dir, "main.go"), []byte(labtest.Read(t, filepath.Join("testdata", "flow.go.txt"))))
	labtest.Write(t, filepath.Join(dir, "go.mod"), []byte("module flow\n\ngo 1.24\n"))
	generate := exec.Command("go", "run", "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2",
		"-generate",
		"types,client", "-package", "main", "-o", filepath.Join(dir, "api.gen.go"), s.document)
	generate.Env = append(os.Environ(), "GOFLAGS=-mod=mod")
	generate.Dir = dir
	if out, err := generate.CombinedOutput(); err != nil {
		peer.Missing(t, "oapi-codegen ("+string(out)+")")
	}
	s.run(t, dir, "go", "mod", "tidy")
	if got := strings.TrimSpace(s.run(t, dir, "go", "run", ".")); got != "AUTH_CLI révoqué" {
		t.Errorf("the flow ends with %q", got)
	}
}
