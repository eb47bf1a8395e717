package profiles

import (
	"strings"
	"unicode"

	"github.com/igc-lab/igc/internal/i18n"
)

// NormalizeNumber takes out of an identifier what people and software put between its characters:
// spaces of any width, dots, apostrophes, invisible marks. Its letters become capitals.
func NormalizeNumber(text string) string {
	return strings.Map(func(r rune) rune {
		if invisible(r) || strings.ContainsRune(".'’ʼ`", r) {
			return -1
		}
		return unicode.ToUpper(r)
	}, text)
}

// invisible tells whether a character leaves no ink: spaces, controls, byte order marks, marks of
// direction.
func invisible(r rune) bool {
	return unicode.IsSpace(r) || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zs)
}

// NormalizeIdNat writes a PS_IdNat or Struct_IdNat without what [NormalizeNumber] takes out. A
// register number, after a slash, keeps its dots and case.
func NormalizeIdNat(text string) string {
	number, register, ok := strings.Cut(text, "/")
	number = NormalizeNumber(number)
	if !ok {
		return number
	}
	return number + "/" + strings.TrimFunc(register, invisible)
}

// IdNatFromRPPS makes the PS_IdNat of a professional known by a RPPS number, "8" and eleven digits
// (reference §3.1). The number may have its type digit already.
func IdNatFromRPPS(rpps string) (string, error) {
	number := NormalizeNumber(rpps)
	if digits(number, 12) && number[0] == '8' {
		number = number[1:]
	}
	if !digits(number, 11) {
		return "", wrong("rpps", "le numéro RPPS %q n'a pas onze chiffres (il a %d caractères), tel que 99700209812",
			"RPPS number %q is not eleven digits (it has %d characters), such as 99700209812", abbreviate(rpps),
			len([]rune(number)))
	}
	return "8" + number, nil
}

// IdNatFromADELI makes the PS_IdNat of a professional known by an ADELI number, "0" and nine
// characters. Test numbers have the department "0B", so letters A and B are taken among the first
// two.
func IdNatFromADELI(adeli string) (string, error) {
	number := NormalizeNumber(adeli)
	if len(number) == 10 && number[0] == '0' {
		number = number[1:]
	}
	if len(number) != 9 || strings.Trim(number[:2], "0123456789AB") != "" || !digits(number[2:], 7) {
		return "", wrong("adeli",
			"le numéro ADELI %q n'est pas de neuf caractères : un département (deux) et sept chiffres, tel que "+
				"0B6077602",
			"ADELI number %q is not nine characters: a department (two) and seven digits, such as 0B6077602",
			abbreviate(adeli))
	}
	return "0" + number, nil
}

// structureKind is a way of naming a structure: a row of table G07.
type structureKind struct {
	Name    string // what the command line calls it
	prefix  byte   // of a Struct_IdNat
	person  byte   // prefix of the PS_IdNat of the structure's staff (table G08)
	letters int    // how many leading characters may be A or B: the department of test numbers
	length  int
	checked bool // its last digit is Luhn's
	Example string
}

// StructureKinds lists the ways of naming a structure.
var StructureKinds = []structureKind{
	{"finess", '1', '3', 2, 9, true, "0B0057881"},
	{"siren", '2', '4', 0, 9, true, "187512751"},
	{"siret", '3', '5', 0, 14, true, "18751275100020"},
	{"cabinet-rpps", '4', '6', 0, 14, false, "99700367909006"},
	{"cabinet-adeli", '0', '1', 2, 11, false, "0B608876500"},
}

// ID makes the Struct_IdNat of a structure: the prefix of table G07 and the number (reference
// §3.1). The number may have its prefix already.
func (k structureKind) ID(text string) (string, error) {
	number := NormalizeNumber(text)
	if len(number) == k.length+1 && number[0] == k.prefix {
		number = number[1:]
	}
	shown := abbreviate(text)
	if len([]rune(number)) != k.length {
		return "", wrong(k.Name, "le numéro %s %q a %d caractères et non %d, comme %s",
			"%s number %q is not %[4]d characters such as %[5]s: it has %[3]d", k.Name, shown, len([]rune(number)),
			k.length, k.Example)
	}
	for i, r := range number {
		switch {
		case '0' <= r && r <= '9', i < k.letters && (r == 'A' || r == 'B'):
		case i < k.letters:
			return "", wrong(k.Name,
				"le numéro %s %q contient %q : ses deux premiers caractères sont un département, tel que 75, 2A ou 0B",
				"%s number %q holds %q: its first two characters are a department, such as 75, 2A or 0B", k.Name, shown,
				string(r))
		default:
			return "", wrong(k.Name, "le numéro %s %q contient %q à la place d'un chiffre : il s'écrit comme %s",
				"%s number %q holds %q in the place of a digit: it is written as %s", k.Name, shown, string(r),
				k.Example)
		}
	}
	return string(k.prefix) + number, nil
}

