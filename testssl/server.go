package testssl

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/calls"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation"
	"github.com/igc-lab/igc/verify"
)

// Mode is how one of the ports asks for the card.
type Mode struct {
	Name   string
	FR, EN string
	min    uint16
	max    uint16
	anyCA  bool // no authority is named to the client: browsers then offer every certificate
	strict bool // refuses in the handshake, as production servers do
}

// The modes. A CPS3 signs PKCS#1 v1.5 only, and TLS 1.3 asks for PSS: the person types the PIN and
// nothing happens. So the port that people are sent to first speaks TLS 1.2 at most.
var (
	Default = Mode{Name: "testssl", FR: "toutes les cartes (TLS 1.2)", EN: "every card (TLS 1.2)",
		min: tls.VersionTLS12, max: tls.VersionTLS12}
	TLS13 = Mode{Name: "tls13", FR: "TLS 1.3 (certificats logiciels et CPS4)",
		EN: "TLS 1.3 (software certificates and CPS4)", min: tls.VersionTLS13, max: tls.VersionTLS13}
	Strict = Mode{Name: "strict", FR: "strict, comme en production : une mauvaise carte est refusée sans page",
		EN: "strict, as in production: a bad card is refused without a " +
			"page", min: tls.VersionTLS12, max: tls.VersionTLS12, strict: true}
	AnyCA = Mode{Name: "any-ca",
		FR: "« ma carte n'apparaît pas » : demande un certificat de n'importe quelle autorité", EN: "\"my card does " +
			"not appear\": asks for a certificate of any " +
			"authority", min: tls.VersionTLS12, max: tls.VersionTLS12, anyCA: true}
)

// Modes lists the modes in the order to show them.
var Modes = []Mode{Default, TLS13, AnyCA, Strict}

// Text is the purpose of the mode.
func (m Mode) Text() i18n.Text { return i18n.Text{FR: m.FR, EN: m.EN} }

// Server is TestSSL for one lab.
type Server struct {
	lab         *lab.Lab
	verifier    *verify.Verifier
	certificate *web.Certificate
	pages       *web.Pages
	now         func() time.Time
	log         *slog.Logger

	events     hub
	handshakes *calls.List[Handshake]
	token      string // by which the catalogue recognizes the lab's owner

	addressesMu sync.Mutex
	addresses   map[string]string
}

// New makes a server for a lab that this process has locked.
func New(lab *lab.Lab, crls verify.CRLs, responder verify.Responder, now func() time.Time, log *slog.Logger) *Server {
	s := &Server{lab: lab, now: now, log: log, pages: newPages(log), addresses: map[string]string{},
		handshakes: calls.New[Handshake](maxHandshakes),
		verifier:   verify.New(verify.Options{Authorities: lab, CRLs: crls, OCSP: responder, Now: now}),
		certificate: web.NewCertificate(web.CertificateOptions{Server: "TestSSL", CA: lab.CA,
			Holder: serverHolder(lab.Config.Exposed.Names), OCSP: responder,
			Now: now, Log: log})}
	return s
}

// serverHolder is the holder of the server's own certificate, which is for more names when the lab
// is exposed.
func serverHolder(exposed []string) profiles.Holder {
	h := ca.ServerHolder
	h.Service, h.DNSNames = web.Names[0], slices.Concat(web.Names[1:], exposed)
	return h
}

// OwnAuthority is the authority that issues the server's own certificate.
func OwnAuthority() profiles.Authority { return web.ServerAuthority() }

// Prepare issues the server's own certificate, see [web.Certificate.Prepare], and follows the
// changes of status until ctx ends.
func (s *Server) Prepare(ctx context.Context) error {
	if err := s.lab.WatchStatus(ctx, func(c store.Change) {
		s.certificate.StatusChanged(c)
		s.events.statusChanged(c)
	}); err != nil {
		return err
	}
	return s.certificate.Prepare(ctx)
}

// Certificate is the server's own certificate, which the lab's other servers present too.
func (s *Server) Certificate() *web.Certificate { return s.certificate }

// Verifier is what checks visitors' certificates.
func (s *Server) Verifier() *verify.Verifier { return s.verifier }

// Problems lists what is wrong with the server's own certificate and its stapled OCSP answer.
func (s *Server) Problems(ctx context.Context) (problems []revocation.Problem) {
	for _, p := range s.certificate.Problems(ctx) {
		level := revocation.Warning
		if p.Failing {
			level = revocation.Failing
		}
		problems = append(problems, revocation.Problem{Level: level, What: p.What, Text: p.Text, At: p.At})
	}
	return problems
}

