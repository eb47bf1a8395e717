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
		Usage:        tr("liste les cartes et les certificats émis", "list the cards and certificates issued"),
		OnUsageError: usageError,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "product", Usage: tr("de ce produit : ",
				"of this product: ") + strings.Join(productIDs(), ", ")},
			&cli.StringFlag{Name: "holder", Usage: tr("dont le nom ou l'identifiant contient ce texte",
				"whose name or identifier holds this text")},
			&cli.StringFlag{Name: "card", Usage: tr("de cette carte", "of this card")},
			&cli.StringFlag{Name: "status", Usage: tr("good (valide), revoked (révoqué), hold (suspendu), expired (expiré)",
				"good, revoked, hold, expired")},
			&cli.StringFlag{Name: "expires-before", Usage: tr("qui expirent avant cette date (AAAA-MM-JJ), ou dans 30d",
				"that expire before this date (YYYY-MM-DD), or within 30d")},
			&cli.IntFlag{Name: "limit", Value: 200, Usage: tr("les N plus récents, 0 pour tout (--json : tout, sauf avec --limit)",
				"the newest N, 0 for all (--json: all, unless --limit is given)")},
			&cli.BoolFlag{Name: "certificates", Usage: tr("une ligne par certificat, avec son numéro de série entier",
				"one row a certificate, with its whole serial number")},
			&cli.BoolFlag{Name: "fixtures", Usage: tr("avec les cartes de test que igc fixtures make a faites",
				"with the test cards that igc fixtures make made")},
			&cli.BoolFlag{Name: "all", Usage: tr(
				"avec ceux des autorités, des répondeurs et des serveurs du labo lui-même",
				"with those of the authorities, the responders and the lab's own servers")},
			&cli.BoolFlag{Name: "der", Usage: tr("avec --json : le certificat lui-même aussi, DER en base64",
				"with --json: the certificate itself too, DER in base64")},
			jsonFlag(),
		},
		Action: p.list,
	}
}

// statusWords are what --status accepts: the names of the JSON and the words of the table.
var statusWords = map[string]ca.Status{
	"good": ca.Good, "valid": ca.Good, "valide": ca.Good,
	"revoked": ca.Revoked, "révoqué": ca.Revoked, "révoquée": ca.Revoked, "revoque": ca.Revoked,
	"hold": ca.OnHold, "on hold": ca.OnHold, "suspendu": ca.OnHold, "suspendue": ca.OnHold,
}

