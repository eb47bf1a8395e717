package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/igc-lab/igc/ca/store"
)

// followBatch is how many changes a follower is given at once.
const followBatch = 500

// Follow implements [store.Store]. Once it has begun it goes on over faults of the database, until
// ctx ends or fn fails: see [Store.Confirmed].
func (s *Store) Follow(ctx context.Context, after uint64, fn func([]store.Change) error) error {
	f := s.followers.add(after)
	defer s.followers.remove(f)
	if err := s.nodes.join(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return failed(err)
	}
	defer s.nodes.leave()
	for began := false; ; {
		wake := s.followers.wakeup()
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
			s.followers.reached(f, after)
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

// followers are those that this process has. An update waits for each, so that none serves what the
// update changed.
type followers struct {
	mu   sync.Mutex
	all  map[*follower]bool
	wake chan struct{} // closed when something was written
}

type follower struct {
	seq     uint64        // reached
	reached chan struct{} // closed, and made anew, at each step
}

func (fs *followers) add(after uint64) *follower {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.all == nil {
		fs.all = map[*follower]bool{}
	}
	f := &follower{seq: after, reached: make(chan struct{})}
	fs.all[f] = true
	return f
}

func (fs *followers) remove(f *follower) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	delete(fs.all, f)
	close(f.reached)
}

func (fs *followers) reached(f *follower, seq uint64) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f.seq = seq
	close(f.reached)
	f.reached = make(chan struct{})
}

func (fs *followers) wakeup() <-chan struct{} {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.wake == nil {
		fs.wake = make(chan struct{})
	}
	return fs.wake
}

// wakeAll lets the followers read the feed.
func (fs *followers) wakeAll() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.wake != nil {
		close(fs.wake)
		fs.wake = nil
	}
}

// slowest is the change that all followers have reached, and whether there are any.
func (fs *followers) slowest() (seq uint64, any bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for f := range fs.all {
		if !any || f.seq < seq {
			seq, any = f.seq, true
		}
	}
	return seq, any
}

// wait waits until the followers have reached a change, or are gone.
func (fs *followers) wait(seq uint64, limit <-chan struct{}) {
	for {
		fs.mu.Lock()
		var late chan struct{}
		for f := range fs.all {
			if f.seq < seq {
				late = f.reached
				break
			}
		}
		fs.mu.Unlock()
		if late == nil {
			return
		}
		select {
		case <-late:
		case <-limit:
			return
		}
	}
}
