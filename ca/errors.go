package ca

import (
	"errors"
	"fmt"
)

// Kind sorts errors by what the caller can do about them. It crosses the socket, and becomes the exit code.
type Kind string

// The kinds of errors.
const (
	Internal   Kind = "internal"   // nothing the user did
	Invalid    Kind = "invalid"    // the input is wrong
	NotFound   Kind = "not-found"  // no such lab, certificate or authority
	Conflict   Kind = "conflict"   // it would undo or contradict what is recorded
	Passphrase Kind = "passphrase" // the keys do not open
	Busy       Kind = "busy"       // another process holds the lab
	Unwritable Kind = "unwritable" // the disk or the folder refuses
	Damaged    Kind = "damaged"    // the records are damaged, or no more
	Unanswered Kind = "unanswered" // the server stopped before it answered: the lab says whether it was done
)

// Error is an error with its kind. Its text says what was wrong, with which value, and what to do.
type Error struct {
	Kind Kind
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

func fail(kind Kind, format string, args ...any) error {
	return &Error{kind, fmt.Errorf(format, args...)}
}

// KindOf is the kind of an error, Internal for one that has none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// Invalidate marks an error as one of input.
func Invalidate(err error) error {
	if err == nil {
		return nil
	}
	return &Error{Invalid, err}
}
