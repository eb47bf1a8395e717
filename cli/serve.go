package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/revocation"
	"github.com/igc-lab/igc/revocation/ldap"
	"github.com/igc-lab/igc/testssl"
)

func (p *program) serveCommand() *cli.Command {
	return &cli.Command{
		Name:         "serve",
		Usage:        tr("sert la publication, OCSP et TestSSL, jusqu'à Ctrl-C", "serve publication, OCSP and TestSSL, until Ctrl-C"),
		OnUsageError: usageError,
		Flags:        []cli.Flag{&cli.BoolFlag{Name: "verbose", Usage: tr("journal détaillé", "detailed log")}},
		Action:       p.serve,
	}
}

func (p *program) serve(c *cli.Context) error {
	if err := none(c); err != nil {
		return err
	}
	client, err := p.connectOrCreate(c, ca.DefaultConfig())
	if err != nil {
		return err
	}
	lab := client.Lab
	if err := lab.Hold(); err != nil {
		return err
	}
	level := slog.LevelInfo
	if c.Bool("verbose") {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(p.err, &slog.HandlerOptions{Level: level}))
	return errors.Join(p.run(c.Context, lab, log), lab.Release())
}

// run serves until the context ends, or one of the servers fails.
func (p *program) run(ctx context.Context, lab *ca.Lab, log *slog.Logger) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer func() { // what was under way when a part failed ends with "context canceled": the cause is that part's error
		if cause := context.Cause(ctx); errors.Is(err, context.Canceled) && cause != nil {
			err = cause
		}
	}()
	var wg sync.WaitGroup
	defer wg.Wait()
	start := func(do func() error) {
		wg.Go(func() {
			if err := do(); err != nil {
				cancel(err)
			}
		})
	}

	// the socket first: commands wait for nothing that follows
	ready := make(chan struct{})
	start(func() error { return lab.Answer(ctx, sync.OnceFunc(func() { close(ready) })) })

	lists := revocation.NewCRLs(lab, p.clock())
	responder := revocation.NewResponder(lab, p.clock())
	pages := testssl.New(lab, lists, responder, p.clock(), log)
	if err := pages.LoadToken(); err != nil {
		cancel(err)
		return err
	}
	err = pages.Prepare(ctx)
	withoutTestSSL := (*ca.RevokedAuthorityError)(nil)
	if err != nil && !errors.As(err, &withoutTestSSL) {
		cancel(err)
		return err
	}

	// every port is open before the first is announced
	l := lab.Config.Listen
	var addresses []string
	for _, port := range []struct {
		mode    testssl.Mode
		name    string
		address string
	}{{testssl.Default, "testssl", l.TestSSL}, {testssl.TLS13, "tls13", l.TLS13}, {testssl.Strict, "strict", l.Strict}, {testssl.AnyCA, "any_ca", l.AnyCA}} {
		if withoutTestSSL != nil {
			break // the rest is served, so that what the authority issued is still answered for
		}
		listener, err := listen(port.name, port.address)
		if err != nil {
			cancel(err)
			return err
		}
		addresses = append(addresses, "TestSSL, "+tr(port.mode.FR, port.mode.EN)+": "+pages.Listen(port.mode, listener.Addr()))
		start(func() error { return serveHTTP(ctx, pages.HTTP(port.mode), pages.TLS(port.mode, listener)) })
	}
	directory, err := listen("directory", l.Directory)
	if err != nil {
		cancel(err)
		return err
	}
	start(func() error {
		return ldap.NewServer(lab, lists, log).Serve(ctx, web.LimitListener(directory, 1000))
	})
	listener, err := listen("publication", l.Publication)
	if err != nil {
		cancel(err)
		return err
	}
	publication := revocation.NewPublication(lab, lists, responder, log)
	if withoutTestSSL == nil {
		publication.Health().Add(pages.Problems)
	}
	server := revocation.NewServer(pages.Catalogue(publication, listener.Addr()), log)
	start(func() error { return serveHTTP(ctx, server, web.LimitListener(listener, 4000)) })
	start(func() error {
		revocation.RunCRLs(ctx, lab, lists, func(err error) { log.Error("CRL", "err", err) })
		return nil
	})
	start(func() error {
		revocation.RunResponder(ctx, responder, func(err error) { log.Error("OCSP", "err", err) })
		return nil
	})
	start(func() error {
		publication.Health().Watch(ctx, log)
		return nil
	})

	select {
	case <-ready:
		at := func(l net.Listener) string {
			_, port, _ := net.SplitHostPort(l.Addr().String())
			return net.JoinHostPort("localhost", port)
		}
		fmt.Fprintf(p.out, "%s http://%s/\n", tr("Publication, OCSP et catalogue :", "Publication, OCSP and catalogue:"), at(listener))
		if link := pages.Link(listener.Addr()); link != "" {
			fmt.Fprintf(p.out, "%s %s\n", tr("Catalogue, avec les clés (.p12) de vos cartes :", "Catalogue, with the keys (.p12) of your cards:"), link)
		}
		fmt.Fprintf(p.out, "%s ldap://%s/\n", tr("Annuaire (LDAP) :", "Directory (LDAP):"), at(directory))
		for _, address := range addresses {
			fmt.Fprintln(p.out, address)
		}
		if e := withoutTestSSL; e != nil {
			fmt.Fprintf(p.err, tr("igc : TestSSL n'est pas servi : %s, l'autorité de son certificat, a été révoquée le %s (%s) et n'en émet plus ; le reste est servi. Faites un autre laboratoire : igc --home DOSSIER init\n",
				"igc: TestSSL is not served: %s, the authority of its certificate, was revoked on %s (%s) and issues none any more; the rest is served. Make another lab: igc --home FOLDER init\n"),
				e.Authority, e.Revocation.At.Format(time.RFC3339), e.Revocation.Reason)
		}
		fmt.Fprintln(p.out, tr("Ctrl-C arrête.", "Ctrl-C stops."))
	case <-ctx.Done():
	}
	<-ctx.Done()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil // asked to stop
}

