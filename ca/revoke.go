package ca

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/profiles"
)

// StatusChange asks for the revocation of certificates, or for the end of their hold. One of its
// first five fields says which, and Also names others: all of them change or none does. An
// authority is reached by Authority alone.
type StatusChange struct {
	Serial      string `json:"serial,omitempty"`      // the one whose serial number begins with these digits
	Certificate []byte `json:"certificate,omitempty"` // this one, in DER: a file's, of which no other has the serial number
	Card        string `json:"card,omitempty"`        // those of the card of this number, as a lost card is opposed
	Holder      string `json:"holder,omitempty"`      // those of the holder of this identifier, see [profiles.Holder.Identifier]
	Authority   string `json:"authority,omitempty"`   // that of the lab's issuing authority of this ID: "ACI-FO-PP"

	Also []StatusTarget `json:"also,omitempty"`

	Release bool      `json:"release,omitempty"` // ends a hold; the fields below, but for DryRun, have then no meaning
	Reason  Reason    `json:"reason,omitempty"`
	At      time.Time `json:"at,omitzero"` // of the revocation; zero for now
	// At begins a day: what is valid from later that day is revoked as of then
	AtDay      bool      `json:"at_day,omitempty"`
	Invalidity time.Time `json:"invalidity,omitzero"`

	DryRun bool `json:"dry_run,omitempty"` // says what would change, and changes nothing
}

// StatusTarget names certificates as the fields of a [StatusChange] do. It has no field for an
// authority: each is revoked by itself.
type StatusTarget struct {
	Serial      string `json:"serial,omitempty"`
	Certificate []byte `json:"certificate,omitempty"`
	Card        string `json:"card,omitempty"`
	Holder      string `json:"holder,omitempty"`
}

// Changed is a certificate that a StatusChange is about, as it stands afterwards.
type Changed struct {
	*Record
	Before  Status `json:"before"`
	Changed bool   `json:"changed"` // false when it stood so already

	// Issued counts, by product, the certificates that an authority issued and that are valid
	// still: the dry run of its revocation tells what would be refused with it.
	Issued map[string]int `json:"issued,omitempty"`
}

// SetStatus changes the status of certificates, of all that are asked for or of none. When it
// returns, the change is on the disk, and the next CRL and OCSP answer hold it. The same change
// again changes nothing. A revoked certificate stays revoked, and its reason stays (Conflict), for
// a list that was published cannot be taken back; only a hold ends, or becomes a revocation for
// another reason as of the hold's date. Of a card or a holder, certificates that were revoked for
// good before are left as they are; the end of a hold is a Conflict when there is nothing else.
func (ca *CA) SetStatus(ctx context.Context, c StatusChange) (changed []Changed, err error) {
	if err := ca.checkChange(&c); err != nil {
		return nil, err
	}
	do := func(tx store.Tx) error {
		changed = nil
		targets, err := c.targets(tx)
		if err != nil {
			return err
		}
		for _, t := range targets {
			one, err := c.apply(tx, t)
			if err != nil {
				return err
			}
			if c.Authority != "" && c.DryRun {
				if one.Issued, err = validIssued(tx, c.Authority, ca.now()); err != nil {
					return err
				}
			}
			changed = append(changed, one)
		}
		if err := c.checkReleased(changed); err != nil {
			return err
		}
		if c.DryRun {
			return errDryRun
		}
		return nil
	}
	if err = ca.update(ctx, do); err != nil && !errors.Is(err, errDryRun) {
		return nil, err
	}
	if c.DryRun {
		return changed, nil
	}
	return changed, nil
}

// errDryRun undoes the transaction of a dry run.
var errDryRun = fail(Invalid, "dry run")

// Revoke revokes the one certificate whose serial number begins with those digits, as of now: see
// [CA.SetStatus].
func (ca *CA) Revoke(ctx context.Context, serial string, reason Reason) (*Record, error) {
	return first(ca.SetStatus(ctx, StatusChange{Serial: serial, Reason: reason}))
}

