package extraction

import (
	"context"
	"io"
	"iter"
	"strings"
	"unicode"
)

// file is a text of an extraction.
type file struct {
	name   string // begins its name in the ZIP
	header []string
	write  func(context.Context, *work, io.Writer) error
}

// column is a column of a file whose rows are of type R.
type column[R any] struct {
	name  string
	value func(R) string
}

// lineEnd tells what a line of a file ends with, before its LF.
type lineEnd string

const (
	plain  lineEnd = ""
	closed lineEnd = "|" // a separator follows the last value too
)

// newFile makes a file of its columns and of what gives its rows.
func newFile[R any](name string, columns []column[R], end lineEnd,
	rows func(context.Context, *work) iter.Seq2[R, error]) file {
	f := file{name: name}
	for _, c := range columns {
		f.header = append(f.header, c.name)
	}
	f.write = func(ctx context.Context, x *work, w io.Writer) error {
		line := []byte(strings.Join(f.header, "|") + string(end) + "\n")
		if _, err := w.Write(line); err != nil {
			return err
		}
		for row, err := range rows(ctx, x) {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return err
			}
			line = line[:0]
			for i, c := range columns {
				if i > 0 {
					line = append(line, '|')
				}
				line = append(line, oneLine(c.value(row))...)
			}
			if _, err := w.Write(append(append(line, end...), '\n')); err != nil {
				return err
			}
		}
		return nil
	}
	return f
}

// oneLine is a value as a file can hold it: there is no quoting, so what would end a value or a
// line, for some reader, is a space. Quotation marks stay, as in the real files.
func oneLine(value string) string {
	if strings.IndexFunc(value, breaks) < 0 {
		return value
	}
	return strings.Map(func(r rune) rune {
		if breaks(r) {
			return ' '
		}
		return r
	}, value)
}

// breaks tells whether a character ends a value or a line, or is none at all.
func breaks(r rune) bool {
	return r == '|' || unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == unicode.ReplacementChar
}
