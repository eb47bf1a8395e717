package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	vcard "github.com/igc-lab/igc/card"
	"github.com/igc-lab/igc/internal/atomicfile"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/serve"
	"github.com/igc-lab/igc/services/carddesk"
)

// cardDeskCommands are the commands of the card desk.
func (p *program) cardDeskCommands(which string) []*cli.Command {
	declare := func(name, fr, en string, cause carddesk.Cause) *cli.Command {
		return &cli.Command{Name: name, Usage: tr(fr, en), ArgsUsage: tr("CARTE | PORTEUR | DOSSIER-DE-CARTE | last",
			"CARD | HOLDER | CARD-FOLDER | last"), OnUsageError: usageError, Flags: lossFlags(),
			Action:       func(c *cli.Context) error { return p.declareLoss(c, cause) },
			BashComplete: p.completeCards}
	}
	return []*cli.Command{
		{Name: "letter", Usage: tr(
			"écrit le courrier d'une carte : code porteur et code de déblocage, à part de la carte (modélisé)",
			"write the letter of a card: PIN and unblocking code, apart from the card (modelled)"),
			ArgsUsage: which, OnUsageError: usageError,
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "html", TakesFile: true, Usage: tr("page à imprimer, - pour la sortie standard",
					"page for print, - for standard output")},
				&cli.StringFlag{Name: "pdf", TakesFile: true, Usage: tr("PDF, - pour la sortie standard",
					"PDF, - for standard output")},
				&cli.StringFlag{Name: "pin", Usage: tr(
					"code porteur de l'émission, s'il n'est ni 1234 ni tiré par igc card renew",
					"PIN of the issue, if it is neither 1234 nor drawn by igc card renew")},
				jsonFlag()},
			Action: p.cardLetter, BashComplete: p.completeCards},
		declare("lose", "déclare une carte perdue : opposition définitive, comme par téléphone",
			"declare a card lost: revoked for good, as by phone", carddesk.Lost),
		declare("steal", "déclare une carte volée : opposition définitive, comme par téléphone",
			"declare a card stolen: revoked for good, as by phone", carddesk.Stolen),
		declare("damage", "déclare une carte endommagée : opposition définitive, comme par téléphone",
			"declare a card damaged: revoked for good, as by phone", carddesk.Damaged),
		{Name: "renew", Usage: tr("commande une nouvelle carte pour le même porteur, avec ses codes et leur courrier",
			"order another card for the same holder, with its codes and their letter"),
			ArgsUsage:    tr("CARTE | PORTEUR | DOSSIER-DE-CARTE | last", "CARD | HOLDER | CARD-FOLDER | last"),
			OnUsageError: usageError,
			Flags: []cli.Flag{newCardPIN(), &cli.BoolFlag{Name: "revoke-old", Usage: tr(
				"met l'ancienne en opposition (superseded) ; sinon elle reste valable jusqu'à sa fin",
				"revoke the former card (superseded); else it is valid until its end")}, jsonFlag()},
			Action: p.renewCard, BashComplete: p.completeCards},
	}
}

func newCardPIN() cli.Flag {
	return &cli.StringFlag{Name: "pin", Usage: tr("code porteur de la nouvelle carte, 4 à 8 chiffres (sinon tiré)",
		"PIN of the new card, 4 to 8 digits (else drawn)")}
}

// lossFlags are those of a declaration.
func lossFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "code", Usage: tr(
			"code de déblocage de la carte (sinon demandé) ; un code faux en use un essai",
			"unblocking code of the card (else asked for); a wrong one uses a try")},
		&cli.StringFlag{Name: "without-code", Usage: tr("ne le demande pas, pour ce motif : un administrateur déclare",
			"do not ask for it, for this reason: an administrator declares")},
		&cli.StringFlag{Name: "date", Usage: tr("date de l'opposition, passée (sinon maintenant)",
			"date of the revocation, in the past (else now)")},
		&cli.BoolFlag{Name: "replace", Usage: tr("commande une nouvelle carte pour le même porteur",
			"order another card for the same holder")},
		newCardPIN(), jsonFlag()}
}

