package console

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/doctor"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/people"
)

// view is what every page is made from.
type view struct {
	web.View
	Paths Paths
	Codes string // where codes of TestSSL are explained: their page, but for its fragment
	Text  string // of a search
	Token string // of the forms of this browser
	Keys  bool   // private keys are given to this visitor
	Done  i18n.Text
}

func (c *Console) view(w http.ResponseWriter, r *http.Request, title i18n.Text) view {
	v := view{View: c.pages.View(r), Paths: c.Paths, Codes: c.Publication + "/codes#", Keys: c.Keys.Here(r) &&
		c.Keys.Owner(r),
		Done: done[r.URL.Query().Get("fait")]}
	v.Title, v.Live = v.Say(title), true
	var err error
	if v.Token, err = c.tokens.Token(w, r); err != nil {
		c.Log.Error("form", "err", err)
	}
	return v
}

// done are what pages say that an action has just done, by what the address of the page says.
var done = map[string]i18n.Text{
	"emise": {FR: "La carte est émise.", EN: "The card is issued."},
	"renouvelee": {FR: "La nouvelle carte est émise ; l'ancienne reste valide jusqu'à sa révocation.",
		EN: "The new card is issued; the former one is valid until it is revoked."},
	"suspendue": {FR: "La carte est suspendue : elle est refusée jusqu'à la levée.",
		EN: "The card is suspended: it is refused until that is lifted."},
	"levee": {FR: "La suspension est levée : la carte est de nouveau acceptée.",
		EN: "The suspension is lifted: the card is accepted again."},
	"revoquee":  {FR: "La carte est révoquée, définitivement.", EN: "The card is revoked, for good."},
	"inseree":   {FR: "La carte est dans un lecteur virtuel.", EN: "The card is in a virtual reader."},
	"retiree":   {FR: "La carte n'est plus dans un lecteur.", EN: "The card is in a reader no more."},
	"approuvee": {FR: "La demande est approuvée.", EN: "The request is approved."},
	"refusee":   {FR: "La demande est refusée.", EN: "The request is refused."},
}

// In is a link below the console's own path, which keeps the language.
func (v view) In(path string) string { return v.To(v.Paths.Console + path) }

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

// Clock is the time of a day.
func (v view) Clock(t time.Time) string { return t.Local().Format("15:04:05") }

// DoctorTitle is the name of a check of igc doctor.
func (v view) DoctorTitle(check string) string { return v.Say(doctor.Title(check)) }

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
	return web.Visible(strings.Join(append(pairs, number), " "))
}

// Label is a code with what it means: "S, Salarié".
func (v view) Label(field, code string) string {
	label, ok := people.Label(field, code)
	if !ok {
		return web.Visible(code)
	}
	return web.Visible(code) + ", " + v.Say(label)
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
			lines = append(lines, web.Visible(line))
		}
	}
	return lines
}
