// Package lint checks a certificate by rules that each have a name: those of the IGC-Santé (one row
// each in rules.go) and those of the RFCs, which zlint holds. A certificate that departs from its
// profile thus says which rule it breaks, and the lab's authorities sign nothing that breaks one at
// the level [Error].
package lint

import (
	"errors"
	"slices"
	"strings"
	"unicode"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// Level says how much a finding weighs.
type Level string

// The levels. Only an error keeps the lab from signing.
const (
	Error   Level = "error"   // no certificate of the IGC-Santé is like this
	Warning Level = "warning" // unusual, and seen on real certificates or harmless
	Notice  Level = "notice"  // a known deviation, or what keeps a certificate of the lab from being faithful
)

var levels = []Level{Error, Warning, Notice}

// Finding is a rule that the certificate breaks.
type Finding struct {
	Level     Level     `json:"level"`
	Rule      string    `json:"rule"`                // stable; those of zlint have zlint's name
	Expected  i18n.Text `json:"expected"`            // what the rule asks for
	Seen      i18n.Text `json:"seen"`                // what the certificate has instead; "–" where nothing is there
	Fix       i18n.Text `json:"fix"`                 // what to do
	Reference string    `json:"reference,omitempty"` // the section of an RFC
}

// Text is the rule and what was found, in a sentence.
func (f Finding) Text() i18n.Text {
	return i18n.Text{FR: f.Expected.FR + " : " + f.Seen.FR, EN: f.Expected.EN + ": " + f.Seen.EN}
}

// Certificate checks a DER certificate; the gravest findings come first. Bytes that are none have a
// finding that says so.
func Certificate(der []byte) []Finding {
	d, err := profiles.Decode(der)
	if err != nil {
		why := i18n.TextOf(err)
		return []Finding{{Error, "igc_certificate", i18n.Text{FR: "Un certificat X.509", EN: "An X.509 certificate"},
			i18n.Text{FR: clean(strings.TrimPrefix(why.FR, "ce n'est pas un certificat : ")),
				EN: clean(strings.TrimPrefix(why.EN, "not a certificate: "))},
			fixes["igc_certificate"], "RFC 5280 §4.1"}}
	}
	all := append(profileFindings(d), rfc(der)...)
	slices.SortStableFunc(all, func(a, b Finding) int {
		return slices.Index(levels,
			a.Level) - slices.Index(levels, b.Level)
	})
	return all
}

// Refusal is an error that names every rule broken at the level [Error]; nil when there is none.
func Refusal(findings []Finding) error {
	var errs []error
	for _, f := range findings {
		if f.Level == Error {
			errs = append(errs, i18n.NewError(f.Rule, i18n.Text{FR: "%s : %s", EN: "%s: %s"}, f.Rule, f.Text()))
		}
	}
	return errors.Join(errs...)
}

// maxFound bounds what a finding quotes of the certificate.
const maxFound = 300

// clean makes what a certificate holds fit for a line of a terminal.
func clean(s string) string {
	r := []rune(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s))
	if len(r) > maxFound {
		return string(r[:maxFound]) + "…"
	}
	return string(r)
}
