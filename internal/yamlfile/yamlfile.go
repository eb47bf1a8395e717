// Package yamlfile reads a YAML file that holds one document, with no key that is not known.
package yamlfile

import (
	"bytes"
	"errors"
	"io"

	"go.yaml.in/yaml/v3"
)

// ErrSecond says that a file goes on after its document. yaml.Unmarshal passes over what follows.
var ErrSecond = errors.New("a second document follows, after a line \"---\": keep one")

// Decode reads the file's one document. It is io.EOF when there is none.
func Decode(data []byte, into any) error {
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(into); err != nil {
		return err
	}
	var more yaml.Node
	switch err := d.Decode(&more); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	case empty(&more): // "---" at the end of a file
		return nil
	}
	return ErrSecond
}

// empty tells whether nothing but comments stands in a document.
func empty(n *yaml.Node) bool {
	return len(n.Content) == 1 && n.Content[0].Tag == "!!null" && n.Content[0].Value == ""
}
