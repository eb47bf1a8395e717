package profiles

import "github.com/igc-lab/igc/internal/i18n"

// FieldError says what is wrong with one field of a holder: the value, and what would do.
type FieldError struct {
	Field string // as flags and columns name it: given-name
	Err   error
}

// Error is the message in the language of the environment.
func (e *FieldError) Error() string { return e.Err.Error() }

// Text is the message in both languages.
func (e *FieldError) Text() i18n.Text { return i18n.TextOf(e.Err) }

// Unwrap gives the message without its field.
func (e *FieldError) Unwrap() error { return e.Err }

// wrong makes the error of a field.
func wrong(field, fr, en string, args ...any) error {
	return &FieldError{field, i18n.NewError("holder-"+field, i18n.Text{FR: fr, EN: en}, args...)}
}
