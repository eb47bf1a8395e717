// Package roster reads people from the tables that people have: the columns of igc people set, in
// French or English, a person a row; or the Annuaire's extraction Personne_activite, an activity a
// row. Files are those of package sheet: CSV in any of its habits, XLSX, ODS.
package roster

import (
	_ "embed"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/igc-lab/igc/batch/sheet"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/nearest"
	"github.com/igc-lab/igc/people"
)

// Entry is a person of a file.
type Entry struct {
	people.Entry
	Lines []int // of the file, where the person is
}

// File is what was read.
type File struct {
	Entries []Entry // in the order of their first lines
	Notes   []i18n.Text
	// Faults are the rows that could not be read, each with its line. A person of whom one row is
	// wrong is not in Entries.
	Faults Faults
}

// maxFile bounds a file, in bytes.
const maxFile = 256 << 20

// Read reads a file, standard input for "-". Its error is one of the whole file; those of rows are
// in [File.Faults].
func Read(name string, stdin io.Reader) (*File, error) {
	in := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, &store.Error{Kind: store.NotFound, Err: err}
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return nil, &store.Error{Kind: store.NotFound, Err: err}
	}
	if len(data) > maxFile {
		return nil, invalid(name, problem("large", "plus de 256 Mo : coupez-le", "larger than 256 MB: cut it"))
	}
	f, err := parse(data)
	if err != nil {
		return nil, invalid(name, err)
	}
	return f, nil
}

func invalid(name string, err error) error {
	return &store.Error{Kind: store.Invalid,
		Err: i18n.NewError("roster-file", i18n.Text{FR: "%s : %s", EN: "%s: %s"}, name, err)}
}

func problem(code, fr, en string, args ...any) error {
	return i18n.NewError("roster-"+code, i18n.Text{FR: fr, EN: en}, args...)
}

func parse(data []byte) (*File, error) {
	text, archive, err := sheet.Text(data)
	if err != nil {
		return nil, err
	}
	f := &File{}
	var table sheet.Sheet
	if archive {
		sheets, err := sheet.ParseArchive(data)
		if err != nil {
			return nil, err
		}
		best := 0
		for _, s := range sheets {
			if _, n := headerRow(s); n > best && !s.Hidden {
				table, best = s, n
			}
		}
		for _, s := range sheets {
			if s.Name != table.Name && len(s.Rows) > 0 && best > 0 {
				f.note("la feuille « %s » n'est pas lue (la feuille « %s » l'est)",
					"the sheet %q is not read (the sheet %q is)", s.Name, table.Name)
			}
		}
		if best == 0 && len(sheets) > 0 {
			table = sheets[0]
		}
	} else if table, err = sheet.ParseCSV(text, count); err != nil {
		return nil, err
	}
	return f, f.read(table)
}

func (f *File) note(fr, en string, args ...any) {
	f.Notes = append(f.Notes, i18n.Text{FR: fr, EN: en}.Format(args...))
}

//go:embed columns.tsv
var columnsTSV string

// headings are the fields by what people write for them.
var headings = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	var fields []string
	for line := range strings.Lines(columnsTSV) {
		field, names, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		for _, name := range strings.Fields(names) {
			all[name] = field
		}
		fields = append(fields, field)
	}
	for _, field := range fields { // its own name, unless that means another: telephone
		if name := sheet.FoldHeader(field); all[name] == "" {
			all[name] = field
		}
	}
	return all
})

// find is the field that a heading stands for. Labels of codes, such as "Libellé profession", stand
// for none, and are skipped.
func find(heading string) (field string, skip bool) {
	folded := sheet.FoldHeader(heading)
	if field = headings()[folded]; field != "" {
		return field, false
	}
	if strings.HasPrefix(folded, "libelle") || strings.HasPrefix(folded, "label") {
		return "", true
	}
	if open := strings.IndexAny(heading, "(["); open > 0 {
		field = headings()[sheet.FoldHeader(heading[:open])]
	}
	return field, false
}

func count(cells []string) (n int) {
	for _, c := range cells {
		if len(c) > 100 {
			continue
		}
		if field, skip := find(c); field != "" || skip {
			n++
		}
	}
	return n
}

