package card

import (
	"os"

	"golang.org/x/sys/windows"

	"github.com/igc-lab/igc/internal/i18n"
)

// lock waits until no other process, nor another goroutine, holds the file.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, i18n.Errorf("cannot lock: %w", err)
	}
	if err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK, 0, 1, 0, new(windows.Overlapped)); err != nil {
		f.Close()
		return nil, i18n.Errorf("cannot lock %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}
