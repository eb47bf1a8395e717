package vpcd

import (
	"bufio"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/igc-lab/igc/internal/sockets"
)

// Machine is what this machine has of PC/SC and of vpcd. It is for Linux; elsewhere nothing is found.
type Machine struct {
	Program string // pcscd; empty: not installed
	PID     int    // of the pcscd that runs; 0: none
	Conf    string // the file that tells pcscd of vpcd; empty: none does
	Driver  string // the library that it names
	Missing bool   // there is no such library
	Address string // where vpcd's first reader is
}

// Look looks at the machine under that root, "/". It connects to nothing: where pcscd is started by its socket, that would start it.
func Look(root string) Machine {
	m := Machine{Address: DefaultAddress}
	for _, dir := range []string{"usr/sbin", "usr/local/sbin", "usr/bin"} {
		path := filepath.Join(root, dir, "pcscd")
		if _, err := os.Stat(path); err == nil {
			m.Program = path
			break
		}
	}
	processes, _ := filepath.Glob(filepath.Join(root, "proc/[0-9]*/comm"))
	for _, file := range processes {
		if name, err := os.ReadFile(file); err == nil && string(name) == "pcscd\n" {
			m.PID, _ = strconv.Atoi(filepath.Base(filepath.Dir(file)))
			break
		}
	}
	files, _ := filepath.Glob(filepath.Join(root, "etc/reader.conf.d/*"))
	for _, file := range append([]string{filepath.Join(root, "etc/reader.conf")}, files...) {
		if m.readConf(root, file) {
			break
		}
	}
	return m
}

// readConf looks for vpcd in a reader.conf(5), whose lines are a word and a value.
func (m *Machine) readConf(root, file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	device := ""
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) < 2:
		case fields[0] == "DEVICENAME":
			device = fields[1]
		case fields[0] == "LIBPATH" && strings.Contains(fields[1], "vpcd"):
			m.Conf, m.Driver = file, fields[1]
		}
	}
	if m.Conf == "" {
		return false
	}
	_, err = os.Stat(filepath.Join(root, m.Driver))
	m.Missing = err != nil
	_, port, _ := strings.Cut(device, ":") // /dev/null:0x8C7B
	if n, err := strconv.ParseUint(port, 0, 16); err == nil {
		m.Address = net.JoinHostPort("127.0.0.1", strconv.FormatUint(n, 10))
	}
	return true
}

// Player is a process that plays a card in a reader.
type Player struct {
	Slot int // 1 and on
	PID  int // 0 when the system does not tell
	Name string
}

// Players are those that are connected to the ports of n slots.
func Players(address string, n int) (all []Player) {
	first, ok := firstPort(address)
	if !ok {
		return nil
	}
	for _, s := range sockets.List() {
		if slot := int(s.Remote.Port()) - first + 1; !s.Listening && slot >= 1 && slot <= n && s.Remote.Addr().IsLoopback() {
			pid, name := s.Owner()
			all = append(all, Player{slot, pid, name})
		}
	}
	return all
}
