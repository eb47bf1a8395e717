package clock

import (
	"context"
	"errors"
	"time"

	"github.com/igc-lab/igc/ca/store"
)

// dropped is how many documents are deleted in one write: others wait for it.
const dropped = 500

// DropEnded deletes the documents of these kinds that have ended by this clock, and says how many.
// The store drops those that have ended by the system's: this is for a clock that is ahead.
func (c *Clock) DropEnded(ctx context.Context, kinds ...store.DocumentKind) (n int, err error) {
	offset, err := c.Offset(ctx)
	if err != nil {
		return 0, err
	}
	for _, kind := range kinds {
		docs, err := c.documents.Store.ScanDocuments(ctx, kind, "")
		if err != nil {
			return n, err
		}
		now := c.system().Add(offset)
		var writes []store.DocumentWrite
		for i, doc := range docs {
			if !doc.Expires.IsZero() && !now.Before(doc.Expires) {
				writes = append(writes, store.DocumentWrite{Kind: kind, Key: doc.Key, Delete: true,
					IfVersion: &docs[i].Version})
			}
			if len(writes) == 0 || len(writes) < dropped && i+1 < len(docs) {
				continue
			}
			deleted, err := c.delete(ctx, writes)
			if n += deleted; err != nil {
				return n, err
			}
			writes = nil
		}
	}
	return n, nil
}

// delete deletes documents in one write; when one of them has changed meanwhile, each by itself,
// and that one stays.
func (c *Clock) delete(ctx context.Context, writes []store.DocumentWrite) (n int, err error) {
	_, err = c.documents.Store.WriteDocuments(ctx, "", writes...)
	switch {
	case err == nil:
		return len(writes), nil
	case !errors.Is(err, store.ErrSwap):
		return 0, err
	case len(writes) == 1:
		return 0, nil
	}
	for _, w := range writes {
		one, err := c.delete(ctx, []store.DocumentWrite{w})
		if n += one; err != nil {
			return n, err
		}
	}
	return n, nil
}

// Moved sends on the channel that it returns when the clock was moved, here or by a command, until
// the context ends. It looks at every tick.
func (c *Clock) Moved(ctx context.Context, tick <-chan time.Time) <-chan struct{} {
	moved := make(chan struct{}, 1)
	go func() {
		last, _ := c.Offset(ctx)
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick:
			}
			if offset, err := c.Offset(ctx); err == nil && offset != last {
				last = offset
				select {
				case moved <- struct{}{}:
				default:
				}
			}
		}
	}()
	return moved
}
