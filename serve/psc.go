package serve

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/services/psc"
)

// The rows of Pro Santé Connect. The wallet asks for no certificate, so that a browser shows no
// choice before the person has chosen the card; the issuer names only the authorities of
// organisations, so that a browser that logs out there does not offer a person's card.
var pscRows = []Endpoint{
	{
		Name: "psc",
		Title: i18n.Text{FR: "Pro Santé Connect, découverte et jetons :",
			EN: "Pro Santé Connect, discovery and tokens:"},
		TLS:     true,
		address: func(l *lab.Listen) *string { return &l.PSC },
		start: func(s *services, l net.Listener) (string, func(context.Context) error) {
			config := s.tls(tls.VersionTLS12, tls.VersionTLS13)
			config.ClientCAs = s.organisations
			return s.url("https", l) + "/auth/realms/esante-wallet", s.https(config, l, s.psc.IssuerHandler())
		},
	},
	{
		Name: "wallet",
		Title: i18n.Text{FR: "Pro Santé Connect, connexion et portail :",
			EN: "Pro Santé Connect, login and portal:"},
		TLS:     true,
		address: func(l *lab.Listen) *string { return &l.Wallet },
		start: func(s *services, l net.Listener) (string, func(context.Context) error) {
			config := s.tls(tls.VersionTLS12, tls.VersionTLS13)
			config.NoClient = true
			return s.url("https", l) + "/", s.https(config, l, s.psc.WalletHandler())
		},
	},
	{
		Name:    "card_login",
		Title:   i18n.Text{FR: "Pro Santé Connect, connexion par carte :", EN: "Pro Santé Connect, login by card:"},
		TLS:     true,
		address: func(l *lab.Listen) *string { return &l.CardLogin },
		start: func(s *services, l net.Listener) (string, func(context.Context) error) {
			config := s.tls(tls.VersionTLS12, tls.VersionTLS12) // as TestSSL's port for every card
			config.ClientCAs = s.pages.Verifier().ClientCAs
			return s.url("https", l) + "/", s.https(config, l, s.psc.CardHandler())
		},
	},
	{
		Name: "desk",
		Title: i18n.Text{FR: "Guichet du labo : console, téléphone, messages, Annuaire :",
			EN: "Lab desk: console, phone, messages, Annuaire:"},
		TLS:     true,
		address: func(l *lab.Listen) *string { return &l.Desk },
		start: func(s *services, l net.Listener) (string, func(context.Context) error) {
			config := s.tls(tls.VersionTLS12, tls.VersionTLS13)
			config.NoClient = true
			return s.url("https", l) + "/", s.https(config, l, s.desk())
		},
	},
}

// tls is the TLS of a server that presents the lab's certificate.
func (s *services) tls(min, max uint16) *web.ClientTLS {
	return &web.ClientTLS{MinVersion: min, MaxVersion: max, Certificate: s.pages.Certificate(), Now: s.now}
}

// https makes what serves a handler on a listener.
func (s *services) https(config *web.ClientTLS, l net.Listener, h http.Handler) func(context.Context) error {
	server := web.NewServer(h, s.log)
	return func(ctx context.Context) error {
		return serveHTTP(ctx, server, config.Listener(web.LimitListener(l, maxPublication)))
	}
}

// organisations are the authorities whose certificates clients of Pro Santé Connect have.
func (s *services) organisations(ctx context.Context) (*x509.CertPool, error) {
	infos, err := s.lab.Authorities(ctx)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	for _, info := range infos {
		if a, err := profiles.ParseAuthority(info.ID); err == nil && a.Domaine == profiles.Organisations {
			if c, err := x509.ParseCertificate(info.DER); err == nil {
				pool.AddCert(c)
			}
		}
	}
	return pool, nil
}

// NewProvider makes Pro Santé Connect over the services of a lab. A command has no verifier: it
// serves nobody.
func NewProvider(documents store.DocumentStore, l *lab.Lab, around *Services, verifier psc.Verifier,
	log *slog.Logger) *psc.Provider {
	listen := l.Config.Listen
	return psc.New(psc.Options{Documents: documents, Seal: l, People: around.People, ECPS: around.ECPS,
		Verifier: verifier,
		Revoked:  func(ctx context.Context, c psc.Card) (bool, error) { return revoked(ctx, l, c) },
		Now:      around.Clock.Now, Log: log, IssuerURL: urlOf(l, listen.PSC), WalletURL: urlOf(l, listen.Wallet),
		CardURL: urlOf(l, listen.CardLogin),
		HTTP:    clientsHTTP(l)})
}

// revoked tells whether the certificate of a card is revoked or on hold.
func revoked(ctx context.Context, l *lab.Lab, c psc.Card) (bool, error) {
	authority, err := profiles.ParseAuthority(c.Authority)
	if err != nil {
		return false, err
	}
	serial, err := hex.DecodeString(c.Serial)
	if err != nil {
		return false, err
	}
	v, _, err := l.Status(ctx, authority, serial)
	return v != nil, err
}

// PSCURLs are the addresses that a client is told.
type PSCURLs struct{ Issuer, Discovery, Authorization, Requests string }

// ProviderURLs are the addresses of a lab's Pro Santé Connect.
func ProviderURLs(l *lab.Lab) PSCURLs {
	listen := l.Config.Listen
	issuer := urlOf(l, listen.PSC) + "/auth/realms/esante-wallet"
	return PSCURLs{issuer, issuer + "/.well-known/wallet-openid-configuration", urlOf(l, listen.Wallet) + "/auth",
		urlOf(l, listen.Desk) + requestsPath + "requests.json"}
}

// clientsHTTP calls the addresses of clients: on this machine, past any proxy, with certificates of
// the system's authorities and of the lab's.
func clientsHTTP(l *lab.Lab) *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     labTransport(l, x509.SystemCertPool),
	}
}

// labTransport makes calls past any proxy, with certificates of some authorities and of the lab's,
// as they are at each call.
func labTransport(l *lab.Lab, others func() (*x509.CertPool, error)) *http.Transport {
	return &http.Transport{IdleConnTimeout: 30 * time.Second, ResponseHeaderTimeout: 10 * time.Second,
		DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			roots, err := others()
			if err != nil {
				roots = x509.NewCertPool()
			}
			infos, err := l.Authorities(ctx)
			if err != nil {
				return nil, err
			}
			for _, info := range infos {
				if c, err := x509.ParseCertificate(info.DER); err == nil {
					roots.AddCert(c)
				}
			}
			host, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			if isOwn(l, host, port) {
				address = net.JoinHostPort(ownHost(l.Config.Exposed.Listen), port)
			}
			d := tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: host, MinVersion: tls.VersionTLS12}}
			return d.DialContext(ctx, network, address)
		}}
}
