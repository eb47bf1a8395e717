package ocsp

import (
	"sync"
	"sync/atomic"
	"time"

	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/internal/der"
)

// kept are the signed answers that are given again to who asks the same without a nonce, by the DER of the certID.
//
// No answer outlives the status that it tells. An entry is put into the map before the status is read that its answer
// will tell, and a change of status takes the entries of the certificate out, once the change is on the disk. So either
// the status is read after the change, and is the new one, or the entry was in the map before the change and is taken out
// with it: those who wait for it asked before the change was told, and nobody finds it any more. Only who signs puts an
// entry in, so a signature under way during the change cannot bring the old answer back.
type kept struct {
	max     int
	mu      sync.RWMutex
	entries map[string]*entry
}

// entry is an answer, or one that is being signed.
type entry struct {
	reply atomic.Pointer[reply] // nil while it is being signed
	ready chan struct{}         // closed when it is there
}

// get returns the entry of the certID, nil when there is none that is good to be given now.
func (k *kept) get(id []byte, now time.Time) *entry {
	k.mu.RLock()
	e := k.entries[string(id)]
	k.mu.RUnlock()
	if e == nil || !e.fresh(now) {
		return nil
	}
	return e
}

// begin returns the entry of the certID. mine says that it is new, and the caller's to settle: one signature for many
// askers.
func (k *kept) begin(id []byte, now time.Time) (e *entry, mine bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e = k.entries[string(id)]; e != nil && e.fresh(now) {
		return e, false
	}
	e = &entry{ready: make(chan struct{})}
	k.entries[string(id)] = e
	return e, true
}

// fresh tells whether the entry is good to be given now: what is being signed always is.
func (e *entry) fresh(now time.Time) bool {
	p := e.reply.Load()
	return p == nil || !now.Before(p.thisUpdate) && now.Before(p.renew)
}

// settle gives the entry its reply, and those who wait for it. It stays only if the reply is one to be kept; a full map
// makes room by dropping any other.
func (k *kept) settle(id []byte, e *entry, reply *reply) {
	e.reply.Store(reply)
	close(e.ready)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.entries[string(id)] != e { // taken out
		return
	}
	if !reply.cacheable() || k.max == 0 {
		delete(k.entries, string(id))
		return
	}
	for other := range k.entries {
		if len(k.entries) <= k.max {
			break
		}
		if other != string(id) {
			delete(k.entries, other)
		}
	}
}

// drop takes out what is kept of a certificate, however it is named; serial is the contents of its INTEGER.
func (k *kept) drop(a *authority, serial []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, form := range a.forms {
		delete(k.entries, string(der.Element(cbasn1.SEQUENCE, form, der.Element(cbasn1.INTEGER, serial))))
	}
}

// clear takes everything out.
func (k *kept) clear() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.entries)
}

func (k *kept) len() int {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return len(k.entries)
}
