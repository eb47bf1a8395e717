package portal

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/people"
)

// field is what a field of a token or of userinfo means.
type field struct {
	Means  i18n.Text            `yaml:"means"`
	Time   bool                 `yaml:"time"`
	Table  string               `yaml:"table"`
	Values map[string]i18n.Text `yaml:"values"`
}

//go:embed fields.yaml
var fieldsFile []byte

var fields = func() (all map[string]field) {
	if err := yaml.Unmarshal(fieldsFile, &all); err != nil {
		panic(err) // it is embedded
	}
	return all
}()

// row is a row of the table of a JSON object: a field, or the heading of an object within.
type row struct {
	Heading string
	Name    string
	Value   string
	Label   i18n.Text // what the value says
	Means   i18n.Text
}

// Bounds of what is shown of an object.
const (
	maxRows  = 1000
	maxDepth = 8
)

// rows lists the fields of a JSON object in their order, also those that come twice. What is not
// JSON gives the rows before it.
func rows(object json.RawMessage) []row {
	r := reader{dec: json.NewDecoder(bytes.NewReader(object))}
	r.dec.UseNumber()
	if t, err := r.dec.Token(); err == nil && t == json.Delim('{') {
		r.object("", 0)
	}
	return r.rows
}

type reader struct {
	dec  *json.Decoder
	rows []row
}

// object reads the members of an object whose brace was read; under is where it stands. It tells
// whether reading goes on.
func (r *reader) object(under string, depth int) bool {
	for r.dec.More() {
		name, err := r.dec.Token()
		if err != nil || !r.value(fmt.Sprint(name), under, depth) {
			return false
		}
	}
	_, err := r.dec.Token()
	return err == nil
}

func (r *reader) value(name, under string, depth int) bool {
	t, err := r.dec.Token()
	if err != nil || depth > maxDepth || len(r.rows) >= maxRows {
		return false
	}
	switch t {
	case json.Delim('{'):
		return r.within(name, strings.TrimPrefix(under+" › "+name, " › "), depth)
	case json.Delim('['):
		n := 0
		for r.dec.More() {
			n++
			if !r.element(name, fmt.Sprintf("%s %d", strings.TrimPrefix(under+" › "+name, " › "), n), depth) {
				return false
			}
		}
		if n == 0 {
			r.add(name, "")
		}
		_, err := r.dec.Token()
		return err == nil
	}
	return r.scalar(name, t)
}

// element reads an element of an array.
func (r *reader) element(name, under string, depth int) bool {
	t, err := r.dec.Token()
	if err != nil || depth > maxDepth || len(r.rows) >= maxRows {
		return false
	}
	switch t {
	case json.Delim('{'):
		return r.within(name, under, depth)
	case json.Delim('['):
		return false // no claim has an array in an array
	}
	return r.scalar(name, t)
}

// within reads an object that is a value, below a heading.
func (r *reader) within(name, under string, depth int) bool {
	r.rows = append(r.rows, row{Heading: under, Name: name, Means: fields[name].Means})
	return r.object(under, depth+1)
}

func (r *reader) scalar(name string, t json.Token) bool {
	if t == nil {
		t = "null"
	}
	r.add(name, fmt.Sprint(t))
	return true
}

// add adds a field, with what its value says.
func (r *reader) add(name, value string) {
	f := fields[name]
	added := row{Name: name, Value: value, Means: f.Means}
	code, _, _ := strings.Cut(value, "^")
	switch {
	case value == "":
	case f.Time:
		if seconds, err := strconv.ParseInt(value, 10, 64); err == nil && seconds >= 0 && seconds < 1<<38 {
			added.Label = i18n.Date(time.Unix(seconds, 0))
		}
	case f.Table != "":
		added.Label, _ = people.Label(f.Table, code)
	default:
		added.Label = f.Values[value]
	}
	r.rows = append(r.rows, added)
}

// jwt is a token in its parts, not verified: for the eyes.
type jwt struct {
	Raw             string
	Header, Payload json.RawMessage
}

func readJWT(raw string) jwt {
	t := jwt{Raw: raw}
	parts := strings.Split(raw, ".")
	if len(parts) == 3 {
		t.Header, _ = base64.RawURLEncoding.DecodeString(parts[0])
		t.Payload, _ = base64.RawURLEncoding.DecodeString(parts[1])
	}
	return t
}

// pretty is JSON for reading.
func pretty(object json.RawMessage) string {
	var b bytes.Buffer
	if json.Indent(&b, object, "", "  ") != nil {
		return string(object)
	}
	return b.String()
}
