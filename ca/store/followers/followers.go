// Package followers keeps count of those who follow the change feed in one process, for the drivers
// of the store: an update waits for each, so that none serves what the update changed. How the feed
// is read is the driver's.
package followers

import "sync"

// Set is the followers that a process has. The zero value has none.
type Set struct {
	mu   sync.Mutex
	all  map[*Follower]bool
	wake chan struct{} // closed when something was written
}

// Follower is one of them.
type Follower struct {
	seq     uint64        // reached
	reached chan struct{} // closed, and made anew, at each step
}

// Add adds a follower that has everything up to a change.
func (s *Set) Add(after uint64) *Follower {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[*Follower]bool{}
	}
	f := &Follower{seq: after, reached: make(chan struct{})}
	s.all[f] = true
	return f
}

// Remove ends a follower: nobody waits for it.
func (s *Set) Remove(f *Follower) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, f)
	close(f.reached)
}

// Reached says that a follower has taken everything up to a change.
func (s *Set) Reached(f *Follower, seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.seq = seq
	close(f.reached)
	f.reached = make(chan struct{})
}

// Wakeup is closed at the next [Set.WakeAll]. Ask for it before the feed is read.
func (s *Set) Wakeup() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wake == nil {
		s.wake = make(chan struct{})
	}
	return s.wake
}

// WakeAll lets the followers read the feed.
func (s *Set) WakeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wake != nil {
		close(s.wake)
		s.wake = nil
	}
}

// Slowest is the change that all followers have reached, and whether there are any.
func (s *Set) Slowest() (seq uint64, any bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for f := range s.all {
		if !any || f.seq < seq {
			seq, any = f.seq, true
		}
	}
	return seq, any
}

// Wait waits until the followers have reached a change or are gone, or until limit is closed.
func (s *Set) Wait(seq uint64, limit <-chan struct{}) {
	for {
		s.mu.Lock()
		var late chan struct{}
		for f := range s.all {
			if f.seq < seq {
				late = f.reached
				break
			}
		}
		s.mu.Unlock()
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
