// Package labtest gives tests a lab of their own, used through the command igc as its users do.
//
// A package of such tests has
//
//	func TestMain(m *testing.M) {
//		labtest.Main(m, func() { os.Exit(cli.Main(os.Args, os.Stdin, os.Stdout, os.Stderr)) })
//	}
//
// which puts igc on the PATH, and starts with [New].
package labtest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/igc-lab/igc/ca"
)

// Main runs the tests of a package with the command igc on the PATH. That command is the test
// binary itself under another name, so that -race watches the servers that [Lab.Serve] starts.
// Scripts and short commands run [Program], an ordinary build, which is some ten times faster with
// keys.
func Main(m *testing.M, igc func()) {
	testscript.Main(withPlainBuild{m}, map[string]func(){"igc": igc})
}

// Program is the path of a plain build of igc.
func Program() string { return program }

var program string

type withPlainBuild struct{ *testing.M }

func (m withPlainBuild) Run() int {
	dir, err := os.MkdirTemp("", "igc-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "igc")
	build := exec.Command("go", "build", "-buildvcs=auto", "-o", program, "github.com/igc-lab/igc/cli/igc") // as make build
	if out, err := build.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%v: %s", err, out))
	}
	return m.M.Run()
}

// Lab is a lab in a folder of its own.
type Lab struct {
	T    testing.TB
	Home string
}

// New makes a lab on ports of its own, with no authority yet: those that a test needs are made when
// asked for.
func New(t testing.TB, initFlags ...string) *Lab {
	t.Helper()
	l := &Lab{t, filepath.Join(t.TempDir(), "lab")}
	l.Must(append([]string{"init", "--port", FreePorts(t)}, initFlags...)...)
	return l
}

// Command is igc with those arguments on the lab, in English; igc serve is the build that -race
// watches.
func (l *Lab) Command(args ...string) *exec.Cmd {
	name := program
	if args[0] == "serve" {
		name = "igc"
	}
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "IGC_HOME="+l.Home, "IGC_LANG=en")
	return cmd
}

// Run runs igc and returns what it wrote on stdout and on stderr.
func (l *Lab) Run(args ...string) (stdout, stderr string, err error) {
	var out, errOut bytes.Buffer
	cmd := l.Command(args...)
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err = cmd.Run()
	return out.String(), errOut.String(), err
}

// Must runs igc, which must succeed, and returns its stdout.
func (l *Lab) Must(args ...string) string {
	l.T.Helper()
	out, errOut, err := l.Run(args...)
	if err != nil {
		l.T.Fatalf("igc %q: %v\n%s", args, err, errOut)
	}
	return out
}

// Card is what igc issue --json prints.
type Card struct {
	Folder       string
	CardNumber   string `json:"card_number"`
	PIN          string
	Certificates []struct{ Role, Serial string }
}

// File is the path of a file in the card's folder.
func (c Card) File(name string) string { return filepath.Join(c.Folder, name) }

// Issue issues a card.
func (l *Lab) Issue(args ...string) Card {
	l.T.Helper()
	var c Card
	if err := json.Unmarshal([]byte(l.Must(append([]string{"issue", "--json"}, args...)...)), &c); err != nil {
		l.T.Fatal(err)
	}
	return c
}

// List returns the lab's records by serial number. A serial number that is there twice is an error.
func (l *Lab) List() map[string]*ca.Record {
	l.T.Helper()
	var records []*ca.Record
	if err := json.Unmarshal([]byte(l.Must("list", "--all", "--json", "--der")), &records); err != nil {
		l.T.Fatal(err)
	}
	bySerial := map[string]*ca.Record{}
	for _, r := range records {
		if bySerial[r.Serial] != nil {
			l.T.Errorf("serial number %s is listed twice", r.Serial)
		}
		bySerial[r.Serial] = r
	}
	return bySerial
}

// Log is what a running program has written so far.
type Log struct {
	mu      sync.Mutex
	written bytes.Buffer
}

func (l *Log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.written.Write(b)
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.written.String()
}

// Server is a running igc serve.
type Server struct {
	Cmd  *exec.Cmd
	Log  *Log
	URLs map[string]string // by endpoint, see announced
}

// announced has a word of the line in which igc serve announces an endpoint.
var announced = map[string]string{"publication": "Publication", "directory": "Directory", "testssl": "every card", "tls13": "TLS 1.3",
	"strict": "strict", "any_ca": "does not appear", "psc": "discovery and tokens", "wallet": "login and portal",
	"card_login": "login by card", "desk": "Lab desk",
	"portal": "Demo portal", "card_desk": "Orders, by card"}

// Serve starts igc serve, with those flags, and returns when it has announced its endpoints. It is
// stopped with the test.
func (l *Lab) Serve(flags ...string) *Server {
	l.T.Helper()
	s := &Server{Cmd: l.Command(append([]string{"serve"}, flags...)...), Log: &Log{}, URLs: map[string]string{}}
	s.Cmd.Stderr = s.Log
	out, err := s.Cmd.StdoutPipe()
	if err != nil {
		l.T.Fatal(err)
	}
	if err := s.Cmd.Start(); err != nil {
		l.T.Fatal(err)
	}
	l.T.Cleanup(func() { s.Stop(l.T) })
	ready := make(chan []string, 1)
	go func() {
		var lines []string
		for scan := bufio.NewScanner(out); scan.Scan(); {
			lines = append(lines, scan.Text())
			if strings.Contains(scan.Text(), "Ctrl-C") {
				break
			}
		}
		ready <- lines
	}()
	var lines []string
	select {
	case lines = <-ready:
	case <-time.After(Patience):
		l.T.Fatalf("igc serve did not announce its endpoints in %s\n%s", Patience, s.Log)
	}
	for _, line := range lines {
		at := strings.LastIndex(line, ": ") // the name of an endpoint may hold a colon, too
		if at < 0 {
			continue
		}
		for endpoint, word := range announced {
			if strings.Contains(line, word) {
				s.URLs[endpoint] = line[at+2:]
			}
		}
	}
	if len(s.URLs) != len(announced) {
		l.T.Fatalf("igc serve announced %q\n%s", lines, s.Log)
	}
	return s
}

// Stop ends the server as Ctrl-C does; it must end well.
func (s *Server) Stop(t testing.TB) {
	if s.Cmd.ProcessState != nil {
		return
	}
	s.Cmd.Process.Signal(syscall.SIGTERM)
	done := make(chan error, 1)
	go func() { done <- s.Cmd.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("igc serve: %v\n%s", err, s.Log)
		}
	case <-time.After(Patience):
		s.Cmd.Process.Kill()
		t.Errorf("igc serve did not stop in %s\n%s", Patience, s.Log)
	}
}
