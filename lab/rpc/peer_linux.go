package rpc

import (
	"net"

	"golang.org/x/sys/unix"
)

// peerCredentials are the process and the user at the other end of a Unix socket: of a server,
// those that began to listen.
func peerCredentials(conn net.Conn) (pid, uid int, ok bool) {
	c, isUnix := conn.(*net.UnixConn)
	if !isUnix {
		return 0, 0, false
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, 0, false
	}
	_ = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid, uid, ok = int(cred.Pid), int(cred.Uid), true
		}
	})
	return pid, uid, ok
}
