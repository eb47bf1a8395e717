package serve

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/lab"
)

// listen opens the address that listen has under that name in igc.yaml.
func listen(name, address string) (net.Listener, error) {
	listener, err := listenTCP(address)
	if err != nil {
		return nil, listenError(name, address, err)
	}
	return listener, nil
}

// listenError says why an address cannot be listened on, and what to do about that.
func listenError(name, address string, err error) error {
	kind, why := ca.Invalid, i18n.Tr("voyez listen dans igc.yaml", "see listen in igc.yaml")
	unresolved := (*net.DNSError)(nil)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		kind, why = ca.Busy, i18n.Tr("un autre programme a ce port : changez-le dans igc.yaml (listen), ou arrêtez "+
			"ce programme ; igc doctor le nomme",
			"another program has this port: change it in igc.yaml (listen), or end that program; igc doctor names it")
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		kind, why = ca.Unwritable, i18n.Tr("le système refuse ce port à cet utilisateur, d'ordinaire ceux sous 1024 "+
			": prenez-en un plus grand dans igc.yaml (listen), ou "+
			"sudo setcap cap_net_bind_service=+ep \"$(command -v igc)\"",
			"the system refuses this port to this user, as it does those below 1024: take a higher one in igc.yaml "+
				"(listen), or "+
				"sudo setcap cap_net_bind_service=+ep \"$(command -v igc)\"")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		why = i18n.Tr("ce n'est pas une adresse de cette machine : écrivez localhost dans igc.yaml (listen), ou "+
			"l'une de celles que montre ip addr",
			"it is not an address of this machine: write localhost in igc.yaml (listen), or one of those that ip "+
				"addr shows")
	case errors.As(err, &unresolved):
		why = i18n.Tr("ce nom ne mène à aucune adresse : écrivez localhost dans igc.yaml (listen), ou une adresse",
			"this name leads to no address: write localhost in igc.yaml (listen), or an address")
	}
	return &ca.Error{Kind: kind, Err: i18n.Errorf("cannot listen on %s (%s): %w; %s", address, name,
		err, why)}
}

// inCertificates are the endpoints whose addresses certificates have: such a port is not changed in
// igc.yaml alone.
var inCertificates = []string{"publication", "directory"}

// portStep is how far from a port that is taken another is looked for: further than the ports of a
// lab go, so that they stay in their order.
const portStep = 100

// withOtherPorts adds to the error of a port that is taken the lines of igc.yaml with which the
// endpoints are served: those whose ports are taken get others, which are free. A lab that is older
// than an endpoint has its default port, as every such lab has.
func withOtherPorts(err error, l lab.Listen, endpoints []Endpoint) error {
	if ca.KindOf(err) != ca.Busy || slices.Contains(inCertificates, endpoints[0].Name) {
		return err
	}
	var lines []string
	given := map[string]bool{} // ports of the lab's endpoints, also of those that do not listen yet
	for _, e := range endpoints {
		if _, port, err := net.SplitHostPort(e.Address(l)); err == nil {
			given[port] = true
		}
	}
	for _, e := range endpoints {
		host, port, splitErr := net.SplitHostPort(e.Address(l))
		number, numberErr := strconv.Atoi(port)
		if splitErr != nil || numberErr != nil || slices.Contains(inCertificates, e.Name) || isFree(e.Address(l)) {
			continue
		}
		for number += portStep; number <= 65535; number += portStep {
			other := net.JoinHostPort(host, strconv.Itoa(number))
			if port := strconv.Itoa(number); !given[port] && isFree(other) {
				given[port] = true
				lines = append(lines, e.Name+": "+other)
				break
			}
		}
	}
	if lines == nil {
		return err
	}
	return &ca.Error{Kind: ca.Busy, Err: i18n.Errorf("%w. Ports that are free, a line each below listen in "+
		"igc.yaml: %s", err, strings.Join(lines, ", "))}
}

// isFree tells whether an address can be listened on.
func isFree(address string) bool {
	listener, err := listenTCP(address)
	if err != nil {
		return false
	}
	listener.Close()
	return true
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
