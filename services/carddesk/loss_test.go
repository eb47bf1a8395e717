package carddesk

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/card"
	"github.com/igc-lab/igc/internal/i18n"
)

// A declaration with the right code revokes both certificates of the card for good, for the reason
// of its cause, is recorded in the change feed and written to the holder, without the code.
func TestDeclare(t *testing.T) {
	for cause, want := range map[Cause]struct {
		reason ca.Reason
		word   string
	}{Lost: {"keyCompromise", "perdue"}, Stolen: {"keyCompromise", "volée"},
		Damaged: {"cessationOfOperation", "endommagée"}} {
		t.Run(string(cause), func(t *testing.T) {
			d := newDesk(t)
			c := d.issue("alain", func(o *ca.CardOrder) { o.UnblockingCode = "70605040" })
			other := d.issue("guy", nil)
			done, err := d.Declare(t.Context(), c, Declaration{Cause: cause, Code: " 7060 5040 "})
			if err != nil {
				t.Fatal(err)
			}
			if len(done.Certificates) != 2 || done.Reason != want.reason || !done.At.Equal(d.lab.Now) ||
				done.MailError != nil {
				t.Errorf("%+v", done)
			}
			for _, r := range d.find(c.Number).Records {
				if r.Status != ca.Revoked || r.Revoked.Reason != want.reason {
					t.Errorf("%s: %s %+v", r.Profile, r.Status, r.Revoked)
				}
			}
			if valid := d.valid(); len(valid) != 1 || valid[0] != other.Number {
				t.Errorf("valid: %v", valid)
			}
			mails := d.mails()
			if len(mails) != 1 || mails[0].To != done.Mail || mails[0].Person != c.Holder().IdNat ||
				!strings.Contains(mails[0].Text, want.word) || !strings.Contains(mails[0].Subject, c.Number) {
				t.Fatalf("%+v", mails)
			}
			all, err := json.Marshal(mails)
			if err != nil || strings.Contains(string(all), "70605040") || strings.Contains(string(all), DefaultPIN) {
				t.Errorf("a code is in %s: %v", all, err)
			}
			loss, err := d.Loss(t.Context(), c.Number)
			if err != nil || loss != done.Loss || loss.Cause != cause {
				t.Errorf("%+v: %v", loss, err)
			}
			_, err = d.Declare(t.Context(), d.find(c.Number), Declaration{Cause: cause, Code: "70605040"})
			if store.KindOf(err) != store.Conflict || !strings.Contains(err.Error(), "igc card renew "+c.Number) {
				t.Errorf("again: %v", err)
			}
		})
	}
}

// What is wrong in a declaration changes nothing. Only a wrong code uses a try of the card.
func TestDeclareRefuses(t *testing.T) {
	d := newDesk(t)
	now := d.lab.Now
	c := d.issue("alain", nil)
	away := d.issue("guy", nil)
	away.Folder = nil
	day := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		card    *Card
		n       Declaration
		en, fr  string
		usesTry bool
	}{
		"wrong code": {c, Declaration{Cause: Lost, Code: "00000000"}, "wrong code", "code", true},
		"short code": {c, Declaration{Cause: Lost, Code: "1234567"}, "wrong code", "code", true},
		"long code":  {c, Declaration{Cause: Lost, Code: "123456789"}, "wrong code", "code", true},
		"the PIN":    {c, Declaration{Cause: Lost, Code: "1234"}, "wrong code", "code", true},
		"no code":    {c, Declaration{Cause: Lost}, "wrong code", "code", true},
		"the future": {c, Declaration{Cause: Lost, Code: "12345678", At: now.Add(time.Second)},
			"in the future", "l'avenir", false},
		"tomorrow": {c, Declaration{Cause: Lost, Code: "0", At: day.AddDate(0, 0, 1), AtDay: true},
			"in the future", "l'avenir", false},
		"before it": {c, Declaration{Cause: Lost, Code: "0", At: now.Add(-time.Hour)},
			"valid from", "valable à partir", false},
		"days before": {c, Declaration{Cause: Lost, Code: "0", At: day.AddDate(0, 0, -1), AtDay: true},
			"valid from", "valable à partir", false},
		"no cause": {c, Declaration{Code: "12345678"}, "lost, stolen or damaged", "se déclare", false},
		"renewal": {c, Declaration{Cause: Renewal, Code: "12345678"},
			"lost, stolen or damaged", "se déclare", false},
		"both": {c, Declaration{Cause: Lost, Code: "12345678", WithoutCode: "x"},
			"give one of them", "l'un des deux", false},
		"long reason": {c, Declaration{Cause: Lost, WithoutCode: strings.Repeat("é", 300)},
			"longer than 500", "dépasse 500", false},
		"away": {away, Declaration{Cause: Lost, Code: "12345678"},
			"--without-code", "--without-code MOTIF", false},
		"blank reason": {away, Declaration{Cause: Lost, WithoutCode: "  "},
			"--without-code", "--without-code MOTIF", false},
	} {
		var before card.Status
		if test.card.Folder != nil {
			if err := c.Folder.SetChipType(card.CPS4); err != nil { // all tries again
				t.Fatal(err)
			}
			if err := c.Folder.CheckCode("12345678"); err != nil {
				t.Fatal(err)
			}
			var err error
			if before, err = c.Folder.Status(); err != nil {
				t.Fatal(err)
			}
		}
		_, err := d.Declare(t.Context(), test.card, test.n)
		if err == nil || !strings.Contains(err.Error(), test.en) ||
			!test.usesTry && !strings.Contains(i18n.TextOf(err).FR, test.fr) {
			t.Errorf("%s: %v (%s)", name, err, i18n.TextOf(err).FR)
		}
		if test.card.Folder == nil {
			continue
		}
		after, err := c.Folder.Status()
		if err != nil || (before.UnblockingsLeft-after.UnblockingsLeft == 1) != test.usesTry {
			t.Errorf("%s: tries %d, then %d: %v", name, before.UnblockingsLeft, after.UnblockingsLeft, err)
		}
	}
	if valid := d.valid(); len(valid) != 2 {
		t.Errorf("valid: %v", valid)
	}
	if mails := d.mails(); len(mails) != 0 {
		t.Errorf("%+v", mails)
	}
}

