package serve

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation"
	"github.com/igc-lab/igc/revocation/crl"
	"github.com/igc-lab/igc/revocation/ldap"
	"github.com/igc-lab/igc/revocation/publication"
	"github.com/igc-lab/igc/services/annuaire"
	"github.com/igc-lab/igc/services/orders"
	"github.com/igc-lab/igc/services/psc"
	"github.com/igc-lab/igc/services/relying/portal"
	"github.com/igc-lab/igc/testssl"
)

// Endpoint is a row of the table: an address that igc serve listens on, and what it serves there.
type Endpoint struct {
	Name  string    // its key under listen in igc.yaml
	Title i18n.Text // what users read before its URL
	Card  bool      // it asks for a client certificate, and is one of TestSSL's
	TLS   bool      // it presents the lab's server certificate: not served when the authority of that is revoked

	address func(*lab.Listen) *string
	start   func(*services, net.Listener) (url string, serve func(context.Context) error)
}

// table holds the endpoints. The place of a row is the place of its port in igc init --port.
//
// Package ca has the addresses of igc.yaml, [lab.Listen], and their defaults: a new row is a field
// there and a row here.
var table = append([]Endpoint{
	{
		Name:    "publication",
		Title:   i18n.Text{FR: "Publication, OCSP et catalogue :", EN: "Publication, OCSP and catalogue:"},
		address: func(l *lab.Listen) *string { return &l.Publication },
		start:   startPublication,
	},
	testSSL("testssl", testssl.Default, func(l *lab.Listen) *string { return &l.TestSSL }),
	testSSL("tls13", testssl.TLS13, func(l *lab.Listen) *string { return &l.TLS13 }),
	testSSL("strict", testssl.Strict, func(l *lab.Listen) *string { return &l.Strict }),
	testSSL("any_ca", testssl.AnyCA, func(l *lab.Listen) *string { return &l.AnyCA }),
	{
		Name:    "directory",
		Title:   i18n.Text{FR: "Annuaire (LDAP) :", EN: "Directory (LDAP):"},
		address: func(l *lab.Listen) *string { return &l.Directory },
		start:   startDirectory,
	},
}, append(pscRows, portalRow, cardDeskRow)...)

// Endpoints are the rows of the table, in the order of igc init --port.
func Endpoints() []Endpoint { return append([]Endpoint(nil), table...) }

// Address is the endpoint's address in a lab's configuration.
func (e Endpoint) Address(l lab.Listen) string { return *e.address(&l) }

// Default is the endpoint's address in a lab that was made without igc init --port.
func (e Endpoint) Default() string { return e.Address(lab.DefaultConfig().Listen) }

// InRow gives the endpoints of a configuration ports in a row, and the URLs in certificates the
// same ports.
func InRow(config *lab.Config, first int) error {
	last := 65535 - (len(table) - 1)
	if first < 1 || first > last {
		return ca.Invalidate(fmt.Errorf(i18n.Tr("--port %d : choisissez de 1 à %d",
			"--port %d: choose one from 1 to %d"), first, last))
	}
	local := map[string]string{}
	for i, e := range table {
		port := strconv.Itoa(first + i)
		*e.address(&config.Listen) = net.JoinHostPort("127.0.0.1", port)
		local[e.Name] = net.JoinHostPort("localhost", port)
	}
	publication := "http://" + local["publication"]
	config.URLs = profiles.URLs{Publication: publication, OCSP: publication + "/ocsp", Directory: "ldap://" +
		local["directory"]}
	return nil
}

// services are what the endpoints serve, made once for all of them.
type services struct {
	lab         *lab.Lab
	now         func() time.Time
	log         *slog.Logger
	around      *Services
	psc         *psc.Provider
	annuaire    *annuaire.Server
	portal      *portal.Portal
	orders      *orders.Desk
	roles       *access.Registry
	publication *revocation.Publication
	directory   *ldap.Server
	pages       *testssl.Server

	exposed   bool // beyond this machine
	limiter   *access.Limiter
	login     *access.Login // of an exposed lab
	routes    []deskRoute
	stopping  <-chan struct{}
	crls      *crl.Issuer
	endpoints []Endpoint // the table
}

// How many connections at once the endpoints without a client certificate accept.
const (
	maxDirectory   = 1000
	maxPublication = 4000
)

// testSSL is the row of one of TestSSL's modes.
func testSSL(name string, mode testssl.Mode, address func(*lab.Listen) *string) Endpoint {
	return Endpoint{
		Name:    name,
		Title:   i18n.Text{FR: "TestSSL, " + mode.FR + " :", EN: "TestSSL, " + mode.EN + ":"},
		Card:    true,
		TLS:     true,
		address: address,
		start: func(s *services, listener net.Listener) (string, func(context.Context) error) {
			return s.pages.Listen(mode, listener.Addr()), func(ctx context.Context) error {
				return serveHTTP(ctx, s.pages.HTTP(mode), s.pages.TLS(mode, listener))
			}
		},
	}
}

func startPublication(s *services, listener net.Listener) (string, func(context.Context) error) {
	handler := s.pages.Catalogue(s.publication, listener.Addr())
	if s.exposed {
		handler = closed(urlOf(s.lab, s.lab.Config.Listen.Desk)+"/", handler)
	}
	server := publication.NewServer(handler, s.log)
	return s.url("http", listener) + "/", func(ctx context.Context) error {
		return serveHTTP(ctx, server, web.LimitListener(listener, maxPublication))
	}
}

func startDirectory(s *services, listener net.Listener) (string, func(context.Context) error) {
	return s.url("ldap", listener) + "/", func(ctx context.Context) error {
		return s.directory.Serve(ctx, web.LimitListener(listener, maxDirectory))
	}
}

// url is the address of a listener by the name under which the lab is served.
func (s *services) url(scheme string, l net.Listener) string {
	return s.lab.Config.URL(scheme, l.Addr().String())
}
