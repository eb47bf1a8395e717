package batch

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/batch/sheet"
	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// columns are names of flags that the tests use.
var columns = []string{"card", "product", "given-name", "surname", "profession", "speciality", "rpps", "adeli",
	"finess", "siren", "siret",
	"organisation", "department", "register", "service", "dns", "email", "card-number", "pin", "random", "fixture",
	"not-before", "id-nat"}

func read(text string) (*File, error) { return Read("-", strings.NewReader(text), columns) }

// show writes the rows, a line each: the number, and the values by name.
func show(f *File) string {
	if f == nil {
		return ""
	}
	var b strings.Builder
	for _, r := range f.Rows {
		fmt.Fprintf(&b, "%d:", r.Line)
		for _, name := range columns {
			if r.IsSet(name) {
				fmt.Fprintf(&b, " %s=%s", name, strings.Join(r.StringSlice(name), "+"))
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

func notes(f *File) (all []string) {
	for _, n := range f.Notes {
		all = append(all, n.EN)
	}
	for _, r := range f.Rows {
		for _, n := range r.Notes {
			all = append(all, n.EN)
		}
	}
	return all
}

// The same card in every format, known by its content whatever the name is.
func TestFormats(t *testing.T) {
	const want = "card=cps surname=LEFÈVRE rpps=99700209812\n"
	for name, text := range map[string]string{
		"CSV":             "card;surname;rpps\ncps;LEFÈVRE;99700209812\n",
		"JSON":            `{"card": "cps", "surname": "LEFÈVRE", "rpps": "99700209812"}`,
		"JSON over lines": "{\n\"card\": \"cps\",\n\"surname\": \"LEFÈVRE\", \"rpps\": 99700209812\n}\n",
		"a list of JSON":  `[{"card": "CPS", "surname": "LEFÈVRE", "rpps": "99700209812", "adeli": null}]`,
		"JSON with BOM":   "\ufeff# one\n{\"product\": \"cps\", \"nom\": \"LEFÈVRE\", \"RPPS\": 99700209812}",
		"YAML":            "- card: cps\n  surname: LEFÈVRE\n  rpps: 99700209812\n",
		"YAML, one":       "card: cps\nsurname: LEFÈVRE\nrpps: 99700209812\n",
		"YAML document":   "---\n- {card: cps, surname: LEFÈVRE, rpps: 99700209812, adeli: ~}\n",
		"YAML, merged":    "- &a\n  card: cps\n  surname: LEFÈVRE\n  rpps: 99700209812\n",
		"quoted header": "\"Produit\",\"Nom de famille\",\"N° RPPS (11 " +
			"chiffres)\"\n\"cps\",\"LEFÈVRE\",\"99700209812\"",
	} {
		f, err := read(text)
		if err != nil || !strings.HasSuffix(show(f), want) || len(f.Rows) != 1 {
			t.Errorf("%s: %v\n%s", name, err, show(f))
		}
		for _, ending := range []string{".csv", ".txt", ".xlsx", ".jsonl", ""} { // the name does not count
			file := filepath.Join(t.TempDir(), "cartes"+ending)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if f, err := Read(file, nil, columns); err != nil || !strings.HasSuffix(show(f), want) {
				t.Errorf("%s as %s: %v\n%s", name, ending, err, show(f))
			}
		}
	}
	if f, err := read("- &a {card: cps, profession: 10}\n- <<: *a\n  profession: 60\n"); err != nil ||
		show(f) != "1: card=cps profession=10\n2: card=cps profession=60\n" {
		t.Errorf("%v\n%s", err, show(f))
	}
	if f, err := Read("x.yaml", nil, columns); ca.KindOf(err) != ca.NotFound {
		t.Errorf("%v, %v", f, err)
	}
}

// Headers are names of flags in any case and language.
func TestHeaders(t *testing.T) {
	for header, want := range map[string]string{
		"Produit;Prénom;NOM": "card given-name surname", "product;first_name;Last Name": "card given-name surname",
		"CARD ; Given-Name;surname ":                     "card given-name surname",
		"type de carte;prenom;nom d'exercice":            "card given-name surname",
		"RPPS;ADELI;Département":                         "rpps adeli department",
		"n° rpps;N°Adeli;Dépt.":                          "rpps adeli department",
		"numéro RPPS;numero_adeli;code département":      "rpps adeli department",
		"R.P.P.S.;adeli;departement *":                   "rpps adeli department",
		"courriel;e-mail adresse;x":                      "",
		"E-mail;spécialités;raison sociale":              "email speciality organisation",
		"Adresse électronique;specialities;Organization": "email speciality organisation",
		"pre\u0301nom;rpps (sans espace);Nom [usuel]":    "given-name rpps surname",
	} {
		n := newNames(columns)
		var all []string
		for _, h := range strings.Split(header, ";") {
			name, ok := n.find(h)
			if !ok {
				all = nil
				break
			}
			all = append(all, name)
		}
		if got := strings.Join(all, " "); got != want {
			t.Errorf("%q: %q, want %q", header, got, want)
		}
	}
	for synonym, name := range synonyms {
		if sheet.FoldHeader(synonym) != synonym {
			t.Errorf("%q is not folded", synonym)
		}
		if name == "" || slices.Contains(columns, synonym) && synonym != "product" {
			t.Errorf("%q -> %q", synonym, name)
		}
	}
}

// What spreadsheets do to values is put right, with a note where digits were added or left out.
func TestValues(t *testing.T) {
	for _, c := range []struct{ column, value, want, note string }{
		{"department", "1", "01", "zero put back, 01"}, {"department", "75", "75", ""}, {"department", "2a", "2a", ""},
		{"department", "1.0", "01", "zero put back"},
		{"rpps", " 99700209812 ", "99700209812", ""}, {"rpps", "99 700 209 812", "99700209812", ""},
		{"rpps", "99\u202f700\u202f209\u202f812", "99700209812", ""},
		{"rpps", "'99700209812", "99700209812", ""}, {"rpps", "99700209812.0", "99700209812", "read as 99700209812"},
		{"rpps", "99700209812,00", "99700209812", "read as"},
		{"rpps", "99,700,209,812", "99700209812", "read as"}, {"rpps", "99.700.209.812", "99700209812", ""},
		{"rpps", "810001234567.0", "810001234567", "read as"},
		{"rpps", "1234567890", "01234567890", "zero put back, 01234567890"}, {"rpps", "123456789", "123456789", ""},
		{"finess", "10000024", "010000024", "zero put back"}, {"finess", "0b 005 788 1", "0B0057881", ""},
		{"finess", "0B005788", "0B005788", ""},
		{"adeli", "16077602", "016077602", "zero put back"}, {"siret", "1234500012", "00001234500012",
			"zeros put back"}, {"siren", "5541234", "005541234", "zeros put back"},
		{"siret", "187 512 751 00020", "18751275100020", ""}, {"id-nat", "160776021", "0160776021", "zero put back"},
		{"id-nat", "30B0057881/CPET0002", "30B0057881/CPET0002", ""},
		{"profession", "10.0", "10", "read as 10"}, {"card-number", "2 800 000 001", "2800000001", ""},
		{"card", " CPS ", "cps", ""},
		{"speciality", "SM26; SM27,SM28/SM29 SM30", "SM26+SM27+SM28+SM29+SM30", ""},
		{"dns", "a.fr, b.fr\nc.fr", "a.fr+b.fr+c.fr", ""},
		{"random", "VRAI", "true", ""}, {"random", "oui", "true", ""}, {"random", "x", "true", ""},
		{"random", "FAUX", "", ""}, {"random", "non", "", ""},
		{"surname", "D'ARTAGNAN", "D'ARTAGNAN", ""}, {"surname", "'t Hooft", "'t Hooft", ""},
		{"pin", "0042", "0042", ""}, {"not-before", "25/11/2026", "25/11/2026", ""},
	} {
		f, err := read("fixture\t" + c.column + "\nalain\t\"" + c.value + "\"\n")
		if err != nil || len(f.Rows) != 1 {
			t.Errorf("%s %q: %v", c.column, c.value, err)
			continue
		}
		got, said := strings.Join(f.Rows[0].StringSlice(c.column), "+"), strings.Join(notes(f), "; ")
		if got != c.want || (c.note == "") != (said == "") || !strings.Contains(said, c.note) {
			t.Errorf("%s %q: %q, notes %q; want %q, %q", c.column, c.value, got, said, c.want, c.note)
		}
	}
	for _, c := range []struct{ column, value, want string }{
		{"rpps", "8,1E+10", "digits are lost"}, {"rpps", "8.10001E+11", "digits are lost"},
		{"finess", "1E+08", "digits are lost"}, {"siret", "1,87513E+13", "digits are lost"},
		{"department", "2e1", "digits are lost"}, {"random", "peut-être", "neither yes nor no"},
		{"card-number", "2,8E9", "digits are lost"},
	} {
		_, err := read("fixture\t" + c.column + "\n\nalain\t" + c.value + "\n")
		if want := fmt.Sprintf("(column B %q)", c.column); err == nil || !strings.Contains(err.Error(), c.want) ||
			!strings.Contains(err.Error(), "line 3: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s %q: %v", c.column, c.value, err)
		} else if !strings.HasPrefix(i18n.TextOf(err).FR, "ligne 3 : ") ||
			!strings.Contains(i18n.TextOf(err).FR, "(colonne B") {
			t.Errorf("%s", i18n.TextOf(err).FR)
		}
	}
}

// Nothing of a file is lost in silence, and an error of the header is said once.
func TestNothingLost(t *testing.T) {
	for text, want := range map[string]string{
		"card;surname;given_name;surname\ncps;A;B;C": `line 1: two columns of one name: B "surname" = D "surname"`,
		"given_name;given-name\nA;B":                 `A "given_name" = B "given-name"`,
		"Nom;surname\nA;B":                           `A "Nom" = B "surname"`,
		"card;telephone;colour;surnam\n" + strings.Repeat("cps;1;2;3\n",
			200): `line 1: unknown column "telephone", "colour", "surnam" (surname ?): --batch-example`,
		"card;nom;telephone\ncps;A;1":                `these are read: "nom" = surname`,
		"card;surname\ncps;A;B":                      `line 2: "B" is in column C, which has no name`,
		"card;;surname\ncps;X;B":                     `line 2: "X" is in column B, which has no name`,
		`{"card": "cps", "card": "cpe"}`:             `line 1: "card" and "card" are one name`,
		`{"given_name": "A", "given-name": "B"}`:     `"given_name" and "given-name" are one name`,
		"{\"card\": \"cps\"}\n{\"card\": \"cps\"} x": "line 2: this JSON is not well formed",
		`{"card": "cps"} {"card"`:                    "line 1: this JSON is not well formed",
		`{"card": "cps"}, {"card": "cpe"}`:           "is not well formed",
		`[{"card": "cps"}`:                           "is not well formed",
		`[{"card": "cps"}] {"card": "cps"`:           "is not well formed",
		`["cps"]`:                                    "is not in an object",
		`{"card": {"a": 1}}`:                         "neither a text nor a list",
		`{"speciality": [["SM26"]]}`:                 "a list in a list",
		`{"colour": "red", "size": 1}`:               `unknown column "colour", "size"`,
		"- card: cps\n  card: cpe\n":                 `"card" and "card" are one name`,
		"- given_name: A\n  given-name: B\n":         `line 1: "given_name" and "given-name" are one name`,
		"- colour: red\n- size: 1\n":                 `unknown column "colour", "size"`,
		"- card: {a: b}\n":                           "a text or a list is expected",
		"- cps\n":                                    "is not a card",
		"- card: cps\n---\n- card: cpe\n":            "second document",
		"card;nom\ncps;\"A\nB": "line 2: a quote is opened and not " +
			"closed",
		"": "no row", "# nothing\n": "no row",
		"card;surname\n": "no row", "[]": "no row",
	} {
		f, err := read(text)
		if err == nil || !strings.Contains(err.Error(), want) || ca.KindOf(err) != ca.Invalid {
			t.Errorf("%.80q: %v, want %q\n%s", text, err, want, show(f))
		} else if strings.Count(err.Error(), "\n") > 0 {
			t.Errorf("%.80q: more than one line: %v", text, err)
		}
	}
	for text, want := range map[string]string{
		`{"card": "cps"} {"card": "cpe"}`:                  "1: card=cps\n1: card=cpe\n",
		"{\"card\": \"cps\"}\n\n# x\n{\"card\":\"cpe\"}":   "1: card=cps\n4: card=cpe\n",
		"[{\"card\": \"cps\"},\n {\"card\": \"cpe\"}]":     "1: card=cps\n2: card=cpe\n",
		`{"speciality": ["SM26", "SM27"], "random": true}`: "1: speciality=SM26+SM27 random=true\n",
		"card;surname;;\ncps;A;;\n;;;\n ; ;\ncpe\n":        "2: card=cps surname=A\n5: card=cpe\n",
	} {
		if f, err := read(text); err != nil || show(f) != want {
			t.Errorf("%q: %v\n%s", text, err, show(f))
		}
	}
}

// A workbook as a French Excel writes it, with a title, a second sheet and a hidden one.
func TestWorkbook(t *testing.T) {
	f, err := Read("testdata/excel.xlsx", nil, columns)
	if err != nil {
		t.Fatal(err)
	}
	const want = "4: card=cps given-name=HÉLÈNE surname=LEFÈVRE profession=10 speciality=SM26 rpps=99700209812 " +
		"not-before=2026-11-20\n" +
		"6: card=cpe given-name=CHARLES surname=ADMINISTRATIF finess=0B0057881 organisation=HOPITAL DES 3 DAMES " +
		"department=01 register=CPET0002\n" +
		"7: card=auth-cli finess=010000024 organisation=CLINIQUE FICTIVE department=2a service=dpi\n" +
		"8: card=cps given-name=GUY surname=MARTIN profession=60 rpps=99700209812\n"
	if got := show(f); got != want {
		t.Errorf("\n%s", got)
	}
	said := strings.Join(notes(f), "\n")
	for _, note := range []string{"row 1, above the names of columns, is not read: Liste",
		`the sheet "Notes" holds 1 rows`, `the hidden sheet "Caché" holds 2 rows`,
		`"Prénom" = given-name`, "zero put back, 01", "zero put back, 010000024"} {
		if !strings.Contains(said, note) {
			t.Errorf("no note %q in\n%s", note, said)
		}
	}
	if _, err := Read("testdata/excel.xlsx", nil, columns[:5]); err == nil ||
		!strings.Contains(err.Error(), "row 3: unknown column") {
		t.Errorf("%v", err)
	}
}

// rules make orders of rows with a surname and a card number.
func rules() Rules {
	return Rules{Columns: columns, Order: func(r Row) (ca.CardOrder, error) {
		order := ca.CardOrder{PIN: "1234"}
		order.Product = r.String("card")
		order.Holder = profiles.Holder{GivenName: r.String("given-name"), Surname: r.String("surname"),
			Profession: r.String("profession"),
			IdNat:      "8" + r.String("rpps"), CardNumber: r.String("card-number")}
		return order, nil
	}}
}

// Every bad row is named, with the column of each fault, in both languages; very many are cut.
func TestCheck(t *testing.T) {
	f, err := read("card;Nom;given_name;profession;rpps\ncps;A;B;10;99700209812\ncps;;B;astronaute;1\n")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Check(f.Rows, rules())
	text := i18n.TextOf(err)
	for _, want := range []string{"line 3: unknown profession",
		`(column D "profession"); surname is empty (column B "Nom")`,
		`is not eleven digits`, `(column E "rpps")`} {
		if !strings.Contains(text.EN, want) {
			t.Errorf("no %q in %s", want, text.EN)
		}
	}
	for _, want := range []string{"ligne 3 : profession : code inconnu",
		`(colonne D "profession") ; nom : vide (colonne B "Nom")`} {
		if !strings.Contains(text.FR, want) {
			t.Errorf("no %q in %s", want, text.FR)
		}
	}
	if strings.Contains(text.EN, "line 2") {
		t.Error(text.EN)
	}
	f, err = read("card;surname\n" + strings.Repeat("cps;\n", 1000))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Check(f.Rows, rules())
	if n := strings.Count(err.Error(), "line "); n > maxErrors || !strings.Contains(err.Error(),
		"and 900 further rows") {
		t.Errorf("%d rows named", n)
	}
}

// large is a workbook of ten thousand cards.
func large(t testing.TB, wrong int) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range map[string]string{
		"xl/workbook.xml": `<workbook xmlns:r="r"><sheets><sheet name="Cartes" sheetId="1" r:id="rId1"/></sheets>` +
			`</workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="rId1" Type="x/worksheet" ` +
			`Target="worksheets/sheet1.xml"/></Relationships>`,
	} {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	w, err := z.Create("xl/worksheets/sheet1.xml")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(w, `<worksheet><sheetData>`)
	for i, row := range largeRows(wrong) {
		fmt.Fprintf(w, `<row r="%d">`, i+1)
		for j, cell := range row {
			fmt.Fprintf(w, `<c r="%c%d" t="inlineStr"><is><t>%s</t></is></c>`, 'A'+j, i+1, cell)
		}
		fmt.Fprint(w, `</row>`)
	}
	fmt.Fprint(w, `</sheetData></worksheet>`)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func largeRows(wrong int) [][]string {
	rows := [][]string{{"Produit", "Prénom", "Nom", "Profession", "N° RPPS"}}
	for i := 2; i <= 10_001; i++ {
		row := []string{"cps", "ALAIN", fmt.Sprintf("DODO%07d", i), "10", "99700209812"}
		if i == wrong {
			row[3] = "astronaute"
		}
		rows = append(rows, row)
	}
	return rows
}

// An error in row 9,999 is named.
func TestLate(t *testing.T) {
	var csv strings.Builder
	for _, row := range largeRows(9999) {
		csv.WriteString(strings.Join(row, ";") + "\r\n")
	}
	for name, data := range map[string][]byte{"row": large(t, 9999), "line": []byte(csv.String())} {
		f, err := Read("-", bytes.NewReader(data), columns)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = Check(f.Rows, rules()); err == nil || !strings.HasPrefix(err.Error(),
			name+` 9999: unknown profession "astronaute"`) {
			t.Errorf("%v", err)
		}
	}
}

// BenchmarkCheck reads and checks ten thousand rows.
func BenchmarkCheck(b *testing.B) {
	var csv strings.Builder
	for _, row := range largeRows(0) {
		csv.WriteString(strings.Join(row, ";") + "\r\n")
	}
	for name, data := range map[string][]byte{"xlsx": large(b, 0), "csv": []byte(csv.String())} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				start := time.Now()
				f, err := Read("-", bytes.NewReader(data), columns)
				if err != nil {
					b.Fatal(err)
				}
				if orders, err := Check(f.Rows, rules()); err != nil || len(orders) != 10_000 {
					b.Fatal(err)
				}
				if took := time.Since(start); took > 20*time.Second {
					b.Fatalf("%s for ten thousand rows", took)
				}
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{"card;surname\ncps;A\n", `{"card": "cps"} {"card": "cpe"}`, "- card: cps\n",
		"- &a {card: cps}\n- <<: *a\n", `[{"card": ["a", 1]}]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Read("-", bytes.NewReader(data), columns)
		if err != nil {
			_ = i18n.TextOf(err)
			return
		}
		if _, err := Check(file.Rows, rules()); err != nil {
			_ = i18n.TextOf(err)
		}
	})
}
