package cardtest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/igc-lab/igc/internal/peer"
)

// PCSC starts a pcscd of the test's own, whose only readers are two of vpcd's, and returns where the first takes its card. Programs that
// the test runs find this one by their environment, and the machine's own, if it runs, goes its way (but its process number in
// /run/pcscd, which nobody but pcscd --hotplug reads, is overwritten). It lasts for some minutes at most: what waits for it ends with it.
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
	port := twoPorts(t)
	conf, socket := filepath.Join(dir, "reader.conf"), filepath.Join(dir, "pcscd.comm")
	text := fmt.Sprintf("FRIENDLYNAME \"Virtual PCD\"\nDEVICENAME /dev/null:0x%04X\nLIBPATH %s\nCHANNELID 0x%04X\n", port, driver, port)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// Its socket has one place, unless it is handed over as systemd does: as file 3, to the process of that number.
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
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("pcscd: %s", said.String())
		}
	})
	t.Setenv("PCSCLITE_CSOCK_NAME", socket)
	return fmt.Sprintf("127.0.0.1:%d", port)
}

// twoPorts finds two in a row that nobody listens on, below those that systems give to clients, and returns the first.
func twoPorts(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := 10000 + rand.IntN(20000)
		first, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if err != nil {
			continue
		}
		second, err := net.Listen("tcp", fmt.Sprintf(":%d", port+1))
		first.Close()
		if err == nil {
			second.Close()
			return port
		}
	}
	t.Fatal("no two free ports in a row")
	return 0
}
