package ocsp

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/igc-lab/igc/profiles"
)

// Counts is what a responder did since it was made, for metrics.
type Counts struct {
	Good, Revoked, Unknown                           uint64 // certificates answered for, by status
	Malformed, InternalError, TryLater, Unauthorized uint64 // requests refused, by status
	Signatures                                       uint64 // answers signed
	Hits                                             uint64 // answers given from those kept, or signed for another who asked the same
	Kept                                             int    // answers kept now
	Waiting                                          int    // signatures under way or waited for now
	Responders                                       []ResponderInfo
}

// ResponderInfo is an authority's delegated responder.
type ResponderInfo struct {
	Authority profiles.Authority
	Serial    string // of its certificate, upper-case hexadecimal; empty when none could be made
	NotBefore time.Time
	NotAfter  time.Time
	DaysLeft  float64   // until then
	Renew     time.Time // when it is renewed: when half of its time is over or, after a failure, a minute later
	Err       error     // why it could not be renewed, nil when it could
	Since     time.Time // of the first failure
}

// counters are what [Counts] is read from.
type counters struct {
	answers          [3]atomic.Uint64 // by certStatus
	refusals         [7]atomic.Uint64 // by responseStatus
	signatures, hits atomic.Uint64
}

// Counts reads the counters, each at its own moment. It holds nobody up.
func (r *Responder) Counts() Counts {
	n := &r.counters
	c := Counts{
		Good: n.answers[good].Load(), Revoked: n.answers[revoked].Load(), Unknown: n.answers[unknown].Load(),
		Malformed: n.refusals[malformedRequest].Load(), InternalError: n.refusals[internalError].Load(),
		TryLater: n.refusals[tryLater].Load(), Unauthorized: n.refusals[unauthorized].Load(),
		Signatures: n.signatures.Load(), Hits: n.hits.Load(), Kept: r.cache.len(), Waiting: int(r.waiting.Load()),
	}
	now := r.now()
	r.authorities.mu.RLock()
	defer r.authorities.mu.RUnlock()
	for _, a := range r.authorities.byID {
		if info, ok := a.responderInfo(now); ok {
			c.Responders = append(c.Responders, info)
		}
	}
	slices.SortFunc(c.Responders, func(x, y ResponderInfo) int { return strings.Compare(x.Authority.ID(), y.Authority.ID()) })
	return c
}

// responderInfo describes the authority's delegate, and the renewal that failed. There is nothing
// to say of an authority that was never asked.
func (a *authority) responderInfo(now time.Time) (ResponderInfo, bool) {
	d, failure := a.delegate.Load(), a.failure.Load()
	info := ResponderInfo{Authority: a.Authority}
	if d != nil {
		info.Serial = profiles.SerialHex(d.certificate.SerialNumber)
		info.NotBefore, info.NotAfter, info.Renew = d.certificate.NotBefore, d.certificate.NotAfter, d.renew
		info.DaysLeft = info.NotAfter.Sub(now).Hours() / 24
	}
	if failure != nil {
		info.Err, info.Since = failure.err, failure.since
	}
	return info, d != nil || failure != nil
}