// A card takes as many wrong codes as its chip: ten of a CPS3, three of others and of a strict one.
// Then the right one is refused too, and an administrator may still declare.
func TestTries(t *testing.T) {
	for name, test := range map[string]struct {
		chip   card.ChipType
		strict bool
		tries  int
	}{"CPS3": {card.CPS3, false, 10}, "CPS4": {card.CPS4, false, 3}, "strict": {card.CPS3, true, 3}} {
		d := newDesk(t)
		c := d.issue("alain", nil)
		if err := errors.Join(c.Folder.SetChipType(test.chip), c.Folder.SetStrictPIN(test.strict)); err != nil {
			t.Fatal(err)
		}
		for left := test.tries - 1; left >= 0; left-- {
			_, err := d.Declare(t.Context(), c, Declaration{Cause: Lost, Code: "00000000"})
			var wrong *card.WrongCode
			if left == 0 && !errors.Is(err, card.ErrDead) ||
				left > 0 && (!errors.As(err, &wrong) || wrong.Left != left) {
				t.Errorf("%s: %d tries left: %v", name, left, err)
			}
		}
		_, err := d.Declare(t.Context(), c, Declaration{Cause: Lost, Code: "12345678"})
		if !errors.Is(err, card.ErrDead) {
			t.Errorf("%s: the right code: %v", name, err)
		}
		done, err := d.Declare(t.Context(), c, Declaration{Cause: Lost, WithoutCode: "carte morte"})
		if err != nil || done.WithoutCode != "carte morte" || len(d.valid()) != 0 {
			t.Errorf("%s: %+v: %v", name, done, err)
		}
	}
}

// Dates: a moment, a day, the day on which the card was made; a card on hold is revoked as of the
// hold, and one of which a certificate was revoked before keeps that.
func TestDeclareDates(t *testing.T) {
	d := newDesk(t)
	made := d.lab.Now
	day := func(at time.Time) time.Time {
		return time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
	}
	third := day(made.AddDate(0, 0, 2))
	for name, test := range map[string]struct {
		before *ca.StatusChange
		at     time.Time
		atDay  bool
		want   []time.Time // of authentication and signature
	}{
		"now":           {want: []time.Time{made.AddDate(0, 0, 10), made.AddDate(0, 0, 10)}},
		"a moment":      {at: made.Add(time.Hour), want: []time.Time{made.Add(time.Hour), made.Add(time.Hour)}},
		"a day":         {at: third, atDay: true, want: []time.Time{third, third}},
		"its first day": {at: day(made), atDay: true, want: []time.Time{made, made}},
		"on hold": {before: &ca.StatusChange{Reason: ca.Hold, At: made.Add(time.Minute)},
			want: []time.Time{made.Add(time.Minute), made.Add(time.Minute)}},
		"one revoked before": {before: &ca.StatusChange{Reason: "superseded", At: made.Add(time.Minute),
			Serial: "first"}, want: []time.Time{made.Add(time.Minute), made.AddDate(0, 0, 10)}},
	} {
		d.lab.Now = made
		c := d.issue("alain", nil)
		d.lab.Now = made.AddDate(0, 0, 10)
		if change := test.before; change != nil {
			if change.Serial == "" {
				change.Card = c.Number
			} else {
				change.Serial = c.Records[0].Serial
			}
			if _, err := d.lab.SetStatus(t.Context(), *change); err != nil {
				t.Fatal(err)
			}
			c = d.find(c.Number)
		}
		n := Declaration{Cause: Lost, Code: "12345678", At: test.at, AtDay: test.atDay}
		if _, err := d.Declare(t.Context(), c, n); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, r := range d.find(c.Number).Records {
			want := test.want[1]
			if r.Serial == c.Records[0].Serial {
				want = test.want[0]
			}
			if r.Status != ca.Revoked || !r.Revoked.At.Equal(want) {
				t.Errorf("%s: %s: %+v, want %s", name, r.Profile, r.Revoked, want)
			}
		}
	}
}
