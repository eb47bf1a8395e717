package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/card/folder"
)

func (p *program) revokeCommand() *cli.Command {
	var names []string
	for _, r := range ca.Reasons() {
		names = append(names, string(r))
	}
	return &cli.Command{
		Name: "revoke",
		Usage: tr("met en opposition un certificat, une carte, tout ce qu'a un porteur, ou une autorité",
			"revoke a certificate, a card, all that a holder has, or an authority"),
		Description: tr("Une opposition est définitive, sauf certificateHold, que igc unhold lève. De plusieurs arguments, tous sont mis en opposition ou aucun.\n"+
			"Un fichier désigne le certificat dont il a la clé, sinon celui qui n'en a émis aucun autre du fichier ; jamais une autorité.\n"+
			"Une autorité ne se révoque que par son nom : --authority ACI-FO-PP, ou son numéro de série entier avec --reason cACompromise.",
			"A revocation is for good, but for certificateHold, which igc unhold ends. Of several arguments, all are revoked or none.\n"+
				"A file means the certificate whose key is in it, else the one that issued no other in it; never an authority.\n"+
				"An authority is revoked by its name alone: --authority ACI-FO-PP, or its whole serial number with --reason cACompromise."),
		ArgsUsage:    whichUsage(),
		OnUsageError: usageError,
		Flags: append(whichFlags(),
			&cli.StringFlag{Name: "reason", Value: "unspecified", Usage: tr("motif : ",
				"reason: ") + strings.Join(names, ", ")},
			&cli.StringFlag{Name: "at", Usage: tr("date de l'opposition, passée (sinon maintenant)",
				"date of the revocation, in the past (else now)")},
			&cli.StringFlag{Name: "invalidity", Usage: tr("date depuis laquelle la clé n'est plus sûre",
				"date since when the key is not to be trusted")},
			&cli.BoolFlag{Name: "yes", Usage: tr("révoque l'autorité sans demander confirmation (scripts)",
				"revoke the authority without asking (scripts)")}),
		Action: func(c *cli.Context) error {
			reason, err := ca.ParseReason(c.String("reason"))
			if err != nil {
				return err
			}
			change := ca.StatusChange{Reason: reason}
			if s := c.String("at"); s != "" {
				if change.At, change.AtDay, err = parseDate(s); err != nil {
					return err
				}
			}
			if s := c.String("invalidity"); s != "" {
				if change.Invalidity, err = parseTime(s); err != nil {
					return err
				}
			}
			return p.setStatus(c, change)
		},
	}
}

func (p *program) unholdCommand() *cli.Command {
	return &cli.Command{
		Name: "unhold",
		Usage: tr("lève l'opposition provisoire (certificateHold) : le certificat redevient bon",
			"end a hold (certificateHold): the certificate is good again"),
		ArgsUsage:    whichUsage(),
		OnUsageError: usageError,
		Flags:        whichFlags(),
		Action:       func(c *cli.Context) error { return p.setStatus(c, ca.StatusChange{Release: true}) },
	}
}

func whichUsage() string {
	return tr("CARTE | PORTEUR | NUMÉRO-DE-SÉRIE (début, fin, ou dix chiffres de igc list) | FICHIER | "+
		"DOSSIER-DE-CARTE | last..., - pour l'entrée standard, ou --card, --holder ou --authority",
		"CARD | HOLDER | SERIAL (its beginning, ending, or ten digits of igc list) | FILE | "+
			"CARD-FOLDER | last..., - for standard input, or --card, --holder or --authority")
}

// whichFlags say which certificates a change of status is about, beside an argument.
func whichFlags() []cli.Flag {
	return append(passwordFlags(),
		&cli.StringFlag{Name: "card", Usage: tr("les certificats de cette carte", "the certificates of this card")},
		&cli.StringFlag{Name: "holder", Usage: tr("ceux du porteur de cet identifiant (PS_IdNat, ou Struct_IdNat d'une organisation)",
			"those of the holder of this identifier (PS_IdNat, or Struct_IdNat of an organisation)")},
		&cli.StringFlag{Name: "authority", Usage: tr("l'autorité émettrice de ce nom, comme ACI-FO-PP",
			"the issuing authority of this name, such as ACI-FO-PP")},
		&cli.BoolFlag{Name: "dry-run", Usage: tr("montre ce qui changerait, et ne change rien",
			"show what would change, and change nothing")},
		jsonFlag())
}

