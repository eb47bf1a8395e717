package crl

import (
	"context"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// Watch follows the changes after which other CRLs hold, until ctx ends. From then on, CRLs that
// nothing changed since are given without a look at the records.
func (l *Issuer) Watch(ctx context.Context) error {
	err := l.lab.WatchCRLs(ctx, func(c store.Change) {
		a, err := profiles.ParseAuthority(c.Authority)
		if err != nil {
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if last := l.latest[a]; last.changes != 0 {
			last.changes++
			l.latest[a] = last
		}
	})
	if err != nil {
		return err
	}
	l.watch(true)
	context.AfterFunc(ctx, func() { l.watch(false) })
	return nil
}

func (l *Issuer) watch(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, info := range profiles.Authorities() {
		last := l.latest[info]
		if last.changes, last.as = 0, 0; on {
			last.changes = 1
		}
		l.latest[info] = last
	}
}

// present are the CRLs that were given last; ok is false when others may hold by now.
func (l *Issuer) present(a profiles.Authority) (last latest, ok bool) {
	l.mu.Lock()
	last = l.latest[a]
	l.mu.Unlock()
	if last.as == 0 || last.as != last.changes || !l.lab.Current(time.Second) {
		return last, false
	}
	config, now := l.lab.Config.CRL, l.now()
	return last, !last.full.due(now, ScheduleOf(config, a, false)) &&
		(last.delta == nil || !last.delta.due(now, config.Delta))
}

// changes counts what happened to an authority's CRLs, to be read before they are found to hold.
func (l *Issuer) changes(a profiles.Authority) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.latest[a].changes
}

// note keeps the CRLs that are given; as is what changes was when they were found to hold.
func (l *Issuer) note(a profiles.Authority, k *cachedCRLs, as uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := l.latest[a]
	last.full, last.delta, last.as, last.gone = k.full, k.delta, as, time.Time{}
	l.latest[a] = last
}

// noteLast keeps CRLs that are given though nobody knows whether they hold.
func (l *Issuer) noteLast(a profiles.Authority, k *cachedCRLs) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := l.latest[a]
	last.full, last.delta, last.as = k.full, k.delta, 0
	l.latest[a] = last
}

// askAgain is how long the records are not asked again after they could not be reached: requests
// would wait for each other's attempts.
const askAgain = time.Second

func (l *Issuer) noteGone(a profiles.Authority) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := l.latest[a]
	last.gone = time.Now()
	l.latest[a] = last
}

// goneLately is an error when the records could not be reached a moment ago.
func (l *Issuer) goneLately(a profiles.Authority) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if gone := l.latest[a].gone; gone.IsZero() || time.Since(gone) >= askAgain {
		return nil
	}
	return &ca.Error{Kind: ca.Unavailable, Err: i18n.Errorf("CRL of %s: the lab's records could not be reached a "+
		"moment ago", a.ID())}
}

// noteFailure keeps why the making of an authority's CRLs failed, nil when it did not, for
// [Health].
func (l *Issuer) noteFailure(ctx context.Context, a profiles.Authority, err error) {
	if err != nil && ctx.Err() != nil {
		return // cut short: nothing failed
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed[a] = err
}
