package cli

import (
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
)

func (p *program) renewCommand() *cli.Command {
	return &cli.Command{
		Name:  "renew",
		Usage: tr("émet une nouvelle carte pour le même porteur", "issue a new card for the same holder"),
		ArgsUsage: tr("CARTE | PORTEUR | NUMÉRO-DE-SÉRIE | FICHIER | DOSSIER-DE-CARTE | last",
			"CARD | HOLDER | SERIAL | FILE | CARD-FOLDER | last"),
		OnUsageError: usageError,
		Flags: append(append([]cli.Flag{
			keyFlag(tr("clés de la carte", "keys of the card")),
			urlsFlag(),
			&cli.StringFlag{Name: "out", TakesFile: true, Usage: tr("dossier à écrire, au lieu de celui du laboratoire",
				"folder to write, instead of the lab's")},
			&cli.BoolFlag{Name: "p12-legacy", Usage: tr("PKCS#12 en 3DES et SHA-1, pour les vieux logiciels",
				"PKCS#12 with 3DES and SHA-1, for old software")},
			jsonFlag(),
		}, ownKeyFlags()...), secretsFlags()...),
		Action: p.renew,
	}
}

// renew issues a card again: new number, new keys, validity from now on. The old card keeps its
// status, since holders have both for a while; igc revoke ends it. Where the key was the holder's
// own the lab has none to make: a request is wanted again, be it of the same key.
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
	authorities, err := client.Authorities(c.Context)
	if err != nil {
		return err
	}
	found, err := p.findNamed(c, client, authorities, what)
	if ca.KindOf(err) == ca.NotFound {
		return &ca.Error{Kind: ca.NotFound, Err: errorf("aucune carte ni certificat %s : igc list les montre",
			"no card and no certificate %s: igc list shows them", what)}
	}
	if err != nil {
		return err
	}
	records := found.Records
	if found.Card == "" && records[0].Holder.CardNumber != "" { // a certificate stands for its card
		records, err = client.List(c.Context, ca.Filter{Card: records[0].Holder.CardNumber, EndEntities: true})
		if err != nil {
			return err
		}
	}
	last, again := records[len(records)-1], ca.OrderAgain(records)
	order.Product, order.Holder = again.Product, again.Holder
	if err := p.renewOwnKey(c, &order, last); err != nil {
		return err
	}
	if _, err := order.Check(); err != nil {
		return err
	}
	if err := p.makeCard(c, client, order); err != nil || c.Bool("json") {
		return err
	}
	return p.formerCard(records)
}

// formerCard says that a card renewed works still.
func (p *program) formerCard(records []*ca.Record) error {
	for _, r := range records {
		if r.Status != ca.Good || time.Now().After(r.NotAfter) {
			continue
		}
		name := r.Serial
		words := tr("L'ancien certificat %[1]s reste valide ; pour le révoquer : igc revoke %[1]s "+
			"--reason superseded\n",
			"The former certificate %[1]s is still good; to revoke it: igc revoke %[1]s --reason superseded\n")
		if r.Holder.CardNumber != "" {
			name = r.Holder.CardNumber
			words = tr("L'ancienne carte %[1]s reste valide ; pour la révoquer : igc revoke --card %[1]s "+
				"--reason superseded\n",
				"The former card %[1]s is still good; to revoke it: igc revoke --card %[1]s --reason superseded\n")
		}
		_, err := fmt.Fprintf(p.out, words, name)
		return err
	}
	return nil
}

// renewOwnKey puts the holder's own key into the order.
func (p *program) renewOwnKey(c *cli.Context, order *ca.CardOrder, last *ca.Record) error {
	if err := refusePassword(c, order.Product); err != nil {
		return err
	}
	v, err := p.requestFrom(c)
	if err != nil {
		return err
	}
	own, err := readOwnKey(v)
	if err != nil {
		return err
	}
	if last.OwnKey && !own.given() {
		return ca.Invalidate(errorf("la clé de %s est celle du porteur : donnez une demande (--csr), de la "+
			"même clé ou d'une nouvelle",
			"the key of %s is the holder's own: give a request (--csr), of the same key or a new one", last.Serial))
	}
	holder := order.Holder
	if err := own.apply(v, order); err != nil {
		return err
	}
	order.Holder = holder // that of the certificate renewed
	return nil
}