// setStatus changes the status of the certificates that the command line names.
func (p *program) setStatus(c *cli.Context, change ca.StatusChange) error {
	change.Card, change.Holder, change.Authority = c.String("card"), c.String("holder"), c.String("authority")
	change.DryRun = c.Bool("dry-run")
	flags := 0
	for _, given := range []string{change.Card, change.Holder, change.Authority} {
		if given != "" {
			flags++
		}
	}
	if flags+min(1, c.NArg()) != 1 {
		return ca.Invalidate(errorf("donnez un numéro de série, un fichier, --card, --holder ou --authority, et rien d'autre",
			"give a serial number, a file, --card, --holder or --authority, and nothing else"))
	}
	targets, err := p.targets(c)
	if err != nil {
		return err
	}
	client, err := p.connect(c)
	if err != nil {
		return err
	}
	if change.Card, err = cardNumber(c, client, change.Card); err != nil {
		return err
	}
	if err := resolveTargets(c, client, targets); err != nil {
		return err
	}
	if len(targets) > 0 {
		first := targets[0]
		change.Serial, change.Certificate, change.Card, change.Holder = first.Serial, first.Certificate, first.Card, first.Holder
		change.Also = targets[1:]
	}
	if err := nameAuthority(c, client, &change); err != nil {
		return err
	}
	if change.Authority != "" && !change.Release {
		return p.revokeAuthority(c, client, change)
	}
	changed, err := client.SetStatus(c.Context, change)
	if err != nil {
		return err
	}
	return p.printChanged(c, change, changed)
}

func (p *program) printChanged(c *cli.Context, change ca.StatusChange, changed []ca.Changed) error {
	return p.print(c, changed, func(w io.Writer) {
		if change.DryRun {
			fmt.Fprintln(w, tr("Essai : rien n'est changé. Ce qui se passerait :",
				"Dry run: nothing is changed. What would happen:"))
		}
		for _, one := range changed {
			fmt.Fprintf(w, "%s %s: %s, %s\n", one.Serial, became(one), one.Profile, one.Holder.DisplayName())
		}
	})
}

// became says what happened to a certificate.
func became(one ca.Changed) string {
	v := one.Revoked
	switch {
	case v == nil && one.Changed:
		return tr("n'est plus suspendu", "is on hold no longer")
	case v == nil:
		return tr("n'était pas suspendu", "was not on hold")
	}
	at := v.At.Format(time.RFC3339)
	switch {
	case !one.Changed:
		return fmt.Sprintf(tr("déjà révoqué le %s, motif %s", "was revoked already on %s, reason %s"), at, v.Reason)
	case v.Reason == ca.Hold:
		return fmt.Sprintf(tr("suspendu le %s ; pour lever : igc unhold",
			"put on hold on %s; to end it: igc unhold"), at)
	}
	return fmt.Sprintf(tr("révoqué le %s, motif %s", "revoked on %s, reason %s"), at, v.Reason)
}

// targets finds what the arguments stand for; "-" is a list of them on standard input, one a line.
func (p *program) targets(c *cli.Context) (all []ca.StatusTarget, err error) {
	named, err := p.arguments(c)
	if err != nil {
		return nil, err
	}
	for _, argument := range named {
		t, err := p.target(c, argument)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

// target tells which certificates an argument stands for: a card's folder, the certificate of a
// file, else what a word names, see [ca.Resolve]. What has a slash or a dot in it is a path,
// whether or not it is there.
func (p *program) target(c *cli.Context, what string) (t ca.StatusTarget, err error) {
	info, err := os.Stat(what)
	switch {
	case err == nil && info.IsDir():
		return cardFolder(what)
	case err == nil, what == "-":
		data, err := p.readFile(what)
		if err != nil {
			return t, err
		}
		certificate, err := certificateIn(c, what, data)
		if err != nil {
			return t, err
		}
		if certificate.IsAuthority() {
			return t, refuseAuthorityFile(what, certificate)
		}
		return ca.StatusTarget{Certificate: certificate.DER()}, nil
	case !strings.ContainsAny(what, `/\.`) || ca.IsSerial(what):
		return ca.StatusTarget{Serial: what}, nil
	case errors.Is(err, fs.ErrNotExist):
		return t, &ca.Error{Kind: ca.NotFound, Err: errorf("%s : fichier introuvable",
			"%s: no such file", what)}
	}
	return t, &ca.Error{Kind: ca.NotFound, Err: err}
}

// cardFolder tells which certificates are those of a card's folder.
func cardFolder(dir string) (t ca.StatusTarget, err error) {
	card, err := folder.Read(dir)
	switch {
	case err != nil:
		return t, ca.Invalidate(errorf("%s n'est pas le dossier d'une carte : %w",
			"%s is not a card's folder: %w", dir, err))
	case card.CardNumber != "":
		return ca.StatusTarget{Card: card.CardNumber}, nil
	case len(card.Certificates) == 1 && card.Certificates[0].Serial != "":
		return ca.StatusTarget{Serial: card.Certificates[0].Serial}, nil
	}
	return t, ca.Invalidate(errorf("%s tient %d certificats sans numéro de carte : donnez le fichier de l'un d'eux",
		"%s holds %d certificates and no card number: give the file of one", dir, len(card.Certificates)))
}
