package vpcd

import (
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// prompt has what is read acknowledged at once. vpcd writes a message in two parts, of which the
// second waits for the acknowledgement of the first, which the system would put off: 40 ms for
// every command. The system forgets the wish after a while, so it is made at each read.
func prompt(conn net.Conn) io.ReadWriter {
	tcp, isTCP := conn.(*net.TCPConn)
	if !isTCP {
		return conn
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return conn
	}
	return promptConn{conn, raw}
}

type promptConn struct {
	net.Conn
	raw syscall.RawConn
}

func (c promptConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	_ = c.raw.Control(func(fd uintptr) { // without it the reader is slow, no more
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1)
	})
	return n, err
}