func structureKindOf(id string) (structureKind, error) {
	for _, k := range StructureKinds {
		if id != "" && id[0] == k.prefix {
			made, err := k.ID(id[1:])
			if err == nil && made != id {
				_, err = k.ID("") // only k.ID takes spaces out and raises letters
			}
			return k, err
		}
	}
	return structureKind{}, wrong("structure",
		"la structure %q ne commence par aucun type de la table G07 : 0 cabinet ADELI, 1 FINESS, 2 SIREN, 3 SIRET, "+
			"4 cabinet RPPS",
		"structure %q begins with no type of table G07: 0 cabinet ADELI, 1 FINESS, 2 SIREN, 3 SIRET, 4 cabinet RPPS",
		abbreviate(id))
}

// StaffIdNat makes the PS_IdNat of someone known by the register of a structure, such as
// 30B0057881/CPET0002 for register number CPET0002 of the structure 10B0057881.
func StaffIdNat(structure, register string) (string, error) {
	k, err := structureKindOf(structure)
	if err != nil {
		return "", err
	}
	register = strings.TrimFunc(register, invisible)
	if register == "" {
		return "", wrong("register", "le numéro de registre est vide : donnez-en un, tel que CPET0001",
			"register number is empty: give one such as CPET0001")
	}
	return string(k.person) + structure[1:] + "/" + register, nil
}

// CheckIdNat holds a PS_IdNat to the form of its prefix (table G08).
func CheckIdNat(id string) error {
	if id == "" {
		return wrong("id-nat", "l'identifiant est vide", "identifier is empty")
	}
	rest := id[1:]
	var made string
	var err error
	switch id[0] {
	case '0':
		made, err = IdNatFromADELI(rest)
	case '8':
		made, err = IdNatFromRPPS(rest)
	default:
		for _, k := range StructureKinds {
			if id[0] != k.person {
				continue
			}
			number, register, ok := strings.Cut(rest, "/")
			if !ok || number == "" || register == "" {
				return wrong("id-nat",
					"identifiant %q : le préfixe %c (%s) est suivi du numéro d'une structure, d'une barre et d'un "+
						"numéro de registre, comme 30B0057881/CPET0002",
					"identifier %q: prefix %c (%s) is followed by a structure's number, a slash and a register "+
						"number, such as 30B0057881/CPET0002",
					abbreviate(id), id[0], mustLabel("G08", id[:1]))
			}
			return nil
		}
		return wrong("id-nat",
			"l'identifiant %q commence par %q, qui n'est pas un type de la table G08 que les cartes emploient (8 "+
				"RPPS, 0 ADELI, 3 FINESS)",
			"identifier %q begins with %q, which is not a type of table G08 that cards use (8 RPPS, 0 ADELI, 3 FINESS)",
			abbreviate(id), id[:1])
	}
	if err == nil && made != id {
		return wrong("id-nat", "l'identifiant %q s'écrit %q", "identifier %q is written %q", abbreviate(id), made)
	}
	return err
}

// Warnings says what is unusual in a holder's identifiers without being wrong: check digits that do
// not hold (reference §3.2: real samples break them) and numbers outside the ranges of test
// identities.
func (h Holder) Warnings() []i18n.Text {
	warnings := IdNatWarnings(h.IdNat)
	if h.Structure != "" {
		k, err := structureKindOf(h.Structure)
		if err == nil && k.checked && !luhn(unlettered(h.Structure[1:])) {
			warnings = append(warnings, warning("numéro %s %s : sa clé de contrôle (Luhn) est fausse",
				"%s number %s: its check digit (Luhn) does not hold", k.Name, h.Structure[1:]))
		}
	}
	return warnings
}

