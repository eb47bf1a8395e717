package roster

import (
	"errors"
	"reflect"
	"strings"
	"sync"

	"github.com/igc-lab/igc/batch"
	"github.com/igc-lab/igc/batch/sheet"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/people"
	"github.com/igc-lab/igc/profiles"
)

// person is somebody of a table while it is read.
type person struct {
	id    string
	wrong bool // of a row
	rows  []map[string]string
	lines []int
}

// simple are the fields that igc people set takes one by one. With others in the table, or several
// rows of a person, all professions and activities are given anew.
var simple = map[string]bool{"id": true, "idType": true, "idNumber": true, "origin": true, "given_name": true,
	"family_name": true, "mail": true, "phone": true, "no_activity": true, "codeCivilite": true, "codeProfession": true,
	"codeSavoirFaire": true, "codeModeExercice": true, "codeSecteurDactivite": true, "codeSectionPharmacien": true,
	"raisonSocialeSite": true, "identifiantTechniqueDeLaStructure": true}

// digitsOf are the numbers of fields that spreadsheets change, by the name that package batch has
// for them.
var digitsOf = map[string]string{"idNumber": "rpps", "numeroSiretSite": "siret", "numeroSirenSite": "siren",
	"numeroFinessSite": "finess", "numeroFinessetablissementJuridique": "finess", "codeDepartement": "department",
	"codeProfession": "profession"}

// tablesOf are the tables of codes that may be written by their labels.
var tablesOf = map[string]string{"codeProfession": "G15", "codeSavoirFaire": "R01", "codeSecteurDactivite": "R02",
	"codeSectionPharmacien": "G05"}

// eaten are how many digits are left in fields whose first zero a spreadsheet ate.
var eaten = map[string]int{"codePostal": 4, "codeCommune": 4, "phone": 9, "telephone": 9, "telephone2": 9,
	"telecopie": 9}

// readRow is the values of a row by their fields, id among them. What was put right is in notes.
func readRow(r sheet.Row, columns map[int]string) (row map[string]string, notes []i18n.Text, err error) {
	row = map[string]string{}
	var errs []error
	for _, cell := range r.Cells {
		field, ok := columns[cell.Column]
		switch {
		case !ok:
			errs = append(errs, problem("extra", "%q est dans la colonne %s, qui n'a pas de nom",
				"%q is in column %s, which has no name", cell.Text, sheet.ColumnName(cell.Column)))
			continue
		case cell.Kind == sheet.Fault:
			errs = append(errs, problem("fault", "la colonne %s tient l'erreur %s : corrigez-la",
				"column %s holds the error %s: correct it", sheet.ColumnName(cell.Column), cell.Text))
			continue
		case field == "":
			continue
		}
		value, note, err := readValue(field, cell.Text)
		if err != nil {
			errs = append(errs, err)
		}
		if note != nil {
			notes = append(notes, i18n.Text{FR: "%s : %s", EN: "%s: %s"}.Format(field, *note))
		}
		if table := tablesOf[field]; table != "" && err == nil {
			if _, ok := profiles.Label(table, value); !ok {
				notes = append(notes, i18n.Text{FR: "%s : %q n'est pas dans la table %s",
					EN: "%s: %q is not in table %s"}.Format(field, value, table))
			}
		}
		row[field] = value
	}
	if row["id"], err = identifier(row); err != nil {
		errs = append(errs, err)
	}
	return row, notes, errors.Join(errs...)
}

func readValue(field, text string) (value string, note *i18n.Text, err error) {
	value = text
	if name := digitsOf[field]; name != "" && !(field == "codeProfession" && strings.ContainsAny(text, " -")) {
		if value, note, err = batch.FixNumber(name, text); err != nil {
			return text, nil, err
		}
	}
	if n := eaten[field]; n > 0 && len(value) == n && value[0] != '0' && strings.Trim(value, "0123456789") == "" {
		value = "0" + value
	}
	if table := tablesOf[field]; table != "" {
		value = findCode(table, value)
	}
	return value, note, nil
}

// findCode is the code of a table that a cell has, alone, with its label or by its label.
func findCode(table, text string) string {
	if _, ok := profiles.Label(table, text); ok {
		return text
	}
	if code := byLabel()[table][profiles.Fold(text)]; code != "" {
		return code
	}
	return profiles.FindCode(table, text)
}

// byLabel are the codes of the tables by their folded labels.
var byLabel = sync.OnceValue(func() map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, table := range tablesOf {
		all[table] = map[string]string{}
		for _, c := range profiles.Codes(table) {
			all[table][profiles.Fold(c.Label)] = c.Code
		}
	}
	return all
})

