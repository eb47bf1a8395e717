package serve

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/lab/rpc"
	"github.com/igc-lab/igc/services/annuaire/extraction"
	"github.com/igc-lab/igc/services/orders/api"
)

// loginPath is where a browser logs in at the desk of an exposed lab.
const loginPath = "/connexion"

// deskRoute is a row of the desk's table: what is served under a pattern, and who may have it.
type deskRoute struct {
	pattern string
	handler http.Handler
	// policy is the only way to what the pattern serves. The zero policy lets in who may read the
	// lab to read, and who may administer it to change something.
	policy policy
}

// policy is what a route asks of a caller.
type policy struct {
	asks bool // it asks the table itself, and takes whoever is somebody
	// open are the patterns of requests that are answered without a caller; why is the reason.
	open []string
	why  string
}

// action is what a request takes.
func action(r *http.Request) access.Action {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return access.ReadLab
	}
	return access.Administer
}

// deskRoutes are the routes of the lab's desk: its console, its phone, its outbox, its people, the
// Annuaire and its extractions, the last calls of clients, the figures of the publication point.
func (s *services) deskRoutes() []deskRoute {
	fhir := policy{open: []string{"/fhir", "/fhir/"}, why: "a public API, with keys of its own (igc annuaire set " +
		"require_key=on)"}
	pages := s.console().Handler()
	routes := []deskRoute{
		{phonePath, s.around.ECPS.Handler(), phonePolicy},
		{messagesPath, s.around.Outbox.Handler(messagesPath), policy{}},
		{requestsPath, s.psc.RequestsHandler(requestsPath, consolePaths.Menu()), policy{}},
		{annuairePath, s.annuaire.Pages(annuairePath, consolePaths.Menu()), policy{}},
		{ConsolePath, pages, policy{}},
		{peoplePath, pages, policy{}},
		{ordersPath, s.orderPages(atGate, consolePaths.Menu()), policy{asks: true}},
		{api.Prefix, s.orderAPI(atGate), policy{asks: true}},
		{"/fhir", s.annuaire.Handler(), fhir},
		{"/fhir/", s.annuaire.Handler(), fhir},
		{extraction.Path, extraction.New(extraction.Options{People: s.around.People, Records: s.lab,
			Population: s.around.Population.People, Now: s.around.Clock.Now, Log: s.log}), policy{}},
		{"GET /metrics", s.publication, policy{}},
		{"GET /{$}", http.HandlerFunc(toConsole), policy{}},
	}
	if s.exposed {
		routes = append(routes, deskRoute{loginPath, s.login.Handler(), loginPolicy}, deskRoute{loginPath + "/",
			s.login.Handler(), loginPolicy})
	}
	return routes
}

// toConsole leads from the desk's address to the console, in the language that was chosen.
func toConsole(w http.ResponseWriter, r *http.Request) {
	to := url.URL{Path: ConsolePath, RawQuery: r.URL.RawQuery}
	http.Redirect(w, r, to.String(), http.StatusFound)
}

var loginPolicy = policy{open: []string{loginPath, loginPath + "/"}, why: "it is how a browser gets in"}

// phonePolicy leaves a person's own phone to them: their device has no card, and its address holds
// a secret that the activation gave it, beside the PIN. The list of all phones is the lab's.
var phonePolicy = policy{open: []string{
	"GET " + phonePath + "nouveau", "GET " + phonePath + "conditions",
	phonePath + "identifiant", phonePath + "scanner", // an activation begins: its codes go to the person's own mail
	phonePath + "activation/{handle}", phonePath + "appareil/{device}",
	"GET " + phonePath + "events", // but for the list's
	"GET " + phonePath + "manifest.webmanifest", "GET " + phonePath + "icone.svg", "GET " + phonePath + "icone-192.png",
	"GET " + phonePath + "icone-512.png",
}, why: "a person's own device: the address holds a secret of the activation, and a PIN is asked for"}

// isOpen tells whether a request is answered without a caller.
func (p policy) isOpen(r *http.Request) bool {
	mux := http.NewServeMux()
	for _, pattern := range p.open {
		mux.HandleFunc(pattern, func(http.ResponseWriter, *http.Request) {})
	}
	_, pattern := mux.Handler(r)
	return pattern != "" && (r.URL.Path != phonePath+"events" || r.URL.Query().Get("page") != "liste")
}

// behind serves the routes to those whom the gate lets in, and who may.
func behind(routes []deskRoute, gate *access.Gate) http.Handler {
	mux := http.NewServeMux()
	for _, route := range routes {
		guarded := gate.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			err := access.CallerFrom(r.Context()).May(action(r), access.Target{})
			if err != nil && !route.policy.asks {
				access.WriteRefusal(w, r, err)
				return
			}
			route.handler.ServeHTTP(w, r)
		}))
		mux.HandleFunc(route.pattern, func(w http.ResponseWriter, r *http.Request) {
			if route.policy.isOpen(r) {
				route.handler.ServeHTTP(w, r)
				return
			}
			guarded.ServeHTTP(w, r)
		})
	}
	return mux
}

// desk is the lab's desk at its port. On loopback it is the owner's, as every program of this
// machine is taken for; an exposed lab takes nobody for them.
func (s *services) desk() http.Handler {
	options := access.GateOptions{Registry: s.roles, Limiter: s.limiter, Log: s.log}
	if s.exposed {
		options.Login, options.Refuse = s.login, s.login.Refuse
	} else {
		options.Local = func(r *http.Request) *access.Caller {
			if !fromLoopback(r) {
				return nil
			}
			return access.Owner("desk")
		}
	}
	return servedAs(s.lab.Config.Exposed.Names, behind(s.routes, access.NewGate(options)))
}

// deskOnSocket is the desk for commands, which reach it as the owner of the lab.
func (s *services) deskOnSocket() http.Handler {
	return behind(s.routes, access.NewGate(access.GateOptions{Registry: s.roles, Limiter: s.limiter, Log: s.log,
		Local: func(r *http.Request) *access.Caller { return access.Owner(rpc.CallerOf(r.Context())) }}))
}

// fromLoopback tells whether a request came from this machine.
func fromLoopback(r *http.Request) bool {
	address, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && address.Addr().Unmap().IsLoopback()
}

// servedAs refuses requests by another name than the lab's: a page elsewhere whose name leads here.
func servedAs(names []string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !web.IsServed(r.Host, names) {
			all := strings.Join(append([]string{"localhost"}, names...), ", ")
			http.Error(w, "Ce guichet n'est servi que sous les noms : "+all+". / This desk is served by these names "+
				"only: "+all+".", http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// ownHost is where this machine reaches what listens on an address.
func ownHost(listen string) string {
	if ip := net.ParseIP(listen); ip != nil && ip.IsUnspecified() {
		return "127.0.0.1"
	}
	return listen
}
