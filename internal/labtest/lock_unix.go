//go:build unix

package labtest

import (
	"os"
	"syscall"
	"testing"
)

// lockFile takes a lock that ends with the process, or fails at once.
func lockFile(path string) (*os.File, error) { return flock(path, syscall.LOCK_EX|syscall.LOCK_NB) }

func flock(path string, how int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), how); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Exclusive waits until no other test on this machine, of this run or another, uses what the path
// stands for, and has it until the test ends.
func Exclusive(t testing.TB, path string) {
	t.Helper()
	lock, err := flock(path, syscall.LOCK_EX)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lock.Close() })
}
