package people

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// table is one of the sector's tables that certificates do not carry, as far as the lab uses it.
type table map[string]i18n.Text

var (
	// TRE_R23
	modes = table{"L": {FR: "Libéral, indépendant, artisan, commerçant", EN: "Self-employed"},
		"S": {FR: "Salarié", EN: "Employed"}, "B": {FR: "Bénévole", EN: "Volunteer"}}
	// TRE_R22
	activityKinds = table{"GENR01": {FR: "Activité de soin et de pharmacie", EN: "Care and pharmacy"},
		"GENR02": {FR: "Activité de soins ou de pharmacien en tant que remplaçant",
			EN: "Care or pharmacy, as a substitute"},
		"GENR03": {FR: "Remplacement dans une activité de soins", EN: "Replacement in care"},
		"GENR04": {FR: "Activité non soignante", EN: "Not care"}}
	// TRE_R09
	categories = table{"C": {FR: "Civil", EN: "Civil"}, "M": {FR: "Militaire", EN: "Military"},
		"E": {FR: "Étudiant", EN: "Student"}}
	// TRE_R04
	skillKinds = table{"S": {FR: "Spécialité ordinale", EN: "Speciality"}}
	// TRE_R81 and TRE_R11
	civilities = table{"M": {FR: "Monsieur", EN: "Mr"}, "MME": {FR: "Madame", EN: "Mrs"},
		"MLLE": {FR: "Mademoiselle", EN: "Miss"}, "DR": {FR: "Docteur", EN: "Doctor"},
		"PR": {FR: "Professeur", EN: "Professor"}}
)

// Label is what the code in a field of [RefPro], [Exercice] or [Activity] means; field is its name
// in JSON. ok is false for a field that holds no code, and for a code that the lab does not know.
func Label(field, code string) (label i18n.Text, ok bool) {
	if id := embeddedTables[field]; id != "" {
		text, ok := profiles.Label(id, code)
		return i18n.Same(text), ok
	}
	label, ok = ownTables[field][code]
	return label, ok
}

// embeddedTables are the tables of package profiles that codes are of, by the field that holds
// them, and ownTables those of this package.
var (
	embeddedTables = map[string]string{"codeProfession": "G15", "codeSavoirFaire": "R01", "codeSecteurDactivite": "R02",
		"codeSectionPharmacien": "G05"}
	ownTables = map[string]table{"codeModeExercice": modes, "codeGenreActivite": activityKinds,
		"codeCategorieProfessionnelle": categories, "codeTypeSavoirFaire": skillKinds, "codeCivilite": civilities,
		"codeCiviliteDexercice": civilities}
)

func (t table) codes() []string { return slices.Sorted(maps.Keys(t)) }

// Field is a field of [Exercice] or [Activity]: its name in JSON, and what it holds.
type Field struct{ Name, Value string }

// Fields lists the texts of a struct in the order of its JSON.
func Fields(of any) (all []Field) {
	v := reflect.ValueOf(of)
	for i := range v.NumField() {
		if v.Field(i).Kind() == reflect.String {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			all = append(all, Field{name, v.Field(i).String()})
		}
	}
	return all
}
