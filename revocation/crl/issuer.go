package crl

import (
	"context"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
)

// Issuer keeps the CRLs of each authority of a lab: a full one and, but for roots, a delta, made
// together with one number. They are made anew when a status changed since or when they are due
// (see [lab.CRLConfig]); until then the same bytes are given again, also after a restart and, in a
// lab that several servers share, by each of them (shared.go).
//
// How it costs what it does: a to-be-signed CRL has its dates at the front, so its hash cannot be
// continued from the last one's; each CRL costs one SHA-256 of its bytes and one signature. All
// else is next to nothing, since the entries stand in the store encoded and in order (see
// ca/entries.go), and a CRL shares with the one before it all the chunks that did not change. A
// CRL of a million entries takes its own 35 MB of memory, and its successors a few kB each.
//
// The CRL's file, which only a restart and other servers need, is written aside when it is large.
type Issuer struct {
	lab *lab.Lab
	now func() time.Time
	dir string

	mu     sync.Mutex
	cached map[profiles.Authority]*cachedCRLs
	latest map[profiles.Authority]latest
	failed map[profiles.Authority]error // why the last making failed
}

// latest are the CRLs that were given last, for who only looks: a making under way does not hold
// them up. They hold now while nothing changed since, and neither is due.
type latest struct {
	full, delta *CRL
	as          uint64    // changes at which they were found to hold; 0 for none
	changes     uint64    // counted from 1 since [Issuer.Watch] began; 0 while nobody watches
	gone        time.Time // when the records could not be reached; zero since they were
}

type cachedCRLs struct {
	turn  chan struct{} // one making at a time for each authority
	full  *CRL
	delta *CRL // nil for a root
	saver saver
}

// NewIssuer keeps the CRLs of the lab in its publication folder, and does what [lab.Lab.Publish]
// asks for.
func NewIssuer(lab *lab.Lab, now func() time.Time) *Issuer {
	l := &Issuer{lab: lab, now: now, dir: filepath.Join(lab.Home, "publication"),
		cached: map[profiles.Authority]*cachedCRLs{},
		latest: map[profiles.Authority]latest{}, failed: map[profiles.Authority]error{}}
	return l
}

// Now is the time by the clock that dates the CRLs.
func (l *Issuer) Now() time.Time { return l.now() }

// Get returns the authority's full CRL. Unless the lab publishes at its dates only, it holds every
// change of status recorded before the call. While the records cannot be reached it is the last one
// that this process had, until its nextUpdate; then the error is of kind Unavailable.
func (l *Issuer) Get(ctx context.Context, a profiles.Authority) (*CRL, error) {
	full, _, err := l.current(ctx, a, false)
	return l.orLast(full, err)
}

// Delta returns the authority's delta CRL, as Get does; NotFound for a root, which has none.
func (l *Issuer) Delta(ctx context.Context, a profiles.Authority) (*CRL, error) {
	if a.IsRoot() {
		return nil, &ca.Error{Kind: ca.NotFound, Err: i18n.Errorf("%s has no delta CRL: roots publish full ones",
			a.ID())}
	}
	_, delta, err := l.current(ctx, a, false)
	return l.orLast(delta, err)
}

