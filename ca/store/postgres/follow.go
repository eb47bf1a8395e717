package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/igc-lab/igc/ca/store"
)

// followBatch is how many changes a follower is given at once.
const followBatch = 500

// Follow implements [store.Store]. Once it has begun it goes on after errors of the database, also
// where a person has to end them, until ctx ends or fn fails: see [Store.Confirmed].
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
		changes, head, err := s.changes(ctx, after)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && (!began || endsFollowing(err)) {
			return err
		}
		if err == nil && head < after { // a failover has lost the last changes: others get their numbers
			after = head
			s.followers.Reached(f, after)
			s.nodes.progressed()
			continue
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

// changes reads changes and the number of the last one, and gives up after viewLimit.
func (s *Store) changes(ctx context.Context, after uint64) (changes []store.Change, head uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, viewLimit)
	defer cancel()
	err = s.View(ctx, func(r store.Reader) (err error) {
		head = r.Head().Seq
		changes, err = r.Changes(after, followBatch)
		return err
	})
	return changes, head, err
}

// endsFollowing tells whether a follower cannot go on after an error: its database is damaged, is
// gone or is another's, or the store is closed.
func endsFollowing(err error) bool {
	switch store.KindOf(err) {
	case store.Damaged, store.Conflict, store.NotFound:
		return true
	}
	return errors.Is(err, errClosed)
}