func (p *program) list(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	filter, err := listFilter(c)
	if err != nil {
		return err
	}
	client, err := p.connect(c)
	if err != nil {
		return err
	}
	if filter.Card, err = cardNumber(c, client, filter.Card); err != nil {
		return err
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

func listFilter(c *cli.Context) (filter ca.Filter, err error) {
	filter = ca.Filter{Product: c.String("product"), Holder: c.String("holder"), Card: profiles.NormalizeNumber(c.String("card")), EndEntities: !c.Bool("all")}
	if filter.Product != "" {
		if _, err := profiles.FindProduct(filter.Product); err != nil {
			return filter, ca.Invalidate(err)
		}
	}
	switch word := strings.ToLower(c.String("status")); word {
	case "":
	case "expired", "expiré", "expirée", "expire":
		filter.ExpiresBefore = time.Now()
	default:
		if filter.Status = statusWords[word]; filter.Status == "" {
			return filter, ca.Invalidate(errorf("--status %q : choisissez good (valide), revoked (révoqué), hold (suspendu) ou expired (expiré)",
				"--status %q: choose good, revoked, hold or expired", c.String("status")))
		}
	}
	if v := c.String("expires-before"); v != "" {
		days, isDays := strings.CutSuffix(v, "d")
		n, err := strconv.Atoi(days)
		if isDays && err == nil {
			filter.ExpiresBefore = time.Now().AddDate(0, 0, n)
		} else if filter.ExpiresBefore, err = parseTime(v); err != nil {
			return filter, err
		}
	}
	if c.Int("limit") < 0 {
		return filter, ca.Invalidate(errorf("--limit : donnez un nombre positif, ou 0 pour tout",
			"--limit: give a positive number, or 0 for all"))
	}
	return filter, nil
}

// listJSON writes the whole list, or its newest part, one certificate at a time: a lab may hold a
// million.
func (p *program) listJSON(c *cli.Context, client *lab.Client, filter ca.Filter) error {
	sep := "[\n"
	write := func(r *ca.Record) error {
		if !c.Bool("der") {
			r.DER = nil
		}
		data, err := json.MarshalIndent(r, "  ", "  ")
		if err == nil {
			_, err = fmt.Fprintf(p.out, "%s  %s", sep, data)
		}
		sep = ",\n"
		return err
	}
	var err error
	if limit := c.Int("limit"); c.IsSet("limit") && limit > 0 {
		filter.Limit, filter.Newest = limit, true
		records, listErr := client.List(c.Context, filter)
		err = listErr
		for _, r := range records {
			err = errors.Join(err, write(r))
		}
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

// row is a line of the table: a card with its certificates, or a certificate without a card.
type row []*ca.Record

// listTable writes a row a card or, with --certificates, a certificate.
func (p *program) listTable(c *cli.Context, client *lab.Client, filter ca.Filter, revoked map[string]*ca.Revocation) error {
	aside := newLeftAside(c, client.Lab.Home)
	whole := c.Bool("certificates") || c.Bool("all")
	group := func(records []*ca.Record) (rows []row) {
		aside.begin()
		for _, r := range records {
			last := len(rows) - 1
			switch {
			case aside.takes(r):
			case !whole && last >= 0 && r.Holder.CardNumber != "" && rows[last][0].Holder.CardNumber == r.Holder.CardNumber:
				rows[last] = append(rows[last], r)
			default:
				rows = append(rows, row{r})
			}
		}
		return rows
	}
	limit := c.Int("limit")
	var rows []row
	var more bool
	var err error
	if limit == 0 {
		var all []*ca.Record
		err = ca.Each(c.Context, client, filter, func(r *ca.Record) error {
			r.DER = nil // a lab may hold a million
			all = append(all, r)
			return nil
		})
		rows = group(all)
	} else {
		rows, more, err = newestRows(c, client, filter, limit, group)
	}
	if err != nil {
		return err
	}
	if text := aside.String(); text != "" {
		defer p.note(text)
	}
	if len(rows) == 0 {
		return p.nothingListed(c, client, aside)
	}
	t := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	if whole {
		fmt.Fprintln(t, tr("N° DE SÉRIE\tPROFIL\tPORTEUR\tCARTE\tEXPIRE\tÉTAT",
			"SERIAL\tPROFILE\tHOLDER\tCARD\tEXPIRES\tSTATUS"))
	} else {
		fmt.Fprintln(t, tr("CARTE\tPORTEUR\tPRODUIT\tEXPIRE\tÉTAT", "CARD\tHOLDER\tPRODUCT\tEXPIRES\tSTATUS"))
	}
	stars := false
	for _, r := range rows {
		stars = stars || r.modelled()
		if whole {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", r[0].Serial, r[0].Profile+r.star(), r[0].Holder.DisplayName(), r[0].Holder.CardNumber,
				r[0].NotAfter.Format(time.DateOnly), p.paint(r, state(r[0], revoked)))
			continue
		}
		product, _, _ := strings.Cut(r[0].Profile, "/")
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", r[0].ShortName(), shortened(r[0].Holder.DisplayName(), holderWidth),
			product+r.star(), r[0].NotAfter.Format(time.DateOnly), p.paint(r, r.state(revoked)))
	}
	if stars {
		fmt.Fprintln(p.err, tr("igc : * modélisé : aucun certificat réel ne l'atteste",
			"igc: *: modelled, no real certificate attests it"))
	}
	if more {
		fmt.Fprintf(p.err, tr("igc : les %d plus récents ; --limit 0 pour tout\n",
			"igc: the newest %d; --limit 0 for all\n"), len(rows))
	}
	return t.Flush()
}

// holderWidth is the space for names in a table of 80 columns.
const holderWidth = 28

// newestRows reads as many of the newest certificates as give that number of rows.
func newestRows(c *cli.Context, client *lab.Client, filter ca.Filter, limit int,
	group func([]*ca.Record) []row) (rows []row, more bool, err error) {
	filter.Newest = true
	for filter.Limit = 2*limit + 2; ; filter.Limit *= 4 {
		records, err := client.List(c.Context, filter)
		if err != nil {
			return nil, false, err
		}
		rows := group(records)
		switch {
		case len(rows) > limit: // the first row may lack certificates, and is cut
			return rows[len(rows)-limit:], true, nil
		case len(records) < filter.Limit || filter.Card != "":
			return rows, false, nil
		}
	}
}

// nothingListed says why the table is empty.
func (p *program) nothingListed(c *cli.Context, client *lab.Client, aside *leftAside) error {
	var given []string
	for _, name := range []string{"product", "holder", "card", "status", "expires-before"} {
		if c.IsSet(name) {
			given = append(given, "--"+name+" "+c.String(name))
		}
	}
	some := len(aside.tests) > 0
	if len(given) > 0 {
		any, err := client.List(c.Context, ca.Filter{EndEntities: true, Limit: 1})
		if err != nil {
			return err
		}
		some = len(any) > 0
	}
	var err error
	switch {
	case !some:
		_, err = fmt.Fprintln(p.out, tr("Aucun certificat émis. Une carte : igc issue --fixture alain",
			"No certificate issued yet. For a card: igc issue --fixture alain"))
	case len(given) == 0:
		_, err = fmt.Fprintln(p.out, tr("Aucune carte hors des cartes de test : igc list --fixtures les montre",
			"No card but the test cards: igc list --fixtures lists them"))
	default:
		_, err = fmt.Fprintf(p.out, tr("Aucun certificat ne correspond à %s ; sans filtre : igc list\n",
			"No certificate matches %s; without a filter: igc list\n"),
			strings.Join(given, ", "))
	}
	return err
}

// modelled tells whether a certificate of the row is of a profile that no real one attests.
func (r row) modelled() bool {
	return slices.ContainsFunc(r, func(one *ca.Record) bool {
		known, err := profiles.FindProfile(one.Profile)
		return err == nil && known.StatusIn(one.Generation()) == profiles.Modelled
	})
}

// star marks what is modelled, as the help of igc issue does.
func (r row) star() string {
	if r.modelled() {
		return "*"
	}
	return ""
}

// state is what the certificates of the row have in common, else what each is.
func (r row) state(revoked map[string]*ca.Revocation) string {
	var states []string
	for _, one := range r {
		s, _, _ := strings.Cut(state(one, revoked), ",") // why, igc show says
		if !slices.Contains(states, s) {
			states = append(states, s)
		}
	}
	return strings.Join(states, " / ")
}

// paint gives a state the colour of the worst certificate of the row.
func (p *program) paint(r row, text string) string {
	colour, now := green, time.Now()
	for _, one := range r {
		switch {
		case one.Status == ca.Revoked:
			return coloured(p.out, red, text)
		case one.Status == ca.OnHold:
			colour = yellow
		case colour == green && (now.After(one.NotAfter) || now.Before(one.NotBefore)):
			colour = faint
		}
	}
	return coloured(p.out, colour, text)
}

// shortened cuts a text to a width, in characters.
func shortened(s string, width int) string {
	if r := []rune(s); len(r) > width {
		return string(r[:width-1]) + "…"
	}
	return s
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