// deskOf opens the card desk of the lab for a command.
func (p *program) deskOf(c *cli.Context) (*carddesk.Desk, *serve.Services, *lab.Client, error) {
	around, client, err := p.services(c)
	if err != nil {
		return nil, nil, nil, err
	}
	return serve.NewCardDesk(client, client.Lab, around, client.Lab.Now, false), around, client, nil
}

// deskCard finds the card that an argument names. What is done to it cannot be undone, so that a
// part of a name is not enough.
func (p *program) deskCard(c *cli.Context, desk *carddesk.Desk, client *lab.Client) (*carddesk.Card, error) {
	what, err := oneArg(c, tr("une carte (son numéro, son porteur ou son dossier)",
		"a card (its number, its holder or its folder)"))
	if err != nil {
		return nil, err
	}
	authorities, err := client.Authorities(c.Context)
	if err != nil {
		return nil, err
	}
	found, err := p.findNamed(c, client, authorities, what)
	switch {
	case ca.KindOf(err) == ca.NotFound:
		return nil, &ca.Error{Kind: ca.NotFound, Err: errorf("aucune carte %s : igc list les montre",
			"no card %s: igc list shows them", what)}
	case err != nil:
		return nil, err
	case found.Partial:
		return nil, refusePartial(what, found)
	}
	number := found.Card
	if number == "" {
		number = found.Records[0].Holder.CardNumber
	}
	if number == "" {
		return nil, ca.Invalidate(errorf("%s n'est pas une carte : igc revoke met un certificat en opposition, "+
			"igc renew le renouvelle",
			"%s is not a card: igc revoke revokes a certificate, igc renew issues it again", what))
	}
	card, err := desk.Find(c.Context, number)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(what); err == nil && info.IsDir() {
		if at, err := vcard.Read(what); err == nil {
			card.Folder = at
		}
	}
	return card, nil
}

// writtenLetter is what igc card letter --json writes: the letter itself, and its files.
type writtenLetter struct {
	carddesk.Letter
	carddesk.Outdated
	HTML string `json:"html,omitempty"`
	PDF  string `json:"pdf,omitempty"`
}

func (p *program) cardLetter(c *cli.Context) error {
	toStdout := 0
	for _, name := range []string{"html", "pdf"} {
		if c.IsSet(name) && c.String(name) == "" {
			return ca.Invalidate(errorf("--%s : donnez un fichier, ou -", "--%s: give a file, or -", name))
		}
		if c.String(name) == "-" {
			toStdout++
		}
	}
	if toStdout > 1 || toStdout == 1 && c.Bool("json") {
		return ca.Invalidate(errorf("la sortie standard ne prend qu'une chose : donnez des fichiers aux autres",
			"standard output takes one thing: give files to the others"))
	}
	_, chosen, err := p.theCard(c)
	if err != nil {
		return err
	}
	desk, _, _, err := p.deskOf(c)
	if err != nil {
		return err
	}
	letter, outdated, err := desk.Letter(chosen, c.String("pin"))
	if err != nil {
		return deskError(err)
	}
	written := writtenLetter{Letter: letter, Outdated: outdated}
	var pdf []byte
	if c.IsSet("pdf") { // before a file is written: a name may be beyond its fonts
		if pdf, err = letter.PDF(); err != nil {
			return err
		}
	}
	if written.HTML = c.String("html"); written.HTML != "" {
		if err := p.writeSecret(written.HTML, letter.HTML()); err != nil {
			return err
		}
	}
	if written.PDF = c.String("pdf"); written.PDF != "" {
		if err := p.writeSecret(written.PDF, pdf); err != nil {
			return err
		}
	}
	if outdated.PIN {
		p.note(tr("le code porteur a été changé depuis l'émission : le courrier porte celui de l'émission, que la "+
			"carte n'accepte plus",
			"the PIN was changed since the issue: the letter has that of the issue, which the card takes no longer"))
	}
	if outdated.UnblockingCode {
		p.note(tr("le code de déblocage du dossier n'est pas celui de la carte : elle n'accepte pas celui du courrier",
			"the unblocking code in the folder is not the card's: it does not take that of the letter"))
	}
	if toStdout > 0 {
		return nil
	}
	return p.print(c, written, func(w io.Writer) {
		if written.HTML == "" && written.PDF == "" {
			fmt.Fprint(w, letter.Text())
		}
		for _, file := range []string{written.HTML, written.PDF} {
			if file != "" {
				fmt.Fprintf(w, tr("%s écrit\n", "%s written\n"), file)
			}
		}
	})
}

