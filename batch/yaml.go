package batch

import (
	"errors"
	"io"

	"go.yaml.in/yaml/v3"

	"github.com/igc-lab/igc/internal/yamlfile"
)

// readYAML reads a list of entries, or one entry.
func readYAML(text string, known *names) ([]Row, error) {
	var document yaml.Node
	if err := yamlfile.Decode([]byte(text), &document); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	root := &document
	if root.Kind == yaml.DocumentNode && len(root.Content) == 1 {
		root = root.Content[0]
	}
	entries := root.Content
	switch {
	case root.Kind == yaml.MappingNode:
		entries = []*yaml.Node{root}
	case root.Kind == 0 || root.Tag == "!!null":
		return nil, nil
	case root.Kind != yaml.SequenceNode:
		return nil, problem("yaml", "ce YAML n'est pas une liste de cartes", "this YAML is not a list of cards")
	}
	var rows []Row
	var unknown []string
	for _, n := range entries {
		row := Row{Line: n.Line, values: map[string][]string{}}
		wrong, err := readEntry(n, row, known)
		if err != nil {
			return nil, RowErrors{&RowError{row, err}}
		}
		unknown = append(unknown, wrong...)
		rows = append(rows, row)
	}
	if len(unknown) > 0 {
		return nil, unknownNames(unknown, known)
	}
	return rows, nil
}

// readEntry reads one entry into a row. A value is taken as it is written: 0123 is not an octal
// number here.
func readEntry(n *yaml.Node, row Row, known *names) (unknown []string, err error) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.MappingNode {
		return nil, problem("entry", "%q n'est pas une carte : elle s'écrit card: cps, surname: ...",
			"%q is not a card: it is written card: cps, surname: ...", n.Value)
	}
	seen := map[string]string{}
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Tag == "!!merge" {
			merged = append(merged, value)
			continue
		}
		name, ok := known.find(key.Value)
		if !ok {
			unknown = append(unknown, key.Value)
			continue
		}
		if before, twice := seen[name]; twice {
			return nil, problem("twice", "%q et %q sont le même nom", "%q and %q are one name", before, key.Value)
		}
		seen[name] = key.Value
		if err := setNode(row, name, value); err != nil {
			return nil, err
		}
	}
	for _, m := range merged { // what the entry has itself stays
		if m.Kind == yaml.AliasNode {
			m = m.Alias
		}
		base := Row{values: map[string][]string{}}
		if m.Kind != yaml.MappingNode || hasMerge(m) {
			return nil, problem("merge", "<< nomme une autre carte, et une seule",
				"<< names another card, and one only")
		}
		wrong, err := readEntry(m, base, known)
		if err != nil {
			return nil, err
		}
		unknown = append(unknown, wrong...)
		for name, values := range base.values {
			if _, own := seen[name]; !own {
				row.values[name] = values
			}
		}
	}
	return unknown, nil
}

func hasMerge(n *yaml.Node) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Tag == "!!merge" {
			return true
		}
	}
	return false
}

func setNode(row Row, name string, n *yaml.Node) error {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch n.Kind {
	case yaml.ScalarNode:
		if n.Tag == "!!null" {
			return nil
		}
		return row.set(name, n.Value)
	case yaml.SequenceNode:
		var list []any
		for _, item := range n.Content {
			if item.Kind == yaml.AliasNode {
				item = item.Alias
			}
			if item.Kind != yaml.ScalarNode {
				return wrongValue(name, "une liste de textes est attendue", "a list of texts is expected")
			}
			list = append(list, item.Value)
		}
		return row.set(name, list)
	}
	return wrongValue(name, "un texte ou une liste est attendu", "a text or a list is expected")
}
