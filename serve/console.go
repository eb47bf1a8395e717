package serve

import (
	"context"
	"iter"
	"net"
	"strings"

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
	FHIR: "/fhir/v2/", Annuaire: annuairePath, PSC: requestsPath, Orders: ordersPath}

// console makes the console of the desk.
func (s *services) console() *console.Console {
	var desk net.Addr = &net.TCPAddr{}
	if address, err := net.ResolveTCPAddr("tcp", s.lab.Config.Listen.Desk); err == nil {
		desk = address
	}
	options := doctor.Options{Home: s.lab.Home, Lab: lab.Options{Now: s.now},
		Addresses: func(l lab.Listen) []doctor.Address { return addresses(s.endpoints, l) }}
	return console.New(console.Options{Lab: s.lab, Keys: s.pages.Gate(desk),
		Caller: atGate,
		People: s.around.People, Names: s.annuaire, Phones: s.around.ECPS, SignIns: s.psc, Messages: s.around.Outbox,
		CardDesk: func(actor string) *carddesk.Desk {
			as := s.lab
			if actor != "" {
				as = s.lab.As(actor)
			}
			return NewCardDesk(as, as, s.around, s.now, true)
		},
		Handshakes: s.pages, CRLs: s.crls,
		Doctor: func(ctx context.Context, in i18n.Language) iter.Seq[doctor.Finding] {
			options := options
			options.Language = in
			return doctor.Run(ctx, options)
		},
		Endpoints: s.consoleEndpoints(), Publication: s.lab.Config.URL("http", s.lab.Config.Listen.Publication),
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
			URL: s.lab.Config.URL(scheme, e.Address(s.lab.Config.Listen)) + "/"})
	}
	return all
}

// Addresses are those of the endpoint table, as igc doctor reads them.
func Addresses(l lab.Listen) []doctor.Address { return addresses(table, l) }

func addresses(endpoints []Endpoint, l lab.Listen) (all []doctor.Address) {
	for _, e := range endpoints {
		all = append(all, doctor.Address{Name: e.Name, Address: e.Address(l), TLS: e.TLS})
	}
	return all
}
