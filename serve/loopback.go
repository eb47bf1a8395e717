package serve

import (
	"errors"
	"net"
	"strings"
	"sync"
	"syscall"
)

// What is said to be on localhost answers on both loopback addresses: the lab's URLs say localhost,
// which Node, .NET and Java may take for ::1, and others for 127.0.0.1. So an address of the
// configuration that is either of them, or the name, stands for both.

// loopbackTries is how often a free port is drawn that must be free on both addresses.
const loopbackTries = 20

// isLocalhost tells whether a host stands for both loopback addresses.
func isLocalhost(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	return host == "localhost" || host == "127.0.0.1" || host == "::1"
}

// listenTCP listens on an address, and on both loopback addresses when it is one of them. On a
// machine that has one of the two only, that one is enough.
func listenTCP(address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil || !isLocalhost(host) {
		return net.Listen("tcp", address)
	}
	drawn := port == "" || port == "0"
	for try := 0; ; try++ {
		v4, err4 := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", port))
		if err4 != nil && !isAbsent(err4) {
			return nil, err4
		}
		port6 := port
		if drawn && err4 == nil {
			_, port6, _ = net.SplitHostPort(v4.Addr().String())
		}
		v6, err6 := net.Listen("tcp6", net.JoinHostPort("::1", port6))
		switch {
		case err4 != nil && err6 != nil:
			return nil, errors.Join(err4, err6)
		case err4 != nil:
			return v6, nil
		case err6 == nil:
			return newBoth(v4, v6), nil
		case isAbsent(err6):
			return v4, nil
		}
		v4.Close()
		if !drawn || try == loopbackTries {
			return nil, err6
		}
	}
}

// isAbsent tells whether the machine does not have the address, or the protocol.
func isAbsent(err error) bool {
	return errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err,
		syscall.EPROTONOSUPPORT)
}

// both is a listener on two addresses with one port. Its address is the first.
type both struct {
	listeners [2]net.Listener
	accepted  chan accepted
	closed    chan struct{}
	close     func() error
}

type accepted struct {
	conn net.Conn
	err  error
}

func newBoth(first, second net.Listener) *both {
	b := &both{listeners: [2]net.Listener{first, second}, accepted: make(chan accepted), closed: make(chan struct{})}
	b.close = sync.OnceValue(func() error {
		close(b.closed)
		return errors.Join(first.Close(), second.Close())
	})
	for _, l := range b.listeners {
		go b.accept(l)
	}
	return b
}

// accept hands on what one listener accepts, until the whole is closed. An error of one, such as
// too many open files, is the caller's to wait out, as it is with one listener.
func (b *both) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		select {
		case b.accepted <- accepted{conn, err}:
		case <-b.closed:
			if err == nil {
				conn.Close()
			}
			return
		}
	}
}

func (b *both) Accept() (net.Conn, error) {
	select {
	case a := <-b.accepted:
		return a.conn, a.err
	case <-b.closed:
		return nil, net.ErrClosed
	}
}

func (b *both) Addr() net.Addr { return b.listeners[0].Addr() }

func (b *both) Close() error { return b.close() }
