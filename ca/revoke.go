package ca

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"time"

	bolt "go.etcd.io/bbolt"
)

// StatusChange asks for the revocation of certificates, or for the end of their hold. One of Serial, Card and Holder says
// which.
type StatusChange struct {
	Serial string `json:"serial,omitempty"` // the one whose serial number begins with these digits
	Card   string `json:"card,omitempty"`   // those of the card of this number, as a lost card is opposed
	Holder string `json:"holder,omitempty"` // those of the holder of this identifier, see [profiles.Holder.Identifier]

	Release    bool      `json:"release,omitempty"` // ends a hold; the fields below, but for DryRun, have then no meaning
	Reason     Reason    `json:"reason,omitempty"`
	At         time.Time `json:"at,omitzero"` // of the revocation; zero for now
	Invalidity time.Time `json:"invalidity,omitzero"`

	DryRun bool `json:"dry_run,omitempty"` // says what would change, and changes nothing
}

// Changed is a certificate that a StatusChange is about, as it stands afterwards.
type Changed struct {
	*Record
	Before  Status `json:"before"`
	Changed bool   `json:"changed"` // false when it stood so already
}

// SetStatus changes the status of certificates, of all that are asked for or of none. When it returns, the change is on
// the disk, and the next CRL and OCSP answer hold it. The same change again changes nothing. A revoked certificate stays
// revoked, and its reason stays (Conflict), for a list that was published cannot be taken back; only a hold ends, or
// becomes a revocation for another reason as of the hold's date. Of a card or a holder, certificates that were revoked
// for good before are left as they are.
func (l *Lab) SetStatus(ctx context.Context, c StatusChange) (changed []Changed, err error) {
	if err := l.checkChange(&c); err != nil {
		return nil, err
	}
	do := func(tx *bolt.Tx) error {
		changed = nil
		targets, err := c.targets(tx)
		if err != nil {
			return err
		}
		for _, t := range targets {
			one, err := c.apply(tx, t, c.Serial == "")
			if err != nil {
				return err
			}
			changed = append(changed, one)
		}
		if c.DryRun {
			return errDryRun
		}
		return nil
	}
	if err = l.update(ctx, do); err != nil && !errors.Is(err, errDryRun) {
		return nil, err
	}
	if c.DryRun {
		return changed, nil
	}
	for _, one := range changed {
		if one.Changed {
			l.tell(*one.Record)
		}
	}
	event := "revoke"
	if c.Release {
		event = "release"
	}
	for _, one := range changed {
		if one.Changed {
			if err := l.audit(event, one.Record); err != nil {
				return changed, err
			}
		}
	}
	return changed, nil
}

// errDryRun undoes the transaction of a dry run.
var errDryRun = fail(Invalid, "dry run")

// Revoke revokes the one certificate whose serial number begins with those digits, as of now: see [Lab.SetStatus].
func (l *Lab) Revoke(ctx context.Context, serial string, reason Reason) (*Record, error) {
	return first(l.SetStatus(ctx, StatusChange{Serial: serial, Reason: reason}))
}

func first(changed []Changed, err error) (*Record, error) {
	if len(changed) == 0 {
		return nil, err
	}
	return changed[0].Record, err
}

