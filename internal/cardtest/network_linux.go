package cardtest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// startInPrivateNetwork starts a program in a network that has a loopback and nothing else, and
// returns how to connect to it there. It is for root.
func startInPrivateNetwork(cmd *exec.Cmd) (dial func(address string) (net.Conn, error), err error) {
	var network *os.File // lives as long as dial does
	err = onOwnThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("making a private network: %w", err)
		}
		if err := raiseLoopback(); err != nil {
			return fmt.Errorf("loopback of the private network: %w", err)
		}
		if network, err = os.Open("/proc/thread-self/ns/net"); err != nil {
			return err
		}
		return cmd.Start() // forks this thread
	})
	if err != nil {
		return nil, err
	}
	return func(address string) (conn net.Conn, err error) {
		err = onOwnThread(func() error {
			if err := unix.Setns(int(network.Fd()), unix.CLONE_NEWNET); err != nil {
				return err
			}
			conn, err = net.Dial("tcp", address) // a socket stays in the network in which it was made
			return err
		})
		return conn, err
	}, nil
}

// onOwnThread runs do on a thread that ends with it: what it changes of the thread concerns no
// other goroutine. It is not the first thread of the process, whose network is the one that /proc
// shows as the process's.
func onOwnThread(do func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // and not unlocked, on another thread than the first
		if unix.Gettid() == os.Getpid() {
			defer runtime.UnlockOSThread()
			result <- onOwnThread(do) // which cannot have this thread
			return
		}
		result <- do()
	}()
	return <-result
}

func raiseLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request)
}
