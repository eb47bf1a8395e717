// Package serve runs what igc serve runs: the endpoints of its table, and the work behind them.
//
// The table ([Endpoints]) has a row for each address that the lab listens on: its name in igc.yaml,
// its place in the row of ports that igc init --port makes, what is served there. igc init, igc
// doctor and [Run] read the same rows.
//
// [Run] locks the lab and answers the commands that want it meanwhile, opens every port before the
// first is announced, makes CRLs and OCSP responders' certificates when they are due, and stops all
// of it when its context ends or when the first part fails. The error is then the cause, not the
// "context canceled" of the parts that were stopped by it.
package serve

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/revocation"
	"github.com/igc-lab/igc/revocation/crl"
	"github.com/igc-lab/igc/revocation/ldap"
	"github.com/igc-lab/igc/revocation/ocsp"
	"github.com/igc-lab/igc/testssl"
)

// Options are what Run takes beside the lab.
type Options struct {
	Log     *slog.Logger
	Now     func() time.Time // the clock; nil for the lab's
	Exposed bool             // beyond this machine, as igc.yaml says
	Started func(Started)    // called once, when every port is open; may be nil
}

// Started is what a server has opened.
type Started struct {
	Endpoints     []Open
	CatalogueLink string                    // opens the catalogue with the private keys; empty when there is none to open
	ConsoleLink   string                    // opens the console, with the private keys; empty when there is none
	NoTestSSL     *ca.RevokedAuthorityError // why TestSSL is not among the endpoints; nil when it is

	routes []deskRoute // of the desk, which its test goes through
}

// Open is an endpoint and the URL by which this machine reaches it.
type Open struct {
	Endpoint
	URL string
}

// Run serves a lab until the context ends, which is not an error, or until a part fails, whose
// error it returns. Requests under way are then given a while to finish.
func Run(ctx context.Context, lab *lab.Lab, o Options) error {
	if o.Now == nil {
		o.Now = lab.Now
	}
	if err := expose(lab, o.Exposed); err != nil {
		return err
	}
	lab = lab.As("system") // what the server does by itself; calls of commands have their own actor
	if err := lab.Lock(); err != nil {
		return err
	}
	return errors.Join(run(ctx, lab, o), lab.Unlock())
}

// run is Run once the lab is locked.
func run(ctx context.Context, lab *lab.Lab, o Options) error {
	g := newGroup(ctx)

	crls := crl.NewIssuer(lab, o.Now)
	// The socket is first: commands do not wait for what follows.
	ready := make(chan struct{})
	var desk later
	g.start(func(ctx context.Context) error {
		return lab.Serve(ctx, crls.Publish, &desk, sync.OnceFunc(func() { close(ready) }))
	})
	started, err := startServices(g, lab, crls, &desk, o)
	if err != nil {
		return g.fail(err)
	}
	select {
	case <-ready:
		if o.Started != nil {
			o.Started(started)
		}
	case <-g.ctx.Done():
	}
	return g.wait()
}

// startServices opens every port, then starts what serves them and the work behind.
func startServices(g *group, lab *lab.Lab, crls *crl.Issuer, desk *later, o Options) (Started, error) {
	responder, err := revocation.NewResponder(g.ctx, lab, o.Now)
	if err != nil {
		return Started{}, err
	}
	s := &services{lab: lab, now: o.Now, log: o.Log, exposed: o.Exposed, stopping: g.ctx.Done(),
		endpoints: Endpoints(), crls: crls}
	var started Started
	if started.NoTestSSL, err = s.assemble(g.ctx, responder); err != nil {
		return Started{}, err
	}
	started.routes = s.routes
	desk.set(s.deskOnSocket())
	if err := s.open(g, &started); err != nil {
		return Started{}, err
	}
	s.startWork(g, responder)
	return started, nil
}

// assemble makes the services, and has those that keep copies follow the records. noTestSSL is why
// what needs the lab's server certificate is left out.
func (s *services) assemble(ctx context.Context, responder *ocsp.Responder) (noTestSSL *ca.RevokedAuthorityError,
	err error) {
	s.pages = testssl.New(s.lab, s.crls, responder, s.now, s.log)
	if err := s.pages.LoadToken(); err != nil {
		return nil, err
	}
	if err := s.pages.Prepare(ctx); err != nil && !errors.As(err, &noTestSSL) {
		return nil, err
	}
	s.around = NewServices(ServicesOptions{Records: s.lab, Documents: s.lab, Lab: s.lab, Now: s.now, Log: s.log,
		Stopping: s.stopping})
	s.directory = ldap.NewServer(s.lab, s.crls, s.log)
	s.publication = revocation.NewPublication(s.lab, s.crls, responder, s.log)
	if noTestSSL == nil {
		s.publication.Health().Add(s.pages.Problems)
	}

	s.psc = NewProvider(s.lab, s.lab, s.around, s.pages.Verifier(), s.log)
	if err := s.lab.WatchStatus(ctx, func(c store.Change) { go s.psc.StatusChanged(ctx, c) }); err != nil {
		return nil, err
	}
	if err := s.lab.WatchDocuments(ctx, s.psc.DocumentChanged); err != nil {
		return nil, err
	}
	s.psc.KeepCopies(s.feedIsCurrent)
	if s.annuaire, err = newAnnuaire(ctx, s); err != nil {
		return nil, err
	}
	if err := s.lab.WatchDocuments(ctx, s.around.Population.DocumentChanged); err != nil {
		return nil, err
	}
	s.around.Population.KeepCopy(s.feedIsCurrent)

	s.roles = access.New(access.Options{Service: s.lab, Now: s.around.Clock.Now})
	s.orders = NewOrders(s.lab, func(actor string) ca.Service { return s.lab.As(actor) }, s.lab, s.around, s.annuaire,
		s.now, true, s.log)
	if noTestSSL == nil {
		if s.portal, err = newPortal(ctx, s); err != nil {
			return nil, err
		}
	}
	s.limiter = access.NewLimiter(access.DefaultRates())
	s.login = access.NewLogin(access.LoginOptions{Registry: s.roles, Seal: s.lab, Limiter: s.limiter, Path: loginPath,
		Home: ConsolePath, Log: s.log})
	s.routes = s.deskRoutes()
	return noTestSSL, nil
}

