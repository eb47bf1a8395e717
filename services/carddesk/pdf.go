package carddesk

import (
	"bytes"
	"unicode"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"

	"github.com/igc-lab/igc/ca/store"
)

// PDF is the letter as a page of A4, the same bytes each time. The fonts that every reader of PDF
// has know the characters of Windows-1252 only: a name with another one is an error, and not
// written otherwise than it is.
func (l Letter) PDF() ([]byte, error) {
	var missing error
	encoded := func(s string) string {
		text, err := windows1252(s)
		if err != nil && missing == nil {
			missing = err
		}
		return text
	}
	const left, width, line = 20, 170, 6
	pdf := fpdf.New("P", "mm", "A4", "")
	pdf.SetCatalogSort(true)
	pdf.SetCreationDate(l.Issued)
	pdf.SetModificationDate(l.Issued)
	pdf.SetProducer("igc", true)
	pdf.SetTitle(letterTitle+" n° "+l.Card, true)
	pdf.SetLang("fr")
	pdf.SetMargins(left, 20, 20)
	pdf.AddPage()
	text := func(style string, size, height float64, s string) {
		pdf.SetFont("Helvetica", style, size)
		pdf.MultiCell(width, height, encoded(s), "", "L", false)
	}

	text("", 11, line, letterSender)
	text("", 11, line, l.day())
	pdf.SetXY(110, 50) // where the window of an envelope is
	pdf.SetLeftMargin(110)
	pdf.SetFont("Helvetica", "", 11)
	for _, s := range []string{l.Holder, l.Organisation, l.Identifier} {
		if s != "" {
			pdf.MultiCell(80, line, encoded(s), "", "L", false)
		}
	}
	pdf.SetLeftMargin(left)
	pdf.SetXY(left, max(95, pdf.GetY()+10))
	text("B", 15, 8, letterTitle)
	text("", 11, line, l.Product+" n° "+l.Card)
	pdf.Ln(4)
	for _, row := range [][2]string{{"Code porteur", l.PIN}, {"Code de déblocage", l.unblockingCode()}} {
		pdf.SetFont("Helvetica", "", 11)
		pdf.CellFormat(60, 12, encoded(row[0]), "1", 0, "L", false, 0, "")
		pdf.SetFont("Courier", "B", 16)
		pdf.CellFormat(60, 12, encoded(row[1]), "1", 1, "L", false, 0, "")
	}
	pdf.Ln(6)
	for _, p := range l.paragraphs() {
		text("", 11, line, p)
		pdf.Ln(2)
	}
	pdf.Ln(6)
	text("", 9, 4.5, letterNotice)
	if missing != nil {
		return nil, missing
	}
	var b bytes.Buffer
	if err := pdf.Output(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// windows1252 encodes a text for the fonts of the PDF.
func windows1252(s string) (string, error) {
	s = norm.NFC.String(s)
	out := make([]byte, 0, len(s))
	for _, r := range s {
		b, ok := charmap.Windows1252.EncodeRune(r)
		if !ok || unicode.IsControl(r) {
			return "", store.Errorf(store.Invalid, "%q holds %q (U+%04X), which the fonts of a PDF lack: write the "+
				"letter as a page with --html and print that", s, r, r)
		}
		out = append(out, b)
	}
	return string(out), nil
}
