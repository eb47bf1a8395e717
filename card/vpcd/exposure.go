package vpcd

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// Exposed lists the addresses beyond loopback at which something of this machine listens on the ports of n slots. vpcd itself listens on all of
// them: whoever reaches it can put a card of their own into the reader, and be given the PIN that is typed for it. It is for an address of this
// machine, on Linux; elsewhere it finds nothing.
func Exposed(address string, n int) []string {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil
	}
	first, err := strconv.Atoi(port)
	if err != nil {
		return nil
	}
	var found []string
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(table)
		if err != nil {
			continue
		}
		for lines := bufio.NewScanner(f); lines.Scan(); {
			at, listening := listener(lines.Text())
			if listening && int(at.Port()) >= first && int(at.Port()) < first+n && !at.Addr().Unmap().IsLoopback() {
				found = append(found, at.String())
			}
		}
		f.Close()
	}
	return found
}

// listener reads a line of /proc/net/tcp: "  0: 0100007F:8C7B 00000000:0000 0A ...", words of four bytes in the machine's order, state 0A = LISTEN.
func listener(line string) (netip.AddrPort, bool) {
	fields := strings.Fields(line)
	if len(fields) < 4 || fields[3] != "0A" {
		return netip.AddrPort{}, false
	}
	host, port, _ := strings.Cut(fields[1], ":")
	raw, err := hex.DecodeString(host)
	n, portErr := strconv.ParseUint(port, 16, 16)
	if err != nil || portErr != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	addr, ok := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(addr, uint16(n)), ok
}
