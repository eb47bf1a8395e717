package serve

import (
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/igc-lab/igc/ca"
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
