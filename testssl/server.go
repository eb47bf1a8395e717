package testssl

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation"
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

// Server is TestSSL on one lab.
type Server struct {
	checker
	log *slog.Logger

	mu          sync.Mutex
	certificate *tls.Certificate // its own, an SSL_SERV of the lab
	addresses   map[string]string
}

// New makes a server on a lab that this process holds.
func New(lab *ca.Lab, lists *revocation.Lists, responder *revocation.Responder, now func() time.Time, log *slog.Logger) *Server {
	return &Server{checker: checker{lab, lists, responder, now}, log: log, addresses: map[string]string{}}
}

// Names are the host names that the server's certificate holds. Each new name under carte.localhost is a new origin, on
// which a browser asks for a card again; browsers resolve them to loopback by themselves.
var Names = []string{"localhost", "*.carte.localhost"}

// handshake is how long a visitor may take to choose a card and type its PIN: the browser holds the handshake meanwhile.
const handshake = 10 * time.Minute

// Prepare makes the server's own certificate, and the authorities that it needs.
func (s *Server) Prepare(ctx context.Context) error {
	key, err := s.lab.Config.Key.Generate()
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	issued, err := s.lab.Issue(ctx, ca.IssueRequest{Product: "ssl-serv", PublicKeys: map[string][]byte{"server": public},
		Holder: profiles.Holder{Department: "Paris (75)", Organisation: "LABORATOIRE DE TEST", Structure: "10B0000000", Service: Names[0], DNSNames: Names[1:]}})
	if err != nil {
		return fmt.Errorf("certificate of the TestSSL server: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.certificate = &tls.Certificate{Certificate: [][]byte{issued.Records[0].DER, issued.Chain[0]}, PrivateKey: crypto.PrivateKey(key)}
	return nil
}

// Listen notes the address of a mode, so that pages can name it.
func (s *Server) Listen(m Mode, address net.Addr) string {
	_, port, _ := net.SplitHostPort(address.String())
	u := "https://" + net.JoinHostPort(Names[0], port) + "/"
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addresses[m.Name] = u
	return u
}

// HTTP makes the server of a mode; it is to be run on the listener that TLS wraps.
func (s *Server) HTTP(m Mode) *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { s.page(w, r, m) })
	mux.HandleFunc("GET /api/v1/card", s.json)
	mux.HandleFunc("GET /card.pem", s.pem)
	mux.HandleFunc("GET /card.der", s.der)
	mux.HandleFunc("GET /autre-carte", s.another)
	return &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: handshake, // net/http bounds the TLS handshake with it
		ReadTimeout:       handshake + time.Minute,
		WriteTimeout:      handshake + time.Minute,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.With("mode", m.Name).Handler(), slog.LevelDebug), // browsers break off a handshake to ask for a card: no error
	}
}

// TLS wraps a listener. The configuration is made for each handshake, since a lab may gain authorities while it runs.
func (s *Server) TLS(m Mode, l net.Listener) net.Listener {
	return tls.NewListener(l, &tls.Config{
		MinVersion:         m.min,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) { return s.config(hello.Context(), m) },
	})
}

func (s *Server) config(ctx context.Context, m Mode) (*tls.Config, error) {
	s.mu.Lock()
	certificate := s.certificate
	s.mu.Unlock()
	config := &tls.Config{
		MinVersion:             m.min,
		MaxVersion:             m.max,
		Certificates:           []tls.Certificate{*certificate},
		Time:                   s.now,
		ClientAuth:             tls.RequestClientCert,
		SessionTicketsDisabled: true,                 // a ticket would keep the face of a card that was taken out
		NextProtos:             []string{"http/1.1"}, // a connection that closes is how a card is changed
	}
	if m.anyCA {
		return config, nil
	}
	config.ClientCAs = x509.NewCertPool()
	infos, err := s.lab.Authorities(ctx)
	if err != nil {
		return nil, err
	}
	for _, info := range infos { // issuing ones too: browsers send the card's certificate alone
		if c, err := x509.ParseCertificate(info.DER); err == nil {
			config.ClientCAs.AddCert(c)
		}
	}
	if m.strict {
		config.ClientAuth = tls.RequireAndVerifyClientCert
		config.VerifyConnection = func(state tls.ConnectionState) error {
			if r := s.report(ctx, &state); !r.OK {
				return errors.New(string(r.Verdict))
			}
			return nil
		}
	}
	return config, nil
}

//go:embed page.html
var pageHTML string

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

type link struct{ URL, FR, EN string }

func (s *Server) page(w http.ResponseWriter, r *http.Request, m Mode) {
	report := s.report(r.Context(), r.TLS)
	data := struct {
		*Report
		Mode        Mode
		Others      []link
		Publication string
		Faithful    bool
		Chain       int
	}{Report: report, Mode: m, Publication: s.lab.Config.URLs.Publication, Faithful: s.lab.Config.Key.Faithful(), Chain: len(report.presents)}
	s.mu.Lock()
	for _, other := range []Mode{Default, TLS13, AnyCA, Strict} {
		if u := s.addresses[other.Name]; u != "" && other.Name != m.Name {
			data.Others = append(data.Others, link{u, other.FR, other.EN})
		}
	}
	s.mu.Unlock()
	var page bytes.Buffer
	if err := pageTemplate.Execute(&page, data); err != nil {
		s.log.Error("page", "err", err)
		http.Error(w, "internal error: the server's log says more", http.StatusInternalServerError)
		return
	}
	s.headers(w)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	w.Write(page.Bytes())
}

// headers keep a page from being kept: it is about the card that is in the reader now. There is no HSTS: it would cling
// to "localhost" and break every other server of a developer's machine.
func (s *Server) headers(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Referrer-Policy", "no-referrer")
}

func (s *Server) json(w http.ResponseWriter, r *http.Request) {
	s.headers(w)
	w.Header().Set("Content-Type", "application/json")
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.Encode(s.report(r.Context(), r.TLS)) // a visitor who left does not mind
}

func (s *Server) pem(w http.ResponseWriter, r *http.Request) {
	s.file(w, r, "application/x-pem-file", "card.pem", func(rep *Report) []byte { return []byte(rep.PEM) })
}

func (s *Server) der(w http.ResponseWriter, r *http.Request) {
	s.file(w, r, "application/pkix-cert", "card.der", func(rep *Report) []byte { return rep.presents[0] })
}

func (s *Server) file(w http.ResponseWriter, r *http.Request, kind, name string, content func(*Report) []byte) {
	s.headers(w)
	report := s.report(r.Context(), r.TLS)
	if len(report.presents) == 0 {
		http.Error(w, "Aucun certificat n'a été présenté. / No certificate was presented.", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	w.Write(content(report))
}

// another sends the visitor to a host name that the browser has not seen, where it asks for a card again: it remembers
// its last answer, also "none", for each name.
func (s *Server) another(w http.ResponseWriter, r *http.Request) {
	name := make([]byte, 4)
	rand.Read(name) // never fails
	_, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		port = "443"
	}
	s.headers(w)
	w.Header().Set("Connection", "close")
	host := strings.Replace(Names[1], "*", hex.EncodeToString(name), 1)
	http.Redirect(w, r, "https://"+net.JoinHostPort(host, port)+"/", http.StatusSeeOther)
}
