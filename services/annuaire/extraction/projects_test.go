package extraction

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"os"

	"github.com/igc-lab/igc/internal/peer"
)

// reader is what a public program takes from a file.
type reader struct {
	project string
	names   []string       // columns that it finds by name in the header
	keys    string         // its own names for the columns, by place: as many as the file has, or had then
	places  map[int]string // columns that it takes by place
	fields  int            // parts of each line when divided at its separators; 0 when it does not matter
}

// The columns of the real files, as public programs have them.
var readers = map[string][]reader{
	"PS_LibreAcces_Personne_activite": {
		// github.com/flrt/ref-rpps-ne, rpps.py: the 48 columns of 2018, by place
		{project: "flrt/ref-rpps-ne", keys: `type_identifiant_pp identifiant_pp identification_nationale_pp
			code_civilite_exercice libelle_civilite_exercice code_civilite libelle_civilite nom_exercice prenom_exercice
			code_profession libelle_profession code_categorie_professionnelle libelle_categorie_professionnelle
			code_type_savoir_faire libelle_type_savoir_faire code_savoir_faire libelle_savoir_faire code_mode_exercice
			libelle_mode_exercice numero_siret_site numero_siren_site numero_finess_site
			numero_finess_etablissement_juridique identifiant_technique_structure raison_sociale_site
			enseigne_commerciale_site complement_destinataire complement_point_geographique numero_voie
			indice_repetition_voie code_type_de_voie libelle_type_de_voie libelle_voie mention_distribution bureau_cedex
			code_postal code_commune libelle_commune code_pays libelle_pays telephone telephone_2 telecopie
			adresse_e-mail
			code_departement libelle_departement ancien_identifiant_structure autorite_enregistrement`},
		// github.com/faits-politiques/faits-politiques, connector of September 2026: each must be
		// in the header
		{project: "faits-politiques",
			names: strings.Split("Type d'identifiant PP|Identifiant PP|Identification nationale PP|"+
				"Code civilité d'exercice|Libellé civilité d'exercice|Code civilité|Libellé civilité|Nom d'exercice|"+
				"Prénom d'exercice|Code profession|Libellé profession|Code catégorie professionnelle|"+
				"Libellé catégorie professionnelle|Code type savoir-faire|Libellé type savoir-faire|Code savoir-faire|"+
				"Libellé savoir-faire|Code mode exercice|Libellé mode exercice|Numéro SIRET site|Numéro SIREN site|"+
				"Numéro FINESS site|Numéro FINESS établissement juridique|Identifiant technique de la structure|"+
				"Raison sociale site|Enseigne commerciale site|Complément destinataire (coord. structure)|"+
				"Complément point géographique (coord. structure)|Numéro Voie (coord. structure)|"+
				"Indice répétition voie (coord. structure)|Code type de voie (coord. structure)|"+
				"Libellé type de voie (coord. structure)|Libellé Voie (coord. structure)|"+
				"Mention distribution (coord. structure)|Bureau cedex (coord. structure)|"+
				"Code postal (coord. structure)|"+
				"Code commune (coord. structure)|Libellé commune (coord. structure)|Code pays (coord. structure)|"+
				"Libellé pays (coord. structure)|Téléphone (coord. structure)|Téléphone 2 (coord. structure)|"+
				"Télécopie (coord. structure)|Adresse e-mail (coord. structure)|Code Département (structure)|"+
				"Libellé Département (structure)|Ancien identifiant de la structure|Autorité d'enregistrement|"+
				"Code secteur d'activité|Libellé secteur d'activité|Code section tableau pharmaciens|"+
				"Libellé section tableau pharmaciens|Code rôle|Libellé rôle|Code genre activité|Libellé genre activité",
				"|")},
		// a pandas loader of 2024 names the empty column behind the last separator: "Unnamed: 52",
		// and there were 52
		{project: "a loader with pandas", fields: 57},
		// github.com/QrCommunication/rppsapi-js, from data.gouv.fr
		{project: "QrCommunication/rppsapi-js", names: []string{"Identifiant PP", "Code secteur d'activité",
			"Libellé rôle",
			"Code genre activité", "Numéro FINESS établissement juridique", "Code Département (structure)"}},
	},
	"PS_LibreAcces_Dipl_AutExerc": {
		{project: "flrt/ref-rpps-ne", keys: `type_identifiant_pp identifiant_pp identification_nationale_pp nom_exercice
			prenom_exercice code_type_diplome libelle_type_diplome code_diplome libelle_diplome code_type_autorisation
			libelle_type_autorisation code_discipline_autorisation libelle_discipline_autorisation`},
		{project: "QrCommunication/rppsapi-js", names: []string{"Identifiant PP", "Code type diplôme obtenu",
			"Libellé type diplôme obtenu", "Code diplôme obtenu", "Libellé diplôme obtenu", "Code type autorisation",
			"Libellé type autorisation", "Code discipline autorisation", "Libellé discipline autorisation"}},
		{project: "a loader with pandas", fields: 14}, // "Unnamed: 13"
	},
	"PS_LibreAcces_SavoirFaire": {
		{project: "flrt/ref-rpps-ne", keys: `type_identifiant_pp identifiant_pp identification_nationale_pp nom_exercice
			prenom_exercice code_profession libelle_profession code_cat_prof libelle_cat_prof code_type_savoir_faire
			libelle_type_savoir_faire code_savoir_faire libelle_savoir_faire`},
		{project: "QrCommunication/rppsapi-js", names: []string{"Identifiant PP", "Code profession",
			"Libellé profession",
			"Code catégorie professionnelle", "Libellé catégorie professionnelle", "Code type savoir-faire",
			"Libellé type savoir-faire", "Code savoir-faire", "Libellé savoir-faire"}},
		{project: "a loader with pandas", fields: 14},
	},
	"Extraction_Correspondance_MSSante": {
		{project: "flrt/ref-rpps-ne", keys: `type_bal adresse_bal type_identifiant_pp identifiant_pp
			identification_nationale_pp type_identifiant_structure identification_structure service_rattachement
			civilite_exercice nom_exercice prenom_exercice cat_profession libelle_cat_profession code_profession
			libelle_profession code_savoir_faire libelle_savoir_faire dematerialisation raison_sociale_structure_bal
			enseigne_commerciale_structure_bal complement_localisation_structure_bal
			complement_distribution_structure_bal
			numero_voie_structure_bal complement_numero_voie_structure_bal type_voie_structure_bal
			libelle_voie_structure_bal lieudit_mention_structure_bal ligne_acheminement_structure_bal
			code_postal_structure_bal departement_structure_bal pays_structure_bal`},
		{project: "QrCommunication/rppsapi-js", names: []string{"Type de BAL", "Adresse BAL", "Dématérialisation",
			"Code savoir-faire", "Libellé savoir-faire", "Identification Structure", "Type identifiant structure",
			"Service de rattachement", "Raison Sociale structure BAL", "Enseigne commerciale structure BAL",
			"L2COMPLEMENTLOCALISATION structure BAL", "L3COMPLEMENTDISTRIBUTION structure BAL",
			"L4NUMEROVOIE structure BAL", "L4COMPLEMENTNUMEROVOIE structure BAL", "NL4TYPEVOIE structure BAL",
			"L4LIBELLEVOIE structure BAL", "L5LIEUDITMENTION structure BAL", "L6LIGNEACHEMINEMENT structure BAL",
			"Code postal structure BAL", "Département structure BAL", "Pays structure BAL"}},
		// a watch over the mailboxes counts 31 columns in each line of August 2026, and takes the
		// first two
		{project: "a watch over mailboxes", fields: 31, places: map[int]string{0: "Type de BAL", 1: "Adresse BAL"}},
	},
	"Porteurs_CPS_CPF": {
		// github.com/instamedsolutions/rpps_api, RPPSService.php and FileProcessor.php
		{project: "instamedsolutions/rpps_api", places: map[int]string{1: "Identifiant PP", 11: "Numéro carte"}},
		{project: "QrCommunication/rppsapi-js", names: []string{"Identifiant PP", "Code type de carte",
			"Libellé type de carte", "Numéro carte", "Identifiant national contenu dans la carte",
			"Date début validité",
			"Date fin validité", "Date opposition", "Date de mise à jour"}},
		// a list of practitioners made with csv-parse
		{project: "a list with csv-parse", names: []string{"Identifiant PP", "Nom d'exercice", "Prénom d'exercice",
			"Code profession"}},
	},
}

