package people

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"strings"
	"sync"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/profiles"
)

// nominative tells whether a certificate is about a person, and not about a structure or service.
func nominative(r *ca.Record) bool { return r.Holder.IdNat != "" }

// latest is the certificate that says most recently who its holder is.
func latest(records []*ca.Record) (found *ca.Record) {
	for _, r := range records {
		if r != nil && nominative(r) && (found == nil || r.IssuedAt.After(found.IssuedAt)) {
			found = r
		}
	}
	return found
}

// fixtureHolders are the lab's test identities that are persons, by identifier: each is known
// before a certificate is issued to them.
var fixtureHolders = sync.OnceValue(func() map[string]fixtures.Identity {
	all := map[string]fixtures.Identity{}
	for _, name := range fixtures.Names() {
		identity, err := fixtures.Find(name)
		if err != nil || identity.IdNat == "" {
			continue
		}
		if _, twice := all[identity.IdNat]; !twice {
			all[identity.IdNat] = identity
		}
	}
	return all
})

// derive makes a person of a holder of a product. The name, profession, speciality and structure
// are those of the certificate, all else is made up from the identifier, always the same. Contact
// data are left out.
func derive(h profiles.Holder, product string, from Source) *Person {
	p := &Person{ID: h.IdNat, Origin: origins[h.IdNat[0]], GivenName: h.GivenName,
		FamilyName: cmp.Or(h.Surname, h.Pseudonym), From: Sources{from, Modelled, Modelled}}
	e := Exercice{CodeProfession: h.Profession, CodeCategorie: "C",
		Nom: p.FamilyName, Prenom: p.GivenName}
	if product == "cpf" {
		e.CodeCategorie = "E"
	}
	if hasDoctorTitle[h.Profession] && product != "cpf" {
		e.CodeCivilite = "DR"
	}
	if len(h.Specialities) > 0 {
		e.CodeTypeSavoirFaire, e.CodeSavoirFaire = "S", h.Specialities[0]
	}
	if h.Structure != "" {
		e.Activities = []Activity{activityOf(h)}
	} else {
		e.Activities = []Activity{modelledActivity(p, h.Profession, product == "cpf")}
	}
	p.RefPro = &RefPro{Exercices: []Exercice{e}}
	return p
}

// hasDoctorTitle are the professions (table G15) whose members are addressed as doctors.
var hasDoctorTitle = map[string]bool{"10": true, "21": true, "40": true}

// registers are the authorities that a profession is registered with: an Ordre, else the ARS.
var registers = map[string]string{"10": "CNOM", "21": "CNOP", "40": "ONCD", "50": "CNOSF", "60": "ONI",
	"70": "CNOMK", "80": "CNOPP"}

func authority(profession string) string {
	name := cmp.Or(registers[profession], "ARS")
	return name + "/" + name + "/" + name
}

// selfEmployed are the professions that the lab gives a practice of their own; the others work in
// the hospital.
var selfEmployed = map[string]bool{"10": true, "21": true, "28": true, "40": true, "50": true, "60": true,
	"70": true, "80": true, "91": true, "92": true}

// modelledActivity makes up where a professional works whose certificate does not say.
func modelledActivity(p *Person, profession string, student bool) Activity {
	a := Activity{CodeGenreActivite: "GENR01", CodeTypeDeVoie: "R", CodePostal: "75009", BureauCedex: "PARIS",
		NumeroVoie: fmt.Sprint(1 + digest(p.ID, "voie")%99), CodeCommune: "75109", CodePays: "99000",
		AutoriteDenregistrement: authority(profession)}
	if !selfEmployed[profession] || student {
		a.CodeModeExercice, a.CodeSecteurDactivite = "S", "SA01"
		a.NumeroVoie, a.LibelleVoie = "10", "DE PARIS"
		a.RaisonSocialeSite = "HOPITAL LAB GENERIQUE"
		a.NumeroFinessSite, a.FinessJuridique = "0B0999901", "1B0999902"
		a.IdentifiantTechnique, a.AncienIdentifiant = "F0B0999901", "10B0999901"
		return a
	}
	a.CodeModeExercice, a.CodeSecteurDactivite, a.LibelleVoie = "L", "SA07", "DU LABO"
	a.RaisonSocialeSite = "CABINET " + p.FamilyName
	if profession == "21" {
		a.CodeSecteurDactivite, a.CodeSectionPharmacien = "SA33", "A"
		a.RaisonSocialeSite = "PHARMACIE " + p.FamilyName
	}
	a.IdentifiantTechnique = fmt.Sprintf("R9%05d", digest(p.ID, "structure")%100_000)
	if p.ID[0] == '8' {
		a.AncienIdentifiant = "4" + p.ID[1:] + "001"
	}
	return a
}

// activityOf is the work in the structure that a certificate names.
func activityOf(h profiles.Holder) Activity {
	a := Activity{CodeModeExercice: "S", CodeGenreActivite: "GENR01", RaisonSocialeSite: h.Organisation,
		AncienIdentifiant: h.Structure, AutoriteDenregistrement: authority(h.Profession)}
	if h.Profession == "" {
		a.CodeGenreActivite, a.AutoriteDenregistrement = "GENR04", ""
	}
	a.CodeDepartement = DepartmentCode(h.Department)
	number := h.Structure[1:]
	switch h.Structure[0] {
	case '1':
		a.NumeroFinessSite, a.IdentifiantTechnique, a.CodeSecteurDactivite = number, "F"+number, "SA01"
	case '2':
		a.NumeroSirenSite = number
	case '3':
		a.NumeroSiretSite, a.NumeroSirenSite = number, number[:min(9, len(number))]
	default: // the practice of a professional
		a.CodeModeExercice, a.CodeSecteurDactivite = "L", "SA07"
		if h.Profession == "" {
			a.CodeModeExercice = "S"
		}
	}
	if a.IdentifiantTechnique == "" {
		a.IdentifiantTechnique = fmt.Sprintf("R9%05d", digest(h.Structure, "structure")%100_000)
	}
	if a.CodeSecteurDactivite == "" {
		a.CodeSecteurDactivite = "SA43"
	}
	return a
}

// DepartmentCode is the code in a label such as "Paris (75)".
func DepartmentCode(label string) string {
	for _, c := range profiles.Codes("G09") {
		if c.Label == label {
			return c.Code
		}
	}
	return ""
}

// modelledContact makes contact data up: an address under example.fr, as the lab's identities have,
// and a number in the range that the ARCEP keeps for fiction.
func modelledContact(p *Person) Contact {
	words := strings.FieldsFunc(profiles.Fold(p.GivenName+"."+p.FamilyName), func(r rune) bool {
		return r > '~' || !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-", r)
	})
	if len(words) == 0 {
		words = []string{fmt.Sprintf("p%08x", digest(p.ID, "mail"))}
	}
	local := strings.Trim(strings.Join(words, "."), "-")
	return Contact{Mail: local[:min(64, len(local))] + "@example.fr",
		Phone: fmt.Sprintf("063998%04d", digest(p.ID, "phone")%10_000)}
}

// digest is a number that depends on the identifier and on what it is for, and on nothing else.
func digest(id, use string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(use + "\x00" + id))
	return h.Sum32()
}
