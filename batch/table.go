package batch

import (
	"fmt"
	"slices"
	"strings"

	"github.com/igc-lab/igc/batch/sheet"
	"github.com/igc-lab/igc/internal/i18n"
)

// fromSheets reads the one sheet of a workbook that has a header: the first that is shown, else the
// first. What other sheets hold is noted.
func fromSheets(sheets []sheet.Sheet, known *names) (*File, error) {
	chosen, best := -1, 0
	for i, s := range sheets {
		_, score := headerRow(s, known)
		rank := 0
		if score > 0 {
			rank = 2
		}
		if rank > 0 && !s.Hidden {
			rank = 3
		}
		if rank == 0 && len(s.Rows) > 0 && !s.Hidden {
			rank = 1 // its columns are named in the error
		}
		if rank > best {
			chosen, best = i, rank
		}
	}
	f := &File{}
	if chosen < 0 {
		return f, nil
	}
	err := f.addTable(sheets[chosen], known, true)
	if err == nil {
		err = normalizeAll(f.Rows)
	}
	if err != nil {
		return nil, err
	}
	if sheets[chosen].Hidden {
		f.note("la feuille lue, « %s », est masquée", "the sheet that was read, %q, is hidden", sheets[chosen].Name)
	}
	for i, s := range sheets {
		if i != chosen && len(s.Rows) > 0 {
			if s.Hidden {
				f.note("la feuille masquée « %s » a %d lignes, qui ne sont pas lues (la feuille « %s » l'est)",
					"the hidden sheet %q holds %d rows, which are not read (the sheet %q is)", s.Name, len(s.Rows),
					sheets[chosen].Name)
			} else {
				f.note("la feuille « %s » a %d lignes, qui ne sont pas lues (la feuille « %s » l'est)",
					"the sheet %q holds %d rows, which are not read (the sheet %q is)", s.Name, len(s.Rows),
					sheets[chosen].Name)
			}
		}
	}
	return f, nil
}

func (f *File) note(fr, en string, args ...any) {
	f.Notes = append(f.Notes, i18n.Text{FR: fr, EN: en}.Format(args...))
}

// headerRow finds the header among the first rows: the first with two names of columns, else with
// one. score is the count of names, 0 when there is no header.
func headerRow(s sheet.Sheet, known *names) (index, score int) {
	for i, r := range s.Rows[:min(len(s.Rows), 20)] {
		switch n := known.count(r.Texts()); {
		case n >= 2:
			return i, n
		case n == 1 && score == 0:
			index, score = i, 1
		}
	}
	return index, score
}

// column is a column of a table.
type column struct {
	name   string // of the flag
	header string
	place  string // D "profession"
}

// addTable makes rows of a table. asSheet tells that its lines are the rows of a spreadsheet.
func (f *File) addTable(s sheet.Sheet, known *names, asSheet bool) error {
	if len(s.Rows) == 0 {
		return nil
	}
	at, _ := headerRow(s, known)
	header := s.Rows[at]
	for _, r := range s.Rows[:at] {
		f.note("la ligne %d, au-dessus des noms de colonnes, n'est pas lue : %s",
			"row %d, above the names of columns, is not read: %s",
			r.Number, abbreviate(strings.Join(slices.DeleteFunc(r.Texts(), func(t string) bool { return t == "" }),
				", ")))
	}
	columns, err := f.readHeader(header, known, asSheet)
	if err != nil {
		return err
	}
	places := map[string]string{}
	for _, c := range columns {
		places[c.name] = c.place
	}
	hidden := 0
	var errs RowErrors
	for _, r := range s.Rows[at+1:] {
		if r.Hidden {
			hidden++
		}
		row := Row{Line: r.Number, sheet: asSheet, values: map[string][]string{}, places: places}
		var wrong []error
		for _, cell := range r.Cells {
			c, ok := columns[cell.Column]
			switch {
			case !ok:
				wrong = append(wrong, problem("extra", "%q est dans la colonne %s, qui n'a pas de nom",
					"%q is in column %s, which has no name",
					abbreviate(cell.Text), sheet.ColumnName(cell.Column)))
			case cell.Kind == sheet.Fault && cell.Text == "=":
				wrong = append(wrong, problem("formula",
					"la colonne %s tient une formule sans valeur : enregistrez le classeur depuis un tableur",
					"column %s holds a formula without a value: open the workbook in a spreadsheet and save it",
					c.place))
			case cell.Kind == sheet.Fault:
				wrong = append(wrong, problem("fault", "la colonne %s tient l'erreur %s",
					"column %s holds the error %s", c.place, cell.Text))
			default:
				row.values[c.name] = append(row.values[c.name], cell.Text)
			}
		}
		if len(wrong) > 0 {
			errs = append(errs, &RowError{row, joinErrors(wrong)})
		}
		f.Rows = append(f.Rows, row)
	}
	if hidden > 0 {
		f.note("%d lignes masquées ou filtrées sont lues aussi", "%d hidden or filtered rows are read too", hidden)
	}
	return errs.orNil()
}

// readHeader reads the names of columns. Its error names all that are wrong.
func (f *File) readHeader(header sheet.Row, known *names, asSheet bool) (map[int]column, error) {
	columns := map[int]column{}
	first := map[string]column{}
	var unknown, twice []string
	var readAs []string
	for _, cell := range header.Cells {
		name, ok := known.find(cell.Text)
		if !ok {
			unknown = append(unknown, cell.Text)
			continue
		}
		c := column{name, cell.Text, fmt.Sprintf("%s %q", sheet.ColumnName(cell.Column), abbreviate(cell.Text))}
		if sheet.FoldHeader(cell.Text) != sheet.FoldHeader(name) {
			readAs = append(readAs, fmt.Sprintf("%q = %s", cell.Text, name))
		}
		if before, ok := first[name]; ok {
			twice = append(twice, before.place+" = "+c.place)
		} else {
			first[name] = c
		}
		columns[cell.Column] = c
	}
	var errs []error
	if len(unknown) > 0 {
		errs = append(errs, unknownNames(unknown, known))
	}
	if len(twice) > 0 {
		errs = append(errs, problem("twice", "deux colonnes du même nom : %s", "two columns of one name: %s",
			strings.Join(twice, "; ")))
	}
	if len(errs) > 0 {
		if len(readAs) > 0 {
			errs = append(errs, problem("read-as", "sont lues : %s", "these are read: %s", strings.Join(readAs, ", ")))
		}
		return nil, RowErrors{&RowError{Row{Line: header.Number, sheet: asSheet}, joinErrors(errs)}}
	}
	if len(readAs) > 0 {
		f.note("colonnes lues : %s", "columns read: %s", strings.Join(readAs, ", "))
	}
	return columns, nil
}

func abbreviate(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}
