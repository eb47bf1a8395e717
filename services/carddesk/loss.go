package carddesk

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// Cause is why a card is replaced or followed by another.
type Cause string

// The causes. All but Renewal are declared, and end the card.
const (
	Lost    Cause = "lost"
	Stolen  Cause = "stolen"
	Damaged Cause = "damaged"
	Renewal Cause = "renewal"
)

// causes are the words for them, after "déclarée" and "declared".
var causes = map[Cause]i18n.Text{Lost: {FR: "perdue", EN: "lost"}, Stolen: {FR: "volée", EN: "stolen"},
	Damaged: {FR: "endommagée", EN: "damaged"}, Renewal: {FR: "à renouveler", EN: "due for renewal"}}

// Text is the cause in words.
func (c Cause) Text() i18n.Text { return causes[c] }

// reasons are those of RFC 5280 §5.3.1 by cause. No real CRL says one: its entries are bare, and so
// are the lab's unless igc.yaml says "form: rich". So they are modelled: who holds a lost or stolen
// card may have its PIN, and a damaged card is in nobody's hands.
var reasons = map[Cause]ca.Reason{Lost: "keyCompromise", Stolen: "keyCompromise", Damaged: "cessationOfOperation",
	Renewal: "superseded"}

// Reason is that of the revocation of a card for this cause.
func (c Cause) Reason() ca.Reason { return reasons[c] }

// Loss is a declaration: that a card was lost, stolen or damaged.
type Loss struct {
	Card     string    `json:"card_number"`
	Cause    Cause     `json:"cause"`
	Reason   ca.Reason `json:"reason"`   // of the revocation
	At       time.Time `json:"at"`       // of the opposition
	Declared time.Time `json:"declared"` // by the services' clock

	// WithoutCode is why an administrator declared it without the unblocking code.
	WithoutCode string `json:"without_code,omitempty"`
}

// Loss reads what was declared of a card; the zero Loss when nothing was.
func (d *Desk) Loss(ctx context.Context, number string) (l Loss, err error) {
	doc, err := d.losses.Get(ctx, number)
	if store.KindOf(err) == store.NotFound {
		return l, nil
	}
	if err == nil {
		err = json.Unmarshal(doc.Value, &l)
	}
	if err != nil {
		return l, store.Errorf(store.Damaged, "the declaration of card %s cannot be read: %w", number, err)
	}
	return l, nil
}

// Declaration is what somebody declares of a card.
type Declaration struct {
	Cause       Cause
	At          time.Time // zero for now
	AtDay       bool      // At begins a day
	Code        string    // the card's unblocking code
	WithoutCode string    // why there is none, of an administrator
}

// Declared is what became of a declaration.
type Declared struct {
	Loss
	Holder       profiles.Holder `json:"holder"`
	Certificates []ca.Changed    `json:"certificates"`
	Mail         string          `json:"mail,omitempty"` // address to which the holder was written

	// MailError is why the holder was not written to: the card is in opposition all the same.
	MailError error `json:"-"`
}

// Check refuses a declaration before the unblocking code is asked for: what is wrong in it uses no
// try of the card.
func (d *Desk) Check(c *Card, n *Declaration) error {
	now := d.options.Now()
	if n.At.IsZero() {
		n.At, n.AtDay = now, false
	}
	begin, last := c.Records[0].NotBefore, c.Records[0].NotBefore
	if n.AtDay {
		last = last.AddDate(0, 0, -1)
	}
	n.WithoutCode = strings.TrimSpace(n.WithoutCode)
	switch {
	case n.Cause != Lost && n.Cause != Stolen && n.Cause != Damaged:
		return store.Errorf(store.Invalid, "%q is not what can be declared of a card: lost, stolen or damaged", n.Cause)
	case n.At.After(now):
		return store.Errorf(store.Invalid, "a revocation cannot be dated in the future: %s is after %s",
			n.At.Format(time.RFC3339), now.Format(time.RFC3339))
	case n.At.Before(last):
		return store.Errorf(store.Invalid, "card %s is valid from %s: nobody can have lost it on %s", c.Number,
			begin.Format(time.RFC3339), n.At.Format(time.RFC3339))
	case len(n.WithoutCode) > maxReason:
		return store.Errorf(store.Invalid, "the reason is longer than %d bytes", maxReason)
	case n.WithoutCode != "" && n.Code != "":
		return store.Errorf(store.Invalid, "the unblocking code is given, and why it is not: give one of them")
	case c.revoked():
		was := c.Records[0].Revoked
		return store.Errorf(store.Conflict, "card %s has been revoked since %s (%s): igc card renew %s orders another",
			c.Number, was.At.Format(time.RFC3339), was.Reason, c.Number)
	case n.WithoutCode == "" && c.Folder == nil:
		return store.Errorf(store.Invalid, "the folder of card %s is not here, so its unblocking code cannot be "+
			"checked: an administrator declares it with --without-code REASON", c.Number)
	}
	return nil
}

// maxReason bounds what an administrator writes.
const maxReason = 500

// Declare takes a declaration: the card's certificates are revoked for good, all or none. A wrong
// unblocking code is a *[card.WrongCode], and uses a try of the card. When it returns, CRL, OCSP,
// TestSSL and Pro Santé Connect know of it, as after [ca.Service.SetStatus].
func (d *Desk) Declare(ctx context.Context, c *Card, n Declaration) (*Declared, error) {
	if err := d.Check(c, &n); err != nil {
		return nil, err
	}
	if n.WithoutCode == "" {
		if err := c.Folder.CheckCode(withoutSpaces(n.Code)); err != nil {
			return nil, err
		}
	}
	changed, err := d.options.Service.SetStatus(ctx, ca.StatusChange{Card: c.Number, Reason: n.Cause.Reason(), At: n.At,
		AtDay: n.AtDay})
	if err != nil {
		return nil, err
	}
	done := &Declared{Loss: Loss{Card: c.Number, Cause: n.Cause, Reason: n.Cause.Reason(), At: n.At.UTC(),
		Declared: d.options.Clock().UTC().Truncate(time.Second), WithoutCode: n.WithoutCode},
		Holder: c.Holder(), Certificates: changed}
	for _, one := range changed {
		if one.Changed && one.Revoked != nil {
			done.At, done.Reason = one.Revoked.At, one.Revoked.Reason
		}
	}
	value, err := json.Marshal(done.Loss)
	if err != nil {
		return nil, err
	}
	if _, err := d.losses.Put(ctx, "", c.Number, value, time.Time{}); err != nil {
		return nil, store.Errorf(store.Unwritable, "card %s is in opposition, but its declaration could not be "+
			"recorded: %w", c.Number, err)
	}
	done.Mail, done.MailError = d.mailLoss(ctx, c.Holder(), done.Loss)
	return done, nil
}
