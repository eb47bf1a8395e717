package extraction

import (
	"context"
	"errors"
	"iter"
	"strings"

	"github.com/igc-lab/igc/people"
)

// mailboxRow is a mailbox of MSSanté: a professional's, or a structure's. The other is empty.
type mailboxRow struct {
	people.Mailbox
	skillRow  skillRow // of the first profession
	structure *people.Structure
}

// mailboxes has the personal and the organisational mailboxes, as the real file, less those on the
// red list. A structure without a professional and a professional without a structure leave the
// other's columns empty.
var mailboxes = newFile("Extraction_Correspondance_MSSante", mailboxColumns, plain, mailboxRows)

func mailboxRows(ctx context.Context, x *work) iter.Seq2[mailboxRow, error] {
	return func(yield func(mailboxRow, error) bool) {
		for p, err := range x.professionals(ctx) {
			if err != nil {
				yield(mailboxRow{}, err)
				return
			}
			for _, m := range p.Register.Mailboxes {
				if m.Type == "PER" && !m.RedList &&
					!yield(mailboxRow{m, skillRow{p, &p.RefPro.Exercices[0]}, &noStructure}, nil) {
					return
				}
			}
		}
		if x.Population == nil {
			return
		}
		population, err := x.Population(ctx)
		if err != nil {
			yield(mailboxRow{}, err)
			return
		}
		if population == nil {
			return
		}
		for place := range population.Structures() {
			if err := errors.Join(ctx.Err(), x.alive()); err != nil {
				yield(mailboxRow{}, err)
				return
			}
			s := population.Structure(place)
			for _, m := range s.Mailboxes {
				if m.Type == "ORG" && !m.RedList && s.Closed.IsZero() && !yield(mailboxRow{m, nobody, s}, nil) {
					return
				}
			}
		}
	}
}

var (
	noStructure people.Structure
	nobody      = skillRow{&people.Person{}, &people.Exercice{}}
)

var mailboxColumns = []column[mailboxRow]{
	{"Type de BAL", func(r mailboxRow) string { return r.Type }},
	{"Adresse BAL", func(r mailboxRow) string { return r.Address }},
	{"Type Identifiant PP", func(r mailboxRow) string { return typeDigit(r.skillRow.person.ID) }},
	{"Identifiant PP", func(r mailboxRow) string { return withoutDigit(r.skillRow.person.ID) }},
	{"Identification nationale PP", func(r mailboxRow) string { return r.skillRow.person.ID }},
	{"Type identifiant structure", func(r mailboxRow) string { return typeDigit(r.structure.NationalID) }},
	{"Identification Structure", func(r mailboxRow) string { return withoutDigit(r.structure.NationalID) }},
	{"Service de rattachement", func(r mailboxRow) string { return r.Service }},
	{"Civilité d'exercice", func(r mailboxRow) string { return r.skillRow.CodeCivilite }},
	{"Nom d'exercice", func(r mailboxRow) string { return r.skillRow.lastName() }},
	{"Prénom d'exercice", func(r mailboxRow) string { return r.skillRow.firstName() }},
	{"Catégorie profession", func(r mailboxRow) string { return r.skillRow.CodeCategorie }},
	{"Libellé de catégorie profession", func(r mailboxRow) string {
		return label("codeCategorieProfessionnelle", r.skillRow.CodeCategorie)
	}},
	{"Code Profession", func(r mailboxRow) string { return r.skillRow.CodeProfession }},
	{"Libellé Profession", func(r mailboxRow) string { return label("codeProfession", r.skillRow.CodeProfession) }},
	{"Code savoir-faire", func(r mailboxRow) string { return r.skillRow.CodeSavoirFaire }},
	{"Libellé savoir-faire", func(r mailboxRow) string { return label("codeSavoirFaire", r.skillRow.CodeSavoirFaire) }},
	{"Dématérialisation", func(mailboxRow) string { return "O" }},
	{"Raison Sociale structure BAL", func(r mailboxRow) string { return r.structure.Name }},
	{"Enseigne commerciale structure BAL", func(r mailboxRow) string { return r.structure.Sign }},
	{"L2COMPLEMENTLOCALISATION structure BAL", func(r mailboxRow) string { return r.structure.Address.Recipient }},
	{"L3COMPLEMENTDISTRIBUTION structure BAL", func(r mailboxRow) string { return r.structure.Address.Place }},
	{"L4NUMEROVOIE structure BAL", func(r mailboxRow) string { return r.structure.Address.Number }},
	{"L4COMPLEMENTNUMEROVOIE structure BAL", func(r mailboxRow) string { return r.structure.Address.Repetition }},
	{"NL4TYPEVOIE structure BAL", func(r mailboxRow) string {
		return label("codeTypeDeVoie",
			r.structure.Address.StreetType)
	}},
	{"L4LIBELLEVOIE structure BAL", func(r mailboxRow) string { return r.structure.Address.Street }},
	{"L5LIEUDITMENTION structure BAL", func(r mailboxRow) string { return r.structure.Address.Mention }},
	{"L6LIGNEACHEMINEMENT structure BAL", func(r mailboxRow) string { return postLine(r.structure.Address) }},
	{"Code postal structure BAL", func(r mailboxRow) string { return r.structure.Address.PostalCode }},
	{"Département structure BAL", func(r mailboxRow) string {
		return label("codeDepartement", r.structure.Address.Department)
	}},
	{"Pays structure BAL", func(r mailboxRow) string { return label("codePays", r.structure.Address.Country) }},
}

// typeDigit is the digit that an identifier begins with, and withoutDigit what follows it.
func typeDigit(id string) string    { return id[:min(1, len(id))] }
func withoutDigit(id string) string { return id[min(1, len(id)):] }

// postLine is the last line of an address: postal code and town.
func postLine(a people.Address) string {
	if strings.HasPrefix(a.Cedex, a.PostalCode) {
		return a.Cedex
	}
	return strings.TrimSpace(a.PostalCode + " " + a.Cedex)
}
