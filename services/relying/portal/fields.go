package portal

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
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

var fields = sync.OnceValue(func() (all map[string]field) {
	if err := yaml.Unmarshal(fieldsFile, &all); err != nil {
		panic(err) // it is embedded
	}
	return all
})

// group is an object within the JSON that is shown, such as an activity; the first is the whole.
type group struct {
	Heading string // where it stands; empty for the whole
	Means   i18n.Text
	Rows    []row
	Empty   []row // the fields without a value
}

// row is a field.
type row struct {
	Name  string
	Value string
	Label i18n.Text // what the value says
	Means i18n.Text
}

// Bounds of what is shown of an object.
const (
	maxRows  = 1000
	maxDepth = 8
)

// groups lists the fields of a JSON object in their order, also those that come twice. What is not
// JSON gives what stands before it.
func groups(object json.RawMessage) []*group {
	r := reader{dec: json.NewDecoder(bytes.NewReader(object)), groups: []*group{{}}}
	r.dec.UseNumber()
	if t, err := r.dec.Token(); err == nil && t == json.Delim('{') {
		r.object(r.groups[0], 0)
	}
	return r.groups
}

// reader reads JSON into groups. Its methods tell whether reading goes on.
type reader struct {
	dec    *json.Decoder
	groups []*group
	count  int
}

// object reads the members of an object whose brace was read.
func (r *reader) object(g *group, depth int) bool {
	for r.dec.More() {
		name, err := r.dec.Token()
		if err != nil || !r.value(g, fmt.Sprint(name), depth) {
			return false
		}
	}
	_, err := r.dec.Token()
	return err == nil
}

// value reads a value: an array is as many values, numbered.
func (r *reader) value(g *group, name string, depth int) bool {
	t, err := r.dec.Token()
	if err != nil {
		return false
	}
	if t != json.Delim('[') {
		return r.single(g, name, name, t, depth)
	}
	n := 0
	for ; r.dec.More(); n++ {
		if t, err = r.dec.Token(); err != nil || t == json.Delim('[') || // no claim has an array in an array
			!r.single(g, name, fmt.Sprintf("%s %d", name, n+1), t, depth) {
			return false
		}
	}
	if n == 0 && !r.add(g, name, "") {
		return false
	}
	_, err = r.dec.Token()
	return err == nil
}

// single reads what begins with a token: a scalar, or an object, which is a group of its own.
func (r *reader) single(g *group, name, heading string, t json.Token, depth int) bool {
	switch t {
	case nil:
		return r.add(g, name, "null")
	case json.Delim('{'):
		if r.count++; depth >= maxDepth || r.count > maxRows {
			return false
		}
		if g.Heading != "" {
			heading = g.Heading + " › " + heading
		}
		within := &group{Heading: heading, Means: fields()[name].Means}
		r.groups = append(r.groups, within)
		return r.object(within, depth+1)
	}
	return r.add(g, name, fmt.Sprint(t))
}

// add adds a field, with what its value says.
func (r *reader) add(g *group, name, value string) bool {
	if r.count++; r.count > maxRows {
		return false
	}
	f := fields()[name]
	added := row{Name: name, Value: value, Means: f.Means}
	if value == "" {
		g.Empty = append(g.Empty, added)
		return true
	}
	code, _, _ := strings.Cut(value, "^")
	switch {
	case f.Time:
		if seconds, err := strconv.ParseInt(value, 10, 64); err == nil && seconds >= 0 && seconds < 1<<38 {
			added.Label = i18n.Date(time.Unix(seconds, 0))
		}
	case f.Table != "":
		added.Label, _ = people.Label(f.Table, code)
	default:
		added.Label = f.Values[value]
	}
	g.Rows = append(g.Rows, added)
	return true
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
