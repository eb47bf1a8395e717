package revocation

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Lane is the short way of OCSP requests: it answers, on the listener's connections, those that are written as OCSP clients
// write them and fit into a few kB, which costs half of what net/http takes. At anything else, be it a header that it does
// not know, it hands the connection on, with all the bytes that it has not answered, to the [http.Server] that accepts from
// it. So it needs to understand little, it has no errors of HTTP to tell, and its answers are those of net/http.
func (p *Publication) Lane(l net.Listener) net.Listener { return p.lane(l, headerTimeout, idleTimeout) }

func (p *Publication) lane(l net.Listener, head, idle time.Duration) *lane {
	lane := &lane{Listener: l, publication: p, head: head, idle: idle, others: make(chan accepted), closed: make(chan struct{}),
		in: map[net.Conn]struct{}{}}
	go lane.accept()
	return lane
}

type lane struct {
	net.Listener
	publication *Publication
	head, idle  time.Duration // how long a visitor may take
	others      chan accepted // for net/http
	closed      chan struct{}
	closing     atomic.Bool

	mu sync.Mutex
	in map[net.Conn]struct{}
	wg sync.WaitGroup
}

// accepted is what Accept returns.
type accepted struct {
	net.Conn
	err error
}

// laneRoom is what a connection has for requests not yet answered. One about a certificate takes some 300 bytes.
const laneRoom = 4 << 10

func (l *lane) accept() {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			select {
			case l.others <- accepted{err: err}: // net/http waits before it accepts again, and ends if that is no use
				if !errors.Is(err, net.ErrClosed) {
					continue
				}
			case <-l.closed:
			}
			return
		}
		l.mu.Lock()
		if l.closing.Load() {
			c.Close()
		} else {
			l.in[c] = struct{}{}
			l.wg.Go(func() { l.take(c) })
		}
		l.mu.Unlock()
	}
}

// take serves a connection to its end, or hands it on.
func (l *lane) take(c net.Conn) {
	handedOn := false
	defer func() {
		if v := recover(); v != nil { // as net/http does: one visitor's harm is not the others'
			l.publication.log.Error("OCSP", "panic", v, "stack", string(debug.Stack()))
		}
		l.mu.Lock()
		delete(l.in, c)
		l.mu.Unlock()
		if !handedOn {
			c.Close()
		}
	}()
	rest, other := l.serve(c)
	if !other {
		return
	}
	c.SetDeadline(time.Time{})
	select {
	case l.others <- accepted{Conn: &resumed{c, rest}}:
		handedOn = true
	case <-l.closed:
	}
}

