package carddesk

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/card"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// Replacement is the order of a card that replaces another or follows it.
type Replacement struct {
	Former    string    `json:"former"`      // number of the card that it replaces
	FormerEnd time.Time `json:"former_end"`  // of its certificates
	Card      string    `json:"card_number"` // of the new card
	Cause     Cause     `json:"cause"`
	Ordered   time.Time `json:"ordered"` // by the services' clock
}

// order is the document of a [Replacement], with how far it got.
type order struct {
	Replacement
	Done    bool      `json:"done"`
	Claimed time.Time `json:"claimed,omitzero"` // since when a process has been at it, by the system's clock
	Server  bool      `json:"server,omitempty"` // that process is the server
}

// Made is a card that the desk ordered.
type Made struct {
	Replacement
	Holder profiles.Holder `json:"holder"`
	Folder string          `json:"folder"`
	Letter string          `json:"letter"`         // path of the letter for print
	Mail   string          `json:"mail,omitempty"` // address to which the holder was written

	// MailError is why the holder was not written to: the card is there all the same.
	MailError error `json:"-"`
}

// FollowedError is a card that another one replaces already.
type FollowedError struct{ Former, Card string }

// Text is the error in both languages.
func (e *FollowedError) Text() i18n.Text {
	return i18n.Text{FR: "la carte %[1]s a déjà une remplaçante, %[2]s",
		EN: "card %[1]s has been replaced already, by %[2]s"}.Format(e.Former, e.Card)
}

func (e *FollowedError) Error() string { return e.Text().In(i18n.FromEnvironment()) }

// abandoned is the age of an order's claim from which another process may go on with it.
const abandoned = 10 * time.Minute

// Replace orders another card for the holder of this one: another number, another folder among the
// lab's cards, codes of its own and their letter. The former card stays as it is. pin is empty to
// have one drawn. An order that was interrupted is finished; a card that has a valid successor is a
// *[FollowedError].
func (d *Desk) Replace(ctx context.Context, c *Card, cause Cause, pin string) (*Made, error) {
	if err := d.CheckReplaceable(c, pin); err != nil {
		return nil, err
	}
	if cause == Renewal && c.revoked() {
		loss, err := d.Loss(ctx, c.Number)
		if err != nil {
			return nil, err
		}
		cause = cmp.Or(loss.Cause, Renewal)
	}
	o, version, err := d.claim(ctx, c, cause)
	if err != nil {
		return nil, err
	}
	return d.finish(ctx, c, o, version, pin)
}

// CheckReplaceable refuses what no order can be made of.
func (d *Desk) CheckReplaceable(c *Card, pin string) error {
	product, err := c.product()
	if err != nil {
		return err
	}
	if product.CardType == "" {
		return store.Errorf(store.Invalid, "%s is not a card: igc renew issues software certificates again", c.Number)
	}
	for _, r := range c.Records {
		if r.OwnKey {
			return store.Errorf(store.Invalid, "the keys of card %s are the holder's own: igc renew %s --csr FILE "+
				"issues it again", c.Number, c.Number)
		}
	}
	if pin == "" {
		pin = DefaultPIN
	}
	wanted := ca.OrderAgain(c.Records)
	wanted.PIN = pin
	_, err = wanted.Check()
	return err
}

// claim makes the order of a card's successor, or takes up the one that was interrupted.
func (d *Desk) claim(ctx context.Context, c *Card, cause Cause) (o order, version uint64, err error) {
	for {
		o, version, err = d.order(ctx, c.Number)
		if err != nil {
			return o, 0, err
		}
		now := d.options.Now().UTC()
		fresh := version == 0
		switch age := now.Sub(o.Claimed); {
		case fresh:
		case o.Done:
			next, err := d.Find(ctx, o.Card)
			if err != nil && store.KindOf(err) != store.NotFound {
				return o, 0, err
			}
			if err == nil && next.good() {
				return o, 0, &store.Error{Kind: store.Conflict, Err: &FollowedError{c.Number, o.Card}}
			}
			fresh = true
		case age >= 0 && age < abandoned && !(o.Server && d.options.Holds):
			return o, 0, store.Errorf(store.Busy, "another process is making the card that replaces %s: wait for it, "+
				"or try again in ten minutes", c.Number)
		}
		if fresh {
			o = order{Replacement: Replacement{Former: c.Number, FormerEnd: c.end(),
				Ordered: d.options.Clock().UTC().Truncate(time.Second)}}
			if o.Card, err = d.drawNumber(ctx); err != nil {
				return o, 0, err
			}
		}
		o.Cause, o.Claimed, o.Server = cause, now, d.options.Holds
		version, err = d.write(ctx, o, version)
		if !errors.Is(err, store.ErrSwap) {
			return o, version, err
		}
	}
}

