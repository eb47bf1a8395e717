package carddesk

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/card/folder"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// A card is followed by one of the same holder and product, with codes of its own that its letter
// says and nothing else does.
func TestReplace(t *testing.T) {
	d := newDesk(t)
	c := d.issue("alain", nil)
	made, err := d.Replace(t.Context(), c, Renewal, "")
	if err != nil {
		t.Fatal(err)
	}
	next := d.find(made.Card)
	former, holder := c.Holder(), next.Holder()
	former.CardNumber, holder.CardNumber = "", ""
	if fmt.Sprint(former) != fmt.Sprint(holder) || made.Card == c.Number || next.Folder == nil ||
		made.Folder != next.Folder.Dir || made.MailError != nil || len(d.valid()) != 2 {
		t.Errorf("%+v, %+v: %v", made, holder, d.valid())
	}
	l, outdated, err := d.Letter(next.Folder, "")
	if err != nil || outdated != (Outdated{}) || len(l.PIN) != 4 || l.UnblockingCode == "12345678" {
		t.Fatalf("%s %s %+v: %v", l.PIN, l.UnblockingCode, outdated, err)
	}
	if _, err := next.Folder.Open(l.PIN); err != nil {
		t.Error(err)
	}
	if err := next.Folder.CheckCode(l.UnblockingCode); err != nil {
		t.Error(err)
	}
	printed, err := os.ReadFile(made.Letter)
	if pdf, pdfErr := l.PDF(); err != nil || pdfErr != nil || string(pdf) != string(printed) {
		t.Errorf("the letter for print is another: %v, %v", err, pdfErr)
	}
	for _, file := range []string{made.Letter, d.codesFile(made.Card), filepath.Join(made.Folder, "unblocking-code")} {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", file, info, err)
		}
	}
	if info, err := os.Stat(filepath.Dir(made.Letter)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}

	// the codes are in no mail, no document and no entry of the feed
	mails := d.mails()
	changes, err := d.lab.Changes(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := d.orders.Get(t.Context(), c.Number)
	if err != nil {
		t.Fatal(err)
	}
	everything, err := json.Marshal([]any{mails, changes, made, string(doc.Value)})
	if err != nil || len(mails) != 1 || !strings.Contains(mails[0].Text, made.Card) {
		t.Fatalf("%+v: %v", mails, err)
	}
	for _, code := range []string{l.UnblockingCode, l.unblockingCode(), `"` + l.PIN + `"`, " " + l.PIN + " "} {
		if strings.Contains(string(everything), code) {
			t.Errorf("%q is in %s", code, everything)
		}
	}

	// once
	var followed *FollowedError
	_, err = d.Replace(t.Context(), c, Lost, "")
	if !errors.As(err, &followed) || followed.Card != made.Card || store.KindOf(err) != store.Conflict ||
		!strings.Contains(i18n.TextOf(err).FR, "déjà une remplaçante") {
		t.Errorf("%v", err)
	}
	// when the successor is revoked, another one is made
	if _, err := d.Declare(t.Context(), next, Declaration{Cause: Damaged, WithoutCode: "x"}); err != nil {
		t.Fatal(err)
	}
	again, err := d.Replace(t.Context(), c, Renewal, "5555")
	if err != nil || again.Card == made.Card {
		t.Fatalf("%+v: %v", again, err)
	}
	if l, _, err := d.Letter(d.find(again.Card).Folder, ""); err != nil || l.PIN != "5555" {
		t.Errorf("%v", err)
	}
	if _, err := d.Supersede(t.Context(), c); err != nil || len(d.valid()) != 1 {
		t.Errorf("%v: %v", d.valid(), err)
	}
}

