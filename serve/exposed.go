package serve

import (
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/testssl"
)

// expose checks that a lab is exposed both by igc.yaml and by whoever serves it, or by neither, and
// has every endpoint listen on the address that igc.yaml exposes it on.
func expose(l *lab.Lab, wanted bool) error {
	names := l.Config.Exposed.Names
	switch {
	case wanted && len(names) == 0:
		return store.Errorf(store.Invalid, "igc.yaml does not say by which names the lab is served beyond this "+
			"machine: write "+
			"exposed: {names: [lab.example.test]} into %s/igc.yaml", l.Home)
	case !wanted && len(names) > 0:
		return store.Errorf(store.Invalid, "igc.yaml serves the lab beyond this machine, as %s: run igc serve "+
			"--exposed, or take "+
			"the names out of exposed in %s/igc.yaml", strings.Join(names, ", "), l.Home)
	case !wanted:
		return nil
	}
	for _, e := range table {
		address := e.address(&l.Config.Listen)
		_, port, err := net.SplitHostPort(*address)
		if err != nil {
			return err
		}
		*address = net.JoinHostPort(l.Config.Exposed.Listen, port)
	}
	return nil
}

// isOwn tells an address of an exposed lab's own servers, which reach one another whether its names
// resolve on this machine or not, and whether it listens on loopback or not.
func isOwn(l *lab.Lab, host, port string) bool {
	if slices.Contains(l.Config.Exposed.Names, host) {
		return true
	}
	return len(l.Config.Exposed.Names) > 0 && host == "localhost" && slices.ContainsFunc(table, func(e Endpoint) bool {
		return web.Port(e.Address(l.Config.Listen)) == port
	})
}

// openFolders are the first parts of the catalogue's addresses: whether they are served beyond the
// machine, over HTTP. The lists of cards, and the private keys behind them, are not; the pages that
// say nothing of who has a card are.
var openFolders = map[string]bool{"": false, "cards": false, "fixtures": false, "metrics": false,
	"codes": true, "recettes": true, "tester": true, "authorities.pem": true}

// closed refuses what the plain port does not serve beyond the machine.
func closed(desk string, h http.Handler) http.Handler {
	folders := append(testssl.PageFolders(), "metrics")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first, _, _ := strings.Cut(strings.TrimLeft(r.URL.Path, "/"), "/")
		if slices.Contains(folders, first) && r.Method != http.MethodPost && !openFolders[first] {
			w.Header().Set("X-Content-Type-Options", "nosniff")
			http.Error(w, "Ce labo est servi au-delà de sa machine : cette page ne l'est pas sans TLS. Le guichet : "+
				""+desk+
				"\nThis lab is served beyond its machine: this page is not, without TLS. The desk: "+desk,
				http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}
