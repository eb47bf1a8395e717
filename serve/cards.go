package serve

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
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

// renewalAgain is when cards are looked at again after another server of the lab did it: it may
// have ended before it was done.
const renewalAgain = time.Minute

// renewCards renews the cards that are due now, at every tick and when the services' clock was
// moved, until the context ends: one server of the lab at a time. What fails is logged, and tried
// again at the next tick.
func renewCards(ctx context.Context, l *lab.Lab, desk *carddesk.Desk, tick <-chan time.Time, moved <-chan struct{},
	log *slog.Logger) {
	for {
		var made []*carddesk.Made
		err := l.Alone(ctx, "cards/renewal", func(ctx context.Context) (err error) {
			made, err = desk.RenewDue(ctx)
			return err
		})
		for _, one := range made {
			log.Info("card renewed", "card", one.Former, "by", one.Card, "letter", one.Letter)
			if one.MailError != nil {
				log.Error("card renewed", "card", one.Former, "mail", one.MailError)
			}
		}
		var again <-chan time.Time
		if errors.Is(err, store.ErrLeaseHeld) {
			again = time.After(renewalAgain)
		} else if err != nil && ctx.Err() == nil {
			log.Error("card renewal", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-again:
		case <-tick:
		case <-moved:
		}
	}
}
