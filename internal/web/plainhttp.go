package web

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/igc-lab/igc/internal/i18n"
)

// ErrPlainHTTP ends the handshake of a client that spoke HTTP without TLS, and was answered.
var ErrPlainHTTP = i18n.Errorf("HTTP without TLS")

// Bounds of a request that came without TLS.
const (
	maxPlainRequest = 32 << 10
	plainLimit      = 10 * time.Second
)

// plainListener answers HTTP on connections that are to begin with TLS.
type plainListener struct {
	net.Listener
	handler http.Handler
}

// Accept implements [net.Listener].
func (l *plainListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &plainConn{Conn: conn, handler: l.handler}, nil
}

// plainConn looks at the first byte that a client sends. A TLS record begins with a small number,
// and an HTTP request with the first letter of its method.
type plainConn struct {
	net.Conn
	handler http.Handler
	begun   bool
}

func (c *plainConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.begun || n == 0 {
		return n, err
	}
	c.begun = true
	if b[0] < 'A' || b[0] > 'Z' {
		return n, err
	}
	c.answer(bytes.Clone(b[:n]))
	return 0, ErrPlainHTTP
}

// answer has the handler answer the request that begins with these bytes.
func (c *plainConn) answer(first []byte) {
	c.SetDeadline(time.Now().Add(plainLimit))
	in := io.LimitReader(io.MultiReader(bytes.NewReader(first), c.Conn), maxPlainRequest)
	r, err := http.ReadRequest(bufio.NewReader(in))
	if err != nil {
		return
	}
	w := &plainAnswer{header: http.Header{}}
	SecurityHeaders(c.handler).ServeHTTP(w, r)
	w.header.Set("Content-Length", strconv.Itoa(w.body.Len()))
	answer := http.Response{StatusCode: w.status, ProtoMajor: 1, ProtoMinor: 1, Header: w.header,
		Body:          io.NopCloser(&w.body),
		ContentLength: int64(w.body.Len()), Close: true, Request: r}
	if answer.Write(c.Conn) == nil {
		io.Copy(io.Discard, r.Body) // what is left unread would reset the connection before the answer is read
	}
}

// plainAnswer keeps an answer until it is whole.
type plainAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *plainAnswer) Header() http.Header { return w.header }

func (w *plainAnswer) WriteHeader(status int) { w.status = status }

func (w *plainAnswer) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.body.Write(b)
}
