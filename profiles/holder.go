package profiles

import (
	"encoding/asn1"
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/internal/i18n"
)

// Holder is whom a product is for. Which fields a product uses is said by its row of products.yaml;
// those that follow from others (a CPS's title from its profession) are filled by
// [Product.Complete].
type Holder struct {
	GivenName    string   `json:"given_name,omitempty" yaml:"given_name"`     // GN
	Surname      string   `json:"surname,omitempty" yaml:"surname"`           // SN
	IdNat        string   `json:"id_nat,omitempty" yaml:"id_nat"`             // CN of a person: PS_IdNat, prefix digit and identifier
	Pseudonym    string   `json:"pseudonym,omitempty" yaml:"pseudonym"`       // of a non-nominative card
	Title        string   `json:"title,omitempty" yaml:"title"`               // the profession's label, or the product's
	Profession   string   `json:"profession,omitempty" yaml:"profession"`     // code of table G15
	Specialities []string `json:"specialities,omitempty" yaml:"specialities"` // codes of table R01
	Department   string   `json:"department,omitempty" yaml:"department"`     // ST: label of table G09, such as "Paris (75)"
	Organisation string   `json:"organisation,omitempty" yaml:"organisation"` // O: raison sociale
	Structure    string   `json:"structure,omitempty" yaml:"structure"`       // OU: Struct_IdNat, prefix digit and identifier
	Service      string   `json:"service,omitempty" yaml:"service"`           // CN of an organisation: service or host name
	DNSNames     []string `json:"dns_names,omitempty" yaml:"dns_names"`       // of a server, beside its CN
	Email        string   `json:"email,omitempty" yaml:"email"`               // of software certificates and mailboxes
	CardNumber   string   `json:"card_number,omitempty" yaml:"card_number"`   // ten digits
}

// DisplayName is what a person would call the holder.
func (h Holder) DisplayName() string {
	if name := strings.TrimSpace(h.GivenName + " " + h.Surname); name != "" {
		return name
	}
	for _, s := range []string{h.Pseudonym, h.Service, h.IdNat} {
		if s != "" {
			return s
		}
	}
	return "?"
}

// Identifier is the number by which the sector knows the holder: the PS_IdNat of a person, else the
// Struct_IdNat of an organisation; empty for a holder that has neither.
func (h Holder) Identifier() string {
	if h.IdNat != "" {
		return h.IdNat
	}
	return h.Structure
}

// Named tells whether a word names the holder: a name or the beginning of one, a whole identifier
// with or without its type digit, or a card number or the beginning of one.
func (h Holder) Named(word string) bool {
	if number := NormalizeIdNat(word); number != "" && strings.ContainsAny(number, "0123456789") {
		for _, id := range []string{h.IdNat, h.Structure} {
			if id != "" && (id == number || id[1:] == number) {
				return true
			}
		}
		if strings.Trim(number, "0123456789") == "" && strings.HasPrefix(h.CardNumber, number) {
			return true
		}
	}
	folded := strings.Join(strings.Fields(Fold(word)), " ")
	if utf8.RuneCountInString(folded) < shortestName {
		return false
	}
	for _, name := range []string{h.GivenName + " " + h.Surname, h.Surname + " " + h.GivenName, h.Pseudonym,
		h.Service, h.Organisation, h.Email} {
		if strings.Contains(" "+Fold(name), " "+folded) {
			return true
		}
	}
	return false
}

// shortestName is how many letters name a holder at least.
const shortestName = 3

// attribute is one row of what a subject can hold: where it stands in a certificate and where in a
// Holder.
type attribute struct {
	name  string
	oid   asn1.ObjectIdentifier
	tag   cbasn1.Tag
	max   int       // characters: the upper bounds of RFC 5280 appendix A.1; 64 where it has none
	label i18n.Text // what the command line and the pages call it
	field func(*Holder) *string
}

func label(fr, en string) i18n.Text { return i18n.Text{FR: fr, EN: en} }

