package carddesk

import (
	"context"
	"path/filepath"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/card"
	"github.com/igc-lab/igc/outbox"
	"github.com/igc-lab/igc/people"
	"github.com/igc-lab/igc/profiles"
)

// People are where the desk finds whom it writes to.
type People interface {
	Find(ctx context.Context, id string) (*people.Person, error)
}

// Mails are what the desk sends mails by.
type Mails interface {
	Send(ctx context.Context, m outbox.Message) (*outbox.Message, error)
}

// Options are what a desk is made from. All are required.
type Options struct {
	Service ca.Service // issues and revokes
	Home    string     // of the lab: its cards, their letters
	Key     ca.KeyPolicy
	People  People
	Mails   Mails
	Now     func() time.Time // as certificates have it
	Clock   func() time.Time // of the services: what is due by it
	Holds   bool             // the caller holds the lab: nobody else finishes what it began
}

// Desk is the card desk of a lab.
type Desk struct {
	options        Options
	losses, orders store.Documents
}

// The kinds of the desk's documents, by card number: a [Loss] of the card declared, a [Replacement]
// of the card replaced.
var (
	LossKind        = store.DocumentKind{Name: "card.loss", Audited: true}
	ReplacementKind = store.DocumentKind{Name: "card.replacement", Audited: true}
)

// New makes a desk.
func New(o Options) *Desk {
	return &Desk{o, store.Documents{Store: o.Service, Kind: LossKind},
		store.Documents{Store: o.Service, Kind: ReplacementKind}}
}

// Card is a card as the desk sees it: what the lab recorded of it, and its folder where that is at
// hand.
type Card struct {
	Number  string
	Records []*ca.Record
	Folder  *card.Card // nil for a card that is held elsewhere
}

// Find finds a card by its whole number.
func (d *Desk) Find(ctx context.Context, number string) (*Card, error) {
	number = profiles.NormalizeNumber(number)
	records, err := d.options.Service.List(ctx, ca.Filter{Card: number, EndEntities: true})
	if err != nil {
		return nil, err
	}
	if len(records) == 0 || number == "" {
		return nil, store.Errorf(store.NotFound, "no card %s was issued: igc list shows those of the lab", number)
	}
	c := &Card{Number: number, Records: records}
	if c.Folder, err = card.FindNumber(d.options.Home, number); err != nil && !notHere(err) {
		return nil, err
	}
	return c, nil
}

// Holder is whom the card is of.
func (c *Card) Holder() profiles.Holder { return c.Records[0].Holder }

// product is what the card is.
func (c *Card) product() (*profiles.Product, error) {
	return profiles.FindProduct(ca.OrderAgain(c.Records).Product)
}

// end is when the card's certificates end.
func (c *Card) end() time.Time { return c.Records[0].NotAfter }

// good tells whether a certificate of the card is not revoked.
func (c *Card) good() bool {
	for _, r := range c.Records {
		if r.Status == ca.Good {
			return true
		}
	}
	return false
}

// revoked tells whether all certificates of the card are revoked for good.
func (c *Card) revoked() bool {
	for _, r := range c.Records {
		if r.Status != ca.Revoked {
			return false
		}
	}
	return true
}

// lettersFolder is where the letters of the cards are that the desk ordered.
func (d *Desk) lettersFolder() string { return filepath.Join(d.options.Home, "letters") }