func first(changed []Changed, err error) (*Record, error) {
	if len(changed) == 0 {
		return nil, err
	}
	return changed[0].Record, err
}

func (ca *CA) checkChange(c *StatusChange) error {
	fields := StatusTarget{c.Serial, c.Certificate, c.Card, c.Holder}.fields()
	if c.Authority != "" {
		fields++
	}
	several := slices.ContainsFunc(c.Also, func(s StatusTarget) bool { return s.fields() != 1 })
	switch {
	case fields != 1 || several:
		return fail(Invalid, "say which certificates: a serial number, a certificate, a card, a holder or an authority, one of them")
	case c.Authority != "" && len(c.Also) > 0:
		return fail(Invalid, "an authority is revoked by itself, and %d others are named beside %s", len(c.Also), c.Authority)
	}
	if c.Authority != "" {
		a, err := profiles.ParseAuthority(c.Authority)
		if err != nil {
			return Invalidate(err)
		}
		c.Authority = a.ID()
		switch {
		case c.Release:
		case a.IsRoot():
			return fail(Invalid, "%s is a root: no authority above it could list it, and its own CRL and OCSP answers are worth nothing once it "+
				"is not trusted (RFC 5280 §6.1). To end it, take it out of the trust stores (igc trust uninstall) and make another lab (igc --home FOLDER init)", a.ID())
		case c.Reason == Hold:
			return fail(Invalid, "an authority is not put on hold: the revocation of %s is for good, for another reason than %s", a.ID(), Hold)
		}
	}
	if c.Release {
		return nil
	}
	if reason, err := ParseReason(string(c.Reason)); err != nil {
		return err
	} else {
		c.Reason = reason
	}
	now := ca.now()
	if c.At.IsZero() {
		c.At = now
	}
	c.At, c.Invalidity = c.At.UTC().Truncate(time.Second), c.Invalidity.UTC().Truncate(time.Second)
	if c.At.After(now) {
		return fail(Invalid, "a revocation cannot be dated in the future: %s is after %s", c.At.Format(time.RFC3339), now.Format(time.RFC3339))
	}
	if c.Invalidity.After(c.At) {
		return fail(Invalid, "the invalidity date %s is after the revocation, %s: the key was no longer trusted before it",
			c.Invalidity.Format(time.RFC3339), c.At.Format(time.RFC3339))
	}
	return nil
}

// oneOf is a target of a change. several says that it is one of a card's or of a holder's.
type oneOf struct {
	store.Key
	several bool
}

// targets finds the certificates that a change is about, each once.
func (c *StatusChange) targets(tx store.Reader) (all []oneOf, err error) {
	if c.Authority != "" {
		t, err := authorityKey(tx, c.Authority)
		return []oneOf{{t, false}}, err
	}
	seen := map[string]bool{}
	for _, named := range append([]StatusTarget{{c.Serial, c.Certificate, c.Card, c.Holder}}, c.Also...) {
		found, err := named.find(tx)
		if err != nil {
			return nil, err
		}
		for _, t := range found {
			key := t.String()
			if !seen[key] {
				all = append(all, oneOf{t, named.Serial == "" && named.Certificate == nil})
			}
			seen[key] = true
		}
	}
	return all, nil
}

// fields counts those that are filled.
func (s StatusTarget) fields() (n int) {
	for _, is := range []bool{s.Serial != "", s.Certificate != nil, s.Card != "", s.Holder != ""} {
		if is {
			n++
		}
	}
	return n
}

// find finds what a target names.
func (s StatusTarget) find(tx store.Reader) ([]store.Key, error) {
	switch {
	case s.Serial != "":
		r, err := findRecord(tx, s.Serial)
		if err != nil {
			return nil, err
		}
		return []store.Key{r.Key()}, nil
	case s.Certificate != nil:
		t, err := findCertificate(tx, s.Certificate)
		return []store.Key{t}, err
	case s.Holder != "":
		return findHolder(tx, s.Holder)
	}
	found := tx.ByCard(profiles.NormalizeNumber(s.Card))
	if len(found) == 0 {
		return nil, fail(NotFound, "no card %s was issued: igc list shows those of the lab", s.Card)
	}
	return found, nil
}

