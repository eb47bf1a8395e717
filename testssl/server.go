package testssl

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/verify"
)

// Mode is how one of the ports asks for the card.
type Mode struct {
	Name   string
	FR, EN string
	min    uint16
	max    uint16
	anyCA  bool // names no acceptable authority: browsers then offer every certificate
	strict bool // refuses in the handshake, as production servers do
}

// The modes. A CPS3 signs PKCS#1 v1.5 only, and TLS 1.3 asks for PSS: the person types the PIN and nothing happens. So
// the port that people are sent to first speaks TLS 1.2 at most.
var (
	Default = Mode{Name: "testssl", FR: "toutes les cartes (TLS 1.2)", EN: "every card (TLS 1.2)", min: tls.VersionTLS12, max: tls.VersionTLS12}
	TLS13   = Mode{Name: "tls13", FR: "TLS 1.3 (certificats logiciels et CPS4)", EN: "TLS 1.3 (software certificates and CPS4)", min: tls.VersionTLS13, max: tls.VersionTLS13}
	Strict  = Mode{Name: "strict", FR: "strict, comme en production : une mauvaise carte est refusée sans page", EN: "strict, as in production: a bad card is refused without a page", min: tls.VersionTLS12, max: tls.VersionTLS12, strict: true}
	AnyCA   = Mode{Name: "any-ca", FR: "« ma carte n'apparaît pas » : demande un certificat de n'importe quelle autorité", EN: "\"my card does not appear\": asks for a certificate of any authority", min: tls.VersionTLS12, max: tls.VersionTLS12, anyCA: true}
)

// Modes lists the modes in the order to show them.
var Modes = []Mode{Default, TLS13, AnyCA, Strict}

// Text is what the mode is for.
func (m Mode) Text() i18n.Text { return i18n.Text{FR: m.FR, EN: m.EN} }

// Server is TestSSL on one lab.
type Server struct {
	lab       *ca.Lab
	verifier  *verify.Verifier
	responder verify.Responder
	now       func() time.Time
	log       *slog.Logger

	own    ownCertificate
	events hub
	token  string // by which the catalogue knows the lab's owner

	addressed sync.Mutex
	addresses map[string]string
}

// New makes a server on a lab that this process holds.
func New(lab *ca.Lab, crls verify.CRLs, responder verify.Responder, now func() time.Time, log *slog.Logger) *Server {
	s := &Server{lab: lab, responder: responder, now: now, log: log, addresses: map[string]string{},
		verifier: verify.New(verify.Options{Authorities: lab, CRLs: crls, OCSP: responder, Now: now})}
	lab.OnStatus(s.events.tell)
	lab.OnStatus(s.own.changed)
	return s
}

// Names are the host names that the server's certificate holds. Each new name under carte.localhost is a new origin, on
// which a browser asks for a card again; browsers resolve them to loopback by themselves.
var Names = []string{"localhost", "*.carte.localhost"}

// handshake is how long a visitor may take to choose a card and type its PIN: the browser holds the handshake meanwhile.
const handshake = 10 * time.Minute

// Listen notes the address of a mode, so that pages can name it.
func (s *Server) Listen(m Mode, address net.Addr) string {
	u := "https://" + net.JoinHostPort(Names[0], portOf(address.String())) + "/"
	s.note(m.Name, u)
	return u
}

func (s *Server) note(name, address string) {
	s.addressed.Lock()
	defer s.addressed.Unlock()
	s.addresses[name] = address
}

// address is that of a mode, or of the catalogue; empty when nobody listens.
func (s *Server) address(name string) string {
	s.addressed.Lock()
	defer s.addressed.Unlock()
	return s.addresses[name]
}

// publication is the plain port's address, whatever the certificates name.
func (s *Server) publication() string {
	return cmp.Or(s.address("catalogue"), s.lab.Config.URLs.Publication)
}

// HTTP makes the server of a mode; it is to be run on the listener that TLS wraps.
func (s *Server) HTTP(m Mode) *http.Server {
	stopping := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { s.cardPage(w, r, m) })
	mux.HandleFunc("GET /codes", func(w http.ResponseWriter, r *http.Request) { s.codesPage(w, r, m) })
	mux.HandleFunc("GET /recettes", func(w http.ResponseWriter, r *http.Request) { s.recipesPage(w, r, &m) })
	mux.HandleFunc("GET /recettes/{authority}", func(w http.ResponseWriter, r *http.Request) { s.recipesPage(w, r, &m) })
	mux.HandleFunc("GET /api/v1/card", s.json)
	mux.HandleFunc("GET /card.pem", s.pem)
	mux.HandleFunc("GET /card.der", s.der)
	mux.HandleFunc("GET /autre-carte", s.another)
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) { s.watch(w, r, stopping) })
	server := &http.Server{
		Handler:           guarded(mux),
		ReadHeaderTimeout: handshake, // net/http bounds the TLS handshake with it
		ReadTimeout:       handshake + time.Minute,
		WriteTimeout:      handshake + time.Minute,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.With("mode", m.Name).Handler(), slog.LevelDebug), // browsers break off a handshake to ask for a card: no error
	}
	server.RegisterOnShutdown(sync.OnceFunc(func() { close(stopping) }))
	return server
}

