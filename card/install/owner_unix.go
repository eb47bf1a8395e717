//go:build unix

package install

import (
	"os"
	"syscall"
)

// handOver gives a file that root wrote to the owner of the folder.
func handOver(file, folder string) error {
	info, err := os.Stat(folder)
	if err != nil || os.Geteuid() != 0 {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return os.Chown(file, int(owner.Uid), int(owner.Gid))
}
