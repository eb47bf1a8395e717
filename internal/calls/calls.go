// Package calls keeps the last calls that a service answered, in memory: for pages that show them
// and commands that wait for the next.
package calls

import "sync"

// List is the last calls. Make one with New.
type List[T any] struct {
	mu   sync.Mutex
	next int           // number of the next call; the first is 1
	ring []T           // call n is at n modulo its length
	wake chan struct{} // closed when there is one more; nil while nobody waits
}

// New makes a list that remembers so many calls.
func New[T any](size int) *List[T] { return &List[T]{next: 1, ring: make([]T, size)} }

// Add adds a call, which is told its number.
func (l *List[T]) Add(call func(number int) T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ring[l.next%len(l.ring)] = call(l.next)
	l.next++
	if l.wake != nil {
		close(l.wake)
		l.wake = nil
	}
}

// After returns the calls after a number that pass, the oldest first, and a channel that is closed
// when there is another.
func (l *List[T]) After(number int, passes func(*T) bool) ([]T, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []T
	for n := max(1, number+1, l.next-len(l.ring)); n < l.next; n++ {
		if c := &l.ring[n%len(l.ring)]; passes(c) {
			list = append(list, *c)
		}
	}
	if l.wake == nil {
		l.wake = make(chan struct{})
	}
	return list, l.wake
}