// A holder whose name the fonts of a PDF lack has a letter as a page.
func TestReplaceWithoutPDF(t *testing.T) {
	d := newDesk(t)
	c := d.issue("alain", func(o *ca.CardOrder) { o.Holder.Surname = "ŁUKASZ" })
	made, err := d.Replace(t.Context(), c, Renewal, "")
	if err != nil || filepath.Ext(made.Letter) != ".html" {
		t.Fatalf("%+v: %v", made, err)
	}
	if page, err := os.ReadFile(made.Letter); err != nil || !strings.Contains(string(page), "ŁUKASZ") {
		t.Errorf("%s: %v", page, err)
	}
}

// What cannot be followed by another card is refused, and leaves no order.
func TestReplaceRefuses(t *testing.T) {
	d := newDesk(t)
	c := d.issue("alain", nil)
	own := &Card{Number: c.Number, Records: []*ca.Record{c.Records[0], c.Records[1]}}
	record := *c.Records[0]
	record.OwnKey = true
	own.Records[0] = &record
	software := &Card{Number: "X", Records: []*ca.Record{{Profile: "ps-logiciel/authentication", Holder: c.Holder()}}}
	for name, test := range map[string]struct {
		card *Card
		pin  string
		want string
	}{
		"own key": {own, "", "--csr FILE"}, "software": {software, "", "igc renew issues"},
		"short PIN": {c, "12", "four to eight digits"}, "long PIN": {c, "123456789", "four to eight digits"},
		"letters": {c, "abcd", "four to eight digits"},
	} {
		if _, err := d.Replace(t.Context(), test.card, Renewal, test.pin); err == nil ||
			!strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if docs, err := d.orders.Scan(t.Context(), ""); err != nil || len(docs) != 0 || len(d.letters()) != 0 {
		t.Errorf("%v, %v: %v", docs, d.letters(), err)
	}
}

// A process that dies at any write, before it or after, leaves an order that is finished by the
// next one: one valid card, one letter that opens it, and no second order.
func TestInterrupted(t *testing.T) {
	for _, server := range []bool{true, false} {
		for _, after := range []bool{false, true} {
			died := true
			for n := 1; died; n++ {
				d := newDesk(t)
				c := d.issue("alain", nil)
				name := fmt.Sprintf("server %v, write %d, after %v", server, n, after)
				_, err := d.over(&dying{d.lab, n, after}, server).Replace(t.Context(), c, Renewal, "")
				if died = errors.Is(err, errDied); !died && err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if n > 20 {
					t.Fatal("it never ends")
				}
				next := d.over(d.lab, server)
				made, err := next.Replace(t.Context(), c, Renewal, "")
				if store.KindOf(err) == store.Busy && !server { // a command waits for a claim that may be another's
					d.lab.Now = d.lab.Now.Add(abandoned)
					made, err = next.Replace(t.Context(), c, Renewal, "")
				}
				var followed *FollowedError
				if err != nil && !errors.As(err, &followed) {
					t.Fatalf("%s: %v", name, err)
				}
				valid := slices.DeleteFunc(d.valid(), func(number string) bool { return number == c.Number })
				if len(valid) != 1 || made != nil && made.Card != valid[0] {
					t.Fatalf("%s: valid %v, %+v", name, valid, made)
				}
				if letters := d.letters(); len(letters) != 1 || letters[0] != valid[0]+".pdf" {
					t.Errorf("%s: letters %v of %s", name, letters, valid[0])
				}
				folder := d.find(valid[0]).Folder
				l, _, err := d.Letter(folder, "")
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if _, err := folder.Open(l.PIN); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				if mails := d.mails(); len(mails) < 1 || len(mails) > 2 { // a mail may be sent twice, and not left out
					t.Errorf("%s: %d mails", name, len(mails))
				}
			}
		}
	}
}

// Of many that order at once, one makes the card.
func TestReplaceAtOnce(t *testing.T) {
	d := newDesk(t)
	c := d.issue("alain", nil)
	var wg sync.WaitGroup
	results := make(chan error, 8)
	for range cap(results) {
		wg.Go(func() {
			_, err := d.over(d.lab, false).Replace(t.Context(), c, Renewal, "")
			results <- err
		})
	}
	wg.Wait()
	close(results)
	made := 0
	for err := range results {
		switch kind := store.KindOf(err); {
		case err == nil:
			made++
		case kind != store.Busy && kind != store.Conflict:
			t.Error(err)
		}
	}
	if made != 1 || len(d.valid()) != 2 || len(d.letters()) != 1 {
		t.Errorf("%d made, valid %v, letters %v", made, d.valid(), d.letters())
	}
}

// The daily job renews what ends within three months by the services' clock, each card once, and
// leaves out what it must.
func TestRenewDue(t *testing.T) {
	start := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	ends := func(at time.Time) func(*ca.CardOrder) { // cards are valid for three years
		return func(o *ca.CardOrder) { o.NotBefore = at.AddDate(-3, 0, 0) }
	}
	for name, test := range map[string]struct {
		prepare func(d *desk)
		ahead   time.Duration
		want    int
	}{
		"new":                    {func(d *desk) { d.issue("alain", nil) }, 0, 0},
		"three months and a day": {func(d *desk) { d.issue("alain", ends(start.AddDate(0, 3, 2))) }, 0, 0},
		"three months":           {func(d *desk) { d.issue("alain", ends(start.AddDate(0, 3, -1))) }, 0, 1},
		"a day":                  {func(d *desk) { d.issue("alain", ends(start.AddDate(0, 0, 1))) }, 0, 1},
		"ended":                  {func(d *desk) { d.issue("alain", ends(start.AddDate(0, 0, -2))) }, 0, 0},
		"by the clock": {func(d *desk) {
			d.issue("alain", nil)
			d.issue("guy", nil)
		}, (2*365 + 300) * 24 * time.Hour, 2},
		"not yet by the clock": {func(d *desk) { d.issue("alain", nil) }, 2 * 365 * 24 * time.Hour, 0},
		"ended by the clock":   {func(d *desk) { d.issue("alain", nil) }, 4 * 365 * 24 * time.Hour, 1},
		"software":             {func(d *desk) { d.issue("cecile", ends(start.AddDate(0, 1, 0))) }, 0, 0},
		"revoked": {func(d *desk) {
			d.change(ca.StatusChange{Card: d.issue("alain", ends(start.AddDate(0, 1, 0))).Number, Reason: "superseded"})
		}, 0, 0},
		"on hold": {func(d *desk) {
			d.change(ca.StatusChange{Card: d.issue("alain", ends(start.AddDate(0, 1, 0))).Number, Reason: ca.Hold})
		}, 0, 0},
		"one certificate revoked": {func(d *desk) {
			c := d.issue("alain", ends(start.AddDate(0, 1, 0)))
			d.change(ca.StatusChange{Serial: c.Records[0].Serial, Reason: "superseded"})
		}, 0, 0},
		"renewed by igc renew": {func(d *desk) {
			d.issue("alain", ends(start.AddDate(0, 1, 0)))
			d.issue("alain", nil)
		}, 0, 0},
		"two professions": {func(d *desk) {
			d.issue("alain", ends(start.AddDate(0, 1, 0)))
			d.issue("alain", func(o *ca.CardOrder) { o.Holder.Profession, o.Holder.Specialities = "60", nil })
		}, 0, 1},
		"the successor is revoked": {func(d *desk) {
			d.issue("alain", ends(start.AddDate(0, 1, 0)))
			d.change(ca.StatusChange{Card: d.issue("alain", nil).Number, Reason: "superseded"})
		}, 0, 1},
		"renewed by the desk": {func(d *desk) {
			c := d.issue("alain", ends(start.AddDate(0, 1, 0)))
			if _, err := d.Replace(d.t.Context(), c, Renewal, ""); err != nil {
				d.t.Fatal(err)
			}
		}, 0, 0},
		"held elsewhere": {func(d *desk) {
			d.issue("alain", func(o *ca.CardOrder) { ends(start.AddDate(0, 1, 0))(o); o.Into = d.t.TempDir() })
		}, 0, 1},
		"a test card": {func(d *desk) {
			dir := filepath.Join(d.lab.Home, "fixtures")
			if err := os.Mkdir(dir, 0o700); err != nil {
				d.t.Fatal(err)
			}
			c := d.issue("alain", func(o *ca.CardOrder) { ends(start.AddDate(0, 1, 0))(o); o.Into = dir })
			if _, err := folder.Read(c.Folder.Dir); err != nil {
				d.t.Fatal(err)
			}
		}, 0, 0},
		"a card of a service": {func(d *desk) {
			d.issue("alain", func(o *ca.CardOrder) {
				ends(start.AddDate(0, 1, 0))(o)
				o.Product = "carte-service"
				o.Holder = profiles.Holder{Pseudonym: "ACCUEIL", Organisation: "HOPITAL DES 3 DAMES",
					Department: "Paris (75)", Structure: "10B0057881", IdNat: "30B0057881/CPET0009"}
			})
		}, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			test.prepare(d)
			mails := len(d.mails())
			d.ahead = test.ahead
			before := len(d.valid())
			for run := range 3 { // as a server that is started again, or on the next days
				want := 0
				if run == 0 {
					want = test.want
				}
				made, err := d.RenewDue(t.Context())
				if err != nil || len(made) != want {
					t.Fatalf("run %d: %d made, want %d: %v", run, len(made), want, err)
				}
				d.lab.Now = d.lab.Now.AddDate(0, 0, run)
			}
			if n := len(d.valid()) - before; n != test.want || len(d.mails())-mails > test.want {
				t.Errorf("%d valid cards more, %d mails", n, len(d.mails())-mails)
			}
		})
	}
}

