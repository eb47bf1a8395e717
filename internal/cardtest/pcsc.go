package cardtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/igc-lab/igc/internal/peer"
	"github.com/igc-lab/igc/internal/sockets"
)

// PCSC starts a pcscd of the test's own, whose only readers are two of vpcd's, and returns where
// the first takes its card. Programs that the test runs find this one by their environment, and the
// machine's own, if it runs, goes its way (but its process number in /run/pcscd, which nobody but
// pcscd --hotplug reads, is overwritten). It lasts for some minutes at most: what waits for it ends
// with it.
//
// Debian's vpcd listens on every address of the machine, so this pcscd has a network of its own,
// and the test forwards two ports of loopback into it.
func PCSC(t testing.TB) (address string) {
	t.Helper()
	program := peer.Need(t, "pcscd")
	const driver = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"
	if _, err := os.Stat(driver); err != nil {
		peer.Missing(t, "vsmartcard-vpcd")
	}
	if os.Geteuid() != 0 {
		peer.Missing(t, "the right to start pcscd, which is root's")
	}
	dir := t.TempDir()
	ports, port := twoPorts(t)
	conf, socket := filepath.Join(dir, "reader.conf"), filepath.Join(dir, "pcscd.comm")
	text := fmt.Sprintf("FRIENDLYNAME \"Virtual PCD\"\nDEVICENAME /dev/null:0x%04X\nLIBPATH %s\nCHANNELID 0x%04X\n", port, driver, port)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// Its socket has one place, unless it is handed over as systemd does: as file 3, to the process
	// of that number.
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	handed, err := listener.(*net.UnixListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer handed.Close()
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Minute)
	cmd := exec.CommandContext(ctx, "sh", "-c", `LISTEN_PID=$$ exec "$@"`, "sh", program, "--foreground", "-c", conf)
	cmd.Env = append(os.Environ(), "LISTEN_FDS=1", "PCSCLITE_HP_DROPDIR="+dir) // no drivers for what is plugged in
	cmd.ExtraFiles = []*os.File{handed}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second // then it is killed
	dial, err := startInPrivateNetwork(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait()
		for _, l := range ports {
			l.Close()
		}
		if t.Failed() {
			t.Logf("pcscd: %s", said.String())
		}
	})
	waitForListener(t, cmd.Process.Pid, port)
	for n, l := range ports {
		go forward(l, func() (net.Conn, error) { return dial(fmt.Sprintf("127.0.0.1:%d", port+n)) })
	}
	t.Setenv("PCSCLITE_CSOCK_NAME", socket)
	return fmt.Sprintf("127.0.0.1:%d", port)
}

// waitForListener waits until something listens on the port in the network of the process.
func waitForListener(t testing.TB, pid, port int) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		for _, s := range sockets.ListOf(pid) {
			if s.Listening && int(s.Local.Port()) == port {
				return
			}
		}
	}
	t.Fatal("vpcd does not listen")
}

// forward connects each client of the listener, until it is closed. A connection that one side ends
// is ended on the other.
func forward(l net.Listener, dial func() (net.Conn, error)) {
	for {
		outer, err := l.Accept()
		if err != nil {
			return
		}
		inner, err := dial()
		if err != nil {
			outer.Close()
			continue
		}
		for from, to := range map[net.Conn]net.Conn{outer: inner, inner: outer} {
			go func() {
				_, _ = io.Copy(to, from)
				outer.Close()
				inner.Close()
			}()
		}
	}
}

// twoPorts listens on two of loopback that follow each other, below those that systems give to
// clients, and returns them and the first.
func twoPorts(t testing.TB) (listeners []net.Listener, first int) {
	t.Helper()
	for range 100 {
		port := 10000 + rand.IntN(20000)
		a, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		b, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port+1))
		if err == nil {
			return []net.Listener{a, b}, port
		}
		a.Close()
	}
	t.Fatal("no two free ports in a row")
	return nil, 0
}
