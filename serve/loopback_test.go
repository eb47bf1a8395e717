package serve

import (
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// haveIPv6 skips a test on a machine without an IPv6 loopback.
func haveIPv6(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skipf("SKIPPED: no IPv6 loopback: %v", err)
	}
	l.Close()
}

// An address that stands for localhost answers on both loopback addresses, and no other address
// does.
func TestBothLoopbacks(t *testing.T) {
	haveIPv6(t)
	for address, both := range map[string]bool{
		"127.0.0.1:0": true, "localhost:0": true, "[::1]:0": true, "LOCALHOST:0": true, "localhost.:0": true,
		"127.0.0.2:0": false, "[::ffff:127.0.0.1]:0": false,
	} {
		t.Run(address, func(t *testing.T) {
			l, err := listen("publication", address)
			if err != nil {
				t.Fatal(err)
			}
			server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter,
				r *http.Request) {
				io.WriteString(w, r.RemoteAddr)
			})}
			go server.Serve(l)
			_, port, _ := net.SplitHostPort(l.Addr().String())
			for _, host := range []string{"127.0.0.1", "::1"} {
				client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{}}
				resp, err := client.Get("http://" + net.JoinHostPort(host, port))
				switch {
				case both && err != nil:
					t.Errorf("%s: %v", host, err)
				case !both && err == nil && !strings.Contains(address, host):
					t.Errorf("%s answers", host)
				}
				if err == nil {
					resp.Body.Close()
				}
				client.CloseIdleConnections()
			}
			if err := server.Close(); err != nil {
				t.Error(err)
			}
			for _, host := range []string{"127.0.0.1", "::1"} {
				if conn, err := net.DialTimeout("tcp", net.JoinHostPort(host, port), time.Second); err == nil {
					conn.Close()
					t.Errorf("%s is still open", host)
				}
			}
		})
	}
}

// Another program on one of the two addresses has the port.
func TestOneLoopbackTaken(t *testing.T) {
	t.Setenv("IGC_LANG", "en")
	haveIPv6(t)
	for _, taken := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := net.Listen("tcp", taken)
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(l.Addr().String())
		_, err = listen("publication", "localhost:"+port)
		if err == nil || !strings.Contains(err.Error(), "another program") {
			t.Errorf("%s taken: %v", taken, err)
		}
		l.Close()
		free, err := listen("publication", "localhost:"+port)
		if err != nil {
			t.Errorf("the port is not free again: %v", err)
			continue
		}
		free.Close()
	}
}

// A machine without one of the two serves on the other, and says nothing.
func TestAbsentLoopback(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT} {
		if !isAbsent(&net.OpError{Op: "listen", Net: "tcp", Err: errno}) {
			t.Errorf("%v is not taken for an absent address", errno)
		}
	}
	for _, errno := range []syscall.Errno{syscall.EADDRINUSE, syscall.EACCES, syscall.EMFILE} {
		if isAbsent(&net.OpError{Op: "listen", Net: "tcp", Err: errno}) {
			t.Errorf("%v is taken for an absent address", errno)
		}
	}
}
