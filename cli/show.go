package cli

import (
	"encoding/pem"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
)

func (p *program) showCommand() *cli.Command {
	return &cli.Command{
		Name:  "show",
		Usage: tr("montre un certificat émis, ou une autorité", "show a certificate issued, or an authority"),
		ArgsUsage: tr("NUMÉRO-DE-SÉRIE | FICHIER | ACI-FO-PP..., - pour l'entrée standard",
			"SERIAL | FILE | ACI-FO-PP..., - for standard input"),
		OnUsageError: usageError,
		Flags: append(passwordFlags(), &cli.BoolFlag{Name: "pem", Usage: tr("écrit le certificat en PEM",
			"write the certificate in PEM")}, jsonFlag()),
		Action: p.show,
	}
}

// shown is a certificate or an authority to show: what JSON has of it, its DER, and its status.
type shown struct {
	facts  any
	der    []byte
	status func(w io.Writer)
}

func (p *program) show(c *cli.Context) error {
	if c.NArg() == 0 {
		_, err := oneArg(c, tr("un numéro de série, un fichier ou une autorité",
			"a serial number, a file or an authority"))
		return err
	}
	named, err := p.arguments(c)
	if err != nil {
		return err
	}
	client, err := p.connect(c)
	if err != nil {
		return err
	}
	authorities, err := client.Authorities(c.Context)
	if err != nil {
		return err
	}
	var all []shown // all of them are there before one is shown
	var decoded []*profiles.Decoded
	for _, what := range named {
		found, err := p.showable(c, client, authorities, what)
		if err != nil {
			return err
		}
		for _, s := range found {
			d, err := profiles.Decode(s.der)
			if err != nil {
				return err
			}
			all, decoded = append(all, s), append(decoded, d)
		}
	}
	if c.Bool("pem") {
		for _, s := range all {
			if err := p.writePEM(s.der); err != nil {
				return err
			}
		}
		return nil
	}
	var facts any = all[0].facts
	if len(all) > 1 {
		var list []any
		for _, s := range all {
			list = append(list, s.facts)
		}
		facts = list
	}
	return p.print(c, facts, func(w io.Writer) {
		for i, s := range all {
			if i > 0 {
				fmt.Fprintln(w)
			}
			s.status(w)
			describeCertificate(w, decoded[i])
		}
	})
}

// showable finds what an argument stands for: an authority by its name, else what
// [program.findNamed] finds.
func (p *program) showable(c *cli.Context, client *lab.Client, authorities []ca.AuthorityInfo,
	what string) (all []shown, err error) {
	if what, err = p.issuedHere(c, client, authorities, what); err != nil {
		return nil, err
	}
	revoked := revokedAuthorities(authorities)
	if a, err := profiles.ParseAuthority(what); err == nil {
		i := slices.IndexFunc(authorities, func(info ca.AuthorityInfo) bool { return info.ID == a.ID() })
		if i < 0 {
			return nil, &ca.Error{Kind: ca.NotFound,
				Err: errorf("le laboratoire n'a pas %s : igc init crée les neuf autorités",
					"the lab has no %s: igc init makes all nine authorities", a.ID())}
		}
		info := authorities[i]
		return []shown{{info, info.DER, func(w io.Writer) { authorityStatus(w, info, revoked) }}}, nil
	}
	found, err := p.findNamed(c, client, authorities, what)
	for _, r := range found.Records {
		all = append(all, shownRecord(r, revoked))
	}
	return all, err
}

func shownRecord(r *ca.Record, revoked map[string]*ca.Revocation) shown {
	return shown{r, r.DER, func(w io.Writer) {
		fmt.Fprintf(w, "%-16s %s\n", tr("état", "status"), state(r, revoked))
		if r.Revoked != nil {
			fmt.Fprintf(w, "%-16s %s\n", tr("révoqué le", "revoked on"), r.Revoked.At.Format(time.RFC3339))
		}
		fmt.Fprintf(w, "%-16s %s\n", tr("émis le", "issued on"), r.IssuedAt.Format(time.RFC3339))
	}}
}

func authorityStatus(w io.Writer, info ca.AuthorityInfo, revoked map[string]*ca.Revocation) {
	if v := info.Revoked; v != nil {
		fmt.Fprintf(w, "%-16s %s\n%-16s %s\n", tr("état", "status"), tr("révoqué, ", "revoked, ")+string(v.Reason),
			tr("révoqué le", "revoked on"), v.At.Format(time.RFC3339))
	} else if above := revokedAbove(revoked, info.ID); above != "" {
		fmt.Fprintf(w, "%-16s %s\n", tr("état", "status"), fmt.Sprintf(tr("refusé, %s est révoquée",
			"refused, %s is revoked"), above))
	}
}

func (p *program) writePEM(der []byte) error {
	return pem.Encode(p.out, &pem.Block{Type: "CERTIFICATE", Bytes: der})
}
