package serve

import (
	"context"
	"log/slog"
	"time"

	"github.com/igc-lab/igc/lab"
)

// expiryInterval is how often expired documents are deleted.
const expiryInterval = time.Hour

// dropExpired deletes the expired documents of the lab's services now and at every tick, until the
// context ends: without it sessions and codes of yesterday would stay for ever. What fails is
// logged, and tried again at the next tick.
func dropExpired(ctx context.Context, lab *lab.Lab, tick <-chan time.Time, log *slog.Logger) {
	for {
		switch n, err := lab.DropExpiredDocuments(ctx); {
		case err != nil && ctx.Err() == nil:
			log.Error("documents", "err", err)
		case n > 0:
			log.Debug("documents", "expired", n)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
	}
}
