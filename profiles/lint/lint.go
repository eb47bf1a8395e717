// Package lint checks a certificate by rules that each have a name: those of the IGC-Santé (one row
// each in rules.go) and those of the RFCs, which zlint holds. A certificate that departs from its
// profile thus says which rule it breaks, and the lab's authorities sign nothing that breaks one at
// the level [Error].
package lint

import (
	"errors"
	"fmt"
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
	Level     Level  `json:"level"`
	Rule      string `json:"rule"`      // stable; those of zlint have zlint's name
	FR        string `json:"fr"`        // the rule, and what was found
	EN        string `json:"en"`        // likewise
	Reference string `json:"reference"` // what asks for it: a section of the project's reference, as in the comments of package profiles, or of an RFC
}

// Certificate checks a DER certificate; the gravest findings come first. Bytes that are none have a
// finding that says so.
func Certificate(der []byte) []Finding {
	d, err := profiles.Decode(der)
	if err != nil {
		why := i18n.TextOf(err)
		return []Finding{{Error, "igc_certificate",
			"Ces octets ne sont pas un certificat X.509 : " + clean(strings.TrimPrefix(why.FR, "ce n'est pas un certificat : ")),
			"These bytes are not an X.509 certificate: " + clean(strings.TrimPrefix(why.EN, "not a certificate: ")),
			"RFC 5280 §4.1"}}
	}
	all := append(profileFindings(d), rfc(der)...)
	slices.SortStableFunc(all, func(a, b Finding) int { return slices.Index(levels, a.Level) - slices.Index(levels, b.Level) })
	return all
}

// Refusal is an error that names every rule broken at the level [Error]; nil when there is none.
func Refusal(findings []Finding) error {
	var errs []error
	for _, f := range findings {
		if f.Level == Error {
			errs = append(errs, fmt.Errorf("%s: %s (%s)", f.Rule, f.EN, f.Reference))
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
