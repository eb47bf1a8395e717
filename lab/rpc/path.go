package rpc

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/igc-lab/igc/ca"
)

func socketFile(home string) string { return filepath.Join(home, "igc.sock") }

// socketPath is where the socket of a home is, and what to close after use. The system bounds the
// length of such a path (about 100 bytes): on Linux a longer one is reached through its open
// folder.
func socketPath(home string) (string, io.Closer, error) {
	path := socketFile(home)
	if len(path) < 100 {
		return path, io.NopCloser(nil), nil
	}
	if runtime.GOOS != "linux" {
		return "", nil, fail(ca.Invalid,
			"the path of the lab is too long for its socket (%d bytes): choose a shorter home than %s", len(path), home)
	}
	dir, err := os.Open(home)
	if err != nil {
		return "", nil, err
	}
	return "/proc/self/fd/" + strconv.Itoa(int(dir.Fd())) + "/igc.sock", dir, nil
}

// RemoveSocket removes the socket that a killed server left. The caller has the records locked, so
// that the socket is nobody's.
func RemoveSocket(home string) error {
	if err := os.Remove(socketFile(home)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
