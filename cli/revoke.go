package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
)

func (p *program) revokeCommand() *cli.Command {
	var names []string
	for _, r := range ca.Reasons() {
		names = append(names, string(r))
	}
	return &cli.Command{
		Name:         "revoke",
		Usage:        tr("met un certificat en opposition", "revoke a certificate"),
		ArgsUsage:    tr("NUMÉRO-DE-SÉRIE (son début suffit)", "SERIAL (its beginning is enough)"),
		OnUsageError: usageError,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "reason", Value: "unspecified", Usage: tr("motif : ", "reason: ") + strings.Join(names, ", ")},
			jsonFlag(),
		},
		Action: p.revoke,
	}
}

func (p *program) revoke(c *cli.Context) error {
	serial, err := one(c, tr("un numéro de série", "a serial number"))
	if err != nil {
		return err
	}
	reason, err := ca.ParseReason(c.String("reason"))
	if err != nil {
		return err
	}
	client, err := p.connect(c)
	if err != nil {
		return err
	}
	r, err := client.Revoke(c.Context, serial, reason)
	if err != nil {
		return err
	}
	return p.print(c, r, func(w io.Writer) {
		fmt.Fprintf(w, tr("%s révoqué le %s, motif %s : %s, %s\n", "%s revoked on %s, reason %s: %s, %s\n"), r.Serial,
			r.Revoked.At.Format(time.RFC3339), r.Revoked.Reason, r.Profile, r.Holder.DisplayName())
	})
}
