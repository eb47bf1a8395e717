package serve

import (
	"context"
	"iter"
	"net"
	"net/http"
	"strings"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/console"
	"github.com/igc-lab/igc/doctor"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/services/carddesk"
)

// ConsolePath is where the desk serves the console; peoplePath is that of the people of the lab.
const (
	ConsolePath = "/console/"
	peoplePath  = "/personnes/"
)

// consolePaths are where the desk serves what the console links to.
var consolePaths = console.Paths{Console: ConsolePath, People: peoplePath, Phones: phonePath, Messages: messagesPath,
	FHIR: "/fhir/v2/", Annuaire: annuairePath, PSC: requestsPath}

// console makes the console of the desk that listens there.
func (s *services) console(desk net.Addr) *console.Console {
	options := doctor.Options{Home: s.lab.Home, Lab: lab.Options{Now: s.now},
		Addresses: func(l lab.Listen) []doctor.Address { return addresses(s.endpoints, l) }}
	return console.New(console.Options{Lab: s.lab, Keys: s.pages.Gate(desk),
		Caller: func(*http.Request) (*access.Caller, error) { return access.Owner("desk"), nil },
		People: s.around.People, Names: s.annuaire, Phones: s.around.ECPS, SignIns: s.psc, Messages: s.around.Outbox,
		CardDesk: func(actor string) *carddesk.Desk {
			as := s.lab
			if actor != "" {
				as = s.lab.As(actor)
			}
			return NewCardDesk(as, as, s.around, s.now, true)
		},
		Handshakes: s.pages,
		Doctor:     func(ctx context.Context) iter.Seq[doctor.Finding] { return doctor.Run(ctx, options) },
		Endpoints:  s.consoleEndpoints(), Publication: "http://localhost" + portOf(s.lab.Config.Listen.Publication),
		Now: s.now, Log: s.log, Paths: consolePaths, Stopping: s.stopping})
}

// consoleEndpoints are the endpoints that the lab serves, with their URLs.
func (s *services) consoleEndpoints() (all []console.Endpoint) {
	for _, e := range s.endpoints {
		scheme := "http"
		switch {
		case e.TLS:
			scheme = "https"
		case e.Name == "directory":
			scheme = "ldap"
		}
		all = append(all, console.Endpoint{Title: i18n.Text{FR: strings.TrimSuffix(e.Title.FR, " :"),
			EN: strings.TrimSuffix(e.Title.EN, ":")},
			URL: scheme + "://localhost" + portOf(e.Address(s.lab.Config.Listen)) + "/"})
	}
	return all
}

// portOf is the port of an address, with its colon.
func portOf(address string) string {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	return ":" + port
}

// Addresses are those of the endpoint table, as igc doctor reads them.
func Addresses(l lab.Listen) []doctor.Address { return addresses(table, l) }

func addresses(endpoints []Endpoint, l lab.Listen) (all []doctor.Address) {
	for _, e := range endpoints {
		all = append(all, doctor.Address{Name: e.Name, Address: e.Address(l), TLS: e.TLS})
	}
	return all
}
