package carddesk

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/card"
)

// ErrKeysLost is a card whose certificates were recorded and whose keys were lost when a process
// died before it wrote them. They are revoked: order another number.
var ErrKeysLost = errors.New("the keys of the card were lost")

// Make makes a card with its letter: codes of its own, and its folder among the lab's cards. The
// order has the number of the card; called again with it, Make goes on where it was interrupted.
func (d *Desk) Make(ctx context.Context, wanted ca.CardOrder) (letterPath string, err error) {
	made, err := d.makeOnce(ctx, wanted, "")
	if err != nil {
		return "", err
	}
	return d.printIssued(made)
}

// makeOnce makes the card of a number, unless it is there.
func (d *Desk) makeOnce(ctx context.Context, wanted ca.CardOrder, pin string) (*card.Card, error) {
	number := wanted.Holder.CardNumber
	records, err := d.options.Service.List(ctx, ca.Filter{Card: number})
	if err != nil {
		return nil, err
	}
	if len(records) > 0 {
		made, err := card.FindNumber(d.options.Home, number)
		if err == nil || !notHere(err) {
			return made, err
		}
		if records[0].Holder.Identifier() == wanted.Holder.Identifier() { // else the number was taken meanwhile
			if _, err := d.options.Service.SetStatus(ctx, ca.StatusChange{Card: number,
				Reason: "cessationOfOperation"}); err != nil && store.KindOf(err) != store.Conflict {
				return nil, err
			}
		}
		if err := os.Remove(d.codesFile(number)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, unwritable(err)
		}
		return nil, ErrKeysLost
	}
	codes, err := d.drawCodes(number, pin)
	if err != nil {
		return nil, err
	}
	wanted.Once = cmp.Or(wanted.Once, "card/"+number) // another machine may be making it
	wanted.Key = d.options.Key
	wanted.PIN, wanted.UnblockingCode = codes.PIN, codes.UnblockingCode
	_, dir, err := ca.MakeCard(ctx, d.options.Service, d.options.Home, wanted)
	if err != nil {
		return nil, err
	}
	return card.Read(dir)
}

// printIssued prints the letter of a card that the desk made.
func (d *Desk) printIssued(c *card.Card) (path string, err error) {
	codes, err := d.keptCodes(c.Number)
	if err != nil {
		return "", unwritable(err)
	}
	letter, _, err := d.Letter(c, codes.PIN)
	if err != nil {
		return "", err
	}
	return d.print(letter)
}
