//go:build linux

package cluster

import (
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// socket is PostgreSQL's in its folder.
const socket = ".s.PGSQL.5432"

// link is the way of a node to the servers of the database. It may be cut, or hang.
type link struct {
	open sync.RWMutex // held while the link hangs

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
}

// newLink makes a link to the servers that an address names by their folders, and returns the
// address that goes through it.
func newLink(t testing.TB, address string) (*link, string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	l := &link{conns: map[net.Conn]bool{}}
	var through []string
	for server := range strings.SplitSeq(u.Query().Get("host"), ",") {
		dir, err := os.MkdirTemp("", "igc-link-") // a socket's path is short
		if err != nil {
			t.Fatal(err)
		}
		listener, err := net.Listen("unix", filepath.Join(dir, socket))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			listener.Close()
			os.RemoveAll(dir)
		})
		go l.accept(listener, filepath.Join(server, socket))
		through = append(through, dir)
	}
	query := u.Query()
	query.Set("host", strings.Join(through, ","))
	u.RawQuery = query.Encode()
	return l, u.String()
}

func (l *link) accept(listener net.Listener, server string) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			l.open.RLock()
			to, err := net.Dial("unix", server)
			l.open.RUnlock()
			if err != nil || !l.add(conn, to) {
				return
			}
			defer l.remove(conn, to)
			go l.copy(to, conn)
			l.copy(conn, to)
		}()
	}
}

// add notes the ends of a connection, unless the link is cut.
func (l *link) add(ends ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range ends {
		if l.cut {
			c.Close()
		} else {
			l.conns[c] = true
		}
	}
	return !l.cut
}

func (l *link) remove(ends ...net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range ends {
		c.Close()
		delete(l.conns, c)
	}
}

// copy hands on what one end sends, until either ends. What is under way while the link hangs
// arrives afterwards.
func (l *link) copy(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		l.open.RLock()
		_, failed := to.Write(buffer[:n])
		l.open.RUnlock()
		if err != nil || failed != nil {
			return
		}
	}
}

// sever cuts the link: its connections end, and new ones too.
func (l *link) sever() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	for c := range l.conns {
		c.Close()
	}
}

// join ends the cut.
func (l *link) join() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = false
}
