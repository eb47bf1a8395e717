package testssl

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/card"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/cardtest"
	"github.com/igc-lab/igc/internal/peer"
	"github.com/igc-lab/igc/lab"
)

// trial is how a recipe is run: its files are there as they were copied, but for what the page says
// to adapt.
type trial struct {
	tools []string
	adapt func(r *run) map[string]string       // what a reader would put for the values to adapt; the rest stays
	start func(t *testing.T, r *run) *exec.Cmd // lays the files out; nil where there is nothing to start
	visit func(r *run, c testCard) (seen string, err error)
	sees  func(r *run) []string // what the application behind sees of the good card
	// accepted are the wrong cards that get in, as the page says.
	accepted []string
}

// trials are those of the recipes that the tests run, by their anchor.
var trials = map[string]trial{
	"nginx": {tools: []string{"nginx", "curl", "openssl"}, adapt: proxied, visit: visitHTTPS,
		start: func(t *testing.T, r *run) *exec.Cmd {
			put(t, r.path("nginx.conf"), "daemon off; master_process off; pid nginx.pid; error_log stderr; events {} http { access_log off; "+
				"client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;\n"+r.text("nginx.conf")+"\n}")
			return exec.Command("nginx", "-p", r.dir, "-c", "nginx.conf", "-e", "stderr")
		},
		sees: func(r *run) []string {
			return []string{"X-Ssl-Client-Verify: " + r.header("$ssl_client_verify"), "X-Ssl-Client-S-Dn: " + r.header("$ssl_client_s_dn"),
				"X-Ssl-Client-Serial: " + r.header("$ssl_client_serial"), "X-Ssl-Client-Cert: " + r.header("$ssl_client_escaped_cert")}
		}},
	"apache": {tools: []string{"apache2", "curl", "openssl"}, adapt: proxied, visit: visitHTTPS,
		start: func(t *testing.T, r *run) *exec.Cmd {
			config := "ServerRoot " + r.dir + "\nPidFile apache.pid\nErrorLog /dev/stderr\nDefaultRuntimeDir " + r.dir + "\nServerName localhost\n"
			for _, m := range []string{"mpm_event", "authz_core", "ssl", "headers", "proxy", "proxy_http"} {
				config += "LoadModule " + m + "_module /usr/lib/apache2/modules/mod_" + m + ".so\n"
			}
			put(t, r.path("apache.conf"), config+r.text("Un site"))
			return exec.Command("apache2", "-X", "-f", r.path("apache.conf"))
		},
		sees: func(r *run) []string {
			return []string{"X-Ssl-Client-Verify: " + r.header("SSL_CLIENT_VERIFY"), "X-Ssl-Client-S-Dn: " + r.header("SSL_CLIENT_S_DN"),
				"X-Ssl-Client-Serial: " + r.header("SSL_CLIENT_M_SERIAL")}
		}},
	"haproxy": {tools: []string{"haproxy", "curl", "openssl"}, adapt: proxied, visit: visitHTTPS,
		start: func(t *testing.T, r *run) *exec.Cmd {
			put(t, r.path("haproxy.cfg"), r.text("haproxy.cfg")+"\n")
			return exec.Command("haproxy", "-C", r.dir, "-f", "haproxy.cfg")
		},
		sees: func(r *run) []string {
			return []string{"X-Ssl-Client-Verify: 0", "X-Ssl-Client-Serial: " + r.header("$ssl_client_serial")}
		}},
	"caddy": {tools: []string{"caddy", "curl", "openssl"}, adapt: proxied, visit: visitHTTPS, accepted: []string{"revoked"},
		start: func(t *testing.T, r *run) *exec.Cmd {
			put(t, r.path("Caddyfile"), r.text("Caddyfile")+"\n")
			cmd := exec.Command("caddy", "run", "--config", "Caddyfile", "--adapter", "caddyfile")
			cmd.Env = append(os.Environ(), "HOME="+r.dir, "XDG_DATA_HOME="+r.dir, "XDG_CONFIG_HOME="+r.dir, "CADDY_ADMIN=unix/"+r.path("admin.sock"))
			return cmd
		},
		sees: func(r *run) []string {
			return []string{"X-Ssl-Client-S-Dn: ", r.number(), "X-Ssl-Client-Serial: " + r.leaf().SerialNumber.String()}
		}},
	"lighttpd": {tools: []string{"lighttpd", "curl", "openssl"}, visit: visitHTTPS,
		adapt: func(r *run) map[string]string {
			host, port, _ := net.SplitHostPort(r.application.Listener.Addr().String())
			return map[string]string{"443": r.port, "127.0.0.1": host, "3000": port}
		},
		start: func(t *testing.T, r *run) *exec.Cmd {
			put(t, r.path("lighttpd.conf"), fmt.Sprintf("server.document-root = %q\nserver.port = %s\nserver.bind = \"127.0.0.1\"\n%s\n", r.dir, freePort(t), r.text("lighttpd.conf")))
			return exec.Command("lighttpd", "-D", "-f", "lighttpd.conf")
		},
		sees: func(r *run) []string { return []string{`remote_user="` + r.number() + `"`} }},
	"stunnel": {tools: []string{"stunnel", "curl", "openssl"}, adapt: proxied, visit: visitHTTPS,
		start: func(t *testing.T, r *run) *exec.Cmd {
			put(t, r.path("stunnel.conf"), "foreground = yes\npid =\n"+r.text("stunnel.conf")+"\n")
			return exec.Command("stunnel", "stunnel.conf")
		}},
	"tomcat": {tools: []string{"java", "javac", "keytool", "curl", "openssl"}, visit: visitHTTPS,
		adapt: func(r *run) map[string]string { return map[string]string{"8443": r.port} }, start: startTomcat,
		sees: func(r *run) []string { return []string{r.number()} }},
	"jetty": {tools: []string{"java", "keytool", "curl", "openssl"}, visit: visitHTTPS, start: startJetty,
		sees: func(r *run) []string { return []string{r.number()} }},
	"java": {tools: []string{"java", "keytool", "curl"}, visit: visitHTTPS,
		adapt: func(r *run) map[string]string { return map[string]string{"8443": r.port} },
		start: func(t *testing.T, r *run) *exec.Cmd {
			put(t, r.path("Server.java"), r.text("Server.java"))
			return exec.Command("bash", "-c", strings.Replace(r.text("Le serveur"), "\njava ", "\nexec java ", 1))
		},
		sees: func(r *run) []string { return []string{r.number()} }},
	"node": {tools: []string{"node", "curl", "openssl"}, visit: visitHTTPS,
		adapt: func(r *run) map[string]string { return map[string]string{"443": r.port} },
		start: func(t *testing.T, r *run) *exec.Cmd {
			put(t, r.path("server.mjs"), r.text("server.mjs"))
			return exec.Command("node", "server.mjs")
		},
		sees: func(r *run) []string { return []string{r.number() + " " + r.header("$ssl_client_serial")} }},
	"postgresql": {tools: []string{"psql", "setpriv", "curl", "openssl"}, start: startPostgreSQL, visit: visitPostgreSQL,
		sees: func(r *run) []string { return []string{"alain|TLSv1.2|", r.number()} }},
	"java-client": {tools: []string{"java", "keytool", "curl"}, visit: visitAsJava},
	"pam_pkcs11": {tools: []string{"pamtester", "curl", "openssl"}, visit: visitPAM,
		adapt: func(r *run) map[string]string {
			return map[string]string{"/etc/pam_pkcs11": r.dir, module.Value: r.module}
		},
		start: func(t *testing.T, r *run) *exec.Cmd { startPAM(t, r); return nil }},
	"ssh": {tools: []string{"/usr/sbin/sshd", "ssh", "ssh-keygen"}, visit: visitSSH, accepted: []string{"revoked", "expired"}, start: startSSH,
		adapt: func(r *run) map[string]string { return map[string]string{module.Value: r.module} }},
	"pkcs11-provider": {tools: []string{"openssl"}, visit: visitProvider, accepted: []string{"revoked", "expired", "other"}, start: startProvider,
		adapt: func(r *run) map[string]string { return map[string]string{module.Value: r.module} }},
}

