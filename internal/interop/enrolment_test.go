package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
	"github.com/igc-lab/igc/internal/web"
)

var headingOrCommands = regexp.MustCompile("(?ms)^## ([^\n]+)$|^```sh\n(.*?)^```$")

// recipes are the commands of a page of docs, in its order, under their headings. Both languages
// have the same.
func recipes(t *testing.T, name string) (headings, commands []string) {
	t.Helper()
	var pages [2][]string
	for i, suffix := range []string{".md", ".fr.md"} {
		heading := ""
		for _, found := range headingOrCommands.FindAllStringSubmatch(labtest.Read(t, "../../docs/"+name+suffix), -1) {
			if found[1] != "" {
				heading = found[1]
				continue
			}
			pages[i] = append(pages[i], found[2])
			if i == 0 {
				headings = append(headings, heading)
			}
		}
	}
	if !slices.Equal(pages[0], pages[1]) || len(pages[0]) == 0 {
		t.Fatalf("the commands of docs/%s.md and docs/%[1]s.fr.md differ, or there are none", name)
	}
	return headings, pages[0]
}

// runRecipes runs the commands of a page as they stand, but for the port, in one shell and folder
// over a lab that serves, and returns the folder.
func runRecipes(t *testing.T, name, keys string, tools ...string) (*labtest.Lab, string) {
	t.Helper()
	for _, tool := range tools {
		peer.Need(t, tool)
	}
	l, dir := labtest.New(t, "--key", keys), t.TempDir()
	server := l.Serve()
	port := web.Port(strings.Split(strings.TrimPrefix(server.URLs["card_desk"], "https://"), "/")[0])
	headings, commands := recipes(t, name)
	var script strings.Builder
	for i, text := range commands {
		text = strings.TrimPrefix(strings.ReplaceAll(text, ":8455", ":"+port), "igc serve &\n")
		script.WriteString("echo \"## " + headings[i] + "\" >&2\n" + text)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-eo", "pipefail", "-c", script.String())
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "IGC_HOME="+l.Home, "IGC_LANG=en")
	if out, err := cmd.CombinedOutput(); err != nil {
		refusals := ""
		for _, name := range []string{"srv.p7", "again.p7", "srv.json", "store.answer", "status.json"} {
			answer, _ := os.ReadFile(filepath.Join(dir, name))
			refusals += string(answer)
		}
		t.Fatalf("%v\n%s\n%s\n%s", err, out, refusals, server.Log)
	}
	return l, dir
}

// The recipes of docs/est.md: every certificate that they get is the lab's, and renewed ones have
// the names of the first.
func TestESTRecipes(t *testing.T) {
	l, dir := runRecipes(t, "est", "p256", "curl", "openssl", "pki")
	in := func(name string) string { return filepath.Join(dir, name) }
	subject := func(file string) string {
		return peer.Run(t, "openssl", "x509", "-in", in(file), "-noout", "-subject")
	}
	if subject("srv.pem") != subject("again.pem") || !strings.Contains(subject("vpn.pem"), "vpn.hopital.test") {
		t.Errorf("%s%s%s", subject("srv.pem"), subject("again.pem"), subject("vpn.pem"))
	}
	servers := 0
	for _, r := range l.List() {
		if r.Profile == "ssl-serv/server" && r.Holder.Structure == "10B0057881" {
			servers++
		}
	}
	if servers != 3 {
		t.Errorf("%d certificates of servers were issued", servers)
	}
}

// The recipes of docs/ejbca.md.
func TestEJBCARecipes(t *testing.T) {
	_, dir := runRecipes(t, "ejbca", "rsa2048", "curl", "openssl", "jq")
	in := func(name string) string { return filepath.Join(dir, name) }
	for file, words := range map[string]string{"status.json": `"revocation_reason":"SUPERSEDED"`,
		"authorities.json": `"name":"ACI-EL-ORG"`, "chain.pem": "Issuer: CN=TEST AC RACINE",
		"dmp.pem": "BEGIN CERTIFICATE"} {
		if text := labtest.Read(t, in(file)); !strings.Contains(text, words) {
			t.Errorf("%s has no %s:\n%s", file, words, text)
		}
	}
}
