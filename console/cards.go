package console

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// How many cards a page of the list shows, how many records are read at once for it, and how many
// are looked at for one page: those of a lab of a million are not all read for a filter that few
// pass. The page then says how far it looked, and goes on from there.
const (
	rowsOfPage = 25
	readAtOnce = 100
	mostLooked = 1000
)

// cardFilter chooses among the cards.
type cardFilter struct {
	Text    string // what was typed
	Product string
	State   string // a key of cardStates
	Before  uint64 // only those of a smaller [ca.Record.Number]
}

// row is a card in the list, or a certificate without a card.
type row struct {
	Name    string // by which its page is found: the card number, else the serial number
	Short   string
	Product i18n.Text
	Holder  string
	To      time.Time
	State   state
}

// cardList is a page of the list.
type cardList struct {
	Rows   []row
	Next   uint64 // of the filter of the next page; 0 when there is none
	Looked int    // records
	More   bool   // it stopped for the bound, and not because the page is full
}

// listCards makes a page of the list, the latest cards first. It goes backwards through the
// records, of which one for each card counts: that of the first certificate of its product. What
// indexes find of a text comes first.
func (c *Console) listCards(ctx context.Context, f cardFilter, want int) (list cardList, err error) {
	now, tests := c.Now(), c.testSerials()
	shown := map[string]bool{}
	add := func(r *ca.Record) error {
		if shown[rowName(r)] || !f.passes(r, now) || tests[r.Serial] || ca.OfServer(r) {
			return nil
		}
		records, err := c.ofCard(ctx, r)
		if err != nil || !isFirst(r, records) {
			return err
		}
		shown[rowName(r)] = true
		list.Rows = append(list.Rows, newRow(r, records, now))
		return nil
	}
	if f.Text != "" && f.Before == 0 {
		found, err := c.indexed(ctx, f.Text)
		if err != nil {
			return list, err
		}
		text := f.Text
		f.Text = "" // they are what it names
		for _, r := range found[:min(len(found), want)] {
			if err := add(r); err != nil {
				return list, err
			}
		}
		f.Text = text
	}
	most := mostLooked
	if f.Text != "" { // names are compared without case and accents, which takes longer
		most /= 2
	}
	for before := f.Before; ; {
		records, err := c.Lab.List(ctx, ca.Filter{Newest: true, Before: before, Limit: readAtOnce})
		if err != nil {
			return list, err
		}
		slices.Reverse(records)
		for _, r := range records {
			if len(list.Rows) >= want {
				list.Next = r.Number + 1
				return list, nil
			}
			if err := add(r); err != nil {
				return list, err
			}
			before = r.Number
		}
		list.Looked += len(records)
		if len(records) < readAtOnce || before <= 1 {
			return list, nil
		}
		if list.Looked >= most {
			list.Next, list.More = before, true
			return list, nil
		}
	}
}

// ofCard are the records of the card that a record is of: itself where there is no card.
func (c *Console) ofCard(ctx context.Context, r *ca.Record) ([]*ca.Record, error) {
	if r.Holder.CardNumber == "" {
		return []*ca.Record{r}, nil
	}
	return c.Lab.List(ctx, ca.Filter{Card: r.Holder.CardNumber, EndEntities: true})
}

// rowName names a card, or a certificate without one, in addresses.
func rowName(r *ca.Record) string { return cmp.Or(r.Holder.CardNumber, r.Serial) }

// place is that of a certificate among those of its product.
func place(r *ca.Record) int {
	id, _, _ := strings.Cut(r.Profile, "/")
	if p, err := profiles.FindProduct(id); err == nil {
		return slices.IndexFunc(p.Certificates, func(c *profiles.Profile) bool { return c.ID() == r.Profile })
	}
	return -1
}

// isFirst tells whether a record is the first of its card, in the order of the product.
func isFirst(r *ca.Record, records []*ca.Record) bool {
	return !slices.ContainsFunc(records, func(other *ca.Record) bool { return place(other) < place(r) })
}

func newRow(r *ca.Record, records []*ca.Record, now time.Time) row {
	product, _, _ := strings.Cut(r.Profile, "/")
	one := row{Name: rowName(r), Short: r.ShortName(), Product: productName(product), Holder: r.Holder.DisplayName(),
		To: r.NotAfter, State: certificateState(r, now)}
	if r.Holder.CardNumber != "" {
		one.State = cardState(records, now)
	}
	return one
}

// cardStates are the states by which the list is filtered, in their order. That of a card is that
// of its first certificate here.
var cardStates = []struct {
	Key    string
	Text   i18n.Text
	passes func(*ca.Record, time.Time) bool
}{
	{"valide", i18n.Text{FR: "valide", EN: "valid"}, func(r *ca.Record, now time.Time) bool {
		return r.Status == ca.Good && !now.Before(r.NotBefore) && !now.After(r.NotAfter)
	}},
	{"suspendue", i18n.Text{FR: "suspendue", EN: "on hold"}, func(r *ca.Record, _ time.Time) bool {
		return r.Status == ca.OnHold
	}},
	{"revoquee", i18n.Text{FR: "révoquée", EN: "revoked"}, func(r *ca.Record, _ time.Time) bool {
		return r.Status == ca.Revoked
	}},
	{"expiree", i18n.Text{FR: "expirée", EN: "expired"}, func(r *ca.Record, now time.Time) bool {
		return now.After(r.NotAfter)
	}},
	{"a-venir", i18n.Text{FR: "pas encore valide", EN: "not valid yet"}, func(r *ca.Record, now time.Time) bool {
		return now.Before(r.NotBefore)
	}},
}

