package vpcd

import (
	"net"
	"strconv"

	"github.com/igc-lab/igc/internal/sockets"
)

// Exposed lists the addresses beyond loopback at which something of this machine listens on the
// ports of n slots. vpcd itself listens on all of them: whoever reaches it can put a card of their
// own into the reader, and be given the PIN that is typed for it. It is for an address of this
// machine, on Linux; elsewhere it finds nothing. Debian's vpcd does so whatever its reader.conf
// says: a host's name there makes pcscd crash. It takes a network of its own, or
// [Machine.Confined].
func Exposed(address string, n int) []string {
	first, ok := firstPort(address)
	if !ok || onlyLoopback() {
		return nil
	}
	var found []string
	for _, s := range sockets.List() {
		if port := int(s.Local.Port()); s.Listening && port >= first && port < first+n && !s.Local.Addr().IsLoopback() {
			found = append(found, s.Local.String())
		}
	}
	return found
}

// onlyLoopback tells whether this program's network leads nowhere, as one that was made for pcscd
// does.
func onlyLoopback() bool {
	interfaces, err := net.Interfaces()
	for _, i := range interfaces {
		if i.Flags&net.FlagLoopback == 0 {
			return false
		}
	}
	return err == nil && len(interfaces) > 0
}

func firstPort(address string) (int, bool) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return 0, false
	}
	first, err := strconv.Atoi(port)
	return first, err == nil
}
