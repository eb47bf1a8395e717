package oidc

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/igc-lab/igc/internal/labtest"
)

// block is a block of code of docs/psc.md.
type block struct{ heading, language, text string }

var headingOrBlock = regexp.MustCompile("(?ms)^## ([^\n]+)$|^```(\\w*)\n(.*?)^```$")

// readPage reads the blocks of the page. Both languages have the same.
func readPage(t *testing.T, name string) (blocks []block) {
	t.Helper()
	var pages [2][]block
	for i, suffix := range []string{".md", ".fr.md"} {
		page := labtest.Read(t, "../../../docs/"+name+suffix)
		heading := ""
		for _, found := range headingOrBlock.FindAllStringSubmatch(page, -1) {
			if found[1] != "" {
				heading = found[1]
				continue
			}
			pages[i] = append(pages[i], block{heading, found[2], found[3]})
		}
	}
	same := func(a, b block) bool { return a.language == b.language && (a.language == "" || a.text == b.text) }
	if !slices.EqualFunc(pages[0], pages[1], same) {
		t.Fatalf("the blocks of docs/%s.md and docs/%[1]s.fr.md differ", name)
	}
	return pages[0]
}

// site is a reader of the page: a folder with the files, a lab that serves, an application behind.
type site struct {
	*testing.T
	lab    *labtest.Lab
	blocks []block
	dir    string
	port   string // of the service
	echo   *httptest.Server
	secret string
	adapt  *strings.Replacer // the page's ports, secret and application to this site's
	root   []byte
}

// newSite does what the page says under "Connect a service".
func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{T: t, lab: labtest.New(t, "--key", "p256"), blocks: readPage(t, "psc"), dir: t.TempDir(),
		port: labtest.FreePorts(t)}
	server := s.lab.Serve()
	s.echo = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "application: %s\n", r.URL.Path)
		r.Header.Write(w)
	}))
	t.Cleanup(s.echo.Close)
	s.adapt = s.replacer(server)
	connect := s.text("Connect a service", "")
	rest, ok := strings.CutPrefix(connect, "igc serve &\n")
	if !ok {
		t.Fatalf("%q does not begin with igc serve", connect)
	}
	out := s.sh(rest)
	secret := regexp.MustCompile(`client_secret +(\S+)`).FindStringSubmatch(out)
	if secret == nil {
		t.Fatalf("no secret in %s", out)
	}
	s.secret = secret[1]
	s.adapt = s.replacer(server)
	s.root = []byte(labtest.Read(t, s.file("igc-root.pem")))
	s.lab.Must("ecps", "policy", "approve")
	return s
}

func (s *site) replacer(server *labtest.Server) *strings.Replacer {
	publication, err := url.Parse(server.URLs["publication"])
	if err != nil {
		s.Fatal(err)
	}
	pairs := append(portsFrom(s.T, publication.Port()),
		"localhost:3000", "localhost:"+s.port, "127.0.0.1:3000", "127.0.0.1:"+s.port,
		"listen(3000)", "listen("+s.port+")", "127.0.0.1:3001", strings.TrimPrefix(s.echo.URL, "http://"),
		"SECRET=...", "SECRET="+s.secret, `"SECRET"`, strconv.Quote(s.secret), "Secret SECRET", "Secret "+s.secret,
		":SECRET ", ":"+s.secret+" ")
	return strings.NewReplacer(pairs...)
}

// portsFrom are the pages' addresses, and those of a lab whose ports begin at another, in pairs.
func portsFrom(t *testing.T, first string) (pairs []string) {
	t.Helper()
	from, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]int{"8080": 0, "8451": 6, "8452": 7, "8453": 8, "8454": 9} // see igc init --port
	for port, row := range rows {
		pairs = append(pairs, "localhost:"+port, "localhost:"+strconv.Itoa(from+row))
	}
	return pairs
}

func (s *site) file(name string) string { return filepath.Join(s.dir, name) }

// text is a block of the page, by its heading and language, adapted to the site.
func (s *site) text(heading, language string) string {
	s.Helper()
	for _, b := range s.blocks {
		if b.heading == heading && b.language == language {
			return s.adapt.Replace(b.text)
		}
	}
	s.Fatalf("docs/psc.md has no block of %s under %q", language, heading)
	return ""
}

// sh runs commands of the page.
func (s *site) sh(commands string) string {
	s.Helper()
	cmd := s.command(s.dir, "set -e\n"+commands)
	var errors strings.Builder
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err != nil {
		s.Fatalf("%s: %v\n%s%s", commands, err, out, errors.String())
	}
	return string(out)
}

func (s *site) command(dir, commands string) *exec.Cmd {
	cmd := exec.CommandContext(s.Context(), "bash", "-c", commands)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "IGC_HOME="+s.lab.Home, "IGC_LANG=en")
	return cmd
}

// start starts a service and waits for its port; stop ends it.
func (s *site) start(t *testing.T, cmd *exec.Cmd) (log *labtest.Log, stop func()) {
	t.Helper()
	log = &labtest.Log{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cmd.Process.Kill()
			<-ended
		}
	}
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("%s\n%s\n%s", cmd, log, s.lab.Must("psc", "requests"))
		}
	})
	labtest.Until(t, cmd.String()+" listens", func() bool {
		select {
		case err := <-ended:
			stopped = true
			t.Fatalf("%s ended: %v\n%s", cmd, err, log)
		default:
		}
		conn, err := net.Dial("tcp", "localhost:"+s.port)
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
	return log, stop
}

// address is an address of the service.
func (s *site) address(path string) string { return "http://localhost:" + s.port + path }

// logOutOfProvider ends the visitor's session on Pro Santé Connect's own page.
func (s *site) logOutOfProvider(t *testing.T, v *visitor) {
	t.Helper()
	p := v.get(s.adapt.Replace("https://localhost:8451/auth/realms/esante-wallet/protocol/openid-connect/logout"))
	if p = v.post(p, "/deconnexion", url.Values{}); !strings.Contains(p.body, "Votre session est fermée") {
		t.Fatalf("%s: %d %s", p.url, p.status, p.body)
	}
}

// wantAll looks for words in what a service answered.
func wantAll(t *testing.T, what, text string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("%s lacks %q:\n%s", what, word, text)
		}
	}
}
