// Package sheet reads tables as spreadsheets save them: CSV in any of its habits, XLSX and ODS.
//
// [Text] recognises a file by what it holds, and decodes it when it is text; [ParseCSV] reads a
// table in text, [ParseArchive] the sheets of an XLSX or ODS. All of them give the same: rows with
// the numbers that the spreadsheet shows, and of each row the cells that are not blank. What a
// table means is the caller's business.
//
// Files come from anywhere: what is read of an archive is bounded, in bytes, rows and cells.
package sheet

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/igc-lab/igc/internal/i18n"
)

// Sheet is a table.
type Sheet struct {
	Name   string // empty in a CSV
	Hidden bool
	Rows   []Row // those that are not empty
}

// Row is a row with at least one cell that is not blank.
type Row struct {
	Number int // as a spreadsheet shows it, from 1
	Hidden bool
	Cells  []Cell // in the order of columns
}

// Kind is what a spreadsheet says of a cell. In a CSV every cell is a [Text].
type Kind uint8

// The kinds. The text of a number is its digits without an exponent, that of a date 2006-01-02 or
// 2006-01-02 15:04:05, that of a truth value TRUE or FALSE, that of a fault what the spreadsheet
// shows: #N/A.
const (
	Word Kind = iota
	Number
	Date
	Truth
	Fault
)

// Cell is a cell that is not blank. Its text is trimmed, composed (NFC), and has plain spaces.
type Cell struct {
	Column int // from 0
	Kind   Kind
	Text   string
}

// Texts are the texts of a row's cells up to the last one.
func (r Row) Texts() []string {
	if len(r.Cells) == 0 {
		return nil
	}
	texts := make([]string, r.Cells[len(r.Cells)-1].Column+1)
	for _, c := range r.Cells {
		texts[c.Column] = c.Text
	}
	return texts
}

// ColumnName is the name of a column as a spreadsheet shows it: A, B, ... AA.
func ColumnName(column int) string {
	name := ""
	for column++; column > 0; column = (column - 1) / 26 {
		name = string(rune('A'+(column-1)%26)) + name
	}
	return name
}

// Bounds of what is read.
const (
	maxRows    = 1 << 20
	maxColumns = 1 << 14
	maxCells   = 20 << 20
	maxXML     = 512 << 20 // of the parts of an archive, uncompressed
	maxParts   = 10_000
)

func problem(code, fr, en string, args ...any) error {
	return i18n.NewError("sheet-"+code, i18n.Text{FR: fr, EN: en}, args...)
}

func tooLarge() error {
	return problem("large", "la feuille est trop grande : elle dépasse %d lignes, %d colonnes ou %d cellules",
		"the sheet is too large: it has more than %d rows, %d columns or %d cells", maxRows, maxColumns, maxCells)
}

// clean trims a cell's text, composes its accents and makes its spaces plain ones.
func clean(text string) string {
	ascii := true
	for i := 0; i < len(text); i++ {
		if text[i] >= 0x80 {
			ascii = false
			break
		}
	}
	if ascii {
		return strings.TrimSpace(text)
	}
	text = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Zs, r) {
			return ' '
		}
		return r
	}, norm.NFC.String(text))
	return strings.TrimFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) })
}

// table gathers the rows of a sheet within the bounds.
type table struct {
	rows  []Row
	cells *int // of the whole file
}

func (t *table) add(number int, hidden bool, cells []Cell) error {
	if len(cells) == 0 {
		return nil
	}
	inOrder := func(a, b Cell) int { return a.Column - b.Column }
	if !slices.IsSortedFunc(cells, inOrder) {
		slices.SortStableFunc(cells, inOrder)
	}
	for i := 1; i < len(cells); i++ {
		if cells[i].Column == cells[i-1].Column {
			return problem("twice", "le classeur est abîmé : la cellule %s%d y est deux fois",
				"the workbook is damaged: the cell %s%d is in it twice", ColumnName(cells[i].Column), number)
		}
	}
	if *t.cells += len(cells); *t.cells > maxCells || number > maxRows || cells[len(cells)-1].Column >= maxColumns {
		return tooLarge()
	}
	t.rows = append(t.rows, Row{number, hidden, cells})
	return nil
}