// Listen records the address of a mode, so that pages can name it, and returns its URL.
func (s *Server) Listen(m Mode, address net.Addr) string {
	u := s.lab.Config.URL("https", address.String()) + "/"
	s.setAddress(m.Name, u)
	return u
}

// SetConsole records the URL of the lab's console, which pages then link to.
func (s *Server) SetConsole(url string) { s.setAddress("console", url) }

func (s *Server) setAddress(name, address string) {
	s.addressesMu.Lock()
	defer s.addressesMu.Unlock()
	s.addresses[name] = address
}

// address is the URL of a mode, or of the catalogue; empty when it does not listen.
func (s *Server) address(name string) string {
	s.addressesMu.Lock()
	defer s.addressesMu.Unlock()
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
	mux.HandleFunc("GET /recettes/{authority}", func(w http.ResponseWriter, r *http.Request) {
		s.recipesPage(w,
			r, &m)
	})
	mux.HandleFunc("GET /api/v1/card", s.json)
	mux.HandleFunc("GET /card.pem", s.pem)
	mux.HandleFunc("GET /card.der", s.der)
	mux.HandleFunc("GET /autre-carte", s.changeCard)
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) { s.notFound(w, r, &m) })
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) { s.watch(w, r, stopping) })
	server := web.NewServer(mux, s.log.With("mode", m.Name))
	s.logHandshakes(server, m)
	server.RegisterOnShutdown(sync.OnceFunc(func() { close(stopping) }))
	return server
}

// TLS wraps a listener, see [web.ClientTLS].
func (s *Server) TLS(m Mode, l net.Listener) net.Listener {
	config := &web.ClientTLS{MinVersion: m.min, MaxVersion: m.max, Certificate: s.certificate, Now: s.now,
		Plain: s.plainHTTP(m)}
	if !m.anyCA {
		config.ClientCAs = s.verifier.ClientCAs
	}
	if m.strict {
		config.Verify = func(ctx context.Context, state *tls.ConnectionState) error {
			r, err := s.verifier.Check(ctx, state)
			if err == nil && !r.OK {
				err = &refusal{r}
			}
			return err
		}
	}
	return config.Listener(l)
}

// reportOf reports on the visitor's certificates. The checks do not end with the request: see
// [web.Detach].
func (s *Server) reportOf(r *http.Request) (*verify.Report, error) {
	ctx, cancel := web.Detach(r.Context())
	defer cancel()
	return s.verifier.Check(ctx, r.TLS)
}

// visit reports on the visitor's certificates. When there is no verdict it answers so, and returns
// nil.
func (s *Server) visit(w http.ResponseWriter, r *http.Request) *verify.Report {
	report, err := s.reportOf(r)
	if err == nil {
		reported(r, report)
		return report
	}
	s.log.Error("no verdict", "path", r.URL.Path, "err", err)
	web.NoStore(w)
	web.AskAgain(w.Header())
	http.Error(w, "Pas de verdict : le serveur n'a pas pu faire ses vérifications ; son journal dit pourquoi. "+
		"Réessayez. / "+
		"No verdict: the server could not make its checks; its log says why. Try again.", http.StatusServiceUnavailable)
	return nil
}

func (s *Server) json(w http.ResponseWriter, r *http.Request) {
	report := s.visit(w, r)
	if report == nil {
		return
	}
	web.NoStore(w)
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

func (s *Server) file(w http.ResponseWriter, r *http.Request, kind, name string,
	content func(*x509.Certificate) []byte) {
	web.NoStore(w)
	presented := r.TLS.PeerCertificates
	if len(presented) == 0 {
		http.Error(w, "Aucun certificat n'a été présenté. / No certificate was presented.", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	w.Write(content(presented[0]))
}

// changeCard sends the visitor to a host name that the browser has not seen, where it asks for a
// card again: it remembers its last answer, also "none", for each name.
func (s *Server) changeCard(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Connection", "close")
	redirectToFreshName(w, r, web.Port(r.Host))
}

// redirectToFreshName sends the visitor to TestSSL on that port, by such a host name.
func redirectToFreshName(w http.ResponseWriter, r *http.Request, port string) {
	web.NoStore(w)
	to := "https://" + net.JoinHostPort(web.FreshName(), port) + "/"
	if lang := web.ChosenLanguage(r); lang != "" {
		to += "?lang=" + string(lang)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}