// identifier is a row's identifier with its type digit.
func identifier(row map[string]string) (string, error) {
	if id := profiles.NormalizeIdNat(row["id"]); id != "" {
		if digits := strings.Trim(id, "0123456789") == ""; digits && len(id) == 11 {
			return profiles.IdNatFromRPPS(id)
		}
		return id, people.CheckID(id)
	}
	number := row["idNumber"]
	switch kind := row["idType"]; {
	case number == "":
		return "", problem("row-id", "pas d'identifiant : donnez le numéro RPPS, ou l'identifiant avec son type devant",
			"no identifier: give the RPPS number, or the identifier with its type before it")
	case kind != "" && kind != "8" && kind != "0":
		id := kind + profiles.NormalizeIdNat(number)
		return id, people.CheckID(id)
	case kind == "0" || len(profiles.NormalizeNumber(number)) == 9:
		return profiles.IdNatFromADELI(number)
	}
	return profiles.IdNatFromRPPS(number)
}

// change is what the rows of a person say; line is where an error is.
func (p *person) change(whole bool) (c *people.Change, line int, err error) {
	c = &people.Change{}
	texts := map[string]**string{"origin": &c.Origin, "given_name": &c.GivenName, "family_name": &c.FamilyName,
		"mail": &c.Mail, "phone": &c.Phone}
	whole = whole || len(p.rows) > 1
	if !whole {
		for field, to := range map[string]**string{"codeCivilite": &c.Civility, "codeProfession": &c.Profession,
			"codeSavoirFaire": &c.Speciality, "codeModeExercice": &c.Mode, "codeSecteurDactivite": &c.Sector,
			"codeSectionPharmacien": &c.PharmacistSection, "raisonSocialeSite": &c.Organisation,
			"identifiantTechniqueDeLaStructure": &c.OrganisationID} {
			texts[field] = to
		}
	}
	for i, row := range p.rows {
		for field, to := range texts {
			if value := row[field]; value != "" && *to == nil {
				*to = &value
			}
		}
		yes, err := truth(row["no_activity"])
		if err != nil {
			return nil, p.lines[i], err
		}
		c.NoActivity = c.NoActivity || yes
	}
	if whole && !c.NoActivity {
		c.RefPro = p.refPro()
	}
	if err := c.Check(); err != nil {
		return nil, p.lines[0], err
	}
	return c, 0, nil
}

func truth(text string) (bool, error) {
	switch profiles.Fold(text) {
	case "", "0", "n", "no", "non", "false", "faux":
		return false, nil
	case "1", "o", "y", "x", "yes", "oui", "true", "vrai":
		return true, nil
	}
	return false, problem("truth", "%q n'est ni oui ni non", "%q is neither yes nor no", text)
}

// refPro is the professions and activities of all rows; nil when they say nothing of them.
func (p *person) refPro() *people.RefPro {
	r := &people.RefPro{Exercices: []people.Exercice{}}
	for _, row := range p.rows {
		if r.CodeCivilite == "" {
			r.CodeCivilite = row["codeCivilite"]
		}
		var e people.Exercice
		said := fill(&e, row)
		var a people.Activity
		works := fill(&a, row)
		if !said && !works {
			continue
		}
		e.Nom, e.Prenom = row["family_name"], row["given_name"]
		if e.CodeCategorie == "" {
			e.CodeCategorie = "C"
		}
		if e.CodeSavoirFaire != "" && e.CodeTypeSavoirFaire == "" {
			e.CodeTypeSavoirFaire = "S"
		}
		of := exercice(r, e)
		if !works {
			continue
		}
		if a.CodeGenreActivite == "" {
			a.CodeGenreActivite = "GENR01"
		}
		if !has(of.Activities, a) {
			of.Activities = append(of.Activities, a)
		}
	}
	if len(r.Exercices) == 0 {
		return nil
	}
	return r
}

// exercice is the one of r that is of e's profession and category, e when there is none: the
// Annuaire repeats an activity for each savoir-faire, of which SubjectRefPro has the first.
func exercice(r *people.RefPro, e people.Exercice) *people.Exercice {
	for i := range r.Exercices {
		of := &r.Exercices[i]
		if of.CodeProfession == e.CodeProfession && of.CodeCategorie == e.CodeCategorie {
			if of.CodeSavoirFaire == "" {
				of.CodeTypeSavoirFaire, of.CodeSavoirFaire = e.CodeTypeSavoirFaire, e.CodeSavoirFaire
			}
			return of
		}
	}
	r.Exercices = append(r.Exercices, e)
	return &r.Exercices[len(r.Exercices)-1]
}

func has(all []people.Activity, a people.Activity) bool {
	for _, one := range all {
		if one == a {
			return true
		}
	}
	return false
}

// fill sets the texts of an exercice or activity, by their names in JSON, and tells whether a row
// has one of them.
func fill(to any, row map[string]string) (found bool) {
	v := reflect.ValueOf(to).Elem()
	for i := range v.NumField() {
		if v.Field(i).Kind() != reflect.String {
			continue
		}
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if value := row[name]; value != "" {
			v.Field(i).SetString(value)
			found = true
		}
	}
	return found
}
