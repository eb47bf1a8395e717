package oidc

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
)

// The recipes of docs/psc.md are run as they stand there, but for ports and the secret; a person
// logs in, and out.
func TestRecipes(t *testing.T) {
	peer.Need(t, "curl")
	s := newSite(t)
	folder := regexp.MustCompile(`certificate and key +(\S+)`).FindStringSubmatch(s.sh(s.text("Mutual TLS", "")))
	if folder == nil {
		t.Fatal("no folder")
	}
	for _, name := range []string{"client.pem", "client.clear.key"} {
		labtest.Write(t, s.file(name), []byte(labtest.Read(t, filepath.Join(folder[1], name))))
	}
	t.Run("openid-client", s.openIDClient)
	t.Run("Apache", s.apache)
	t.Run("oauth2-proxy", s.oauth2Proxy)
	t.Run("CIBA", s.ciba)
	t.Run("commands", s.commands)
	t.Run("Spring Boot", s.spring)
}

// openIDClient runs the page's program with a secret, and with a certificate.
func (s *site) openIDClient(t *testing.T) {
	modules := peer.NodeModules(t, packages...)
	if err := os.Symlink(filepath.Join(modules, "node_modules"), s.file("node_modules")); err != nil {
		t.Fatal(err)
	}
	run := regexp.MustCompile(`(?m)^npm .*\n`).ReplaceAllString(s.text("openid-client (Node.js)", "sh"), "")
	app := s.text("openid-client (Node.js)", "js")
	config := regexp.MustCompile(`(?s)const config = .*?;\n`)
	mutual := config.ReplaceAllLiteralString(app, s.text("Mutual TLS", "js"))
	for name, program := range map[string]string{"secret": app, "mutual TLS": mutual} {
		t.Run(name, func(t *testing.T) {
			labtest.Write(t, s.file("app.mjs"), []byte(program))
			_, stop := s.start(t, s.command(s.dir, strings.Replace(run, "node ", "exec node ", 1)))
			defer stop()
			p := newVisitor(t, s.root, person).login(s.address("/"))
			wantAll(t, "the page", p.body, `"SubjectNameID": "`+person+`"`, `"authMode": "MOBILE"`,
				"identifiantTechniqueDeLaStructure")
		})
	}
}

// apache runs Debian's module with ANS's directives: claims as headers, logout by the service, by a
// logout token, mutual TLS.
func (s *site) apache(t *testing.T) {
	const modules = "/usr/lib/apache2/modules/"
	peer.Need(t, "apache2")
	if _, err := os.Stat(modules + "mod_auth_openidc.so"); err != nil {
		peer.Missing(t, "libapache2-mod-auth-openidc")
	}
	const heading = "Apache (mod_auth_openidc)"
	s.sh(s.text(heading, "sh"))
	base := "ServerRoot " + s.dir + "\nPidFile apache.pid\nErrorLog /dev/stderr\nDefaultRuntimeDir " + s.dir +
		"\nServerName localhost\nListen 127.0.0.1:" + s.port + "\n"
	for _, m := range strings.Fields("mpm_event authn_core authz_core authz_user proxy proxy_http auth_openidc") {
		base += "LoadModule " + m + "_module " + modules + "mod_" + m + ".so\n"
	}
	site := s.text(heading, "apache")
	mutual := regexp.MustCompile(`(?m)^OIDCClientID .*\nOIDCClientSecret .*\n`).
		ReplaceAllLiteralString(site, s.text("Mutual TLS", "apache"))
	if mutual == site {
		t.Fatal("nothing is replaced")
	}
	claims := []string{"Oidc_claim_subjectnameid: " + person, "Oidc_claim_authmode: MOBILE", "Oidc_claim_acr: eidas1",
		"Oidc_claim_acces_regulation_medicale: FAUX", `Oidc_claim_subjectrefpro: {"codeCivilite":`,
		"Oidc_access_token: "}
	start := func(t *testing.T, config string) func() {
		labtest.Write(t, s.file("apache.conf"), []byte(base+config))
		cmd := exec.CommandContext(t.Context(), "apache2", "-X", "-f", s.file("apache.conf"))
		cmd.Dir = s.dir
		_, stop := s.start(t, cmd)
		return stop
	}
	t.Run("secret", func(t *testing.T) {
		defer start(t, site)()
		v := newVisitor(t, s.root, person)
		p := v.login(s.address("/patient?id=1"))
		wantAll(t, "the application", p.body, append(claims, "application: /patient")...)
		if p.url.RawQuery != "id=1" {
			t.Errorf("the visitor is at %s", p.url)
		}

		p = v.get(s.address("/cb?logout=" + s.address("/bye")))
		if p.url.Path != "/bye" || p.status != 404 && p.status != 200 {
			t.Errorf("after the logout: %s, %d %s", p.url, p.status, p.body)
		}
		if p = v.get(s.address("/")); !p.asksForLogin() {
			t.Errorf("after the logout the visitor is in: %s\n%s", p.url, p.body)
		}

		v.login(s.address("/"))
		other := newVisitor(t, s.root, person)
		other.login(s.address("/"))
		s.logOutOfProvider(t, v)
		labtest.Until(t, "the service ends its session", func() bool { return v.get(s.address("/")).asksForLogin() })
		wantAll(t, "another session", other.get(s.address("/")).body, claims...)
	})
	t.Run("mutual TLS", func(t *testing.T) {
		defer start(t, mutual)()
		v := newVisitor(t, s.root, person)
		wantAll(t, "the application", v.login(s.address("/")).body, append(claims, "Oidc_claim_aud: mon-serveur")...)
		if p := v.get(s.address("/cb?logout=" + s.address("/bye"))); p.url.Path != "/bye" {
			t.Errorf("after the logout: %s", p.url)
		}
	})
}

