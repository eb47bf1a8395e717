package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/igc-lab/igc/ca"
	vcard "github.com/igc-lab/igc/card"
	"github.com/igc-lab/igc/card/folder"
	"github.com/igc-lab/igc/internal/shell"
	"github.com/igc-lab/igc/profiles"
)

// This file is what igc doctor looks at of the virtual cards.

// insertedCard is a card in a virtual reader, nil with an error when its folder cannot be read.
type insertedCard struct {
	vcard.Insertion
	card *vcard.Card
	err  error
}

func (d *diagnosis) inserted() (all []insertedCard, err error) {
	list, err := vcard.NewReaders(d.Home).Inserted()
	for _, in := range list {
		card, err := vcard.Read(in.Dir)
		all = append(all, insertedCard{in, card, err})
	}
	return all, err
}

func (d *diagnosis) card(ctx context.Context) (found []Finding) {
	all, err := d.inserted()
	if err != nil {
		return []Finding{{State: Todo, Message: d.say(err),
			Remedy: shell.Command("ls", "-l", filepath.Join(d.Home, "reader"))}}
	}
	for _, in := range all {
		found = append(found, d.oneCard(ctx, in))
	}
	if len(found) > 0 {
		return found
	}
	issued, _ := filepath.Glob(filepath.Join(d.Home, "cards", "[0-9]*")) // a home whose name is a pattern has none
	if len(issued) == 0 {
		return []Finding{{State: Note, Message: d.tr("le laboratoire n'a pas encore de carte",
			"the lab has no card yet"),
			Remedy: d.igc("issue", "--fixture", "alain")}}
	}
	return []Finding{{State: Note, Unused: true,
		Message: fmt.Sprintf(d.tr("aucune dans un lecteur virtuel ; le laboratoire en a %d",
			"none in a virtual reader; the lab has %d"), len(issued)),
		Remedy: d.igc("card", "insert", filepath.Base(issued[0]))}}
}

// oneCard is the worst that is wrong with a card, or that all is whole.
func (d *diagnosis) oneCard(ctx context.Context, in insertedCard) Finding {
	begin := fmt.Sprintf(d.tr("lecteur %d : ", "reader %d: "), in.Reader)
	takeOut := shell.Command("rm", filepath.Join(d.Home, "reader", strconv.Itoa(in.Reader)))
	if errors.Is(in.err, vcard.ErrNotFound) {
		return Finding{State: Todo, Message: fmt.Sprintf(d.tr("%sle dossier de la carte, %s, n'existe plus",
			"%sthe card's folder, %s, is no more"), begin, shell.ShortPath(in.Dir)),
			Remedy: takeOut,
			fix: func(context.Context) error {
				return os.Remove(filepath.Join(d.Home, "reader", strconv.Itoa(in.Reader)))
			}}
	}
	if in.err != nil {
		return Finding{State: Todo, Message: fmt.Sprintf("%s%v", begin, d.detail(in.err)),
			Remedy: takeOut}
	}
	begin += in.card.Number + " (" + in.card.Holder.DisplayName() + ")"
	again := d.igc("card", "remove", in.card.Number) + " && " + d.igc("renew", in.card.Number)
	if missing := missingFiles(in.Dir); len(missing) > 0 {
		return Finding{State: Todo, Message: fmt.Sprintf(d.tr("%s : il manque à son dossier %s",
			"%s: its folder lacks %s"), begin, strings.Join(missing, ", ")),
			Remedy: again}
	}
	soonest := time.Time{}
	for _, c := range in.card.Certificates {
		serial := profiles.SerialHex(c.Serial)
		switch {
		case d.now.Before(c.NotBefore):
			return Finding{State: Todo, Message: fmt.Sprintf(d.tr("%s : %s ne vaut qu'à partir du %s",
				"%s: %s is valid only from %s"), begin, c.Role, c.NotBefore.Format(time.DateOnly)),
				Remedy: again}
		case !d.now.Before(c.NotAfter):
			return Finding{State: Todo, Message: fmt.Sprintf(d.tr("%s : %s a expiré le %s",
				"%s: %s expired on %s"), begin, c.Role, c.NotAfter.Format(time.DateOnly)),
				Remedy: again}
		}
		if soonest.IsZero() || c.NotAfter.Before(soonest) {
			soonest = c.NotAfter
		}
		if d.lacks(records) != "" {
			continue
		}
		switch r, err := d.client.Find(ctx, serial); {
		case ca.KindOf(err) == ca.NotFound:
			return Finding{State: Note, Message: fmt.Sprintf(d.tr("%s : %s %s n'est pas de ce laboratoire",
				"%s: %s %s is not of this lab"), begin, c.Role, serial),
				Remedy: d.igc("card", "remove", in.card.Number)}
		case err != nil:
			return Finding{State: Todo, Message: fmt.Sprintf("%s%s%v", begin, d.tr(" : ", ": "), d.detail(err)),
				Remedy: d.igc("doctor")}
		case r.Status == ca.OnHold:
			return Finding{State: Todo, Message: fmt.Sprintf(d.tr("%s : %s est suspendu depuis le %s",
				"%s: %s has been on hold since %s"), begin, c.Role, r.Revoked.At.Format(time.DateOnly)),
				Remedy: d.igc("unhold", "--card", in.card.Number)}
		case r.Status == ca.Revoked:
			return Finding{State: Todo, Message: fmt.Sprintf(d.tr("%s : %s est révoqué depuis le %s (%s)",
				"%s: %s has been revoked since %s (%s)"), begin, c.Role, r.Revoked.At.Format(time.DateOnly), r.Revoked.Reason),
				Remedy: again}
		}
	}
	return Finding{State: OK, Message: fmt.Sprintf(d.tr("%s, complète, bonne encore %s",
		"%s, complete, good for %s"), begin, d.remaining(soonest.Sub(d.now)))}
}

