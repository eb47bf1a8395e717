package ocsp

import (
	"sync"
	"sync/atomic"
	"time"

	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/internal/der"
)

// responseCache holds the signed answers that are given again to clients that ask the same without
// a nonce, by the DER of the CertID.
//
// No answer outlives the status that it tells. An entry is put into the map before the status is
// read that its answer will tell, and a change of status takes the entries of the certificate out,
// once the change is on the disk. So either the status is read after the change, and is the new
// one, or the entry was in the map before the change and is taken out with it: those who wait for
// it asked before the change was told, and nobody finds it any more. Only who signs puts an entry
// in, so a signature under way during the change cannot bring the old answer back.
type responseCache struct {
	max     int
	mu      sync.RWMutex
	entries map[string]*entry
}

// entry is an answer, or one that is being signed.
type entry struct {
	reply atomic.Pointer[reply] // nil while it is being signed
	ready chan struct{}         // closed when it is there

	former *reply // that which it takes the place of, nil for none: given if there will be no newer one
}

// get returns the entry of the certID, nil when there is none that is good to be given now.
func (c *responseCache) get(id []byte, now time.Time) *entry {
	c.mu.RLock()
	e := c.entries[string(id)]
	c.mu.RUnlock()
	if e == nil || !e.fresh(now) {
		return nil
	}
	return e
}

// begin returns the entry of the certID. owner says that it is new, and the caller's to complete:
// one signature for many askers.
func (c *responseCache) begin(id []byte, now time.Time) (e *entry, owner bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e = c.entries[string(id)]; e != nil && e.fresh(now) {
		return e, false
	}
	former := e
	e = &entry{ready: make(chan struct{})}
	if former != nil {
		e.former = former.reply.Load()
	}
	c.entries[string(id)] = e
	return e, true
}

// fresh tells whether the entry is good to be given now: what is being signed always is.
func (e *entry) fresh(now time.Time) bool {
	p := e.reply.Load()
	return p == nil || !now.Before(p.thisUpdate) && now.Before(p.renew)
}

// complete gives the entry its reply, and those who wait for it. It stays only if the reply is one
// to be kept; a full map drops any other.
func (c *responseCache) complete(id []byte, e *entry, reply *reply) {
	e.reply.Store(reply)
	close(e.ready)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries[string(id)] != e { // taken out
		return
	}
	if !reply.cacheable() || c.max == 0 {
		delete(c.entries, string(id))
		return
	}
	for other := range c.entries {
		if len(c.entries) <= c.max {
			break
		}
		if other != string(id) {
			delete(c.entries, other)
		}
	}
}

// drop takes out what is kept of a certificate, however it is named; serial is the contents of its
// INTEGER.
func (c *responseCache) drop(a *authority, serial []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, form := range a.issuerIDs {
		delete(c.entries, string(der.Element(cbasn1.SEQUENCE, form, der.Element(cbasn1.INTEGER, serial))))
	}
}

// clear takes everything out.
func (c *responseCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.entries)
}

func (c *responseCache) len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.entries)
}
