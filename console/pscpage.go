package console

import (
	"net/http"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/services/psc"
)

// latestSignIns is how many sessions the page of Pro Santé Connect shows: the newest.
const latestSignIns = 30

// signIn is a session with who it is of.
type signIn struct {
	psc.Session
	Name string
}

// pscPage shows the clients of Pro Santé Connect, and who is signed in.
func (c *Console) pscPage(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	clients, err := psc.Clients(ctx, c.Lab)
	if err != nil {
		return err
	}
	latest, all, err := c.SignIns.LatestSessions(ctx, latestSignIns)
	if err != nil {
		return err
	}
	data := struct {
		view
		Clients []*psc.Client
		SignIns []signIn
		All     int
	}{view: c.view(w, r, i18n.Same("Pro Santé Connect")), Clients: clients, All: all}
	for _, s := range latest {
		one := signIn{Session: s}
		p, err := c.People.Find(ctx, s.Person)
		switch {
		case err == nil:
			one.Name = p.DisplayName()
		case store.KindOf(err) != store.NotFound:
			return err
		}
		data.SignIns = append(data.SignIns, one)
	}
	c.pages.Render(w, http.StatusOK, "psc.html", data.Lang, data)
	return nil
}
