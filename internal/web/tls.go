package web

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"
)

// Names are the host names that the certificates of the lab's servers hold. Each new name under
// carte.localhost is a new origin, on which a browser asks for a card again; browsers resolve them
// to loopback by themselves.
var Names = []string{"localhost", "*.carte.localhost"}

// FreshName is a host name under carte.localhost that a browser has not seen.
func FreshName() string {
	name := make([]byte, 4)
	rand.Read(name) // never fails
	return strings.Replace(Names[1], "*", hex.EncodeToString(name), 1)
}

// IsCardName tells whether a host name is one of those of [FreshName].
func IsCardName(name string) bool {
	label, ok := strings.CutSuffix(name, Names[1][1:])
	return ok && label != "" && !strings.Contains(label, ".")
}

// Port is the port of host:port; 443 for an address without one.
func Port(host string) string {
	if _, port, err := net.SplitHostPort(host); err == nil {
		return port
	}
	return "443"
}

// ClientTLS is how a TLS server asks for a client certificate. Any certificate is accepted in the
// handshake, also none, and is checked afterwards, so that a person gets a page and not a broken
// connection; Verify changes that.
type ClientTLS struct {
	// MinVersion and MaxVersion are versions of TLS. A CPS3 signs PKCS#1 v1.5 only, and TLS 1.3
	// asks for PSS: the person types the PIN and nothing happens. A server for every card has TLS
	// 1.2 at most.
	MinVersion, MaxVersion uint16

	Certificate *Certificate // the server's own
	Now         func() time.Time

	// ClientCAs are the authorities to name; when it is nil none is named, and browsers offer every
	// certificate.
	ClientCAs func(context.Context) (*x509.CertPool, error)

	// NoClient asks for no certificate: a login page is shown before anybody has chosen one.
	NoClient bool

	// AtCardNames is how the certificate is asked for at the names of [IsCardName], when that
	// differs; nil for no difference.
	AtCardNames *ClientTLS

	// Plain answers clients that speak HTTP without TLS; nil leaves it to net/http.
	Plain http.Handler

	// Verify refuses a connection in the handshake, as production servers do; nil accepts any.
	Verify func(context.Context, *tls.ConnectionState) error

	lastCAs atomic.Pointer[x509.CertPool] // of ClientCAs
}

// Listener wraps a listener. The configuration is made for each handshake: a lab may gain
// authorities while it runs, and the server's certificate is renewed.
func (c *ClientTLS) Listener(l net.Listener) net.Listener {
	if c.Plain != nil {
		l = &plainListener{l, c.Plain}
	}
	return tls.NewListener(l, &tls.Config{
		MinVersion: c.MinVersion,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			if c.AtCardNames != nil && IsCardName(hello.ServerName) {
				return c.AtCardNames.config(hello.Context())
			}
			return c.config(hello.Context())
		},
	})
}

// config leaves the choice of suites to crypto/tls: forward secrecy always, AES-GCM or ChaCha20
// first, and ECDHE with CBC last, the only one with RSA that Windows Server 2012 has. Session
// tickets are off: a resumed session would keep a card that was taken out. HTTP/1.1 alone is
// spoken: a connection that closes is how a card is changed.
func (c *ClientTLS) config(ctx context.Context) (*tls.Config, error) {
	ctx, cancel := Detach(ctx) // the certificate and its OCSP answer serve other clients too
	defer cancel()
	config := &tls.Config{
		MinVersion:             c.MinVersion,
		MaxVersion:             c.MaxVersion,
		Certificates:           []tls.Certificate{c.Certificate.Current(ctx)},
		Time:                   c.Now,
		ClientAuth:             tls.RequestClientCert,
		SessionTicketsDisabled: true,
		NextProtos:             []string{"http/1.1"},
		// A short answer is one record: strongSwan's EST client reads no second one of it.
		DynamicRecordSizingDisabled: true,
	}
	if c.NoClient {
		config.ClientAuth = tls.NoClientCert
	}
	if c.ClientCAs != nil {
		var err error
		config.ClientCAs, err = c.ClientCAs(ctx)
		if _, away := Away(err); away { // clients are answered all the same, if only by 503
			config.ClientCAs, err = c.lastCAs.Load(), nil
		}
		if err != nil {
			return nil, err
		}
		c.lastCAs.Store(config.ClientCAs)
	}
	if c.Verify != nil {
		config.ClientAuth = tls.RequireAndVerifyClientCert
		config.VerifyConnection = func(state tls.ConnectionState) error {
			ctx, cancel := Detach(ctx)
			defer cancel()
			return c.Verify(ctx, &state)
		}
	}
	return config, nil
}

// handshakeLimit is how long a person may take to choose a card and type its PIN: the browser holds
// the handshake meanwhile.
const handshakeLimit = 10 * time.Minute

// panicsLogged logs a panic of the handler as an error. net/http, which ends the connection, writes
// of it to ErrorLog only, among the handshakes that browsers break off.
func panicsLogged(next http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			why := recover()
			if why == nil {
				return
			}
			if why != http.ErrAbortHandler {
				log.Error("panic", "path", r.URL.Path, "why", why, "stack", string(debug.Stack()))
			}
			panic(why)
		}()
		next.ServeHTTP(w, r)
	})
}

// NewServer makes an HTTP server for a listener of [ClientTLS], with its limits of time and size.
// What goes wrong in handshakes is logged at the level debug: browsers break one off to ask for a
// card.
func NewServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           panicsLogged(SecurityHeaders(handler), log),
		ReadHeaderTimeout: handshakeLimit, // net/http bounds the TLS handshake with it
		ReadTimeout:       handshakeLimit + time.Minute,
		WriteTimeout:      handshakeLimit + time.Minute,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