// Successor is the order of the card that replaces another; zero when there is none.
func (d *Desk) Successor(ctx context.Context, number string) (Replacement, error) {
	o, _, err := d.order(ctx, number)
	if err != nil || !o.Done {
		return Replacement{}, err
	}
	return o.Replacement, nil
}

// order reads the order of a card's successor. Its version is 0 when there is none.
func (d *Desk) order(ctx context.Context, number string) (o order, version uint64, err error) {
	doc, err := d.orders.Get(ctx, number)
	if store.KindOf(err) == store.NotFound {
		return o, 0, nil
	}
	if err != nil {
		return o, 0, err
	}
	o, err = parseOrder(doc)
	return o, doc.Version, err
}

func parseOrder(doc store.Document) (o order, err error) {
	if err := json.Unmarshal(doc.Value, &o); err != nil {
		return o, store.Errorf(store.Damaged, "the order of the card that replaces %s cannot be read: %w", doc.Key, err)
	}
	return o, nil
}

func (d *Desk) write(ctx context.Context, o order, version uint64) (uint64, error) {
	value, err := json.Marshal(o)
	if err != nil {
		return 0, err
	}
	return d.orders.Swap(ctx, "", o.Former, version, value, time.Time{})
}

// drawNumber draws a card number that is not in use.
func (d *Desk) drawNumber(ctx context.Context) (string, error) {
	for {
		number := ca.DrawCardNumber()
		taken, err := d.options.Service.List(ctx, ca.Filter{Card: number, Limit: 1})
		if err != nil || len(taken) == 0 {
			return number, err
		}
	}
}

// finish does what is left of an order. What fails leaves it to the next call.
func (d *Desk) finish(ctx context.Context, former *Card, o order, version uint64, pin string) (made *Made, err error) {
	defer func() {
		if err != nil { // nobody has to wait for a process that gave up
			o.Claimed = time.Time{}
			_, _ = d.write(context.WithoutCancel(ctx), o, version)
		}
	}()
	made = &Made{}
	wanted := ca.OrderAgain(former.Records)
	folder, err := d.issue(ctx, &o, &version, wanted, pin)
	if err != nil {
		return nil, err
	}
	made.Replacement, made.Holder, made.Folder = o.Replacement, folder.Holder, folder.Dir
	if made.Letter, err = d.printIssued(folder); err != nil {
		return nil, err
	}
	made.Mail, made.MailError = d.mailReplacement(ctx, wanted.Holder, &o.Replacement,
		former.revoked() || d.options.Now().After(former.end()))
	o.Done, o.Claimed = true, time.Time{}
	if version, err = d.write(ctx, o, version); err != nil {
		return nil, err
	}
	return made, nil
}

// issue makes the card of an order, unless it is there. Certificates that were recorded, and whose
// keys were lost when a process died before it wrote them, are revoked, and the order gets another
// number.
func (d *Desk) issue(ctx context.Context, o *order, version *uint64, wanted ca.CardOrder, pin string) (
	*card.Card, error) {
	for {
		wanted.Holder.CardNumber = o.Card
		made, err := d.makeOnce(ctx, wanted, pin)
		if !errors.Is(err, ErrKeysLost) {
			return made, err
		}
		if o.Card, err = d.drawNumber(ctx); err != nil {
			return nil, err
		}
		if *version, err = d.write(ctx, *o, *version); err != nil {
			return nil, err
		}
	}
}

// Supersede revokes a card that another one replaces.
func (d *Desk) Supersede(ctx context.Context, c *Card) ([]ca.Changed, error) {
	return d.options.Service.SetStatus(ctx, ca.StatusChange{Card: c.Number, Reason: Renewal.Reason()})
}
