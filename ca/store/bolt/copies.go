package bolt

import (
	"bytes"
	"context"
	"sync"

	"go.etcd.io/bbolt"

	"github.com/igc-lab/igc/ca/store"
)

// copies are documents as they were read lately, and that some are not there: services read the
// same ones again and again, and need no transaction for that. A document leaves them before a
// write of it is committed, and nothing enters that was read while a commit was under way. So they
// never tell what a transaction that begins at the same moment would not.
type copies struct {
	mu      sync.Mutex
	known   map[documentKey]store.Document // not there: of version 0
	size    int                            // in bytes
	writing bool                           // a commit is under way
	commits uint64
}

type documentKey struct{ kind, key string }

// maxCopies bounds the copies, in bytes, and copyCost is what one takes beside its value. When
// there are too many, all go.
const (
	maxCopies = 1 << 20
	copyCost  = 256
)

// get returns a copy, and the stamp for put when there is none.
func (c *copies) get(k documentKey) (d store.Document, ok bool, stamp uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, ok = c.known[k]
	if !c.writing {
		stamp = c.commits + 1
	}
	return d, ok, stamp
}

// put keeps what was read after the stamp was given.
func (c *copies) put(k documentKey, d store.Document, stamp uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writing || stamp != c.commits+1 {
		return
	}
	if c.size += costOf(k, d); c.known == nil || c.size > maxCopies {
		c.known, c.size = map[documentKey]store.Document{}, costOf(k, d)
	}
	c.known[k] = d
}

func costOf(k documentKey, d store.Document) int {
	return copyCost + len(k.kind) + len(k.key) + len(d.Value)
}

// forget drops a copy of what the commit under way writes.
func (c *copies) forget(k documentKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d, ok := c.known[k]; ok {
		c.size -= costOf(k, d)
		delete(c.known, k)
	}
}

// begin and end stand around a commit.
func (c *copies) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing = true
}

func (c *copies) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing = false
	c.commits++
}

// clear forgets all: the file was closed, and another process may write it.
func (c *copies) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known, c.size = nil, 0
	c.commits++
}

// Document implements [store.DocumentReader].
func (s *Store) Document(ctx context.Context, kind, key string) (d store.Document, err error) {
	err = s.using(ctx, func() error {
		k := documentKey{kind, key}
		known, ok, stamp := s.copies.get(k)
		if !ok || s.foundDamage() != nil {
			if err := s.view(func(b *bbolt.Tx) (err error) {
				known, _, err = (&tx{Tx: b, store: s}).stored(kind, key)
				return err
			}); err != nil {
				return err
			}
			s.copies.put(k, known, stamp)
		}
		if known.Version == 0 || ended(known, s.second()) {
			return noDocument(kind, key)
		}
		d = known
		d.Value = bytes.Clone(d.Value)
		return nil
	})
	return d, err
}
