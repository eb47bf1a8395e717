//go:build unix

package card

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/igc-lab/igc/internal/i18n"
)

// lock waits until no other process, nor another goroutine, holds the file.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, i18n.Errorf("cannot lock: %w", err)
	}
	for {
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX); err != unix.EINTR {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, i18n.Errorf("cannot lock %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}
