package sheet

import (
	"encoding/xml"
	"io"
	"strconv"
	"strings"
	"time"
)

func (a *archive) parseODS() ([]Sheet, error) {
	if manifest, err := a.read("META-INF/manifest.xml", 1<<20); err == nil &&
		strings.Contains(string(manifest), "encryption-data") {
		return nil, problem("password", "ce classeur est protégé par un mot de passe : enregistrez-le sans",
			"this workbook is protected by a password: save it without one")
	}
	r, err := a.open("content.xml")
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return readODS(r, &a.cells)
}

// parseODS reads the XML of an ODS that is not in an archive.
func parseODS(r io.Reader) ([]Sheet, error) {
	cells := 0
	sheets, err := readODS(io.LimitReader(r, maxXML), &cells)
	if err != nil {
		err = damaged(err)
	}
	return sheets, err
}

// odsReader reads the content of an ODS.
type odsReader struct {
	*elements
	hidden map[string]bool // styles of tables that are not shown
	sheets []Sheet
	table  table
	number int // of the last row
}

func readODS(r io.Reader, cells *int) ([]Sheet, error) {
	o := &odsReader{elements: newElements(r), hidden: map[string]bool{}, table: table{cells: cells}}
	style := ""
	for {
		tok, err := o.next()
		if err != nil {
			return nil, err
		}
		if tok == nil {
			return o.sheets, nil
		}
		el, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		switch el.Name.Local {
		case "style":
			style = attribute(el, "name")
		case "table-properties":
			if attribute(el, "display") == "false" {
				o.hidden[style] = true
			}
		case "table":
			if err := o.readTable(el); err != nil {
				return nil, err
			}
		case "annotation", "tracked-changes", "dde-links":
			if err := o.skip(); err != nil {
				return nil, err
			}
		}
	}
}

func (o *odsReader) readTable(el xml.StartElement) error {
	o.number, o.table.rows = 0, nil
	for depth := len(o.stack); len(o.stack) >= depth; {
		tok, err := o.next()
		if err != nil {
			return err
		}
		start, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		switch start.Name.Local {
		case "table-row":
			err = o.readRow(start)
		case "shapes", "named-expressions", "forms", "table-source", "scenario":
			err = o.skip()
		}
		if err != nil {
			return err
		}
	}
	o.sheets = append(o.sheets, Sheet{attribute(el, "name"), o.hidden[attribute(el, "style-name")], o.table.rows})
	return nil
}

// repeated is how many times a row or cell stands there; 1 when it does not say.
func repeated(el xml.StartElement, name string) int {
	n, err := strconv.Atoi(attribute(el, name))
	if err != nil || n < 1 {
		return 1
	}
	return n
}

func (o *odsReader) readRow(el xml.StartElement) error {
	times := repeated(el, "number-rows-repeated")
	visibility := attribute(el, "visibility")
	var cells []Cell
	column := 0
	for depth := len(o.stack); len(o.stack) >= depth; {
		tok, err := o.next()
		if err != nil {
			return err
		}
		start, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		if start.Name.Local != "table-cell" && start.Name.Local != "covered-table-cell" {
			if err := o.skip(); err != nil {
				return err
			}
			continue
		}
		cell, err := o.readCell(start)
		if err != nil {
			return err
		}
		n := repeated(start, "number-columns-repeated")
		if n > maxColumns {
			n = maxColumns + 1
		}
		if cell.Text != "" {
			if column+n > maxColumns {
				return tooLarge()
			}
			for i := range n {
				cell.Column = column + i
				cells = append(cells, cell)
			}
		}
		column += n
	}
	if len(cells) == 0 {
		o.number = min(o.number+times, maxRows+1) // an empty sheet ends on a million of them
		return nil
	}
	if o.number+times > maxRows {
		return tooLarge()
	}
	for range times {
		o.number++
		if err := o.table.add(o.number, visibility == "collapse" || visibility == "filter", cells); err != nil {
			return err
		}
	}
	return nil
}

func (o *odsReader) readCell(el xml.StartElement) (Cell, error) {
	text, err := o.paragraphs()
	if err != nil {
		return Cell{}, err
	}
	value := attribute(el, "value")
	for _, a := range el.Attr { // calcext has the kind of a formula's fault
		if a.Name.Local == "value-type" && a.Value == "error" {
			return Cell{Kind: Fault, Text: clean(text)}, nil
		}
	}
	switch attribute(el, "value-type") {
	case "float", "percentage", "currency":
		return Cell{Kind: Number, Text: plainNumber(value)}, nil
	case "date":
		return Cell{Kind: Date, Text: odsDate(attribute(el, "date-value"))}, nil
	case "boolean":
		return Cell{Kind: Truth, Text: strings.ToUpper(attribute(el, "boolean-value"))}, nil
	case "string":
		if s := attribute(el, "string-value"); s != "" {
			text = s
		}
	}
	if attribute(el, "formula") != "" && text == "" && attribute(el, "value-type") == "" {
		return Cell{Kind: Fault, Text: "="}, nil
	}
	return Cell{Text: clean(text)}, nil
}

func odsDate(value string) string {
	for _, layout := range []string{"2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05"} {
		if at, err := time.Parse(layout, value); err == nil {
			if at.Equal(at.Truncate(24 * time.Hour)) {
				return at.Format(time.DateOnly)
			}
			return at.Format(time.DateTime)
		}
	}
	return value
}

// paragraphs is the text of the cell that was just started, without its annotation.
func (o *odsReader) paragraphs() (string, error) {
	var b strings.Builder
	count, in := 0, 0
	for depth := len(o.stack); len(o.stack) >= depth; {
		tok, err := o.next()
		if err != nil {
			return "", err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			switch tok.Name.Local {
			case "annotation", "frame", "custom-shape", "detective":
				if err := o.skip(); err != nil {
					return "", err
				}
			case "p", "h":
				if count++; count > 1 {
					b.WriteByte('\n')
				}
				in = len(o.stack)
			case "s":
				b.WriteString(strings.Repeat(" ", min(repeated(tok, "c"), 1000)))
			case "tab":
				b.WriteByte('\t')
			case "line-break":
				b.WriteByte('\n')
			}
		case xml.CharData:
			if in > 0 && len(o.stack) >= in {
				b.Write(tok)
			}
		}
	}
	return b.String(), nil
}
