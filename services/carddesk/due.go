package carddesk

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/card/folder"
	"github.com/igc-lab/igc/profiles"
)

// renewalMonths is how long before its end a card is renewed.
const renewalMonths = 3

// RenewDue renews the cards that end within three months by the services' clock, each once, and
// returns the new ones. It leaves out cards that are not valid, those whose holder has another card
// of the kind that ends later, those whose keys are the holder's own, and the test cards of the
// lab. A card that cannot be renewed keeps no other from it: the errors come joined.
func (d *Desk) RenewDue(ctx context.Context) (made []*Made, err error) {
	due, err := d.due(ctx)
	if err != nil {
		return nil, err
	}
	for _, number := range due {
		one, failed := d.renewIfDue(ctx, number)
		if ctx.Err() != nil {
			return made, ctx.Err()
		}
		if failed != nil {
			err = errors.Join(err, store.Errorf(store.KindOf(failed), "card %s: %w", number, failed))
		} else if one != nil {
			made = append(made, one)
		}
	}
	return made, err
}

// due lists the cards whose end is near.
func (d *Desk) due(ctx context.Context) (numbers []string, err error) {
	docs, err := d.orders.Scan(ctx, "")
	if err != nil {
		return nil, err
	}
	// A card made while the clock was ahead begins by the system's: by the services' clock it was
	// made later, and would end as soon as it is there.
	ordered := map[string]time.Time{}
	followed := map[string]bool{}
	for _, doc := range docs {
		o, err := parseOrder(doc)
		if err != nil {
			return nil, err
		}
		ordered[o.Card] = o.Ordered
		followed[o.Former] = o.Done
	}
	tests := fixtureSerials(d.options.Home)
	now, clock := d.options.Now(), d.options.Clock()
	seen := map[string]bool{}
	filter := ca.Filter{EndEntities: true, Status: ca.Good, ExpiresBefore: clock.AddDate(0, renewalMonths, 1)}
	err = ca.Each(ctx, d.options.Service, filter, func(r *ca.Record) error {
		number, end := r.Holder.CardNumber, r.NotAfter
		if at, ok := ordered[number]; ok {
			end = at.Add(r.NotAfter.Sub(r.NotBefore))
		}
		switch {
		case number == "", seen[number], followed[number], tests[r.Serial], r.OwnKey, !now.Before(r.NotAfter),
			clock.Before(end.AddDate(0, -renewalMonths, 0)):
			return nil
		}
		seen[number] = true
		numbers = append(numbers, number)
		return nil
	})
	return numbers, err
}

// renewIfDue renews a card, nil when its holder has one that ends later.
func (d *Desk) renewIfDue(ctx context.Context, number string) (*Made, error) {
	c, err := d.Find(ctx, number)
	if err != nil {
		return nil, err
	}
	product, err := c.product()
	if err != nil || product.CardType == "" {
		return nil, err
	}
	for _, r := range c.Records {
		if r.Status != ca.Good {
			return nil, nil
		}
	}
	o, version, err := d.order(ctx, number)
	if err != nil {
		return nil, err
	}
	if version == 0 || o.Done { // else it is this card's successor that there is
		later, err := d.hasLater(ctx, c, product)
		if err != nil || later {
			return nil, err
		}
	}
	made, err := d.Replace(ctx, c, Renewal, "")
	var followed *FollowedError
	if errors.As(err, &followed) {
		return nil, nil
	}
	return made, err
}

// hasLater tells whether the holder has another valid card of the product, for the same profession,
// that ends later: igc renew made it, or another order.
func (d *Desk) hasLater(ctx context.Context, c *Card, product *profiles.Product) (bool, error) {
	h := c.Holder()
	all, err := d.options.Service.List(ctx, ca.Filter{Identifier: h.Identifier(), Product: product.ID, Status: ca.Good})
	for _, r := range all {
		other := r.Holder
		if other.CardNumber != c.Number && other.CardNumber != "" && r.NotAfter.After(c.end()) &&
			other.Profession == h.Profession && other.Pseudonym == h.Pseudonym && other.Structure == h.Structure {
			return true, nil
		}
	}
	return false, err
}

// fixtureSerials are the serial numbers of the test cards in the lab's own folder of fixtures. A
// file there that cannot be read names none.
func fixtureSerials(home string) map[string]bool {
	serials := map[string]bool{}
	files, _ := filepath.Glob(filepath.Join(home, "fixtures", "*", folder.FileName))
	for _, file := range files {
		c, err := folder.Read(filepath.Dir(file))
		if err != nil {
			continue
		}
		for _, certificate := range c.Certificates {
			serials[certificate.Serial] = true
		}
	}
	return serials
}
