package console

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/outbox"
	"github.com/igc-lab/igc/people"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/services/carddesk"
	"github.com/igc-lab/igc/services/ecps"
	"github.com/igc-lab/igc/services/psc"
)

// How many of a person's certificates, messages and sessions their page shows: the newest.
const (
	maxCertificates = 100
	maxMessages     = 10
	maxSessions     = 20
)

// state is the state of a thing: how a page marks it, and in words.
type state struct {
	Class string // good, note, bad or unchecked
	Text  i18n.Text
}

// card is a card of a person.
type card struct {
	Number    string
	Product   i18n.Text
	From, To  time.Time
	State     state
	Opposed   time.Time // zero while it is not revoked
	Reason    ca.Reason // of the revocation
	Loss      carddesk.Loss
	Successor carddesk.Replacement
	Usable    bool // it can be declared lost
}

// certificate is a certificate of a person.
type certificate struct {
	*ca.Record
	Name  i18n.Text
	State state
}

// personView is what the page of a person is made from.
type personView struct {
	view
	*people.Person
	Cards            []card
	Certificates     []certificate
	MoreCertificates int
	Device           *ecps.Device
	DeviceState      state
	DeviceLink       string
	Pending          int // requests to the phone
	Sessions         []psc.Session
	MoreSessions     int
	CardNumbers      map[psc.Card]string // by the certificate that a session began with
	Messages         []*outbox.Message
	MoreMessages     bool
}

func (c *Console) personPage(w http.ResponseWriter, r *http.Request) error {
	ctx, asked := r.Context(), r.PathValue("id")
	p, _, err := c.People.Resolve(ctx, asked)
	if err != nil {
		return err
	}
	v := personView{view: c.view(w, r, i18n.Same(p.DisplayName())), Person: p}
	v.Title = web.Visible(cmp.Or(p.DisplayName(), p.ID))
	if p.ID != asked {
		web.NoStore(w)
		http.Redirect(w, r, v.view.Person(p.ID), http.StatusFound)
		return nil
	}
	for _, add := range []func(context.Context, *personView) error{c.addRecords, c.addPhone, c.addSessions,
		c.addMessages} {
		if err := add(ctx, &v); err != nil {
			return err
		}
	}
	c.pages.Render(w, http.StatusOK, "person.html", v.Lang, v)
	return nil
}

// addRecords adds cards and certificates, the newest first.
func (c *Console) addRecords(ctx context.Context, v *personView) error {
	records, err := c.Lab.List(ctx, ca.Filter{Identifier: v.ID, EndEntities: true})
	if err != nil {
		return err
	}
	slices.SortStableFunc(records, func(a, b *ca.Record) int {
		return cmp.Or(b.IssuedAt.Compare(a.IssuedAt), cmp.Compare(a.Holder.CardNumber, b.Holder.CardNumber),
			cmp.Compare(a.Profile, b.Profile), cmp.Compare(a.Serial, b.Serial))
	})
	now := c.Now()
	v.CardNumbers = map[psc.Card]string{}
	cards := map[string][]*ca.Record{}
	var numbers []string
	for _, r := range records {
		if n := r.Holder.CardNumber; n != "" {
			if cards[n] == nil {
				numbers = append(numbers, n)
			}
			cards[n] = append(cards[n], r)
			v.CardNumbers[psc.Card{Authority: r.Authority, Serial: r.Serial}] = n
		}
		if len(v.Certificates) == maxCertificates {
			v.MoreCertificates++
			continue
		}
		v.Certificates = append(v.Certificates, certificate{r, profileName(r.Profile), certificateState(r, now)})
	}
	for _, number := range numbers {
		one, err := c.card(ctx, number, cards[number], now)
		if err != nil {
			return err
		}
		v.Cards = append(v.Cards, one)
	}
	return nil
}

