package profiles

import (
	"fmt"
	"strings"
)

// IdNatFromRPPS makes the PS_IdNat of a professional known by a RPPS number, "8" and eleven digits (reference §3.1).
func IdNatFromRPPS(rpps string) (string, error) {
	if !digits(rpps, 11) {
		return "", fmt.Errorf("RPPS number %q is not eleven digits (it has %d characters), such as 99700209812", abbreviate(rpps), len([]rune(rpps)))
	}
	return "8" + rpps, nil
}

// IdNatFromADELI makes the PS_IdNat of a professional known by an ADELI number, "0" and nine characters. Test numbers
// have the department "0B", so letters A and B are taken among the first two.
func IdNatFromADELI(adeli string) (string, error) {
	if len(adeli) != 9 || strings.Trim(adeli[:2], "0123456789AB") != "" || !digits(adeli[2:], 7) {
		return "", fmt.Errorf("ADELI number %q is not nine characters: a department (two) and seven digits, such as 0B6077602", abbreviate(adeli))
	}
	return "0" + adeli, nil
}

// checkIdNat holds a PS_IdNat to the form of its prefix (table G08).
func checkIdNat(id string) error {
	rest := id[1:]
	switch id[0] {
	case '0':
		_, err := IdNatFromADELI(rest)
		return err
	case '8':
		_, err := IdNatFromRPPS(rest)
		return err
	case '1', '3', '4', '5', '6':
		number, register, ok := strings.Cut(rest, "/")
		if !ok || number == "" || register == "" {
			return fmt.Errorf("identifier %q: prefix %c (%s) is followed by a structure's number, a slash and a register number, such as 30B0057881/CPET0002", abbreviate(id), id[0], mustLabel("G08", id[:1]))
		}
		return nil
	}
	return fmt.Errorf("identifier %q begins with %q, which is no type of table G08 that cards use (8 RPPS, 0 ADELI, 3 FINESS)", abbreviate(id), id[:1])
}

// IdNatWarnings says what is unusual in a PS_IdNat without being wrong: check digits that do not hold (reference §3.2:
// real samples break them) and numbers outside the ranges of test identities.
func IdNatWarnings(id string) []string {
	if len(id) < 2 {
		return nil
	}
	var warnings []string
	switch rest := id[1:]; id[0] {
	case '8':
		if !luhn(rest) {
			warnings = append(warnings, fmt.Sprintf("RPPS number %s: its check digit (Luhn, the last one) does not hold", rest))
		}
		if !strings.HasPrefix(rest, "997") && !strings.HasPrefix(rest, "999") {
			warnings = append(warnings, fmt.Sprintf("RPPS number %s is outside the test ranges (997…, 999…): it may be a real person's", rest))
		}
	case '0':
		if !luhn(strings.NewReplacer("A", "1", "B", "2").Replace(rest)) {
			warnings = append(warnings, fmt.Sprintf("ADELI number %s: its check digit (Luhn, with B read as 2) does not hold", rest))
		}
	}
	return warnings
}

// luhn tells whether the digits' last one is the check digit of the others.
func luhn(s string) bool {
	sum := 0
	for i := range len(s) {
		d := int(s[len(s)-1-i] - '0')
		if d < 0 || d > 9 {
			return false
		}
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}
