package testssl

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/verify"
)

// handshake is one connection to a TLS port, of which the log has one line: the port, the holder
// and the code that the card ends on.
type handshake struct {
	server *Server
	mode   Mode
	conn   net.Conn // the *tls.Conn
	once   sync.Once

	requested bool // a request came; written before the handshake is logged
}

type handshakeKey struct{}

// logHandshakes has the server log each handshake. A request logs it with the report that it is
// answered with. Of a connection without one, and of a refused one, the end is logged.
func (s *Server) logHandshakes(server *http.Server, m Mode) {
	var open sync.Map // net.Conn to *handshake
	server.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		h := &handshake{server: s, mode: m, conn: conn}
		open.Store(conn, h)
		return context.WithValue(ctx, handshakeKey{}, h)
	}
	server.ConnState = func(conn net.Conn, state http.ConnState) {
		if state != http.StateClosed && state != http.StateHijacked {
			return
		}
		if h, ok := open.LoadAndDelete(conn); ok {
			h.(*handshake).ended()
		}
	}
}

// reported logs the handshake of the request's connection, unless that was done.
func reported(r *http.Request, report *verify.Report) {
	if h, ok := r.Context().Value(handshakeKey{}).(*handshake); ok {
		h.log(report)
	}
}

func (h *handshake) log(report *verify.Report) {
	h.once.Do(func() {
		h.requested = true
		h.verdict(report)
	})
}

func (h *handshake) verdict(report *verify.Report) {
	holder := ""
	if report.Card != nil {
		holder = cmp.Or(report.Card.Fact("holder"), report.Card.Subject)
	}
	h.line(holder, report.Verdict, report)
}

// answered tells whether somebody was told the verdict. Who ends a connection without a certificate
// and without a request, as igc doctor does, only looked at the server.
func (h *handshake) answered(report *verify.Report) bool {
	return h.requested || h.mode.strict || report == nil || report.Verdict != "TLS-NOCERT"
}

// line logs the handshake, and keeps it for [Server.Handshakes]. The report is nil where no
// certificate was looked at.
func (h *handshake) line(holder string, code verify.Code, report *verify.Report, more ...any) {
	port := web.Port(h.conn.LocalAddr().String())
	args := append([]any{"port", port, "holder", holder, "code", string(code)}, more...)
	h.server.log.Info("handshake", args...)
	if !h.answered(report) {
		return
	}
	h.server.handshakes.Add(func(number int) Handshake {
		return Handshake{Number: number, At: h.server.now(), Port: port, Mode: h.mode, Holder: holder, Code: code,
			Report: report}
	})
}

// Handshake is a visitor of a TLS port who was answered, or was refused in the handshake.
type Handshake struct {
	Number int // in the order in which they came, from 1
	At     time.Time
	Port   string
	Mode   Mode
	Holder string // empty where no certificate names one
	Code   verify.Code
	Report *verify.Report // nil where no certificate was looked at
}

// maxHandshakes is how many of the last handshakes are kept.
const maxHandshakes = 100

// Handshakes are the last handshakes after a number, the oldest first, and a channel that is closed
// when there is another.
func (s *Server) Handshakes(after int) ([]Handshake, <-chan struct{}) {
	return s.handshakes.After(after, func(*Handshake) bool { return true })
}

// refusal is why the strict port refuses a card.
type refusal struct{ report *verify.Report }

func (r *refusal) Error() string { return string(r.report.Verdict) }

// ended logs a handshake that no request has logged. Clients that break off by themselves are not
// logged: browsers do so to ask for a card.
func (h *handshake) ended() {
	conn, ok := h.conn.(*tls.Conn)
	if !ok {
		return
	}
	err := conn.Handshake() // over, or it fails at once: the connection is closed
	state := conn.ConnectionState()
	var refused *refusal
	var unverified *tls.CertificateVerificationError
	switch {
	case err == nil:
		h.check(state)
	case errors.As(err, &refused):
		h.log(refused.report)
	case errors.As(err, &unverified):
		state.PeerCertificates = unverified.UnverifiedCertificates
		h.check(state)
	case h.mode.strict && strings.Contains(err.Error(), "client didn't provide a certificate"):
		h.check(tls.ConnectionState{Version: state.Version, CipherSuite: state.CipherSuite})
	case brokenOff(err):
	default:
		h.once.Do(func() { h.line("", "TLS-REFUSED", nil, "err", err) })
	}
}

// brokenOff reports whether the client ended a handshake, or never began one.
func brokenOff(err error) bool {
	var network net.Error
	var record tls.RecordHeaderError
	return errors.As(err, &network) || errors.As(err, &record) || errors.Is(err, io.EOF) || errors.Is(err,
		io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, context.Canceled) || errors.Is(err, web.ErrPlainHTTP)
}

// check logs what the checks of TestSSL end on for these certificates.
func (h *handshake) check(state tls.ConnectionState) {
	h.once.Do(func() {
		ctx, cancel := web.Detach(context.Background())
		defer cancel()
		report, err := h.server.verifier.Check(ctx, &state)
		if err == nil { // else the lab is closing
			h.verdict(report)
		}
	})
}