// overTLS13 is the trial with the version of TLS adapted as the page says.
func (test trial) overTLS13() trial {
	adapt, sees := test.adapt, test.sees
	test.adapt = func(r *run) map[string]string {
		values := adapt(r)
		values[upTo.Value] = "TLSv1.3"
		return values
	}
	test.sees = func(r *run) []string {
		if sees == nil {
			return []string{"TLS 1.3"}
		}
		return append(sees(r), "TLS 1.3")
	}
	return test
}

// untried are the recipes that cannot be run here; the page says so.
var untried = []string{"traefik", "dotnet"}

// The recipes do what the page says when they are copied: a good card is accepted and its holder
// known to what stands behind; a revoked, an expired, another authority's and no card are refused,
// unless the page says otherwise.
func TestRecipes(t *testing.T) {
	s := newSite(t)
	s.move(time.Now()) // the servers have no other clock
	b := newBench(t, s)
	groups, err := s.server.recipesOf(defaultAuthority)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups {
		for _, recipe := range g.Recipes {
			test, ok := trials[recipe.ID]
			if ok != (recipe.Tested != "") || ok == slices.Contains(untried, recipe.ID) {
				t.Errorf("%s: the page says tested with %q, and a trial is %v", recipe.ID, recipe.Tested, ok)
			}
			if says := strings.Contains(recipe.Revoked.FR, "ACCEPTÉE"); ok && says != slices.Contains(test.accepted, "revoked") {
				t.Errorf("%s: what the page says of a revoked card is not what is tried", recipe.ID)
			}
			if ok {
				t.Run(recipe.ID, func(t *testing.T) {
					t.Parallel()
					b.try(t, recipe, test)
				})
			}
			if slices.Contains(recipe.Adapt, upTo) {
				t.Run(recipe.ID+" over TLS 1.3", func(t *testing.T) {
					t.Parallel()
					b.try(t, recipe, test.overTLS13())
				})
			}
		}
	}
}