func (c *Console) card(ctx context.Context, number string, records []*ca.Record, now time.Time) (card, error) {
	product, _, _ := strings.Cut(records[0].Profile, "/")
	one := card{Number: number, Product: productName(product), From: records[0].NotBefore, To: records[0].NotAfter,
		State: cardState(records, now)}
	for _, r := range records {
		if r.Revoked != nil && (one.Opposed.IsZero() || r.Revoked.At.Before(one.Opposed)) {
			one.Opposed, one.Reason = r.Revoked.At, r.Revoked.Reason
		}
		one.Usable = one.Usable || r.Status != ca.Revoked
	}
	desk := c.CardDesk("")
	var err error
	if one.Loss, err = desk.Loss(ctx, number); err != nil {
		return one, err
	}
	one.Successor, err = desk.Successor(ctx, number)
	return one, err
}

// The states of cards and certificates.
var (
	valid      = state{"good", i18n.Text{FR: "valide", EN: "valid"}}
	expired    = state{"bad", i18n.Text{FR: "expirée", EN: "expired"}}
	expiredOne = state{"bad", i18n.Text{FR: "expiré", EN: "expired"}} // a certificate, in French
	early      = state{"note", i18n.Text{FR: "pas encore valide", EN: "not valid yet"}}
	opposed    = state{"bad", i18n.Text{FR: "révoquée", EN: "revoked"}}
	revoked    = state{"bad", i18n.Text{FR: "révoqué", EN: "revoked"}}
	onHold     = state{"note", i18n.Text{FR: "suspendue", EN: "on hold"}}
	onHoldOne  = state{"note", i18n.Text{FR: "suspendu", EN: "on hold"}}
	partly     = state{"bad", i18n.Text{FR: "certificats en partie révoqués", EN: "some certificates revoked"}}
)

// dated is the state that follows from the dates alone.
func dated(r *ca.Record, now time.Time, over state) state {
	switch {
	case now.Before(r.NotBefore):
		return early
	case now.After(r.NotAfter):
		return over
	}
	return valid
}

func certificateState(r *ca.Record, now time.Time) state {
	switch r.Status {
	case ca.Revoked:
		return revoked
	case ca.OnHold:
		return onHoldOne
	}
	return dated(r, now, expiredOne)
}

// cardState is the state of the card that has these certificates.
func cardState(records []*ca.Record, now time.Time) state {
	count := map[ca.Status]int{}
	for _, r := range records {
		count[r.Status]++
	}
	switch {
	case count[ca.Revoked] == len(records):
		return opposed
	case count[ca.Revoked] > 0:
		return partly
	case count[ca.OnHold] > 0:
		return onHold
	}
	return dated(records[0], now, expired)
}

// Issue is the command that makes a card for the person; empty when it takes more than is known of
// them.
func (v personView) Issue() string {
	for _, name := range fixtures.Names() {
		if identity, err := fixtures.Find(name); err == nil && identity.IdNat == v.ID {
			return "igc issue --fixture " + name
		}
	}
	if !hasRPPS(v.ID) || v.RefPro == nil || len(v.RefPro.Exercices) == 0 || v.RefPro.Exercices[0].CodeProfession == "" {
		return ""
	}
	e := v.RefPro.Exercices[0]
	words := []string{"igc issue --card cps --rpps", v.ID[1:], "--given-name", quoted(v.GivenName), "--surname",
		quoted(v.FamilyName), "--profession", quoted(e.CodeProfession)}
	if e.CodeCategorie == "E" {
		words[0] = "igc issue --card cpf --rpps"
	} else if e.CodeTypeSavoirFaire == "S" && e.CodeSavoirFaire != "" {
		words = append(words, "--speciality", quoted(e.CodeSavoirFaire))
	}
	return web.Visible(strings.Join(words, " "))
}

