package labtest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
)

// portsInARow is how many ports a lab may use, from the one that igc init --port names.
const portsInARow = 16

// FreePorts finds a row of ports that nobody listens on and that no other test uses, and returns
// the first. They are below those that systems give to clients, which may take the port of a server
// while it is killed and started again.
func FreePorts(t testing.TB) string {
	t.Helper()
next:
	for range 1000 {
		first := 10000 + portsInARow*rand.IntN(20000/portsInARow)
		if !lockPorts(t, first) {
			continue
		}
		for n := range portsInARow {
			l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: first + n})
			if err != nil {
				continue next
			}
			l.Close()
		}
		return strconv.Itoa(first)
	}
	t.Fatalf("no %d free ports in a row", portsInARow)
	return ""
}

// lockPorts takes a row of ports for this process: packages are tested at the same time, each in a
// process of its own.
func lockPorts(t testing.TB, first int) bool {
	t.Helper()
	dir := filepath.Join(os.TempDir(), "igc-test-ports")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	lock, err := lockFile(filepath.Join(dir, fmt.Sprint(first)))
	if err != nil {
		return false
	}
	reserved.Lock()
	defer reserved.Unlock()
	reserved.rows = append(reserved.rows, lock) // until the process ends
	return true
}

// reserved are the rows of this process, whose tests run at the same time.
var reserved struct {
	sync.Mutex
	rows []*os.File
}
