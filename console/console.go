package console

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/outbox"
	"github.com/igc-lab/igc/people"
	"github.com/igc-lab/igc/services/carddesk"
	"github.com/igc-lab/igc/services/ecps"
	"github.com/igc-lab/igc/services/psc"
)

// People is where people come from: [people.Directory].
type People interface {
	Resolve(ctx context.Context, text string) (*people.Person, i18n.Text, error)
	Find(ctx context.Context, id string) (*people.Person, error)
	TestIdentities(ctx context.Context) ([]people.TestIdentity, error)
}

// Names finds people by name: the Annuaire.
type Names interface {
	Search(ctx context.Context, text string, limit int) (ids []string, more bool, err error)
}

// Records are what the lab issued.
type Records interface {
	List(ctx context.Context, f ca.Filter) ([]*ca.Record, error)
	Certificate(ctx context.Context, key store.Key) (*ca.Record, error)
}

// Cards are what became of cards: [carddesk.Desk].
type Cards interface {
	Loss(ctx context.Context, number string) (carddesk.Loss, error)
	Successor(ctx context.Context, number string) (carddesk.Replacement, error)
}

// Phones are the e-CPS: [ecps.Service].
type Phones interface {
	Device(ctx context.Context, person string) (*ecps.Device, error)
	Requests(ctx context.Context, person string) ([]ecps.Request, error)
}

// Sessions are those of Pro Santé Connect: [psc.Provider].
type Sessions interface {
	Sessions(ctx context.Context, person string) ([]psc.Session, error)
}

// Messages are what the lab would have sent: [outbox.Outbox].
type Messages interface {
	List(ctx context.Context, f outbox.Filter) ([]*outbox.Message, error)
}

// Options are what a console is made from. All are required but Log.
type Options struct {
	People   People
	Names    Names
	Records  Records
	Cards    Cards
	Phones   Phones
	Sessions Sessions
	Messages Messages
	Now      func() time.Time // as certificates have it
	Paths    Paths
	Log      *slog.Logger
}

// Paths are where the desk serves what pages link to. Each ends with a slash.
type Paths struct {
	People, Phones, Messages, FHIR, Annuaire, PSC string
}

// Console serves the pages. Make one with [New].
type Console struct {
	Options
	pages *web.Pages
}

//go:embed html
var htmlFiles embed.FS

//go:embed console.css
var style string

// New makes a console.
func New(o Options) *Console {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	files, err := fs.Sub(htmlFiles, "html")
	if err != nil {
		panic(err) // they are embedded
	}
	return &Console{o, web.NewPages(web.PageOptions{Site: "Personnes", Templates: files, Style: style, Forms: true,
		Log: o.Log})}
}

// Handler serves the pages of people under [Paths].People, which requests still have.
func (c *Console) Handler() http.Handler {
	mux := http.NewServeMux()
	path := c.Paths.People
	mux.HandleFunc("GET "+path+"{$}", c.page(c.searchPage))
	mux.HandleFunc("GET "+path+"{id...}", c.page(c.personPage))
	mux.HandleFunc("GET "+path+"certificats/{authority}/{serial}", c.page(c.certificate))
	return web.SecurityHeaders(mux)
}

// page answers with an error page when a page cannot be made.
func (c *Console) page(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := h(w, r)
		if err == nil || errors.Is(err, context.Canceled) {
			return
		}
		status, text := http.StatusNotFound, i18n.TextOf(err)
		switch store.KindOf(err) {
		case store.NotFound, store.Invalid:
		default:
			c.Log.Error("people", "path", r.URL.Path, "err", err)
			status, text = http.StatusInternalServerError, i18n.Text{FR: "le serveur n'a pas pu le faire ; " +
				"son journal dit pourquoi", EN: "the server could not do it; its log says why"}
		}
		data := struct {
			view
			Status  int
			Message i18n.Text
		}{c.view(r, i18n.Text{FR: "Introuvable", EN: "Not found"}), status, text}
		if status != http.StatusNotFound {
			data.Title = data.T("Erreur", "Error")
		}
		c.pages.Render(w, status, "missing.html", data.Lang, data)
	}
}

