package cli

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/batch"
	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// checkedCard is a card of a batch that is checked and not issued.
type checkedCard struct {
	Row     int             `json:"row"`
	Product string          `json:"product"`
	Holder  profiles.Holder `json:"holder"`
	Notes   []i18n.Text     `json:"notes,omitempty"`
}

// checkBatch shows the cards of a batch, with what was put right in each row, and makes none.
func (p *program) checkBatch(c *cli.Context, read *batch.File, orders []ca.CardOrder) error {
	switch client, err := p.connect(c); {
	case ca.KindOf(err) == ca.NotFound: // no lab yet: no number is taken
	case err != nil:
		return err
	default:
		if err := batch.CheckUnused(c.Context, client, read.Rows, orders); err != nil {
			return err
		}
	}
	facts := struct {
		Cards []checkedCard `json:"cards"`
		Notes []i18n.Text   `json:"notes,omitempty"`
	}{Notes: read.Notes}
	for i, order := range orders {
		holder := order.Holder
		if product, err := order.Check(); err == nil {
			if complete, err := product.Complete(holder); err == nil {
				holder = complete
			}
		}
		facts.Cards = append(facts.Cards, checkedCard{read.Rows[i].Line, order.Product, holder, read.Rows[i].Notes})
	}
	return p.print(c, facts, func(w io.Writer) {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, tr("LIGNE\tPRODUIT\tPORTEUR\tIDENTIFIANT\tDÉPARTEMENT\tREMARQUES",
			"ROW\tPRODUCT\tHOLDER\tIDENTIFIER\tDEPARTMENT\tNOTES"))
		for _, card := range facts.Cards {
			h := card.Holder
			name := h.DisplayName()
			if h.Organisation != "" {
				name += ", " + h.Organisation
			}
			fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\n", card.Row, card.Product, visible(name), h.Identifier(),
				cmp.Or(h.Department, "-"),
				visible(strings.Join(inLanguage(card.Notes), "; ")))
		}
		t.Flush()
		for _, note := range inLanguage(facts.Notes) {
			fmt.Fprintln(w, tr("note : ", "note: ")+visible(note))
		}
		fmt.Fprintf(w, tr("%d cartes vérifiées, aucune n'est faite\n", "%d cards checked, none is made\n"),
			len(facts.Cards))
	})
}

// batchNotes writes what was put right in a file, the first notes of many.
func (p *program) batchNotes(read *batch.File) {
	const most = 20
	notes := inLanguage(read.Notes)
	for _, r := range read.Rows {
		for _, note := range inLanguage(r.Notes) {
			notes = append(notes, fmt.Sprintf(tr("ligne %d : %s", "line %d: %s"), r.Line, note))
		}
	}
	for _, note := range notes[:min(most, len(notes))] {
		fmt.Fprintln(p.err, tr("note : ", "note: ")+visible(note))
	}
	if more := len(notes) - most; more > 0 {
		fmt.Fprintf(p.err, tr("note : et %d autres ; --check les montre toutes\n",
			"note: and %d more; --check shows them all\n"), more)
	}
}

func inLanguage(texts []i18n.Text) (all []string) {
	for _, t := range texts {
		all = append(all, t.In(i18n.FromEnvironment()))
	}
	return all
}
