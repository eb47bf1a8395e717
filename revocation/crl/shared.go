package crl

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// In a lab of several nodes, an authority's CRLs are documents of the store, and every node serves
// those. One node issues them at a time, the one that holds the lease; the others wait until they
// are published. The lease only saves work: the order is by CRL number. A CRL is not published once
// one with a higher number, or with more changes, is: what a frozen node signed late is dropped,
// and its number is never used. There is one CRL for each number.

// published are the kinds of documents: "ID" says which CRLs those of "ID/full" and "ID/delta"
// are.
var published = store.DocumentKind{Name: "crl"}

// issues is the document that says which CRLs are published.
type issues struct {
	Full  issue `json:"full"`
	Delta issue `json:"delta,omitzero"`

	version uint64
}

type issue struct {
	ca.CRLIssue
	SameSecond bool `json:"same_second,omitempty"`
}

// makingLimit is how long other nodes wait for one that began to issue CRLs and went silent.
const makingLimit = 3 * time.Second

// readLimits are the timeouts of a read while there are CRLs to serve without it. There are two
// attempts, because a node that was frozen itself finds the first one timed out when it goes on.
var readLimits = [...]time.Duration{2 * time.Second, 500 * time.Millisecond}

// pollPublished is how often other nodes poll for the publication.
const pollPublished = 20 * time.Millisecond

// currentOfShared brings k up to date in a lab of several nodes.
func (l *Issuer) currentOfShared(ctx context.Context, a profiles.Authority, k *cachedCRLs, anew bool) error {
	lease := "crl/" + a.ID()
	for {
		if _, due, err := l.refresh(ctx, a, k, anew, lease); !due || err != nil {
			return err
		}
		held, err := l.lab.Lease(ctx, lease, makingLimit)
		if errors.Is(err, store.ErrLeaseHeld) {
			if err := l.waitFor(ctx, a, k, lease); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		done, err := l.makeShared(ctx, a, k, anew)
		if err := held.Release(context.WithoutCancel(ctx)); err != nil && ca.KindOf(err) != ca.Unavailable {
			return err // of a store that cannot be reached, it ends by itself
		}
		if done || err != nil {
			return err
		}
	}
}

// makeShared issues and publishes the CRLs; done is false when another node published first.
func (l *Issuer) makeShared(ctx context.Context, a profiles.Authority, k *cachedCRLs, anew bool) (done bool,
	err error) {
	order, due, err := l.refresh(ctx, a, k, anew, "") // by the node that had the lease before
	if !due || err != nil {
		return true, err
	}
	var made *cachedCRLs
	err = l.make(ctx, a, k, order, func(crls *cachedCRLs) error {
		made = crls
		return nil
	})
	if err != nil {
		return false, err
	}
	if done, err = l.publish(ctx, a, k, made); !done || err != nil {
		return false, err
	}
	l.note(a, k, 0)
	_, _, err = l.refresh(ctx, a, k, false, "") // current, unless something changed since
	return true, err
}

// refresh loads the published CRLs into k, and returns which are to be issued for k to be current;
// due is false when it is. CRLs that have a number and are not published are being issued by the
// node that holds the lease, which is empty for this node itself; when no node holds it they were
// abandoned, and others are due.
func (l *Issuer) refresh(ctx context.Context, a profiles.Authority, k *cachedCRLs, anew bool, lease string) (
	order ca.CRLRequest, due bool, err error,
) {
	var seen uint64
	var of recorded
	for _, limit := range readLimits {
		if k.full == nil {
			limit = 0
		}
		seen = l.changes(a)
		of, err = l.read(ctx, a, k, lease, limit)
		if ca.KindOf(err) != ca.Unavailable || limit == 0 {
			break
		}
	}
	if err != nil {
		return order, false, err
	}
	if order, due = l.order(a, k, of.state, of.now, anew || of.unfinished && !of.making); due {
		return order, true, nil
	}
	if of.unfinished {
		seen = 0 // their publication is not in the feed
	}
	l.note(a, k, seen)
	return order, false, nil
}

// recorded is what the store has of an authority's CRLs.
type recorded struct {
	state      ca.CRLState
	now        time.Time
	unfinished bool // a number is used whose CRL is not published
	making     bool // the node that holds the lease is issuing it
}

// read reads the state of an authority's CRLs and loads the published ones into k. most is its
// timeout; 0 for none but that of ctx.
func (l *Issuer) read(ctx context.Context, a profiles.Authority, k *cachedCRLs, lease string,
	most time.Duration) (r recorded, err error) {
	limited := ctx
	if most > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, most)
		defer cancel()
	}
	defer func() {
		if err != nil && ctx.Err() == nil && limited.Err() != nil {
			err = &ca.Error{Kind: ca.Unavailable, Err: i18n.Errorf("the lab's database did not answer in %s", most)}
		}
	}()
	if r.state, r.now, err = l.lab.CRLState(limited, a); err != nil {
		return r, err
	}
	of, err := l.readPublished(limited, a, k)
	if err != nil {
		return r, err
	}
	r.unfinished = of.Full.Number < r.state.Full.Number || of.Delta.Number < r.state.Delta.Number
	if r.unfinished && lease != "" {
		r.making, err = l.lab.LeaseHeld(limited, lease)
	}
	return r, err
}

