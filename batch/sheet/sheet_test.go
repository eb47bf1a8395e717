package sheet

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/text/encoding/charmap"

	"github.com/igc-lab/igc/internal/i18n"
)

// columns are what the tests take for names of columns.
func header(cells []string) (n int) {
	for _, c := range cells {
		if strings.Contains(" card nom prénom rpps ", " "+strings.ToLower(c)+" ") && c != "" {
			n++
		}
	}
	return n
}

// show writes a sheet in a line: its row numbers, and cells by column.
func show(s Sheet) string {
	var b strings.Builder
	for _, r := range s.Rows {
		fmt.Fprintf(&b, "%d:", r.Number)
		for _, c := range r.Cells {
			fmt.Fprintf(&b, " %s=%s", ColumnName(c.Column), c.Text)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func utf16of(text string, big bool, mark bool) []byte {
	if mark {
		text = "\ufeff" + text
	}
	var b []byte
	for _, u := range utf16.Encode([]rune(text)) {
		if big {
			b = append(b, byte(u>>8), byte(u))
		} else {
			b = append(b, byte(u), byte(u>>8))
		}
	}
	return b
}

func cp1252(t testing.TB, text string) []byte {
	b, err := charmap.Windows1252.NewEncoder().Bytes([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Every way in which spreadsheets write a CSV gives the same table.
func TestCSV(t *testing.T) {
	const want = "1: A=card B=nom C=prénom\n2: A=cps B=LEFÈVRE C=Hélène\n"
	plain := "card;nom;prénom\r\ncps;LEFÈVRE;Hélène\r\n"
	files := map[string][]byte{
		"UTF-8": []byte(plain), "UTF-8 with BOM": []byte("\ufeff" + plain), "Windows-1252": cp1252(t, plain),
		"UTF-16 LE": utf16of(plain, false, true), "UTF-16 BE": utf16of(plain, true, true),
		"UTF-16 LE without BOM": utf16of(plain, false, false), "UTF-16 BE without BOM": utf16of(plain, true, false),
		"LF": []byte(strings.ReplaceAll(plain, "\r\n", "\n")), "CR": []byte(strings.ReplaceAll(plain, "\r\n", "\r")),
		"no line end": []byte(strings.TrimSpace(plain)), "tabs": []byte(strings.ReplaceAll(plain, ";", "\t")),
		"commas": []byte(strings.ReplaceAll(plain, ";", ",")), "bars": []byte(strings.ReplaceAll(plain, ";", "|")),
		"sep=": []byte("sep=;\r\n" + plain), "sep= quoted": []byte("\"sep=;\"\r\n" + plain),
		"SEP= tab":        []byte("SEP=\t\n" + strings.ReplaceAll(plain, ";", "\t")),
		"sep= of its own": []byte("sep=~\n" + strings.ReplaceAll(plain, ";", "~")),
		"BOM and sep=":    []byte("\ufeffsep=;\r\n" + plain),
		"UTF-16 and tabs": utf16of(strings.ReplaceAll(plain, ";", "\t"), false, true),
		"quotes":          []byte("\"card\";\"nom\";\"prénom\"\r\n\"cps\";\"LEFÈVRE\";\"Hélène\"\r\n"),
		"padded quotes":   []byte("card ; \"nom\" ; \"prénom\" \n cps; LEFÈVRE ;\tHélène\n"),
		"no-break spaces": []byte("card\u00a0;\u202fnom;prénom\ncps;\u00a0LEFÈVRE\u00a0;Hélène\u2007\n"),
		"decomposed":      []byte("card;nom;pre\u0301nom\ncps;LEFE\u0300VRE;He\u0301le\u0300ne\n"),
		"marks":           []byte("card;nom;prénom\ncps;\u200eLEFÈVRE\u200f;\u200bHélène\n"),
		"empty cells":     []byte("card;nom;prénom;;;\ncps;LEFÈVRE;Hélène; ;\u00a0;\n"),
		"empty rows":      []byte(plain + ";;\r\n\r\n ; ;\r\n"),
		"a formula":       []byte("card;nom;prénom\ncps;=\"LEFÈVRE\";\"=\"\"Hélène\"\"\"\n"),
	}
	for name, data := range files {
		text, archive, err := Text(data)
		if err != nil || archive {
			t.Errorf("%s: %t, %v", name, archive, err)
			continue
		}
		s, err := ParseCSV(text, header)
		if got := show(s); err != nil || got != want {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
	}
}

// Rows have the numbers that a spreadsheet shows, and what is in quotes stays together.
func TestCSVRows(t *testing.T) {
	for text, want := range map[string]string{
		"# one\ncard;nom\n\n\ncps;A\n":               "2: A=card B=nom\n5: A=cps B=A\n",
		"sep=;\ncard;nom\ncps;A":                     "1: A=card B=nom\n2: A=cps B=A\n",
		"card;nom\n\"a\nb\";X\ncps;Y":                "1: A=card B=nom\n2: A=a\nb B=X\n3: A=cps B=Y\n",
		"card;nom\ncps;\"A;B\"\"C\"\"\"":             "1: A=card B=nom\n2: A=cps B=A;B\"C\"\n",
		"card;nom\ncps;LE \"GRAND\"\ncps;\"A\"B":     "1: A=card B=nom\n2: A=cps B=LE \"GRAND\"\n3: A=cps B=AB\n",
		"card;nom\ncps\ncps;A;;;;\ncps;A;B":          "1: A=card B=nom\n2: A=cps\n3: A=cps B=A\n4: A=cps B=A C=B\n",
		"card,nom\ncps,\"SM26;SM27;SM28;SM29\"":      "1: A=card B=nom\n2: A=cps B=SM26;SM27;SM28;SM29\n",
		"card;nom\ncps;A, B, C\ncps;a,b,c,d,e":       "1: A=card B=nom\n2: A=cps B=A, B, C\n3: A=cps B=a,b,c,d,e\n",
		"Liste, du 3, mai, 2026;\n\ncard;nom\ncps;A": "1: A=Liste, du 3, mai, 2026\n3: A=card B=nom\n4: A=cps B=A\n",
		"card\ncps\n": "1: A=card\n2: A=cps\n", "": "", "\n\n": "", ";;\n;": "",
	} {
		s, err := ParseCSV(text, header)
		if got := show(s); err != nil || got != want {
			t.Errorf("%q: %v\n%s", text, err, got)
		}
	}
	for _, text := range []string{"card;nom\ncps;\"A\n", "\"", "card;\"nom"} {
		if _, err := ParseCSV(text, header); err == nil || !strings.Contains(err.Error(), "not closed") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// What is not a table is named, in both languages.
func TestOtherFiles(t *testing.T) {
	for want, files := range map[string][][]byte{
		".xls workbook": {[]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00")},
		"a PDF":         {[]byte("%PDF-1.7\n")},
		"an HTML page": {[]byte("<html><table><tr><td>card</td></tr></table></html>"),
			[]byte("\ufeff <!DOCTYPE html>"), []byte("<table>")},
		"spreadsheet of 2003": {[]byte(`<?xml version="1.0"?>` +
			`<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">`)},
		"it is XML": {[]byte(`<?xml version="1.0"?><a/>`)},
		"an RTF":    {[]byte(`{\rtf1`)}, "gzip": {[]byte("\x1f\x8b\x08")},
		"an image":           {[]byte("\x89PNG\r\n"), []byte("\xff\xd8\xff\xe0")},
		"a ZIP archive":      {zipped(t, map[string]string{"cartes.csv": "card"})},
		"a Numbers document": {zipped(t, map[string]string{"Index/Document.iwa": "x"})},
		"a binary workbook":  {zipped(t, map[string]string{"xl/workbook.bin": "x"})},
		"a text document": {zipped(t, map[string]string{"word/document.xml": "<w/>"}),
			zipped(t, map[string]string{"content.xml": "<a/>", "mimetype": "application/vnd.oasis.opendocument.text"})},
		"by a password": {zipped(t, map[string]string{"content.xml": "x",
			"META-INF/manifest.xml": "<manifest:encryption-data/>"})},
		"is damaged": {[]byte("PK\x03\x04 and no more"),
			zipped(t, map[string]string{"xl/workbook.xml": "<workbook>"})},
		"not text":                 {[]byte("card\x00nom")},
		"neither of a text":        {[]byte("card;nom\ncps;H\x82l\x8ane"), []byte("H\x90L\x90NE")}, // DOS
		"mixes UTF-8":              {[]byte("LEFÈVRE;H\xe9l\xe8ne")},
		"was read as Windows-1252": {[]byte("LEFÃˆVRE"), []byte("HÃ©lÃ¨ne")},
		"was cut":                  {utf16of("card", false, true)[:7]},
	} {
		for _, data := range files {
			_, archive, err := Text(data)
			if archive {
				_, err = ParseArchive(data)
			}
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%.40q: %v, want %q", data, err, want)
			} else if text := i18n.TextOf(err); text.FR == text.EN {
				t.Errorf("%s: in one language", text.EN)
			}
		}
	}
	for _, text := range []string{"JOÃO", "SÃO", "ÃNGELA", "Hélène Œdipe ŸVES"} {
		if _, _, err := Text([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func zipped(t testing.TB, parts map[string]string) []byte {
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

// xlsx is a workbook of one sheet.
func xlsx(t testing.TB, sheet string) []byte { return zipped(t, xlsxParts(sheet)) }

func xlsxParts(sheet string) map[string]string {
	const rel = `http://schemas.openxmlformats.org/officeDocument/2006/relationships`
	return map[string]string{
		"xl/workbook.xml": `<?xml version="1.0"?><workbook xmlns:r="` + rel +
			`"><sheets><sheet name="Un" sheetId="1" r:id="rId1"/>` +
			`<sheet name="Deux" sheetId="2" state="hidden" r:id="rId2"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="rId1" Type="` + rel +
			`/worksheet" Target="worksheets/sheet1.xml"/>` +
			`<Relationship Id="rId2" Type="` + rel + `/worksheet" Target="/xl/worksheets/sheet2.xml"/>` +
			`<Relationship Id="rId3" Type="` + rel + `/sharedStrings" Target="sharedStrings.xml"/>` +
			`<Relationship Id="rId4" Type="` + rel + `/styles" Target="styles.xml"/></Relationships>`,
		"xl/sharedStrings.xml": `<sst><si><t>nom</t></si><si><r><t>LE</t></r><r>` +
			`<t xml:space="preserve">FÈVRE </t></r><rPh><t>x</t></rPh></si>` +
			`<si><t>a_x000D_b</t></si></sst>`,
		"xl/styles.xml": `<styleSheet><numFmts><numFmt numFmtId="164" formatCode="dd/mm/yyyy"/>` +
			`<numFmt numFmtId="165" formatCode="0&quot;jours&quot;"/></numFmts>` +
			`<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/>` +
			`<xf numFmtId="164"/><xf numFmtId="165"/></cellXfs></styleSheet>`,
		"xl/worksheets/sheet1.xml": `<worksheet><sheetViews><sheetView><c r="Z9"/></sheetView></sheetViews>` +
			`<sheetData>` + sheet + `</sheetData></worksheet>`,
		"xl/worksheets/sheet2.xml": `<worksheet><sheetData><row r="3"><c r="B3" t="inlineStr"><is><t>caché</t>` +
			`</is></c></row></sheetData></worksheet>`,
	}
}

// Cells of every kind, where and as they are in the wild.
func TestXLSX(t *testing.T) {
	for sheet, want := range map[string]string{
		`<row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1" t="s"><v>1</v></c></row>`: "1: A=nom C=LEFÈVRE\n",
		`<row><c t="s"><v>0</v></c><c t="s"><v>0</v></c></row><row/><row><c><v>1</v></c>` +
			`</row>`: "1: A=nom B=nom\n3: A=1\n",
		`<row r="7"><c r="AB7" t="inlineStr"><is><r><t>a</t></r><r><t>b</t></r></is></c></row>`: "7: AB=ab\n",
		`<row r="1"><c r="A1" t="str"><f>B1</f><v>x_x0041_</v></c></row>`:                       "1: A=xA\n",
		`<row r="1"><c r="A1"><v>99700209812</v></c><c r="B1"><v>9.9700209812E10</v></c><c r="C1">` +
			`<v>99700209812.0</v></c></row>`: "1: A=99700209812 B=99700209812 C=99700209812\n",
		`<row r="1"><c r="A1"><v>1.2345678901234567E+20</v></c><c r="B1"><v>1.5</v></c>` +
			`</row>`: "1: A=1.2345678901234567E+20 B=1.5\n",
		`<row r="1"><c r="A1" s="1"><v>46351</v></c><c r="B1" s="2"><v>46351.5</v></c><c r="C1" s="3">` +
			`<v>46351</v></c></row>`: "1: A=2026-11-25 B=2026-11-25 12:00:00 C=46351\n",
		`<row r="1"><c r="A1" t="b"><v>1</v></c><c r="B1" t="b"><v>0</v></c><c r="C1" t="d">` +
			`<v>2026-11-25T00:00:00</v></c></row>`: "1: A=TRUE B=FALSE C=2026-11-25\n",
		`<row r="1"><c r="A1" t="e"><v>#N/A</v></c><c r="B1"><f>A1</f></c>` +
			`</row>`: "1: A=#N/A B==\n",
		`<row r="1"><c r="A1" s="1"/><c r="B1" t="s"/><c r="C1" t="inlineStr"><is><t> </t></is></c></row>`: "",
		`<x:row r="1" xmlns:x="y"><x:c r="A1"><x:v>1</x:v></x:c></x:row>`:                                  "1: A=1\n",
		"": "",
		`<row r="1"><c r="C1"><v>3</v></c><c r="A1"><v>1</v></c></row>`: "1: A=1 C=3\n",
	} {
		sheets, err := ParseArchive(xlsx(t, sheet))
		if err != nil || len(sheets) != 2 || sheets[0].Name != "Un" || sheets[0].Hidden || !sheets[1].Hidden ||
			show(sheets[1]) != "3: B=caché\n" {
			t.Errorf("%s: %+v, %v", sheet, sheets, err)
			continue
		}
		if got := show(sheets[0]); got != want {
			t.Errorf("%s:\n%s", sheet, got)
		}
	}
	for sheet, want := range map[string]string{
		`<row r="1"><c r="A1"><v>1</v></c><c r="A1"><v>2</v></c></row>`: "A1 is in it twice",
		`<row r="1"><c r="A1" t="s"><v>-1</v></c></row>`:                "has no text",
		`<row r="1"><c r="A1" t="s"><v>9</v></c></row>`:                 "has no text",
		`<c r="A1"><v>1</v></c>`:                                        "in no row",
		`<row r="1"/><c r="A1"><v>1</v></c>`:                            "in no row",
		`<row r="1"><c r="A1"><v>1</v></row>`:                           "is damaged",
		`<row r="9999999"><c r="A1"><v>1</v></c></row>`:                 "too large",
		`<row r="1"><c r="ZZZZZZZZZZZZ1"><v>1</v></c></row>`:            "too large",
		`<row r="0"><c><v>1</v></c></row>`:                              "too large",
		strings.Repeat("<a>",
			300): "is damaged", `<row r="1"><c r="A1"><v>&unknown;</v></c></row>`: "is " +
			"damaged",
	} {
		if _, err := ParseArchive(xlsx(t, sheet)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", sheet, err, want)
		}
	}
	whole := xlsx(t, `<row r="1"><c r="A1"><v>1</v></c></row>`)
	for n := range len(whole) {
		if _, err := ParseArchive(whole[:n]); err == nil && n > 3 {
			t.Errorf("%d bytes of %d: no error", n, len(whole))
		}
	}
	parts := xlsxParts("")
	parts["xl/worksheets/sheet1.xml"] = "<worksheet><sheetData><row r=\"1\"><c><v>1</v></c></row>" // cut inside
	if _, err := ParseArchive(zipped(t, parts)); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("a sheet that was cut: %v", err)
	}
	for part := range parts {
		less := xlsxParts("")
		delete(less, part)
		if _, err := ParseArchive(zipped(t, less)); err == nil {
			t.Errorf("without %s: no error", part)
		}
	}
	old := xlsxParts(`<row r="1"><c r="A1" s="1"><v>44889</v></c></row>`)
	old["xl/workbook.xml"] = strings.Replace(old["xl/workbook.xml"], "<sheets>", `<workbookPr date1904="1"/><sheets>`,
		1)
	if sheets, err := ParseArchive(zipped(t, old)); err != nil || show(sheets[0]) != "1: A=2026-11-25\n" {
		t.Errorf("dates since 1904: %+v, %v", sheets, err)
	}
}

func ods(t testing.TB, table string) []byte {
	return zipped(t, map[string]string{"mimetype": "application/vnd.oasis.opendocument.spreadsheet",
		"content.xml": odsContent(table)})
}

func odsContent(table string) string {
	return `<?xml version="1.0" encoding="UTF-8"?>` +
		`<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0">` +
		`<automatic-styles><style name="ta1"><table-properties display="true"/></style>` +
		`<style name="ta2"><table-properties display="false"/></style></automatic-styles>` +
		`<body><spreadsheet><table name="Un" style-name="ta1"><table-column number-columns-repeated="1024"/>` +
		table + `</table><table name="Deux" style-name="ta2"><table-row><table-cell value-type="string">` +
		`<p>caché</p></table-cell></table-row></table></spreadsheet></body></document-content>`
}

func TestODS(t *testing.T) {
	const empty = `<table-row number-rows-repeated="1048570"><table-cell number-columns-repeated="1024"/></table-row>`
	for table, want := range map[string]string{
		`<table-row><table-cell value-type="string"><p>nom</p></table-cell></table-row>` + empty: "1: A=nom\n",
		`<table-row number-rows-repeated="2"><table-cell/></table-row><table-row>` +
			`<table-cell number-columns-repeated="2"/>` +
			`<table-cell value-type="float" value="99700209812"><p>9,97E+10</p></table-cell>` +
			`</table-row>` + empty: "3: C=99700209812\n",
		`<table-row><table-cell number-columns-repeated="3" value-type="string"><p>a</p>` +
			`</table-cell></table-row>`: "1: A=a B=a C=a\n",
		`<table-row number-rows-repeated="3"><table-cell value-type="string"><p>a</p></table-cell>` +
			`</table-row>`: "1: A=a\n2: A=a\n3: A=a\n",
		`<table-header-rows><table-row><table-cell><p>LE<s c="2"/><span>FÈVRE</span></p>` +
			`<text:p>B<text:line-break/>C</text:p></table:table-cell></table:table-row>` +
			`</table:table-header-rows>`: "1: A=LE  FÈVRE\nB\nC\n",
		`<table-row><table-cell><annotation><p>remarque</p></annotation><p>a</p></table-cell></table-row>`: "1: A=a\n",
		`<table-row><table-cell value-type="date" date-value="2026-11-25"><p>25/11/26</p></table-cell>` +
			`<table-cell value-type="boolean" boolean-value="true"><p>VRAI</p></table-cell>` +
			`<table-cell value-type="date" date-value="2026-11-25T12:00:00"/>` +
			`</table-row>`: "1: A=2026-11-25 B=TRUE C=2026-11-25 12:00:00\n",
		`<table-row><table-cell formula="of:=A1" value-type="error" value-type="string"><p>#N/A</p></table-cell>` +
			`<covered-table-cell/><table-cell formula="of:=A1"/></table-row>`: "1: A=#N/A C==\n",
		empty: "",
	} {
		for name, data := range map[string][]byte{"zip": ods(t, table), "flat": []byte(odsContent(table))} {
			sheets, err := ParseArchive(data)
			if err != nil || len(sheets) != 2 || sheets[0].Hidden || !sheets[1].Hidden || sheets[1].Name != "Deux" {
				t.Errorf("%s, %s: %+v, %v", name, table, sheets, err)
			} else if got := show(sheets[0]); got != want {
				t.Errorf("%s, %s:\n%s", name, table, got)
			}
		}
	}
	if _, archive, err := Text([]byte(odsContent(""))); !archive || err != nil {
		t.Errorf("a flat ODS: %t, %v", archive, err)
	}
	cell := `<table-cell value-type="string"><p>a</p></table-cell>`
	for table, want := range map[string]string{
		`<table-row number-rows-repeated="99999999">` + cell +
			`</table:table-row>`: "too large",
		`<table-row><table-cell number-columns-repeated="99999999" value-type="string"><p>a</p></table-cell>` +
			`</table-row>`: "too large",
		strings.Repeat(`<table-row number-rows-repeated="1000000">`+
			`<table-cell number-columns-repeated="1000" value-type="string">`+
			`<text:p>a</text:p></table:table-cell></table:table-row>`, 2): "too large",
		`<table-row>`: "is damaged",
	} {
		if _, err := ParseArchive(ods(t, table)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", table, err, want)
		}
	}
}

func TestColumnName(t *testing.T) {
	for n, want := range map[int]string{0: "A", 25: "Z", 26: "AA", 701: "ZZ", 702: "AAA", 16383: "XFD"} {
		if got := ColumnName(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
		if back, ok := columnOf(want + "12"); !ok || back != n {
			t.Errorf("%s is %d", want, back)
		}
	}
}

// checkSheets holds what was read to what is promised of it.
func checkSheets(t *testing.T, sheets []Sheet) {
	for _, s := range sheets {
		for _, r := range s.Rows {
			if r.Number < 1 || r.Number > maxRows || len(r.Cells) == 0 {
				t.Fatalf("row %+v", r)
			}
			for _, c := range r.Cells {
				if c.Text == "" || c.Column < 0 || c.Column >= maxColumns {
					t.Fatalf("row %d: %+v", r.Number, c)
				}
			}
		}
	}
}

func FuzzCSV(f *testing.F) {
	for _, s := range []string{"card;nom\ncps;\"A\nB\"\n", "sep=,\ncard,nom\r\ncps,=\"1\"", "\ufeffcard\tnom\rcps\tA",
		"# x\n;;\n"} {
		f.Add([]byte(s))
		f.Add(utf16of(s, true, true))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		text, archive, err := Text(data)
		if err != nil || archive {
			return
		}
		if s, err := ParseCSV(text, header); err == nil {
			checkSheets(t, []Sheet{s})
		}
	})
}

func FuzzXLSX(f *testing.F) {
	f.Add(`<row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1" t="inlineStr"><is><t>a</t></is></c></row>`,
		`<si><t>b</t></si>`)
	f.Add(`<row><c s="1"><v>46351.5</v></c><c t="b"><v>1</v></c><c t="e"><v>#N/A</v></c><c><f>A1</f></c></row>`, ``)
	f.Fuzz(func(t *testing.T, sheet, shared string) {
		parts := xlsxParts(sheet)
		parts["xl/sharedStrings.xml"] = "<sst>" + shared + "</sst>"
		if sheets, err := ParseArchive(zipped(t, parts)); err == nil {
			checkOrder(t, sheets)
		}
	})
}

func FuzzODS(f *testing.F) {
	f.Add(`<table-row number-rows-repeated="3"><table-cell value-type="float" value="1E5"><p>a</p></table-cell>` +
		`</table-row>`)
	f.Add(`<table-row><table-cell number-columns-repeated="2"><p>a<s c="9"/></p></table-cell></table-row>`)
	f.Fuzz(func(t *testing.T, table string) {
		if sheets, err := ParseArchive([]byte(odsContent(table))); err == nil {
			checkOrder(t, sheets)
		}
	})
}

// FuzzArchive takes damaged archives.
func FuzzArchive(f *testing.F) {
	f.Add(xlsx(f, `<row r="1"><c r="A1" t="s"><v>0</v></c></row>`))
	f.Add(ods(f, `<table-row><table-cell><p>a</p></table-cell></table-row>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if sheets, err := ParseArchive(data); err == nil {
			checkOrder(t, sheets)
		}
	})
}

// checkOrder is checkSheets, and makes the texts of each row.
func checkOrder(t *testing.T, sheets []Sheet) {
	checkSheets(t, sheets)
	for _, s := range sheets {
		for _, r := range s.Rows[:min(len(s.Rows), 100)] {
			r.Texts()
		}
	}
}