// listen opens the address that listen has under that name in igc.yaml.
func listen(name, address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, listenError(name, address, err)
	}
	return listener, nil
}

// listenError says why an address cannot be listened on, and what to do about that.
func listenError(name, address string, err error) error {
	kind, why := ca.Invalid, tr("voyez listen dans igc.yaml", "see listen in igc.yaml")
	unresolved := (*net.DNSError)(nil)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		kind, why = ca.Busy, tr("un autre programme a ce port : changez-le dans igc.yaml (listen), ou arrêtez ce programme ; igc doctor le nomme",
			"another program has this port: change it in igc.yaml (listen), or end that program; igc doctor names it")
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		kind, why = ca.Unwritable, tr("le système refuse ce port à cet utilisateur, d'ordinaire ceux sous 1024 : prenez-en un plus grand dans igc.yaml (listen), ou "+
			"sudo setcap cap_net_bind_service=+ep \"$(command -v igc)\"",
			"the system refuses this port to this user, as it does those below 1024: take a higher one in igc.yaml (listen), or "+
				"sudo setcap cap_net_bind_service=+ep \"$(command -v igc)\"")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		why = tr("ce n'est pas une adresse de cette machine : écrivez localhost dans igc.yaml (listen), ou l'une de celles que montre ip addr",
			"it is not an address of this machine: write localhost in igc.yaml (listen), or one of those that ip addr shows")
	case errors.As(err, &unresolved):
		why = tr("ce nom ne mène à aucune adresse : écrivez localhost dans igc.yaml (listen), ou une adresse",
			"this name leads to no address: write localhost in igc.yaml (listen), or an address")
	}
	return &ca.Error{Kind: kind, Err: fmt.Errorf(tr("%s (%s) : %w ; %s", "%s (%s): %w; %s"), address, name, err, why)}
}

// serveHTTP serves until the context ends, then lets requests under way finish for a while.
func serveHTTP(ctx context.Context, server *http.Server, listener net.Listener) error {
	working, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	web.EndWith(working, server)
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		defer abandon()
		wait, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if server.Shutdown(wait) != nil { // a visitor who never finishes its handshake
			server.Close()
		}
		stopped <- nil
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