// readPublished reads the CRLs that are published and that k does not have. One that cannot be
// read counts as none: it is made anew.
func (l *Issuer) readPublished(ctx context.Context, a profiles.Authority, k *cachedCRLs) (of issues, err error) {
	for {
		if of, err = l.readIssues(ctx, a); err != nil {
			return of, err
		}
		taken := &cachedCRLs{}
		var fullErr, deltaErr error
		taken.full, fullErr = l.readCRL(ctx, a, of.Full, k.full, false)
		if !a.IsRoot() {
			taken.delta, deltaErr = l.readCRL(ctx, a, of.Delta, k.delta, true)
		}
		if err := errors.Join(fullErr, deltaErr); err != nil {
			if ca.KindOf(fullErr) == ca.Unavailable || ca.KindOf(deltaErr) == ca.Unavailable || ctx.Err() != nil {
				return of, err
			}
			if again, err := l.readIssues(ctx, a); err != nil || again.version != of.version {
				continue // others were published meanwhile
			}
		}
		return of, l.savePublished(a, k, taken)
	}
}

// savePublished puts published CRLs into k, and writes their files, which another web server of
// this machine may serve.
func (l *Issuer) savePublished(a profiles.Authority, k, taken *cachedCRLs) error {
	if err := os.MkdirAll(filepath.Dir(l.path(a, false)), 0o700); err != nil {
		return err
	}
	return l.save(a, k, taken)
}

func (l *Issuer) readIssues(ctx context.Context, a profiles.Authority) (of issues, err error) {
	doc, err := l.lab.GetDocument(ctx, published, a.ID())
	if ca.KindOf(err) == ca.NotFound {
		return of, nil
	}
	if err != nil {
		return of, err
	}
	of.version = doc.Version
	return of, json.Unmarshal(doc.Value, &of)
}

// readCRL reads a published CRL, unless have is that one; nil when there is none.
func (l *Issuer) readCRL(ctx context.Context, a profiles.Authority, of issue, have *CRL, delta bool) (*CRL, error) {
	if of.Number == 0 || have != nil && have.Number == of.Number {
		return have, nil
	}
	doc, err := l.lab.GetDocument(ctx, published, documentKey(a, delta))
	if err != nil {
		return nil, err
	}
	c, err := l.parse(ctx, a, doc.Value, of.CRLIssue, delta)
	if err != nil {
		return nil, err
	}
	c.SameSecond = of.SameSecond
	return c, nil
}

func documentKey(a profiles.Authority, delta bool) string {
	if delta {
		return a.ID() + "/delta"
	}
	return a.ID() + "/full"
}

// publish writes the CRLs of made that k does not have into the store; done is false when there is
// one of a higher number, or of more changes, already.
func (l *Issuer) publish(ctx context.Context, a profiles.Authority, k, made *cachedCRLs) (done bool, err error) {
	for {
		of, err := l.readIssues(ctx, a)
		if err != nil {
			return false, err
		}
		var writes []store.DocumentWrite
		for _, one := range []struct {
			made, former *CRL
			of           *issue
		}{{made.full, k.full, &of.Full}, {made.delta, k.delta, &of.Delta}} {
			if one.made == one.former {
				continue
			}
			if one.of.Number >= one.made.Number || one.of.Revision > one.made.revision {
				return false, nil
			}
			der, err := one.made.DER()
			if err != nil {
				return false, err
			}
			*one.of = issue{
				CRLIssue:   ca.CRLIssue{Number: one.made.Number, Revision: one.made.revision, Form: one.made.form},
				SameSecond: one.made.SameSecond,
			}
			key := documentKey(a, one.made.Base != 0)
			writes = append(writes, store.DocumentWrite{Kind: published, Key: key, Value: der})
		}
		value, err := json.Marshal(of)
		if err != nil {
			return false, err
		}
		writes = append(writes, store.DocumentWrite{Kind: published, Key: a.ID(), Value: value, IfVersion: &of.version})
		_, err = l.lab.WriteDocuments(ctx, "system", writes...)
		if err == nil {
			return true, l.save(a, k, made)
		}
		if !errors.Is(err, store.ErrSwap) {
			return false, err
		}
	}
}

// waitFor returns when other CRLs are published than k has, or nobody makes any.
func (l *Issuer) waitFor(ctx context.Context, a profiles.Authority, k *cachedCRLs, lease string) error {
	poll := time.NewTicker(pollPublished)
	defer poll.Stop()
	for {
		of, err := l.readIssues(ctx, a)
		if err != nil || of.Full.Number > numberOf(k.full) || of.Delta.Number > numberOf(k.delta) {
			return err
		}
		if held, err := l.lab.LeaseHeld(ctx, lease); !held || err != nil {
			return err
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func numberOf(c *CRL) uint64 {
	if c == nil {
		return 0
	}
	return c.Number
}