// view is what every page is made from.
type view struct {
	web.View
	Paths Paths
	Text  string // of the search
}

func (c *Console) view(r *http.Request, title i18n.Text) view {
	v := view{View: c.pages.View(r), Paths: c.Paths}
	v.Title = v.Say(title)
	return v
}

// Person is the link to a person's page.
func (v view) Person(id string) string { return v.To(v.Paths.People + url.PathEscape(id)) }

// Certificate is the link to a certificate's file.
func (v view) Certificate(r *ca.Record) string {
	return v.Paths.People + "certificats/" + url.PathEscape(r.Authority) + "/" + url.PathEscape(r.Serial)
}

// hasRPPS tells whether an identifier is an RPPS number with its type digit: the Annuaire's API has
// nobody else.
func hasRPPS(id string) bool {
	return len(id) == 12 && id[0] == '8' && strings.Trim(id, "0123456789") == ""
}

// FHIR are the links to what the API has of a person.
func (v view) FHIR(id string) []string {
	if !hasRPPS(id) {
		return nil
	}
	one := v.Paths.FHIR + "Practitioner?identifier=" + id
	return []string{one, one + "&_revinclude=PractitionerRole:practitioner"}
}

// MessagesTo and MessagesOf are links to the messages to an address or number, and to those of a
// person.
func (v view) MessagesTo(to string) string {
	return v.To(v.Paths.Messages + "?" + url.Values{"to": {to}}.Encode())
}

func (v view) MessagesOf(person string) string {
	return v.To(v.Paths.Messages + "?" + url.Values{"person": {person}}.Encode())
}

// Sentence writes a text that may begin with a small letter, as an error does, as a sentence.
func (v view) Sentence(t i18n.Text) string {
	text := v.Say(t)
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:] + "."
}

// Day is a date without the time.
func (v view) Day(t time.Time) string {
	t = t.UTC()
	return v.T(t.Format("02/01/2006"), t.Format(time.DateOnly))
}

// Phone groups the digits of a number by two.
func (v view) Phone(number string) string {
	var pairs []string
	for ; len(number) > 2; number = number[2:] {
		pairs = append(pairs, number[:2])
	}
	return v.Show(strings.Join(append(pairs, number), " "))
}

// Label is a code with what it means: "S, Salarié".
func (v view) Label(field, code string) string {
	label, ok := people.Label(field, code)
	if !ok {
		return v.Show(code)
	}
	return v.Show(code) + ", " + v.Say(label)
}

// Product is what a product is called.
func (v view) Product(id string) string { return v.Say(productName(id)) }

// Source says where a part of a person comes from.
func (v view) Source(s people.Source) string {
	return v.Say(map[people.Source]i18n.Text{
		people.Modelled: {FR: "modélisé d'après l'identifiant : aucun certificat ne l'atteste",
			EN: "modelled after the identifier: no certificate attests it"},
		people.Generated: {FR: "fictif, d'igc people generate", EN: "fictional, of igc people generate"},
		people.Fixture: {FR: "de l'identité de test, sans certificat encore",
			EN: "of the test identity, without a certificate yet"},
		people.Certificate: {FR: "du certificat", EN: "of the certificate"},
		people.BuiltIn:     {FR: "identité fournie, fictive", EN: "built-in identity, fictional"},
		people.File:        i18n.Same("people.yaml"),
		people.Written:     i18n.Same("igc people set"),
	}[s])
}

// StreetAddress are the lines of an activity's address.
func (v view) StreetAddress(a people.Activity) (lines []string) {
	street := strings.Join(strings.Fields(strings.Join([]string{a.NumeroVoie, a.IndiceRepetitionVoie, a.CodeTypeDeVoie,
		a.LibelleVoie}, " ")), " ")
	town := a.BureauCedex
	if !strings.HasPrefix(town, a.CodePostal) {
		town = strings.TrimSpace(a.CodePostal + " " + town)
	}
	for _, line := range []string{a.ComplementDestinataire, a.ComplementPointGeographique, street,
		a.MentionDistribution, cmp.Or(town, a.CodePostal)} {
		if line != "" && line != a.RaisonSocialeSite {
			lines = append(lines, v.Show(line))
		}
	}
	return lines
}