// headerRow is the row of a table that names its columns, and how many it names.
func headerRow(s sheet.Sheet) (at, n int) {
	for i, r := range s.Rows[:min(len(s.Rows), 20)] {
		if c := count(r.Texts()); c > n {
			at, n = i, c
		}
	}
	return at, n
}

// read makes people of a table.
func (f *File) read(s sheet.Sheet) error {
	if len(s.Rows) == 0 {
		return problem("empty", "aucune ligne", "no row")
	}
	at, _ := headerRow(s)
	columns, err := readHeader(s.Rows[at])
	if err != nil {
		return err
	}
	whole := false
	for _, field := range columns {
		whole = whole || !simple[field] && field != ""
	}
	var all []*person
	byID := map[string]*person{}
	for _, r := range s.Rows[at+1:] {
		row, notes, err := readRow(r, columns)
		for _, n := range notes {
			f.note("ligne %d : %s", "line %d: %s", r.Number, n)
		}
		id := row["id"]
		p := byID[id]
		if p == nil || id == "" {
			p = &person{id: id}
			all = append(all, p)
			byID[id] = p
		}
		if err != nil {
			f.Faults = append(f.Faults, Fault{r.Number, err})
			p.wrong = true
			continue
		}
		p.rows = append(p.rows, row)
		p.lines = append(p.lines, r.Number)
	}
	if len(all) == 0 {
		return problem("empty", "aucune ligne", "no row")
	}
	for _, p := range all {
		if p.wrong {
			continue
		}
		change, line, err := p.change(whole)
		if err != nil {
			f.Faults = append(f.Faults, Fault{line, err})
			continue
		}
		f.Entries = append(f.Entries, Entry{people.Entry{ID: p.id, Change: *change}, p.lines})
	}
	slices.SortStableFunc(f.Faults, func(a, b Fault) int { return a.Line - b.Line })
	return nil
}

// maxUnknown is how many unknown headings an error names.
const maxUnknown = 20

// readHeader is the field of each column; its error names all headings that stand for none.
func readHeader(header sheet.Row) (map[int]string, error) {
	columns, first := map[int]string{}, map[string]string{}
	var unknown, twice []string
	for _, cell := range header.Cells {
		field, skip := find(cell.Text)
		switch {
		case skip:
			columns[cell.Column] = ""
			continue
		case field == "":
			switch n := len(unknown); {
			case n < maxUnknown:
				unknown = append(unknown, near(cell.Text))
			case n == maxUnknown:
				unknown = append(unknown, "...")
			}
			continue
		case first[field] != "":
			twice = append(twice, first[field]+" = "+cell.Text)
		}
		first[field] = cell.Text
		columns[cell.Column] = field
	}
	var errs []error
	if len(unknown) > 0 {
		errs = append(errs, problem("unknown", "ligne %d : colonnes inconnues : %s",
			"line %d: unknown columns: %s", header.Number, strings.Join(unknown, ", ")))
	}
	if len(twice) > 0 {
		errs = append(errs, problem("twice", "ligne %d : deux colonnes pour une donnée : %s",
			"line %d: two columns for one thing: %s", header.Number, strings.Join(twice, ", ")))
	}
	if len(errs) == 0 && first["id"] == "" && first["idNumber"] == "" {
		errs = append(errs, problem("no-id", "aucune colonne d'identifiant : nommez-en une « Identifiant » ou « RPPS »",
			"no column of identifiers: name one \"identifier\" or \"rpps\""))
	}
	return columns, errors.Join(errs...)
}

// near shows a heading with the one that may be meant.
func near(heading string) string {
	if r := []rune(heading); len(r) > 60 {
		return "« " + string(r[:60]) + "… »"
	}
	var all []string
	for name := range headings() {
		all = append(all, name)
	}
	slices.Sort(all)
	if close := nearest.Of(sheet.FoldHeader(heading), all); close != "" {
		return "« " + heading + " » (" + close + " ?)"
	}
	return "« " + heading + " »"
}
