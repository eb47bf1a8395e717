package web

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// LimitListener bounds the open connections of a listener. When one more arrives, the connection
// that has been silent the longest is closed. So idle clients shut nobody out, as they would if the
// new connection had to wait.
func LimitListener(l net.Listener, most int) net.Listener {
	return &limitListener{Listener: l, most: most, open: map[*limitedConn]struct{}{}}
}

type limitListener struct {
	net.Listener
	most int

	mu   sync.Mutex
	open map[*limitedConn]struct{}
}

type limitedConn struct {
	net.Conn
	listener *limitListener
	active   atomic.Int64 // when bytes last went either way: nanoseconds since started
}

var started = time.Now()

// Accept implements [net.Listener].
func (l *limitListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &limitedConn{Conn: conn, listener: l}
	c.touch()
	l.mu.Lock()
	var silent *limitedConn
	if len(l.open) >= l.most {
		for other := range l.open {
			if silent == nil || other.active.Load() < silent.active.Load() {
				silent = other
			}
		}
	}
	l.open[c] = struct{}{}
	l.mu.Unlock()
	if silent != nil {
		silent.Close()
	}
	return c, nil
}

func (c *limitedConn) touch() { c.active.Store(int64(time.Since(started))) }

func (c *limitedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.touch()
	return n, err
}

func (c *limitedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.touch()
	return n, err
}

func (c *limitedConn) Close() error {
	c.listener.mu.Lock()
	delete(c.listener.open, c)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}
