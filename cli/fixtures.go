package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/testcards"
)

func (p *program) fixturesCommand() *cli.Command {
	return &cli.Command{
		Name: "fixtures",
		Usage: tr("fait un jeu de cartes de test, conformes et non conformes, avec le résultat attendu de chacune",
			"make a set of test cards, valid and deliberately broken, with the expected result of each"),
		OnUsageError: usageError,
		Subcommands: []*cli.Command{
			{Name: "make", Usage: tr("écrit le jeu, à la place du précédent",
				"write the set, in the place of the one before"),
				ArgsUsage: tr("[DOSSIER] (sinon fixtures dans celui du laboratoire)",
					"[DIR] (else fixtures in the lab's)"),
				Flags: []cli.Flag{jsonFlag()}, OnUsageError: usageError, Action: p.makeFixtures},
			{Name: "list", Usage: tr("liste le catalogue",
				"list the catalogue"), Flags: []cli.Flag{jsonFlag()}, OnUsageError: usageError, Action: p.listFixtures},
		},
	}
}

func (p *program) listFixtures(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	var entries []fixtures.Entry
	for _, f := range fixtures.Catalogue() {
		entries = append(entries, f.Entry())
	}
	return p.print(c, entries, func(w io.Writer) {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, e := range entries {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", e.ID, e.Kind, e.Expect.TestSSL, tr(e.FR, e.EN))
		}
		t.Flush()
	})
}

func (p *program) makeFixtures(c *cli.Context) error {
	if c.NArg() > 1 {
		return ca.Invalidate(errorf("argument inattendu : %q", "unexpected argument: %q", c.Args().Get(1)))
	}
	client, err := p.connectOrCreate(c, lab.DefaultConfig())
	if err != nil {
		return err
	}
	bar := newBar(p.err)
	manifest, dir, err := testcards.Make(c.Context, testcards.Options{Service: client, Lab: client.Lab,
		Folder: c.Args().First(), Progress: func(n, total int) { bar.show("fixtures", n, total) }})
	if err != nil {
		return err
	}
	own, err := filepath.Abs(filepath.Join(client.Lab.Home, "fixtures"))
	if err != nil {
		return err
	}
	elsewhere := dir != own
	if elsewhere {
		if err := fixtures.NoteElsewhere(client.Lab.Home, dir); err != nil {
			return &ca.Error{Kind: ca.Unwritable, Err: err}
		}
	}
	facts := struct {
		*fixtures.Manifest
		Folder string `json:"folder"`
	}{manifest, dir}
	return p.print(c, facts, func(w io.Writer) {
		kinds := map[fixtures.Kind]int{}
		for _, e := range manifest.Fixtures {
			kinds[e.Kind]++
		}
		fmt.Fprintf(w, tr("%d conformes, %d conformes mais déroutantes, %d non conformes ; code porteur %s\n",
			"%d valid, %d valid but confusing, %d deliberately broken; PIN %s\n"),
			kinds[fixtures.Good], kinds[fixtures.Odd], kinds[fixtures.Wrong], fixtures.PIN)
		fmt.Fprintf(w, "%-16s %s\n", tr("dossier", "folder"), dir)
		if elsewhere {
			fmt.Fprintf(w, "%-16s %s\n", "", tr("hors du laboratoire : le catalogue d'igc serve ne les sert pas",
				"outside the lab: the catalogue of igc serve does not serve them"))
		}
		fmt.Fprintf(w, "%-16s %s\n", tr("ce qu'elles sont", "what they are"), filepath.Join(dir, fixtures.ManifestFile))
	})
}