// Values to adapt stand in the texts, and every text is named in both languages.
func TestRecipeTable(t *testing.T) {
	groups, err := newSite(t).server.recipesOf(defaultAuthority)
	if err != nil {
		t.Fatal(err)
	}
	used, seen := map[string]bool{}, map[string]bool{}
	for _, g := range groups {
		for _, r := range g.Recipes {
			if seen[r.ID] || (r.Tested == "") != (r.Untried.FR != "" && r.Untried.EN != "") || r.Revoked.FR == "" || r.Revoked.EN == "" {
				t.Errorf("%s: it is there twice, or a text is missing", r.ID)
			}
			seen[r.ID] = true
			for _, f := range r.Files {
				used[f.Template] = true
				if f.Where.FR == "" || f.Where.EN == "" || f.Text == "" || strings.Contains(f.Text, "<no value>") {
					t.Errorf("%s, %s: a text is missing", r.ID, f.Template)
				}
			}
			for _, a := range r.Adapt {
				if !slices.ContainsFunc(r.Files, func(f recipeFile) bool { return strings.Contains(f.Text, a.Value) }) {
					t.Errorf("%s: %q is to be adapted and stands nowhere", r.ID, a.Value)
				}
			}
		}
	}
	files, err := recipeFiles.ReadDir("recipes")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !used[f.Name()] {
			t.Errorf("no recipe shows %s", f.Name())
		}
	}
}

// testCard is one of the five that visit: good, revoked, expired, other and none.
type testCard struct {
	name string
	tls  *tls.Certificate // nil for none
	dir  string           // the card's folder
	home string           // of a reader that holds the card
}

// bench is what all trials share.
type bench struct {
	site    *site
	cards   []testCard
	headers map[string]string // of the good card, by nginx's and Apache's names
}

