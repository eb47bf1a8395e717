package roster_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/people"
	"github.com/igc-lab/igc/people/roster"
)

func read(t testing.TB, text string) (*roster.File, error) {
	t.Helper()
	return roster.Read("-", strings.NewReader(text))
}

func mustRead(t testing.TB, text string) *roster.File {
	t.Helper()
	f, err := read(t, text)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

const (
	head = "identifier;family name;given name;profession;speciality;mode;sector;mail;phone\n"
	row  = "899700999123;Durand;Éloïse;10;SM26;L;SA07;eloise@example.fr;0639980012\n"
)

// The columns of igc people set, in every way in which people name and write them, say the same.
func TestColumns(t *testing.T) {
	want := mustRead(t, head+row).Entries
	if len(want) != 1 || want[0].Change.RefPro != nil || *want[0].Change.Profession != "10" {
		t.Fatalf("%+v", want)
	}
	for name, text := range map[string]string{
		"French": "Identifiant;Nom;Prénom;Profession;Spécialité;Mode d'exercice;Secteur d'activité;" +
			"Courriel;Téléphone\n" + row,
		"RPPS without its 8": "N° RPPS;Nom de famille;Prénom usuel;Profession;Spécialité;Mode;Secteur;E-mail;" +
			"Portable\n" +
			"99700999123;Durand;Éloïse;10;SM26;L;SA07;eloise@example.fr;06 39 98 00 12\n",
		"capitals": strings.ToUpper(head) +
			"8 99700 999123;Durand;Éloïse;10;sm26;l;sa07;eloise@example.fr;+33639980012\n",
		"tabs":       strings.ReplaceAll(head+row, ";", "\t"),
		"zero eaten": head + "899700999123;Durand;Éloïse;10;SM26;L;SA07;eloise@example.fr;639980012\n",
		"labels": head + "899700999123;Durand;Éloïse;Médecin;SM26 - Qualifié en Médecine Générale (SM);L;" +
			"Cabinet individuel;eloise@example.fr;0639980012\n",
		"title above":  "Liste des médecins;;;;;;;;\n" + head + row,
		"BOM and CRLF": "\ufeff" + strings.ReplaceAll(head+row, "\n", "\r\n"),
		"decomposed":   head + "899700999123;Durand;E\u0301loi\u0308se;10;SM26;L;SA07;eloise@example.fr;0639980012\n",
		"type and rest": "Type d'identifiant PP;Identifiant PP;" + strings.TrimPrefix(head, "identifier;") +
			"8;" + row[1:],
	} {
		f, err := read(t, text)
		if err != nil || len(f.Faults) > 0 {
			t.Errorf("%s: %v, %v", name, err, f)
			continue
		}
		got := f.Entries
		got[0].Lines = want[0].Lines
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n%+v\n%+v", name, got[0].Change, want[0].Change)
		}
	}
	var wide bytes.Buffer
	wide.Write([]byte{0xff, 0xfe})
	for _, u := range utf16.Encode([]rune(head + row)) {
		binary.Write(&wide, binary.LittleEndian, u)
	}
	if f := mustRead(t, wide.String()); !reflect.DeepEqual(f.Entries, want) {
		t.Errorf("UTF-16: %+v", f)
	}
}

const annuaire = "Type d'identifiant PP|Identifiant PP|Identification nationale PP|Code civilité d'exercice|" +
	"Libellé civilité d'exercice|Code civilité|Libellé civilité|Nom d'exercice|Prénom d'exercice|Code profession|" +
	"Libellé profession|Code catégorie professionnelle|Libellé catégorie professionnelle|Code type savoir-faire|" +
	"Libellé type savoir-faire|Code savoir-faire|Libellé savoir-faire|Code mode exercice|Libellé mode exercice|" +
	"Numéro SIRET site|Numéro SIREN site|Numéro FINESS site|Numéro FINESS établissement juridique|" +
	"Identifiant technique de la structure|Raison sociale site|Enseigne commerciale site|" +
	"Complément destinataire (coord. structure)|Complément point géographique (coord. structure)|" +
	"Numéro Voie (coord. structure)|Indice répétition voie (coord. structure)|Code type de voie (coord. structure)|" +
	"Libellé type de voie (coord. structure)|Libellé Voie (coord. structure)|Mention distribution (coord. structure)|" +
	"Bureau cedex (coord. structure)|Code postal (coord. structure)|Code commune (coord. structure)|" +
	"Libellé commune (coord. structure)|Code pays (coord. structure)|Libellé pays (coord. structure)|" +
	"Téléphone (coord. structure)|Téléphone 2 (coord. structure)|Télécopie (coord. structure)|" +
	"Adresse e-mail (coord. structure)|Code Département (structure)|Libellé Département (structure)|" +
	"Ancien identifiant de la structure|Autorité d'enregistrement|Code secteur d'activité|" +
	"Libellé secteur d'activité|Code section tableau pharmaciens|Libellé section tableau pharmaciens|Code rôle|" +
	"Libellé rôle|Code genre activité|Libellé genre activité|\n"

