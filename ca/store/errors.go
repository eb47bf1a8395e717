package store

import (
	"errors"

	"github.com/igc-lab/igc/internal/i18n"
)

// Kind sorts errors by what the caller can do about them. It crosses the socket, and becomes the
// exit code.
type Kind string

// The kinds of errors.
const (
	Internal   Kind = "internal"   // a fault of igc
	Invalid    Kind = "invalid"    // the input is wrong
	NotFound   Kind = "not-found"  // no such lab, certificate or authority
	Conflict   Kind = "conflict"   // it would undo or contradict what is recorded
	Passphrase Kind = "passphrase" // the keys do not open
	Busy       Kind = "busy"       // another process has the lab open
	Unwritable Kind = "unwritable" // the disk or the folder refuses
	Damaged    Kind = "damaged"    // the records are damaged, or lost
	Unanswered Kind = "unanswered" // the server stopped before it answered: the lab says whether it was done
	// Unavailable is the kind of an error of a database that does not answer: it may another time.
	Unavailable Kind = "unavailable"
)

// Error is an error with its kind. Its text says what was wrong, with which value, and what to do.
type Error struct {
	Kind Kind
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Text is the message in both languages.
func (e *Error) Text() i18n.Text { return i18n.TextOf(e.Err) }

// Errorf makes an error of a kind, from a format of the catalogue, see [i18n.Errorf].
func Errorf(kind Kind, format string, args ...any) error {
	return &Error{kind, i18n.Errorf(format, args...)}
}

// KindOf is the kind of an error, [Internal] for an error without one.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// The errors that callers of a store compare with.
var (
	ErrSerialTaken = errors.New("serial number taken")
	ErrLocked      = errors.New("another process has the records open")
	ErrSwap        = errors.New("the document changed meanwhile")
	ErrLeaseHeld   = errors.New("the lease is held by another")
)

// refused is an error that has a code of one package's own. [KindOf] gives its kind.
type refused[C ~string] struct {
	code C
	err  *Error
}

func (r *refused[C]) Error() string   { return r.err.Error() }
func (r *refused[C]) Unwrap() error   { return r.err }
func (r *refused[C]) Text() i18n.Text { return r.err.Text() }

// Refuse makes an error with a code of the caller's own, whose type is the package's. The text is a
// format of the arguments, see [i18n.Text.Format].
func Refuse[C ~string](code C, kind Kind, text i18n.Text, args ...any) error {
	return &refused[C]{code, &Error{kind, i18n.NewError(string(code), text, args...)}}
}

// CodeOf is the code that [Refuse] gave an error, empty for one with no code of that type.
func CodeOf[C ~string](err error) C {
	var r *refused[C]
	if errors.As(err, &r) {
		return r.code
	}
	return ""
}
