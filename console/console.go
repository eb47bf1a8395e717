package console

import (
	"context"
	"embed"
	"io/fs"
	"iter"
	"log/slog"
	"net/http"
	"time"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/doctor"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/outbox"
	"github.com/igc-lab/igc/people"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation/crl"
	"github.com/igc-lab/igc/services/carddesk"
	"github.com/igc-lab/igc/services/ecps"
	"github.com/igc-lab/igc/services/psc"
	"github.com/igc-lab/igc/testssl"
)

// People is where people come from: [people.Directory].
type People interface {
	Resolve(ctx context.Context, text string) (*people.Person, i18n.Text, error)
	Find(ctx context.Context, id string) (*people.Person, error)
	TestIdentities(ctx context.Context) ([]people.TestIdentity, error)
}

// Names finds people by name: the Annuaire.
type Names interface {
	Search(ctx context.Context, text string, limit int) (ids []string, more bool, err error)
}

// Phones are the e-CPS: [ecps.Service].
type Phones interface {
	Device(ctx context.Context, person string) (*ecps.Device, error)
	Devices(ctx context.Context) ([]ecps.Device, error)
	Requests(ctx context.Context, person string) ([]ecps.Request, error)
	Pending(ctx context.Context) ([]ecps.Request, error)
	Approve(ctx context.Context, actor, id, pin, number string) error
	Refuse(ctx context.Context, actor, id string) error
}

// SignIns are those of Pro Santé Connect: [psc.Provider].
type SignIns interface {
	Sessions(ctx context.Context, person string) ([]psc.Session, error)
	LatestSessions(ctx context.Context, limit int) (latest []psc.Session, all int, err error)
}

// Messages are what the lab would have sent: [outbox.Outbox].
type Messages interface {
	List(ctx context.Context, f outbox.Filter) ([]*outbox.Message, error)
}

// Handshakes are the last ones of TestSSL: [testssl.Server].
type Handshakes interface {
	Handshakes(after int) ([]testssl.Handshake, <-chan struct{})
}

// CRLs are what the server published last: [crl.Issuer].
type CRLs interface {
	Latest(a profiles.Authority) (full, delta *crl.CRL)
}

// Keys decides who may have private keys: [testssl.Gate].
type Keys interface {
	Here(r *http.Request) bool
	Owner(r *http.Request) bool
	Enter(w http.ResponseWriter, r *http.Request) (entered, refused bool)
}

// Options are what a console is made from. All are required but Orders among the paths, Stopping
// and Log.
type Options struct {
	Lab    *lab.Lab
	Caller func(*http.Request) (*access.Caller, error) // who makes a request; an error is a refusal
	Keys   Keys

	People     People
	Names      Names
	CardDesk   func(actor string) *carddesk.Desk
	Phones     Phones
	SignIns    SignIns
	Messages   Messages
	Handshakes Handshakes
	CRLs       CRLs
	Doctor     func(context.Context, i18n.Language) iter.Seq[doctor.Finding]

	Endpoints   []Endpoint // that the lab serves
	Publication string     // URL of the publication port, without a slash at its end
	Now         func() time.Time
	Paths       Paths
	Stopping    <-chan struct{} // closed when the server stops
	Log         *slog.Logger
}

// Endpoint is an address that the lab serves.
type Endpoint struct {
	Title i18n.Text
	URL   string
}

// Paths are where the desk serves what pages link to. Each ends with a slash.
type Paths struct {
	Console, People, Phones, Messages, FHIR, Annuaire, PSC string

	Orders string // of the order desk; empty for none
}

// Menu is the navigation that the pages of the desk share.
func (p Paths) Menu() *web.Menu {
	item := func(path, fr, en string) web.MenuItem {
		return web.MenuItem{Path: path, Text: i18n.Text{FR: fr, EN: en}}
	}
	m := &web.Menu{Name: i18n.Text{FR: "Console du labo", EN: "Lab console"}, Home: p.Console,
		Search: p.Console + "chercher"}
	m.Items = append(m.Items, item(p.Console, "Accueil", "Home"), item(p.Console+"cartes/", "Cartes", "Cards"))
	if p.Orders != "" {
		m.Items = append(m.Items, item(p.Orders, "Commandes", "Orders"))
	}
	psc := item(p.Console+"psc/", "Pro Santé Connect", "Pro Santé Connect")
	psc.Also = p.PSC
	people := item(p.People, "Personnes", "People")
	people.Also = p.Console + "ecps/"
	m.Items = append(m.Items, people, psc, item(p.Messages, "Messages", "Messages"),
		item(p.Console+"autorites/", "Autorités", "Authorities"),
		item(p.Console+"sante/", "Santé du labo", "Lab health"))
	return m
}

// Console serves the pages. Make one with [New].
type Console struct {
	Options
	pages  *web.Pages
	tokens web.Forms
	health health
	tests  testSet
	making making
}

//go:embed html
var htmlFiles embed.FS

//go:embed console.css
var style string

//go:embed console.js
var script string

// New makes a console.
func New(o Options) *Console {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	files, err := fs.Sub(htmlFiles, "html")
	if err != nil {
		panic(err) // they are embedded
	}
	return &Console{Options: o,
		pages: web.NewPages(web.PageOptions{Site: "Console", Templates: files, Style: style, Script: script,
			Forms: true, Menu: o.Paths.Menu(), Log: o.Log}),
		tokens: web.Forms{Cookie: "igc-console", Path: o.Paths.Console, Purpose: "console.form", Seal: o.Lab}}
}
