package revocation

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/der"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation/crl"
)

// More idle connections than the directory and the publication take, clients that send or read a
// byte at a time, messages of 10 MB and nonsense, all at once: who asks for a list gets it whole,
// over LDAP and over HTTP, each time. IGC_IDLE says how many connections stay idle (10000 in make
// soak).
func TestFloodDirectory(t *testing.T) {
	l := newTestLab(t, 1)
	alain, err := fixtures.Find("alain")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Seed(t.Context(), ca.IssueRequest{Product: alain.Product, Holder: alain.Holder}, 20000, 20000); err != nil {
		t.Fatal(err)
	}
	l.Unlock()
	t.Cleanup(func() { l.Lock() })
	server := startServer(t, "publication, directory", l.Home)
	defer server.stop()
	directory, err := server.out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	directory = strings.TrimSpace(directory)
	a, _ := profiles.ParseAuthority("ACI-FO-PP")
	overLDAP := func() ([]byte, error) {
		conn, err := ldap.DialURL("ldap://"+directory, ldap.DialWithDialer(&net.Dialer{Timeout: 20 * time.Second}))
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		conn.SetTimeout(20 * time.Second)
		found, err := conn.Search(ldap.NewSearchRequest(a.DirectoryName(), 0, 0, 0, 0, false, "(objectClass=pkiCA)", []string{"certificateRevocationList;binary"}, nil))
		if err != nil {
			return nil, err
		}
		return found.Entries[0].GetRawAttributeValue("certificateRevocationList;binary"), nil
	}
	visitor := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	overHTTP := func() ([]byte, error) {
		resp, err := visitor.Get("http://" + server.address + a.CRLPath())
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		return io.ReadAll(resp.Body)
	}
	want, err := overHTTP()
	if err != nil {
		t.Fatal(err)
	}
	if c, err := crl.Parse(want, nil); err != nil || c.Entries < 20000 {
		t.Fatalf("a list of %d bytes: %v", len(want), err)
	}
	load := func(what string) {
		t.Helper()
		for name, get := range map[string]func() ([]byte, error){"LDAP": overLDAP, "HTTP": overHTTP} {
			var mu sync.Mutex
			var took []time.Duration
			var workers sync.WaitGroup
			for end := time.Now().Add(time.Second); time.Now().Before(end); {
				for range 2 {
					workers.Go(func() {
						start := time.Now()
						der, err := get()
						mu.Lock()
						defer mu.Unlock()
						if took = append(took, time.Since(start)); err != nil || !bytes.Equal(der, want) {
							t.Errorf("%s, %s: %d bytes of %d, %v", what, name, len(der), len(want), err)
						}
					})
				}
				workers.Wait()
			}
			slices.Sort(took)
			t.Logf("%s, %s: %d CRLs of %d kB in a second, half in %s, the slowest in %s", what, name, len(took), len(want)>>10, took[len(took)/2], took[len(took)-1])
		}
	}
	load("quiet")

	stop := make(chan struct{})
	var attackers sync.WaitGroup
	again := func(n int, address string, do func(net.Conn) error) *atomic.Int64 {
		var done atomic.Int64
		for range n {
			attackers.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					conn, err := net.Dial("tcp", address)
					if err != nil {
						time.Sleep(10 * time.Millisecond)
						continue
					}
					conn.SetDeadline(time.Now().Add(20 * time.Second))
					for err == nil {
						select {
						case <-stop:
							err = io.EOF
						default:
							err = do(conn)
							done.Add(1)
						}
					}
					conn.Close()
				}
			})
		}
		return &done
	}
	var idle []net.Conn
	for i := range number(t, "IGC_IDLE", 3000) {
		conn, err := net.Dial("tcp", []string{directory, server.address}[i%2])
		if err != nil {
			t.Fatalf("after %d idle connections: %v", len(idle), err)
		}
		idle = append(idle, conn)
	}
	slowly := func(b []byte) func(net.Conn) error {
		return func(c net.Conn) error {
			time.Sleep(20 * time.Millisecond)
			_, err := c.Write(b)
			return err
		}
	}
	search := der.Element(0x30, []byte{2, 1, 1}, der.Element(0x63, der.Element(4, []byte("c=FR")), // the whole subtree
		[]byte{10, 1, 2, 10, 1, 0, 2, 1, 0, 2, 1, 0, 1, 1, 0}, der.Element(0x87, []byte("objectClass")), der.Element(0x30)))
	nonsense := make([]byte, 4096)
	rand.Read(nonsense)
	large := append([]byte{0x30, 0x84, 0, 0xa0, 0, 0}, make([]byte, 10<<20)...)
	counts := map[string]*atomic.Int64{
		"bytes sent one at a time over LDAP": again(50, directory, slowly([]byte{0x30})),
		"bytes sent one at a time over HTTP": again(50, server.address, slowly([]byte{'G'})),
		"searches of everything, never read": again(50, directory, func(c net.Conn) error {
			_, err := c.Write(search)
			time.Sleep(20 * time.Millisecond)
			return err
		}),
		"messages of 10 MB over LDAP": again(1, directory, func(c net.Conn) error { _, err := c.Write(large); return err }),
		"nonsense over LDAP": again(1, directory, func(c net.Conn) error {
			if _, err := c.Write(nonsense); err != nil {
				return err
			}
			_, err := io.Copy(io.Discard, c)
			return fmt.Errorf("it is left: %w", err)
		}),
		"requests of 10 MB over HTTP": again(1, server.address, func(c net.Conn) error {
			_, err := c.Write(append([]byte("GET /"), bytes.Repeat([]byte{'a'}, 10<<20)...))
			return err
		}),
	}
	load("attacked")
	close(stop)
	attackers.Wait()
	for _, c := range idle {
		c.Close()
	}
	for what, n := range counts {
		if t.Logf("%d %s", n.Load(), what); n.Load() == 0 {
			t.Errorf("no %s: the test attacked nothing", what)
		}
	}
	t.Logf("%d idle connections; at most %d MB of memory", len(idle), server.memory())
	if m := server.memory(); m > 500 {
		t.Errorf("the server took %d MB", m)
	}
}