// writeSecret writes a file that nobody else may read, or standard output for "-".
func (p *program) writeSecret(file string, data []byte) error {
	if file == "-" {
		_, err := p.out.Write(data)
		return err
	}
	if err := atomicfile.Write(file, data, 0o600); err != nil {
		return &ca.Error{Kind: ca.Unwritable, Err: err}
	}
	return nil
}

// deskError gives errors of the desk that are errors of cards their kind.
func deskError(err error) error {
	var kinded *ca.Error
	if err == nil || errors.As(err, &kinded) {
		return err
	}
	return cardError(err)
}

// lossFacts is what --json says of a declaration.
type lossFacts struct {
	*carddesk.Declared
	Replacement *carddesk.Made `json:"replacement,omitempty"`
}

func (p *program) declareLoss(c *cli.Context, cause carddesk.Cause) error {
	n := carddesk.Declaration{Cause: cause, Code: c.String("code"), WithoutCode: c.String("without-code")}
	var err error
	if s := c.String("date"); s != "" {
		if n.At, n.AtDay, err = parseDate(s); err != nil {
			return err
		}
	}
	switch {
	case c.IsSet("without-code") && n.WithoutCode == "":
		return ca.Invalidate(errorf("--without-code : dites pourquoi", "--without-code: say why"))
	case c.IsSet("pin") && !c.Bool("replace"):
		return ca.Invalidate(errorf("--pin est celui de la nouvelle carte : ajoutez --replace",
			"--pin is that of the new card: add --replace"))
	case c.IsSet("pin"):
		if err := ca.CheckPIN(c.String("pin")); err != nil {
			return err
		}
	}
	desk, around, client, err := p.deskOf(c)
	if err != nil {
		return err
	}
	card, err := p.deskCard(c, desk, client)
	if err != nil {
		return err
	}
	if err := desk.Check(card, &n); err != nil { // before the code is asked for
		return err
	}
	if c.Bool("replace") {
		if err := desk.CheckReplaceable(card, c.String("pin")); err != nil {
			return err
		}
	}
	if n.WithoutCode == "" {
		codes, err := p.secrets(c, map[string]string{"code": tr("Code de déblocage", "Unblocking code")}, "code")
		if err != nil {
			return err
		}
		n.Code = codes[0]
	}
	declared, err := desk.Declare(c.Context, card, n)
	if err != nil {
		return deskError(err)
	}
	p.noteMail(declared.Mail, declared.MailError)
	facts := lossFacts{Declared: declared}
	var followed *carddesk.FollowedError
	if c.Bool("replace") {
		facts.Replacement, err = desk.Replace(c.Context, card, cause, c.String("pin"))
		switch {
		case errors.As(err, &followed):
			p.note(followed.Error())
		case err != nil:
			return &ca.Error{Kind: ca.KindOf(err), Err: errorf(
				"la carte %[1]s est en opposition, mais la nouvelle n'est pas faite : %[2]w ; "+
					"igc card renew %[1]s la commande",
				"card %[1]s is revoked, but the new one is not made: %[2]w; igc card renew %[1]s orders it",
				card.Number, deskError(err))}
		default:
			p.noteMail(facts.Replacement.Mail, facts.Replacement.MailError)
		}
	}
	around.Outbox.Wait() // for the SMTP server
	return p.print(c, facts, func(w io.Writer) {
		words := cause.Text()
		fmt.Fprintf(w, tr("%s (%s) : déclarée %s\n", "%s (%s): declared %s\n"), declared.Card,
			declared.Holder.DisplayName(), tr(words.FR, words.EN))
		for _, one := range declared.Certificates {
			fmt.Fprintf(w, "%s %s: %s\n", one.Serial, became(one), one.Profile)
		}
		if facts.Replacement != nil {
			describeMade(w, facts.Replacement)
		}
	})
}

