package cli

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/doctor"
	"github.com/igc-lab/igc/serve"
)

func (p *program) doctorCommand() *cli.Command {
	return &cli.Command{
		Name: "doctor",
		Usage: tr("examine le laboratoire et cette machine : dit ce qui va, ce qui est à faire, et par quelle commande",
			"examine the lab and this machine: say what is in order, what is to do, and by which command"),
		Description: tr("Chaque ligne : ok ; à faire (et la commande qui y remédie) ; note (absent, mais pas indispensable) ; "+
			"ignoré (dépend d'une ligne à faire). Les notes sur ce qui ne sert pas ici tiennent en une ligne, "+
			"sauf avec --all. "+
			"Code 1 s'il reste quelque chose à faire, 7 si les registres sont abîmés ou perdus. Rien n'est changé sans --fix.",
			"Each line: ok; to do (and the command that puts it right); note (absent, but not needed); skipped (it depends on a line that is to do). "+
				"Notes about what is not used here are folded into one line, unless --all is given. "+
				"Exit code 1 when something is to do, 7 when the records are damaged or lost. Nothing is changed without --fix."),
		OnUsageError: usageError,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "fix", Usage: tr("fait d'abord ce qui est sans risque et n'appelle aucun choix : "+
				"droits des fichiers, CRL échues, installations périmées, restes d'un serveur ou d'un lecteur",
				"first make the repairs that are safe and leave no choice: file modes, expired CRLs, outdated installations, files left by a server or a reader")},
			&cli.BoolFlag{Name: "all", Usage: tr("montre aussi, ligne par ligne, ce qui ne sert pas ici",
				"also show, line by line, what is not used here")},
			jsonFlag(),
		},
		Action: p.doctor,
	}
}

// errToDo is the end of a diagnostic that found something to do, and has said it; errDamaged, of
// one that found that the records are damaged or lost.
var (
	errToDo    = errors.New("something is to do")
	errDamaged = errors.New("the records are damaged")
)

func (p *program) doctor(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	home, opts, err := p.lab(c)
	if err != nil {
		return err
	}
	if home, err = filepath.Abs(home); err != nil {
		return ca.Invalidate(err)
	}
	file := c.String("passphrase-file")
	if file != "" {
		if file, err = filepath.Abs(file); err != nil {
			return ca.Invalidate(err)
		}
	}
	options := doctor.Options{Home: home, Lab: opts, PassphraseFile: file, Version: moduleVersion(),
		Addresses: serve.Addresses}
	all := []doctor.Finding{}
	report := &doctorReport{w: p.out}
	add := func(f doctor.Finding) {
		all = append(all, f)
		switch {
		case c.Bool("json"):
		case f.Unused && !c.Bool("all"):
			report.fold(f)
		default:
			report.line(f)
		}
	}
	if c.Bool("fix") {
		for _, f := range slices.Collect(doctor.Run(c.Context, options)) {
			fixed, err := doctor.Fix(c.Context, f)
			if err != nil { // it stays to do
				fmt.Fprintf(p.err, "igc: %s: %v\n", f.Check, err)
			} else if fixed.State == doctor.Fixed {
				add(fixed)
			}
		}
		report.name = ""
	}
	for f := range doctor.Run(c.Context, options) {
		add(f)
	}
	if err := c.Context.Err(); err != nil {
		return err
	}
	report.unfold()
	if err := p.print(c, all, func(w io.Writer) { fmt.Fprintf(w, "\n%s\n", doctorSummary(all)) }); err != nil {
		return err
	}
	switch {
	case slices.ContainsFunc(all, func(f doctor.Finding) bool { return f.Damaged && f.State == doctor.Todo }):
		return errDamaged
	case slices.ContainsFunc(all, func(f doctor.Finding) bool { return f.State == doctor.Todo }):
		return errToDo
	}
	return nil
}

// doctorReport writes findings in lines of a hundred columns.
type doctorReport struct {
	w      io.Writer
	name   string   // of the check of the line before
	folded []string // checks of what is not used
}

const (
	doctorColumns = 100
	doctorIndent  = 25
)

// fold keeps a finding about what is not used for the line at the end.
func (r *doctorReport) fold(f doctor.Finding) {
	title := doctor.Title(f.Check)
	if name := tr(title.FR, title.EN); !slices.Contains(r.folded, name) {
		r.folded = append(r.folded, name)
	}
}

// unfold writes that line.
func (r *doctorReport) unfold() {
	if len(r.folded) == 0 {
		return
	}
	r.name = ""
	begin := padded(stateWord(doctor.Note), 9) + padded(tr("non utilisé", "not used"), doctorIndent-9)
	names := strings.Join(r.folded, ", ") + tr(" (détail : igc doctor --all)", " (details: igc doctor --all)")
	for _, text := range wrapped(names, doctorColumns-doctorIndent) {
		fmt.Fprintln(r.w, begin+text)
		begin = strings.Repeat(" ", doctorIndent)
	}
}

func (r *doctorReport) line(f doctor.Finding) {
	name := ""
	if title := doctor.Title(f.Check); r.name != f.Check {
		name = tr(title.FR, title.EN)
	}
	r.name = f.Check
	begin := padded(stateWord(f.State), 9) + padded(name, doctorIndent-9)
	for _, text := range wrapped(visible(strings.ReplaceAll(f.Message, "\n", "; ")), doctorColumns-doctorIndent) {
		fmt.Fprintln(r.w, begin+text)
		begin = strings.Repeat(" ", doctorIndent)
	}
	if f.Remedy != "" {
		fmt.Fprintln(r.w, begin+"→ "+visible(f.Remedy)) // never broken: it is to be copied
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
func doctorSummary(all []doctor.Finding) string {
	count, fixable := map[doctor.State]int{}, 0
	for _, f := range all {
		count[f.State]++
		if f.Fixable && f.State == doctor.Todo {
			fixable++
		}
	}
	var parts []string
	for _, s := range []doctor.State{doctor.Fixed, doctor.OK, doctor.Todo, doctor.Note, doctor.Skipped} {
		if count[s] > 0 {
			word := stateWord(s)
			if count[s] > 1 && (s == doctor.Note || s == doctor.Skipped && word == "ignoré") {
				word += "s"
			}
			parts = append(parts, fmt.Sprintf("%d %s", count[s], word))
		}
	}
	text := strings.Join(parts, ", ")
	switch {
	case count[doctor.Todo] == 0:
		return tr("Tout va bien : ", "All is well: ") + text
	case fixable > 0:
		text += fmt.Sprintf(tr(" ; igc doctor --fix en règle %d", "; igc doctor --fix settles %d"), fixable)
	}
	return text
}

// stateWord is a state in the language of the user.
func stateWord(s doctor.State) string {
	switch s {
	case doctor.Todo:
		return tr("à faire", "to do")
	case doctor.Skipped:
		return tr("ignoré", "skipped")
	case doctor.Fixed:
		return tr("réparé", "fixed")
	}
	return string(s)
}
