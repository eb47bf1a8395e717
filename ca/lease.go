package ca

import (
	"context"
	"time"

	"github.com/igc-lab/igc/ca/store"
)

// Lease takes the lease of that name, see [store.Acquire].
func (ca *CA) Lease(ctx context.Context, name string, ttl time.Duration) (*store.Lease, error) {
	return store.Acquire(ctx, ca.store, name, ttl)
}

// LeaseHeld tells whether somebody has the lease of that name.
func (ca *CA) LeaseHeld(ctx context.Context, name string) (bool, error) {
	return store.LeaseHeld(ctx, ca, name)
}

// aloneFor is how long a process that went silent keeps others from what it did alone.
var aloneFor = 30 * time.Second

// Alone runs do while no other process that has the lab's records open does what has that name;
// [store.ErrLeaseHeld] when one does it now. The context that do gets ends when the right to do it
// alone is lost, with [store.ErrLeaseHeld] as its cause. What do then still writes is for its own
// conditions to refuse.
func (ca *CA) Alone(ctx context.Context, name string, do func(context.Context) error) error {
	if _, shared := ca.store.(store.Shared); !shared {
		return do(ctx)
	}
	begun := time.Now()
	lease, err := ca.Lease(ctx, name, aloneFor)
	if err != nil {
		return err
	}
	working, end := context.WithCancelCause(ctx)
	// The lease was written after begun, so it lasts at least so long, by a clock that nobody sets.
	// A renewal may wait for the database for longer.
	expiry := time.AfterFunc(time.Until(begun.Add(aloneFor)), func() { end(store.ErrLeaseHeld) })
	defer expiry.Stop()
	renewing := make(chan struct{})
	go func() {
		defer close(renewing)
		renew(working, lease, expiry, end)
	}()
	err = do(working)
	cause := context.Cause(working)
	end(nil)
	<-renewing
	if cause != nil && ctx.Err() == nil {
		return cause
	}
	if released := lease.Release(context.WithoutCancel(ctx)); err == nil && KindOf(released) != Unavailable {
		err = released
	}
	return err
}

// renew prolongs a lease, and puts its expiry off, until ctx ends. When another process has the
// lease it calls end. While the database does not answer, the lease holds until its expiry.
func renew(ctx context.Context, lease *store.Lease, expiry *time.Timer, end context.CancelCauseFunc) {
	tick := time.NewTicker(aloneFor / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		begun := time.Now()
		switch err := lease.Renew(ctx); {
		case err == nil:
			expiry.Reset(time.Until(begun.Add(aloneFor)))
		case KindOf(err) != Unavailable && KindOf(err) != Unanswered:
			end(err)
			return
		}
	}
}
