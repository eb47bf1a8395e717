package serve

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/outbox"
	"github.com/igc-lab/igc/people"
	"github.com/igc-lab/igc/people/population"
	"github.com/igc-lab/igc/services/clock"
	"github.com/igc-lab/igc/services/ecps"
)

// Services are the services around the cards, over a lab's records: a server's own, or those that a
// command reaches through the socket.
type Services struct {
	Clock  *clock.Clock
	People *people.Directory
	// Population is the part of the people that igc people generate makes.
	Population *population.Source
	Outbox     *outbox.Outbox
	ECPS       *ecps.Service
}

// ServicesOptions are what services are made from. All are required but Log and Stopping.
type ServicesOptions struct {
	Records   people.Records
	Documents store.DocumentStore
	Lab       *lab.Lab // its home, configuration and keys
	Now       func() time.Time
	Log       *slog.Logger
	Stopping  <-chan struct{} // closed when the server stops
}

// The paths of the services' pages at the desk.
const (
	phonePath    = "/telephone/"
	messagesPath = "/messages/"
	requestsPath = "/psc/"
)

// NewServices makes the services of a lab.
func NewServices(o ServicesOptions) *Services {
	s := &Services{Clock: clock.New(o.Documents, o.Now), Population: population.NewSource(o.Documents)}
	s.People = people.New(people.Options{Records: o.Records, Documents: o.Documents,
		Overlay: filepath.Join(o.Lab.Home, people.OverlayFile), Population: s.Population.People})
	s.Outbox = outbox.New(outbox.Options{Documents: o.Documents, Now: s.Clock.Now, Log: o.Log,
		SMTP: o.Lab.Config.Outbox.SMTP, Exposed: o.Lab.Config.Outbox.Exposed, People: peoplePath,
		Menu: consolePaths.Menu()})
	s.ECPS = ecps.New(ecps.Options{Documents: o.Documents, People: contacts{s.People}, Messages: s.Outbox,
		Seal: o.Lab, Now: s.Clock.Now,
		Log: o.Log, Prefix: phonePath, Stopping: o.Stopping,
		URL: func() string { return urlOf(o.Lab, o.Lab.Config.Listen.Desk) + phonePath }})
	return s
}

// contacts are where the e-CPS finds whom it writes to.
type contacts struct{ people *people.Directory }

func (c contacts) Contact(ctx context.Context, id string) (ecps.Contact, error) {
	p, err := c.people.Find(ctx, id)
	if err != nil {
		return ecps.Contact{}, err
	}
	return ecps.Contact{ID: p.ID, GivenName: p.GivenName, FamilyName: p.FamilyName, Mail: p.Contact.Mail,
		Phone: p.Contact.Phone}, nil
}

// urlOf is the address of an endpoint of igc.yaml by the name under which the lab is served.
func urlOf(l *lab.Lab, address string) string { return l.Config.URL("https", address) }