// attributes holds two kinds of CN: that of a person, an identifier, and that of an organisation or
// authority, a name.
var attributes = []attribute{
	{"C", asn1.ObjectIdentifier{2, 5, 4, 6}, cbasn1.PrintableString, 2, label("pays", "country"), nil},
	// of the predecessors' servers
	{"L", asn1.ObjectIdentifier{2, 5, 4, 7}, cbasn1.UTF8String, 128, label("localité", "locality"), nil},
	{"ST", asn1.ObjectIdentifier{2, 5, 4, 8}, cbasn1.UTF8String, 128, label("département", "department"),
		func(h *Holder) *string { return &h.Department }},
	{"O", asn1.ObjectIdentifier{2, 5, 4, 10}, cbasn1.UTF8String, 40, label("raison sociale", "organisation"),
		func(h *Holder) *string { return &h.Organisation }},
	{"OU", asn1.ObjectIdentifier{2, 5, 4, 11}, cbasn1.UTF8String, 64, label("structure", "structure"),
		func(h *Holder) *string { return &h.Structure }},
	{"title", asn1.ObjectIdentifier{2, 5, 4, 12}, cbasn1.UTF8String, 64, label("titre", "title"),
		func(h *Holder) *string { return &h.Title }},
	{"GN", asn1.ObjectIdentifier{2, 5, 4, 42}, cbasn1.UTF8String, 64, label("prénom", "given name"),
		func(h *Holder) *string { return &h.GivenName }},
	{"SN", asn1.ObjectIdentifier{2, 5, 4, 4}, cbasn1.UTF8String, 64, label("nom", "surname"),
		func(h *Holder) *string { return &h.Surname }},
	{"pseudonym", asn1.ObjectIdentifier{2, 5, 4, 65}, cbasn1.UTF8String, 64, label("pseudonyme", "pseudonym"),
		func(h *Holder) *string { return &h.Pseudonym }},
	{"CN:id", asn1.ObjectIdentifier{2, 5, 4, 3}, cbasn1.UTF8String, 64, label("identifiant", "identifier"),
		func(h *Holder) *string { return &h.IdNat }},
	{"CN", asn1.ObjectIdentifier{2, 5, 4, 3}, cbasn1.UTF8String, 64, label("service", "service"),
		func(h *Holder) *string { return &h.Service }},
}

func attributeName(oid asn1.ObjectIdentifier) string {
	for _, a := range attributes {
		if a.oid.Equal(oid) {
			return strings.TrimSuffix(a.name, ":id")
		}
	}
	return oid.String()
}

// fieldName is the name of the field that an attribute is of, as flags and columns have it.
func (a attribute) fieldName() string {
	if a.name == "CN:id" {
		return "id-nat"
	}
	return strings.ReplaceAll(a.label.EN, " ", "-")
}

// check says what is wrong with a value that goes into a name.
func (a attribute) check(value string) error {
	field := a.fieldName()
	switch {
	case strings.TrimSpace(value) == "":
		return wrong(field, "%s : vide", "%s is empty", a.label)
	case !utf8.ValidString(value):
		return wrong(field, "%s : %q n'est pas de l'UTF-8", "%s %q is not valid UTF-8", a.label, value)
	case utf8.RuneCountInString(value) > a.max:
		return wrong(field, "%s : %d caractères, et %s en tient %d au plus : raccourcissez %q",
			"%s has %d characters, and %s holds at most %d: shorten %q", a.label,
			utf8.RuneCountInString(value), strings.TrimSuffix(a.name, ":id"), a.max, abbreviate(value))
	case strings.TrimSpace(value) != value:
		return wrong(field, "%s : %q commence ou finit par une espace : ôtez-la",
			"%s %q begins or ends with a space: remove it", a.label, value)
	}
	for _, r := range value {
		// Cf holds the bidirectional controls: a name must read as it is stored.
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) || r == utf8.RuneError {
			return wrong(field, "%s : %q contient le caractère de contrôle %U : ôtez-le",
				"%s %q holds the control character %U: remove it", a.label, abbreviate(value), r)
		}
	}
	return nil
}

