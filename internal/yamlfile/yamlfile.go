// Package yamlfile reads a YAML file that holds one document, with no key that is not known. Its
// errors speak of the file, and not of Go: which line, which key or value, and what is expected
// there.
package yamlfile

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/nearest"
)

// ErrSecond says that a file goes on after its document. yaml.Unmarshal passes over what follows.
var ErrSecond = errors.New("a second document follows, after a line \"---\": keep one")

// Decode reads the file's one document. It is io.EOF when there is none. On an error, into is as it
// was.
func Decode(data []byte, into any) error {
	d := yaml.NewDecoder(bytes.NewReader(data))
	var document yaml.Node
	if err := d.Decode(&document); err != nil {
		return syntaxError(err)
	}
	var more yaml.Node
	switch err := d.Decode(&more); {
	case errors.Is(err, io.EOF):
	case err != nil:
		return syntaxError(err)
	case !isEmpty(&more): // but for "---" at the end of a file
		return ErrSecond
	}
	if err := check(&document, reflect.TypeOf(into).Elem(), ""); err != nil {
		return err
	}
	if err := document.Decode(into); err != nil {
		return syntaxError(err)
	}
	return nil
}

// isEmpty tells whether nothing but comments stands in a document.
func isEmpty(n *yaml.Node) bool {
	return len(n.Content) == 1 && n.Content[0].Tag == "!!null" && n.Content[0].Value == ""
}

// check looks whether a node fits a type, and says of the first that does not what is expected.
// path names the node, as "crl.issuing". Types that read themselves are left to do so.
func check(n *yaml.Node, t reflect.Type, path string) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case n.Kind == yaml.DocumentNode && len(n.Content) == 1:
		return check(n.Content[0], t, path)
	case n.Kind == yaml.AliasNode:
		return check(n.Alias, t, path)
	case readsItself(t) || n.Tag == "!!null":
		return nil
	}
	switch t.Kind() {
	case reflect.Struct:
		return checkKeys(n, t, path)
	case reflect.Slice, reflect.Array:
		if n.Kind != yaml.SequenceNode {
			return unfit(n, path, aList)
		}
		for i, item := range n.Content {
			if err := check(item, t.Elem(), fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
	case reflect.Map:
		if n.Kind != yaml.MappingNode {
			return unfit(n, path, someKeys)
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if err := check(n.Content[i+1], t.Elem(), join(path, n.Content[i].Value)); err != nil {
				return err
			}
		}
	default:
		if what, ok := expected(t); ok && (n.Kind != yaml.ScalarNode || n.Decode(reflect.New(t).Interface()) != nil) {
			return unfit(n, path, what)
		}
	}
	return nil
}

// checkKeys checks the keys of a mapping and what they hold.
func checkKeys(n *yaml.Node, t reflect.Type, path string) error {
	if n.Kind != yaml.MappingNode {
		return unfit(n, path, someKeys)
	}
	fields := map[string]reflect.Type{}
	var known []string
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "-" || !f.IsExported() || strings.Contains(options, "inline") {
			continue
		}
		if name == "" {
			name = strings.ToLower(f.Name)
		}
		fields[name] = f.Type
		known = append(known, name)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Tag == "!!merge" {
			continue
		}
		field, ok := fields[key.Value]
		if !ok {
			where := i18n.Text{}
			if path != "" {
				where = i18n.Text{FR: " dans " + path, EN: " in " + path}
			}
			if meant := nearest.Of(key.Value, known); meant != "" {
				return i18n.Errorf("line %d: unknown key %q%s: did you mean %q?", key.Line, key.Value, where, meant)
			}
			return i18n.Errorf("line %d: unknown key %q%s: known are %s",
				key.Line, key.Value, where, strings.Join(known, ", "))
		}
		if err := check(n.Content[i+1], field, join(path, key.Value)); err != nil {
			return err
		}
	}
	return nil
}

// readsItself tells whether a type has its own way to be read.
func readsItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return t == reflect.TypeFor[yaml.Node]() || p.Implements(reflect.TypeFor[yaml.Unmarshaler]()) ||
		p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// expected describes what a value of a simple type looks like.
func expected(t reflect.Type) (what i18n.Text, ok bool) {
	if t == reflect.TypeFor[time.Duration]() {
		return i18n.Text{FR: "une durée telle que 720h ou 30m", EN: "a duration such as 720h or 30m"}, true
	}
	switch t.Kind() {
	case reflect.Bool:
		return i18n.Text{FR: "true ou false", EN: "true or false"}, true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return i18n.Text{FR: "un nombre entier", EN: "a whole number"}, true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return i18n.Text{FR: "un nombre entier, 0 ou plus", EN: "a whole number, 0 or more"}, true
	case reflect.Float32, reflect.Float64:
		return i18n.Text{FR: "un nombre", EN: "a number"}, true
	case reflect.String:
		return i18n.Text{FR: "un texte", EN: "a text"}, true
	}
	return i18n.Text{}, false
}

// Kinds of what stands in a file.
var (
	aList    = i18n.Text{FR: "une liste", EN: "a list"}
	someKeys = i18n.Text{FR: "des clés avec leurs valeurs", EN: "keys with values"}
)

func unfit(n *yaml.Node, path string, what i18n.Text) error {
	found := i18n.Same(strconv.Quote(n.Value))
	switch n.Kind {
	case yaml.MappingNode:
		found = i18n.Text{FR: "des clés", EN: "keys"}
	case yaml.SequenceNode:
		found = aList
	}
	if path == "" {
		return i18n.Errorf("line %d: %s, where %s is expected", n.Line, found, what)
	}
	return i18n.Errorf("line %d: %s is %s, where %s is expected", n.Line, path, found, what)
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
