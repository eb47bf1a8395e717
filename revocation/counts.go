package revocation

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
	Serial    string // of its certificate, upper-case hexadecimal
	NotAfter  time.Time
	DaysLeft  float64 // until then; it is renewed when half of its time is over
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
		Signatures: n.signatures.Load(), Hits: n.hits.Load(), Kept: r.kept.len(), Waiting: int(r.waiting.Load()),
	}
	now := r.now()
	r.authorities.mu.RLock()
	defer r.authorities.mu.RUnlock()
	for _, a := range r.authorities.byID {
		if d := a.delegate.Load(); d != nil {
			end := d.certificate.NotAfter
			c.Responders = append(c.Responders, ResponderInfo{a.Authority, profiles.SerialHex(d.certificate.SerialNumber), end, end.Sub(now).Hours() / 24})
		}
	}
	slices.SortFunc(c.Responders, func(x, y ResponderInfo) int { return strings.Compare(x.Authority.ID(), y.Authority.ID()) })
	return c
}
