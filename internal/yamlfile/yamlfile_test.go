package yamlfile

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func TestDecode(t *testing.T) {
	for _, c := range []struct{ text, err string }{
		{"a: 1\n", ""},
		{"---\na: 1\n", ""},
		{"a: 1\n---\n", ""},
		{"a: 1\n...\n# nothing more\n", ""},
		{"a: 1\n...\n---\na: 2\n", "second document"},
		{"a: 1\n...\na: 2\n", "yaml: "},
		{"a: 1\n...\n---\na: 2\n", "second document"},
		{"a: 1\n...\na: 2\n", "yaml: "},
		{"a: 1\n---\n\"\"\n", "second document"},
		{"a: 1\n---\n[", "yaml: "},
		{"a: 1\n\x00", "yaml: "},
		{"a: 1\n]", "yaml: "},
		{"a: 1\nb: 2\n", "field b not found"},
		{"a: 1\na: 2\n", "already defined"},
	} {
		var into struct{ A int }
		err := Decode([]byte(c.text), &into)
		if c.err == "" && (err != nil || into.A != 1) || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%q: %+v, %v; want %q", c.text, into, err, c.err)
		}
	}
	if err := Decode(nil, &struct{}{}); !errors.Is(err, io.EOF) {
		t.Errorf("an empty file: %v", err)
	}
}
