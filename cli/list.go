package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/profiles"
)

func (p *program) listCommand() *cli.Command {
	return &cli.Command{
		Name:         "list",
		Usage:        tr("liste les certificats émis", "list the certificates issued"),
		OnUsageError: usageError,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "product", Usage: tr("de ce produit : ", "of this product: ") + strings.Join(productIDs(), ", ")},
			&cli.StringFlag{Name: "holder", Usage: tr("dont le nom ou l'identifiant contient ce texte", "whose name or identifier holds this text")},
			&cli.StringFlag{Name: "card", Usage: tr("de cette carte", "of this card")},
			&cli.StringFlag{Name: "status", Usage: tr("good ou revoked", "good or revoked")},
			&cli.StringFlag{Name: "expires-before", Usage: tr("qui expirent avant cette date (AAAA-MM-JJ), ou dans 30d", "that expire before this date (YYYY-MM-DD), or within 30d")},
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
	filter := ca.Filter{Product: c.String("product"), Holder: c.String("holder"), Card: c.String("card"), Status: ca.Status(c.String("status")), EndEntities: !c.Bool("all")}
	if filter.Product != "" {
		if _, err := profiles.FindProduct(filter.Product); err != nil {
			return ca.Invalidate(err)
		}
	}
	switch filter.Status {
	case "", ca.Good, ca.Revoked:
	default:
		return ca.Invalidate(fmt.Errorf(tr("--status %q : choisissez good ou revoked", "--status %q: choose good or revoked"), filter.Status))
	}
	if v := c.String("expires-before"); v != "" {
		days, isDays := strings.CutSuffix(v, "d")
		n, err := strconv.Atoi(days)
		if isDays && err == nil {
			filter.ExpiresBefore = time.Now().AddDate(0, 0, n)
		} else if filter.ExpiresBefore, err = parseTime(v); err != nil {
			return err
		}
	}
	client, err := p.connect(c)
	if err != nil {
		return err
	}
	shown, err := client.List(c.Context, filter)
	if err != nil {
		return err
	}
	if shown == nil {
		shown = []*ca.Record{}
	}
	return p.print(c, shown, func(w io.Writer) {
		if len(shown) == 0 {
			fmt.Fprintln(w, tr("Rien. Une carte : igc issue --fixture alain", "Nothing. For a card: igc issue --fixture alain"))
			return
		}
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, tr("N° DE SÉRIE\tPROFIL\tPORTEUR\tCARTE\tEXPIRE\tÉTAT", "SERIAL\tPROFILE\tHOLDER\tCARD\tEXPIRES\tSTATUS"))
		for _, r := range shown {
			profile := r.Profile
			if known, err := profiles.FindProfile(profile); err == nil {
				profile += modelled(known.Status)
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Serial, profile, r.Holder.DisplayName(), r.Holder.CardNumber,
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
