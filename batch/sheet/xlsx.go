package sheet

import (
	"encoding/xml"
	"math"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// workbook is what the sheets of an XLSX share.
type workbook struct {
	strings []string
	dates   map[int]bool // by style
	epoch   time.Time
	parts   map[string]string // by relationship
	sheets  []sheetPart
}

type sheetPart struct {
	name, relationship string
	hidden             bool
}

func (a *archive) parseXLSX() ([]Sheet, error) {
	book := "xl/workbook.xml"
	if a.parts[book] == nil { // its place is free
		err := a.eachRelationship("_rels/.rels", "", func(_, kind, target string) {
			if strings.HasSuffix(kind, "/officeDocument") {
				book = target
			}
		})
		if err != nil {
			return nil, err
		}
	}
	w := workbook{parts: map[string]string{}, dates: map[int]bool{}, epoch: time.Date(1899, 12, 30, 0, 0, 0, 0,
		time.UTC)}
	dir := path.Dir(book)
	var styles, shared string
	err := a.eachRelationship(path.Join(dir, "_rels", path.Base(book)+".rels"), dir, func(id, kind, target string) {
		w.parts[id] = target
		switch path.Base(kind) {
		case "styles":
			styles = target
		case "sharedStrings":
			shared = target
		}
	})
	if err == nil {
		err = a.readWorkbook(book, &w)
	}
	if err == nil && shared != "" {
		err = a.readStrings(shared, &w)
	}
	if err == nil && styles != "" {
		err = a.readStyles(styles, &w)
	}
	if err != nil {
		return nil, err
	}
	var sheets []Sheet
	for _, s := range w.sheets {
		rows, err := a.readSheet(w.parts[s.relationship], &w)
		if err != nil {
			return nil, err
		}
		sheets = append(sheets, Sheet{s.name, s.hidden, rows})
	}
	return sheets, nil
}

// each calls do with every element that starts in a part.
func (a *archive) each(part string, do func(e *elements, el xml.StartElement) error) error {
	r, err := a.open(part)
	if err != nil {
		return err
	}
	defer r.Close()
	e := newElements(r)
	for {
		tok, err := e.next()
		if tok == nil || err != nil {
			return err
		}
		if el, ok := tok.(xml.StartElement); ok {
			if err := do(e, el); err != nil {
				return err
			}
		}
	}
}

func (a *archive) eachRelationship(part, dir string, do func(id, kind, target string)) error {
	return a.each(part, func(_ *elements, el xml.StartElement) error {
		if el.Name.Local == "Relationship" && attribute(el, "TargetMode") != "External" {
			target := attribute(el, "Target")
			if !strings.HasPrefix(target, "/") {
				target = path.Join(dir, target)
			}
			do(attribute(el, "Id"), attribute(el, "Type"), strings.TrimPrefix(target, "/"))
		}
		return nil
	})
}

func (a *archive) readWorkbook(part string, w *workbook) error {
	return a.each(part, func(_ *elements, el xml.StartElement) error {
		switch el.Name.Local {
		case "workbookPr":
			if v := attribute(el, "date1904"); v == "1" || v == "true" {
				w.epoch = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
			}
		case "sheet":
			id := ""
			for _, at := range el.Attr { // r:id, beside sheetId
				if at.Name.Local == "id" && at.Name.Space != "" {
					id = at.Value
				}
			}
			if !strings.Contains(w.parts[id], "chartsheets/") {
				w.sheets = append(w.sheets, sheetPart{attribute(el, "name"), id,
					strings.HasSuffix(strings.ToLower(attribute(el, "state")), "hidden")})
			}
		}
		return nil
	})
}

// readStrings reads the strings that cells name by their number. A string may have several runs;
// what tells how to pronounce it is left out.
func (a *archive) readStrings(part string, w *workbook) error {
	return a.each(part, func(e *elements, el xml.StartElement) error {
		if el.Name.Local != "si" {
			return nil
		}
		text, err := e.runs()
		w.strings = append(w.strings, text)
		return err
	})
}

// runs is the text of the element that was just started.
func (e *elements) runs() (string, error) {
	var b strings.Builder
	for depth := len(e.stack); len(e.stack) >= depth; {
		tok, err := e.next()
		if err != nil {
			return "", err
		}
		switch tok := tok.(type) {
		case nil:
			return b.String(), nil
		case xml.StartElement:
			if tok.Name.Local == "rPh" {
				if err := e.skip(); err != nil {
					return "", err
				}
			}
		case xml.CharData:
			if e.stack[len(e.stack)-1] == "t" {
				b.Write(tok)
			}
		}
	}
	return unescape(b.String()), nil
}

// text is the text directly in the element that was just started.
func (e *elements) text() (string, error) {
	var b strings.Builder
	for depth := len(e.stack); len(e.stack) >= depth; {
		tok, err := e.next()
		if err != nil {
			return "", err
		}
		if data, ok := tok.(xml.CharData); ok && len(e.stack) == depth {
			b.Write(data)
		}
	}
	return b.String(), nil
}

var escaped = regexp.MustCompile(`_x[0-9A-Fa-f]{4}_`)

// unescape reads the characters that XML cannot hold, which XLSX writes as _x000D_.
func unescape(text string) string {
	if !strings.Contains(text, "_x") {
		return text
	}
	return escaped.ReplaceAllStringFunc(text, func(s string) string {
		n, _ := strconv.ParseUint(s[2:6], 16, 16)
		return string(rune(n))
	})
}

// dateFormat finds the letters of a date or time in a number format, outside quotes and brackets.
var formatText = regexp.MustCompile(`\[[^\]]*\]|\\.|"[^"]*"|_.|\*.`)

func isDateFormat(format string) bool {
	format, _, _ = strings.Cut(formatText.ReplaceAllString(format, ""), ";")
	return strings.ContainsAny(format, "dmyhsDMYHSjaAJ") && !strings.Contains(strings.ToLower(format), "general")
}

func (a *archive) readStyles(part string, w *workbook) error {
	own := map[int]bool{}
	in, style := false, 0
	return a.each(part, func(e *elements, el xml.StartElement) error {
		switch el.Name.Local {
		case "numFmt":
			if id, err := strconv.Atoi(attribute(el, "numFmtId")); err == nil &&
				isDateFormat(attribute(el, "formatCode")) {
				own[id] = true
			}
		case "cellXfs":
			in = true
		case "cellStyles", "cellStyleXfs", "dxfs":
			in = false
		case "xf":
			if in && len(e.stack) >= 2 && e.stack[len(e.stack)-2] == "cellXfs" {
				id, _ := strconv.Atoi(attribute(el, "numFmtId"))
				if own[id] || 14 <= id && id <= 22 || 27 <= id && id <= 36 || 45 <= id && id <= 47 || 50 <= id &&
					id <= 58 {
					w.dates[style] = true
				}
				style++
			}
		}
		return nil
	})
}

func (a *archive) readSheet(part string, w *workbook) ([]Row, error) {
	t := table{cells: &a.cells}
	number, column, hidden := 0, -1, false
	var cells []Cell
	flush := func() error {
		err := t.add(number, hidden, cells)
		cells = nil
		return err
	}
	err := a.each(part, func(e *elements, el xml.StartElement) error {
		switch el.Name.Local {
		case "row":
			if err := flush(); err != nil {
				return err
			}
			number, column = number+1, -1
			if r := attribute(el, "r"); r != "" {
				n, err := strconv.Atoi(r)
				if err != nil || n < 1 || n > maxRows {
					return tooLarge()
				}
				number = n
			}
			h := attribute(el, "hidden")
			hidden = h == "1" || h == "true"
		case "c":
			if len(e.stack) < 2 || e.stack[len(e.stack)-2] != "row" {
				return problem("cell", "le classeur est abîmé : une cellule n'est dans aucune ligne",
					"the workbook is damaged: a cell is in no row")
			}
			column++
			if ref := attribute(el, "r"); ref != "" {
				if c, ok := columnOf(ref); ok {
					column = c
				}
			}
			if column < 0 || column >= maxColumns {
				return tooLarge()
			}
			cell, err := w.readCell(e, el)
			if err != nil {
				return err
			}
			if cell.Text != "" {
				cell.Column = column
				cells = append(cells, cell)
			}
		case "sheetData", "worksheet":
		default: // the width of columns, links, pictures
			return e.skip()
		}
		return nil
	})
	if err == nil {
		err = flush()
	}
	return t.rows, err
}

// columnOf is the column of a reference such as AB12.
func columnOf(ref string) (column int, ok bool) {
	for _, r := range strings.TrimPrefix(ref, "$") {
		switch {
		case 'A' <= r && r <= 'Z':
			column = column*26 + int(r-'A') + 1
		case 'a' <= r && r <= 'z':
			column = column*26 + int(r-'a') + 1
		default:
			return column - 1, column > 0
		}
		if column > maxColumns {
			return maxColumns, true
		}
	}
	return column - 1, column > 0
}

func (w *workbook) readCell(e *elements, el xml.StartElement) (Cell, error) {
	kind, style := attribute(el, "t"), attribute(el, "s")
	var value, inline string
	formula, has := false, false
	for depth := len(e.stack); len(e.stack) >= depth; {
		tok, err := e.next()
		if err != nil {
			return Cell{}, err
		}
		start, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		switch start.Name.Local {
		case "v":
			has = true
			value, err = e.text()
		case "is":
			inline, err = e.runs()
		case "f":
			formula, err = true, e.skip()
		default:
			err = e.skip()
		}
		if err != nil {
			return Cell{}, err
		}
	}
	if formula && !has && inline == "" {
		return Cell{Kind: Fault, Text: "="}, nil
	}
	switch kind {
	case "s":
		n, err := strconv.Atoi(strings.TrimSpace(value))
		if has && (err != nil || n < 0 || n >= len(w.strings)) {
			return Cell{}, problem("string", "le classeur est abîmé : il n'a pas de texte %q",
				"the workbook is damaged: it has no text %q", value)
		}
		if !has {
			return Cell{}, nil
		}
		return Cell{Text: clean(w.strings[n])}, nil
	case "inlineStr":
		return Cell{Text: clean(inline)}, nil
	case "str":
		return Cell{Text: clean(unescape(value))}, nil
	case "e":
		return Cell{Kind: Fault, Text: value}, nil
	case "b":
		return Cell{Kind: Truth, Text: map[bool]string{true: "TRUE",
			false: "FALSE"}[strings.TrimSpace(value) == "1"]}, nil
	case "d":
		return Cell{Kind: Date, Text: strings.TrimSuffix(strings.TrimSpace(value), "T00:00:00")}, nil
	}
	value = strings.TrimSpace(value)
	if n, err := strconv.Atoi(style); err == nil && w.dates[n] {
		if text, ok := w.date(value); ok {
			return Cell{Kind: Date, Text: text}, nil
		}
	}
	return Cell{Kind: Number, Text: plainNumber(value)}, nil
}

// date reads a day number.
func (w *workbook) date(value string) (string, bool) {
	days, err := strconv.ParseFloat(value, 64)
	if err != nil || days < 1 || days > 2958465 { // 9999-12-31
		return "", false
	}
	whole, part := math.Modf(days)
	at := w.epoch.AddDate(0, 0, int(whole)).Add(time.Duration(math.Round(part*86400)) * time.Second)
	if at.Equal(at.Truncate(24 * time.Hour)) {
		return at.Format(time.DateOnly), true
	}
	return at.Format(time.DateTime), true
}

// plainNumber writes a number without an exponent, as far as a spreadsheet's fifteen digits are
// all there.
func plainNumber(value string) string {
	if strings.Trim(value, "0123456789") == "" {
		return value
	}
	f, err := strconv.ParseFloat(value, 64)
	if err != nil || math.Abs(f) >= 1e15 {
		return value
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}
