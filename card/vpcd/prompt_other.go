//go:build !linux

package vpcd

import (
	"io"
	"net"
)

func prompt(conn net.Conn) io.ReadWriter { return conn }