// professionOf is the profession (table G15) that a speciality (table R01) belongs to, by its kind:
// those of physicians and of dental surgeons; empty for the others.
func professionOf(speciality string) string {
	switch kind := strings.TrimRight(speciality, "0123456789"); kind {
	case "SM", "SCH", "DSM":
		return "10"
	case "SCD":
		return "40"
	}
	return ""
}

func professionName(code string) string { return code + " " + mustLabel("G15", code) }

func warning(fr, en string, args ...any) i18n.Text { return i18n.Text{FR: fr, EN: en}.Format(args...) }

// Warnings says what is unusual in the product's certificates for this holder without being wrong,
// see [Holder.Warnings].
func (p *Product) Warnings(h Holder) []i18n.Text {
	warnings := h.Warnings()
	for _, speciality := range h.Specialities {
		profession := professionOf(speciality)
		if profession == "" || h.Profession == "" || profession == h.Profession {
			continue
		}
		warnings = append(warnings, warning("la spécialité %s (%s) est de la profession %s, et le porteur a %s",
			"speciality %s (%s) is of profession %s, and the holder has %s",
			speciality, mustLabel("R01", speciality), professionName(profession), professionName(h.Profession)))
	}
	for _, c := range p.Certificates {
		switch c.usage.SAN {
		case "email-upn":
			if h.Email == "" {
				warnings = append(warnings, warning(
					"pas d'adresse électronique : %s n'a pas l'UPN que la connexion à Windows demande et que tout "+
						"vrai a",
					"no e-mail address: %s has no UPN, which Windows logon needs and every real one has", c.ID()))
			}
		case "dns":
			for _, name := range append([]string{h.Service}, h.DNSNames...) {
				if a, ok := ipAddress(name); ok {
					warnings = append(warnings, warning(
						"%s va dans un iPAddress : aucun certificat de l'IGC-Santé n'en a, seulement des noms d'hôtes",
						"%s goes into an iPAddress: no certificate of the IGC-Santé has one, "+
							"the real profile has host names only", a))
				}
			}
		}
	}
	return warnings
}

// unlettered reads the letters of test departments as the digits that their check digits were made
// with (reference §3.2).
func unlettered(s string) string { return strings.NewReplacer("A", "1", "B", "2").Replace(s) }

// MayBeReal tells whether a PS_IdNat is a RPPS number outside the ranges of test identities, which
// may be a real person's.
func MayBeReal(id string) bool {
	return len(id) == 12 && id[0] == '8' && strings.Trim(id, "0123456789") == "" &&
		!strings.HasPrefix(id, "8997") && !strings.HasPrefix(id, "8999")
}

// IdNatWarnings says what is unusual in a PS_IdNat without being wrong: check digits that do not
// hold (reference §3.2: real samples break them) and numbers outside the ranges of test identities.
func IdNatWarnings(id string) []i18n.Text {
	if len(id) < 2 {
		return nil
	}
	var warnings []i18n.Text
	switch rest := id[1:]; id[0] {
	case '8':
		if !luhn(rest) {
			warnings = append(warnings, warning("numéro RPPS %s : sa clé de contrôle (Luhn, dernier chiffre) est "+
				"fausse",
				"RPPS number %s: its check digit (Luhn, the last one) does not hold", rest))
		}
		if !strings.HasPrefix(rest, "997") && !strings.HasPrefix(rest, "999") {
			warnings = append(warnings, warning(
				"numéro RPPS %s hors des plages de test (997…, 999…) : ce peut être celui d'une vraie personne",
				"RPPS number %s is outside the test ranges (997…, 999…): it may be a real person's", rest))
		}
	case '0':
		if !luhn(unlettered(rest)) {
			warnings = append(warnings, warning("numéro ADELI %s : sa clé de contrôle (Luhn, B lu 2) est fausse",
				"ADELI number %s: its check digit (Luhn, with B read as 2) does not hold", rest))
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

// WithCheckDigit appends the Luhn check digit, with the letters of test departments read as digits.
func WithCheckDigit(number string) string {
	for d := '0'; d < '9'; d++ {
		if luhn(unlettered(number + string(d))) {
			return number + string(d)
		}
	}
	return number + "9"
}

// IsStructure tells whether a text is a Struct_IdNat: a prefix of table G07 and a number of
// its form.
func IsStructure(id string) bool {
	_, err := structureKindOf(id)
	return err == nil
}
