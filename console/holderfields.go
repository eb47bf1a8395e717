package console

import (
	"strings"
	"sync"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// field is a field of the form. Name is that of the flag of igc issue.
type field struct {
	Name     string
	Label    i18n.Text
	List     string // id of its list of codes; empty for none
	Hint     i18n.Text
	Advanced bool

	used func(*profiles.Product) bool
	get  func(profiles.Holder) string
	set  func(*profiles.Holder, string) error
}

// names tells whether a product's subject has an attribute.
func names(attribute string) func(*profiles.Product) bool {
	return func(p *profiles.Product) bool { return p.Names(attribute) }
}

// plain sets a field to what was typed.
func plain(of func(*profiles.Holder) *string) (func(profiles.Holder) string, func(*profiles.Holder, string) error) {
	return func(h profiles.Holder) string { return *of(&h) }, func(h *profiles.Holder, text string) error {
		*of(h) = text
		return nil
	}
}

// fields are the fields of the form, in its order.
var fields = sync.OnceValue(func() []field {
	text := func(name, fr, en string, used func(*profiles.Product) bool, of func(*profiles.Holder) *string) field {
		f := field{Name: name, Label: i18n.Text{FR: fr, EN: en}, used: used}
		f.get, f.set = plain(of)
		return f
	}
	given := text("given-name", "Prénom", "Given name", names("GN"),
		func(h *profiles.Holder) *string { return &h.GivenName })
	surname := text("surname", "Nom", "Surname", names("SN"), func(h *profiles.Holder) *string { return &h.Surname })
	pseudonym := text("pseudonym", "Pseudonyme", "Pseudonym", names("pseudonym"),
		func(h *profiles.Holder) *string { return &h.Pseudonym })
	id := text("id-nat", "Numéro RPPS, ADELI ou PS_IdNat", "RPPS or ADELI number, or PS_IdNat", names("CN:id"),
		func(h *profiles.Holder) *string { return &h.IdNat })
	id.Hint = i18n.Text{FR: "RPPS : onze chiffres, 997… ou 999… pour un test",
		EN: "RPPS: eleven digits, 997… or 999… for a test"}
	id.set = func(h *profiles.Holder, text string) (err error) {
		h.IdNat, err = personID(text)
		return err
	}
	profession := text("profession", "Profession", "Profession",
		func(p *profiles.Product) bool { return p.Profession != "" },
		func(h *profiles.Holder) *string { return &h.Profession })
	profession.List = "g15"
	profession.set = func(h *profiles.Holder, text string) error {
		h.Profession = profiles.FindCode("G15", text)
		return nil
	}
	speciality := field{Name: "speciality", Label: i18n.Text{FR: "Spécialités", EN: "Specialities"}, List: "r01",
		Hint: i18n.Text{FR: "séparées par des virgules", EN: "separated by commas"},
		used: func(p *profiles.Product) bool { return p.Profession != "" },
		get:  func(h profiles.Holder) string { return strings.Join(h.Specialities, ", ") },
		set: func(h *profiles.Holder, text string) error {
			h.Specialities = nil
			for _, s := range specialities(text) {
				h.Specialities = append(h.Specialities, profiles.FindCode("R01", s))
			}
			return nil
		}}
	organisation := text("organisation", "Raison sociale", "Organisation", names("O"),
		func(h *profiles.Holder) *string { return &h.Organisation })
	structure := text("structure", "Structure : FINESS, SIREN, SIRET ou Struct_IdNat",
		"Structure: FINESS, SIREN, SIRET or Struct_IdNat", names("OU"),
		func(h *profiles.Holder) *string { return &h.Structure })
	structure.set = func(h *profiles.Holder, text string) error {
		h.Structure = structureID(text)
		return nil
	}
	department := text("department", "Département", "Department", names("ST"),
		func(h *profiles.Holder) *string { return &h.Department })
	department.List = "g09"
	department.set = func(h *profiles.Holder, text string) (err error) {
		h.Department = text
		if text != "" {
			h.Department, err = profiles.FindDepartment(text)
		}
		return err
	}
	service := text("service", "Service ou nom d'hôte", "Service or host name",
		func(p *profiles.Product) bool { return p.Names("CN") && p.Service == "" },
		func(h *profiles.Holder) *string { return &h.Service })
	dns := field{Name: "dns", Label: i18n.Text{FR: "Autres noms d'hôtes", EN: "Other host names"},
		Hint: i18n.Text{FR: "séparés par des virgules", EN: "separated by commas"},
		used: func(p *profiles.Product) bool { return p.ID == "ssl-serv" },
		get:  func(h profiles.Holder) string { return strings.Join(h.DNSNames, ", ") },
		set: func(h *profiles.Holder, text string) error {
			h.DNSNames = specialities(text)
			return nil
		}}
	email := text("email", "Adresse électronique", "E-mail address", (*profiles.Product).UsesEmail,
		func(h *profiles.Holder) *string { return &h.Email })
	number := text("card-number", "Numéro de carte", "Card number",
		func(p *profiles.Product) bool { return p.CardType != "" },
		func(h *profiles.Holder) *string { return &h.CardNumber })
	number.Hint = i18n.Text{FR: "dix chiffres ; sinon tiré", EN: "ten digits; else drawn"}
	number.Advanced = true
	number.set = func(h *profiles.Holder, text string) error {
		h.CardNumber = profiles.NormalizeNumber(text)
		return nil
	}
	return []field{given, surname, pseudonym, id, profession, speciality, organisation, structure, department, service,
		dns, email, number}
})

// specialities takes a list apart that commas separate.
func specialities(text string) (list []string) {
	for _, one := range strings.Split(text, ",") {
		if one = strings.TrimSpace(one); one != "" {
			list = append(list, one)
		}
	}
	return list
}

// personID is the PS_IdNat of what somebody writes as one: with its type digit, or an RPPS or ADELI
// number without it.
func personID(text string) (string, error) {
	number := profiles.NormalizeIdNat(text)
	switch {
	case number == "" || profiles.CheckIdNat(number) == nil:
		return number, nil
	case len(number) == 9:
		return profiles.IdNatFromADELI(number)
	case len(number) == 11 || len(number) == 12 && number[0] == '8':
		return profiles.IdNatFromRPPS(number)
	}
	return number, nil
}

// structureID is the Struct_IdNat of what somebody writes as one.
func structureID(text string) string {
	number := profiles.NormalizeIdNat(text)
	for _, k := range profiles.StructureKinds {
		if id, err := k.ID(number); err == nil {
			return id
		}
	}
	return number
}

// takes tells whether errors of a field of this name are of this one too: it reads several forms.
func (f field) takes(name string) bool {
	switch f.Name {
	case "id-nat":
		return name == "rpps" || name == "adeli" || name == "register"
	case "structure":
		for _, k := range profiles.StructureKinds {
			if k.Name == name {
				return true
			}
		}
	}
	return false
}
