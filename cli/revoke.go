package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/profiles/inspect"
)

func (p *program) revokeCommand() *cli.Command {
	var names []string
	for _, r := range ca.Reasons() {
		names = append(names, string(r))
	}
	return &cli.Command{
		Name:  "revoke",
		Usage: tr("met en opposition un certificat, une carte ou tout ce qu'a un porteur", "revoke a certificate, a card, or all that a holder has"),
		Description: tr("Une opposition est définitive, sauf certificateHold, que igc unhold lève.",
			"A revocation is for good, but for certificateHold, which igc unhold ends."),
		ArgsUsage:    whichUsage(),
		OnUsageError: usageError,
		Flags: append(whichFlags(),
			&cli.StringFlag{Name: "reason", Value: "unspecified", Usage: tr("motif : ", "reason: ") + strings.Join(names, ", ")},
			&cli.StringFlag{Name: "at", Usage: tr("date de l'opposition, passée (sinon maintenant)", "date of the revocation, in the past (else now)")},
			&cli.StringFlag{Name: "invalidity", Usage: tr("date depuis laquelle la clé n'est plus sûre", "date since when the key is not to be trusted")}),
		Action: func(c *cli.Context) error {
			reason, err := ca.ParseReason(c.String("reason"))
			if err != nil {
				return err
			}
			change := ca.StatusChange{Reason: reason}
			for name, t := range map[string]*time.Time{"at": &change.At, "invalidity": &change.Invalidity} {
				if s := c.String(name); s != "" {
					if *t, err = parseTime(s); err != nil {
						return err
					}
				}
			}
			return p.setStatus(c, change)
		},
	}
}

func (p *program) unholdCommand() *cli.Command {
	return &cli.Command{
		Name:         "unhold",
		Usage:        tr("lève l'opposition provisoire (certificateHold) : le certificat redevient bon", "end a hold (certificateHold): the certificate is good again"),
		ArgsUsage:    whichUsage(),
		OnUsageError: usageError,
		Flags:        whichFlags(),
		Action:       func(c *cli.Context) error { return p.setStatus(c, ca.StatusChange{Release: true}) },
	}
}

func whichUsage() string {
	return tr("NUMÉRO-DE-SÉRIE (son début suffit) | FICHIER | DOSSIER-DE-CARTE, ou --card, ou --holder",
		"SERIAL (its beginning is enough) | FILE | CARD-FOLDER, or --card, or --holder")
}

// whichFlags say which certificates a change of status is about, beside an argument.
func whichFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "card", Usage: tr("les certificats de cette carte", "the certificates of this card")},
		&cli.StringFlag{Name: "holder", Usage: tr("ceux du porteur de cet identifiant (PS_IdNat, ou Struct_IdNat d'une organisation)", "those of the holder of this identifier (PS_IdNat, or Struct_IdNat of an organisation)")},
		&cli.BoolFlag{Name: "dry-run", Usage: tr("montre ce qui changerait, et ne change rien", "show what would change, and change nothing")},
		jsonFlag(),
	}
}

// setStatus changes the status of the certificates that the command line names.
func (p *program) setStatus(c *cli.Context, change ca.StatusChange) error {
	change.Card, change.Holder, change.DryRun = c.String("card"), c.String("holder"), c.Bool("dry-run")
	if c.NArg() > 0 || change.Card == "" && change.Holder == "" {
		what, err := one(c, tr("un numéro de série, un fichier, --card ou --holder", "a serial number, a file, --card or --holder"))
		if err != nil {
			return err
		}
		if err := named(what, &change); err != nil {
			return err
		}
	}
	client, err := p.connect(c)
	if err != nil {
		return err
	}
	changed, err := client.SetStatus(c.Context, change)
	if err != nil {
		return err
	}
	return p.print(c, changed, func(w io.Writer) {
		if change.DryRun {
			fmt.Fprintln(w, tr("Essai : rien n'est changé. Ce qui se passerait :", "Dry run: nothing is changed. What would happen:"))
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
		return fmt.Sprintf(tr("suspendu le %s (igc unhold lève l'opposition)", "put on hold on %s (igc unhold ends it)"), at)
	}
	return fmt.Sprintf(tr("révoqué le %s, motif %s", "revoked on %s, reason %s"), at, v.Reason)
}

// named tells which certificates an argument stands for: a card's folder, a file that holds a certificate, else the digits
// of a serial number.
func named(what string, change *ca.StatusChange) error {
	info, err := os.Stat(what)
	if err != nil {
		change.Serial = what
		return nil
	}
	if info.IsDir() {
		data, err := os.ReadFile(filepath.Join(what, "card.json"))
		var card ca.CardFile
		if err == nil {
			err = json.Unmarshal(data, &card)
		}
		switch {
		case err != nil:
			return ca.Invalidate(fmt.Errorf(tr("%s n'est pas le dossier d'une carte : %w", "%s is not a card's folder: %w"), what, err))
		case card.CardNumber != "":
			change.Card = card.CardNumber
			return nil
		case len(card.Certificates) == 1:
			change.Serial = card.Certificates[0].Serial
			return nil
		}
		return ca.Invalidate(fmt.Errorf(tr("%s tient %d certificats sans numéro de carte : donnez le fichier de l'un d'eux", "%s holds %d certificates and no card number: give the file of one"), what, len(card.Certificates)))
	}
	data, err := os.ReadFile(what)
	if err != nil {
		return &ca.Error{Kind: ca.NotFound, Err: err}
	}
	objects, err := inspect.Read(data, inspect.Options{Now: time.Now()})
	if err != nil {
		return ca.Invalidate(fmt.Errorf("%s: %w", what, err))
	}
	for _, o := range objects {
		if cert, ok := o.(*inspect.Certificate); ok { // the first is the holder's, its chain follows
			change.Serial = cert.Serial
			return nil
		}
	}
	return ca.Invalidate(errors.New(what + tr(" ne tient aucun certificat", " holds no certificate")))
}
