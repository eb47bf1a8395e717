package extraction

import (
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/people"
)

// Each column of each file has its value.
func TestColumns(t *testing.T) {
	opposed := time.Date(2026, 11, 20, 23, 30, 0, 0, time.UTC) // the day after, in Paris
	x := newTest(only(full()), records(
		card("2800000001", "cps", "authentication", "899700218896"),
		revoked(card("2800000001", "cps", "signature", "899700218896"), opposed, "keyCompromise")), hospital())
	identity := map[string]string{"Type d'identifiant PP": "8", "Identifiant PP": "99700218896",
		"Identification nationale PP": "899700218896", "Nom d'exercice": "SPECIALISTE", "Prénom d'exercice": "Robert"}
	profession := map[string]string{"Code profession": "10", "Libellé profession": "Médecin",
		"Code catégorie professionnelle": "C", "Libellé catégorie professionnelle": "Civil",
		"Code type savoir-faire": "S", "Libellé type savoir-faire": "Spécialité ordinale", "Code savoir-faire": "SM04",
		"Libellé savoir-faire": "Cardiologie et Maladies vasculaires"}
	post := map[string]string{"Dématérialisation": "O"}
	for _, tc := range []struct {
		extraction, file string
		line             int
		want             []map[string]string
	}{
		{"PS_LibreAcces", "PS_LibreAcces_Personne_activite", 1, []map[string]string{identity, profession, {
			"Code civilité d'exercice": "DR", "Libellé civilité d'exercice": "Docteur", "Code civilité": "M",
			"Libellé civilité": "Monsieur", "Code mode exercice": "S", "Libellé mode exercice": "Salarié",
			"Numéro SIRET site": "30000000007708", "Numéro SIREN site": "300000000", "Numéro FINESS site": "0B0999901",
			"Numéro FINESS établissement juridique": "1B0999902", "Identifiant technique de la structure": "F0B0999901",
			"Raison sociale site": "HOPITAL LAB", "Enseigne commerciale site": "CHU LAB",
			"Complément destinataire (coord. structure)":       "POLE COEUR",
			"Complément point géographique (coord. structure)": "BATIMENT C",
			"Numéro Voie (coord. structure)":                   "10", "Indice répétition voie (coord. structure)": "B",
			"Code type de voie (coord. structure)": "AV", "Libellé type de voie (coord. structure)": "Avenue",
			"Libellé Voie (coord. structure)": "DE PARIS", "Mention distribution (coord. structure)": "BP 12",
			"Bureau cedex (coord. structure)": "75009 PARIS", "Code postal (coord. structure)": "75009",
			"Code commune (coord. structure)": "75109", "Libellé commune (coord. structure)": commune("75109",
				"75009 PARIS"),
			"Code pays (coord. structure)": "99000", "Libellé pays (coord. structure)": "France",
			"Téléphone (coord. structure)": "0639980001", "Téléphone 2 (coord. structure)": "0639980002",
			"Télécopie (coord. structure)":      "0639980003",
			"Adresse e-mail (coord. structure)": "coeur@hopital.example.fr",
			"Code Département (structure)":      "75", "Libellé Département (structure)": "Paris",
			"Ancien identifiant de la structure": "10B0999901", "Autorité d'enregistrement": "CNOM/CNOM/ARS",
			"Code secteur d'activité": "SA01", "Libellé secteur d'activité": "Etablissement public de santé",
			"Code section tableau pharmaciens":    "A",
			"Libellé section tableau pharmaciens": "Pharmacien titulaire d'officine",
			"Code rôle":                           "FON-33", "Libellé rôle": "Salarié en poste fixe",
			"Code genre activité": "GENR01", "Libellé genre activité": "Activité de soin et de pharmacie"}}},
		{"PS_LibreAcces", "PS_LibreAcces_Dipl_AutExerc", 1, []map[string]string{identity, {
			"Code type diplôme obtenu": "DE", "Libellé type diplôme obtenu": "Diplôme d'Etat français",
			"Code diplôme obtenu": "DE05", "Libellé diplôme obtenu": "DE Docteur en médecine",
			"Code type autorisation": "", "Libellé type autorisation": "", "Code discipline autorisation": "",
			"Libellé discipline autorisation": ""}}},
		{"PS_LibreAcces", "PS_LibreAcces_SavoirFaire", 1, []map[string]string{identity, profession}},
		{"Extraction_Correspondance_MSSante", "Extraction_Correspondance_MSSante", 1, []map[string]string{post, {
			"Type de BAL": "PER", "Adresse BAL": "robert.specialiste@medecin.mssante.example.fr",
			"Type Identifiant PP": "8", "Identifiant PP": "99700218896", "Identification nationale PP": "899700218896",
			"Type identifiant structure": "", "Identification Structure": "", "Service de rattachement": "",
			"Civilité d'exercice": "DR", "Nom d'exercice": "SPECIALISTE", "Prénom d'exercice": "Robert",
			"Catégorie profession": "C", "Libellé de catégorie profession": "Civil", "Code Profession": "10",
			"Libellé Profession": "Médecin", "Code savoir-faire": "SM04",
			"Libellé savoir-faire":         "Cardiologie et Maladies vasculaires",
			"Raison Sociale structure BAL": "", "Enseigne commerciale structure BAL": "",
			"L2COMPLEMENTLOCALISATION structure BAL": "", "L3COMPLEMENTDISTRIBUTION structure BAL": "",
			"L4NUMEROVOIE structure BAL": "", "L4COMPLEMENTNUMEROVOIE structure BAL": "",
			"NL4TYPEVOIE structure BAL":   "",
			"L4LIBELLEVOIE structure BAL": "", "L5LIEUDITMENTION structure BAL": "",
			"L6LIGNEACHEMINEMENT structure BAL": "", "Code postal structure BAL": "", "Département structure BAL": "",
			"Pays structure BAL": ""}}},
		{"Extraction_Correspondance_MSSante", "Extraction_Correspondance_MSSante", 2, []map[string]string{post, {
			"Type de BAL": "ORG", "Adresse BAL": "cardiologie@hopital.mssante.example.fr", "Type Identifiant PP": "",
			"Identifiant PP": "", "Identification nationale PP": "", "Type identifiant structure": "1",
			"Identification Structure": "0B0999901", "Service de rattachement": "Cardiologie",
			"Civilité d'exercice": "",
			"Nom d'exercice":      "", "Prénom d'exercice": "", "Catégorie profession": "",
			"Libellé de catégorie profession": "",
			"Code Profession":                 "", "Libellé Profession": "", "Code savoir-faire": "",
			"Libellé savoir-faire":         "",
			"Raison Sociale structure BAL": "HOPITAL LAB", "Enseigne commerciale structure BAL": "CHU LAB",
			"L2COMPLEMENTLOCALISATION structure BAL": "POLE COEUR",
			"L3COMPLEMENTDISTRIBUTION structure BAL": "BATIMENT C",
			"L4NUMEROVOIE structure BAL":             "10", "L4COMPLEMENTNUMEROVOIE structure BAL": "B",
			"NL4TYPEVOIE structure BAL": "Avenue", "L4LIBELLEVOIE structure BAL": "DE PARIS",
			"L5LIEUDITMENTION structure BAL": "BP 12", "L6LIGNEACHEMINEMENT structure BAL": "75009 PARIS CEDEX 9",
			"Code postal structure BAL": "75009", "Département structure BAL": "Paris",
			"Pays structure BAL": "France"}}},
		{"Porteurs_CPS_CPF", "Porteurs_CPS_CPF", 1, []map[string]string{{
			"Type d'identifiant PP": "8", "Identifiant PP": "99700218896",
			"Identification nationale PP": "899700218896",
			"Nom d'exercice":              "SPECIALISTE0021889", "Prénom d'exercice": "ROBERT", "Code profession": "10",
			"Libellé profession": "Médecin", "Code catégorie professionnelle": "C",
			"Libellé catégorie professionnelle": "Civil", "Code type de carte": "CPS",
			"Libellé type de carte": "Carte de Professionnel de Santé (CPS)", "Numéro carte": "2800000001",
			"Identifiant national contenu dans la carte": "899700218896", "Date début validité": "01/11/2026",
			"Date fin validité": "31/10/2029", "Date opposition": "21/11/2026", "Date de mise à jour": "21/11/2026"}}},
	} {
		all := lines(t, get(t, x, tc.extraction)[tc.file])
		if len(all) <= tc.line {
			t.Errorf("%s has %d lines", tc.file, len(all))
			continue
		}
		want := map[string]string{}
		for _, part := range tc.want {
			for name, value := range part {
				want[name] = value
			}
		}
		got := valuesOf(all[0], all[tc.line])
		for name, value := range got {
			if expected, ok := want[name]; !ok || value != expected {
				t.Errorf("%s, line %d: %s is %q, want %q (in the test: %v)", tc.file, tc.line, name, value, expected,
					ok)
			}
			delete(want, name)
		}
		for name := range want {
			t.Errorf("%s has no column %s", tc.file, name)
		}
	}
}

