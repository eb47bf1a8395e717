package orders

import (
	"context"
	"errors"

	"github.com/igc-lab/igc/ca"
)

// ErrCardLost is a card whose certificates were recorded and whose keys were lost when a process
// died: [Cards] has revoked it, and the order gets another number.
var ErrCardLost = errors.New("the keys of the card were lost")

// makeCard makes the card of an order, with its letter. It is the step of a card's order that
// follows at once; whoever reads the order after an interruption goes on with it.
func (d *Desk) makeCard(ctx context.Context, doc *document) error {
	actor := doc.Asked.Actor
	for {
		err := d.Cards(actor).MakeCard(ctx, ca.CardOrder{
			IssueRequest: ca.IssueRequest{Product: doc.Product, Holder: doc.Holder}, Key: d.Key})
		if err == nil {
			break
		}
		if !errors.Is(err, ErrCardLost) {
			return err
		}
		if doc.Card, err = d.drawCardNumber(ctx); err != nil {
			return err
		}
		doc.Holder.CardNumber = doc.Card
		if err := d.save(ctx, actor, doc); err != nil {
			return err
		}
	}
	records, err := d.Service("").List(ctx, ca.Filter{Card: doc.Card})
	if err != nil {
		return err
	}
	doc.Serials = nil
	for _, r := range records {
		doc.Serials = append(doc.Serials, r.Serial)
	}
	step := doc.Asked
	step.At = d.Now().UTC()
	doc.State, doc.Withdrawn = Withdrawn, &step
	_, err = d.finish(ctx, actor, doc)
	return err
}
