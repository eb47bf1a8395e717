package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/profiles"
)

func (p *program) renewCommand() *cli.Command {
	return &cli.Command{
		Name:         "renew",
		Usage:        tr("émet une nouvelle carte pour le même porteur", "issue a new card for the same holder"),
		ArgsUsage:    tr("NUMÉRO-DE-CARTE | NUMÉRO-DE-SÉRIE", "CARD-NUMBER | SERIAL"),
		OnUsageError: usageError,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "pin", Value: defaultPIN, Usage: tr("code porteur : 4 à 8 chiffres, ou random",
				"PIN: 4 to 8 digits, or random")},
			keyFlag(tr("clés de la carte", "keys of the card")),
			urlsFlag(),
			&cli.StringFlag{Name: "out", TakesFile: true, Usage: tr("dossier à écrire, au lieu de celui du laboratoire",
				"folder to write, instead of the lab's")},
			&cli.BoolFlag{Name: "p12-legacy", Usage: tr("PKCS#12 en 3DES et SHA-1, pour les vieux logiciels",
				"PKCS#12 with 3DES and SHA-1, for old software")},
			jsonFlag(),
		},
		Action: p.renew,
	}
}

// renew issues a card again: new number, new keys, validity from now on. The old card keeps its
// status, since holders have both for a while; igc revoke ends it.
func (p *program) renew(c *cli.Context) error {
	what, err := oneArg(c, tr("un numéro de carte ou de série", "a card number or a serial number"))
	if err != nil {
		return err
	}
	var order ca.CardOrder
	if err := cardFlags(c, &order); err != nil {
		return err
	}
	client, err := p.connect(c)
	if err != nil {
		return err
	}
	records, err := client.List(c.Context, ca.Filter{Card: profiles.NormalizeNumber(what), EndEntities: true})
	if err != nil {
		return err
	}
	if len(records) == 0 {
		r, err := client.Find(c.Context, what)
		if ca.KindOf(err) == ca.NotFound {
			return &ca.Error{Kind: ca.NotFound, Err: fmt.Errorf(tr("aucune carte ni certificat %s : igc list les montre",
				"no card and no certificate %s: igc list shows them"), what)}
		}
		if err != nil {
			return err
		}
		records = append(records, r)
	}
	last := records[len(records)-1]
	order.Product, _, _ = strings.Cut(last.Profile, "/")
	order.Holder = last.Holder
	order.Holder.CardNumber = ""
	// the certificates of a card share a holder, but each names only what it holds: an e-mail
	// address is in one of them
	for _, r := range records {
		if r.Holder.Email != "" {
			order.Holder.Email = r.Holder.Email
		}
	}
	if _, err := order.Check(); err != nil {
		return err
	}
	return p.makeCard(c, client, order)
}
