package ca

import (
	"context"
	"sync"

	"github.com/igc-lab/igc/ca/store"
)

// Changes reads at most limit entries of the lab's change feed, those after a sequence number, the
// oldest first.
func (l *Lab) Changes(ctx context.Context, after uint64, limit int) (changes []store.Change, err error) {
	err = l.store.View(ctx, func(r store.Reader) error {
		changes, err = r.Changes(after, limit)
		return err
	})
	return changes, err
}

// Head is the end of the change feed.
func (l *Lab) Head(ctx context.Context) (h store.Head, err error) {
	err = l.store.View(ctx, func(r store.Reader) error {
		h = r.Head()
		return nil
	})
	return h, err
}

// Follow calls fn with the changes after a sequence number as they come, see [store.Store].
func (l *Lab) Follow(ctx context.Context, after uint64, fn func([]store.Change) error) error {
	return l.store.Follow(ctx, after, fn)
}

// WatchStatus calls fn with each change of a certificate's status from now on, until ctx ends.
// Whoever changes a status waits for fn, which must not write: nobody is told that a certificate is
// revoked while fn's owner still says that it is good.
func (l *Lab) WatchStatus(ctx context.Context, fn func(store.Change)) error {
	head, err := l.Head(ctx)
	if err != nil {
		return err
	}
	began, ended := make(chan struct{}), make(chan error, 1)
	begin := sync.OnceFunc(func() { close(began) })
	go func() {
		// It ends with ctx, or with damage of the records: after that nothing is written, so no status
		// changes.
		ended <- l.Follow(ctx, head.Seq, func(changes []store.Change) error {
			for _, c := range changes {
				if c.Kind == store.StatusChanged {
					fn(c)
				}
			}
			begin()
			return nil
		})
	}()
	select {
	case <-began:
		return nil
	case err := <-ended:
		return err
	}
}
