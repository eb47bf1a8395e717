package revocation

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Crowd bounds the connections of a listener. When one more than that many comes, the one that has been silent the longest is
// closed: a crowd of idle clients keeps nobody out, as it would if the new one had to wait.
func Crowd(l net.Listener, most int) net.Listener {
	return &crowd{Listener: l, most: most, in: map[*crowdConn]struct{}{}}
}

type crowd struct {
	net.Listener
	most int

	mu sync.Mutex
	in map[*crowdConn]struct{}
}

type crowdConn struct {
	net.Conn
	crowd *crowd
	heard atomic.Int64 // when bytes last went either way: nanoseconds since began
}

var began = time.Now()

// Accept implements [net.Listener].
func (l *crowd) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &crowdConn{Conn: conn, crowd: l}
	c.hear()
	l.mu.Lock()
	var silent *crowdConn
	if len(l.in) >= l.most {
		for other := range l.in {
			if silent == nil || other.heard.Load() < silent.heard.Load() {
				silent = other
			}
		}
	}
	l.in[c] = struct{}{}
	l.mu.Unlock()
	if silent != nil {
		silent.Close()
	}
	return c, nil
}

func (c *crowdConn) hear() { c.heard.Store(int64(time.Since(began))) }

func (c *crowdConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.hear()
	return n, err
}

func (c *crowdConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.hear()
	return n, err
}

func (c *crowdConn) Close() error {
	c.crowd.mu.Lock()
	delete(c.crowd.in, c)
	c.crowd.mu.Unlock()
	return c.Conn.Close()
}
