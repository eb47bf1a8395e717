package revocation

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/revocation/crl"
	"github.com/igc-lab/igc/revocation/ldap"
	"github.com/igc-lab/igc/revocation/publication"
)

// Servers that are measured, or attacked, run in a process of their own: what the test does to them
// costs them nothing. It is this test's program, started again with IGC_TEST_SERVER naming what to
// serve.
func TestMain(m *testing.M) {
	if what := os.Getenv("IGC_TEST_SERVER"); what != "" {
		if err := serveForTest(what, os.Getenv("IGC_TEST_HOME")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// serveForTest serves until its standard input ends: a publication, one whose CRL is made again and
// again, or so many bytes and nothing else. With the directory, that has its address on a second
// line.
func serveForTest(what, home string) error {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var handler http.Handler
	var directory net.Listener
	report := func() string { return "" }
	if n, err := strconv.Atoi(what); err == nil {
		answer, kind, length := make([]byte, n), []string{"application/ocsp-response"}, []string{what}
		handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Content-Type"], w.Header()["Content-Length"] = kind, length
			w.Write(answer)
		})
	} else {
		lab, err := lab.Open(home, lab.Options{})
		if err != nil {
			return err
		}
		if err := lab.Lock(); err != nil {
			return err
		}
		defer lab.Unlock()
		crls := crl.NewIssuer(lab, lab.Now)
		if err := crls.Watch(ctx); err != nil {
			return err
		}
		responder, err := NewResponder(ctx, lab, lab.Now)
		if err != nil {
			return err
		}
		handler = NewPublication(lab, crls, responder, log)
		report = func() string { return fmt.Sprintf("%+v", responder.Counts()) }
		if what == "publication, directory" { // as igc serve has them
			if directory, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
				return err
			}
			if err := crls.Publish(ctx, false); err != nil {
				return err
			}
			go ldap.NewServer(lab, crls, log).Serve(ctx, web.LimitListener(directory, 1000))
		}
		if what == "publication, CRLs" {
			made := 0
			report = func() string { return fmt.Sprintf("%d CRLs made", made) }
			done := make(chan struct{})
			defer func() { cancel(); <-done }()
			go func() {
				defer close(done)
				made = remakeCRLs(ctx, lab, crls)
			}()
			inner := report
			report = func() string { cancel(); <-done; return inner() }
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if directory != nil {
		listener = web.LimitListener(listener, 4000)
	}
	server := publication.NewServer(handler, log)
	go server.Serve(listener)
	fmt.Println(listener.Addr())
	if directory != nil {
		fmt.Println(directory.Addr())
	}
	io.Copy(io.Discard, os.Stdin)
	fmt.Println(report())
	return server.Close()
}

// remakeCRLs revokes certificates, the last issued first, and makes the CRL anew after each one.
func remakeCRLs(ctx context.Context, lab *lab.Lab, crls *crl.Issuer) (made int) {
	records, err := lab.List(ctx, ca.Filter{EndEntities: true, Status: ca.Good})
	if err != nil {
		return 0
	}
	l := &testLab{}
	for _, r := range slices.Backward(records) {
		if _, err := lab.Revoke(ctx, r.Serial, "superseded"); err != nil {
			break
		}
		if _, err := crls.Get(ctx, l.Issuing()); err != nil {
			break
		}
		made++
	}
	return made
}

// process is a server under test.
type process struct {
	address string
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

// startServer starts this program as the server of what, and returns when it listens.
func startServer(t testing.TB, what, home string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(os.Args[0])}
	p.cmd.Env = append(os.Environ(), "IGC_TEST_SERVER="+what, "IGC_TEST_HOME="+home)
	p.cmd.Stderr = os.Stderr
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	line, err := p.out.ReadString('\n')
	if err != nil {
		t.Fatalf("the server did not start: %v", err)
	}
	p.address = strings.TrimSpace(line)
	return p
}

// startPeer starts another's server on a free port, {port} in its arguments, and waits until it
// answers the request: openssl serves nobody any more once someone connects and says nothing.
func startPeer(t testing.TB, request []byte, program string, args ...string) *process {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(address)
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "{port}", port)
	}
	p := &process{address: address, cmd: exec.Command(program, args...)}
	var out bytes.Buffer
	p.cmd.Stdout, p.cmd.Stderr = &out, &out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		c := &client{address: address}
		_, err := c.do(request)
		c.close()
		if err == nil {
			return p
		}
		time.Sleep(50 * time.Millisecond)
	}
	p.cmd.Process.Kill()
	p.cmd.Wait()
	t.Fatalf("%s does not answer on %s:\n%s", program, address, out.String())
	return nil
}