// Of a clock that is moved again, the card that was made is renewed too, when its time has come.
func TestRenewDueAgain(t *testing.T) {
	d := newDesk(t)
	d.issue("alain", nil)
	for step, want := range []int{1, 0, 1, 0, 1} {
		if step%2 == 0 {
			d.ahead += 3 * 365 * 24 * time.Hour
		}
		if made, err := d.RenewDue(t.Context()); err != nil || len(made) != want {
			t.Errorf("step %d: %d made, want %d: %v", step, len(made), want, err)
		}
	}
}

// The job finishes what a server that died had begun, and one card that cannot be renewed keeps no
// other from it.
func TestRenewDueGoesOn(t *testing.T) {
	d := newDesk(t)
	d.issue("alain", nil)
	d.issue("guy", nil)
	d.ahead = 3 * 365 * 24 * time.Hour
	if _, err := d.over(&dying{d.lab, 3, true}, true).RenewDue(t.Context()); err == nil {
		t.Fatal("it did not die")
	}
	if _, err := d.RenewDue(t.Context()); err != nil || len(d.valid()) != 4 || len(d.letters()) != 2 {
		t.Errorf("valid %v, letters %v: %v", d.valid(), d.letters(), err)
	}

	d = newDesk(t)
	bad, good := d.issue("alain", nil), d.issue("guy", nil)
	d.ahead = 3 * 365 * 24 * time.Hour
	if _, err := d.orders.Put(t.Context(), "", bad.Number, []byte(`{"card_number":"2999999999","claimed":"`+
		d.lab.Now.Format(time.RFC3339)+`"}`), time.Time{}); err != nil {
		t.Fatal(err)
	}
	made, err := d.RenewDue(t.Context())
	if len(made) != 1 || made[0].Former != good.Number || store.KindOf(err) != store.Busy ||
		!strings.Contains(err.Error(), bad.Number) {
		t.Errorf("%+v: %v", made, err)
	}
}

func (d *desk) change(c ca.StatusChange) {
	d.t.Helper()
	if _, err := d.lab.SetStatus(d.t.Context(), c); err != nil {
		d.t.Fatal(err)
	}
}
