// Package recent keeps what was worked out lately: a bounded number of values, and not for long.
package recent

import (
	"encoding/json"
	"sync"
	"time"
)

// Most is how many values each half of a [Map] keeps, and Kept how long a half takes values.
const (
	Most = 2000
	Kept = 10 * time.Minute
)

// Map holds values in two halves: when the young one is full, or old enough, it takes the place of
// the old one. The zero value is an empty map.
type Map[K comparable, V any] struct {
	mu         sync.Mutex
	young, old map[K]V
	begun      time.Time // the young half
}

// Get returns the value of a key.
func (m *Map[K, V]) Get(key K) (value V, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if value, ok = m.young[key]; !ok {
		value, ok = m.old[key]
	}
	return value, ok
}

// Put keeps a value.
func (m *Map[K, V]) Put(key K, value V, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if age := now.Sub(m.begun); m.young == nil || len(m.young) >= Most || age >= Kept {
		if m.old = m.young; age >= 2*Kept {
			m.old = nil
		}
		m.young, m.begun = map[K]V{}, now
	}
	m.young[key] = value
}

func (m *Map[K, V]) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.young, m.old = nil, nil
}

// Parsed holds what documents of JSON were read as, by their keys. One that has another version is
// parsed anew.
type Parsed[T any] struct{ known Map[string, parsed[T]] }

type parsed[T any] struct {
	version uint64
	value   *T
}

// Parse returns what a document holds. The value is shared: it is not to be changed.
func (p *Parsed[T]) Parse(key string, version uint64, document []byte, now time.Time) (*T, error) {
	if known, ok := p.known.Get(key); ok && known.version == version {
		return known.value, nil
	}
	value := new(T)
	if err := json.Unmarshal(document, value); err != nil {
		return nil, err
	}
	p.known.Put(key, parsed[T]{version, value}, now)
	return value, nil
}

// Last is what the document of a key held when it was parsed last, nil when that is not known.
func (p *Parsed[T]) Last(key string) *T {
	known, _ := p.known.Get(key)
	return known.value
}
