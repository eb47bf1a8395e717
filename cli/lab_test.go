package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain puts the command igc on the PATH: this test binary under another name, which -race watches. Scripts and
// servers run it. The many short commands of tests run a plain build: opening a key costs 0.15 s of PBKDF2, and ten times
// that under -race.
func TestMain(m *testing.M) {
	testscript.Main(withPlainBuild{m}, map[string]func(){"igc": func() { os.Exit(Main(os.Args, os.Stdin, os.Stdout, os.Stderr)) }})
}

type withPlainBuild struct{ *testing.M }

var plainIgc string

func (m withPlainBuild) Run() int {
	dir, err := os.MkdirTemp("", "igc-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	plainIgc = filepath.Join(dir, "igc")
	if out, err := exec.Command("go", "build", "-o", plainIgc, "./igc").CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%v: %s", err, out))
	}
	return m.M.Run()
}

// testLab is a lab in a folder of its own, used through the command line as its users do.
type testLab struct {
	t    testing.TB
	home string
}

// newLab makes a lab with fast keys on ports of its own, and no authority yet: what a test needs is made when asked for.
func newLab(t testing.TB, initFlags ...string) *testLab {
	t.Helper()
	l := &testLab{t, filepath.Join(t.TempDir(), "lab")}
	l.must(append([]string{"init", "--port", freePorts(t)}, initFlags...)...)
	return l
}

// freePorts finds six ports in a row that nobody listens on, and returns the first. They are below those that systems give
// to clients, which may take the port of a server while it is killed and started again.
func freePorts(t testing.TB) string {
	t.Helper()
next:
	for range 100 {
		port := 10000 + rand.IntN(20000)
		for n := range 6 {
			l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port + n})
			if err != nil {
				continue next
			}
			l.Close()
		}
		return strconv.Itoa(port)
	}
	t.Fatal("no six free ports in a row")
	return ""
}

func (l *testLab) command(args ...string) *exec.Cmd {
	program := plainIgc
	if args[0] == "serve" {
		program = "igc"
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "IGC_HOME="+l.home, "IGC_LANG=en")
	return cmd
}

// run runs igc and returns what it wrote on stdout, and an error with what it wrote on stderr.
func (l *testLab) run(args ...string) (string, string, error) {
	var out, errOut bytes.Buffer
	cmd := l.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	return out.String(), errOut.String(), err
}

// must runs igc, which must succeed.
func (l *testLab) must(args ...string) string {
	l.t.Helper()
	out, errOut, err := l.run(args...)
	if err != nil {
		l.t.Fatalf("igc %q: %v\n%s", args, err, errOut)
	}
	return out
}

// card is what igc issue --json says.
type card struct {
	Folder       string
	CardNumber   string `json:"card_number"`
	PIN          string
	Certificates []struct{ Role, Serial string }
}

// issue issues a card.
func (l *testLab) issue(args ...string) card {
	l.t.Helper()
	var c card
	if err := json.Unmarshal([]byte(l.must(append([]string{"issue", "--json"}, args...)...)), &c); err != nil {
		l.t.Fatal(err)
	}
	return c
}

func (c card) file(name string) string { return filepath.Join(c.Folder, name) }

// runningLog is what a running program has written so far.
type runningLog struct {
	mu      sync.Mutex
	written bytes.Buffer
}

func (l *runningLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.written.Write(b)
}

func (l *runningLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.written.String()
}

// server is a running igc serve.
type server struct {
	cmd  *exec.Cmd
	log  *runningLog
	urls map[string]string // by mode: publication, directory, testssl, tls13, strict, any_ca
}

// serve starts igc serve and returns when it has announced its addresses. It is stopped with the test.
func (l *testLab) serve() *server {
	l.t.Helper()
	s := &server{cmd: l.command("serve"), log: &runningLog{}, urls: map[string]string{}}
	s.cmd.Stderr = s.log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { s.stop(l.t) })
	ready := make(chan struct{})
	var lines []string
	go func() {
		defer close(ready)
		for scan := bufio.NewScanner(out); scan.Scan(); {
			lines = append(lines, scan.Text())
			if strings.Contains(scan.Text(), "Ctrl-C") {
				return
			}
		}
	}()
	select {
	case <-ready:
	case <-time.After(2 * time.Minute):
		l.t.Fatal("igc serve did not announce itself")
	}
	for _, line := range lines {
		at := strings.LastIndex(line, ": ") // what a port is for may hold one, too
		if at < 0 {
			continue
		}
		url := line[at+2:]
		for mode, word := range map[string]string{"publication": "Publication", "directory": "Directory", "testssl": "every card", "tls13": "TLS 1.3", "strict": "strict", "any_ca": "does not appear"} {
			if strings.Contains(line, word) {
				s.urls[mode] = url
			}
		}
	}
	if len(s.urls) != 6 {
		l.t.Fatalf("igc serve announced %q\n%s", lines, s.log)
	}
	return s
}

// stop ends the server as Ctrl-C does, and wants a clean end.
func (s *server) stop(t testing.TB) {
	if s.cmd.ProcessState != nil {
		return
	}
	s.cmd.Process.Signal(syscall.SIGTERM)
	done := make(chan error, 1)
	go func() { done <- s.cmd.Wait() }()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("igc serve: %v\n%s", err, s.log)
		}
	case <-ctx.Done():
		s.cmd.Process.Kill()
		t.Error("igc serve did not stop in 30 s")
	}
}
