package logins

import (
	"bufio"
	"crypto/x509"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
)

// hidden is the token of oidc-provider's logout form.
var hidden = regexp.MustCompile(`name="xsrf" value="([^"]+)"`)

// startNode starts npm's oidc-provider, which answers the same requests over TLS, with its state in
// memory; nil where node is not there.
func startNode(t testing.TB, l *labtest.Lab) *contender {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		return nil
	}
	dir := peer.NodeModules(t, "oidc-provider@9.13.3")
	script := filepath.Join(dir, "oidc-provider.mjs")
	labtest.Write(t, script, []byte(labtest.Read(t, "testdata/oidc-provider.mjs")))
	server := l.Issue("--fixture", "serveur", "--dns", "localhost", "--clear-keys")
	cmd := exec.Command("node", script)
	cmd.Env = append(os.Environ(), "NODE_ENV=production", "CERT="+server.File("server.pem"),
		"KEY="+server.File("server.clear.key"), "REDIRECT="+redirect,
		"PORT="+labtest.FreePorts(t), "PERSON="+doctor)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	at := strings.TrimSpace(line)
	p := &provider{issuer: at, wallet: at, client: "app", secret: "secret", roots: x509.NewCertPool(),
		byScript: func(b *person) (string, error) {
			got, err := b.do(t.Context(), "GET", b.authorization(), nil)
			if err == nil && got.to.Get("code") == "" {
				err = errors.New("no code: " + got.at.String() + got.body)
			}
			if err != nil {
				return "", err
			}
			return got.to.Get("code"), nil
		}}
	if !p.roots.AppendCertsFromPEM([]byte(labtest.Read(t, server.File("server.pem")))) {
		t.Fatal("no certificate")
	}
	return newContender("node", cmd.Process.Pid, p)
}