// Accept implements [net.Listener]: it returns the connections that are not the lane's.
func (l *lane) Accept() (net.Conn, error) {
	select {
	case a := <-l.others:
		return a.Conn, a.err
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener]. It returns when the requests under way are answered.
func (l *lane) Close() error {
	if l.closing.Swap(true) {
		return net.ErrClosed
	}
	close(l.closed)
	err := l.Listener.Close()
	l.mu.Lock()
	now := time.Now()
	for c := range l.in {
		c.SetReadDeadline(now)
		c.SetWriteDeadline(now.Add(time.Second))
	}
	l.mu.Unlock()
	l.wg.Wait()
	return err
}

// resumed is a connection of which something was read already.
type resumed struct {
	net.Conn
	rest []byte
}

func (b *resumed) Read(p []byte) (int, error) {
	if len(b.rest) == 0 {
		return b.Conn.Read(p)
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// serve answers the connection's requests. It returns when the connection is over or, with what it has read and not
// answered, when it is another's.
func (l *lane) serve(c net.Conn) (rest []byte, other bool) {
	in, out := make([]byte, 0, laneRoom), []byte(nil)
	var set time.Time // when the present deadline was set, and for how long
	var long time.Duration
	wait := l.head
	for {
		q, n := parsePlain(in)
		few := out != nil && len(in) < 4 // after an answer, net/http waits for four bytes, and has nothing to say of fewer
		switch {
		case n > 0:
			out = l.answer(out[:0], q)
			if _, err := c.Write(out); err != nil {
				return nil, false
			}
			in = in[:copy(in, in[n:])]
			wait = l.idle
			continue
		case n < 0 && !few || len(in) == cap(in):
			return in, true
		}
		if len(in) > 0 {
			wait = l.head
		}
		// a request that has begun has no more time with each byte; a timer costs more than a look at the clock
		if now := time.Now(); wait != long || len(in) == 0 && now.Sub(set) > time.Second {
			set, long = now, wait
			c.SetDeadline(now.Add(wait))
			if l.closing.Load() {
				return nil, false
			}
		}
		got, err := c.Read(in[len(in):cap(in)])
		if got == 0 && err != nil {
			return in, errors.Is(err, io.EOF) && len(in) > 0 && !few // half a request: net/http says what is wrong
		}
		in = in[:len(in)+got]
	}
}

// answer appends the HTTP answer.
func (l *lane) answer(out []byte, q plainRequest) []byte {
	reply, err := l.publication.responder.reply(context.Background(), q.der)
	if err != nil {
		l.publication.log.Error("OCSP", "err", err)
	}
	out = append(out, "HTTP/1.1 200 OK\r\nX-Content-Type-Options: nosniff\r\nDate: "...)
	out = time.Now().UTC().AppendFormat(out, http.TimeFormat)
	out = append(out, "\r\n"...)
	l.publication.describe(reply, q.post, func(name string, value []string) {
		out = append(append(append(append(out, name...), ": "...), value[0]...), "\r\n"...)
	})
	return append(append(out, "\r\n"...), reply.der...)
}

// plainRequest is an OCSP request over HTTP.
type plainRequest struct {
	post bool
	der  []byte // nil when what stands for it is not even base64
}

// parsePlain reads the request that the bytes begin with, and tells how many it takes: 0 when it is not whole yet, -1
// when it is not the lane's.
func parsePlain(in []byte) (q plainRequest, n int) {
	var get bool
	for _, begin := range plainBegins {
		if m := min(len(begin), len(in)); string(in[:m]) == begin[:m] {
			if m < len(begin) {
				return q, 0
			}
			get, q.post = begin[0] == 'G', begin[0] == 'P'
		}
	}
	if !get && !q.post {
		return q, -1
	}
	n = bytes.Index(in, []byte("\r\n\r\n"))
	if n < 0 {
		return q, 0
	}
	line, fields, _ := bytes.Cut(in[:n+2], []byte("\r\n"))
	n += 4
	length, ok := plainFields(fields, q.post)
	if !ok {
		return q, -1
	}
	if q.post {
		if n+length > laneRoom {
			return q, -1
		}
		if n+length > len(in) {
			return q, 0
		}
		q.der = in[n : n+length]
		return q, n + length
	}
	target, ok := bytes.CutSuffix(line[len("GET "):], []byte(" HTTP/1.1"))
	if !ok || !all(target, inPath) {
		return q, -1
	}
	path, err := url.PathUnescape(string(target))
	if err != nil {
		return q, -1
	}
	encoded, ok := ocspPath(path)
	if !ok {
		return q, -1
	}
	if q.der, err = decodeGet(encoded); err != nil {
		q.der = nil
	}
	return q, n
}

// plainBegins are the beginnings of the lane's requests. None begins another.
var plainBegins = []string{"GET /M", "GET /ocsp/", "POST / HTTP/1.1\r\n", "POST /ocsp HTTP/1.1\r\n"}

// plainFields tells whether the header has nothing but what changes no answer, and the length of a body.
func plainFields(fields []byte, post bool) (length int, ok bool) {
	var seen [5]bool
	length = -1
	for len(fields) > 0 {
		var line []byte
		line, fields, _ = bytes.Cut(fields, []byte("\r\n"))
		name, value, colon := bytes.Cut(line, []byte(":"))
		var room [24]byte
		if !colon || len(name) > len(room) || !all(value, printable) {
			return 0, false
		}
		for i, c := range name {
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			room[i] = c
		}
		kind, known := plainNames[string(room[:len(name)])]
		if !known || kind != anything && seen[kind] {
			return 0, false
		}
		seen[kind] = true
		value = bytes.Trim(value, " ")
		switch kind {
		case theHost:
			ok = len(value) > 0 && all(value, inHost)
		case theType:
			ok = !post || string(value) == requestType
		case theLength:
			n, err := strconv.ParseUint(string(value), 10, 16)
			length, ok = int(n), err == nil && post
		case theConnection:
			ok = bytes.EqualFold(value, []byte("keep-alive"))
		default:
			ok = true
		}
		if !ok {
			return 0, false
		}
	}
	return length, seen[theHost] && (!post || seen[theType] && length >= 0)
}

// The kinds of header fields that the lane knows.
const (
	theHost = iota
	theType
	theLength
	theConnection
	anything
)

var plainNames = map[string]int{"host": theHost, "content-type": theType, "content-length": theLength, "connection": theConnection,
	"user-agent": anything, "accept": anything, "accept-encoding": anything, "accept-language": anything, "cache-control": anything,
	"pragma": anything, "date": anything}

// all tells whether every byte is of the class.
func all(b []byte, class *[256]bool) bool {
	for _, c := range b {
		if !class[c] {
			return false
		}
	}
	return true
}

func classOf(bytes string) *[256]bool {
	var class [256]bool
	for _, c := range []byte(bytes) {
		class[c] = true
	}
	return &class
}

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

var (
	inPath    = classOf(alphanumeric + "+/=-_%")
	inHost    = classOf(alphanumeric + ".-:[]")
	printable = func() *[256]bool {
		var class [256]bool
		for c := ' '; c <= '~'; c++ {
			class[c] = true
		}
		return &class
	}()
)