// wordsOf makes the name of a column and a program's own key for it alike: letters without accents,
// without the little words.
func wordsOf(name string) []string {
	fold := strings.NewReplacer("é", "e", "è", "e", "ê", "e", "ô", "o", "(coord. structure)", "", "(structure)", "",
		"d'", " ", "-", " ", "_", " ", "obtenu", "", "l2", "", "l3", "", "nl4", "", "l4", "", "l5", "", "l6", "")
	var words []string
	for _, w := range strings.Fields(fold.Replace(strings.ToLower(name))) {
		if !slices.Contains([]string{"de", "la", "structure", "bal"}, w) {
			words = append(words, w)
		}
	}
	return words
}

// same tells whether a key names the column: each word of one begins a word of the other, or is in
// it.
func same(column, key string) bool {
	joined := strings.Join(wordsOf(column), "")
	for _, w := range wordsOf(key) {
		if len(w) > 4 {
			w = w[:4]
		}
		if !strings.Contains(joined, w) {
			return false
		}
	}
	return true
}

// Public programs find their columns, by name, by place and by number.
func TestPublicReaders(t *testing.T) {
	x := newTest(only(full()), records(card("2800000001", "cps", "authentication", "899700218896")), hospital())
	for extraction := range extractions {
		for name, text := range get(t, x, extraction) {
			all := lines(t, text)
			if len(readers[name]) < 3 {
				t.Errorf("%s has %d readers", name, len(readers[name]))
			}
			for _, r := range readers[name] {
				at := 0
				for _, n := range r.names {
					if !slices.Contains(all[0], n) {
						t.Errorf("%s: %s finds no column %q", name, r.project, n)
					}
				}
				if len(r.names) > 50 && !slices.Equal(all[0][:len(r.names)], r.names) {
					t.Errorf("%s: the columns are not in the order of %s", name, r.project)
				}
				for _, key := range strings.Fields(r.keys) {
					if !same(all[0][at], key) {
						t.Errorf("%s: column %d is %q, %s has %s", name, at, all[0][at], r.project, key)
					}
					at++
				}
				for place, n := range r.places {
					if all[0][place] != n {
						t.Errorf("%s: column %d is %q, %s takes it for %s", name, place, all[0][place], r.project, n)
					}
				}
				for i, line := range all {
					if r.fields != 0 && len(line) != r.fields {
						t.Errorf("%s: line %d has %d parts, %s wants %d", name, i, len(line), r.project, r.fields)
					}
				}
			}
		}
	}
}

// Other programs read the ZIP: Info-ZIP, and Python's zipfile and csv, as many readers do.
func TestOtherPrograms(t *testing.T) {
	path := filepath.Join(t.TempDir(), "PS_LibreAcces"+testLast+".zip")
	var w writerOf
	newTest(only(full(), somebody(2)), records()).ServeHTTP(&w, request("PS_LibreAcces"))
	if err := os.WriteFile(path, w.body.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	peer.Run(t, "unzip", "-t", path)
	got := peer.Run(t, "python3", "-c", `
import csv, io, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z:
    print(z.testzip())
    for name in z.namelist():
        rows = list(csv.DictReader(io.TextIOWrapper(z.open(name), encoding="utf-8", newline=""), delimiter="|"))
        print(name, len(rows), rows[0]["Identification nationale PP"], rows[0]["Nom d'exercice"])
`, path)
	want := "None\nPS_LibreAcces_Personne_activite_202611220830.txt 3 899700218896 SPECIALISTE\n" +
		"PS_LibreAcces_Dipl_AutExerc_202611220830.txt 2 899700218896 SPECIALISTE\n" +
		"PS_LibreAcces_SavoirFaire_202611220830.txt 2 899700218896 SPECIALISTE\n"
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}
