package sheet

import (
	"regexp"
	"strings"
)

// delimiters are those that are looked for, in the order in which one is taken when nothing tells
// them apart.
const delimiters = ";\t,|"

// sepLine is the first line that Excel reads as the delimiter, and does not show.
var sepLine = regexp.MustCompile(`^(?i)"?sep=([^"\r\n])"?[;,\t|]*$`)

// ParseCSV reads a table in text. The delimiter is the one with which a row of the beginning is
// most like a header, by the caller's count of known columns. Lines that begin with "#" are
// comments.
func ParseCSV(text string, header func(cells []string) int) (Sheet, error) {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	text = strings.TrimLeft(text, "\ufeff")
	first, rest, _ := strings.Cut(text, "\n")
	var delimiter byte
	if m := sepLine.FindStringSubmatch(strings.TrimRight(first, " ")); m != nil && len(m[1]) == 1 {
		delimiter, text = m[1][0], rest
	} else {
		delimiter = sniff(text, header)
	}
	cells := 0
	t := table{cells: &cells}
	var failed error
	err := eachRecord(text, delimiter, func(number int, fields []string) bool {
		var row []Cell
		for i, f := range fields {
			if f = unformula(clean(f)); f != "" {
				row = append(row, Cell{Column: i, Text: f})
			}
		}
		failed = t.add(number, false, row)
		return failed == nil
	})
	if err == nil {
		err = failed
	}
	return Sheet{Rows: t.rows}, err
}

// unformula takes the text out of ="0123", which keeps the zeros of a number in Excel.
func unformula(text string) string {
	if inner, ok := strings.CutPrefix(text, `="`); ok && strings.HasSuffix(inner, `"`) {
		return clean(strings.ReplaceAll(inner[:len(inner)-1], `""`, `"`))
	}
	return text
}

// sniff finds the delimiter of a table.
func sniff(text string, header func([]string) int) byte {
	const rows, size = 30, 64 << 10
	text = text[:min(len(text), size)]
	best, most, widest := byte(','), 0, 1
	for i := range len(delimiters) {
		score, width, seen := 0, 0, 0
		// a quote that is not closed is an error of the whole, not of this beginning
		_ = eachRecord(text, delimiters[i], func(_ int, fields []string) bool {
			for j := range fields {
				fields[j] = clean(fields[j])
			}
			score = max(score, header(fields))
			if width == 0 {
				width = len(fields)
			}
			seen++
			return seen < rows
		})
		if score > most || score == most && width > widest {
			best, most, widest = delimiters[i], score, width
		}
	}
	return best
}

// eachRecord calls do with each record that is neither empty nor a comment, until it returns false.
// A quote in the middle of a field stands for itself.
func eachRecord(text string, delimiter byte, do func(number int, fields []string) bool) error {
	for number := 1; text != ""; number++ {
		if text[0] == '\n' {
			text = text[1:]
			continue
		}
		if text[0] == '#' {
			_, text, _ = strings.Cut(text, "\n")
			continue
		}
		var fields []string
		for {
			field, rest, ok := cutField(text, delimiter)
			if !ok {
				do(number, append(fields, text)) // so that the delimiter is found all the same
				return problem("quote", "ligne %d : un guillemet ouvert n'est pas refermé",
					"line %d: a quote is opened and not closed", number)
			}
			fields = append(fields, field)
			if rest != "" && rest[0] == delimiter {
				if text = rest[1:]; text == "" {
					fields = append(fields, "")
					break
				}
				continue
			}
			text = strings.TrimPrefix(rest, "\n")
			break
		}
		if !do(number, fields) {
			return nil
		}
	}
	return nil
}

// cutField takes the first field of a record; rest begins with what ended it. ok is false when a
// quote is not closed.
func cutField(text string, delimiter byte) (field, rest string, ok bool) {
	padded := strings.TrimLeft(text, " ")
	if !strings.HasPrefix(padded, `"`) {
		field, rest = cutPlain(text, delimiter)
		return field, rest, true
	}
	var b strings.Builder
	quoted := padded[1:]
	for {
		end := strings.IndexByte(quoted, '"')
		if end < 0 {
			return "", "", false
		}
		b.WriteString(quoted[:end])
		quoted = quoted[end+1:]
		if !strings.HasPrefix(quoted, `"`) {
			break
		}
		b.WriteByte('"')
		quoted = quoted[1:]
	}
	// what follows the closing quote belongs to the field, as Excel reads it
	after, rest := cutPlain(quoted, delimiter)
	return b.String() + after, rest, true
}

func cutPlain(text string, delimiter byte) (field, rest string) {
	for i := range len(text) {
		if text[i] == delimiter || text[i] == '\n' {
			return text[:i], text[i:]
		}
	}
	return text, ""
}
