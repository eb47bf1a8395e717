package portal

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/verify"
)

// Options are what a portal is made from. All are required but Log.
type Options struct {
	ClientID, ClientSecret string

	Issuer   string            // of Pro Santé Connect
	URL      string            // its own, without a slash at the end: https://localhost:8456
	Names    []string          // by which it is served beside localhost
	HTTP     http.RoundTripper // trusts the lab's authorities
	Verifier Verifier          // of cards
	Now      func() time.Time
	Log      *slog.Logger
}

// Verifier checks a certificate that was presented: verify.Verifier.
type Verifier interface {
	Check(ctx context.Context, state *tls.ConnectionState) (*verify.Report, error)
}

// The addresses that Pro Santé Connect is told, under [Options.URL].
const (
	CallbackPath    = "/retour"
	LoggedOutPath   = "/deconnecte"
	BackchannelPath = "/deconnexion-psc"
)

// maxForm bounds what is sent to the portal.
const maxForm = 64 << 10

// Portal is the demo portal of a lab.
type Portal struct {
	Options
	pages    *web.Pages
	sealer   sealer
	sessions sessions
	common   journal // what was done once for all
	http     *http.Client

	mu    sync.Mutex
	known *client // nil until the provider answered
}

// New makes a portal.
func New(options Options) *Portal {
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	p := &Portal{Options: options, sealer: newSealer(), sessions: sessions{now: options.Now,
		byKey: map[string]*session{}}}
	var host, origin string
	if u, err := url.Parse(options.Issuer); err == nil {
		host, origin = u.Host, u.Scheme+"://"+u.Host
	}
	p.http = &http.Client{Transport: &recorder{options.HTTP, host, options.Now, &p.common}, Timeout: 10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	p.pages = newPages(options.Log, origin)
	return p
}

// context makes the libraries call with the portal's HTTP client.
func (p *Portal) context(ctx context.Context) context.Context { return oidc.ClientContext(ctx, p.http) }

// client is what the portal knows of its provider. It asks until it is answered.
func (p *Portal) client(ctx context.Context) (*client, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known != nil {
		return p.known, nil
	}
	c, err := discover(p.context(ctx), p.Issuer, p.ClientID, p.ClientSecret, p.URL+CallbackPath, p.Now)
	if err != nil {
		return nil, problemProvider.because(err)
	}
	p.known = c
	return c, nil
}

// handler answers a page, or returns a *problem, or what the lab cannot do.
type handler func(w http.ResponseWriter, r *http.Request) error

// Handler serves the portal. Its listener asks for a certificate at the names of [web.IsCardName],
// and accepts any: what is wrong with it is explained on a page.
func (p *Portal) Handler() http.Handler {
	mux := http.NewServeMux()
	on := func(pattern string, h handler) { mux.HandleFunc(pattern, p.page(h)) }
	on("GET /{$}", p.homePage)
	on("GET /connexion", p.login)
	on("GET "+CallbackPath, p.callback)
	on("GET /session", p.sessionPage)
	on("POST /rafraichir", p.act(p.refresh))
	on("POST /introspection", p.act(p.introspect))
	on("POST /userinfo", p.act(p.userinfo))
	on("POST /quitter", p.withSession(p.leave))
	on("POST /deconnexion", p.withSession(p.logout))
	on("GET "+LoggedOutPath, p.loggedOutPage)
	on("GET /carte/connexion", p.beginCard)
	on("GET /carte/retour", p.takeCard)
	mux.HandleFunc("POST "+BackchannelPath, p.backchannel)
	on("/", func(http.ResponseWriter, *http.Request) error { return problemNotFound })

	cards := http.NewServeMux()
	cards.HandleFunc("GET /carte", p.page(p.presented))
	cards.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { redirect(w, p.URL+"/") })

	return web.SecurityHeaders(web.Detached(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.TLS != nil && web.IsCardName(r.TLS.ServerName):
			cards.ServeHTTP(w, r)
		case web.IsServed(r.Host, p.Names):
			mux.ServeHTTP(w, r)
		default: // a page elsewhere whose name leads here
			http.Error(w, "Ce portail n'est pas servi sous ce nom. / This portal is not served by this name.",
				http.StatusForbidden)
		}
	})))
}

// page makes an HTTP handler: bounds forms, and shows what went wrong.
func (p *Portal) page(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		err := h(w, r)
		if err == nil {
			return
		}
		var wrong *problem
		_, away := web.Away(err)
		switch {
		case away: // also where it is the cause of a problem
			p.Log.Error("portal", "path", r.URL.Path, "err", err)
			web.AskAgain(w.Header())
			wrong = problemAway
		case !errors.As(err, &wrong):
			p.Log.Error("portal", "path", r.URL.Path, "err", err)
			wrong = problemInternal
		}
		p.problemPage(w, r, wrong)
	}
}