// TLS wraps a listener. The configuration is made for each handshake: a lab may gain authorities while it runs, and the
// server's own certificate is renewed.
func (s *Server) TLS(m Mode, l net.Listener) net.Listener {
	return tls.NewListener(l, &tls.Config{
		MinVersion:         m.min,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) { return s.config(hello.Context(), m) },
	})
}

// config leaves the choice of suites to crypto/tls: forward secrecy always, AES-GCM or ChaCha20 first, and ECDHE with CBC
// last, the only one with RSA that Windows Server 2012 has. Session tickets are off: one would keep the face of a card
// that was taken out. HTTP/1.1 alone is spoken: a connection that closes is how a card is changed.
func (s *Server) config(ctx context.Context, m Mode) (*tls.Config, error) {
	ctx, cancel := web.Detach(ctx) // what it makes is kept for others
	defer cancel()
	config := &tls.Config{
		MinVersion:             m.min,
		MaxVersion:             m.max,
		Certificates:           []tls.Certificate{s.certificate(ctx)},
		Time:                   s.now,
		ClientAuth:             tls.RequestClientCert,
		SessionTicketsDisabled: true,
		NextProtos:             []string{"http/1.1"},
	}
	if m.anyCA {
		return config, nil
	}
	var err error
	if config.ClientCAs, err = s.verifier.ClientCAs(ctx); err != nil {
		return nil, err
	}
	if m.strict {
		config.ClientAuth = tls.RequireAndVerifyClientCert
		config.VerifyConnection = func(state tls.ConnectionState) error {
			ctx, cancel := web.Detach(ctx)
			defer cancel()
			r, err := s.verifier.Check(ctx, &state)
			if err == nil && !r.OK {
				err = errors.New(string(r.Verdict))
			}
			return err
		}
	}
	return config, nil
}

// unkept keeps an answer from being kept: it is about the card that is in the reader now. There is no HSTS: it would
// cling to "localhost" and break every other server of a developer's machine.
func unkept(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Referrer-Policy", "no-referrer")
}

// reportOf reports on the visitor's certificates. The checks do not end with the request: see [web.Detach].
func (s *Server) reportOf(r *http.Request) (*verify.Report, error) {
	ctx, cancel := web.Detach(r.Context())
	defer cancel()
	return s.verifier.Check(ctx, r.TLS)
}

// visit reports on the visitor's certificates. When there is no verdict it answers so, and returns nil.
func (s *Server) visit(w http.ResponseWriter, r *http.Request) *verify.Report {
	report, err := s.reportOf(r)
	if err == nil {
		return report
	}
	s.log.Error("no verdict", "path", r.URL.Path, "err", err)
	unkept(w)
	http.Error(w, "Pas de verdict : le serveur n'a pas pu faire ses vérifications ; son journal dit pourquoi. Réessayez. / "+
		"No verdict: the server could not make its checks; its log says why. Try again.", http.StatusServiceUnavailable)
	return nil
}

func (s *Server) json(w http.ResponseWriter, r *http.Request) {
	report := s.visit(w, r)
	if report == nil {
		return
	}
	unkept(w)
	w.Header().Set("Content-Type", "application/json")
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.Encode(report) // a visitor who left does not mind
}

func (s *Server) pem(w http.ResponseWriter, r *http.Request) {
	s.file(w, r, "application/x-pem-file", "card.pem", func(leaf *x509.Certificate) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw})
	})
}

func (s *Server) der(w http.ResponseWriter, r *http.Request) {
	s.file(w, r, "application/pkix-cert", "card.der", func(leaf *x509.Certificate) []byte { return leaf.Raw })
}

func (s *Server) file(w http.ResponseWriter, r *http.Request, kind, name string, content func(*x509.Certificate) []byte) {
	unkept(w)
	presented := r.TLS.PeerCertificates
	if len(presented) == 0 {
		http.Error(w, "Aucun certificat n'a été présenté. / No certificate was presented.", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	w.Write(content(presented[0]))
}

// another sends the visitor to a host name that the browser has not seen, where it asks for a card again: it remembers
// its last answer, also "none", for each name.
func (s *Server) another(w http.ResponseWriter, r *http.Request) {
	name := make([]byte, 4)
	rand.Read(name) // never fails
	unkept(w)
	w.Header().Set("Connection", "close")
	host := strings.Replace(Names[1], "*", hex.EncodeToString(name), 1)
	to := "https://" + net.JoinHostPort(host, portOf(r.Host)) + "/"
	if lang := chosen(r); lang != "" {
		to += "?lang=" + lang
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// portOf is the port of host:port; 443 for an address without one.
func portOf(host string) string {
	if _, port, err := net.SplitHostPort(host); err == nil {
		return port
	}
	return "443"
}