// oauth2ProxyVersion is what go install is asked for.
const oauth2ProxyVersion = "v7.15.6"

// oauth2ProxyProgram builds oauth2-proxy once, in the user's cache.
func oauth2ProxyProgram(t *testing.T) string {
	t.Helper()
	peer.Need(t, "go")
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = t.TempDir()
	}
	dir := filepath.Join(cache, "igc-test", "oauth2-proxy-"+strings.TrimPrefix(oauth2ProxyVersion, "v"))
	program := filepath.Join(dir, "oauth2-proxy")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	labtest.Exclusive(t, dir+".lock")
	if _, err := os.Stat(program); err == nil {
		return dir
	}
	const module = "github.com/oauth2-proxy/oauth2-proxy/v7@"
	cmd := exec.CommandContext(t.Context(), "go", "install", module+oauth2ProxyVersion)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		peer.Missing(t, "oauth2-proxy "+oauth2ProxyVersion+" ("+string(out)+")")
	}
	return dir
}

func (s *site) oauth2Proxy(t *testing.T) {
	dir := oauth2ProxyProgram(t)
	labtest.Write(t, s.file("oauth2-proxy.cfg"), []byte(s.text("oauth2-proxy", "toml")))
	set, run, ok := strings.Cut(s.text("oauth2-proxy", "sh"), "\n")
	if !ok {
		t.Fatal(set)
	}
	s.sh(set)
	cmd := s.command(s.dir, "exec "+run)
	cmd.Env = append(cmd.Env, "PATH="+dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	_, stop := s.start(t, cmd)
	defer stop()
	v := newVisitor(t, s.root, person)
	p := v.login(s.address("/patient"))
	wantAll(t, "the application", p.body, "application: /patient", "X-Forwarded-Preferred-Username: "+person)
	// its own session is closed, and Pro Santé Connect's
	if p = v.get(s.address("/oauth2/sign_out")); !p.asksForLogin() {
		t.Errorf("after the logout the visitor is in: %s\n%d %s", p.url, p.status, p.body)
	}
}

// ciba runs the page's two calls.
func (s *site) ciba(t *testing.T) {
	lines := strings.SplitAfter(s.text("CIBA", "sh"), "\n")
	var request struct {
		ID string `json:"auth_req_id"`
	}
	if err := json.Unmarshal([]byte(s.sh(lines[0]+lines[1])), &request); err != nil {
		t.Fatal(err)
	}
	poll := strings.Replace(lines[2], "auth_req_id=ID", "auth_req_id="+request.ID, 1)
	wantAll(t, "the answer", s.sh(lines[0]+poll), `"id_token":"`, `"scope":"openid`)
}

// commands runs those of "Tests without a browser", one after the other.
func (s *site) commands(t *testing.T) {
	wantAll(t, "the commands", s.sh(s.text("Tests without a browser", "")), "access token", "ID token", "refresh token",
		"signature valid", "(+31m0s)", "by_mode *", "new signing key", "ciba")
}