// open opens every port before it serves the first.
func (s *services) open(g *group, started *Started) error {
	listeners, err := openPorts(s.lab.Config.Listen, started.NoTestSSL == nil)
	if err != nil {
		return err
	}
	for i, e := range table {
		if listeners[i] == nil {
			continue
		}
		url, serve := e.start(s, listeners[i])
		started.Endpoints = append(started.Endpoints, Open{e, url})
		if e.Name == "publication" {
			started.CatalogueLink = s.pages.Link(listeners[i].Addr())
		}
		if e.Name == "desk" {
			s.pages.SetConsole(url[:len(url)-1] + ConsolePath)
			started.ConsoleLink = s.pages.DeskLink(listeners[i].Addr(), ConsolePath)
		}
		g.start(serve)
	}
	return nil
}

// startWork starts what a server does unasked. What fails is logged and tried again: none of it
// ends the server.
func (s *services) startWork(g *group, responder *ocsp.Responder) {
	failed := func(what string) func(error) { return func(err error) { s.log.Error(what, "err", err) } }
	work := []func(context.Context){
		func(ctx context.Context) { revocation.RunCRLs(ctx, s.lab, s.crls, failed("CRL")) },
		func(ctx context.Context) { revocation.RunResponder(ctx, responder, failed("OCSP")) },
		func(ctx context.Context) { s.publication.Health().Watch(ctx, s.log) },
		func(ctx context.Context) {
			s.every(ctx, expiryInterval, func(due <-chan time.Time, moved <-chan struct{}) {
				dropExpired(ctx, expired(s.lab, s.around.Clock), due, moved, s.log)
			})
		},
		func(ctx context.Context) {
			if err := s.lab.KeepHeadSigned(ctx); err != nil { // it can be verified by its hashes all the same
				failed("change feed")(err)
			}
		},
	}
	if s.lab.Config.Cards.Renew {
		work = append(work, func(ctx context.Context) {
			s.every(ctx, renewalInterval, func(due <-chan time.Time, moved <-chan struct{}) {
				renewCards(ctx, s.lab, NewCardDesk(s.lab, s.lab, s.around, s.now, true), due, moved, s.log)
			})
		})
	}
	for _, part := range work {
		g.start(func(ctx context.Context) error {
			part(ctx)
			return nil
		})
	}
}

// every gives work the ticks of an interval, and says when the services' clock was moved.
func (s *services) every(ctx context.Context, interval time.Duration,
	work func(due <-chan time.Time, moved <-chan struct{})) {
	due := time.NewTicker(interval)
	defer due.Stop()
	look := time.NewTicker(movedInterval)
	defer look.Stop()
	work(due.C, s.around.Clock.Moved(ctx, look.C))
}

// later is a handler that is there once the services are.
type later struct{ handler atomic.Pointer[http.Handler] }

func (l *later) set(h http.Handler) { l.handler.Store(&h) }

func (l *later) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := l.handler.Load(); h != nil {
		(*h).ServeHTTP(w, r)
		return
	}
	w.Header().Set("Retry-After", "1")
	http.Error(w, "igc serve starts", http.StatusServiceUnavailable)
}

// openPorts listens on the address of each row, in the order of the table. Without TestSSL its rows
// are nil: the rest is served, so that the status of what a revoked authority issued is still
// published.
func openPorts(l lab.Listen, withTestSSL bool) ([]net.Listener, error) {
	listeners := make([]net.Listener, len(table))
	for i, e := range table {
		if e.TLS && !withTestSSL {
			continue
		}
		var err error
		if listeners[i], err = listen(e.Name, e.Address(l)); err != nil {
			for _, open := range listeners[:i] {
				if open != nil {
					open.Close()
				}
			}
			return nil, withOtherPorts(err, l, table[i:])
		}
	}
	return listeners, nil
}

// group is the parts of a server. The first that fails ends the others, and its error is the cause
// of the context.
type group struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	parts  sync.WaitGroup
}

func newGroup(ctx context.Context) *group {
	g := &group{}
	g.ctx, g.cancel = context.WithCancelCause(ctx)
	return g
}

func (g *group) start(part func(context.Context) error) {
	g.parts.Go(func() {
		if err := part(g.ctx); err != nil {
			g.cancel(err)
		}
	})
}

// wait returns when all parts have ended: nil when they were asked to, else the error of the part
// that failed.
func (g *group) wait() error {
	<-g.ctx.Done()
	g.parts.Wait()
	if err := context.Cause(g.ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// fail ends the parts because of err. What was under way when a part failed ends with "context
// canceled": the cause is the error of that part.
func (g *group) fail(err error) error {
	g.cancel(err)
	g.parts.Wait()
	if cause := context.Cause(g.ctx); errors.Is(err, context.Canceled) && cause != nil {
		return cause
	}
	return err
}

// feedIsCurrent tells whether what is kept because of the feed may be used: see [store.Shared].
func (s *services) feedIsCurrent() bool { return s.lab.Current(time.Second) }
