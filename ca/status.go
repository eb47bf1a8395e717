package ca

import (
	"encoding/binary"
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
	all := make([]Reason, 0, len(reasonCodes))
	for code := range 11 {
		for r, c := range reasonCodes {
			if c == code {
				all = append(all, r)
			}
		}
	}
	return all
}

// ParseReason reads a reason's name, in any case.
func ParseReason(s string) (Reason, error) {
	if strings.EqualFold(s, "removeFromCRL") {
		return "", fail(Invalid, "removeFromCRL is no reason to revoke: it takes a certificate off the list, which igc unhold does")
	}
	var names []string
	for _, r := range Reasons() {
		if strings.EqualFold(string(r), s) {
			return r, nil
		}
		names = append(names, string(r))
	}
	return "", fail(Invalid, "unknown reason %q: choose one of %s", s, strings.Join(names, ", "))
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

// status is what stands by a serial number: 40 bytes, of which 38 are used. Times are seconds since 1970.
//
//	0     0 good, 1 revoked
//	1     reason code; 8 for one that was on hold
//	2-9   revocation
//	10-17 end of validity
//	18-25 invalidity date, 0 without one
//	26-33 the revision that put it on the list
//	34-37 checksum of the serial number, its sequence and the bytes before; 0 in what was written without
type status [40]byte

const statusChecksum = 34

func (s *status) checksum() uint32 { return binary.BigEndian.Uint32(s[statusChecksum:]) }

func newStatus(notAfter time.Time) (s status) {
	binary.BigEndian.PutUint64(s[10:], uint64(notAfter.Unix()))
	return s
}

func (s *status) revoke(v Revocation, revision uint64) {
	s[0], s[1] = 1, byte(v.Reason.Code())
	binary.BigEndian.PutUint64(s[2:], uint64(v.At.Unix()))
	if !v.Invalidity.IsZero() {
		binary.BigEndian.PutUint64(s[18:], uint64(v.Invalidity.Unix()))
	}
	binary.BigEndian.PutUint64(s[26:], revision)
}

// release ends a hold. Its date is kept for the delta CRL that takes the certificate off.
func (s *status) release() {
	s[0], s[1] = 0, removeFromCRL
	clear(s[18:34])
}

func (s *status) revocation() *Revocation {
	if s[0] == 0 {
		return nil
	}
	v := &Revocation{At: s.time(2), Reason: ReasonOf(int(s[1]))}
	if t := s.time(18); t.Unix() != 0 {
		v.Invalidity = t
	}
	return v
}

func (s *status) time(at int) time.Time {
	return time.Unix(int64(binary.BigEndian.Uint64(s[at:])), 0).UTC()
}

func (s *status) order() uint64 { return binary.BigEndian.Uint64(s[26:]) }

func (r *Record) setStatus(s status) {
	r.Status, r.Revoked = Good, s.revocation()
	switch {
	case r.Revoked == nil:
	case r.Revoked.Reason == Hold:
		r.Status = OnHold
	default:
		r.Status = Revoked
	}
}
