package sheet

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// FoldHeader lowers a header, and writes what is neither letter nor digit as a hyphen: "N° RPPS *"
// is n-rpps.
func FoldHeader(header string) string {
	var b strings.Builder
	hyphen := false
	for _, r := range norm.NFD.String(strings.ReplaceAll(header, "°", " ")) {
		switch {
		case unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Cf, r):
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if hyphen && b.Len() > 0 {
				b.WriteByte('-')
			}
			hyphen = false
			b.WriteRune(unicode.ToLower(r))
		default:
			hyphen = true
		}
	}
	return b.String()
}
