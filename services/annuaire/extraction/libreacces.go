package extraction

import (
	"cmp"
	"context"
	"errors"
	"iter"

	"github.com/igc-lab/igc/people"
)

// The files of PS_LibreAcces: professions and where they are exercised, diplomas, specialities.

// activityRow is where somebody exercises a profession.
type activityRow struct {
	skillRow
	*people.Activity
}

// skillRow is a profession of somebody.
type skillRow struct {
	person *people.Person
	*people.Exercice
}

// diplomaRow is a diploma of somebody.
type diplomaRow struct {
	skillRow // the first profession
	people.Diploma
}

// lastName and firstName are those under which the profession is exercised.
func (r skillRow) lastName() string  { return cmp.Or(r.Nom, r.person.FamilyName) }
func (r skillRow) firstName() string { return cmp.Or(r.Prenom, r.person.GivenName) }

// professionals goes over those with an RPPS number who exercise a profession.
func (x *work) professionals(ctx context.Context) iter.Seq2[*people.Person, error] {
	return func(yield func(*people.Person, error) bool) {
		for p, err := range x.People.List(ctx) {
			if err == nil {
				err = errors.Join(ctx.Err(), x.alive())
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if hasRPPS(p.ID) && !p.Register.Retired && p.RefPro != nil && len(p.RefPro.Exercices) > 0 && !yield(p,
				nil) {
				return
			}
		}
	}
}

// hasRPPS tells whether an identifier is an RPPS number with its type digit.
func hasRPPS(id string) bool { return len(id) > 1 && id[0] == '8' }

// rowsOf goes over the rows that each professional has.
func rowsOf[R any](of func(*people.Person, func(R) bool) bool) func(context.Context, *work) iter.Seq2[R, error] {
	return func(ctx context.Context, x *work) iter.Seq2[R, error] {
		return func(yield func(R, error) bool) {
			var none R
			for p, err := range x.professionals(ctx) {
				if err != nil {
					yield(none, err)
					return
				}
				if !of(p, func(row R) bool { return yield(row, nil) }) {
					return
				}
			}
		}
	}
}

// noActivity stands for the activity of a profession that is exercised nowhere.
var noActivity people.Activity

var activities = newFile("PS_LibreAcces_Personne_activite", activityColumns, closed,
	rowsOf(func(p *people.Person, yield func(activityRow) bool) bool {
		for i := range p.RefPro.Exercices {
			e := &p.RefPro.Exercices[i]
			if len(e.Activities) == 0 && !yield(activityRow{skillRow{p, e}, &noActivity}) {
				return false
			}
			for j := range e.Activities {
				if !yield(activityRow{skillRow{p, e}, &e.Activities[j]}) {
					return false
				}
			}
		}
		return true
	}))

var diplomas = newFile("PS_LibreAcces_Dipl_AutExerc", diplomaColumns, closed,
	rowsOf(func(p *people.Person, yield func(diplomaRow) bool) bool {
		for _, d := range p.Register.Diplomas {
			if !yield(diplomaRow{skillRow{p, &p.RefPro.Exercices[0]}, d}) {
				return false
			}
		}
		return true
	}))

var skills = newFile("PS_LibreAcces_SavoirFaire", skillColumns, closed,
	rowsOf(func(p *people.Person, yield func(skillRow) bool) bool {
		for i := range p.RefPro.Exercices {
			e := &p.RefPro.Exercices[i]
			if e.CodeSavoirFaire != "" && !yield(skillRow{p, e}) {
				return false
			}
		}
		return true
	}))

// identity are the columns that three files begin with, but for the names.
func identity[R any](person func(R) *people.Person) []column[R] {
	return []column[R]{
		{"Type d'identifiant PP", func(r R) string { return person(r).ID[:1] }},
		{"Identifiant PP", func(r R) string { return person(r).ID[1:] }},
		{"Identification nationale PP", func(r R) string { return person(r).ID }},
	}
}

// activityColumns are those of today's files. Older ones lack the last four, and those of 2018 the
// four before them too.
var activityColumns = append(identity(func(r activityRow) *people.Person { return r.person }), []column[activityRow]{
	{"Code civilité d'exercice", func(r activityRow) string { return r.CodeCivilite }},
	{"Libellé civilité d'exercice", func(r activityRow) string {
		return label("codeCiviliteDexercice",
			r.CodeCivilite)
	}},
	{"Code civilité", func(r activityRow) string { return r.person.RefPro.CodeCivilite }},
	{"Libellé civilité", func(r activityRow) string { return label("codeCivilite", r.person.RefPro.CodeCivilite) }},
	{"Nom d'exercice", func(r activityRow) string { return r.lastName() }},
	{"Prénom d'exercice", func(r activityRow) string { return r.firstName() }},
	{"Code profession", func(r activityRow) string { return r.CodeProfession }},
	{"Libellé profession", func(r activityRow) string { return label("codeProfession", r.CodeProfession) }},
	{"Code catégorie professionnelle", func(r activityRow) string { return r.CodeCategorie }},
	{"Libellé catégorie professionnelle", func(r activityRow) string {
		return label("codeCategorieProfessionnelle", r.CodeCategorie)
	}},
	{"Code type savoir-faire", func(r activityRow) string { return r.CodeTypeSavoirFaire }},
	{"Libellé type savoir-faire", func(r activityRow) string {
		return label("codeTypeSavoirFaire", r.CodeTypeSavoirFaire)
	}},
	{"Code savoir-faire", func(r activityRow) string { return r.CodeSavoirFaire }},
	{"Libellé savoir-faire", func(r activityRow) string { return label("codeSavoirFaire", r.CodeSavoirFaire) }},
	{"Code mode exercice", func(r activityRow) string { return r.CodeModeExercice }},
	{"Libellé mode exercice", func(r activityRow) string { return label("codeModeExercice", r.CodeModeExercice) }},
	{"Numéro SIRET site", func(r activityRow) string { return r.NumeroSiretSite }},
	{"Numéro SIREN site", func(r activityRow) string { return r.NumeroSirenSite }},
	{"Numéro FINESS site", func(r activityRow) string { return r.NumeroFinessSite }},
	{"Numéro FINESS établissement juridique", func(r activityRow) string { return r.FinessJuridique }},
	{"Identifiant technique de la structure", func(r activityRow) string { return r.IdentifiantTechnique }},
	{"Raison sociale site", func(r activityRow) string { return r.RaisonSocialeSite }},
	{"Enseigne commerciale site", func(r activityRow) string { return r.EnseigneCommercialeSite }},
	{"Complément destinataire (coord. structure)", func(r activityRow) string { return r.ComplementDestinataire }},
	{"Complément point géographique (coord. structure)", func(r activityRow) string {
		return r.ComplementPointGeographique
	}},
	{"Numéro Voie (coord. structure)", func(r activityRow) string { return r.NumeroVoie }},
	{"Indice répétition voie (coord. structure)", func(r activityRow) string { return r.IndiceRepetitionVoie }},
	{"Code type de voie (coord. structure)", func(r activityRow) string { return r.CodeTypeDeVoie }},
	{"Libellé type de voie (coord. structure)", func(r activityRow) string {
		return label("codeTypeDeVoie", r.CodeTypeDeVoie)
	}},
	{"Libellé Voie (coord. structure)", func(r activityRow) string { return r.LibelleVoie }},
	{"Mention distribution (coord. structure)", func(r activityRow) string { return r.MentionDistribution }},
	{"Bureau cedex (coord. structure)", func(r activityRow) string { return r.BureauCedex }},
	{"Code postal (coord. structure)", func(r activityRow) string { return r.CodePostal }},
	{"Code commune (coord. structure)", func(r activityRow) string { return r.CodeCommune }},
	{"Libellé commune (coord. structure)", func(r activityRow) string { return commune(r.CodeCommune, r.BureauCedex) }},
	{"Code pays (coord. structure)", func(r activityRow) string { return r.CodePays }},
	{"Libellé pays (coord. structure)", func(r activityRow) string { return label("codePays", r.CodePays) }},
	{"Téléphone (coord. structure)", func(r activityRow) string { return r.Telephone }},
	{"Téléphone 2 (coord. structure)", func(r activityRow) string { return r.Telephone2 }},
	{"Télécopie (coord. structure)", func(r activityRow) string { return r.Telecopie }},
	{"Adresse e-mail (coord. structure)", func(r activityRow) string { return r.AdresseEMail }},
	{"Code Département (structure)", func(r activityRow) string { return r.CodeDepartement }},
	{"Libellé Département (structure)", func(r activityRow) string {
		return label("codeDepartement",
			r.CodeDepartement)
	}},
	{"Ancien identifiant de la structure", func(r activityRow) string { return r.AncienIdentifiant }},
	{"Autorité d'enregistrement", func(r activityRow) string { return r.AutoriteDenregistrement }},
	{"Code secteur d'activité", func(r activityRow) string { return r.CodeSecteurDactivite }},
	{"Libellé secteur d'activité", func(r activityRow) string {
		return label("codeSecteurDactivite", r.CodeSecteurDactivite)
	}},
	{"Code section tableau pharmaciens", func(r activityRow) string { return r.CodeSectionPharmacien }},
	{"Libellé section tableau pharmaciens", func(r activityRow) string {
		return label("codeSectionPharmacien", r.CodeSectionPharmacien)
	}},
	{"Code rôle", func(r activityRow) string { return r.CodeRole }},
	{"Libellé rôle", func(r activityRow) string { return label("codeRole", r.CodeRole) }},
	{"Code genre activité", func(r activityRow) string { return r.CodeGenreActivite }},
	{"Libellé genre activité", func(r activityRow) string { return label("codeGenreActivite", r.CodeGenreActivite) }},
}...)

// diplomaColumns end with those of an authorisation to exercise, which nobody of a lab has.
var diplomaColumns = append(identity(func(r diplomaRow) *people.Person { return r.person }), []column[diplomaRow]{
	{"Nom d'exercice", func(r diplomaRow) string { return r.lastName() }},
	{"Prénom d'exercice", func(r diplomaRow) string { return r.firstName() }},
	{"Code type diplôme obtenu", func(r diplomaRow) string { return r.Type }},
	{"Libellé type diplôme obtenu", func(r diplomaRow) string { return diplomaTypes[r.Type] }},
	{"Code diplôme obtenu", func(r diplomaRow) string { return r.Code }},
	{"Libellé diplôme obtenu", func(r diplomaRow) string { return stateDiplomas[r.Code] }},
	{"Code type autorisation", nothing[diplomaRow]},
	{"Libellé type autorisation", nothing[diplomaRow]},
	{"Code discipline autorisation", nothing[diplomaRow]},
	{"Libellé discipline autorisation", nothing[diplomaRow]},
}...)

var skillColumns = append(identity(func(r skillRow) *people.Person { return r.person }), []column[skillRow]{
	{"Nom d'exercice", func(r skillRow) string { return r.lastName() }},
	{"Prénom d'exercice", func(r skillRow) string { return r.firstName() }},
	{"Code profession", func(r skillRow) string { return r.CodeProfession }},
	{"Libellé profession", func(r skillRow) string { return label("codeProfession", r.CodeProfession) }},
	{"Code catégorie professionnelle", func(r skillRow) string { return r.CodeCategorie }},
	{"Libellé catégorie professionnelle", func(r skillRow) string {
		return label("codeCategorieProfessionnelle", r.CodeCategorie)
	}},
	{"Code type savoir-faire", func(r skillRow) string { return r.CodeTypeSavoirFaire }},
	{"Libellé type savoir-faire", func(r skillRow) string {
		return label("codeTypeSavoirFaire",
			r.CodeTypeSavoirFaire)
	}},
	{"Code savoir-faire", func(r skillRow) string { return r.CodeSavoirFaire }},
	{"Libellé savoir-faire", func(r skillRow) string { return label("codeSavoirFaire", r.CodeSavoirFaire) }},
}...)

// nothing is the value of a column that a lab leaves empty.
func nothing[R any](R) string { return "" }