func abbreviate(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// Complete checks a holder against the product and fills what follows from the rest. Host names
// become A-labels. Errors are a [FieldError] each, and all of them are reported at once.
func (p *Product) Complete(h Holder) (Holder, error) {
	var errs []error
	fail := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	if p.Profession != "" {
		title, ok := Label(p.Profession, h.Profession)
		if !ok {
			fail(unknownCode("profession", label("profession", "profession"), p.Profession, h.Profession))
		}
		if h.Title == "" {
			h.Title = title
		}
	} else if h.Profession != "" {
		fail(wrong("profession", "%s ne porte pas de profession : ôtez %q", "%s carries no profession: remove %q", p.ID,
			h.Profession))
	}
	if p.Title != "" && h.Title == "" {
		h.Title = p.Title
	}
	if p.Service != "" {
		if h.Service == "" {
			h.Service = p.Service
		}
		if h.Service != p.Service {
			fail(wrong("service", "le service de %s est %s : ôtez %q", "the service of %s is %s: remove %q", p.ID,
				p.Service, abbreviate(h.Service)))
		}
	}
	switch {
	case h.Email == "" && p.Email:
		fail(wrong("email", "il manque l'adresse électronique : %s en nomme une",
			"e-mail address is missing: %s names one", p.ID))
	case h.Email != "" && !p.UsesEmail():
		fail(wrong("email", "%s ne nomme pas d'adresse électronique : ôtez %q", "%s names no e-mail address: remove %q",
			p.ID, abbreviate(h.Email)))
	case h.Email != "":
		address, err := emailAddress(h.Email)
		if h.Email = address; err != nil {
			fail(err)
		}
	}
	for _, s := range h.Specialities {
		if _, ok := Label("R01", s); !ok {
			fail(unknownCode("speciality", label("spécialité", "speciality"), "R01", s))
		}
	}
	if len(h.Specialities) > 0 && p.Profession == "" {
		fail(wrong("speciality", "%s ne porte pas de spécialité : ôtez %q", "%s carries no speciality: remove %q", p.ID,
			h.Specialities))
	}
	if p.CardType == "" {
		if h.CardNumber != "" {
			fail(wrong("card-number", "%s n'est pas une carte : ôtez le numéro de carte %q",
				"%s is not a card: remove card number %q", p.ID, h.CardNumber))
		}
	} else if !digits(h.CardNumber, 10) {
		fail(wrong("card-number", "le numéro de carte %q n'a pas dix chiffres", "card number %q is not ten digits",
			h.CardNumber))
	}
	p.completeHosts(&h, fail)
	layout := table().subjects[p.Subject]
	used := map[string]bool{}
	for _, rdn := range layout {
		for _, el := range rdn {
			if el.constant == "" {
				used[el.attribute.name] = true
				if el.attribute.name == "title" && p.Profession != "" && h.Title == "" {
					continue // the profession is what is wrong
				}
				fail(el.attribute.check(*el.attribute.field(&h)))
			}
		}
	}
	for _, a := range attributes {
		if a.field != nil && !used[a.name] && *a.field(&h) != "" {
			fail(wrong(a.fieldName(), "%s n'a pas de %s : ôtez %q", "%s has no %s: remove %q", p.ID, a.label,
				abbreviate(*a.field(&h))))
		}
	}
	if used["CN:id"] && h.IdNat != "" {
		fail(CheckIdNat(h.IdNat))
	}
	if used["OU"] && h.Structure != "" {
		_, err := structureKindOf(h.Structure)
		fail(err)
	}
	return h, errors.Join(errs...)
}

// completeHosts checks the host names of a server, and refuses those of another product.
func (p *Product) completeHosts(h *Holder, fail func(error)) {
	if !p.namesHosts() {
		if len(h.DNSNames) > 0 {
			fail(wrong("dns", "%s ne nomme pas d'hôte : ôtez %q", "%s names no host: remove %q", p.ID,
				abbreviate(h.DNSNames[0])))
		}
		return
	}
	if strings.TrimSpace(h.Service) != "" {
		name, err := hostName("service", h.Service)
		if h.Service = name; err != nil {
			fail(err)
		}
	}
	h.DNSNames = slices.Clone(h.DNSNames)
	for i, name := range h.DNSNames {
		name, err := hostName("dns", name)
		if h.DNSNames[i] = name; err != nil {
			fail(err)
		}
	}
}

func digits(s string, n int) bool {
	return len(s) == n && strings.Trim(s, "0123456789") == ""
}
