package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/people"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/services/annuaire"
	"github.com/igc-lab/igc/services/carddesk"
	"github.com/igc-lab/igc/services/orders"
	"github.com/igc-lab/igc/services/orders/api"
	"github.com/igc-lab/igc/services/orders/pages"
)

// ordersPath is where the pages of the ordering platform are, at the desk and at the desk by card.
const ordersPath = "/commandes/"

// cardDeskRow is the row of the desk by card. Whoever has no certificate gets a page, or an answer,
// that says what it takes.
var cardDeskRow = Endpoint{
	Name:    "card_desk",
	Title:   i18n.Text{FR: "Commandes, par carte :", EN: "Orders, by card:"},
	TLS:     true,
	address: func(l *lab.Listen) *string { return &l.CardDesk },
	start: func(s *services, l net.Listener) (string, func(context.Context) error) {
		config := s.tls(tls.VersionTLS12, tls.VersionTLS12) // as TestSSL's port for every card
		config.ClientCAs = s.pages.Verifier().ClientCAs
		return s.url("https", l) + ordersPath, s.https(config, l, s.cardDesk())
	},
}

// cardDesk is what the port of the desk by card serves.
func (s *services) cardDesk() http.Handler {
	gate := access.NewGate(access.GateOptions{Registry: s.roles, Verifier: s.pages.Verifier(), Limiter: s.limiter,
		Log: s.log})
	mux := http.NewServeMux()
	mux.Handle(ordersPath, s.orderPages(gate.Caller, nil))
	mux.Handle(api.Prefix, s.orderAPI(gate.Caller))
	mountFronts(mux, s.orders, gate, s.log)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, ordersPath, http.StatusFound)
	})
	return servedAs(s.lab.Config.Exposed.Names, mux)
}

// orderPages are the pages of the ordering platform.
func (s *services) orderPages(caller func(*http.Request) (*access.Caller, error), menu *web.Menu) http.Handler {
	return pages.New(pages.Options{Desk: s.orders, Roles: s.roles, Caller: caller, Prefix: ordersPath, Menu: menu,
		Log: s.log}).Handler()
}

// orderAPI is the ordering platform for programs.
func (s *services) orderAPI(caller func(*http.Request) (*access.Caller, error)) http.Handler {
	return api.New(api.Options{Desk: s.orders, Caller: caller, Log: s.log})
}

// atGate is who came through the gate of the desk.
func atGate(r *http.Request) (*access.Caller, error) {
	if c := access.CallerFrom(r.Context()); c != nil {
		return c, nil
	}
	return nil, &access.Denied{Code: access.DeniedNobody}
}

// NewOrders makes the ordering platform of a lab over its services. service gives the CA on behalf
// of an actor, empty for the lab's own. Without a server of the Annuaire nobody looks structures
// up.
func NewOrders(documents store.DocumentStore, service func(actor string) ca.Service, l *lab.Lab, around *Services,
	structures *annuaire.Server, now func() time.Time, holds bool, log *slog.Logger) *orders.Desk {
	o := orders.Options{Documents: documents, Service: service, Key: l.Config.Key, Seal: l, People: around.People,
		Mails: around.Outbox, Now: now, URL: urlOf(l, l.Config.Listen.CardDesk) + ordersPath, Log: log,
		Cards: func(actor string) orders.Cards {
			return orderedCards{NewCardDesk(service(actor), l, around, now, holds)}
		}}
	if structures != nil {
		o.Structures = establishments{structures}
	}
	return orders.New(o)
}

// orderedCards is the card desk as the ordering platform has cards made.
type orderedCards struct{ desk *carddesk.Desk }

func (c orderedCards) MakeCard(ctx context.Context, order ca.CardOrder) error {
	_, err := c.desk.Make(ctx, order)
	if errors.Is(err, carddesk.ErrKeysLost) {
		return orders.ErrCardLost
	}
	return err
}

// establishments are the structures of the Annuaire, as the ordering platform looks them up.
type establishments struct{ annuaire *annuaire.Server }

func (e establishments) Structure(ctx context.Context, id string) (orders.Structure, bool, error) {
	found, err := e.Search(ctx, id, 5)
	for _, s := range found {
		if s.ID == id {
			return s, true, nil
		}
	}
	return orders.Structure{ID: id}, false, err
}

func (e establishments) Search(ctx context.Context, text string, limit int) ([]orders.Structure, error) {
	found, err := e.annuaire.Structures(ctx, text, limit)
	list := make([]orders.Structure, 0, len(found))
	for _, s := range found {
		list = append(list, establishment(s))
	}
	return list, err
}

func establishment(s *people.Structure) orders.Structure {
	department, err := profiles.FindDepartment(s.Address.Department)
	if err != nil {
		department = ""
	}
	return orders.Structure{ID: s.NationalID, Name: s.Name, Department: department}
}