func (l *Lab) checkChange(c *StatusChange) error {
	named := 0
	for _, name := range []string{c.Serial, c.Card, c.Holder} {
		if name != "" {
			named++
		}
	}
	if named != 1 {
		return fail(Invalid, "say which certificates: a serial number, a card or a holder")
	}
	if c.Release {
		return nil
	}
	if _, ok := reasonCodes[c.Reason]; !ok {
		_, err := ParseReason(string(c.Reason))
		return err
	}
	now := l.now()
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

// target names a certificate.
type target struct {
	authority string
	serial    []byte
}

// targets finds the certificates that a change is about.
func (c *StatusChange) targets(tx *bolt.Tx) ([]target, error) {
	index, what := bCards, c.Card
	switch {
	case c.Serial != "":
		r, err := findRecord(tx, c.Serial)
		if err != nil {
			return nil, err
		}
		return []target{{r.Authority, serialBytes(r.Serial)}}, nil
	case c.Holder != "":
		index, what = bHolders, c.Holder
	}
	found := indexed(tx, index, what)
	switch {
	case len(found) > 0:
		return found, nil
	case c.Card != "":
		return nil, fail(NotFound, "no card %s was issued: igc list shows those of the lab", c.Card)
	}
	return nil, fail(NotFound, "no certificate was issued to a holder %s: give the whole identifier, as igc show has it", c.Holder)
}

// indexed lists what an index holds under a word.
func indexed(tx *bolt.Tx, index []byte, what string) (found []target) {
	b := tx.Bucket(index)
	if b == nil {
		return nil
	}
	prefix := []byte(what + "\x00")
	c := b.Cursor()
	for k, v := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, v = c.Next() {
		if err := checkIndexed(k, v); err != nil {
			panic(err)
		}
		if authority, serial, ok := bytes.Cut(k[len(prefix):], []byte{0}); ok {
			found = append(found, target{string(authority), bytes.Clone(serial)})
		}
	}
	return found
}

// apply changes one certificate. several says that it is one of a card's or of a holder's.
func (c *StatusChange) apply(tx *bolt.Tx, t target, several bool) (Changed, error) {
	b := bucket(tx, t.authority)
	if b == nil {
		return Changed{}, fail(NotFound, "the lab has no authority %s", t.authority)
	}
	before, err := readRecord(b, t.authority, t.serial)
	if err != nil {
		return Changed{}, err
	}
	unchanged := Changed{before, before.Status, false}
	was := before.Revoked
	switch {
	case c.Release && was == nil, !c.Release && was != nil && was.Reason == c.Reason:
		return unchanged, nil
	case was != nil && was.Reason != Hold:
		if several {
			return unchanged, nil
		}
		if c.Release {
			return unchanged, fail(Conflict, "%X was revoked on %s for %s, which is for good: only a hold can end", t.serial, was.At.Format(time.RFC3339), was.Reason)
		}
		return unchanged, fail(Conflict, "%X was revoked on %s for %s: the reason stays, %s is refused", t.serial, was.At.Format(time.RFC3339), was.Reason, c.Reason)
	case !c.Release && c.At.Before(before.NotBefore) && !several:
		return unchanged, fail(Invalid, "%X cannot have been revoked on %s: it is valid from %s", t.serial, c.At.Format(time.RFC3339), before.NotBefore.Format(time.RFC3339))
	}
	seq, s, _ := statusOf(b, t.serial)
	revision, err := increment(b, kRevision)
	if err != nil {
		return unchanged, err
	}
	if was != nil {
		if err := delist(b, t.serial, &s, revision); err != nil {
			return unchanged, err
		}
	}
	if c.Release {
		s.release()
	} else {
		v := Revocation{c.At, c.Reason, c.Invalidity}
		if v.At.Before(before.NotBefore) { // one of several: as of its first moment
			v.At = before.NotBefore
		}
		if was != nil { // it has not been valid since the hold
			v.At = was.At
			if v.Invalidity.IsZero() {
				v.Invalidity = was.Invalidity
			}
		}
		s.revoke(v, revision)
		if err := enlist(b, t.serial, &s); err != nil {
			return unchanged, err
		}
	}
	if err := putStatus(b, t.serial, seq, s); err != nil {
		return unchanged, err
	}
	if err := b.Bucket(bChanges).Put(u64(revision), t.serial); err != nil {
		return unchanged, err
	}
	after := *before
	after.setStatus(s)
	return Changed{&after, before.Status, true}, nil
}

func serialBytes(hexadecimal string) []byte {
	b, _ := hex.DecodeString(hexadecimal) // from a record
	return b
}
