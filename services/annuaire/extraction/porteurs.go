package extraction

import (
	"context"
	"errors"
	"iter"
	"strings"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/profiles"
)

// cardRow is a card of a professional: what its certificates have in common.
type cardRow struct {
	kind     string // CPS, CPF
	holder   profiles.Holder
	from, to time.Time
	opposed  time.Time // zero for a card that was not
	updated  time.Time
}

// cardholders has a row for each CPS and CPF of somebody with an RPPS number: expired and opposed
// ones too.
var cardholders = newFile("Porteurs_CPS_CPF", cardColumns, closed, cardRows)

// recordsAtOnce is how many records are read at a time.
const recordsAtOnce = 500

// cardRows goes over the lab's cards in the order of issue. The certificates of a card are issued
// together, so they follow one another.
func cardRows(ctx context.Context, x *work) iter.Seq2[cardRow, error] {
	return func(yield func(cardRow, error) bool) {
		var card cardRow
		err := x.eachRecord(ctx, func(r *ca.Record) error {
			next, ok := cardOf(r)
			switch {
			case !ok:
				return nil
			case next.holder.CardNumber == card.holder.CardNumber:
				card.add(next)
				return nil
			case card.kind != "" && !yield(card, nil):
				return errStopped
			}
			card = next
			return nil
		})
		switch {
		case errors.Is(err, errStopped):
		case err != nil:
			yield(cardRow{}, err)
		case card.kind != "":
			yield(card, nil)
		}
	}
}

// errStopped ends a sequence whose reader wants no more.
var errStopped = errors.New("stopped")

// eachRecord calls do for each certificate of a holder, in the order of issue.
func (x *work) eachRecord(ctx context.Context, do func(*ca.Record) error) error {
	filter := ca.Filter{EndEntities: true, Limit: recordsAtOnce}
	for {
		page, err := x.Records.List(ctx, filter)
		if err == nil {
			err = x.alive()
		}
		if err != nil {
			return err
		}
		for _, r := range page {
			if err := do(r); err != nil {
				return err
			}
		}
		if len(page) < recordsAtOnce {
			return nil
		}
		filter.After = page[len(page)-1].Number
	}
}

// cardOf is what a certificate says of its card; ok is false when that is not in the extraction.
func cardOf(r *ca.Record) (c cardRow, ok bool) {
	product, _, _ := strings.Cut(r.Profile, "/")
	if product != "cps" && product != "cpf" || r.Holder.CardNumber == "" || !hasRPPS(r.Holder.IdNat) {
		return c, false
	}
	c = cardRow{kind: strings.ToUpper(product), holder: r.Holder, from: r.NotBefore, to: r.NotAfter,
		updated: r.IssuedAt}
	if r.Status == store.Revoked && r.Revoked != nil { // a card on hold is not opposed
		c.opposed = r.Revoked.At
	}
	if r.Revoked != nil && r.Revoked.At.After(c.updated) {
		c.updated = r.Revoked.At
	}
	return c, true
}

// add takes what another certificate of the card says.
func (c *cardRow) add(other cardRow) {
	if other.from.Before(c.from) {
		c.from = other.from
	}
	if other.to.After(c.to) {
		c.to = other.to
	}
	if c.opposed.IsZero() || !other.opposed.IsZero() && other.opposed.Before(c.opposed) {
		c.opposed = other.opposed
	}
	if other.updated.After(c.updated) {
		c.updated = other.updated
	}
}

var cardColumns = []column[cardRow]{
	{"Type d'identifiant PP", func(c cardRow) string { return c.holder.IdNat[:1] }},
	{"Identifiant PP", func(c cardRow) string { return c.holder.IdNat[1:] }},
	{"Identification nationale PP", func(c cardRow) string { return c.holder.IdNat }},
	{"Nom d'exercice", func(c cardRow) string { return c.holder.Surname }},
	{"Prénom d'exercice", func(c cardRow) string { return c.holder.GivenName }},
	{"Code profession", func(c cardRow) string { return c.holder.Profession }},
	{"Libellé profession", func(c cardRow) string { return label("codeProfession", c.holder.Profession) }},
	{"Code catégorie professionnelle", func(c cardRow) string { return c.category() }},
	{"Libellé catégorie professionnelle", func(c cardRow) string {
		return label("codeCategorieProfessionnelle", c.category())
	}},
	{"Code type de carte", func(c cardRow) string { return c.kind }},
	{"Libellé type de carte", func(c cardRow) string { return cardTypes[c.kind] }},
	{"Numéro carte", func(c cardRow) string { return c.holder.CardNumber }},
	{"Identifiant national contenu dans la carte", func(c cardRow) string { return c.holder.IdNat }},
	{"Date début validité", func(c cardRow) string { return date(c.from) }},
	{"Date fin validité", func(c cardRow) string { return date(c.to) }},
	{"Date opposition", func(c cardRow) string { return date(c.opposed) }},
	{"Date de mise à jour", func(c cardRow) string { return date(c.updated) }},
}

// category is that of table R09: a student has a CPF.
func (c cardRow) category() string {
	if c.kind == "CPF" {
		return "E"
	}
	return "C"
}

// date writes a day as the other extractions of the same service do; empty for none. The real form
// of this file is not attested.
func date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(paris).Format("02/01/2006")
}
