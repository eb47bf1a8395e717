package psc

import (
	"sync"
	"time"
)

// recentSize is how many values each half of a [recent] keeps, and recentKept how long a half takes
// values.
const (
	recentSize = 2000
	recentKept = 10 * time.Minute
)

// recent keeps values that were worked out lately, in two halves: when the young one is full, or
// old enough, it takes the place of the old one.
type recent[K comparable, V any] struct {
	mu         sync.Mutex
	young, old map[K]V
	begun      time.Time // the young half
}

func (r *recent[K, V]) get(key K) (value V, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if value, ok = r.young[key]; !ok {
		value, ok = r.old[key]
	}
	return value, ok
}

func (r *recent[K, V]) put(key K, value V, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if age := now.Sub(r.begun); r.young == nil || len(r.young) >= recentSize || age >= recentKept {
		if r.old = r.young; age >= 2*recentKept {
			r.old = nil
		}
		r.young, r.begun = map[K]V{}, now
	}
	r.young[key] = value
}
