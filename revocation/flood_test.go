package revocation

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	xocsp "golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/internal/der"
	"github.com/igc-lab/igc/internal/labtest"
)

// Idle connections, clients that send a byte at a time, requests of 10 MB and nonsense, all at
// once: who asks properly is answered, each time. IGC_IDLE says how many connections stay idle
// (10000 in make soak; the process needs as many files).
func TestFlood(t *testing.T) {
	l := newTestLab(t, 4)
	var good [][]byte
	for i := range l.Cards {
		request := labtest.OCSPRequest(nil, [][]byte{l.CertID(t, i)}, nil, nil)
		good = append(good, labtest.OCSPGet(request), labtest.OCSPPost(request), labtest.OCSPPost(labtest.WithNonce(t, request, labtest.Nonce(32))))
	}
	l.Unlock()
	t.Cleanup(func() { l.Lock() })
	server := startServer(t, "publication", l.Home)
	defer func() { t.Log("server:", server.stop()) }()
	const d = time.Second
	t.Logf("quiet:    %s", server.load(t, good, 4, d))

	stop := make(chan struct{})
	var wg sync.WaitGroup
	var idle []net.Conn
	for range number(t, "IGC_IDLE", 2000) {
		c, err := net.Dial("tcp", server.address)
		if err != nil {
			t.Logf("after %d idle connections: %v", len(idle), err)
			for _, c := range idle[:min(100, len(idle))] { // space for the others
				c.Close()
			}
			break
		}
		idle = append(idle, c)
	}
	var slowBytes, large, bad, odd atomic.Int64
	for k := range 50 { // a byte every 20 ms: the request is never whole
		wg.Go(func() {
			c, err := net.Dial("tcp", server.address)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Millisecond):
				}
				if _, err := c.Write(good[k%len(good)][i%20 : i%20+1]); err != nil {
					return
				}
				slowBytes.Add(1)
			}
		})
	}
	attack := func(count *atomic.Int64, request []byte, want func(status int, body []byte) bool) {
		wg.Go(func() {
			c := &client{address: server.address}
			defer c.close()
			for {
				select {
				case <-stop:
					return
				default:
				}
				status, err := c.do(request)
				count.Add(1)
				if err == nil && !want(status, c.body) { // an error is a connection that the server closed: its good right
					odd.Add(1)
				}
			}
		})
	}
	attack(&large, labtest.OCSPPost(make([]byte, 10<<20)), func(status int, _ []byte) bool { return status == http.StatusRequestEntityTooLarge })
	malformed := func(status int, body []byte) bool {
		return status == http.StatusOK && bytes.Equal(body, xocsp.MalformedRequestErrorResponse)
	}
	attack(&bad, labtest.OCSPPost([]byte("nonsense")), malformed)
	attack(&bad, labtest.OCSPGet(bytes.Repeat([]byte{0x30}, 5000)), malformed)
	nobody := labtest.OCSPRequest(nil, [][]byte{der.Element(0x30, []byte{0x30, 0, 4, 0, 4, 0, 2, 1, 1})}, nil, nil)
	attack(&bad, labtest.OCSPPost(nobody), func(status int, body []byte) bool {
		return status == http.StatusOK && bytes.Equal(body, xocsp.UnauthorizedErrorResponse)
	})
	under := server.load(t, good, 4, d)
	c := &client{address: server.address}
	status, err := c.do(good[0])
	close(stop)
	wg.Wait()
	for _, c := range idle {
		c.Close()
	}
	t.Logf("attacked: %s", under)
	t.Logf("by %d idle connections, 50 slow clients (%d bytes), %d requests of 10 MB, %d bad ones; at most %d MB of memory", len(idle), slowBytes.Load(),
		large.Load(), bad.Load(), server.memory())
	if under.errors > 0 || under.answers == 0 {
		t.Errorf("%d good requests answered, %d not", under.answers, under.errors)
	}
	if odd.Load() > 0 || large.Load() == 0 || bad.Load() == 0 || slowBytes.Load() == 0 {
		t.Errorf("%d bad requests were answered otherwise than they should (%d large, %d bad)", odd.Load(), large.Load(), bad.Load())
	}
	if answer, parseErr := xocsp.ParseResponse(c.body, nil); err != nil || status != http.StatusOK || parseErr != nil || answer.Status != xocsp.Good {
		t.Errorf("at the end: %d, %v, %v", status, err, fmt.Sprint(parseErr))
	}
	c.close()
}
