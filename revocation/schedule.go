package revocation

import (
	"context"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/revocation/crl"
	"github.com/igc-lab/igc/revocation/ocsp"
)

// RunCRLs makes the CRLs anew when they are due, and soon after each change of status, until the
// context ends; Get does not wait for it. failed is called with what went wrong.
func RunCRLs(ctx context.Context, lab *lab.Lab, l *crl.Issuer, failed func(error)) {
	changed := make(chan struct{}, 1)
	if err := lab.WatchStatus(ctx, func(store.Change) {
		select {
		case changed <- struct{}{}:
		default: // one round is due already, and takes everything
		}
	}); err != nil {
		failed(err)
	}
	if err := l.Watch(ctx); err != nil {
		failed(err)
	}
	due := time.NewTicker(pollInterval)
	defer due.Stop()
	defer func() {
		if err := l.Flush(); err != nil {
			failed(err)
		}
	}()
	for {
		if err := l.Publish(ctx, false); err != nil && ctx.Err() == nil {
			failed(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-due.C:
		case <-changed:
			select { // revocations come in groups: one list for all of them
			case <-ctx.Done():
				return
			case <-time.After(500 * time.Millisecond):
			}
		}
	}
}

// NewResponder makes the OCSP responder of a lab that this process has locked. It follows the
// changes of status until ctx ends.
func NewResponder(ctx context.Context, lab *lab.Lab, now func() time.Time) (*ocsp.Responder, error) {
	r := ocsp.NewResponder(lab, now)
	return r, lab.WatchStatus(ctx, r.StatusChanged)
}

// RunResponder renews the delegates when they are due, whether anybody asks for them or not, until
// the context ends. failed is called with what went wrong; it is tried again a minute later.
func RunResponder(ctx context.Context, r *ocsp.Responder, failed func(error)) {
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	for {
		if err := r.Renew(ctx); err != nil && ctx.Err() == nil {
			failed(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-poll.C:
		}
	}
}
