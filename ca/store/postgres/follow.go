package postgres

import (
	"context"
	"time"

	"github.com/igc-lab/igc/ca/store"
)

// followBatch is how many changes a follower is given at once.
const followBatch = 500

// Follow implements [store.Store]. Once it has begun it goes on over faults of the database, until
// ctx ends or fn fails: see [Store.Confirmed].
func (s *Store) Follow(ctx context.Context, after uint64, fn func([]store.Change) error) error {
	f := s.followers.Add(after)
	defer s.followers.Remove(f)
	if err := s.nodes.join(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return failed(err)
	}
	defer s.nodes.leave()
	for began := false; ; {
		wake := s.followers.Wakeup()
		var changes []store.Change
		err := s.View(ctx, func(r store.Reader) (err error) {
			changes, err = r.Changes(after, followBatch)
			return err
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && (!began || store.KindOf(err) != store.Unavailable) {
			return err
		}
		if err == nil && (len(changes) > 0 || !began) {
			if err := fn(changes); err != nil {
				return err
			}
			began = true
		}
		if len(changes) > 0 {
			after = changes[len(changes)-1].Seq
			s.followers.Reached(f, after)
			s.nodes.progressed()
			continue
		}
		select {
		case <-wake:
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