// line is one of the extraction, with a savoir-faire and a structure.
func line(skill, structure string) string {
	return "8|99700999123|899700999123|DR|Docteur|MME|Madame|DURAND|Éloïse|10|Médecin|C|Civil|S|Spécialité ordinale|" +
		skill + "||L|Libéral|||||" + structure + "|CABINET " + structure +
		"||||12|BIS|R|Rue|DES LILAS||75009 PARIS|75009|" +
		"75109|Paris 9e|99000|France|0199000012||||75|Paris||CNOM/CNOM/CNOM|SA07|Cabinet individuel|||||GENR01|soin|\n"
}

// The Annuaire's extraction has an activity a line, repeated for each savoir-faire.
func TestAnnuaire(t *testing.T) {
	f := mustRead(t, annuaire+line("SM26", "R999001")+line("SM26", "R999002")+line("SM04", "R999001")+
		strings.ReplaceAll(line("SM54", "R999001"), "99700999123", "99700999131"))
	if len(f.Entries) != 2 || len(f.Faults) > 0 {
		t.Fatalf("%+v", f)
	}
	e := f.Entries[0]
	if e.ID != "899700999123" || !reflect.DeepEqual(e.Lines, []int{2, 3, 4}) {
		t.Errorf("%s of %v", e.ID, e.Lines)
	}
	r := e.Change.RefPro
	if r == nil || r.CodeCivilite != "MME" || len(r.Exercices) != 1 {
		t.Fatalf("%+v", r)
	}
	x := r.Exercices[0]
	if x.CodeProfession != "10" || x.CodeCivilite != "DR" || x.CodeSavoirFaire != "SM26" || x.Nom != "DURAND" ||
		len(x.Activities) != 2 {
		t.Fatalf("%+v", x)
	}
	want := people.Activity{CodeModeExercice: "L", CodeSecteurDactivite: "SA07", CodeGenreActivite: "GENR01",
		IdentifiantTechnique: "R999002", RaisonSocialeSite: "CABINET R999002", NumeroVoie: "12",
		IndiceRepetitionVoie: "BIS", CodeTypeDeVoie: "R", LibelleVoie: "DES LILAS", BureauCedex: "75009 PARIS",
		CodePostal: "75009", CodeCommune: "75109", CodePays: "99000", Telephone: "0199000012", CodeDepartement: "75",
		AutoriteDenregistrement: "CNOM/CNOM/CNOM"}
	if x.Activities[1] != want {
		t.Errorf("%+v", x.Activities[1])
	}
}

// Several rows of a person are several activities, of which all are given anew.
func TestSeveralRows(t *testing.T) {
	f := mustRead(t, "rpps;nom;profession;mode;structure;identifiant technique\n"+
		"99700999123;Durand;60;L;CABINET;R999001\n99700999131;Petit;70;L;CABINET;R999002\n"+
		"99700999123;Durand;60;S;HOPITAL;F0B0999901\n99700999123;;70;L;AUTRE;R999003\n")
	if len(f.Entries) != 2 || f.Entries[1].Change.RefPro != nil {
		t.Fatalf("%+v", f.Entries)
	}
	r := f.Entries[0].Change.RefPro
	if len(r.Exercices) != 2 || len(r.Exercices[0].Activities) != 2 || r.Exercices[1].CodeProfession != "70" {
		t.Errorf("%+v", r)
	}
}

// Wrong rows are named by their lines with what to do, and the others are read.
func TestFaults(t *testing.T) {
	f := mustRead(t, head+
		row+ // 2, right
		"997;Petit;Jean;60;;S;;;\n"+ // 3, short
		";Petit;Jean;60;;S;;;\n"+ // 4, without
		"9,97E+10;Petit;Jean;60;;S;;;\n"+ // 5, shortened
		"899700999131;Petit;Jean;601;;S;;;\n"+ // 6, no such profession
		"899700999149;Petit;Jean;60;;S;;not a mail;\n"+ // 7
		"899700999156;Petit;Jean;60;;S;;;12\n"+ // 8, phone
		"899700999164;Petit;Jean;60;;Z;;;\n"+ // 9, mode
		"899700999172;Petit;Jean;60;;S;;;;too many\n") // 10
	if len(f.Entries) != 1 {
		t.Errorf("%+v", f.Entries)
	}
	lines := map[int]bool{}
	for _, fault := range f.Faults {
		lines[fault.Line] = true
	}
	for n := 3; n <= 10; n++ {
		if !lines[n] {
			t.Errorf("line %d is right: %v", n, f.Faults)
		}
	}
	text := f.Faults.Text()
	if !strings.Contains(text.EN, "line 3: ") || !strings.Contains(text.FR, "ligne 4 : pas d'identifiant") {
		t.Error(text)
	}
}

