package vpcd

import (
	"bufio"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/igc-lab/igc/internal/home"
	"github.com/igc-lab/igc/internal/sockets"
)

// Machine is what this machine has of PC/SC and of vpcd. It is for Linux; elsewhere nothing is
// found.
type Machine struct {
	Program string // pcscd; empty: not installed
	PID     int    // of the pcscd that runs; 0: none
	Conf    string // the file that tells pcscd of vpcd; empty: none does
	Driver  string // the library that it names
	Missing bool   // there is no such library
	Address string // where vpcd's first reader is

	Confined  bool // systemd lets nobody beyond this machine reach pcscd's ports
	Elsewhere bool // pcscd runs in a network of its own, where igc card reader has to run too
}

// Look looks at the machine under that root, "/". It connects to nothing: where pcscd is started by
// its socket, that would start it.
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
			m.PID = number(filepath.Dir(file))
			break
		}
	}
	files, _ := filepath.Glob(filepath.Join(root, "etc/reader.conf.d/*"))
	files = append([]string{filepath.Join(root, "etc/reader.conf")}, files...)
	if m.PID != 0 {
		process := filepath.Join(root, "proc", strconv.Itoa(m.PID))
		if file := confOption(arguments(process)); file != "" { // started with a file of its own
			files = []string{filepath.Join(root, file)}
		}
		m.Confined = confined(unit(process))
	}
	for _, file := range files {
		if m.readConf(root, file) {
			break
		}
	}
	m.Elsewhere = m.PID != 0 && listens(sockets.ListOf(m.PID), m.Address) && !listens(sockets.List(), m.Address)
	return m
}

// arguments are those with which a process was started, its program first.
func arguments(process string) []string {
	line, _ := os.ReadFile(filepath.Join(process, "cmdline"))
	return strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")
}

// number is that of a process, by its folder.
func number(process string) int {
	n, _ := strconv.Atoi(filepath.Base(process))
	return n
}

// confOption is the reader.conf that pcscd was started with, empty for the usual ones.
func confOption(args []string) string {
	for i, arg := range args {
		if file, ok := strings.CutPrefix(arg, "--config="); ok {
			return file
		}
		if (arg == "-c" || arg == "--config") && i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}

// unit is the systemd service in which a process runs, empty for none.
func unit(process string) string {
	groups, _ := os.ReadFile(filepath.Join(process, "cgroup"))
	for line := range strings.Lines(string(groups)) { // 0::/system.slice/pcscd.service
		if name := filepath.Base(strings.TrimSpace(line)); strings.HasSuffix(name, ".service") {
			return name
		}
	}
	return ""
}

// confined asks systemd whether the service takes packets of this machine alone: IPAddressDeny=any,
// IPAddressAllow=localhost.
func confined(service string) bool {
	if service == "" {
		return false
	}
	out, err := exec.Command("systemctl", "show", service, "--property=IPAddressAllow", "--property=IPAddressDeny").Output()
	return err == nil && deniesOthers(string(out))
}

// deniesOthers reads the two lines that systemctl shows.
func deniesOthers(properties string) bool {
	value := map[string][]string{}
	for line := range strings.Lines(properties) {
		name, words, _ := strings.Cut(strings.TrimSpace(line), "=")
		value[name] = strings.Fields(words)
	}
	for _, allowed := range value["IPAddressAllow"] {
		if p, err := netip.ParsePrefix(allowed); err != nil || !p.Addr().IsLoopback() {
			return false
		}
	}
	return slices.Contains(value["IPAddressDeny"], "0.0.0.0/0") && slices.Contains(value["IPAddressDeny"], "::/0")
}

// listens tells whether something listens on the port of an address.
func listens(all []sockets.Socket, address string) bool {
	port, ok := firstPort(address)
	return ok && slices.ContainsFunc(all, func(s sockets.Socket) bool { return s.Listening && int(s.Local.Port()) == port })
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

// Players are those that are connected to the ports of n slots, in this program's network.
func Players(address string, n int) []Player { return players(sockets.List(), address, n) }

// Players are those of this machine's first readers.
func (m Machine) Players() []Player {
	if m.Elsewhere {
		return players(sockets.ListOf(m.PID), m.Address, Slots)
	}
	return Players(m.Address, Slots)
}

// Exposed lists the addresses at which others than this machine reach vpcd's readers.
func (m Machine) Exposed() []string {
	if m.Confined || m.Elsewhere {
		return nil
	}
	return Exposed(m.Address, Slots)
}

func players(list []sockets.Socket, address string, n int) (all []Player) {
	first, ok := firstPort(address)
	if !ok {
		return nil
	}
	for _, s := range list {
		if slot := int(s.Remote.Port()) - first + 1; !s.Listening && slot >= 1 && slot <= n && s.Remote.Addr().IsLoopback() {
			pid, name := s.Owner()
			all = append(all, Player{slot, pid, name})
		}
	}
	return all
}

// Program is a running igc card reader, of whichever lab.
type Program struct {
	PID     int
	Home    string // of its lab; empty when it does not say and this user may not see its environment
	Address string // where it looks for vpcd
}

// Programs lists those that run on the machine under that root.
func Programs(root string) (all []Program) {
	processes, _ := filepath.Glob(filepath.Join(root, "proc/[0-9]*"))
	for _, process := range processes {
		args := arguments(process)
		i := slices.Index(args, "card")
		if filepath.Base(args[0]) != "igc" || i < 0 || i+1 >= len(args) || args[i+1] != "reader" {
			continue
		}
		p := Program{PID: number(process), Home: option(args, "home"), Address: option(args, "vpcd")}
		if p.Home == "" {
			p.Home = homeOf(process)
		} else if dir, err := os.Readlink(filepath.Join(process, "cwd")); err == nil && !filepath.IsAbs(p.Home) {
			p.Home = filepath.Join(dir, p.Home)
		}
		if p.Address == "" {
			p.Address = DefaultAddress
		}
		all = append(all, p)
	}
	return all
}

// Reaches tells whether vpcd listens in the network of the program.
func (p Program) Reaches(m Machine) bool { return listens(sockets.ListOf(p.PID), m.Address) }

// option is the value of a flag among arguments, empty when it is not given.
func option(args []string, name string) string {
	for i, arg := range args {
		flag, value, joined := strings.Cut(strings.TrimPrefix(arg, "-"), "=")
		switch {
		case !strings.HasPrefix(arg, "-") || strings.TrimPrefix(flag, "-") != name:
		case joined:
			return value
		case i+1 < len(args):
			return args[i+1]
		}
	}
	return ""
}

// homeOf is the lab of the environment of a process, as package ca finds it, where this user may
// see it.
func homeOf(process string) string {
	environment, err := os.ReadFile(filepath.Join(process, "environ"))
	if err != nil {
		return ""
	}
	value := map[string]string{}
	for _, variable := range strings.Split(string(environment), "\x00") {
		name, v, _ := strings.Cut(variable, "=")
		value[name] = v
	}
	dir, _ := home.Default(func(name string) string { return value[name] })
	return dir
}
