//go:build linux

package cluster

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
	"github.com/igc-lab/igc/internal/postgrestest"
)

// labName is the name that leads to HAProxy. HAProxy is at 127.0.0.1, the nodes are at the
// addresses after it, all with the same ports.
const labName = "lab.example.test"

func nodeAddress(i int) string { return fmt.Sprintf("127.0.0.%d", i+2) }

// cluster is a lab of several nodes behind HAProxy.
type cluster struct {
	testing.TB
	port  int // of the publication point, the first of a row
	nodes []*node
}

// The ports of endpoints, as places in the row of igc init --port: serve.Endpoints.
const (
	publicationPort = 0
	pscPort         = 6
	walletPort      = 7
	deskPort        = 11 // by card, certificate or token
)

// url is the address of an endpoint behind HAProxy.
func (c *cluster) url(scheme string, endpoint int) string {
	return fmt.Sprintf("%s://%s:%d", scheme, labName, c.port+endpoint)
}

// dial reaches the lab's name at HAProxy.
func (c *cluster) dial(ctx context.Context, network, address string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, strings.Replace(address, labName, "127.0.0.1", 1))
}

// node is a machine of the lab: a home, and the process of igc serve.
type node struct {
	*labtest.Lab
	address  string
	database *postgrestest.Link
	log      *os.File

	mu    sync.Mutex
	cmd   *exec.Cmd
	ended chan struct{} // closed when cmd has
}

// newCluster makes a lab in a database and its nodes, with HAProxy before them. Nothing is served
// yet.
func newCluster(t testing.TB, database string, nodes int) *cluster {
	t.Helper()
	peer.Need(t, "haproxy")
	ports := labtest.FreePorts(t)
	first, err := strconv.Atoi(ports)
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{TB: t, port: first}
	home := t.TempDir()
	for i := range nodes {
		n := &node{
			Lab:     &labtest.Lab{T: t, Home: filepath.Join(home, fmt.Sprint("node", i+1))},
			address: nodeAddress(i),
		}
		c.nodes = append(c.nodes, n)
		if n.log, err = os.Create(n.Home + ".log"); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			n.Must(
				"init",
				"--exposed",
				labName,
				"--port",
				ports,
				"--store",
				database,
				"--key",
				"p256",
				"--gamme",
				"EL",
			)
		} else if err := os.Mkdir(n.Home, 0o700); err != nil {
			t.Fatal(err)
		}
		n.configure(c.nodes[0].Home, database)
		t.Cleanup(func() { n.kill() })
	}
	return c
}

// configure gives a node the settings and the passphrase of the first, an address of its own, and a
// link of its own to the database.
func (n *node) configure(first, database string) {
	n.T.Helper()
	config := labtest.Read(n.T, filepath.Join(first, "igc.yaml"))
	passphrase := labtest.Read(n.T, filepath.Join(first, "passphrase"))
	var through string
	n.database, through = postgrestest.NewLink(n.T, database)
	for what, with := range map[string]string{
		`(?m)^store: .*$`:                     "store: " + strings.ReplaceAll(through, "$", "$$"),
		`(?m)^(exposed: .*) listen: [0-9.]+}`: "$1 listen: " + n.address + "}",
	} {
		before := regexp.MustCompile(what)
		if !before.MatchString(config) {
			n.T.Fatalf("igc.yaml has no %s:\n%s", what, config)
		}
		config = before.ReplaceAllString(config, with)
	}
	labtest.Write(n.T, filepath.Join(n.Home, "igc.yaml"), []byte(config))
	labtest.Write(n.T, filepath.Join(n.Home, "passphrase"), []byte(passphrase))
}

// proxy starts HAProxy with the configuration that docs has as an example, at the addresses and
// ports of the test.
func (c *cluster) proxy() {
	c.Helper()
	text := labtest.Read(c, "../../docs/company/haproxy.cfg")
	text, _, _ = strings.Cut(text, "# The desk without a port.") // its port is the system's
	for i := range 3 {
		text = strings.ReplaceAll(text, fmt.Sprintf("10.0.0.%d", 11+i), nodeAddress(i))
	}
	var replace []string
	for place, usual := range []int{8080, 8443, 8444, 8445, 8446, 1389, 8451, 8452, 8453, 8454, 8456, 8455} {
		replace = append(replace, fmt.Sprintf(":%d", usual), fmt.Sprintf(":%d", c.port+place),
			fmt.Sprintf("port %d", usual), fmt.Sprintf("port %d", c.port+place))
	}
	text = strings.NewReplacer(replace...).Replace(text)
	text = strings.NewReplacer("bind :", "bind 127.0.0.1:", ",:", ",127.0.0.1:").Replace(text)
	file := filepath.Join(c.TempDir(), "haproxy.cfg")
	labtest.Write(c, file, []byte(text))
	cmd := exec.Command("haproxy", "-db", "-f", file)
	log := &labtest.Log{}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		c.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	c.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
		if c.Failed() {
			c.Logf("HAProxy: %s", log)
		}
	})
	labtest.Until(c, "HAProxy listens", func() bool {
		select {
		case <-ended:
			c.Fatalf("HAProxy ended: %s", log)
		default:
		}
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", c.port))
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// start starts igc serve, without waiting for it.
func (n *node) start() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	cmd := exec.Command(labtest.Program(), "serve", "--exposed")
	cmd.Env = append(os.Environ(), "IGC_HOME="+n.Home, "IGC_LANG=en")
	cmd.Stderr = n.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // also when it stands still
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	n.cmd, n.ended = cmd, ended
	go func() {
		cmd.Wait()
		close(ended)
	}()
	return nil
}

// name is the node's address; empty for none.
func (n *node) name() string {
	if n == nil {
		return ""
	}
	return n.address
}

// signal sends a signal to igc serve.
func (n *node) signal(s syscall.Signal) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd != nil {
		n.cmd.Process.Signal(s)
	}
}

// kill ends igc serve at once.
func (n *node) kill() { n.end(syscall.SIGKILL, time.Minute) }

// end ends igc serve by a signal, and by SIGKILL when it takes longer. It tells whether it did not.
func (n *node) end(s syscall.Signal, patience time.Duration) bool {
	n.signal(s)
	n.mu.Lock()
	ended := n.ended
	n.mu.Unlock()
	if ended == nil {
		return true
	}
	select {
	case <-ended:
		return true
	case <-time.After(patience):
		n.signal(syscall.SIGKILL)
		<-ended
		return false
	}
}

// up starts igc serve and waits until it is ready, again when it ends before that: while the
// database is away a start may fail.
func (n *node) up(ctx context.Context, port int) error {
	for ctx.Err() == nil {
		if err := n.start(); err != nil {
			return err
		}
		for ctx.Err() == nil {
			if n.ready(ctx, port) {
				return nil
			}
			select {
			case <-n.ended:
			case <-time.After(50 * time.Millisecond):
				continue
			}
			break
		}
		time.Sleep(200 * time.Millisecond)
	}
	return ctx.Err()
}

// ready asks the node itself whether requests may be sent there.
func (n *node) ready(ctx context.Context, port int) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(
		ctx,
		http.MethodGet,
		fmt.Sprintf("http://%s:%d/healthz/ready", n.address, port),
		nil,
	)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}
