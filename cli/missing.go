package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/profiles"
)

// flagsOf are the flags that fill a field of a holder, where they are others than its name.
var flagsOf = map[string][]string{"id-nat": {"rpps", "adeli", "id-nat"}, "title": {"profession"}}

// nameMissing adds the flags that were not given to an error about the holder. When nothing says
// who the holder is, they are all of it.
func nameMissing(c values, err error) error {
	var missing []string
	for _, field := range fieldsIn(err) {
		names := flagsOf[field]
		if names == nil {
			names = []string{field}
		}
		text := "--" + names[0]
		if others := names[1:]; len(others) > 0 {
			text += fmt.Sprintf(tr(" (ou --%s)", " (or --%s)"), strings.Join(others, ", --"))
		}
		if !slices.ContainsFunc(names, c.IsSet) && !slices.Contains(missing, text) {
			missing = append(missing, text)
		}
	}
	if len(missing) == 0 {
		return err
	}
	slices.SortFunc(missing, func(a, b string) int { // the identifier says most
		return strings.Compare(strings.Replace(a, "--rpps", "--", 1), strings.Replace(b, "--rpps", "--", 1))
	})
	list := strings.Join(missing, ", ")
	for _, flag := range []string{"given-name", "surname", "profession", "rpps", "adeli", "id-nat", "organisation",
		"service", "pseudonym", "structure", "like", "fixture", "csr"} {
		if c.IsSet(flag) {
			err = errorf("%w ; à donner : %s", "%w; missing: %s", err, list)
			return ca.Invalidate(err)
		}
	}
	return ca.Invalidate(errorf("à donner : %s ; ou --random pour une identité tirée au sort, --fixture alain "+
		"pour une toute faite", "missing: %s; or --random for a drawn identity, --fixture alain for a ready-made one",
		list))
}

// fieldsIn are the fields that an error is about.
func fieldsIn(err error) (fields []string) {
	switch e := err.(type) {
	case *profiles.FieldError:
		return []string{e.Field}
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			fields = append(fields, fieldsIn(one)...)
		}
	default:
		if inner := errors.Unwrap(err); inner != nil {
			return fieldsIn(inner)
		}
	}
	return fields
}