// stop ends the server and returns what it reports.
func (p *process) stop() string {
	if p.in == nil {
		p.cmd.Process.Kill()
		p.cmd.Wait()
		return ""
	}
	p.in.Close()
	rest, _ := io.ReadAll(p.out)
	p.cmd.Wait()
	return strings.TrimSpace(string(rest))
}

// cpu is the processor time that the process has used, to the hundredth of a second (proc(5)).
func (p *process) cpu(t testing.TB) time.Duration {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		t.Skipf("SKIPPED: no processor time without /proc: %v", err)
	}
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// memory is the most that the process held, in MB.
func (p *process) memory() int {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	_, after, _ := strings.Cut(string(data), "VmHWM:")
	kB := 0
	fmt.Sscan(after, &kB)
	return kB >> 10
}

// client is one connection of a load generator that costs as little as can be: it writes what it is
// given and counts what comes back.
type client struct {
	address string
	conn    net.Conn
	in      *bufio.Reader
	body    []byte // of the last answer
}

// do sends a request and reads the answer; it connects again when the server closes.
func (c *client) do(request []byte) (status int, err error) {
	if c.conn == nil {
		if c.conn, err = net.Dial("tcp", c.address); err != nil {
			return 0, err
		}
		c.in = bufio.NewReader(c.conn)
	}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	c.conn.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := c.conn.Write(request); err != nil {
		return 0, err
	}
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 12 {
		return 0, fmt.Errorf("answer begins with %q", line)
	}
	status, _ = strconv.Atoi(string(line[9:12]))
	over, length := bytes.HasPrefix(line, []byte("HTTP/1.0")), -1
	for {
		if line, err = c.in.ReadSlice('\n'); err != nil {
			return 0, err
		}
		name, value, found := bytes.Cut(bytes.TrimSpace(line), []byte(": "))
		if !found {
			break
		}
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			length, _ = strconv.Atoi(string(value))
		case bytes.EqualFold(name, []byte("Connection")) && bytes.EqualFold(value, []byte("close")):
			over = true
		}
	}
	if length < 0 {
		return 0, fmt.Errorf("answer without Content-Length")
	}
	if cap(c.body) < length {
		c.body = make([]byte, length)
	}
	c.body = c.body[:length]
	if _, err := io.ReadFull(c.in, c.body); err != nil {
		return 0, err
	}
	if over {
		c.close()
	}
	return status, nil
}

func (c *client) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// figures are what a load came to.
type figures struct {
	answers   int
	bytes     int // of the answers' bodies
	errors    int
	took, cpu time.Duration
	latencies []time.Duration // sorted
}

func (f figures) rate() float64      { return float64(f.answers) / f.took.Seconds() }
func (f figures) rateOfCPU() float64 { return float64(f.answers) / f.cpu.Seconds() }
func (f figures) at(p float64) string {
	return f.latencies[int(p*float64(len(f.latencies)-1))].String()
}

func (f figures) String() string {
	if f.answers == 0 {
		return fmt.Sprintf("no answer, %d errors", f.errors)
	}
	return fmt.Sprintf("%7.0f/s, %7.0f per second of its CPU, p50 %s, p99 %s, longest %s; %d answers of %d bytes, %d errors", f.rate(), f.rateOfCPU(),
		f.at(0.5), f.at(0.99), f.at(1), f.answers, f.bytes/f.answers, f.errors)
}

// load sends the requests to the server, over and over and on so many connections, for that time.
func (p *process) load(t testing.TB, requests [][]byte, connections int, d time.Duration) figures {
	t.Helper()
	var mu sync.Mutex
	var total figures
	var wg sync.WaitGroup
	cpu, start := p.cpu(t), time.Now()
	for k := range connections {
		wg.Go(func() {
			c := &client{address: p.address}
			defer c.close()
			var f figures
			for i := k * len(requests) / connections; time.Since(start) < d; i++ {
				begun := time.Now()
				status, err := c.do(requests[i%len(requests)])
				if err != nil || status != http.StatusOK {
					if f.errors++; f.errors > 1000 {
						break
					}
					continue
				}
				f.latencies = append(f.latencies, time.Since(begun))
				f.answers++
				f.bytes += len(c.body)
			}
			mu.Lock()
			defer mu.Unlock()
			total.answers, total.bytes, total.errors = total.answers+f.answers, total.bytes+f.bytes, total.errors+f.errors
			total.latencies = append(total.latencies, f.latencies...)
		})
	}
	wg.Wait()
	total.took, total.cpu = time.Since(start), p.cpu(t)-cpu
	slices.Sort(total.latencies)
	return total
}

// number reads how much of something there is to be from the environment.
func number(t testing.TB, variable string, otherwise int) int {
	t.Helper()
	s := os.Getenv(variable)
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is not a number", variable, s)
	}
	return n
}
