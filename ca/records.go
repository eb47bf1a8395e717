package ca

import (
	"github.com/igc-lab/igc/ca/keys"
	"github.com/igc-lab/igc/ca/store"
)

// What the lab records is defined in package store; callers of this package need not name it.
type (
	Record     = store.Record
	Status     = store.Status
	Revocation = store.Revocation
	Reason     = store.Reason
	Filter     = store.Filter
	Error      = store.Error
	Kind       = store.Kind

	CRLState   = store.CRLState
	CRLIssue   = store.CRLIssue
	CRLRequest = store.CRLRequest
	CRLContent = store.CRLContent
	CRLChunk   = store.CRLChunk
	CRLForm    = store.CRLForm
)

// KeyPolicy says which keys a lab makes, see [keys.Policy].
type KeyPolicy = keys.Policy

// The policies.
const (
	Faithful = keys.Faithful
	RSA3072  = keys.RSA3072
	RSA2048  = keys.RSA2048
	P256     = keys.P256
)

// ParseKeyPolicy reads a policy's name.
func ParseKeyPolicy(s string) (KeyPolicy, error) { return keys.ParsePolicy(s) }

// The statuses, the one reason that can be taken back, and the forms of CRLs.
const (
	Good    = store.Good
	Revoked = store.Revoked
	OnHold  = store.OnHold

	Hold = store.Hold

	FaithfulCRL = store.FaithfulCRL
	RichCRL     = store.RichCRL
)

// The kinds of errors, see [store.Kind].
const (
	Internal   = store.Internal
	Invalid    = store.Invalid
	NotFound   = store.NotFound
	Conflict   = store.Conflict
	Passphrase = store.Passphrase
	Busy       = store.Busy
	Unwritable = store.Unwritable
	Damaged    = store.Damaged
	Unanswered = store.Unanswered

	Unavailable = store.Unavailable
)

// Statuses lists the statuses.
func Statuses() []Status { return store.Statuses() }

// Reasons lists the reasons in the order of their codes.
func Reasons() []Reason { return store.Reasons() }

// ParseReason reads a reason's name, in any case.
func ParseReason(s string) (Reason, error) { return store.ParseReason(s) }

// ReasonOf is the reason of a code, unspecified for an unknown code.
func ReasonOf(code int) Reason { return store.ReasonOf(code) }

// KindOf is the kind of an error, Internal for an error without one.
func KindOf(err error) Kind { return store.KindOf(err) }

// Invalidate marks an error as one of input.
func Invalidate(err error) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: Invalid, Err: err}
}

func fail(kind Kind, format string, args ...any) error { return store.Errorf(kind, format, args...) }
