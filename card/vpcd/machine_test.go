package vpcd_test

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/igc-lab/igc/card/vpcd"
)

func TestLook(t *testing.T) {
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
	check := func(want vpcd.Machine) {
		t.Helper()
		if got := vpcd.Look(root); got != want {
			t.Errorf("got %+v\nwant %+v", got, want)
		}
	}
	want := vpcd.Machine{Address: vpcd.DefaultAddress}
	check(want)
	put("usr/sbin/pcscd", "")
	put("proc/17/comm", "bash\n")
	put("etc/reader.conf.d/other", "FRIENDLYNAME \"GemPC\"\nLIBPATH /usr/lib/other.so\n# LIBPATH /usr/lib/libifdvpcd.so\n")
	want.Program = filepath.Join(root, "usr/sbin/pcscd")
	check(want)
	put("proc/18/comm", "pcscd\n")
	put("etc/reader.conf.d/vpcd", "FRIENDLYNAME \"Virtual PCD\"\nDEVICENAME   /dev/null:0x8C7D\nLIBPATH      /usr/lib/libifdvpcd.so\nCHANNELID    0x8C7D\n")
	want.PID, want.Conf, want.Driver, want.Missing = 18, filepath.Join(root, "etc/reader.conf.d/vpcd"), "/usr/lib/libifdvpcd.so", true
	want.Address = "127.0.0.1:35965"
	check(want)
	put("usr/lib/libifdvpcd.so", "")
	want.Missing = false
	check(want)
}

func TestPlayers(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: Linux shows sockets")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if found := vpcd.Players(l.Addr().String(), 1); len(found) != 0 {
		t.Errorf("nobody is connected: %v", found)
	}
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	found := vpcd.Players(l.Addr().String(), 1)
	if len(found) != 1 || found[0].Slot != 1 || found[0].PID != os.Getpid() {
		t.Errorf("this process is connected: %v", found)
	}
}
