package serve

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net"
	"slices"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/services/psc"
	"github.com/igc-lab/igc/services/relying/portal"
)

// portalRow is the row of the demo portal. A certificate is asked for at the names of
// [web.IsCardName] alone, as TestSSL's port for every card asks for it.
var portalRow = Endpoint{
	Name:    "portal",
	Title:   i18n.Text{FR: "Portail de démonstration :", EN: "Demo portal:"},
	TLS:     true,
	address: func(l *lab.Listen) *string { return &l.Portal },
	start: func(s *services, l net.Listener) (string, func(context.Context) error) {
		config := s.tls(tls.VersionTLS12, tls.VersionTLS13)
		config.NoClient = true
		config.AtCardNames = s.tls(tls.VersionTLS12, tls.VersionTLS12)
		config.AtCardNames.ClientCAs = s.pages.Verifier().ClientCAs
		return s.url("https", l) + "/", s.https(config, l, s.portal.Handler())
	},
}

// portalClient is the demo portal's client_id.
const portalClient = "portail-demo"

// newPortal makes the demo portal, and registers it as a client of Pro Santé Connect. The portal
// itself knows no more of it than any client does: an address, an identifier and a secret.
func newPortal(ctx context.Context, s *services) (*portal.Portal, error) {
	listen := s.lab.Config.Listen
	own := urlOf(s.lab, listen.Portal)
	secret, err := portalSecret(ctx, s.lab, s.lab)
	if err != nil {
		return nil, err
	}
	want := psc.Client{ID: portalClient, Name: "Portail de démonstration", RedirectURIs: []string{own +
		portal.CallbackPath},
		PostLogoutRedirectURIs: []string{own + portal.LoggedOutPath},
		// Pro Santé Connect calls addresses of this machine only
		BackchannelLogoutURI: "https://localhost:" + web.Port(listen.Portal) + portal.BackchannelPath,
		PKCE:                 true, NoCIBA: true, Created: s.now().UTC().Truncate(time.Second)}
	if err := registerClient(ctx, s.lab, want, secret); err != nil {
		return nil, err
	}
	transport := labTransport(s.lab, func() (*x509.CertPool, error) { return x509.NewCertPool(), nil })
	return portal.New(portal.Options{ClientID: portalClient, ClientSecret: secret,
		Issuer: ProviderURLs(s.lab).Issuer, URL: own,
		Names: s.lab.Config.Exposed.Names,
		HTTP:  transport, Verifier: s.pages.Verifier(), Now: s.around.Clock.Now, Log: s.log}), nil
}

// portalKind is the portal's secret, sealed.
var portalKind = store.DocumentKind{Name: "relying.portal", Audited: true}

const (
	portalKey = "secret"
	actor     = "system"
)

// portalSecret is the portal's secret, made when it is first asked for.
func portalSecret(ctx context.Context, documents store.DocumentStore, seal psc.Sealer) (string, error) {
	for {
		doc, err := documents.GetDocument(ctx, portalKind, portalKey)
		if err == nil {
			plain, err := seal.Unseal(portalKind.Name, doc.Value)
			return string(plain), err
		}
		if store.KindOf(err) != store.NotFound {
			return "", err
		}
		raw := make([]byte, 32)
		rand.Read(raw) // never fails
		sealed, err := seal.Seal(portalKind.Name, []byte(base64.RawURLEncoding.EncodeToString(raw)))
		if err != nil {
			return "", err
		}
		none := uint64(0)
		_, err = documents.WriteDocuments(ctx, actor, store.DocumentWrite{Kind: portalKind, Key: portalKey,
			Value: sealed, IfVersion: &none})
		if err != nil && err != store.ErrSwap { // another node was faster
			return "", err
		}
	}
}

// registerClient registers a client with a secret, or puts right the one that is there: its
// addresses have other ports, or it was given another secret.
func registerClient(ctx context.Context, documents store.DocumentStore, want psc.Client, secret string) error {
	is, err := psc.ReadClient(ctx, documents, want.ID)
	if store.KindOf(err) == store.NotFound {
		want.SetSecret(secret)
		err = psc.AddClient(ctx, documents, actor, &want)
		if store.KindOf(err) != store.Conflict { // another node was faster
			return err
		}
		is, err = psc.ReadClient(ctx, documents, want.ID)
	}
	if err != nil {
		return err
	}
	if is.SecretIs(secret) && !is.MutualTLS && is.PKCE == want.PKCE &&
		is.BackchannelLogoutURI == want.BackchannelLogoutURI &&
		slices.Equal(is.RedirectURIs, want.RedirectURIs) && slices.Equal(is.PostLogoutRedirectURIs,
		want.PostLogoutRedirectURIs) {
		return nil
	}
	_, err = psc.ChangeClient(ctx, documents, actor, want.ID, func(c *psc.Client) error {
		created := c.Created
		*c = want
		c.Created = created
		c.SetSecret(secret)
		return nil
	})
	return err
}
