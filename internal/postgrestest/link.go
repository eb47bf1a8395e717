package postgrestest

import (
	"bytes"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// socket is the name of PostgreSQL's socket in its folder.
const socket = ".s.PGSQL.5432"

// Link is a client's connections to the servers of a database. They can be slow, hang, or be cut.
type Link struct {
	delay atomic.Int64 // of each direction
	hung  sync.RWMutex // locked while the link hangs

	mu     sync.Mutex
	cut    bool
	conns  map[net.Conn]bool
	commit *commitCut // nil when the next COMMIT is not cut
}

type commitCut struct {
	arrives bool
	then    func()
}

// NewLink makes a link to the servers that an address names by their folders, and returns the
// address that goes through it.
func NewLink(t testing.TB, address string) (l *Link, through string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	l = &Link{conns: map[net.Conn]bool{}}
	var folders []string
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
		folders = append(folders, dir)
	}
	query := u.Query()
	query.Set("host", strings.Join(folders, ","))
	u.RawQuery = query.Encode()
	return l, u.String()
}

// Delay makes what is sent from now on arrive later, in each direction.
func (l *Link) Delay(by time.Duration) { l.delay.Store(int64(by)) }

// Hang stops the link without closing a connection. What was sent meanwhile arrives after resume.
func (l *Link) Hang() (resume func()) {
	l.hung.Lock()
	return sync.OnceFunc(l.hung.Unlock)
}

// Sever closes the connections, and new ones too until [Link.Restore].
func (l *Link) Sever() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	for c := range l.conns {
		c.Close()
	}
}

// Restore lets new connections through again.
func (l *Link) Restore() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = false
}

// CutCommit cuts the connection that sends the next COMMIT: before the server has it or, when it
// arrives, before its answer. then is called after the cut; it may be nil.
func (l *Link) CutCommit(arrives bool, then func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.commit = &commitCut{arrives, then}
}

func (l *Link) accept(listener net.Listener, server string) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer client.Close()
			l.hung.RLock()
			database, err := net.Dial("unix", server)
			l.hung.RUnlock()
			if err != nil || !l.add(client, database) {
				return
			}
			defer l.remove(client, database)
			go l.copy(client, database, func([]byte) bool { return true })
			l.copy(database, client, func(data []byte) bool { return l.passes(data, client, database) })
		}()
	}
}

// add notes the ends of a connection, unless the link is cut.
func (l *Link) add(ends ...net.Conn) bool {
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

func (l *Link) remove(ends ...net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range ends {
		c.Close()
		delete(l.conns, c)
	}
}

// copy passes on what from sends, until either end closes or pass refuses.
func (l *Link) copy(to, from net.Conn, pass func([]byte) bool) {
	type part struct {
		data []byte
		due  time.Time
	}
	parts := make(chan part, 1000)
	go func() {
		defer close(parts)
		for {
			buffer := make([]byte, 32<<10)
			n, err := from.Read(buffer)
			if err != nil {
				return
			}
			parts <- part{buffer[:n], time.Now().Add(time.Duration(l.delay.Load()))}
		}
	}()
	for p := range parts {
		time.Sleep(time.Until(p.due))
		l.hung.RLock()
		done := !pass(p.data)
		if !done {
			_, err := to.Write(p.data)
			done = err != nil
		}
		l.hung.RUnlock()
		if done {
			break
		}
	}
	to.Close()
	from.Close()
	for range parts { // until the reader has ended
	}
}

// passes cuts a connection at its COMMIT, where [Link.CutCommit] asked for that.
func (l *Link) passes(data []byte, client, database net.Conn) bool {
	if !bytes.Contains(data, []byte("COMMIT\x00")) {
		return true
	}
	l.mu.Lock()
	cut := l.commit
	l.commit = nil
	l.mu.Unlock()
	if cut == nil {
		return true
	}
	client.Close()
	if cut.arrives {
		database.Write(data)
	}
	if cut.then != nil {
		cut.then()
	}
	return false
}
