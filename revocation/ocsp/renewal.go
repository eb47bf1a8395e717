package ocsp

import (
	"context"
	"errors"
	"time"

	"github.com/igc-lab/igc/profiles"
)

// renewalFailure says why an authority's delegate could not be renewed, and since when.
type renewalFailure struct {
	err   error
	since time.Time
}

// noteRenewal keeps the outcome of a renewal for [Responder.Counts]. The first of several failures
// tells since when.
func (a *authority) noteRenewal(err error, now time.Time) {
	if err == nil {
		a.failure.Store(nil)
		return
	}
	since := now
	if last := a.failure.Load(); last != nil && last.since.Before(now) {
		since = last.since
	}
	a.failure.Store(&renewalFailure{err, since})
}

// Renew makes the delegates that are missing or due: of each issuing authority, and of those roots
// that answered before.
func (r *Responder) Renew(ctx context.Context) error {
	list, err := r.lab.Authorities(ctx)
	for _, info := range list {
		a, parseErr := profiles.ParseAuthority(info.ID)
		if parseErr == nil && ctx.Err() == nil && (!a.IsRoot() || r.answered(a)) {
			err = errors.Join(err, r.Warm(ctx, a))
		}
	}
	return err
}

// answered reports whether the authority has a delegate, or failed to make one.
func (r *Responder) answered(p profiles.Authority) bool {
	r.authorities.mu.RLock()
	a := r.authorities.byID[p.ID()]
	r.authorities.mu.RUnlock()
	return a != nil && (a.delegate.Load() != nil || a.failure.Load() != nil)
}
