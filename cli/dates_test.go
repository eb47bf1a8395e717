package cli

import (
	"strings"
	"testing"
	"time"
)

// Dates are those of the user: local zone, local forms.
func TestDates(t *testing.T) {
	was := time.Local
	t.Cleanup(func() { time.Local = was })
	for _, zone := range []string{"UTC", "Europe/Paris", "Pacific/Kiritimati", "Pacific/Noumea", "Indian/Mayotte",
		"America/Guadeloupe"} {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err) // the zones are in the binary
		}
		time.Local = loc
		midnight, afternoon := time.Date(2026, 11, 25, 0, 0, 0, 0, loc), time.Date(2026, 11, 25, 14, 30, 0, 0, loc)
		for _, text := range []string{"2026-11-25", "25/11/2026", "25.11.2026", "25-11-2026", " 25/11/2026 ",
			"2026/11/25", "25/11/2026\u200e"} {
			if got, day, err := parseDate(text); err != nil || !day || !got.Equal(midnight) {
				t.Errorf("%s, %q: %v, %t, %v", zone, text, got, day, err)
			}
		}
		for _, text := range []string{"25/11/2026 14:30", "25/11/2026 14:30:00", "25/11/2026 à 14:30",
			"25/11/2026 à 14h30", "2026-11-25 14:30", "2026-11-25T14:30",
			"2026-11-25T14:30:00", "25/11/2026\u00a014h30"} {
			if got, day, err := parseDate(text); err != nil || day || !got.Equal(afternoon) {
				t.Errorf("%s, %q: %v, %t, %v", zone, text, got, day, err)
			}
		}
		utc := time.Date(2026, 11, 25, 14, 30, 0, 0, time.UTC)
		for _, text := range []string{"2026-11-25T14:30:00Z", "2026-11-25T15:30:00+01:00", "2026-11-25T15:30:00+0100",
			"2026-11-25 14:30:00 UTC",
			"25/11/2026 à 14:30:00 UTC", "Nov 25 14:30:00 2026 GMT"} { // the last three: igc's own, openssl's
			if got, day, err := parseDate(text); err != nil || day || !got.Equal(utc) {
				t.Errorf("%s, %q: %v, %t, %v", zone, text, got, day, err)
			}
		}
	}
	t.Setenv("IGC_LANG", "en")
	for text, want := range map[string]string{"yesterday": "is not a date: write", "": "write",
		"11/25/2026": "the day comes before the month", "31/02/2026": "no such day",
		"2026-02-30": "no such day", "25/11/26": "write", "46351": "write", "2026": "write",
		"25/11/2026 25:00": "write", "2026-13-01": "no such day"} {
		if got, _, err := parseDate(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v; want %q", text, got, err, want)
		}
	}
}