func newBench(t *testing.T, s *site) *bench {
	b := &bench{site: s, headers: map[string]string{}}
	elsewhere := newLab(t, time.Now, "http://localhost:1")
	for _, c := range []struct {
		name  string
		lab   *lab.Lab
		since time.Time
	}{{"good", s.lab, time.Time{}}, {"revoked", s.lab, time.Time{}}, {"expired", s.lab, s.now().AddDate(-4, 0, 0)}, {"other", elsewhere, time.Time{}}} {
		b.cards = append(b.cards, makeCard(t, c.lab, c.name, c.since))
	}
	if _, err := s.lab.Revoke(t.Context(), serial(t, b.cards[1].tls), "keyCompromise"); err != nil {
		t.Fatal(err)
	}
	b.cards = append(b.cards, testCard{name: "none", home: t.TempDir()})
	leaf, err := x509.ParseCertificate(b.cards[0].tls.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	report, err := s.server.verifier.Check(t.Context(), &tls.ConnectionState{Version: tls.VersionTLS12, PeerCertificates: []*x509.Certificate{leaf}})
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range report.Headers {
		b.headers[h.Nginx], b.headers[h.Apache] = h.Value, h.Value
	}
	return b
}

// makeCard makes a card with keys as a CPS has them, and puts it into a reader of its own.
func makeCard(t *testing.T, lab *lab.Lab, name string, since time.Time) testCard {
	t.Helper()
	identity, err := fixtures.Find("alain")
	if err != nil {
		t.Fatal(err)
	}
	_, dir, err := ca.MakeCard(t.Context(), lab, lab.Home, ca.CardOrder{Key: ca.RSA2048, PIN: "1234",
		IssueRequest: ca.IssueRequest{Product: identity.Product, Holder: identity.Holder, NotBefore: since}})
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "authentication.p12"))
	if err != nil {
		t.Fatal(err)
	}
	key, leaf, _, err := pkcs12.DecodeChain(data, "1234")
	if err != nil {
		t.Fatal(err)
	}
	c := testCard{name, &tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key}, dir, t.TempDir()}
	chip, err := card.Read(dir)
	if err == nil {
		_, err = card.NewReaders(c.home).Insert(chip)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// run is one recipe on its way.
type run struct {
	*bench
	t           *testing.T
	dir         string
	port        string
	recipe      recipe
	module      string
	application *httptest.Server

	mu  sync.Mutex
	got http.Header // what the application received last
}

func (r *run) path(name string) string   { return filepath.Join(r.dir, name) }
func (r *run) header(name string) string { return r.headers[name] }
func (r *run) number() string            { return number.Value }
func (r *run) leaf() *x509.Certificate   { return mustParse(r.t, r.cards[0].tls.Certificate[0]) }
func proxied(r *run) map[string]string {
	return map[string]string{"443": r.port, "127.0.0.1:3000": r.application.Listener.Addr().String()}
}

func mustParse(t *testing.T, der []byte) *x509.Certificate {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// text is that of a file of the recipe, by its name or by how that begins.
func (r *run) text(where string) string {
	for _, f := range r.recipe.Files {
		if strings.HasPrefix(f.Where.FR, where) {
			return f.Text
		}
	}
	r.t.Fatalf("%s has no %q", r.recipe.ID, where)
	return ""
}

// freePort finds one that nobody listens on, below those that systems give to clients.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(10000 + rand.IntN(20000))
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return ""
}

// bash runs commands as they are copied.
func (r *run) bash(dir, commands string) {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), "bash", "-ec", commands)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), quickJava)
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("%s: %v\n%s", commands, err, out)
	}
}

// fetched are the texts that are commands to run before the server starts.
var fetched = []string{"authorities.sh", "crls.sh", "truststore.sh", "servers.sh"}

func (b *bench) try(t *testing.T, recipe recipe, test trial) {
	for _, tool := range test.tools {
		peer.Need(t, tool)
	}
	r := &run{bench: b, t: t, dir: t.TempDir(), port: freePort(t)}
	if slices.Contains(recipe.Adapt, module) {
		r.module = cardtest.Module(t)
	}
	r.application = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = request.Header.Clone()
	}))
	defer r.application.Close()
	b.serverFiles(t, r)
	var changes []string
	if test.adapt != nil {
		adapted := test.adapt(r)
		for _, value := range slices.SortedFunc(maps.Keys(adapted), func(a, b string) int { return len(b) - len(a) }) {
			if !slices.ContainsFunc(recipe.Adapt, func(a adaptation) bool { return a.Value == value }) {
				t.Fatalf("the page does not say to adapt %q", value)
			}
			changes = append(changes, value, adapted[value])
		}
	}
	recipe.Files = slices.Clone(recipe.Files)
	for i := range recipe.Files {
		f := &recipe.Files[i]
		if slices.Contains(fetched, f.Template) { // the addresses in them are not the recipe's to adapt
			r.bash(r.dir, f.Text)
			continue
		}
		f.Text = strings.NewReplacer(changes...).Replace(f.Text)
	}
	r.recipe = recipe
	ended := make(chan error, 1)
	if test.start != nil {
		if cmd := test.start(t, r); cmd != nil {
			r.launch(cmd, ended)
		}
	}
	seen, err := test.visit(r, b.cards[0])
	for start := time.Now(); err != nil && time.Since(start) < 2*time.Minute && test.start != nil; seen, err = test.visit(r, b.cards[0]) {
		select {
		case err := <-ended:
			t.Fatalf("it ended: %v", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
	if err != nil {
		t.Fatalf("the good card is not accepted: %v", err)
	}
	if test.sees != nil {
		for _, want := range test.sees(r) {
			if !strings.Contains(seen, want) {
				t.Errorf("what is seen of the good card lacks %q:\n%s", want, seen)
			}
		}
	}
	for _, c := range b.cards[1:] {
		seen, err := test.visit(r, c)
		if accepted := slices.Contains(test.accepted, c.name); accepted != (err == nil) {
			t.Errorf("card %s: %v, and accepted is to be %v: %s", c.name, err, accepted, seen)
		}
	}
	if _, err := test.visit(r, b.cards[0]); err != nil { // the refusals were of the cards
		t.Errorf("the good card is not accepted after the others: %v", err)
	}
}

// launch starts the program and has it end with the test.
func (r *run) launch(cmd *exec.Cmd, ended chan<- error) {
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if cmd.Dir == "" {
		cmd.Dir = r.dir
	}
	if cmd.Env == nil {
		cmd.Env = append(os.Environ(), quickJava)
	}
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		ended <- cmd.Wait()
		close(done)
	}()
	r.t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			cmd.Process.Kill()
			<-done
		}
		if r.t.Failed() {
			r.t.Logf("%s: %s", cmd.Args, log.String())
		}
	})
}