// quoted is a word as a shell takes it.
func quoted(word string) string {
	if word != "" && strings.Trim(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

func productName(id string) i18n.Text {
	if p, err := profiles.FindProduct(id); err == nil {
		return i18n.Text{FR: p.FR, EN: p.EN}
	}
	return i18n.Same(id)
}

// roles are what the certificates of a product are for.
var roles = map[string]i18n.Text{"authentication": {FR: "authentification", EN: "authentication"},
	"signature": i18n.Same("signature"), "confidentiality": {FR: "confidentialité", EN: "confidentiality"}}

// profileName is what a certificate is: its product and its role.
func profileName(profile string) i18n.Text {
	product, role, _ := strings.Cut(profile, "/")
	name := productName(product)
	if role == "" {
		return name
	}
	of, ok := roles[role]
	if !ok {
		of = i18n.Same(role)
	}
	return i18n.Text{FR: name.FR + ", " + of.FR, EN: name.EN + ", " + of.EN}
}

// addPhone adds the e-CPS.
func (c *Console) addPhone(ctx context.Context, v *personView) error {
	d, err := c.Phones.Device(ctx, v.ID)
	if ecps.CodeOf(err) == ecps.NoECPS {
		return nil
	}
	if err != nil {
		return err
	}
	v.Device = d
	v.DeviceState.Class, v.DeviceState.Text = d.State.Text()
	if d.State == ecps.DeviceDeleted {
		return nil
	}
	v.DeviceLink = v.To(v.Paths.Phones + "appareil/" + d.ID)
	requests, err := c.Phones.Requests(ctx, v.ID)
	for _, r := range requests {
		if r.State.Pending() {
			v.Pending++
		}
	}
	return err
}

// With says how an e-CPS was activated.
func (v personView) With(m ecps.Means) string {
	return v.Say(map[ecps.Means]i18n.Text{ecps.WithCard: {FR: "avec une carte", EN: "with a card"},
		ecps.WithContact: {FR: "par courriel et SMS", EN: "by mail and text message"},
		ecps.ByCommand:   i18n.Same("igc ecps activate")}[m])
}

func (c *Console) addSessions(ctx context.Context, v *personView) error {
	all, err := c.SignIns.Sessions(ctx, v.ID)
	v.Sessions = all[:min(len(all), maxSessions)]
	v.MoreSessions = len(all) - len(v.Sessions)
	return err
}

// Began says how a session began.
func (v personView) Began(s psc.Session) string {
	if s.Card == nil {
		return "e-CPS"
	}
	return strings.TrimSpace(v.T("carte ", "card ") + v.CardNumbers[*s.Card])
}

// addMessages adds what was sent to the person: what says so, and what was sent to their address
// and number.
func (c *Console) addMessages(ctx context.Context, v *personView) error {
	seen := map[string]bool{}
	for _, f := range []outbox.Filter{{Person: v.ID}, {To: v.Contact.Mail}, {To: v.Contact.Phone}} {
		if f == (outbox.Filter{}) {
			continue // no address: every message would pass
		}
		f.Limit = maxMessages + 1
		list, err := c.Messages.List(ctx, f)
		if err != nil {
			return err
		}
		for _, m := range list {
			if !seen[m.ID] {
				seen[m.ID] = true
				v.Messages = append(v.Messages, m)
			}
		}
	}
	slices.SortFunc(v.Messages, func(a, b *outbox.Message) int { return cmp.Compare(b.ID, a.ID) })
	if v.MoreMessages = len(v.Messages) > maxMessages; v.MoreMessages {
		v.Messages = v.Messages[:maxMessages]
	}
	return nil
}

// Message is the link to a message.
func (v personView) Message(m *outbox.Message) string { return v.To(v.Paths.Messages + m.ID) }

// errNoCertificate is about the address of a certificate that the lab did not issue.
func errNoCertificate() error {
	return store.Errorf(store.NotFound, "the lab issued no certificate of this address: the page of its holder has "+
		"the links of those that it issued")
}

// certificate serves the file of a certificate.
func (c *Console) certificate(w http.ResponseWriter, r *http.Request) error {
	authority, unknown := profiles.ParseAuthority(r.PathValue("authority"))
	serial, err := hex.DecodeString(r.PathValue("serial"))
	if unknown != nil || err != nil || len(serial) == 0 || len(serial) > 20 {
		return errNoCertificate()
	}
	record, err := c.Lab.Lookup(r.Context(), authority, serial)
	if kind := store.KindOf(err); kind == store.NotFound || kind == store.Invalid || err == nil && record == nil {
		return errNoCertificate()
	}
	if err != nil {
		return err
	}
	if len(record.DER) == 0 {
		return errors.New("the record has no certificate")
	}
	web.NoStore(w)
	w.Header().Set("Content-Type", "application/pkix-cert")
	w.Header().Set("Content-Disposition", `attachment; filename="`+record.Serial+`.cer"`)
	w.Write(record.DER)
	return nil
}
