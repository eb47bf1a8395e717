package batch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// readJSON reads objects: one a line, several on a line, over several lines, or a list of them. A
// line that begins with "#" is a comment.
func readJSON(text string, known *names) ([]Row, error) {
	var clean strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			line = strings.Repeat(" ", len(line)-1) + "\n"
		}
		clean.WriteString(line)
	}
	text = clean.String()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber() // identifiers without quotes keep their digits
	// the line at an offset, counted on from the last one
	line, counted := 1, 0
	lineAt := func(offset int64) int {
		at := min(int(offset), len(text))
		for at < len(text) && strings.IndexByte(" \t\r\n,", text[at]) >= 0 {
			at++
		}
		line += strings.Count(text[counted:at], "\n")
		counted = at
		return line
	}
	list := strings.HasPrefix(strings.TrimSpace(text), "[")
	if list {
		if _, err := d.Token(); err != nil {
			return nil, jsonError(lineAt(0), err)
		}
	}
	var rows []Row
	var unknown []string
	for {
		if list && !d.More() {
			if _, err := d.Token(); err != nil {
				return nil, jsonError(lineAt(d.InputOffset()), unexpectedEnd(err))
			}
			list = false
		}
		row := Row{Line: lineAt(d.InputOffset()), values: map[string][]string{}}
		wrong, err := readObject(d, row, known)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, jsonError(row.Line, err)
		}
		unknown = append(unknown, wrong...)
		rows = append(rows, row)
	}
	if len(unknown) > 0 {
		return nil, unknownNames(unknown, known)
	}
	return rows, nil
}

// readObject reads one object into a row; io.EOF when there is none.
func readObject(d *json.Decoder, row Row, known *names) (unknown []string, err error) {
	tok, err := d.Token()
	if err != nil {
		return nil, err
	}
	if tok != json.Delim('{') {
		return nil, problem("object", "%s n'est pas dans un objet : une carte s'écrit {\"card\": \"cps\", ...}",
			"%s is not in an object: a card is written {\"card\": \"cps\", ...}", fmt.Sprintf("%q", fmt.Sprint(tok)))
	}
	seen := map[string]string{}
	for d.More() {
		tok, err := d.Token()
		if err != nil {
			return nil, unexpectedEnd(err)
		}
		key, _ := tok.(string)
		var value any
		if err := d.Decode(&value); err != nil {
			return nil, unexpectedEnd(err)
		}
		name, ok := known.find(key)
		if !ok {
			unknown = append(unknown, key)
			continue
		}
		if before, twice := seen[name]; twice {
			return nil, problem("twice", "%q et %q sont le même nom", "%q and %q are one name", before, key)
		}
		seen[name] = key
		if err := row.set(name, value); err != nil {
			return nil, err
		}
	}
	_, err = d.Token()
	return unknown, unexpectedEnd(err)
}

func unexpectedEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func jsonError(line int, err error) error {
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = problem("json", "ce JSON n'est pas bien formé (%s)", "this JSON is not well formed (%s)", err)
	}
	return RowErrors{&RowError{Row{Line: line}, err}}
}