// Who and what has a row, and how many.
func TestRows(t *testing.T) {
	with := func(change func(*people.Person)) *people.Person {
		p := full()
		change(p)
		return p
	}
	second := people.Exercice{CodeProfession: "40", CodeCategorie: "C"}
	for _, tc := range []struct {
		name                                 string
		person                               *people.Person
		activities, diplomas, skills, letter int
	}{
		{"a professional", full(), 1, 1, 1, 1},
		{"ADELI", with(func(p *people.Person) { p.ID = "00B6077602" }), 0, 0, 0, 0},
		{"staff", with(func(p *people.Person) { p.ID = "30B0057881/CPET0002" }), 0, 0, 0, 0},
		{"made with EDIT", with(func(p *people.Person) { p.ID = "ANS20261122010101" }), 0, 0, 0, 0},
		{"without activity", with(func(p *people.Person) { p.RefPro = nil }), 0, 0, 0, 0},
		{"without profession", with(func(p *people.Person) { p.RefPro.Exercices = nil }), 0, 0, 0, 0},
		{"retired", with(func(p *people.Person) { p.Register.Retired = true }), 0, 0, 0, 0},
		{"exercising nowhere", with(func(p *people.Person) { p.RefPro.Exercices[0].Activities = nil }), 1, 1, 1, 1},
		{"two activities", somebody(1), 2, 1, 1, 1},
		{"two professions", with(func(p *people.Person) {
			p.RefPro.Exercices = append(p.RefPro.Exercices, second)
		}), 2, 1, 1, 1},
		{"two diplomas", with(func(p *people.Person) {
			p.Register.Diplomas = append(p.Register.Diplomas, people.Diploma{Type: "CES", Code: "CES01"})
		}), 1, 2, 1, 1},
		{"no speciality", with(func(p *people.Person) { p.RefPro.Exercices[0].CodeSavoirFaire = "" }), 1, 1, 0, 1},
		{"on the red list", with(func(p *people.Person) { p.Register.Mailboxes[0].RedList = true }), 1, 1, 1, 0},
		{"of a practice", with(func(p *people.Person) { p.Register.Mailboxes[0].Type = "CAB" }), 1, 1, 1, 0},
	} {
		x := newTest(only(tc.person), records())
		files := get(t, x, "PS_LibreAcces")
		for name, want := range map[string]int{"PS_LibreAcces_Personne_activite": tc.activities,
			"PS_LibreAcces_Dipl_AutExerc": tc.diplomas, "PS_LibreAcces_SavoirFaire": tc.skills} {
			if got := len(lines(t, files[name])) - 1; got != want {
				t.Errorf("%s: %s has %d rows, want %d", tc.name, name, got, want)
			}
		}
		post := get(t, x, "Extraction_Correspondance_MSSante")["Extraction_Correspondance_MSSante"]
		if got := len(lines(t, post)) - 1; got != tc.letter {
			t.Errorf("%s: %d mailboxes, want %d", tc.name, got, tc.letter)
		}
	}
}

