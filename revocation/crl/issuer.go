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
// (see [lab.CRLConfig]); until then the same bytes are given again, also after a restart.
//
// How it costs what it does: a to-be-signed list has its dates at the front, so its hash cannot be
// continued from the last one's; each list costs one SHA-256 of its bytes and one signature. All
// else is next to nothing, since the entries stand in the store encoded and in order (see
// ca/entries.go), and a list shares with the one before it all the chunks that did not change. A
// list of a million entries takes its own 35 MB of memory, and its successors a few kB each.
//
// The list's file, which only a restart and other servers need, is written aside when it is large.
type Issuer struct {
	lab *lab.Lab
	now func() time.Time
	dir string

	mu     sync.Mutex
	cached map[profiles.Authority]*keptLists
	latest map[profiles.Authority][2]*CRL // full and delta, for who only looks: a making under way does not hold them up
	failed map[profiles.Authority]error   // why the last making failed
}

type keptLists struct {
	sync.Mutex // one making at a time for each authority
	full       *CRL
	delta      *CRL // nil for a root
	saver      saver
}

// NewIssuer keeps the lists of the lab in its publication folder, and does what [lab.Lab.Publish]
// asks for.
func NewIssuer(lab *lab.Lab, now func() time.Time) *Issuer {
	l := &Issuer{lab: lab, now: now, dir: filepath.Join(lab.Home, "publication"), cached: map[profiles.Authority]*keptLists{},
		latest: map[profiles.Authority][2]*CRL{}, failed: map[profiles.Authority]error{}}
	return l
}

// Now is the time by the clock that dates the CRLs.
func (l *Issuer) Now() time.Time { return l.now() }

// Get returns the authority's full CRL. Unless the lab publishes at its dates only, it holds every
// change of status recorded before the call.
func (l *Issuer) Get(ctx context.Context, a profiles.Authority) (*CRL, error) {
	full, _, err := l.current(ctx, a, false)
	return full, err
}

// Delta returns the authority's delta CRL; NotFound for a root, which has none.
func (l *Issuer) Delta(ctx context.Context, a profiles.Authority) (*CRL, error) {
	if a.IsRoot() {
		return nil, &ca.Error{Kind: ca.NotFound, Err: i18n.Errorf("%s has no delta CRL: roots publish full ones",
			a.ID())}
	}
	_, delta, err := l.current(ctx, a, false)
	return delta, err
}

// Publish makes the lists of every authority of the lab, with anew also those that are not due, and
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

// current returns the lists that hold now, and makes those that do not any more.
func (l *Issuer) current(ctx context.Context, a profiles.Authority, anew bool) (full, delta *CRL, err error) {
	l.mu.Lock()
	k := l.cached[a]
	if k == nil {
		k = &keptLists{}
		l.cached[a] = k
	}
	l.mu.Unlock()
	k.Lock()
	defer k.Unlock()
	defer func() { l.noteFailure(ctx, a, err) }()

	state, err := l.lab.CRLState(ctx, a)
	if err != nil {
		return nil, nil, err
	}
	if k.full == nil {
		k.full = l.load(ctx, a, state.Full, false)
	}
	if k.delta == nil && !a.IsRoot() {
		k.delta = l.load(ctx, a, state.Delta, true)
	}
	config, now := l.lab.Config.CRL, l.now().UTC().Truncate(time.Second)
	full, delta = k.full, k.delta
	order := ca.CRLRequest{Form: config.Form}
	order.Due = anew || full == nil || full.form != config.Form || full.due(now, ScheduleOf(config, a, false))
	order.Full = order.Due || config.AtOnce && full.revision != state.Revision
	deltaDue := !a.IsRoot() && (delta == nil || delta.form != config.Form || delta.due(now, config.Delta))
	if !order.Full && !deltaDue {
		l.note(a, full, delta)
		return full, delta, nil
	}
	order.Restore = config.Expired == "listed" || full != nil
	if config.Expired == "removed" && full != nil {
		order.DropExpired = earlier(full.ThisUpdate, now)
	}
	issuer, err := l.lab.Issuer(ctx, a)
	if err != nil {
		return nil, nil, err
	}
	if err := os.MkdirAll(filepath.Dir(l.path(a, false)), 0o700); err != nil {
		return nil, nil, i18n.Errorf("CRL of %s: %w", a.ID(), err)
	}
	err = l.lab.IssueCRLs(ctx, a, order, func(content ca.CRLContent) error {
		now := l.now().UTC().Truncate(time.Second) // after everything that it holds
		if err := content.DatedBy(now); err != nil {
			return err
		}
		list := func(base uint64, s lab.Schedule) *CRL {
			return &CRL{Authority: a, Number: content.Number, Base: base, ThisUpdate: now, NextUpdate: now.Add(s.Validity),
				revision: content.Revision, form: config.Form}
		}
		var fullErr, deltaErr error
		var both sync.WaitGroup // one signature each
		if order.Full {
			var former *CRL
			if former, full = full, list(0, ScheduleOf(config, a, false)); former == nil || former.form != config.Form {
				former = &CRL{}
			}
			full.Entries = content.Entries
			both.Go(func() { fullErr = l.sign(full, content.Full, former.chunks, issuer) })
		}
		if !a.IsRoot() {
			delta = list(content.Base, ScheduleOf(config, a, true))
			delta.Entries = content.Changed
			both.Go(func() { deltaErr = l.sign(delta, []ca.CRLChunk{{DER: content.Changes}}, nil, issuer) })
		}
		both.Wait()
		if err := errors.Join(fullErr, deltaErr); err != nil {
			return err
		}
		for _, c := range []*CRL{full, delta} {
			if c == nil || c.Number != content.Number {
				continue
			}
			if err := k.saver.save(c, l.path(a, c.Base != 0)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, nil, i18n.Errorf("CRL of %s: %w", a.ID(), err)
	}
	k.full, k.delta = full, delta
	l.note(a, full, delta)
	return full, delta, nil
}

func (l *Issuer) note(a profiles.Authority, full, delta *CRL) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.latest[a] = [2]*CRL{full, delta}
}

// Latest tells which lists were published last, nil where there is none yet. It makes none, and
// waits for none.
func (l *Issuer) Latest(a profiles.Authority) (full, delta *CRL) {
	l.mu.Lock()
	defer l.mu.Unlock()
	both := l.latest[a]
	return both[0], both[1]
}

// noteFailure keeps why the making of an authority's lists failed, nil when it did not, for
// [Health].
func (l *Issuer) noteFailure(ctx context.Context, a profiles.Authority, err error) {
	if err != nil && ctx.Err() != nil {
		return // cut short: nothing failed
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed[a] = err
}

// LastError tells why the last making of the authority's lists failed, nil when it did not.
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

// Published reads the lists that stand in the lab's publication folder, whichever process made
// them, and verifies them. An authority's delta comes before its full list, and is read before: a
// full list that was made meanwhile serves an older delta, not the other way round.
func (l *Issuer) Published(authorities []ca.AuthorityInfo) (lists []*CRL, err error) {
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
			lists = append(lists, c)
		}
	}
	return lists, nil
}

// due tells whether a list is to be made anew: its date has come, or the clock was set back to
// before it was made. Clients refuse a list whose thisUpdate is in the future.
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