// orLast passes over that the records cannot be reached, as long as the last CRL has not ended.
func (l *Issuer) orLast(c *CRL, err error) (*CRL, error) {
	if ca.KindOf(err) == ca.Unavailable && c != nil && l.now().Before(c.NextUpdate) {
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Publish makes the CRLs of every authority of the lab, with anew also those that are not due, and
// returns when their files are written.
func (l *Issuer) Publish(ctx context.Context, anew bool) error {
	authorities, err := l.lab.Authorities(ctx)
	for _, info := range authorities {
		a, parseErr := profiles.ParseAuthority(info.ID)
		if parseErr == nil {
			_, _, parseErr = l.current(ctx, a, anew)
		}
		err = errors.Join(err, parseErr)
	}
	return errors.Join(err, l.Flush())
}

// current returns the CRLs that hold now, and makes those that do not any more. With an error of
// kind Unavailable it returns the last ones.
func (l *Issuer) current(ctx context.Context, a profiles.Authority, anew bool) (full, delta *CRL, err error) {
	if last, ok := l.present(a); ok && !anew {
		return last.full, last.delta, nil
	}
	l.mu.Lock()
	k := l.cached[a]
	if k == nil {
		k = &cachedCRLs{turn: make(chan struct{}, 1)}
		l.cached[a] = k
	}
	l.mu.Unlock()
	if last, err := l.takeTurn(ctx, a, k); err != nil {
		return last.full, last.delta, err
	}
	defer func() { <-k.turn }()
	defer func() { l.noteFailure(ctx, a, err) }()
	if last, ok := l.present(a); ok && !anew { // others waited for it too
		return last.full, last.delta, nil
	}
	if err := l.goneLately(a); err != nil {
		l.noteLast(a, k)
		return k.full, k.delta, err
	}
	if l.lab.Shared() != nil {
		err = l.currentOfShared(ctx, a, k, anew)
	} else {
		err = l.currentOfOwn(ctx, a, k, anew)
	}
	if ca.KindOf(err) == ca.Unavailable {
		l.noteLast(a, k)
		l.noteGone(a)
		return k.full, k.delta, i18n.Errorf("CRL of %s: %w", a.ID(), err)
	}
	if err != nil {
		return nil, nil, i18n.Errorf("CRL of %s: %w", a.ID(), err)
	}
	return k.full, k.delta, nil
}

// takeTurn waits until nobody else is at the CRLs of an authority. Whoever is may wait long for a
// database that is away, since an update is tried again: then those who only want CRLs do not wait
// for that, and have an error of kind Unavailable with the last ones.
func (l *Issuer) takeTurn(ctx context.Context, a profiles.Authority, k *cachedCRLs) (last latest, err error) {
	select {
	case k.turn <- struct{}{}:
		return last, nil
	default:
	}
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for begun := time.Now(); ; {
		select {
		case k.turn <- struct{}{}:
			return last, nil
		case <-ctx.Done():
			return last, ctx.Err()
		case <-look.C:
		}
		away := time.Since(begun) > readLimits[0] && !l.lab.Current(readLimits[0])
		if last, _ = l.present(a); away && last.full != nil {
			return last, &ca.Error{Kind: ca.Unavailable, Err: i18n.Errorf(
				"CRL of %s: the lab's records could not be reached a moment ago", a.ID())}
		}
	}
}

// currentOfOwn makes the CRLs hold of an authority whose records no other process has open.
func (l *Issuer) currentOfOwn(ctx context.Context, a profiles.Authority, k *cachedCRLs, anew bool) error {
	seen := l.changes(a)
	state, _, err := l.lab.CRLState(ctx, a)
	if err != nil {
		return err
	}
	if k.full == nil {
		k.full = l.load(ctx, a, state.Full, false)
	}
	if k.delta == nil && !a.IsRoot() {
		k.delta = l.load(ctx, a, state.Delta, true)
	}
	if order, due := l.order(a, k, state, l.now(), anew); due {
		err := l.make(ctx, a, k, order, func(made *cachedCRLs) error { return l.save(a, k, made) })
		if err != nil {
			return err
		}
	}
	l.note(a, k, seen)
	return nil
}

// save writes the files of the CRLs that k does not have yet, and puts them there.
func (l *Issuer) save(a profiles.Authority, k, made *cachedCRLs) error {
	for _, one := range []struct{ made, former *CRL }{{made.full, k.full}, {made.delta, k.delta}} {
		if one.made == nil || one.made == one.former {
			continue
		}
		if err := k.saver.save(one.made, l.path(a, one.made.Base != 0)); err != nil {
			return err
		}
	}
	k.full, k.delta = made.full, made.delta
	return nil
}

// order says which CRLs are to be made anew, none when due is false.
func (l *Issuer) order(a profiles.Authority, k *cachedCRLs, state ca.CRLState, now time.Time, anew bool) (
	order ca.CRLRequest, due bool,
) {
	config := l.lab.Config.CRL
	now = now.UTC().Truncate(time.Second)
	order.Form = config.Form
	order.Due = anew || k.full == nil || k.full.form != config.Form || k.full.due(now, ScheduleOf(config, a, false)) ||
		k.full.Number < state.Base.Number // its making was cut short: no client has the base of the next deltas
	order.Full = order.Due || config.AtOnce && k.full.revision != state.Revision
	due = order.Full ||
		!a.IsRoot() && (k.delta == nil || k.delta.form != config.Form || k.delta.due(now, config.Delta))
	order.Restore = config.Expired == "listed" || k.full != nil
	if config.Expired == "removed" && k.full != nil {
		order.DropExpired = earlier(k.full.ThisUpdate, now)
	}
	return order, due
}

// make makes the CRLs that an order names. release is called with them, and with those of k where
// there is no other; no other process makes any meanwhile, where none has the records open.
func (l *Issuer) make(ctx context.Context, a profiles.Authority, k *cachedCRLs, order ca.CRLRequest,
	release func(made *cachedCRLs) error,
) error {
	config := l.lab.Config.CRL
	issuer, err := l.lab.Issuer(ctx, a)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(l.path(a, false)), 0o700); err != nil {
		return err
	}
	full, delta := k.full, k.delta
	return l.lab.IssueCRLs(ctx, a, order, func(content ca.CRLContent) error {
		now := l.now() // after everything that it holds
		if l.lab.Shared() != nil {
			now = content.At // the clocks of the servers differ
		}
		now = now.UTC().Truncate(time.Second)
		if err := content.DatedBy(now); err != nil {
			return err
		}
		list := func(former *CRL, base uint64, s lab.Schedule) *CRL {
			return &CRL{Authority: a, Number: content.Number, Base: base, ThisUpdate: now, NextUpdate: now.Add(s.Validity),
				SameSecond: former != nil && former.ThisUpdate.Equal(now), revision: content.Revision,
				form: config.Form}
		}
		var fullErr, deltaErr error
		var both sync.WaitGroup // one signature each
		if order.Full {
			former := full
			full = list(former, 0, ScheduleOf(config, a, false))
			if former == nil || former.form != config.Form {
				former = &CRL{}
			}
			full.Entries = content.Entries
			both.Go(func() { fullErr = l.sign(full, content.Full, former.chunks, issuer) })
		}
		if !a.IsRoot() {
			delta = list(delta, content.Base, ScheduleOf(config, a, true))
			delta.Entries = content.Changed
			both.Go(func() { deltaErr = l.sign(delta, []ca.CRLChunk{{DER: content.Changes}}, nil, issuer) })
		}
		both.Wait()
		if err := errors.Join(fullErr, deltaErr); err != nil {
			return err
		}
		return release(&cachedCRLs{full: full, delta: delta})
	})
}

// Latest tells which CRLs were published last, nil where there is none yet. It makes none, and
// waits for none.
func (l *Issuer) Latest(a profiles.Authority) (full, delta *CRL) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := l.latest[a]
	return last.full, last.delta
}

