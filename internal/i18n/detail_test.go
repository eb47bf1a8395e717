package i18n

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"syscall"
	"testing"
)

// kinded has a message of its own only through what it wraps, as errors with a kind have.
type kinded struct{ error }

func (k kinded) Unwrap() error { return k.error }
func (k kinded) Text() Text    { return TextOf(k.error) }

// English words of a library are quoted within a French sentence; what is known in French is not,
// nor is anything within an English one.
func TestForeignWordsAreQuoted(t *testing.T) {
	library := json.Unmarshal([]byte("{"), &struct{}{})
	_, number := strconv.Atoi("x")
	own := NewError("own", Text{FR: "abîmé", EN: "damaged"})
	for name, tc := range map[string]struct {
		err    error
		fr, en string
	}{
		"library": {library, "« unexpected end of JSON input »", "unexpected end of JSON input"},
		"library, wrapped": {fmt.Errorf("reading it: %w", library), "« reading it: unexpected end of JSON input »",
			"reading it: unexpected end of JSON input"},
		"library, of a file": {fmt.Errorf("card.json: %w", library), "card.json: « unexpected end of JSON input »",
			"card.json: unexpected end of JSON input"},
		"library, with a kind": {kinded{library}, "« unexpected end of JSON input »", "unexpected end of JSON input"},
		"library, with quotes": {number, `« strconv.Atoi: parsing "x": invalid syntax »`,
			`strconv.Atoi: parsing "x": invalid syntax`},
		"library, of a path": {&fs.PathError{Op: "open", Path: "a", Err: library},
			"a : « unexpected end of JSON input »",
			"open a: unexpected end of JSON input"},
		"own":            {own, "abîmé", "damaged"},
		"own, wrapped":   {fmt.Errorf("card.json: %w", own), "card.json: abîmé", "card.json: " + own.Error()},
		"own, with kind": {kinded{own}, "abîmé", "damaged"},
		"system": {&fs.PathError{Op: "open", Path: "a", Err: syscall.ENOENT}, "a : fichier ou dossier introuvable",
			"open a: no such file or directory"},
		"nothing": {errors.New(""), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("IGC_LANG", "en")
			got := Text{FR: "lecture impossible : %s", EN: "cannot read: %s"}.Format(tc.err)
			if got.FR != "lecture impossible : "+tc.fr || got.EN != "cannot read: "+tc.en {
				t.Errorf("%q, want %q, %q", got, tc.fr, tc.en)
			}
		})
	}
}
