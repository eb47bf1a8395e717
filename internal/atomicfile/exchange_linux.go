package atomicfile

import (
	"errors"

	"golang.org/x/sys/unix"
)

// Exchange gives each of two folders the other's name, at one moment. Where the file system cannot,
// there is a short one in which neither is there.
func Exchange(a, b string) error {
	err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		return exchangeInSteps(a, b)
	}
	return err
}
