package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/revocation"
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
func (p *program) run(ctx context.Context, lab *ca.Lab, log *slog.Logger) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
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

	lists := revocation.NewLists(lab, p.clock())
	responder := revocation.NewResponder(lab, p.clock())
	pages := testssl.New(lab, lists, responder, p.clock(), log)
	if err := errors.Join(pages.Prepare(ctx), pages.LoadToken()); err != nil {
		cancel(err)
		return err
	}

	// every port is open before the first is announced
	l := lab.Config.Listen
	var addresses []string
	for _, port := range []struct {
		mode    testssl.Mode
		address string
	}{{testssl.Default, l.TestSSL}, {testssl.TLS13, l.TLS13}, {testssl.Strict, l.Strict}, {testssl.AnyCA, l.AnyCA}} {
		listener, err := listen(port.address)
		if err != nil {
			cancel(err)
			return err
		}
		addresses = append(addresses, "TestSSL, "+tr(port.mode.FR, port.mode.EN)+": "+pages.Listen(port.mode, listener.Addr()))
		start(func() error { return serveHTTP(ctx, pages.HTTP(port.mode), pages.TLS(port.mode, listener)) })
	}
	directory, err := listen(l.Directory)
	if err != nil {
		cancel(err)
		return err
	}
	start(func() error {
		return revocation.NewDirectory(lab, lists, log).Serve(ctx, revocation.Crowd(directory, 1000))
	})
	listener, err := listen(l.Publication)
	if err != nil {
		cancel(err)
		return err
	}
	publication := revocation.NewPublication(lab, lists, responder, log)
	publication.Health().Add(pages.Problems)
	server := revocation.NewServer(pages.Catalogue(publication, listener.Addr()), log)
	start(func() error { return serveHTTP(ctx, server, publication.Lane(revocation.Crowd(listener, 4000))) })
	start(func() error {
		lists.Run(ctx, func(err error) { log.Error("CRL", "err", err) })
		return nil
	})
	start(func() error {
		responder.Run(ctx, func(err error) { log.Error("OCSP", "err", err) })
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
		fmt.Fprintln(p.out, tr("Ctrl-C arrête.", "Ctrl-C stops."))
	case <-ctx.Done():
	}
	<-ctx.Done()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil // asked to stop
}

func listen(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, &ca.Error{Kind: ca.Busy, Err: fmt.Errorf(tr("%w ; un autre programme a ce port : changez listen dans igc.yaml", "%w; another program has this port: change listen in igc.yaml"), err)}
	}
	return listener, nil
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
