package store

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// Status is what the lab says of a certificate. Expiry is not a status: it follows from the dates.
type Status string

// The statuses.
const (
	Good    Status = "good"
	Revoked Status = "revoked"
	OnHold  Status = "hold" // revoked for certificateHold: it may be good again
)

// Statuses lists them.
func Statuses() []Status { return []Status{Good, Revoked, OnHold} }

// Revocation is when and why a certificate was revoked.
type Revocation struct {
	At         time.Time `json:"at"`
	Reason     Reason    `json:"reason"`
	Invalidity time.Time `json:"invalidity,omitzero"` // since when the key is thought to be another's (RFC 5280 §5.3.2)
}

// Reason is a CRLReason (RFC 5280 §5.3.1), by its name.
type Reason string

// Hold is the one reason that can be taken back.
const Hold Reason = "certificateHold"

// reasonCodes are the reasons that a revocation can have; removeFromCRL (8) only undoes one.
var reasonCodes = map[Reason]int{"unspecified": 0, "keyCompromise": 1, "cACompromise": 2, "affiliationChanged": 3,
	"superseded": 4, "cessationOfOperation": 5, Hold: 6, "privilegeWithdrawn": 9, "aACompromise": 10}

// Reasons lists the reasons in the order of their codes.
func Reasons() []Reason {
	return slices.SortedFunc(maps.Keys(reasonCodes), func(a, b Reason) int { return cmp.Compare(a.Code(), b.Code()) })
}

// ParseReason reads a reason's name, in any case.
func ParseReason(s string) (Reason, error) {
	if strings.EqualFold(s, "removeFromCRL") {
		return "", Errorf(Invalid, "removeFromCRL does not revoke: it takes a certificate off the CRL, which igc unhold does")
	}
	var names []string
	for _, r := range Reasons() {
		if strings.EqualFold(string(r), s) {
			return r, nil
		}
		names = append(names, string(r))
	}
	return "", Errorf(Invalid, "unknown reason %q: choose one of %s", s, strings.Join(names, ", "))
}

// Code is the number that CRLs and OCSP answers carry.
func (r Reason) Code() int { return reasonCodes[r] }

// ReasonOf is the reason of a code, unspecified for one that is none.
func ReasonOf(code int) Reason {
	for r, c := range reasonCodes {
		if c == code {
			return r
		}
	}
	return "unspecified"
}

// RemoveFromCRL is the reason code by which a delta CRL takes an entry off (RFC 5280 §5.3.1). No
// revocation has it.
const RemoveFromCRL = 8
