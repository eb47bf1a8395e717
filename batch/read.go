package batch

import (
	_ "embed"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/igc-lab/igc/batch/sheet"
	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/i18n"
)

// maxBatch bounds a batch file: a million rows take less.
const maxBatch = 512 << 20

// File is what was read of a batch.
type File struct {
	Rows  []Row
	Notes []i18n.Text // about the file: which sheet was read, what was not
}

// Read reads the rows of a file, "-" for the standard input. It takes tables (CSV, XLSX, ODS), JSON
// and YAML, and knows them by what they hold; the ending of the name decides what both could be.
// columns are the names that a row may have. An error names every column that is wrong, or every
// row.
func Read(name string, stdin io.Reader, columns []string) (*File, error) {
	in := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, &ca.Error{Kind: ca.NotFound, Err: err}
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxBatch+1))
	if err != nil {
		return nil, &ca.Error{Kind: ca.NotFound, Err: err}
	}
	if len(data) > maxBatch {
		return nil, ca.Invalidate(problem("large", "%s dépasse 512 Mo : coupez-le", "%s is larger than 512 MB: cut it",
			name))
	}
	f, err := parse(data, strings.ToLower(filepath.Ext(name)), newNames(columns))
	if err == nil && len(f.Rows) == 0 {
		err = problem("empty", "aucune ligne", "no row")
	}
	var rows RowErrors
	switch {
	case errors.As(err, &rows):
		return nil, ca.Invalidate(rows)
	case err != nil:
		return nil, ca.Invalidate(i18n.NewError("batch-file", i18n.Text{FR: "%s : %s", EN: "%s: %s"}, name, err))
	}
	return f, nil
}

func parse(data []byte, ending string, known *names) (f *File, err error) {
	text, archive, err := sheet.Text(data)
	if err != nil {
		return nil, err
	}
	if archive {
		sheets, err := sheet.ParseArchive(data)
		if err != nil {
			return nil, err
		}
		return fromSheets(sheets, known)
	}
	f = &File{}
	switch formatOf(text, ending, known) {
	case "json":
		f.Rows, err = readJSON(text, known)
	case "yaml":
		f.Rows, err = readYAML(text, known)
	default:
		var s sheet.Sheet
		if s, err = sheet.ParseCSV(text, known.count); err == nil {
			err = f.addTable(s, known, false)
		}
	}
	if err == nil {
		err = normalizeAll(f.Rows)
	}
	return f, err
}

// yamlStart is how a list of YAML, or an entry, begins.
var yamlStart = regexp.MustCompile(`^(---|-[ \t\r\n]|-$|[A-Za-z_-]+:([ \t\r\n]|$))`)

// formatOf tells the formats of text apart by the first line that is not a comment.
func formatOf(text, ending string, known *names) string {
	yaml := ending == ".yaml" || ending == ".yml"
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(strings.TrimPrefix(line, "\ufeff"))
		switch {
		case line == "" || line[0] == '#':
			continue
		case line[0] == '{' || line[0] == '[':
			if yaml {
				return "yaml"
			}
			return "json"
		case yamlStart.MatchString(line) && !strings.ContainsAny(line, ";\t|"):
			return "yaml"
		case yaml && known.count(strings.FieldsFunc(line, func(r rune) bool {
			return strings.ContainsRune(";\t,|",
				r)
		})) < 2:
			return "yaml"
		}
		return "csv"
	}
	return "csv"
}

// normalizeAll puts the values of all rows right, and names every row that it cannot.
func normalizeAll(rows []Row) error {
	var errs RowErrors
	for i := range rows {
		if err := rows[i].normalize(); err != nil {
			errs = append(errs, &RowError{rows[i], err})
		}
	}
	return errs.orNil()
}

func joinErrors(errs []error) error { return errors.Join(errs...) }

//go:embed batch.example.csv
var exampleCSV string

//go:embed batch.example.jsonl
var exampleJSONLines string

//go:embed batch.example.yaml
var exampleYAML string

// Example is a file that Read reads, in a format: csv, jsonl or yaml.
func Example(format string) (string, error) {
	example, ok := map[string]string{"csv": exampleCSV, "jsonl": exampleJSONLines, "yaml": exampleYAML}[format]
	if !ok {
		return "", ca.Invalidate(errorf("--batch-example %q : choisissez csv, jsonl ou yaml",
			"--batch-example %q: choose csv, jsonl or yaml", format))
	}
	return example, nil
}
