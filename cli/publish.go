package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/revocation/crl"
	"github.com/igc-lab/igc/revocation/publication"
)

func (p *program) publishCommand() *cli.Command {
	return &cli.Command{
		Name: "publish",
		Usage: tr("refait les CRL maintenant ou, avec un dossier, y écrit toute la publication pour un serveur web",
			"make the CRLs anew now or, with a folder, write the whole publication into it for a web server"),
		ArgsUsage:    tr("[DOSSIER]", "[FOLDER]"),
		OnUsageError: usageError,
		Flags:        []cli.Flag{jsonFlag()},
		Action:       p.publish,
	}
}

// publishedList is what igc publish --json says of a list.
type publishedList struct {
	Authority  string    `json:"authority"`
	Delta      bool      `json:"delta"`
	Number     uint64    `json:"number"`
	Base       uint64    `json:"base,omitempty"`
	ThisUpdate time.Time `json:"this_update"`
	NextUpdate time.Time `json:"next_update"`
	Size       int64     `json:"size"`
}

func (p *program) publish(c *cli.Context) error {
	dir := c.Args().First()
	if c.NArg() > 1 {
		return ca.Invalidate(errorf("donnez un dossier au plus (reçu : %d arguments)",
			"give one folder at most (got %d arguments)", c.NArg()))
	}
	client, err := p.connect(c)
	if err != nil {
		return err
	}
	lists := crl.NewIssuer(client.Lab, client.Lab.Now)
	if err := client.Publish(c.Context, dir == "", func(ctx context.Context, _ *lab.Lab) error { return lists.Publish(ctx, dir == "") }); err != nil {
		return err
	}
	authorities, err := client.Authorities(c.Context)
	if err != nil {
		return err
	}
	published, err := lists.Published(authorities)
	if err != nil {
		return err
	}
	if dir != "" {
		if err := publication.Export(dir, authorities, published); err != nil {
			return err
		}
	}
	facts := []publishedList{}
	for _, l := range published {
		facts = append(facts, publishedList{l.Authority.ID(), l.Base != 0, l.Number, l.Base, l.ThisUpdate, l.NextUpdate, l.Size})
	}
	return p.print(c, facts, func(w io.Writer) {
		for _, l := range facts {
			kind := "CRL"
			if l.Delta {
				kind = "delta CRL"
			}
			fmt.Fprintf(w, tr("%-11s %-9s n° %-6d %s → %s  %d octets\n",
				"%-11s %-9s number %-6d %s → %s  %d bytes\n"), l.Authority, kind, l.Number,
				l.ThisUpdate.Format(time.RFC3339), l.NextUpdate.Format(time.RFC3339), l.Size)
		}
		if dir != "" {
			fmt.Fprintf(w, tr("Publié dans %s\n", "Published in %s\n"), dir)
		}
	})
}
