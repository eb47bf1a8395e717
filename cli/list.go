package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
)

func (p *program) listCommand() *cli.Command {
	return &cli.Command{
		Name:         "list",
		Usage:        tr("liste les certificats émis", "list the certificates issued"),
		OnUsageError: usageError,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "all", Usage: tr("avec ceux des autorités et des répondeurs", "with those of the authorities and responders")},
			jsonFlag(),
		},
		Action: p.list,
	}
}

func (p *program) list(c *cli.Context) error {
	if err := none(c); err != nil {
		return err
	}
	client, err := p.connect(c)
	if err != nil {
		return err
	}
	records, err := client.List(c.Context)
	if err != nil {
		return err
	}
	shown := []*ca.Record{}
	for _, r := range records {
		product, _, _ := strings.Cut(r.Profile, "/")
		if own := product == "acr" || product == "aci" || product == "ocsp"; !own || c.Bool("all") {
			shown = append(shown, r)
		}
	}
	return p.print(c, shown, func(w io.Writer) {
		if len(shown) == 0 {
			fmt.Fprintln(w, tr("Rien encore : igc issue --fixture alain", "Nothing yet: igc issue --fixture alain"))
			return
		}
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, tr("N° DE SÉRIE\tPROFIL\tPORTEUR\tCARTE\tEXPIRE\tÉTAT", "SERIAL\tPROFILE\tHOLDER\tCARD\tEXPIRES\tSTATUS"))
		for _, r := range shown {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Serial, r.Profile, r.Holder.DisplayName(), r.Holder.CardNumber,
				r.NotAfter.Format(time.DateOnly), state(r))
		}
		t.Flush()
	})
}

// state says in a word whether the certificate holds today.
func state(r *ca.Record) string {
	switch now := time.Now(); {
	case r.Revoked != nil:
		return tr("révoqué, ", "revoked, ") + string(r.Revoked.Reason)
	case now.After(r.NotAfter):
		return tr("expiré", "expired")
	case now.Before(r.NotBefore):
		return tr("à venir", "not yet valid")
	}
	return tr("valide", "good")
}
