// Package sockets reads which TCP sockets this machine has and whose they are, where the system
// shows it: Linux, in /proc.
package sockets

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Socket is a TCP socket that listens or is connected.
type Socket struct {
	Local, Remote netip.AddrPort // Remote is that of a connection
	Listening     bool
	inode         string
}

// States of /proc/net/tcp.
const (
	established = "01"
	listening   = "0A"
)

// List lists them; none where the system does not show them.
func List() []Socket { return list("/proc/net") }

// ListOf lists the sockets of the network in which that process runs, which is not this program's
// network where the process was started with one of its own.
func ListOf(pid int) []Socket { return list("/proc/" + strconv.Itoa(pid) + "/net") }

func list(dir string) (all []Socket) {
	for _, table := range []string{dir + "/tcp", dir + "/tcp6"} {
		f, err := os.Open(table)
		if err != nil {
			continue
		}
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if s, ok := parse(lines.Text()); ok {
				all = append(all, s)
			}
		}
		f.Close()
	}
	return all
}

// parse reads a line: "0: 0100007F:8C7B 00000000:0000 0A 00000000:00000000 00:00000000 00000000
// 1000 0 46137 ...", of which the fields are number, local and remote address, state, queues,
// timer, retransmissions, user, timeout, inode.
func parse(line string) (s Socket, ok bool) {
	fields := strings.Fields(line)
	if len(fields) < 10 || fields[3] != established && fields[3] != listening {
		return s, false
	}
	s.Listening, s.inode = fields[3] == listening, fields[9]
	if s.Local, ok = address(fields[1]); !ok {
		return s, false
	}
	s.Remote, ok = address(fields[2])
	return s, ok
}

// address reads words of four bytes in the machine's order, and a port.
func address(text string) (netip.AddrPort, bool) {
	host, port, _ := strings.Cut(text, ":")
	raw, err := hex.DecodeString(host)
	n, portErr := strconv.ParseUint(port, 16, 16)
	if err != nil || portErr != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	addr, ok := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(addr.Unmap(), uint16(n)), ok
}

// Owner is the process that has the socket, and its program's name; 0 when the system does not tell
// this user.
func (s Socket) Owner() (pid int, name string) {
	files, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, file := range files {
		if to, err := os.Readlink(file); err == nil && to == "socket:["+s.inode+"]" {
			dir := filepath.Dir(filepath.Dir(file))
			pid, _ = strconv.Atoi(filepath.Base(dir))
			comm, _ := os.ReadFile(filepath.Join(dir, "comm"))
			return pid, strings.TrimSpace(string(comm))
		}
	}
	return 0, ""
}