func TestWrongFiles(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "no row",
		"rpps;nom\n":                    "no row",
		"nom;prenom\nDurand;Jean\n":     "no column of identifiers",
		"rpps;nom;gibberishes\n1;2;3\n": "unknown columns: « gibberishes »",
		strings.Repeat("xyzzy plugh;", 5_000) + "\n1;2\n": "...",
		strings.Repeat("xyzzy", 20_000) + ";rpps\n1;2\n":  "unknown columns: « xyzzyxyzzy",
		"rpps;nom;surname\n1;2;3\n":                       "two columns for one thing: nom = surname",
		"rpps;nom;prefession\n99700999123;x;\n":           "(profession ?)",
	} {
		if _, err := read(t, text); err == nil || !strings.Contains(i18n.TextOf(err).EN, want) {
			t.Errorf("%q: %v, and not %s", text, err, want)
		}
	}
	if _, err := roster.Read(filepath.Join(t.TempDir(), "none.csv"), nil); err == nil {
		t.Error("a file that is not there was read")
	}
}

// Workbooks are read as text is.
func TestWorkbooks(t *testing.T) {
	table := [][]string{{"Liste"}, {"RPPS", "Nom", "Prénom", "Téléphone"},
		{"99700999123", "Durand", "Éloïse", "639980012"}, {"99700999131", "Petit", "Jean", "06 39 98 00 13"}}
	for name, data := range map[string][]byte{"XLSX": xlsx(t, table), "ODS": ods(t, table)} {
		f, err := roster.Read("-", bytes.NewReader(data))
		if err != nil || len(f.Faults) > 0 || len(f.Entries) != 2 {
			t.Errorf("%s: %+v, %v", name, f, err)
			continue
		}
		if e := f.Entries[0]; e.ID != "899700999123" || *e.Change.FamilyName != "Durand" ||
			*e.Change.Phone != "0639980012" {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

func xlsx(t *testing.T, table [][]string) []byte {
	var cells strings.Builder
	for i, row := range table {
		fmt.Fprintf(&cells, `<row r="%d">`, i+1)
		for j, text := range row {
			if strings.Trim(text, "0123456789") == "" { // a number
				fmt.Fprintf(&cells, `<c r="%c%d"><v>%s</v></c>`, 'A'+j, i+1, text)
			} else {
				fmt.Fprintf(&cells, `<c r="%c%d" t="inlineStr"><is><t>%s</t></is></c>`, 'A'+j, i+1, text)
			}
		}
		cells.WriteString("</row>")
	}
	const rel = `http://schemas.openxmlformats.org/officeDocument/2006/relationships`
	return zipped(t, map[string]string{
		"xl/workbook.xml": `<workbook xmlns:r="` + rel + `"><sheets><sheet name="Un" sheetId="1" r:id="rId1"/>` +
			`</sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="rId1" Type="` + rel +
			`/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`,
		"xl/worksheets/sheet1.xml": `<worksheet><sheetData>` + cells.String() + `</sheetData></worksheet>`})
}

func ods(t *testing.T, table [][]string) []byte {
	var cells strings.Builder
	for _, row := range table {
		cells.WriteString("<table-row>")
		for _, text := range row {
			fmt.Fprintf(&cells, `<table-cell value-type="string"><p>%s</p></table-cell>`, text)
		}
		cells.WriteString("</table-row>")
	}
	return zipped(t, map[string]string{"mimetype": "application/vnd.oasis.opendocument.spreadsheet",
		"content.xml": `<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0">` +
			`<body><spreadsheet><table name="Un">` + cells.String() +
			`</table></spreadsheet></body></document-content>`})
}

func zipped(t *testing.T, parts map[string]string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range parts {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func FuzzRead(f *testing.F) {
	f.Add(head + row)
	f.Add(annuaire + line("SM26", "R999001"))
	f.Fuzz(func(t *testing.T, text string) {
		file, err := roster.Read("-", strings.NewReader(text))
		if err == nil {
			_ = file.Faults.Text()
		}
	})
}

func BenchmarkRead(b *testing.B) {
	var text strings.Builder
	text.WriteString(head)
	for n := range 10_000 {
		fmt.Fprintf(&text, "8997%08d;NOM%d;PRÉNOM;10;SM26;L;SA07;a%d@example.fr;0639980012\n", n, n, n)
	}
	for b.Loop() {
		f, err := roster.Read("-", strings.NewReader(text.String()))
		if err != nil || len(f.Entries) != 10_000 {
			b.Fatal(err)
		}
	}
}