// A structure's mailboxes are there when they are organisational, shown to the public and the
// structure is open.
func TestStructureMailboxes(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*people.Structure)
		rows   int
	}{
		"one":         {func(*people.Structure) {}, 1},
		"application": {func(s *people.Structure) { s.Mailboxes[0].Type = "APP" }, 0},
		"red list":    {func(s *people.Structure) { s.Mailboxes[0].RedList = true }, 0},
		"closed":      {func(s *people.Structure) { s.Closed = testNow }, 0},
		"none":        {func(s *people.Structure) { s.Mailboxes = nil }, 0},
		"two":         {func(s *people.Structure) { s.Mailboxes = append(s.Mailboxes, s.Mailboxes[0]) }, 2},
	} {
		s := hospital()
		tc.change(s)
		text := get(t, newTest(only(), records(), s), "Extraction_Correspondance_MSSante")
		if got := len(lines(t, text["Extraction_Correspondance_MSSante"])) - 1; got != tc.rows {
			t.Errorf("%s: %d rows, want %d", name, got, tc.rows)
		}
	}
}

// A card has one row whatever its certificates, and the first revocation of them is its opposition.
func TestCards(t *testing.T) {
	const alain, other = "899700209812", "899700218896"
	day := func(d int) time.Time { return time.Date(2026, 11, d, 12, 0, 0, 0, time.UTC) }
	authentication, signature := card("2800000001", "cps", "authentication", alain), card("2800000001", "cps",
		"signature", alain)
	for name, tc := range map[string]struct {
		records manyRecords
		want    string // number, type, opposition, change: of each row
	}{
		"one card": {records(authentication, signature), "2800000001 CPS  01/11/2026"},
		"two cards of one person": {records(authentication, signature, card("2800000002", "cps", "authentication",
			alain)),
			"2800000001 CPS  01/11/2026, 2800000002 CPS  01/11/2026"},
		"opposed": {records(revoked(authentication, day(21), "keyCompromise"), revoked(signature, day(20),
			"keyCompromise")),
			"2800000001 CPS 20/11/2026 21/11/2026"},
		"opposed in part": {records(authentication, revoked(signature, day(20), "superseded")),
			"2800000001 CPS 20/11/2026 20/11/2026"},
		"on hold": {records(revoked(authentication, day(20), "certificateHold"), signature),
			"2800000001 CPS  20/11/2026"},
		"in training": {records(card("2800000003", "cpf", "authentication", other)), "2800000003 CPF  01/11/2026"},
		"staff, software, ADELI, no number": {records(card("2800000004", "cpe", "authentication",
			"30B0057881/CPET0002"),
			card("", "ps-logiciel", "authentication", alain), card("2800000005", "cps", "authentication", "00B6077602"),
			card("", "cps", "authentication", alain), card("1", "acr", "authority", alain)), ""},
		"none": {records(), ""},
	} {
		all := lines(t, get(t, newTest(only(), tc.records), "Porteurs_CPS_CPF")["Porteurs_CPS_CPF"])
		var got []string
		for _, line := range all[1:] {
			v := valuesOf(all[0], line)
			got = append(got,
				v["Numéro carte"]+" "+v["Code type de carte"]+" "+v["Date opposition"]+" "+v["Date de mise à jour"])
		}
		if joined := strings.Join(got, ", "); joined != tc.want {
			t.Errorf("%s: %s, want %s", name, joined, tc.want)
		}
	}
}

