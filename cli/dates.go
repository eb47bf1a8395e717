package cli

import (
	"errors"
	"strings"
	"time"
	"unicode"

	"github.com/igc-lab/igc/ca"
)

// The forms of dates. Those without a zone are of the user's zone, so that today's date is today.
var (
	dayLayouts   = []string{time.DateOnly, "2/1/2006", "2.1.2006", "2-1-2006", "2006/1/2"}
	clockLayouts = []string{"15:04:05", "15:04", "15h04", "15h"}
	zoneLayouts  = []string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z07:00",
		"2006-01-02 15:04:05 -0700",
		"Jan _2 15:04:05 2006 GMT", "2006-01-02 15:04:05 UTC", "2006-01-02 15:04:05Z", "2/1/2006 15:04:05 UTC"}
	localLayouts = func() (all []string) {
		for _, day := range dayLayouts {
			for _, clock := range clockLayouts {
				all = append(all, day+" "+clock)
			}
		}
		return append(all, "2006-01-02T15:04:05", "2006-01-02T15:04")
	}()
)

// parseTime reads a date, which is the beginning of that day, or a moment.
func parseTime(s string) (time.Time, error) {
	t, _, err := parseDate(s)
	return t, err
}

// parseDate reads a date or a moment; day tells that it was a date.
func parseDate(s string) (t time.Time, day bool, err error) {
	text := strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) ||
			unicode.In(r, unicode.Cc, unicode.Cf)
	}), " ")
	text = strings.Replace(text, " à ", " ", 1)
	for _, layout := range dayLayouts {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, true, nil
		}
	}
	for _, layout := range zoneLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t, false, nil
		}
	}
	for _, layout := range localLayouts {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, false, nil
		}
	}
	if _, err := time.Parse("1/2/2006", text); err == nil {
		return t, false, ca.Invalidate(errorf("%q n'est pas une date : le jour vient avant le mois, 31/01/2026",
			"%q is not a date: the day comes before the month, 31/01/2026", s))
	}
	if outOfRange := (*time.ParseError)(nil); errors.As(parseError(text), &outOfRange) &&
		strings.Contains(outOfRange.Message, "out of range") {
		return t, false, ca.Invalidate(errorf("%q n'est pas une date : ce jour ou cette heure n'existe pas",
			"%q is not a date: there is no such day or hour", s))
	}
	return t, false, ca.Invalidate(errorf("%q n'est pas une date : écrivez 2026-01-31, 31/01/2026, "+
		"31/01/2026 14:30 ou 2026-01-31T12:00:00Z",
		"%q is not a date: write 2026-01-31, 31/01/2026, 31/01/2026 14:30 or 2026-01-31T12:00:00Z", s))
}

// parseError is what is wrong with a date of one of the two usual forms.
func parseError(text string) error {
	day, _, _ := strings.Cut(text, " ")
	for _, layout := range dayLayouts[:2] {
		if _, err := time.Parse(layout, day); err != nil && strings.Contains(err.Error(), "out of range") {
			return err
		}
	}
	return nil
}
