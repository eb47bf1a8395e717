package batch

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// Row is one card of a batch: the flags of igc issue by their names. Its methods are those of
// flags.
type Row struct {
	Line  int         // of a spreadsheet the row, as it shows it
	Notes []i18n.Text // what was put right in it, and what is unusual

	sheet  bool // of a spreadsheet, where lines are rows
	values map[string][]string
	places map[string]string // of a table, the place of each value: column D "profession"
}

// NewRow makes a row that is not of a file.
func NewRow(line int, values map[string][]string) Row { return Row{Line: line, values: values} }

// IsSet tells whether the row has a value of that name.
func (r Row) IsSet(name string) bool { return len(r.values[name]) > 0 }

// String is the value of that name, the first of several.
func (r Row) String(name string) string {
	if !r.IsSet(name) {
		return ""
	}
	return r.values[name][0]
}

// StringSlice is all values of that name.
func (r Row) StringSlice(name string) []string { return r.values[name] }

// Bool tells whether the value of that name is true.
func (r Row) Bool(name string) bool { return r.String(name) == "true" }

// place names a row to a person.
func (r Row) place() i18n.Text {
	if r.sheet {
		return i18n.Text{FR: "ligne %d", EN: "row %d"}.Format(r.Line)
	}
	return i18n.Text{FR: "ligne %d", EN: "line %d"}.Format(r.Line)
}

// RowError says what is wrong with a row: each fault with the column that it is in.
type RowError struct {
	Row Row
	Err error
}

// Unwrap gives the error without its row.
func (e *RowError) Unwrap() error { return e.Err }

// Error is the message in the language of the environment.
func (e *RowError) Error() string { return e.Text().In(i18n.FromEnvironment()) }

// Text is the message in both languages.
func (e *RowError) Text() i18n.Text {
	var fr, en []string
	for _, fault := range faults(e.Err) {
		t := i18n.TextOf(fault)
		field := (*profiles.FieldError)(nil)
		if errors.As(fault, &field) {
			if place := e.Row.placeOf(field.Field); place != "" {
				t = i18n.Text{FR: t.FR + " (colonne " + place + ")", EN: t.EN + " (column " + place + ")"}
			}
		}
		fr, en = append(fr, t.FR), append(en, t.EN)
	}
	at := e.Row.place()
	return i18n.Text{FR: at.FR + " : " + strings.Join(fr, " ; "), EN: at.EN + ": " + strings.Join(en, "; ")}
}

// placeOf is the place of a field's value in a table. A field that several columns can give is
// looked for in each.
func (r Row) placeOf(field string) string {
	names := []string{field}
	switch field {
	case "id-nat":
		names = append(names, "rpps", "adeli", "register")
	case "structure":
		for _, k := range profiles.StructureKinds {
			names = append(names, k.Name)
		}
	}
	for _, name := range names {
		if place := r.places[name]; place != "" {
			return place
		}
	}
	return ""
}

// faults takes errors apart that were joined.
func faults(err error) []error {
	switch e := err.(type) {
	case *profiles.FieldError:
		return []error{err}
	case *ca.Error:
		return faults(e.Err)
	case interface{ Unwrap() []error }:
		if _, one := err.(interface{ Text() i18n.Text }); !one {
			var all []error
			for _, inner := range e.Unwrap() {
				all = append(all, faults(inner)...)
			}
			return all
		}
	}
	return []error{err}
}

// set adds a value of a name that is known.
func (r Row) set(name string, value any) error {
	switch v := value.(type) {
	case nil:
	case string:
		if v != "" {
			r.values[name] = append(r.values[name], v)
		}
	case []any:
		for _, e := range v {
			if _, list := e.([]any); list {
				return wrongValue(name, "une liste dans une liste", "a list in a list")
			}
			if err := r.set(name, e); err != nil {
				return err
			}
		}
	case map[string]any:
		return wrongValue(name, "un objet n'est ni un texte ni une liste", "an object is neither a text nor a list")
	default:
		r.values[name] = append(r.values[name], fmt.Sprint(v))
	}
	return nil
}

func wrongValue(name, fr, en string) error {
	return problem("value", "%s : "+fr, "%s: "+en, name)
}

func problem(code, fr, en string, args ...any) error {
	return i18n.NewError("batch-"+code, i18n.Text{FR: fr, EN: en}, args...)
}

// unknownNames is the error of the columns or keys that a file has too much, all of them together,
// each with the name that it is nearest to.
func unknownNames(names []string, known *names) error {
	var all []string
	for _, n := range names {
		shown := fmt.Sprintf("%q", n)
		if meant := known.nearest(n); meant != "" {
			shown += " (" + meant + " ?)"
		}
		if !slices.Contains(all, shown) {
			all = append(all, shown)
		}
	}
	list := strings.Join(all, ", ")
	if len(all) > 20 {
		list = strings.Join(all[:20], ", ") + ", …"
	}
	return problem("unknown", "colonne inconnue %s : --batch-example montre celles qui existent",
		"unknown column %s: --batch-example shows those there are", list)
}