// noteMail says what became of the mail to the holder.
func (p *program) noteMail(to string, err error) {
	switch {
	case err != nil:
		p.note(fmt.Sprintf(tr("le courriel au porteur n'est pas parti : %v", "the mail to the holder was not sent: %v"),
			err))
	case to == "":
		p.note(tr("aucune adresse de correspondance du porteur : pas de courriel",
			"no correspondence address of the holder: no mail"))
	}
}

// describeMade says which card was made. Its codes are in the letter.
func describeMade(w io.Writer, made *carddesk.Made) {
	fmt.Fprintf(w, "%-16s %s (%s)\n", tr("nouvelle carte", "new card"), made.Card, made.Holder.DisplayName())
	fmt.Fprintf(w, "%-16s %s\n", tr("dossier", "folder"), made.Folder)
	fmt.Fprintf(w, "%-16s %s\n", tr("courrier", "letter"), made.Letter)
	if made.Mail != "" {
		fmt.Fprintf(w, "%-16s %s\n", tr("courriel à", "mail to"), made.Mail)
	}
}

// renewedCard is what igc card renew --json writes.
type renewedCard struct {
	*carddesk.Made
	Revoked []ca.Changed `json:"revoked,omitempty"` // certificates of the former card
}

func (p *program) renewCard(c *cli.Context) error {
	desk, around, client, err := p.deskOf(c)
	if err != nil {
		return err
	}
	if c.IsSet("pin") {
		if err := ca.CheckPIN(c.String("pin")); err != nil {
			return err
		}
	}
	card, err := p.deskCard(c, desk, client)
	if err != nil {
		return err
	}
	made, err := desk.Replace(c.Context, card, carddesk.Renewal, c.String("pin"))
	if err != nil {
		return deskError(err)
	}
	p.noteMail(made.Mail, made.MailError)
	around.Outbox.Wait() // for the SMTP server
	facts := renewedCard{Made: made}
	if c.Bool("revoke-old") {
		if facts.Revoked, err = desk.Supersede(c.Context, card); err != nil {
			return &ca.Error{Kind: ca.KindOf(err), Err: errorf(
				"la carte %s est faite, mais l'ancienne n'est pas en opposition : %w ; igc revoke --card %s",
				"card %s is made, but the former one is not revoked: %w; igc revoke --card %s",
				made.Card, err, card.Number)}
		}
	}
	return p.print(c, facts, func(w io.Writer) {
		describeMade(w, made)
		for _, one := range facts.Revoked {
			fmt.Fprintf(w, "%s %s: %s\n", one.Serial, became(one), one.Profile)
		}
		if facts.Revoked == nil && stillGood(card.Records) {
			fmt.Fprintf(w, tr("L'ancienne carte %[1]s reste valide jusqu'au %[2]s ; pour la révoquer : "+
				"igc revoke --card %[1]s --reason superseded\n",
				"The former card %[1]s is good until %[2]s; to revoke it: "+
					"igc revoke --card %[1]s --reason superseded\n"),
				card.Number, made.FormerEnd.Format(time.DateOnly))
		}
	})
}

// stillGood tells whether a certificate of a card is good.
func stillGood(records []*ca.Record) bool {
	for _, r := range records {
		if r.Status == ca.Good && time.Now().Before(r.NotAfter) {
			return true
		}
	}
	return false
}