// serverFiles writes the server's certificate and key as the recipes name them.
func (b *bench) serverFiles(t *testing.T, r *run) {
	own := b.site.server.certificate.Current(t.Context())
	der, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	var certs bytes.Buffer
	var chain []*x509.Certificate
	for _, one := range own.Certificate {
		pem.Encode(&certs, &pem.Block{Type: "CERTIFICATE", Bytes: one})
		chain = append(chain, mustParse(t, one))
	}
	key := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	p12, err := pkcs12.Modern.Encode(own.PrivateKey, chain[0], chain[1:], "changeit")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"server.pem": certs.String(), "server.key": key, "server-and-key.pem": certs.String() + key, "server.p12": string(p12)} {
		put(t, r.path(name), content)
	}
}

// visitHTTPS asks for the page as a browser does, and returns what the application behind saw and
// what it answered.
func visitHTTPS(r *run, c testCard) (string, error) {
	r.mu.Lock()
	r.got = nil
	r.mu.Unlock()
	client := r.site.client(c.tls)
	defer client.CloseIdleConnections()
	client.Timeout = time.Minute
	resp, err := client.Get("https://localhost:" + r.port + "/")
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, body)
	}
	var seen strings.Builder
	r.mu.Lock()
	defer r.mu.Unlock()
	for name := range r.got {
		fmt.Fprintf(&seen, "%s: %s\n", name, r.got.Get(name))
	}
	return seen.String() + tls.VersionName(resp.TLS.Version) + "\n" + string(body), err
}

