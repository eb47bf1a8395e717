package atomicfile

import (
	"os"

	"golang.org/x/sys/unix"
)

// SyncFiles makes the files of a folder durable. One syncfs does it for all of them; an fsync for
// each would wait for the disk as often as there are files, and a batch of cards is then bound by
// the disk.
func SyncFiles(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return os.NewSyscallError("syncfs", unix.Syncfs(int(d.Fd())))
}