// LastError tells why the last making of the authority's CRLs failed, nil when it did not.
func (l *Issuer) LastError(a profiles.Authority) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed[a]
}

func ScheduleOf(c lab.CRLConfig, a profiles.Authority, delta bool) lab.Schedule {
	switch {
	case delta:
		return c.Delta
	case a.IsRoot():
		return c.Roots
	}
	return c.Issuing
}

func (l *Issuer) path(a profiles.Authority, delta bool) string {
	path := a.CRLPath()
	if delta {
		path = a.DeltaCRLPath()
	}
	return filepath.Join(l.dir, filepath.FromSlash(path))
}

// Published reads the CRLs that stand in the lab's publication folder, whichever process made
// them, and verifies them. An authority's delta comes before its full CRL, and is read before: a
// full CRL that was made meanwhile serves an older delta, not the other way round.
func (l *Issuer) Published(authorities []ca.AuthorityInfo) (crls []*CRL, err error) {
	for _, info := range authorities {
		a, err := profiles.ParseAuthority(info.ID)
		if err != nil {
			return nil, err
		}
		issuer, err := x509.ParseCertificate(info.DER)
		if err != nil {
			return nil, i18n.Errorf("%s: %w", info.ID, err)
		}
		for _, delta := range []bool{true, false} {
			if delta && a.IsRoot() {
				continue
			}
			der, err := os.ReadFile(l.path(a, delta))
			if err != nil {
				return nil, err
			}
			c, err := Parse(der, issuer)
			if err != nil {
				return nil, i18n.Errorf("%s: %w", l.path(a, delta), err)
			}
			c.Authority = a
			crls = append(crls, c)
		}
	}
	return crls, nil
}

// due tells whether a CRL is to be made anew: its date has come, or the clock was set back to
// before it was made. Clients refuse a CRL whose thisUpdate is in the future.
func (c *CRL) due(now time.Time, s lab.Schedule) bool {
	return now.Before(c.ThisUpdate) || !now.Before(s.Every.Next(c.ThisUpdate))
}

// earlier is the earlier of two times.
func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