// command runs a program of a visitor and returns what it wrote.
func (r *run) command(env []string, name string, args ...string) (string, error) {
	ctx, stop := context.WithTimeout(r.t.Context(), 2*time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = r.dir, append(os.Environ(), env...)
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return string(out), err
}

// quickJava has Java start quickly, at the cost of speed that no test needs.
const quickJava = "JAVA_TOOL_OPTIONS=-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"

// jars are those of Debian's packages whose names match, as a class path.
func jars(t *testing.T, patterns ...string) string {
	t.Helper()
	var all []string
	for _, pattern := range patterns {
		names, err := filepath.Glob("/usr/share/java/" + pattern)
		if err != nil || len(names) == 0 {
			peer.Missing(t, "/usr/share/java/"+pattern)
		}
		all = append(all, names...)
	}
	return strings.Join(all, ":")
}

func startTomcat(t *testing.T, r *run) *exec.Cmd {
	classes := jars(t, "tomcat10-*.jar")
	app := r.path("webapps/ROOT/WEB-INF/classes")
	for _, dir := range []string{app, r.path("conf")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"server.pem", "server.key", "igc.p12", "igc-crls.pem"} {
		if err := os.Rename(r.path(name), r.path("conf/"+name)); err != nil {
			t.Fatal(err)
		}
	}
	put(t, r.path("conf/server.xml"), `<Server port="-1"><Service name="Catalina">`+r.text("conf/server.xml")+
		`<Engine name="Catalina" defaultHost="localhost"><Host name="localhost" appBase="webapps" autoDeploy="false"/></Engine></Service></Server>`)
	put(t, r.path("webapps/ROOT/WEB-INF/web.xml"), `<web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="6.0" metadata-complete="true">
<servlet><servlet-name>who</servlet-name><servlet-class>Who</servlet-class></servlet>
<servlet-mapping><servlet-name>who</servlet-name><url-pattern>/</url-pattern></servlet-mapping></web-app>`)
	put(t, r.path("Who.java"), `public class Who extends jakarta.servlet.http.HttpServlet {
  protected void doGet(jakarta.servlet.http.HttpServletRequest request, jakarta.servlet.http.HttpServletResponse response) throws java.io.IOException {
`+r.text("Dans l'application")+`
    response.getWriter().print(card.getSubjectX500Principal());
  }
}`)
	if out, err := r.command([]string{quickJava}, "javac", "-cp", classes, "-d", app, "Who.java"); err != nil {
		t.Fatal(err, out)
	}
	return exec.Command("java", "-Dcatalina.base="+r.dir, "-Dcatalina.home="+r.dir, "-Djava.io.tmpdir="+r.dir,
		"-cp", classes, "org.apache.catalina.startup.Bootstrap", "start")
}

func startJetty(t *testing.T, r *run) *exec.Cmd {
	classes := jars(t, "jetty9-server.jar", "jetty9-util.jar", "jetty9-io.jar", "jetty9-http.jar", "jetty9-xml.jar", "servlet-api.jar")
	put(t, r.path("jetty-ssl-context.xml"), r.text("etc/jetty-ssl-context.xml"))
	put(t, r.path("Main.java"), `import org.eclipse.jetty.server.*;
import org.eclipse.jetty.util.resource.Resource;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import org.eclipse.jetty.xml.XmlConfiguration;

public class Main {
  public static void main(String[] args) throws Exception {
    var ssl = (SslContextFactory.Server) new XmlConfiguration(Resource.newResource("jetty-ssl-context.xml")).configure();
    var config = new HttpConfiguration();
    config.addCustomizer(new SecureRequestCustomizer());
    var server = new Server();
    var connector = new ServerConnector(server, new SslConnectionFactory(ssl, "http/1.1"), new HttpConnectionFactory(config));
    connector.setHost("127.0.0.1");
    connector.setPort(`+r.port+`);
    server.addConnector(connector);
    server.setHandler(new org.eclipse.jetty.server.handler.AbstractHandler() {
      public void handle(String target, Request base, javax.servlet.http.HttpServletRequest request, javax.servlet.http.HttpServletResponse response) throws java.io.IOException {
`+r.text("Dans l'application")+`
        response.getWriter().print(card.getSubjectX500Principal());
        base.setHandled(true);
      }
    });
    server.start();
    server.join();
  }
}`)
	return exec.Command("java", "-cp", classes, "Main.java")
}

// postgres is the server's program and the account that it runs under, as it refuses to run under
// root.
func postgres(t *testing.T) (bin string, as []string) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if len(found) == 0 {
		peer.Missing(t, "a PostgreSQL server")
	}
	if os.Geteuid() == 0 {
		as = []string{"setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"}
	}
	return filepath.Dir(found[len(found)-1]), as
}

