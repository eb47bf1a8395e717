package serve

import (
	"context"
	"log/slog"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/services/carddesk"
)

// NewCardDesk makes the card desk of a lab over its services. holds says that the caller holds the
// lab, as a server does.
func NewCardDesk(service ca.Service, l *lab.Lab, around *Services, now func() time.Time, holds bool) *carddesk.Desk {
	return carddesk.New(carddesk.Options{Service: service, Home: l.Home, Key: l.Config.Key, People: around.People,
		Mails: around.Outbox, Now: now, Clock: around.Clock.Now, Holds: holds})
}

// renewalInterval is how often cards that are due are looked for.
const renewalInterval = 24 * time.Hour

// renewCards renews the cards that are due now, at every tick and when the services' clock was
// moved, until the context ends. What fails is logged, and tried again at the next tick.
func renewCards(ctx context.Context, desk *carddesk.Desk, tick <-chan time.Time, moved <-chan struct{},
	log *slog.Logger) {
	for {
		made, err := desk.RenewDue(ctx)
		for _, one := range made {
			log.Info("card renewed", "card", one.Former, "by", one.Card, "letter", one.Letter)
			if one.MailError != nil {
				log.Error("card renewed", "card", one.Former, "mail", one.MailError)
			}
		}
		if err != nil && ctx.Err() == nil {
			log.Error("card renewal", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick:
		case <-moved:
		}
	}
}
