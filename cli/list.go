package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
)

func (p *program) listCommand() *cli.Command {
	return &cli.Command{
		Name:         "list",
		Usage:        tr("liste les certificats émis", "list the certificates issued"),
		OnUsageError: usageError,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "product", Usage: tr("de ce produit : ",
				"of this product: ") + strings.Join(productIDs(), ", ")},
			&cli.StringFlag{Name: "holder", Usage: tr("dont le nom ou l'identifiant contient ce texte",
				"whose name or identifier holds this text")},
			&cli.StringFlag{Name: "card", Usage: tr("de cette carte", "of this card")},
			&cli.StringFlag{Name: "status", Usage: tr("good, revoked ou hold (suspendu)", "good, revoked or hold")},
			&cli.StringFlag{Name: "expires-before", Usage: tr("qui expirent avant cette date (AAAA-MM-JJ), ou dans 30d",
				"that expire before this date (YYYY-MM-DD), or within 30d")},
			&cli.IntFlag{Name: "limit", Value: 200, Usage: tr("les N plus récents, 0 pour tout (--json : tout, sauf avec --limit)",
				"the newest N, 0 for all (--json: all, unless --limit is given)")},
			&cli.BoolFlag{Name: "all", Usage: tr("avec ceux des autorités et des répondeurs",
				"with those of the authorities and responders")},
			jsonFlag(),
		},
		Action: p.list,
	}
}

func (p *program) list(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	filter := ca.Filter{Product: c.String("product"), Holder: c.String("holder"), Card: c.String("card"), Status: ca.Status(c.String("status")), EndEntities: !c.Bool("all")}
	if filter.Product != "" {
		if _, err := profiles.FindProduct(filter.Product); err != nil {
			return ca.Invalidate(err)
		}
	}
	if filter.Status != "" && !slices.Contains(ca.Statuses(), filter.Status) {
		return ca.Invalidate(fmt.Errorf(tr("--status %q : choisissez good, revoked ou hold",
			"--status %q: choose good, revoked or hold"), filter.Status))
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
	if c.Int("limit") < 0 {
		return ca.Invalidate(errors.New(tr("--limit : donnez un nombre positif, ou 0 pour tout",
			"--limit: give a positive number, or 0 for all")))
	}
	authorities, err := client.Authorities(c.Context)
	if err != nil {
		return err
	}
	revoked := revokedAuthorities(authorities)
	p.warnRevoked(revoked)
	if c.Bool("json") {
		return p.listJSON(c, client, filter)
	}
	return p.listTable(c, client, filter, revoked)
}

// listJSON writes the whole list, or its newest part, one certificate at a time: a lab may hold a
// million.
func (p *program) listJSON(c *cli.Context, client *lab.Client, filter ca.Filter) error {
	sep := "[\n"
	write := func(r *ca.Record) error {
		data, err := json.MarshalIndent(r, "  ", "  ")
		if err == nil {
			_, err = fmt.Fprintf(p.out, "%s  %s", sep, data)
		}
		sep = ",\n"
		return err
	}
	var err error
	if c.IsSet("limit") {
		err = newest(c, client, filter, c.Int("limit"), write)
	} else {
		err = ca.Each(c.Context, client, filter, write)
	}
	if err != nil {
		return err
	}
	end := "\n]"
	if sep == "[\n" {
		end = "[]"
	}
	_, err = fmt.Fprintln(p.out, end)
	return err
}

// newest calls do for the last ones that pass the filter, from the oldest of them; all with a limit
// of 0.
func newest(c *cli.Context, client *lab.Client, filter ca.Filter, limit int, do func(*ca.Record) error) error {
	if limit == 0 {
		return ca.Each(c.Context, client, filter, do)
	}
	filter.Limit, filter.Newest = limit, true
	records, err := client.List(c.Context, filter)
	if err != nil {
		return err
	}
	for _, r := range records {
		if err := do(r); err != nil {
			return err
		}
	}
	return nil
}

func (p *program) listTable(c *cli.Context, client *lab.Client, filter ca.Filter, revoked map[string]*ca.Revocation) error {
	t := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	n, limit := 0, c.Int("limit")
	err := newest(c, client, filter, limit, func(r *ca.Record) error {
		if n++; n == 1 {
			fmt.Fprintln(t, tr("N° DE SÉRIE\tPROFIL\tPORTEUR\tCARTE\tEXPIRE\tÉTAT",
				"SERIAL\tPROFILE\tHOLDER\tCARD\tEXPIRES\tSTATUS"))
		}
		profile := r.Profile
		if known, err := profiles.FindProfile(profile); err == nil {
			profile += modelled(known.StatusIn(r.Generation()))
		}
		_, err := fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Serial, profile, r.Holder.DisplayName(), r.Holder.CardNumber,
			r.NotAfter.Format(time.DateOnly), state(r, revoked))
		if n%1000 == 0 { // a long list is shown as it comes
			err = errors.Join(err, t.Flush())
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case n == 0:
		_, err = fmt.Fprintln(p.out, tr("Rien. Une carte : igc issue --fixture alain",
			"Nothing. For a card: igc issue --fixture alain"))
		return err
	case n == limit:
		fmt.Fprintf(p.err, tr("igc : les %d plus récents ; --limit 0 pour tout\n",
			"igc: the newest %d; --limit 0 for all\n"), n)
	}
	return t.Flush()
}

// state says in a word whether the certificate holds today. revoked are the authorities that do
// not.
func state(r *ca.Record, revoked map[string]*ca.Revocation) string {
	switch now := time.Now(); {
	case r.Status == ca.OnHold:
		return tr("suspendu", "on hold")
	case r.Revoked != nil:
		return tr("révoqué, ", "revoked, ") + string(r.Revoked.Reason)
	case now.After(r.NotAfter):
		return tr("expiré", "expired")
	case now.Before(r.NotBefore):
		return tr("à venir", "not yet valid")
	}
	if above := revokedAbove(revoked, r.Authority); above != "" {
		return fmt.Sprintf(tr("refusé, %s est révoquée", "refused, %s is revoked"), above)
	}
	return tr("valide", "good")
}