func startPostgreSQL(t *testing.T, r *run) *exec.Cmd {
	bin, as := postgres(t)
	// Go's temporary folders are their owner's alone, and this one is another's.
	data, err := os.MkdirTemp("", "igc-postgresql-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(data) })
	own := func(names ...string) {
		if as == nil {
			return
		}
		if out, err := exec.Command("chown", append([]string{"postgres:postgres"}, names...)...).CombinedOutput(); err != nil {
			t.Fatalf("chown: %v: %s", err, out)
		}
	}
	own(data)
	run := func(args ...string) *exec.Cmd {
		args = append(slices.Clone(as), args...)
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir, cmd.Env = data, []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8"}
		return cmd
	}
	if out, err := run(filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	single := run(filepath.Join(bin, "postgres"), "--single", "-D", data, "postgres")
	single.Stdin = strings.NewReader("create role alain login\n")
	if out, err := single.CombinedOutput(); err != nil {
		t.Fatalf("create role: %v\n%s", err, out)
	}
	for _, name := range []string{"server.pem", "server.key", "igc-authorities.pem", "igc-crls.pem"} {
		content, err := os.ReadFile(r.path(name))
		if err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(data, name), string(content))
		own(filepath.Join(data, name))
	}
	for _, name := range []string{"postgresql.conf", "pg_hba.conf", "pg_ident.conf"} {
		file := filepath.Join(data, name)
		before, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := r.text(name) + "\n"
		if name == "postgresql.conf" {
			text = string(before) + "\n" + text + "listen_addresses = '127.0.0.1'\nport = " + r.port + "\nunix_socket_directories = ''\nshared_buffers = 32MB\n"
		}
		put(t, file, text)
	}
	for _, c := range r.cards {
		if c.tls != nil {
			der, err := x509.MarshalPKCS8PrivateKey(c.tls.PrivateKey)
			if err != nil {
				t.Fatal(err)
			}
			put(t, r.path(c.name+".key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
			put(t, r.path(c.name+".pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.tls.Certificate[0]})))
		}
	}
	return run(filepath.Join(bin, "postgres"), "-D", data)
}

func visitPostgreSQL(r *run, c testCard) (string, error) {
	target := "host=localhost hostaddr=127.0.0.1 port=" + r.port + " user=alain dbname=postgres sslmode=require connect_timeout=60 "
	if c.tls != nil {
		target += "sslcert=" + r.path(c.name+".pem") + " sslkey=" + r.path(c.name+".key")
	} else {
		target += "sslcert=" + r.path("none.pem")
	}
	return r.command(nil, "psql", "-X", "-At", "-c", "select current_user, version, client_dn from pg_stat_ssl where pid = pg_backend_pid()", target)
}

// visitAsJava runs the client with the card as the recipe names it.
func visitAsJava(r *run, c testCard) (string, error) {
	put(r.t, r.path("Client.java"), r.text("Client.java"))
	command := r.text("Le client")
	if c.tls == nil {
		command = strings.Replace(command, "-Djavax.net.ssl.keyStore=authentication.p12 -Djavax.net.ssl.keyStoreType=PKCS12 -Djavax.net.ssl.keyStorePassword=1234 ", "", 1)
	} else if data, err := os.ReadFile(filepath.Join(c.dir, "authentication.p12")); err != nil {
		return "", err
	} else {
		put(r.t, r.path("authentication.p12"), string(data))
	}
	out, err := r.command([]string{quickJava}, "bash", "-ec", command)
	if want := map[string]string{"good": "OK", "revoked": "REV-CRL-REVOKED", "expired": "DATE-EXPIRED", "other": "CHAIN-UNKNOWN-ROOT", "none": "TLS-NOCERT"}[c.name]; err == nil && !strings.Contains(out, `"verdict": "`+want+`"`) {
		r.t.Errorf("card %s: the verdict is not %s: %s", c.name, want, out)
	}
	if err == nil && c.name != "good" {
		err = errors.New("another verdict")
	}
	return out, err
}

func startPAM(t *testing.T, r *run) {
	for name, pkg := range map[string]string{"/lib/*/security/pam_pkcs11.so": "libpam-pkcs11", "/usr/lib/*/libpam_wrapper.so": "libpam-wrapper"} {
		if found, _ := filepath.Glob(name); len(found) == 0 {
			peer.Missing(t, pkg)
		}
	}
	for _, dir := range []string{"cacerts", "crls", "pam.d"} {
		if err := os.Mkdir(r.path(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r.bash(r.dir, r.text("Leur installation"))
	put(t, r.path("pam_pkcs11.conf"), r.text("/etc/pam_pkcs11/pam_pkcs11.conf"))
	put(t, r.path("pam.d/lab"), r.text("/etc/pam.d/")+"\n")
}

func visitPAM(r *run, c testCard) (string, error) {
	ctx, stop := context.WithTimeout(r.t.Context(), time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, "pamtester", "lab", "alain", "authenticate")
	cmd.Dir, cmd.Stdin = r.dir, strings.NewReader("1234\n1234\n")
	cmd.Env = append(os.Environ(), "IGC_HOME="+c.home, "LD_PRELOAD=libpam_wrapper.so", "PAM_WRAPPER=1", "PAM_WRAPPER_SERVICE_DIR="+r.path("pam.d"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return string(out), err
}

// atCard is the environment of programs that meet a card through the module and ask for its PIN.
func (r *run) atCard(c testCard) []string {
	return []string{"IGC_HOME=" + c.home, "SSH_ASKPASS=" + r.path("pin"), "SSH_ASKPASS_REQUIRE=force", "SSH_AUTH_SOCK=", "HOME=" + r.dir}
}

func startSSH(t *testing.T, r *run) *exec.Cmd {
	put(t, r.path("pin"), "#!/bin/sh\necho 1234\n")
	if err := os.Chmod(r.path("pin"), 0o700); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // the server's, which its package makes at each start
			t.Fatal(err)
		}
	}
	keys := ""
	for _, c := range r.cards[:3] { // of the other authority's card nobody has asked for the key
		if out, err := r.command(r.atCard(c), "bash", "-ec", r.text("Les clés de la carte")); err != nil {
			t.Fatal(err, out)
		}
		line, err := os.ReadFile(r.path("card.pub"))
		if err != nil {
			t.Fatal(err)
		}
		keys += string(line)
	}
	put(t, r.path("authorized_keys"), keys)
	put(t, r.path("config"), r.text("~/.ssh/config")+"\n    HostName 127.0.0.1\n    Port "+r.port+"\n    StrictHostKeyChecking no\n    UserKnownHostsFile /dev/null\n"+
		"    NumberOfPasswordPrompts 1\n    LogLevel ERROR\n    PreferredAuthentications publickey\n")
	if out, err := r.command(nil, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "host"); err != nil {
		t.Fatal(err, out)
	}
	put(t, r.path("sshd_config"), "ListenAddress 127.0.0.1\nPort "+r.port+"\nHostKey "+r.path("host")+"\nAuthorizedKeysFile "+r.path("authorized_keys")+
		"\nStrictModes no\nUsePAM no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\nPidFile none\n")
	return exec.Command("/usr/sbin/sshd", "-D", "-e", "-f", r.path("sshd_config"))
}

func visitSSH(r *run, c testCard) (string, error) {
	return r.command(r.atCard(c), "ssh", "-F", r.path("config"), "server", "echo", "hello")
}

func startProvider(t *testing.T, r *run) *exec.Cmd {
	if found, _ := filepath.Glob("/usr/lib/*/ossl-modules/pkcs11.so"); len(found) == 0 {
		peer.Missing(t, "pkcs11-provider")
	}
	put(t, r.path("openssl.cnf"), r.text("openssl.cnf"))
	return nil
}

// visitProvider signs with the card, and has OpenSSL alone verify the signature.
func visitProvider(r *run, c testCard) (string, error) {
	if out, err := r.command(r.atCard(c), "bash", "-ec", r.text("Un essai")); err != nil {
		return out, err
	}
	if err := os.WriteFile(r.path("card.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.tls.Certificate[0]}), 0o600); err != nil {
		return "", err
	}
	return r.command(nil, "openssl", "pkeyutl", "-verify", "-certin", "-inkey", "card.pem", "-in", "hash", "-sigfile", "signature", "-pkeyopt", "digest:sha256")
}

// The page of the recipes is the one for the authority asked for, in both languages, and refuses
// what is none.
func TestRecipesPage(t *testing.T) {
	s := newSite(t)
	get := func(base, path string) (int, string) {
		client := s.client(nil)
		defer client.CloseIdleConnections()
		resp, err := client.Get(strings.TrimSuffix(base, "/") + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	for _, base := range []string{s.plain, s.urls[Default.Name]} {
		for path, want := range map[string][]string{
			"/recettes":            {"Configurations à copier", "ACI-FO-PP-TEST.pem", "non essayé", "essayé avec Tomcat"},
			"/recettes?lang=en":    {"Configurations to copy", "not tested", "tested with Tomcat", `href="/recettes/ACI-EL-ORG?lang=en"`},
			"/recettes/ACI-EL-ORG": {"ACI-EL-ORG-TEST.pem", "ACR-EL-TEST.pem", "TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS"},
		} {
			status, page := get(base, path)
			if status != http.StatusOK {
				t.Errorf("%s%s: %d", base, path, status)
			}
			for _, text := range want {
				if !strings.Contains(page, text) {
					t.Errorf("%s%s lacks %q", base, path, text)
				}
			}
			if path != "/recettes?lang=en" && strings.Contains(page, "Configurations to copy") {
				t.Errorf("%s%s: two languages", base, path)
			}
			anchors := regexp.MustCompile(`<a href="#([a-z0-9_-]+)">`).FindAllStringSubmatch(page, -1)
			if len(anchors) < 17 {
				t.Errorf("%s%s: %d anchors", base, path, len(anchors))
			}
			for _, a := range anchors {
				if !strings.Contains(page, `id="`+a[1]+`"`) {
					t.Errorf("%s%s: nothing has the anchor %s", base, path, a[1])
				}
			}
			if len(page) >= maxPage {
				t.Errorf("%s%s: %d bytes", base, path, len(page))
			}
		}
		for _, path := range []string{"/recettes/ACR-FO", "/recettes/ACI-XX", "/recettes/%3Cscript%3E"} {
			if status, page := get(base, path); status != http.StatusNotFound || strings.Contains(page, "<!doctype") {
				t.Errorf("%s%s: %d", base, path, status)
			}
		}
	}
	good := issue(t, s.lab, time.Time{})["authentication"]
	if _, page := s.get(t, Default.Name, "?lang=fr", good); !strings.Contains(page, `href="/recettes/ACI-FO-PP?lang=fr#nginx"`) {
		t.Error("the card's page does not lead to the recipes for its authority")
	}
}
