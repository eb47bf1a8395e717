package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/profiles"
)

func (p *program) codesCommand() *cli.Command {
	return &cli.Command{
		Name: "codes",
		Usage: tr("cherche dans les nomenclatures : professions, spécialités, départements...",
			"look the sector's codes up: professions, specialities, departments..."),
		ArgsUsage:    tr("[TABLE] [TEXTE]", "[TABLE] [TEXT]"),
		OnUsageError: usageError,
		Flags:        []cli.Flag{jsonFlag()},
		Action:       p.codes,
		BashComplete: func(c *cli.Context) {
			for _, t := range profiles.CodeTables() {
				fmt.Fprintln(c.App.Writer, t.ID)
			}
		},
	}
}

// codeRow is a code with its table.
type codeRow struct {
	Table string `json:"table"`
	profiles.Code
}

func (p *program) codes(c *cli.Context) error {
	words := c.Args().Slice()
	tables := profiles.CodeTables()
	if len(words) == 0 && !c.Bool("json") {
		t := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
		for _, table := range tables {
			fmt.Fprintf(t, "%s\t%s\t%d\n", table.ID, tr(table.NameFR, table.NameEN), len(table.Codes))
		}
		return t.Flush()
	}
	if len(words) > 0 {
		i := slices.IndexFunc(tables, func(t profiles.CodeTable) bool { return isTable(t, words[0]) })
		if i >= 0 {
			tables, words = tables[i:i+1], words[1:]
		}
	}
	text := profiles.Fold(strings.Join(words, " "))
	rows := []codeRow{}
	for _, t := range tables {
		for _, code := range t.Codes {
			if strings.EqualFold(code.Code, text) || strings.Contains(profiles.Fold(code.Label), text) {
				rows = append(rows, codeRow{t.ID, code})
			}
		}
	}
	if len(rows) == 0 {
		return &ca.Error{Kind: ca.NotFound, Err: errorf("aucun code ne contient %q : igc codes liste les tables",
			"no code holds %q: igc codes lists the tables", strings.Join(words, " "))}
	}
	return p.print(c, rows, func(w io.Writer) {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, r := range rows {
			fmt.Fprintf(t, "%s\t%s\t%s\n", r.Table, r.Code.Code, r.Label)
		}
		t.Flush()
	})
}

// isTable tells whether a word names a table: its number, or its name in either language, in the
// singular or the plural.
func isTable(t profiles.CodeTable, word string) bool {
	word = strings.TrimSuffix(profiles.Fold(word), "s")
	for _, name := range []string{t.ID, t.NameFR, t.NameEN} {
		name = profiles.Fold(name)
		singular, y := strings.CutSuffix(name, "y")
		if word == strings.TrimSuffix(name, "s") || y && word == singular+"ie" {
			return true
		}
	}
	return false
}