// findCertificate finds the record of this very certificate. Its serial number alone would not do:
// other authorities than the lab's have theirs, and a short one is the beginning of others.
func findCertificate(tx store.Reader, der []byte) (store.Key, error) {
	d, err := profiles.Decode(der)
	if err != nil {
		return store.Key{}, Invalidate(err)
	}
	for _, a := range profiles.Authorities() {
		k := store.Key{Authority: a.ID(), Serial: d.Serial.Bytes()}
		if !tx.Status(k).Issued {
			continue
		}
		r, err := tx.Certificate(k)
		if err != nil {
			return k, err
		}
		if bytes.Equal(r.DER, der) {
			return k, nil
		}
	}
	return store.Key{}, fail(NotFound, "this lab did not issue the certificate %s of %s: igc list shows those that it issued",
		profiles.SerialHex(d.Serial), d.Issuer)
}

// apply changes one certificate.
func (c *StatusChange) apply(tx store.Tx, t oneOf) (Changed, error) {
	several := t.several
	before, err := tx.Certificate(t.Key)
	if err != nil {
		return Changed{}, err
	}
	unchanged := Changed{Record: before, Before: before.Status}
	if before.IsAuthority() && c.Authority == "" {
		return unchanged, refuseAuthority(tx, before, c.Release)
	}
	was := before.Revoked
	switch {
	case c.Release && was == nil, !c.Release && was != nil && was.Reason == c.Reason:
		return unchanged, nil
	case was != nil && was.Reason != Hold:
		if several {
			return unchanged, nil
		}
		if c.Release {
			return unchanged, fail(Conflict, "%X was revoked on %s for %s, which is for good: only a hold can end", t.Serial, was.At.Format(time.RFC3339), was.Reason)
		}
		return unchanged, fail(Conflict, "%X was revoked on %s for %s: the reason stays, %s is refused", t.Serial, was.At.Format(time.RFC3339), was.Reason, c.Reason)
	case !c.Release && c.At.Before(before.NotBefore) && !several && !(c.AtDay && before.NotBefore.Before(c.At.AddDate(0,
		0, 1))):
		return unchanged, fail(Invalid, "%X cannot have been revoked on %s: it is valid from %s", t.Serial, c.At.Format(time.RFC3339), before.NotBefore.Format(time.RFC3339))
	}
	var v *Revocation // none: the hold ends
	if !c.Release {
		v = &Revocation{At: c.At, Reason: c.Reason, Invalidity: c.Invalidity}
		if v.At.Before(before.NotBefore) { // one of several, or of that day: as of its first moment
			v.At = before.NotBefore
		}
		if was != nil { // it has not been valid since the hold
			v.At = was.At
			if v.Invalidity.IsZero() {
				v.Invalidity = was.Invalidity
			}
		}
	}
	if err := tx.SetStatus(t.Key, v); err != nil {
		return unchanged, err
	}
	after := *before
	after.SetRevocation(v)
	return Changed{Record: &after, Before: before.Status, Changed: true}, nil
}

// checkReleased refuses to end the holds of a card or of a holder that has none to end, and
// certificates revoked for good.
func (c *StatusChange) checkReleased(changed []Changed) error {
	var revoked *Record
	for _, one := range changed {
		if one.Changed {
			return nil
		}
		if one.Status == Revoked {
			revoked = one.Record
		}
	}
	if !c.Release || revoked == nil {
		return nil
	}
	return fail(Conflict, "no certificate is on hold; %s was revoked on %s for %s, which is for good: only a hold can end",
		revoked.Serial, revoked.Revoked.At.Format(time.RFC3339), revoked.Revoked.Reason)
}