// missingFiles are those that card.json names and the folder does not have.
func missingFiles(dir string) (missing []string) {
	file, err := folder.Read(dir)
	if err != nil {
		return []string{folder.FileName}
	}
	names := []string{"chain.pem"}
	for _, c := range file.Certificates {
		names = append(names, c.Files()...)
	}
	for _, name := range names {
		if !readable(filepath.Join(dir, name)) {
			missing = append(missing, name)
		}
	}
	return missing
}

// pin looks at the cards in a reader, and at all that were ever opened: only those have fewer tries
// than they were made with.
func (d *diagnosis) pin(context.Context) (found []Finding) {
	inserted, _ := d.inserted()
	var cards []*vcard.Card
	for _, in := range inserted {
		if in.err == nil {
			cards = append(cards, in.card)
		}
	}
	opened, _ := filepath.Glob(filepath.Join(d.Home, "cards", "*", "state.json"))
	for _, file := range opened {
		card, err := vcard.Read(filepath.Dir(file))
		if err == nil && !slices.ContainsFunc(cards, func(c *vcard.Card) bool { return c.Dir == card.Dir }) {
			cards = append(cards, card)
		}
	}
	var whole []string
	for _, c := range cards {
		status, err := c.Status()
		switch {
		case errors.Is(err, fs.ErrPermission):
			found = append(found, Finding{State: Todo, Message: fmt.Sprintf("%s%s%v", c.Number, d.tr(" : ", ": "),
				d.detail(err)),
				Remedy: shell.Command("ls", "-l", c.Dir)})
		case err != nil:
			found = append(found, Finding{State: Todo, Message: fmt.Sprintf("%s%s%v", c.Number, d.tr(" : ", ": "),
				d.detail(err)),
				Remedy: shell.Command("rm", filepath.Join(c.Dir, "state.json"))})
		case status.TriesLeft == 0 && status.UnblockingsLeft == 0:
			found = append(found, Finding{State: Note,
				Message: fmt.Sprintf(d.tr("%s est perdue : trop de codes de déblocage erronés",
					"%s is lost: too many wrong unblocking codes"), c.Number),
				Remedy: d.igc("renew", c.Number)})
		case status.TriesLeft == 0:
			found = append(found, Finding{State: Todo,
				Message: fmt.Sprintf(d.tr("%s est bloquée : 3 codes porteur erronés ; essais du code de déblocage : %d",
					"%s is blocked: 3 wrong PINs; tries of the unblocking code: %d"),
					c.Number, status.UnblockingsLeft),
				Remedy: d.igc("card", "unblock", c.Number)})
		case status.TriesLeft < vcard.Tries:
			found = append(found, Finding{State: Note,
				Message: fmt.Sprintf(d.tr("%s : essais restants : %d sur %d ; le bon code les rend tous",
					"%s: %d of %d tries left; the right PIN gives them back"), c.Number, status.TriesLeft, vcard.Tries)})
		default:
			whole = append(whole, c.Number)
		}
	}
	switch {
	case len(found) > 0:
		return found
	case len(whole) == 0:
		return []Finding{{State: OK, Message: d.tr("aucune carte n'a encore été ouverte", "no card was opened yet")}}
	case len(whole) > 3:
		return []Finding{{State: OK, Message: fmt.Sprintf(d.tr("%d cartes : %d essais chacune",
			"%d cards: %d tries each"), len(whole), vcard.Tries)}}
	}
	return []Finding{{State: OK, Message: fmt.Sprintf(d.tr("%s : %d essais",
		"%s: %d tries"), strings.Join(whole, ", "), vcard.Tries)}}
}
