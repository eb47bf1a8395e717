package serve

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/services/clock"
	"github.com/igc-lab/igc/services/ecps"
	"github.com/igc-lab/igc/services/psc"
)

// expiryInterval is how often expired documents are deleted.
const expiryInterval = time.Hour

// movedInterval is how often the services' clock is looked at.
const movedInterval = time.Second

// dropExpired deletes the expired documents of the lab's services now and at every tick, until the
// context ends: without it sessions and codes of yesterday would stay for ever. What fails is
// logged, and tried again at the next tick.
func dropExpired(ctx context.Context, drop func(context.Context) (int, error), tick <-chan time.Time,
	moved <-chan struct{}, log *slog.Logger) {
	for {
		switch n, err := drop(ctx); {
		case err != nil && ctx.Err() == nil:
			log.Error("documents", "err", err)
		case n > 0:
			log.Debug("documents", "expired", n)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick:
		case <-moved:
		}
	}
}

// expired deletes what has expired by the system's clock, and what has ended by the services' when
// that is ahead.
func expired(lab *lab.Lab, ahead *clock.Clock) func(context.Context) (int, error) {
	kinds := slices.Concat(psc.Passing(), ecps.Passing())
	return func(ctx context.Context) (int, error) {
		n, err := lab.DropExpiredDocuments(ctx)
		if err != nil {
			return n, err
		}
		if offset, err := ahead.Offset(ctx); err != nil || offset == 0 {
			return n, err
		}
		ended, err := ahead.DropEnded(ctx, kinds...)
		return n + ended, err
	}
}
