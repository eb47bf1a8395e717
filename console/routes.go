package console

import (
	"context"
	"errors"
	"net/http"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/web"
)

// page answers a GET.
type page func(w http.ResponseWriter, r *http.Request) error

// action changes something in the caller's name, and names the page to show then; none when it has
// answered. The form was checked and parsed.
type action func(w http.ResponseWriter, r *http.Request, by *access.Caller) (next string, err error)

// reads are the pages, by their paths.
func (c *Console) reads() map[string]page {
	console, people := c.Paths.Console, c.Paths.People
	return map[string]page{
		console + "{$}":                             c.homePage,
		console + "vivant":                          c.live,
		console + "poignees/{number}":               c.handshakePage,
		console + "cartes/{$}":                      c.cardsPage,
		console + "cartes/{name}":                   c.cardPage,
		console + "cartes/{name}/revoquer":          c.revokePage,
		console + "cartes/{name}/{file}":            c.cardFile,
		console + "cartes/tests/{$}":                c.testCardsPage,
		console + "cartes/tests/{set}/{file}":       c.testCardFile,
		console + "cartes/emettre":                  c.issuePage,
		console + "ecps/{$}":                        c.phonesPage,
		console + "psc/{$}":                         c.pscPage,
		console + "autorites/{$}":                   c.authoritiesPage,
		console + "autorites/{id}":                  c.authorityPage,
		console + "sante/{$}":                       c.healthPage,
		console + "chercher":                        c.searchEverywhere,
		people + "{$}":                              c.searchPage,
		people + "{id...}":                          c.personPage,
		people + "certificats/{authority}/{serial}": c.certificate,
	}
}

// writes are the actions, by their paths. There is no other way to change something here.
func (c *Console) writes() map[string]action {
	console := c.Paths.Console
	return map[string]action{
		console + "cartes/emettre":           c.issue,
		console + "cartes/emettre/hasard":    c.issueRandom,
		console + "cartes/{name}/suspendre":  c.hold,
		console + "cartes/{name}/lever":      c.liftHold,
		console + "cartes/{name}/revoquer":   c.revoke,
		console + "cartes/{name}/renouveler": c.renew,
		console + "cartes/{name}/inserer":    c.insert,
		console + "cartes/{name}/retirer":    c.remove,
		console + "cartes/tests/fabriquer":   c.makeTestCards,
		console + "sante/examiner":           c.examineAgain,
		console + "demandes/{id}/approuver":  c.approve,
		console + "demandes/{id}/refuser":    c.refuse,
	}
}

// Handler serves the pages under [Paths].Console and [Paths].People, which requests still have.
func (c *Console) Handler() http.Handler {
	mux := http.NewServeMux()
	for path, show := range c.reads() {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			if _, err := c.enter(r, access.ReadLab); err != nil {
				c.fail(w, r, err)
				return
			}
			switch entered, refused := c.Keys.Enter(w, r); {
			case refused:
				c.fail(w, r, errKeys)
			case !entered:
				c.fail(w, r, show(w, r))
			}
		})
	}
	for path, do := range c.writes() {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			next, err := c.do(w, r, do)
			if err != nil || next == "" {
				c.fail(w, r, err)
				return
			}
			web.NoStore(w)
			http.Redirect(w, r, c.pages.View(r).To(next), http.StatusSeeOther)
		})
	}
	mux.HandleFunc(c.Paths.Console, func(w http.ResponseWriter, r *http.Request) {
		c.fail(w, r, store.Errorf(store.NotFound, "the console has no page of this address"))
	})
	return web.SecurityHeaders(mux)
}

// enter finds out who makes a request, and whether they may do so.
func (c *Console) enter(r *http.Request, what access.Action) (*access.Caller, error) {
	by, err := c.Caller(r)
	if err == nil {
		err = by.May(what, access.Target{})
	}
	return by, err
}

// errForm refuses a form that no page of the console sent.
var errForm = store.Errorf(store.Invalid, "this form is not of a page of the console that this browser has open: "+
	"reload the page and try again")

// do checks a form and does what it is for.
func (c *Console) do(w http.ResponseWriter, r *http.Request, what action) (next string, err error) {
	if !c.tokens.Check(w, r) {
		return "", errForm
	}
	by, err := c.enter(r, access.Administer)
	if err != nil {
		return "", err
	}
	return what(w, r, by)
}

// fail answers with an error page; nothing when there is no error.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, err error) {
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	status, title, text := http.StatusInternalServerError, i18n.Text{FR: "Erreur", EN: "Error"}, i18n.TextOf(err)
	var refused *access.Refused
	away, isAway := web.Away(err)
	switch kind := store.KindOf(err); {
	case isAway:
		c.Log.Error("console", "path", r.URL.Path, "err", err)
		web.AskAgain(w.Header())
		status, title, text = http.StatusServiceUnavailable, i18n.Text{FR: "Indisponible", EN: "Unavailable"}, away
	case errors.Is(err, errForm), errors.Is(err, errKeys), errors.As(err, &refused):
		status, title = http.StatusForbidden, i18n.Text{FR: "Refusé", EN: "Refused"}
	case kind == store.NotFound, kind == store.Invalid && r.Method == http.MethodGet:
		status, title = http.StatusNotFound, i18n.Text{FR: "Introuvable", EN: "Not found"}
	case kind != store.Internal && kind != store.Damaged:
		status, title = http.StatusConflict, i18n.Text{FR: "Rien n'a été fait", EN: "Nothing was done"}
	default:
		c.Log.Error("console", "path", r.URL.Path, "err", err)
		text = i18n.Text{FR: "le serveur n'a pas pu le faire ; son journal dit pourquoi",
			EN: "the server could not do it; its log says why"}
	}
	data := struct {
		view
		Status  int
		Message i18n.Text
	}{c.view(w, r, title), status, text}
	c.pages.Render(w, status, "missing.html", data.Lang, data)
}
