package ecps

import (
	"regexp"
	"strings"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// The identifiers that an e-CPS may be of: 8 and an RPPS number, a test identity of EDIT, 0 and an
// ADELI number, staff of a structure.
var (
	rppsIdentifier  = regexp.MustCompile(`^8\d{11}$`)
	editIdentifier  = regexp.MustCompile(`^ANS\d{14}$`)
	otherIdentifier = regexp.MustCompile(`^(0[0-9A-Z]{9}|[13][0-9A-Z]{9,11}/[A-Z0-9]+|5\d{14}/[A-Z0-9]+)$`)
	elevenDigits    = regexp.MustCompile(`^\d{11}$`)
)

// Why something is not an identifier.
var (
	emptyIdentifier  = i18n.Text{FR: "le champ est vide", EN: "the field is empty"}
	mailIdentifier   = i18n.Text{FR: "c'est une adresse de courriel", EN: "it is a mail address"}
	letterIdentifier = i18n.Text{FR: "il y a autre chose que des chiffres", EN: "there is something else than digits"}
	lengthIdentifier = i18n.Text{FR: "il y a %d chiffres, et non douze", EN: "there are %d digits, not twelve"}
	first8Identifier = i18n.Text{FR: "le premier chiffre n'est pas un 8", EN: "the first digit is not an 8"}
)

// ParseIdentifier reads what a person typed as identifier, with spaces or without. The error says
// what is wrong with it: its code is [No8] for an RPPS number without the 8.
func ParseIdentifier(text string) (string, error) {
	const longest = 60
	id := strings.ToUpper(profiles.NormalizeIdNat(text))
	shown := text
	if runes := []rune(text); len(runes) > longest {
		shown = string(runes[:longest]) + "…"
	}
	digits := strings.Trim(id, "0123456789") == ""
	switch {
	case id == "":
		return "", refuse(BadIdentifier, "", emptyIdentifier)
	case len(id) <= longest && (rppsIdentifier.MatchString(id) || editIdentifier.MatchString(id) ||
		otherIdentifier.MatchString(id)):
		return id, nil
	case elevenDigits.MatchString(id) && id[0] != '8':
		return "", refuse(No8, id)
	case strings.Contains(id, "@"):
		return "", refuse(BadIdentifier, shown, mailIdentifier)
	case !digits:
		return "", refuse(BadIdentifier, shown, letterIdentifier)
	case len(id) != 12:
		return "", refuse(BadIdentifier, shown, lengthIdentifier.Format(len(id)))
	}
	return "", refuse(BadIdentifier, shown, first8Identifier)
}

// CompleteIdentifier reads an identifier as [ParseIdentifier] does, and puts the 8 before an RPPS
// number that lacks it; completed reports that it did.
func CompleteIdentifier(text string) (id string, completed bool, err error) {
	id, err = ParseIdentifier(text)
	if CodeOf(err) == No8 {
		return "8" + profiles.NormalizeNumber(text), true, nil
	}
	return id, false, err
}
