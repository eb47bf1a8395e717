package people

import (
	"regexp"
	"strings"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// originEDIT is the origin of test identities that the ANS's editor EDIT makes.
const originEDIT = "EDIT"

// origins are the registers that an identifier is of, by its type digit (table G08). Only RPPS and
// EDIT are attested.
var origins = map[byte]string{'0': "ADELI", '1': "CABINET-ADELI", '3': "FINESS", '4': "SIREN", '5': "SIRET",
	'6': "CABINET-RPPS", '8': "RPPS", 'A': originEDIT}

var editID = regexp.MustCompile(`^ANS[0-9]{14}$`)

// CheckID holds an identifier to its form.
func CheckID(id string) error {
	if editID.MatchString(id) {
		return nil
	}
	if err := profiles.CheckIdNat(id); err != nil {
		return &store.Error{Kind: store.Invalid, Err: err}
	}
	return nil
}

// meant is an identifier that somebody may have meant, and how the text was read.
type meant struct {
	id  string
	how i18n.Text
}

// readings are the identifiers that a text may mean, that which it is first.
func readings(text string) []meant {
	number := profiles.NormalizeIdNat(text)
	if rest, ok := cutANS(number); ok {
		number = "ANS" + rest
	}
	all := []meant{{id: number}}
	add := func(id string, fr, en string) {
		if id != number {
			all = append(all, meant{id, i18n.Text{FR: fr, EN: en}.Format(number, id)})
		}
	}
	if digits := strings.Trim(number, "0123456789") == ""; digits && len(number) == 11 {
		add("8"+number, "le numéro RPPS %s s'écrit %s, avec le 8 devant",
			"RPPS number %s is written %s, with the 8 before it")
	}
	if id, err := profiles.IdNatFromADELI(number); err == nil {
		add(id, "le numéro ADELI %s s'écrit %s, avec le 0 devant",
			"ADELI number %s is written %s, with the 0 before it")
	}
	if head, register, ok := strings.Cut(number, "/"); ok {
		for _, k := range profiles.StructureKinds {
			structure, err := k.ID(head)
			if err != nil || structure == head {
				continue
			}
			if id, err := profiles.StaffIdNat(structure, register); err == nil {
				add(id, "l'identifiant %s s'écrit %s, avec son type devant",
					"identifier %s is written %s, with its type before it")
			}
		}
	}
	return all
}

func cutANS(number string) (rest string, ok bool) {
	if len(number) < 3 || !strings.EqualFold(number[:3], "ANS") {
		return number, false
	}
	return number[3:], true
}

// unknown is the error for an identifier that nobody has. It says what to type.
func unknown(text string) error {
	if text == "" {
		return store.Errorf(store.Invalid, "whom? give an identifier such as 899700999909: igc people list shows them")
	}
	return store.Errorf(store.NotFound, "nobody has the identifier %q in this lab: "+
		"igc people list shows who is there, igc issue makes a card for another, "+
		"and igc people set adds a person without one", shorten(text))
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
