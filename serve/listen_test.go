package serve

import (
	"errors"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/lab"
)

// Why a port cannot be had is said as it is: each cause by a real socket, but for what root is
// never refused.
func TestListenErrors(t *testing.T) {
	t.Setenv("IGC_LANG", "en")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	refused := func(errno syscall.Errno) error {
		return &net.OpError{Op: "listen", Net: "tcp", Err: os.NewSyscallError("bind", errno)}
	}
	for name, tc := range map[string]struct {
		address string
		err     error // instead of a socket
		kind    ca.Kind
		says    string
	}{
		"in use": {address: taken.Addr().String(), kind: ca.Busy,
			says: "another program has this port"},
		"of another machine": {address: "192.0.2.1:27805", kind: ca.Invalid,
			says: "not an address of this machine"},
		"of another machine, IPv6":   {address: "[2001:db8::1]:27805", says: "", kind: ca.Invalid},
		"a name that leads nowhere":  {address: "nowhere.invalid:27805", kind: ca.Invalid, says: "leads to no address"},
		"a port that is none":        {address: "127.0.0.1:99999", kind: ca.Invalid, says: "invalid port"},
		"a service without a number": {address: "127.0.0.1:nothing", kind: ca.Invalid, says: "unknown port"},
		"no port":                    {address: "127.0.0.1", kind: ca.Invalid, says: "missing port"},
		"refused": {address: "127.0.0.1:389", err: refused(syscall.EACCES), kind: ca.Unwritable,
			says: "cap_net_bind_service"},
		"not permitted": {address: "127.0.0.1:389", err: refused(syscall.EPERM), kind: ca.Unwritable,
			says: "below 1024"},
	} {
		err := tc.err
		if err == nil {
			var l net.Listener
			if l, err = listen("directory", tc.address); err == nil {
				l.Close()
				t.Errorf("%s: it listens", name)
				continue
			}
		} else {
			err = listenError("directory", tc.address, err)
		}
		text := err.Error()
		if ca.KindOf(err) != tc.kind || !strings.Contains(text, tc.says) || !strings.Contains(text,
			tc.address+" (directory): ") ||
			tc.kind != ca.Busy && strings.Contains(text, "another program") {
			t.Errorf("%s: %s, %s", name, ca.KindOf(err), text)
		}
		if tc.err != nil && !errors.Is(err, tc.err.(*net.OpError).Err) {
			t.Errorf("%s: %v does not hold its cause", name, err)
		}
	}
}

// Two labs that are older than some endpoints have the same ports for them: the second is told
// which lines of igc.yaml to write, and with them it listens.
func TestOtherPorts(t *testing.T) {
	t.Setenv("IGC_LANG", "en")
	taken := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l.Addr().String()
	}
	var held []net.Listener // until all are drawn: the system may give one that was closed again
	free := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, l)
		return l.Addr().String()
	}
	above := func(address string) string { // the port that would be taken in its place
		host, port, _ := net.SplitHostPort(address)
		number, err := strconv.Atoi(port)
		if err != nil {
			t.Fatal(err)
		}
		return net.JoinHostPort(host, strconv.Itoa(number+portStep))
	}
	line := regexp.MustCompile(`[:,] ([a-z0-9_]+): (127\.0\.0\.1:[0-9]+)`)
	for name, change := range map[string]struct {
		change func(*lab.Listen)
		want   []string // the names of the lines
		kind   ca.Kind
	}{
		"one":      {func(l *lab.Listen) { l.Wallet = taken() }, []string{"wallet"}, ca.Busy},
		"the last": {func(l *lab.Listen) { l.Portal = taken() }, []string{"portal"}, ca.Busy},
		"all of Pro Santé Connect": {func(l *lab.Listen) {
			l.PSC, l.Wallet, l.CardLogin, l.Desk, l.Portal = taken(), taken(), taken(), taken(), taken()
		}, []string{"psc", "wallet", "card_login", "desk", "portal"}, ca.Busy},
		"two whose next port is another endpoint's": {func(l *lab.Listen) {
			l.PSC, l.Wallet = taken(), taken()
			l.Portal, l.Desk = above(l.PSC), above(l.Wallet)
		}, []string{"psc", "wallet"}, ca.Busy},
		"TestSSL too": {func(l *lab.Listen) { l.TestSSL, l.Desk = taken(), taken() },
			[]string{"testssl", "desk"}, ca.Busy},
		"one that certificates name": {func(l *lab.Listen) { l.Publication, l.Desk = taken(), taken() }, nil, ca.Busy},
		"another fault":              {func(l *lab.Listen) { l.Portal = "192.0.2.1:27805" }, nil, ca.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			var l lab.Listen
			for distinct := map[string]bool{}; len(distinct) < len(table); {
				clear(distinct)
				for _, e := range table {
					*e.address(&l) = free()
				}
				change.change(&l)
				for _, e := range table {
					distinct[*e.address(&l)] = true
				}
			}
			for _, one := range held {
				one.Close()
			}
			held = nil
			_, err := openPorts(l, true)
			if ca.KindOf(err) != change.kind {
				t.Fatalf("%v", err)
			}
			var names []string
			for _, match := range line.FindAllStringSubmatch(err.Error(), -1) {
				names = append(names, match[1])
				for _, e := range table {
					if e.Name == match[1] {
						*e.address(&l) = match[2]
					}
				}
			}
			if !slices.Equal(names, change.want) {
				t.Errorf("%q, want %q: %v", names, change.want, err)
			}
			if names == nil {
				return
			}
			listeners, err := openPorts(l, true)
			if err != nil {
				t.Fatal(err)
			}
			for _, listener := range listeners {
				listener.Close()
			}
		})
	}
}
