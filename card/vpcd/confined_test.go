package vpcd

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/igc-lab/igc/internal/cardtest"
	"github.com/igc-lab/igc/internal/peer"
	"github.com/igc-lab/igc/internal/sockets"
)

// What systemctl show says of a service.
func TestDeniesOthers(t *testing.T) {
	for text, want := range map[string]bool{
		"IPAddressAllow=127.0.0.0/8 ::1/128\nIPAddressDeny=::/0 0.0.0.0/0\n":        true,
		"IPAddressDeny=0.0.0.0/0 ::/0\nIPAddressAllow=\n":                           true,
		"IPAddressAllow=\nIPAddressDeny=\n":                                         false,
		"IPAddressAllow=127.0.0.0/8 192.168.0.0/16\nIPAddressDeny=::/0 0.0.0.0/0\n": false,
		"IPAddressAllow=127.0.0.0/8\nIPAddressDeny=0.0.0.0/0\n":                     false,
		"IPAddressAllow=0.0.0.0/0 ::/0\nIPAddressDeny=0.0.0.0/0 ::/0\n":             false,
		"": false,
	} {
		if got := deniesOthers(text); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}

// A pcscd that was started with a reader.conf of its own is looked at there, and its systemd
// service is found.
func TestProcess(t *testing.T) {
	root := t.TempDir()
	put := func(path, content string) {
		t.Helper()
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("etc/reader.conf.d/vpcd", "DEVICENAME /dev/null:0x8C7B\nLIBPATH /usr/lib/libifdvpcd.so\n")
	put("home/me/reader.conf", "DEVICENAME /dev/null:0x8C7D\nLIBPATH /usr/lib/libifdvpcd.so\n")
	put("proc/18/comm", "pcscd\n")
	for _, options := range []string{"-c\x00/home/me/reader.conf", "--config\x00/home/me/reader.conf", "--config=/home/me/reader.conf"} {
		put("proc/18/cmdline", "/usr/sbin/pcscd\x00--foreground\x00"+options+"\x00")
		if m := Look(root); m.Address != "127.0.0.1:35965" || m.Conf != filepath.Join(root, "home/me/reader.conf") {
			t.Errorf("%q: %+v", options, m)
		}
	}
	put("proc/18/cgroup", "1:name=systemd:/system.slice/pcscd.service\n0::/system.slice/pcscd.service\n")
	if got := unit(filepath.Join(root, "proc/18")); got != "pcscd.service" {
		t.Errorf("its service is %q", got)
	}

	put("proc/20/cmdline", "igc\x00--home\x00/lab\x00card\x00reader\x00--vpcd=127.0.0.1:4000\x00")
	put("proc/21/cmdline", "/opt/igc\x00card\x00reader\x00")
	put("proc/21/environ", "HOME=/home/me\x00IGC_HOME=/other\x00")
	put("proc/22/cmdline", "igc\x00card\x00list\x00")
	put("proc/23/cmdline", "vi\x00card\x00reader\x00")
	put("proc/24/cmdline", "")
	want := []Program{{20, "/lab", "127.0.0.1:4000"}, {21, "/other", DefaultAddress}}
	if got := Programs(root); !slices.Equal(got, want) {
		t.Errorf("readers: %+v, want %+v", got, want)
	}
}

// The pcscd of a test listens to nobody beyond this machine, is found in its own network, and so is
// what plays a card in it.
func TestPrivateNetwork(t *testing.T) {
	address := cardtest.PCSC(t)
	port, _ := firstPort(address)
	for _, s := range sockets.List() {
		if s.Listening && (int(s.Local.Port()) == port || int(s.Local.Port()) == port+1) && !s.Local.Addr().IsLoopback() {
			t.Errorf("it listens at %s", s.Local)
		}
	}
	if found := Exposed(address, Slots); len(found) > 0 {
		t.Errorf("exposed at %v", found)
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Read(make([]byte, 3)); err != nil {
		t.Errorf("vpcd does not ask: %v", err)
	}
	pid := 0
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, process := range processes { // the one of this test, by its reader.conf
		args := arguments(process)
		if filepath.Base(args[0]) == "pcscd" && strings.HasPrefix(confOption(args), os.TempDir()) && listens(sockets.ListOf(number(process)), address) {
			pid = number(process)
		}
	}
	m := Machine{PID: pid, Address: address, Elsewhere: true}
	if found := m.Players(); pid == 0 || len(found) != 1 || found[0].Slot != 1 {
		t.Errorf("pcscd is %d, and in it play %+v", pid, found)
	}
	if (Program{PID: pid}).Reaches(m) == false {
		t.Error("a program of that network does not reach it")
	}
}

// In a network with nothing but loopback, what listens on every address is not exposed; igc card
// reader runs there with pcscd.
func TestOnlyLoopback(t *testing.T) {
	const variable = "IGC_TEST_NETWORK"
	if os.Getenv(variable) == "" {
		if os.Geteuid() != 0 {
			peer.Missing(t, "the right to make a network, which is root's")
		}
		t.Setenv(variable, "own")
		peer.Run(t, "unshare", "--net", os.Args[0], "-test.run=^TestOnlyLoopback$")
		return
	}
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if found := Exposed(l.Addr().String(), 1); len(found) > 0 {
		t.Errorf("exposed at %v", found)
	}
}
