package batch

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// lengths are the known lengths of numbers, and how many zeros at their beginning a spreadsheet can
// have eaten: a department has one at most.
var lengths = map[string]struct{ whole, zeros int }{
	"rpps": {11, 1}, "adeli": {9, 1}, "finess": {9, 1}, "siren": {9, 4}, "siret": {14, 4}, "cabinet-rpps": {14, 1},
	"cabinet-adeli": {11, 1},
	"id-nat":        {10, 2},
}

// numbers are the columns that hold digits, of which a spreadsheet makes numbers.
var numbers = map[string]bool{"rpps": true, "adeli": true, "finess": true, "siren": true, "siret": true,
	"cabinet-rpps":  true,
	"cabinet-adeli": true, "id-nat": true, "structure": true, "card-number": true, "department": true,
	"profession": true}

var (
	scientific = regexp.MustCompile(`^[+-]?[0-9]+([.,][0-9]+)?[eE][+-]?[0-9]+$`)
	decimals   = regexp.MustCompile(`^([0-9]+)[.,]0{1,2}$`)
	grouped    = regexp.MustCompile(`^[0-9]{1,3}(,[0-9]{3})+$`)
)

// normalize puts right what spreadsheets and people do to a row's values, and notes where it was
// more than spaces and case.
func (r *Row) normalize() error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(r.values)) {
		list := r.values[name]
		var all []string
		for _, v := range list {
			switch {
			case numbers[name]:
				fixed, note, err := FixNumber(name, v)
				if err != nil {
					errs = append(errs, err)
				}
				if note != nil {
					r.Notes = append(r.Notes, i18n.Text{FR: "%s : %s", EN: "%s: %s"}.Format(name, *note))
				}
				all = append(all, fixed)
			case name == "speciality":
				all = append(all, strings.FieldsFunc(v, func(c rune) bool {
					return unicode.IsSpace(c) ||
						strings.ContainsRune(",;|/+", c)
				})...)
			case name == "dns":
				all = append(all, strings.FieldsFunc(v, func(c rune) bool {
					return unicode.IsSpace(c) ||
						strings.ContainsRune(",;|", c)
				})...)
			case name == "random":
				yes, err := truth(name, v)
				if err != nil {
					errs = append(errs, err)
				} else if yes {
					all = append(all, "true")
				}
			case name == "card" || name == "generation" || name == "fixture" || name == "key" || name == "urls":
				all = append(all, strings.ToLower(strings.TrimSpace(v)))
			default:
				all = append(all, v)
			}
		}
		if r.values[name] = all; len(all) == 0 {
			delete(r.values, name)
		}
	}
	return joinErrors(errs)
}

// FixNumber reads a number, of the column of that name, of which a spreadsheet made its own: it
// puts lost zeros back and takes separators out, and refuses one that has lost digits. note says
// what was done.
func FixNumber(name, value string) (fixed string, note *i18n.Text, err error) {
	noted := func(fr, en string, args ...any) *i18n.Text {
		t := i18n.Text{FR: fr, EN: en}.Format(args...)
		return &t
	}
	text := strings.TrimLeft(strings.TrimSpace(value), "'’")
	if scientific.MatchString(text) {
		return value, nil, fieldError(name, "%q est un nombre que le tableur a abrégé, et des chiffres sont perdus : "+
			"mettez la colonne au format Texte et saisissez-le de nouveau",
			"%q is a number that the spreadsheet has shortened, and digits are lost: format the column as text and "+
				"enter it again", value)
	}
	if m := decimals.FindStringSubmatch(text); m != nil {
		text, note = m[1], noted("%s lu %s", "%s read as %s", value, m[1])
	} else if grouped.MatchString(text) {
		text = strings.ReplaceAll(text, ",", "")
		note = noted("%s lu %s", "%s read as %s", value, text)
	}
	known, ok := lengths[name]
	switch {
	case name == "department":
		if len(text) == 1 && '1' <= text[0] && text[0] <= '9' {
			return "0" + text, noted("zéro remis, 0%s", "zero put back, 0%s", text), nil
		}
		return text, note, nil
	case name == "profession" || strings.Contains(text, "/"):
		return text, note, nil
	}
	number := profiles.NormalizeNumber(text)
	if number == "" {
		return value, nil, nil
	}
	missing := known.whole - len(number)
	if ok && missing > 0 && missing <= known.zeros && strings.Trim(number, "0123456789") == "" {
		padded := strings.Repeat("0", missing) + number
		n := i18n.Text{FR: "zéro remis, %s", EN: "zero put back, %s"}.Format(padded)
		if missing > 1 {
			n = i18n.Text{FR: "zéros remis, %s", EN: "zeros put back, %s"}.Format(padded)
		}
		return padded, &n, nil
	}
	return number, note, nil
}

// truth reads yes and no as spreadsheets and people write them.
func truth(name, value string) (bool, error) {
	switch profiles.Fold(value) {
	case "true", "vrai", "oui", "yes", "x", "1", "o", "y", "v":
		return true, nil
	case "false", "faux", "non", "no", "0", "n", "", "-":
		return false, nil
	}
	return false, fieldError(name, "%q n'est ni oui ni non", "%q is neither yes nor no", value)
}

func fieldError(field, fr, en string, args ...any) error {
	return &profiles.FieldError{Field: field, Err: problem("value", fr, en, args...)}
}
