package console

import (
	"net/http"
	"strconv"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/testssl"
	"github.com/igc-lab/igc/verify"
)

// handshakePage is the verdict on a handshake: why a card was refused.
func (c *Console) handshakePage(w http.ResponseWriter, r *http.Request) error {
	number, err := strconv.Atoi(r.PathValue("number"))
	all, _ := c.Handshakes.Handshakes(max(number-1, 0))
	if err != nil || number < 1 || len(all) == 0 || all[0].Number != number {
		return store.Errorf(store.NotFound, "handshake %s is not among the last ones, which the server keeps until "+
			"it stops", r.PathValue("number"))
	}
	data := struct {
		view
		testssl.Handshake
		Shown, Folded []verify.Check
		Card          string // its number, if the lab issued it
	}{view: c.view(w, r, i18n.Same(string(all[0].Code))), Handshake: all[0]}
	if report := data.Report; report != nil {
		for _, check := range report.Checks {
			if check.Level == verify.Bad || check.Level == verify.Note {
				data.Shown = append(data.Shown, check)
			} else {
				data.Folded = append(data.Folded, check)
			}
		}
		if report.Card != nil {
			if number := report.Card.Fact("card_number"); number != "" {
				if _, err := c.findIssued(r.Context(), number); err == nil {
					data.Card = number
				}
			}
		}
	}
	c.pages.Render(w, http.StatusOK, "handshake.html", data.Lang, data)
	return nil
}