// Values that would break a line, for some reader, do not.
func TestValuesStayInTheirLine(t *testing.T) {
	for value, want := range map[string]string{
		"a|b":              "a b",
		"a\nb":             "a b",
		"a\r\nb":           "a  b",
		"a\tb":             "a b",
		"\x00a\x1b":        " a ",
		"a\u0085b\u2028c":  "a b c",
		"a\u2029b":         "a b",
		"a\xffb":           "a b",
		`"CABINET DU PARC`: `"CABINET DU PARC`,
		`O"BRIEN\D`:        `O"BRIEN\D`,
		"L'HAŸ-LES-ROSES":  "L'HAŸ-LES-ROSES",
		"名前":               "名前",
		"":                 "",
	} {
		p := full()
		p.RefPro.Exercices[0].Nom, p.FamilyName = value, value
		all := lines(t, get(t, newTest(only(p), records()), "PS_LibreAcces")["PS_LibreAcces_Personne_activite"])
		if len(all) != 2 || len(all[1]) != len(all[0]) {
			t.Fatalf("%q: %d lines", value, len(all))
		}
		if got := valuesOf(all[0], all[1])["Nom d'exercice"]; got != want {
			t.Errorf("%q is written %q, want %q", value, got, want)
		}
	}
}

func TestLabels(t *testing.T) {
	for _, tc := range []struct{ field, code, want string }{
		{"codeSavoirFaire", "SM54", "Médecine générale"},
		{"codeSavoirFaire", "SI04", "Exercice infirmier en pratique avancée santé mentale"},
		{"codeSavoirFaire", "XX99", ""},
		{"codeSavoirFaire", "", ""},
		{"codeDepartement", "2A", "Corse-du-Sud"},
		{"codeDepartement", "01", "Ain"},
		{"codeDepartement", "971", "Guadeloupe"},
		{"codeTypeDeVoie", "RTE", "Route"},
		{"codeSectionPharmacien", "A", "Pharmacien titulaire d'officine"},
		{"codeModeExercice", "L", "Libéral, indépendant, artisan, commerçant"},
	} {
		if got := label(tc.field, tc.code); got != tc.want {
			t.Errorf("%s %s: %q, want %q", tc.field, tc.code, got, tc.want)
		}
	}
	for cedex, want := range map[string]string{"75009 PARIS": "PARIS", "PARIS CEDEX 9": "PARIS CEDEX 9", "": ""} {
		if got := commune("00000", cedex); got != want {
			t.Errorf("commune of %q: %q, want %q", cedex, got, want)
		}
	}
}
