package revocation

import (
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