func (f cardFilter) passes(r *ca.Record, now time.Time) bool {
	for _, s := range cardStates {
		if s.Key == f.State && !s.passes(r, now) {
			return false
		}
	}
	of := ca.Filter{Product: f.Product, EndEntities: true}
	if !of.Passes(r) {
		return false
	}
	text := strings.TrimSpace(f.Text)
	of.Holder = text
	return text == "" || of.Passes(r) || r.Holder.Named(text)
}

// indexed finds certificates by what the lab has an index of: card number, serial number,
// identifier and name of a person.
func (c *Console) indexed(ctx context.Context, text string) (found []*ca.Record, err error) {
	add := func(f ca.Filter) error {
		f.EndEntities = true
		records, err := c.Lab.List(ctx, f)
		found = append(found, records...)
		return err
	}
	if found, err = c.byNumber(ctx, text); err != nil || len(found) > 0 {
		return found, err
	}
	people, err := c.find(ctx, text)
	if err != nil {
		return nil, err
	}
	for _, p := range people.People {
		if err := add(ca.Filter{Identifier: p.ID}); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(found, func(a, b *ca.Record) int { return b.IssuedAt.Compare(a.IssuedAt) })
	return found, nil
}

// byNumber finds the certificates of a card number, or that of a serial number, its beginning or
// its ending.
func (c *Console) byNumber(ctx context.Context, text string) ([]*ca.Record, error) {
	number := profiles.NormalizeNumber(text)
	if len(number) == 10 && strings.Trim(number, "0123456789") == "" {
		records, err := c.Lab.List(ctx, ca.Filter{Card: number, EndEntities: true})
		if err != nil || len(records) > 0 {
			return records, err
		}
	}
	digits := ca.NormalizeSerial(text)
	if !ca.IsSerial(text) || len(digits) < shortestSerial ||
		len(digits) < surelySerial && strings.Trim(digits, "0123456789") == "" {
		return nil, nil
	}
	r, err := c.Lab.Find(ctx, text)
	if kind := ca.KindOf(err); kind == ca.NotFound || kind == ca.Invalid {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return c.ofCard(ctx, r)
}

// shortestSerial is how many digits of a serial number are searched for at least: fewer may be a
// word. Fewer than surelySerial, all decimal, are the number of a person or of a structure.
const (
	shortestSerial = 8
	surelySerial   = 16
)

// cardCounts are the numbers of the cards, and of the certificates without one. There are many
// where they were not told apart: certificates are then all of them.
type cardCounts struct {
	cards, certificates int
	many                bool
}

// countCards counts them.
func (c *Console) countCards(ctx context.Context) (n cardCounts, err error) {
	counts, err := c.Lab.Counts(ctx)
	if err != nil {
		return n, err
	}
	for _, a := range counts.Authorities {
		if !a.Authority.IsRoot() {
			n.certificates += int(a.Issued)
		}
	}
	if n.many = n.certificates > mostLooked; n.many {
		return n, nil
	}
	records, err := c.Lab.List(ctx, ca.Filter{EndEntities: true})
	tests, cards := c.testSerials(), map[string]bool{}
	n.certificates = 0
	for _, r := range records {
		switch number := r.Holder.CardNumber; {
		case tests[r.Serial] || ca.OfServer(r):
		case number == "":
			n.certificates++
		default:
			cards[number] = true
		}
	}
	n.cards = len(cards)
	return n, err
}

// choice is a link or an option that filters a list.
type choice struct {
	Value   string
	Text    i18n.Text
	Current bool
}

func (c *Console) cardsPage(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	f := cardFilter{Text: shortened(q.Get("q")), Product: q.Get("produit"), State: q.Get("etat")}
	f.Before, _ = strconv.ParseUint(q.Get("avant"), 10, 64)
	list, err := c.listCards(r.Context(), f, rowsOfPage)
	if err != nil {
		return err
	}
	data := struct {
		view
		cardList
		Filter           cardFilter
		FilterWords      string
		Products, States []choice
		NextPage         string
	}{view: c.view(w, r, i18n.Text{FR: "Cartes", EN: "Cards"}), cardList: list, Filter: f}
	for _, p := range profiles.Products() {
		if p.Issuer != "" && p.Issuer != "*" {
			data.Products = append(data.Products, choice{p.ID, i18n.Text{FR: p.FR, EN: p.EN}, p.ID == f.Product})
		}
	}
	for _, s := range cardStates {
		data.States = append(data.States, choice{s.Key, s.Text, s.Key == f.State})
	}
	var words []string
	for _, one := range slices.Concat(data.Products, data.States, []choice{{Text: i18n.Same(f.Text), Current: true}}) {
		if one.Current && one.Text.FR != "" {
			words = append(words, data.Say(one.Text))
		}
	}
	data.FilterWords = strings.Join(words, ", ")
	if list.Next > 0 {
		next := url.Values{"avant": {strconv.FormatUint(list.Next, 10)}}
		for name, value := range map[string]string{"q": f.Text, "produit": f.Product, "etat": f.State} {
			if value != "" {
				next.Set(name, value)
			}
		}
		data.NextPage = data.In("cartes/?" + next.Encode())
	}
	c.pages.Render(w, http.StatusOK, "cards.html", data.Lang, data)
	return nil
}

// shortened bounds a text that is searched for.
func shortened(text string) string {
	runes := []rune(strings.TrimSpace(text))
	return string(runes[:min(len(runes), maxText)])
}
