package access

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/verify"
)

// Verifier checks the certificate of a connection: a [verify.Verifier].
type Verifier interface {
	Check(ctx context.Context, state *tls.ConnectionState) (*verify.Report, error)
}

// GateOptions are what a gate is made from. Registry is required.
type GateOptions struct {
	Registry *Registry
	Verifier Verifier // of client certificates; nil where none is asked for

	// Local is the owner of the lab, where the listener proves them, such as a desk on loopback;
	// nil, or a nil caller, where it does not.
	Local func(*http.Request) *Caller

	Login   *Login   // of browsers, by a token; nil for none
	Limiter *Limiter // shared by the gates of a server; nil for one of its own
	// Refuse answers a request without a caller; nil for [Denied.Write].
	Refuse func(http.ResponseWriter, *http.Request, *Denied)
	Log    *slog.Logger // nil for none
}

// Gate finds who makes a request. Nothing is kept from one request to the next: a card that is
// revoked, a role that ends, a token that is removed are refused at the next one, on the same
// connection too.
type Gate struct {
	GateOptions
	origin *http.CrossOriginProtection
}

// NewGate makes a gate.
func NewGate(options GateOptions) *Gate {
	if options.Limiter == nil {
		options.Limiter = NewLimiter(DefaultRates())
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	return &Gate{options, http.NewCrossOriginProtection()}
}

// Caller is who makes a request: by a token when it has one, else by the certificate of its
// connection, by the login of its browser, or as the owner of the lab. What is presented and
// refused is an error, and nothing else is tried: a [*Denied], or another when the gate itself
// failed.
func (g *Gate) Caller(r *http.Request) (*Caller, error) {
	c, err := g.identify(r)
	if err != nil {
		return nil, err
	}
	if c.Way == Local { // who could as well stop the server
		return c, nil
	}
	if wait := g.Limiter.request(c.Actor, isRead(r.Method)); wait > 0 {
		return nil, &Denied{Code: DeniedRate, Caller: c, RetryAfter: wait}
	}
	return c, nil
}

func (g *Gate) identify(r *http.Request) (*Caller, error) {
	if header, ok := r.Header["Authorization"]; ok {
		return g.byToken(r, header)
	}
	var c *Caller
	switch {
	case r.TLS != nil && len(r.TLS.PeerCertificates) > 0 && g.Verifier != nil:
		var err error
		if c, err = g.byCertificate(r); err != nil {
			return nil, err
		}
	case g.Login != nil:
		var err error
		if c, err = g.Login.caller(r); err != nil {
			return nil, err
		}
	}
	if c == nil && g.Local != nil {
		c = g.Local(r)
	}
	if c == nil {
		return nil, &Denied{Code: DeniedNobody}
	}
	// A browser sends a card's certificate, and comes from loopback, whosever page asks it to.
	if g.origin.Check(r) != nil {
		return nil, &Denied{Code: DeniedOrigin, Caller: c}
	}
	return c, nil
}

// byToken is who has the token of a request. One that is refused counts against the address that
// it came from. A token that is valid is never refused for others' attempts: behind a proxy, all
// have one address.
func (g *Gate) byToken(r *http.Request, header []string) (*Caller, error) {
	var t *Bearer
	code := DeniedTokenForm
	if scheme, token, ok := strings.Cut(header[0], " "); ok && len(header) == 1 && strings.EqualFold(scheme, "Bearer") {
		var err error
		if t, err = g.Registry.find(r.Context(), strings.TrimSpace(token)); err != nil {
			return nil, err
		}
		code = DeniedToken
	}
	if t == nil {
		if wait := g.Limiter.failure(addressOf(r)); wait > 0 {
			return nil, &Denied{Code: DeniedAttempts, RetryAfter: wait}
		}
		return nil, &Denied{Code: code}
	}
	if t.Ended(g.Registry.Now()) {
		return nil, &Denied{Code: DeniedTokenEnded, Caller: t.caller()}
	}
	if err := g.Registry.used(context.WithoutCancel(r.Context()), t); err != nil {
		g.Log.Error("token", "name", t.Name, "err", err) // the request is not the worse for it
	}
	return t.caller(), nil
}

// byCertificate is who presents a certificate. Its revocation is asked for anew.
func (g *Gate) byCertificate(r *http.Request) (*Caller, error) {
	report, err := g.Verifier.Check(r.Context(), r.TLS)
	if err != nil {
		return nil, err
	}
	issuer, ours := report.Issuer()
	if !report.OK || !ours || report.Card == nil {
		return nil, &Denied{Code: DeniedCard, Report: report}
	}
	way, ok := wayOf(report.Card.Profile)
	who, known := whoIs(report.Card.Profile, report.Holder())
	if !ok || !known || who.Organisation != (way == Certificate) {
		return nil, &Denied{Code: DeniedProduct, Report: report}
	}
	c := &Caller{Way: way, Actor: string(way) + ":" + who.ID, ID: who.ID, Name: who.Name, Structure: who.Structure,
		Authority: issuer.ID(), Serial: profiles.SerialHex(r.TLS.PeerCertificates[0].SerialNumber)}
	c.Grants, err = g.Registry.GrantsOf(r.Context(), c.ID)
	return c, err
}

// wayOf is the way in that a certificate of that profile opens: the authentication certificate of a
// card, the AUTH_CLI of an organisation. Software certificates of people, servers' and mailboxes'
// open none.
func wayOf(profile string) (Way, bool) {
	p, err := profiles.FindProfile(profile)
	switch {
	case err != nil:
	case p.Product.CardType != "" && p.Role == "authentication":
		return Card, true
	case isClient(p.Product, p.Role):
		return Certificate, true
	}
	return "", false
}

// addressOf is the address that a request came from; of IPv6 the network of 64 bits, which is one
// subscriber's.
func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	if a, err := netip.ParseAddr(host); err == nil && a.Is6() && !a.Is4In6() {
		if p, err := a.WithZone("").Prefix(64); err == nil {
			return p.String()
		}
	}
	return host
}

func isRead(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

type callerKey struct{}

// Handler lets requests with a caller through to the next handler, which has them from
// [CallerFrom].
func (g *Gate) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := g.Caller(r)
		if err != nil {
			g.refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(WithCaller(r.Context(), c)))
	})
}

// refuse answers a request without a caller. What made the gate itself fail is not told.
func (g *Gate) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var denied *Denied
	if !errors.As(err, &denied) {
		if r.Context().Err() == nil {
			g.Log.Error("access", "path", r.URL.Path, "err", err)
		}
		denied = &Denied{Code: DeniedFailure, RetryAfter: time.Second}
	}
	g.Log.Info("access refused", "code", denied.Code, "from", addressOf(r), "method", r.Method, "path", r.URL.Path)
	if g.Refuse != nil {
		denied.SetHeaders(w.Header())
		g.Refuse(w, r, denied)
		return
	}
	denied.Write(w, r)
}

// WithCaller puts a caller into a context, as [Gate.Handler] does.
func WithCaller(ctx context.Context, c *Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerFrom is the caller that [Gate.Handler] found; nil when the request did not pass a gate.
func CallerFrom(ctx context.Context) *Caller {
	c, _ := ctx.Value(callerKey{}).(*Caller)
	return c
}

// Limit counts a request that changes something of an actor whom [Gate.Caller] did not find, and
// who is let in all the same: by a certificate that is authority for itself alone. It returns a
// [*Denied] when there were too many.
func (g *Gate) Limit(actor string) error {
	if wait := g.Limiter.request(actor, false); wait > 0 {
		return &Denied{Code: DeniedRate, RetryAfter: wait}
	}
	return nil
}
