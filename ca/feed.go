package ca

import (
	"context"
	"time"

	"github.com/igc-lab/igc/ca/store"
)

// Changes reads at most limit entries of the lab's change feed, those after a sequence number, the
// oldest first.
func (ca *CA) Changes(ctx context.Context, after uint64, limit int) (changes []store.Change, err error) {
	err = ca.store.View(ctx, func(r store.Reader) error {
		changes, err = r.Changes(after, limit)
		return err
	})
	return changes, err
}

// Head is the end of the change feed.
func (ca *CA) Head(ctx context.Context) (h store.Head, err error) {
	err = ca.store.View(ctx, func(r store.Reader) error {
		h = r.Head()
		return nil
	})
	return h, err
}

// Follow calls fn with the changes after a sequence number as they come, see [store.Store].
func (ca *CA) Follow(ctx context.Context, after uint64, fn func([]store.Change) error) error {
	return ca.store.Follow(ctx, after, fn)
}

// Current tells whether what this process keeps because of the feed was current within a time:
// whether its followers had taken all changes by a moment that is not longer ago. It always is so
// where no other process writes. Others acknowledge a change within a second without this process,
// see [store.Shared].
func (ca *CA) Current(within time.Duration) bool {
	several, ok := ca.store.(store.Shared)
	return !ok || time.Since(several.Confirmed()) < within
}
