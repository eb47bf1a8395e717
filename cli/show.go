package cli

import (
	"encoding/pem"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
)

func (p *program) showCommand() *cli.Command {
	return &cli.Command{
		Name:         "show",
		Usage:        tr("montre un certificat émis, ou une autorité", "show a certificate issued, or an authority"),
		ArgsUsage:    tr("NUMÉRO-DE-SÉRIE | ACI-FO-PP...", "SERIAL | ACI-FO-PP..."),
		OnUsageError: usageError,
		Flags: []cli.Flag{&cli.BoolFlag{Name: "pem", Usage: tr("écrit le certificat en PEM",
			"write the certificate in PEM")}, jsonFlag()},
		Action: p.show,
	}
}

func (p *program) show(c *cli.Context) error {
	what, err := oneArg(c, tr("un numéro de série ou une autorité", "a serial number or an authority"))
	if err != nil {
		return err
	}
	client, err := p.connect(c)
	if err != nil {
		return err
	}
	if a, err := profiles.ParseAuthority(what); err == nil {
		return p.showAuthority(c, client, a)
	}
	r, err := client.Find(c.Context, what)
	if err != nil {
		return err
	}
	if c.Bool("pem") {
		return p.writePEM(r.DER)
	}
	d, err := profiles.Decode(r.DER)
	if err != nil {
		return err
	}
	authorities, err := client.Authorities(c.Context)
	if err != nil {
		return err
	}
	revoked := revokedAuthorities(authorities)
	return p.print(c, r, func(w io.Writer) {
		fmt.Fprintf(w, "%-16s %s\n", tr("état", "status"), state(r, revoked))
		if r.Revoked != nil {
			fmt.Fprintf(w, "%-16s %s\n", tr("révoqué le", "revoked on"), r.Revoked.At.Format(time.RFC3339))
		}
		fmt.Fprintf(w, "%-16s %s\n", tr("émis le", "issued on"), r.IssuedAt.Format(time.RFC3339))
		describeCertificate(w, d)
	})
}

func (p *program) showAuthority(c *cli.Context, client *lab.Client, a profiles.Authority) error {
	list, err := client.Authorities(c.Context)
	if err != nil {
		return err
	}
	for _, info := range list {
		if info.ID != a.ID() {
			continue
		}
		if c.Bool("pem") {
			return p.writePEM(info.DER)
		}
		d, err := profiles.Decode(info.DER)
		if err != nil {
			return err
		}
		revoked := revokedAuthorities(list)
		return p.print(c, info, func(w io.Writer) {
			if v := info.Revoked; v != nil {
				fmt.Fprintf(w, "%-16s %s\n%-16s %s\n", tr("état",
					"status"), tr("révoqué, ",
					"revoked, ")+string(v.Reason),
					tr("révoqué le", "revoked on"), v.At.Format(time.RFC3339))
			} else if above := revokedAbove(revoked, info.ID); above != "" {
				fmt.Fprintf(w, "%-16s %s\n", tr("état",
					"status"), fmt.Sprintf(tr("refusé, %s est révoquée",
					"refused, %s is revoked"), above))
			}
			describeCertificate(w, d)
		})
	}
	return &ca.Error{Kind: ca.NotFound, Err: fmt.Errorf(tr("le laboratoire n'a pas %s : igc init crée les neuf autorités",
		"the lab has no %s: igc init makes all nine authorities"), a.ID())}
}

func (p *program) writePEM(der []byte) error {
	return pem.Encode(p.out, &pem.Block{Type: "CERTIFICATE", Bytes: der})
}
