package console

import (
	"context"
	"net/http"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/people"
)

// searchEverywhere answers the search of the menu: one card, certificate or person is opened at
// once, several are listed.
func (c *Console) searchEverywhere(w http.ResponseWriter, r *http.Request) error {
	ctx, text := r.Context(), shortened(r.URL.Query().Get("q"))
	data := struct {
		view
		Cards  []row
		More   bool // of the cards
		People []*people.Person
	}{view: c.view(w, r, i18n.Text{FR: "Recherche", EN: "Search"})}
	data.Text = text
	if text != "" {
		if at, err := c.exact(ctx, text); at != "" || err != nil {
			if err == nil {
				web.NoStore(w)
				http.Redirect(w, r, data.To(at), http.StatusFound)
			}
			return err
		}
		list, err := c.listCards(ctx, cardFilter{Text: text}, rowsOfPage)
		if err != nil {
			return err
		}
		found, err := c.find(ctx, text)
		if err != nil {
			return err
		}
		data.Cards, data.More, data.People = list.Rows, list.Next > 0, found.People
	}
	c.pages.Render(w, http.StatusOK, "everywhere.html", data.Lang, data)
	return nil
}

// exact is the page of the one thing that has this number, empty when there is none.
func (c *Console) exact(ctx context.Context, text string) (at string, err error) {
	records, err := c.byNumber(ctx, text)
	if err != nil || len(records) > 0 && records[0].IsAuthority() {
		return "", err
	}
	if len(records) > 0 {
		return c.Paths.Console + "cartes/" + rowName(records[0]), nil
	}
	p, _, err := c.People.Resolve(ctx, text)
	switch kind := store.KindOf(err); {
	case err == nil:
		return c.Paths.People + p.ID, nil
	case kind == store.NotFound, kind == store.Invalid:
		return "", nil
	}
	return "", err
}
