package batch

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/yamlfile"
)

// Row is one card of a batch: the flags of igc issue by their names, with "_" or "-". Its methods
// are those of flags.
type Row struct {
	Line   int // in the file
	values map[string][]string
}

func (r Row) IsSet(name string) bool { return len(r.values[name]) > 0 }

func (r Row) String(name string) string {
	if !r.IsSet(name) {
		return ""
	}
	return r.values[name][0]
}

func (r Row) StringSlice(name string) []string { return r.values[name] }

func (r Row) Bool(name string) bool { return r.String(name) == "true" || r.String(name) == "1" }

// checkColumns refuses columns that are not among the known ones.
func (r Row) checkColumns(known []string) error {
	for name := range r.values {
		if !slices.Contains(known, name) {
			return fmt.Errorf(tr("colonne inconnue %q : --batch-example montre celles qui existent",
				"unknown column %q: --batch-example shows those there are"), name)
		}
	}
	return nil
}

// set adds a value. Lists are separated by ";" where the format has none of its own.
func (r Row) set(name string, value any) error {
	name = canonical(name)
	switch v := value.(type) {
	case nil:
	case string:
		if v == "" {
			return nil
		}
		if name == "speciality" || name == "dns" {
			for _, part := range strings.Split(v, ";") {
				r.values[name] = append(r.values[name], strings.TrimSpace(part))
			}
			return nil
		}
		r.values[name] = append(r.values[name], v)
	case bool, json.Number:
		r.values[name] = []string{fmt.Sprint(v)}
	case []any:
		for _, e := range v {
			if err := r.set(name, e); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf(tr("%s : %v n'est ni un texte ni une liste (mettez les nombres entre guillemets)",
			"%s: %v is neither a text nor a list (put numbers in quotes)"), name, v)
	}
	return nil
}

// canonical is the name of the flag that a column stands for.
func canonical(name string) string {
	name = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), "_", "-")
	switch name {
	case "product":
		return "card"
	case "specialities":
		return "speciality"
	}
	return name
}

// maxBatch bounds a batch file: a million rows take less.
const maxBatch = 512 << 20

// Read reads the rows of a file by the ending of its name; "-" is JSON lines on the standard input.
func Read(name string, stdin io.Reader) ([]Row, error) {
	in := stdin
	kind := ".jsonl"
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, &ca.Error{Kind: ca.NotFound, Err: err}
		}
		defer f.Close()
		in, kind = f, strings.ToLower(filepath.Ext(name))
	}
	data, err := io.ReadAll(io.LimitReader(in, maxBatch+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxBatch {
		return nil, ca.Invalidate(fmt.Errorf(tr("%s dépasse 512 Mo : coupez-le",
			"%s is larger than 512 MB: cut it"), name))
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")) // spreadsheets begin UTF-8 so
	var rows []Row
	switch kind {
	case ".csv":
		rows, err = readCSV(data)
	case ".jsonl", ".ndjson":
		rows, err = readJSONLines(data)
	case ".yaml", ".yml":
		rows, err = readYAML(data)
	default:
		err = errors.New(tr("son nom ne finit ni par .csv, ni par .jsonl, ni par .yaml",
			"its name ends neither in .csv, nor .jsonl, nor .yaml"))
	}
	if err == nil && len(rows) == 0 {
		err = errors.New(tr("aucune ligne", "no row"))
	}
	if err != nil {
		return nil, ca.Invalidate(fmt.Errorf("%s: %w", name, err))
	}
	return rows, nil
}

// readCSV takes "," or ";" between columns, as spreadsheets of either habit write; "#" begins a
// comment line.
func readCSV(data []byte) ([]Row, error) {
	r := csv.NewReader(bytes.NewReader(data))
	r.Comment = '#'
	for line := range bytes.Lines(data) { // the header decides
		if len(bytes.TrimSpace(line)) > 0 && line[0] != '#' {
			if bytes.Count(line, []byte(";")) > bytes.Count(line, []byte(",")) {
				r.Comma = ';'
			}
			break
		}
	}
	header, err := r.Read()
	if err != nil {
		return nil, err
	}
	var rows []Row
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		line, _ := r.FieldPos(0)
		one := Row{line, map[string][]string{}}
		for i, name := range header {
			if err := one.set(name, fields[i]); err != nil {
				return nil, err
			}
		}
		rows = append(rows, one)
	}
}

func readJSONLines(data []byte) ([]Row, error) {
	var rows []Row
	n := 0
	for line := range bytes.Lines(data) {
		n++
		if line = bytes.TrimSpace(line); len(line) == 0 || line[0] == '#' {
			continue
		}
		one := Row{n, map[string][]string{}}
		var object map[string]any
		dec := json.NewDecoder(bytes.NewReader(line))
		dec.UseNumber() // identifiers without quotes keep their digits
		err := dec.Decode(&object)
		if _, more := dec.Token(); err == nil && !errors.Is(more, io.EOF) {
			err = errors.New(tr("un objet par ligne, et rien d'autre", "one object a line, and nothing else"))
		}
		for name, value := range object {
			err = errors.Join(err, one.set(name, value))
		}
		if err != nil {
			return nil, fmt.Errorf(tr("ligne %d : %w", "line %d: %w"), n, err)
		}
		rows = append(rows, one)
	}
	return rows, nil
}

func readYAML(data []byte) ([]Row, error) {
	var nodes []yaml.Node
	if err := yamlfile.Decode(data, &nodes); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	var rows []Row
	for _, n := range nodes {
		one := Row{n.Line, map[string][]string{}}
		var fields map[string]yaml.Node
		err := n.Decode(&fields)
		for name, value := range fields {
			if value.Kind == yaml.ScalarNode { // as it is written: 0123 is not an octal number here
				err = errors.Join(err, one.set(name, value.Value))
				continue
			}
			var list []any
			err = errors.Join(err, value.Decode(&list), one.set(name, list))
		}
		if err != nil {
			return nil, fmt.Errorf(tr("ligne %d : %w", "line %d: %w"), n.Line, err)
		}
		rows = append(rows, one)
	}
	return rows, nil
}

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
		return "", ca.Invalidate(fmt.Errorf(tr("--batch-example %q : choisissez csv, jsonl ou yaml",
			"--batch-example %q: choose csv, jsonl or yaml"), format))
	}
	return example, nil
}
