package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/igc-lab/igc/ca"
)

// This file is what igc doctor writes: its lines, its last one, and commands as a shell reads them.

// doctorReport writes findings in lines of a hundred columns.
type doctorReport struct {
	w    io.Writer
	name string // of the check of the line before
}

const (
	doctorColumns = 100
	doctorIndent  = 25
)

func (r *doctorReport) line(f finding) {
	name := ""
	for _, c := range checks() {
		if c.name == f.Check && r.name != f.Check {
			name = tr(c.fr, c.en)
		}
	}
	r.name = f.Check
	begin := padded(f.State.String(), 9) + padded(name, doctorIndent-9)
	for _, text := range wrapped(visible(strings.ReplaceAll(f.Found, "\n", "; ")), doctorColumns-doctorIndent) {
		fmt.Fprintln(r.w, begin+text)
		begin = strings.Repeat(" ", doctorIndent)
	}
	if f.Mend != "" {
		fmt.Fprintln(r.w, begin+"→ "+visible(f.Mend)) // never broken: it is to be copied
	}
}

// padded fills a text with blanks; %-9s would count bytes.
func padded(text string, width int) string {
	return text + strings.Repeat(" ", max(1, width-utf8.RuneCountInString(text)))
}

// wrapped breaks a text into lines, between words.
func wrapped(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line+" "+word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// doctorSummary is the last line.
func doctorSummary(all []finding) string {
	count, fixable := map[outcome]int{}, 0
	for _, f := range all {
		count[f.State]++
		if f.Fixable && f.State == todo {
			fixable++
		}
	}
	var parts []string
	for _, s := range []outcome{fixed, well, todo, noted, skipped} {
		if count[s] > 0 {
			word := s.String()
			if s == noted && count[s] > 1 {
				word += "s"
			}
			parts = append(parts, fmt.Sprintf("%d %s", count[s], word))
		}
	}
	text := strings.Join(parts, ", ")
	switch {
	case count[todo] == 0:
		return tr("Tout va bien : ", "All is well: ") + text
	case fixable > 0:
		text += fmt.Sprintf(tr(" ; igc doctor --fix en règle %d", "; igc doctor --fix settles %d"), fixable)
	}
	return text
}

// igc is a command line that comes to the same lab.
func (d *doctor) igc(args ...string) string {
	words := []string{"igc"}
	usual, err := ca.DefaultHome()
	if err == nil {
		usual, err = filepath.Abs(usual)
	}
	if err != nil || usual != d.home {
		words = append(words, "--home", d.home)
	}
	if d.passphrase != "" {
		words = append(words, "--passphrase-file", d.passphrase)
	}
	return shell(append(words, args...)...)
}

// shell writes words as a shell reads them.
func shell(words ...string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		if quoted[i] = w; w == "" || strings.Trim(w, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%") != "" {
			quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

// short is a path as a person writes it.
func short(path string) string {
	user, err := os.UserHomeDir()
	if rest, in := strings.CutPrefix(path, user+string(filepath.Separator)); err == nil && in && user != "/" {
		return "~" + string(filepath.Separator) + rest
	}
	return path
}
