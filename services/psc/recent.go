package psc

import "sync"

// recentSize is how many values each half of a [recent] keeps.
const recentSize = 2000

// recent keeps values that were worked out lately, in two halves: when the young one is full the
// old one goes.
type recent[K comparable, V any] struct {
	mu         sync.Mutex
	young, old map[K]V
}

func (r *recent[K, V]) get(key K) (value V, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if value, ok = r.young[key]; !ok {
		value, ok = r.old[key]
	}
	return value, ok
}

func (r *recent[K, V]) put(key K, value V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.young == nil || len(r.young) >= recentSize {
		r.young, r.old = map[K]V{}, r.young
	}
	r.young[key] = value
}
