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
const aloneFor = 30 * time.Second

// Alone runs do while no other process that has the lab's records open does what has that name;
// [store.ErrLeaseHeld] when one does it now. The context that do gets ends when the right to do it
// alone is lost. What do then still writes is for its own conditions to refuse.
func (ca *CA) Alone(ctx context.Context, name string, do func(context.Context) error) error {
	if _, shared := ca.store.(store.Shared); !shared {
		return do(ctx)
	}
	lease, err := ca.Lease(ctx, name, aloneFor)
	if err != nil {
		return err
	}
	working, lost := context.WithCancelCause(ctx)
	renewing := make(chan struct{})
	go func() {
		defer close(renewing)
		tick := time.NewTicker(aloneFor / 3)
		defer tick.Stop()
		for {
			select {
			case <-working.Done():
				return
			case <-tick.C:
			}
			// A database that does not answer for a moment takes nothing away before the end.
			err := lease.Renew(working)
			if err != nil && (KindOf(err) != Unavailable || !time.Now().Before(lease.Expires())) {
				lost(err)
				return
			}
		}
	}()
	err = do(working)
	cause := context.Cause(working)
	lost(nil)
	<-renewing
	if cause != nil && ctx.Err() == nil {
		return cause
	}
	if released := lease.Release(context.WithoutCancel(ctx)); err == nil && KindOf(released) != Unavailable {
		err = released
	}
	return err
}
