package cli

import (
	"fmt"
	"io"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/people"
	"github.com/igc-lab/igc/people/roster"
)

func (p *program) peopleImportCommand() *cli.Command {
	return &cli.Command{
		Name: "import",
		Usage: tr("ajoute ou change les personnes d'un tableau (CSV, XLSX, ODS)",
			"add or change the people of a table (CSV, XLSX, ODS)"),
		Description: tr("Colonnes : celles de igc people set, en français ou en anglais, une personne par ligne ; ou "+
			"celles de l'extraction PS_LibreAcces_Personne_activite de l'Annuaire, une activité par ligne.",
			"Columns: those of igc people set, in French or English, a person a row; or those of the Annuaire's "+
				"extraction PS_LibreAcces_Personne_activite, an activity a row."),
		ArgsUsage: tr("FICHIER (- pour l'entrée standard)", "FILE (- for standard input)"),
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "check", Usage: tr("dit ce qui serait fait, n'écrit rien",
				"say what would be done, write nothing")},
			&cli.BoolFlag{Name: "skip-bad", Usage: tr("laisse de côté les lignes fausses, en les disant",
				"leave wrong rows aside, and name them")},
			&cli.BoolFlag{Name: "allow-real-id", Usage: tr(
				"permet des numéros RPPS hors des plages de test, qui peuvent être réels",
				"allow RPPS numbers outside the test ranges, which may be real")},
			jsonFlag(),
		},
		OnUsageError: usageError,
		Action:       p.peopleImport,
	}
}

// imported is what igc people import prints.
type imported struct {
	People  int  `json:"people"`
	First   int  `json:"first"`   // of whom nothing was written before
	Skipped int  `json:"skipped"` // rows left aside
	Written bool `json:"written"` // false with --check
}

func (p *program) peopleImport(c *cli.Context) error {
	name, err := oneArg(c, tr("un fichier", "a file"))
	if err != nil {
		return err
	}
	d, err := p.directory(c)
	if err != nil {
		return err
	}
	file, err := roster.Read(name, p.in)
	if err != nil {
		return err
	}
	for _, note := range file.Notes[:min(len(file.Notes), 20)] {
		p.note(tr(note.FR, note.EN))
	}
	if more := len(file.Notes) - 20; more > 0 {
		p.note(fmt.Sprintf(tr("et %d autres remarques", "and %d further notes"), more))
	}
	faults := file.Faults
	skip := c.Bool("skip-bad")
	first, wrong, err := d.SetAll(c.Context, "", changes(file.Entries), people.SetOptions{
		AllowRealID: c.Bool("allow-real-id"), SkipWrong: skip, DryRun: c.Bool("check") || len(faults) > 0 && !skip})
	if err != nil {
		return err
	}
	for i, err := range wrong {
		faults = append(faults, roster.Fault{Line: file.Entries[i].Lines[0], Err: err})
	}
	slices.SortStableFunc(faults, func(a, b roster.Fault) int { return a.Line - b.Line })
	if len(faults) > 0 {
		if !skip {
			return ca.Invalidate(faults)
		}
		text := faults.Text()
		fmt.Fprintln(p.err, "igc: "+tr("laissé de côté :", "left aside:")+"\n"+tr(text.FR, text.EN))
	}
	facts := imported{People: len(file.Entries) - len(wrong), First: first, Skipped: len(faults),
		Written: !c.Bool("check")}
	return p.print(c, facts, func(w io.Writer) {
		text := tr("%d personnes écrites, dont %d pour la première fois",
			"%d people written, %d of them for the first time")
		if !facts.Written {
			text = tr("%d personnes seraient écrites, dont %d pour la première fois",
				"%d people would be written, %d of them for the first time")
		}
		fmt.Fprintf(w, text, facts.People, facts.First)
		if facts.Skipped > 0 {
			fmt.Fprintf(w, tr(" ; %d lignes laissées de côté", "; %d rows left aside"), facts.Skipped)
		}
		fmt.Fprintln(w)
	})
}

func changes(entries []roster.Entry) (all []people.Entry) {
	for _, e := range entries {
		all = append(all, e.Entry)
	}
	return all
}
