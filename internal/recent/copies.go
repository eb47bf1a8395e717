package recent

import (
	"sync"
	"time"
)

// Copies holds values that were read from the store, by key, until the store's feed says that they
// changed. It keeps a bounded number of them. The zero value keeps none until [Copies.Keep].
type Copies[V any] struct {
	values Map[string, V]

	mu      sync.Mutex
	current func() bool // nil while nobody follows the feed
	changes uint64      // how often Forget was called
}

// Keep has values kept from now on. The caller follows the feed and calls [Copies.Forget] with each
// change before its writer goes on. While current returns false, the feed may be late, and each Get
// reads.
func (c *Copies[V]) Keep(current func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current = current
}

// Forget drops all copies, because one of them changed.
func (c *Copies[V]) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes++
	c.values.clear()
}

// Get returns the copy of a key, or what read returns, which is kept unless it is an error, or may
// have been read before a change.
func (c *Copies[V]) Get(key string, read func() (V, error)) (V, error) {
	c.mu.Lock()
	current, changes := c.current, c.changes
	c.mu.Unlock()
	if current == nil || !current() {
		return read()
	}
	if value, ok := c.values.Get(key); ok {
		return value, nil
	}
	value, err := read()
	if err != nil {
		return value, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changes == changes {
		c.values.Put(key, value, time.Now())
	}
	return value, nil
}
