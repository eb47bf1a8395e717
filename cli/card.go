package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/igc-lab/igc/ca"
	vcard "github.com/igc-lab/igc/card"
)

func (p *program) cardCommand() *cli.Command {
	which := tr("[CARTE (numéro, son début, porteur, dossier, ou last)]",
		"[CARD (number, its beginning, holder, folder, or last)]")
	newPIN := &cli.StringFlag{Name: "new", Usage: tr("nouveau code porteur, 4 à 8 chiffres (sinon demandé)",
		"new PIN, 4 to 8 digits (else asked for)")}
	return &cli.Command{
		Name: "card",
		Usage: tr("cartes virtuelles : dans un lecteur, sous les yeux des navigateurs, avec leur code porteur",
			"virtual cards: in a reader, before the eyes of browsers, with their PIN"),
		OnUsageError: usageError,
		Subcommands: append([]*cli.Command{
			{Name: "list", Usage: tr("liste les cartes, celles qui sont dans un lecteur, et leurs essais restants",
				"list the cards, which of them are in a reader, and the tries they have left"),
				Flags: []cli.Flag{jsonFlag()}, OnUsageError: usageError, Action: p.listCards},
			{Name: "insert", Usage: tr("met une carte dans un lecteur virtuel",
				"put a card in a virtual reader"), ArgsUsage: which, OnUsageError: usageError,
				Flags: []cli.Flag{&cli.StringFlag{Name: "as", Usage: tr("la puce qu'elle joue : cps3 (PKCS#1 v1.5) ou cps4 (PSS aussi) ; sinon celle de son époque",
					"the chip that it plays: cps3 (PKCS#1 v1.5) or cps4 (PSS too); else that of its time")},
					&cli.BoolFlag{Name: "strict-pin", Usage: tr(
						"le code porteur avant chaque signature de la clé de signature, et trois essais du code de déblocage ; --strict-pin=false : comme la Cryptolib",
						"the PIN before each signature of the signature key, and three tries of the unblocking code; --strict-pin=false: as the Cryptolib")},
					jsonFlag()},
				Action: p.insertCard, BashComplete: p.completeCards},
			{Name: "remove", Usage: tr("la retire",
				"take it out"), ArgsUsage: which, OnUsageError: usageError, Flags: []cli.Flag{jsonFlag()},
				Action: p.removeCard, BashComplete: p.completeCards},
			{Name: "pin", Usage: tr("change le code porteur",
				"change the PIN"), ArgsUsage: which, OnUsageError: usageError,
				Flags: []cli.Flag{&cli.StringFlag{Name: "pin", Usage: tr("code porteur actuel (sinon demandé)",
					"present PIN (else asked for)")}, newPIN, jsonFlag()},
				Action: p.changePIN, BashComplete: p.completeCards},
			{Name: "unblock", Usage: tr("débloque une carte et lui donne un nouveau code porteur",
				"unblock a card and give it a new PIN"), ArgsUsage: which, OnUsageError: usageError,
				Flags: []cli.Flag{&cli.StringFlag{Name: "code", Usage: fmt.Sprintf(tr(
					"code de déblocage, 8 chiffres (sinon demandé) : %s, ou celui du fichier unblocking-code du dossier de la carte",
					"unblocking code, 8 digits (else asked for): %s, or that of the file unblocking-code in the card's folder"),
					vcard.DefaultUnblockingCode)}, newPIN, jsonFlag()},
				Action: p.unblockCard, BashComplete: p.completeCards},
			p.exportCommand(which),
			{Name: "install", Usage: tr("fait connaître les cartes et les racines du laboratoire aux navigateurs, à p11-kit, Java, OpenSSL et au système",
				"make browsers, p11-kit, Java, OpenSSL and the system know the cards and the lab's roots"), OnUsageError: usageError,
				Flags: append(installFlags(), &cli.StringFlag{Name: "module", TakesFile: true,
					Usage: tr("libigc-cps.so (sinon à côté d'igc)", "libigc-cps.so (else beside igc)")}),
				Action: p.installCards},
			{Name: "uninstall", Usage: tr("défait tout ce que install a fait",
				"undo all that install did"), OnUsageError: usageError, Flags: installFlags(),
				Action: p.uninstallCards},
			p.readerCommand(),
		}, p.cardDeskCommands(which)...),
	}
}

// cardFacts is what --json says of a card.
type cardFacts struct {
	Number          string         `json:"card_number"`
	Label           string         `json:"label"` // of the token
	Generation      vcard.ChipType `json:"generation"`
	Holder          string         `json:"holder"`
	Folder          string         `json:"folder"`
	Reader          int            `json:"reader,omitempty"` // 0: in none
	TriesLeft       int            `json:"tries_left"`
	UnblockingsLeft int            `json:"unblockings_left"`
	StrictPIN       bool           `json:"strict_pin,omitempty"`
}

func describeCard(home string, c *vcard.Card) (cardFacts, error) {
	status, err := c.Status()
	if err != nil {
		return cardFacts{}, cardError(err)
	}
	facts := cardFacts{Number: c.Number, Label: c.Label(status.ChipType), Generation: status.ChipType, Holder: c.Holder.DisplayName(), Folder: c.Dir,
		TriesLeft: status.TriesLeft, UnblockingsLeft: status.UnblockingsLeft, StrictPIN: status.StrictPIN}
	inserted, err := vcard.NewReaders(home).Inserted()
	for _, in := range inserted {
		if in.Dir == c.Dir {
			facts.Reader = in.Reader
		}
	}
	return facts, cardError(err)
}

// cardError gives an error of cards its kind, and its words to the language of the user.
func cardError(err error) error {
	var wrong *vcard.WrongCode
	var path *fs.PathError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong):
		return &ca.Error{Kind: ca.Passphrase, Err: errorf("code faux ; essais restants : %d",
			"wrong code: %d tries left", wrong.Left)}
	case errors.Is(err, vcard.ErrBlocked):
		return &ca.Error{Kind: ca.Passphrase, Err: errorf("carte bloquée (3 codes erronés) : igc card unblock la débloque avec son code de déblocage",
			"card blocked (3 wrong PINs): igc card unblock unblocks it with its unblocking code")}
	case errors.Is(err, vcard.ErrDead):
		return &ca.Error{Kind: ca.Passphrase, Err: errorf("carte perdue (trop de codes de déblocage erronés) : émettez-en une autre",
			"card lost (too many wrong unblocking codes): issue another one")}
	case errors.Is(err, vcard.ErrNotFound):
		return &ca.Error{Kind: ca.NotFound, Err: err}
	case errors.Is(err, vcard.ErrNotInserted):
		return &ca.Error{Kind: ca.Conflict, Err: errorf("la carte n'est dans aucun lecteur",
			"the card is in no reader")}
	case errors.As(err, &path):
		return &ca.Error{Kind: ca.Unwritable, Err: err}
	}
	return ca.Invalidate(err)
}

func (p *program) listCards(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	home, _, err := p.lab(c)
	if err != nil {
		return err
	}
	cards, err := vcard.List(home)
	if err != nil {
		return cardError(err)
	}
	all := []cardFacts{}
	for _, one := range cards {
		facts, err := describeCard(home, one)
		if err != nil {
			return err
		}
		all = append(all, facts)
	}
	return p.print(c, all, func(w io.Writer) {
		if len(all) == 0 {
			fmt.Fprintln(w, tr("Aucune. Une carte : igc issue --fixture alain",
				"None. For a card: igc issue --fixture alain"))
			return
		}
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, tr("CARTE\tJETON\tPORTEUR\tLECTEUR\tCODE PORTEUR", "CARD\tTOKEN\tHOLDER\tREADER\tPIN"))
		for _, f := range all {
			reader := "-"
			if f.Reader > 0 {
				reader = fmt.Sprint(f.Reader)
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", f.Number, f.Label, f.Holder, reader, f.tries())
		}
		t.Flush()
	})
}

// tries describes the state of the PIN: the tries that are left, blocked, or lost.
func (f cardFacts) tries() string {
	switch {
	case f.TriesLeft == 0 && f.UnblockingsLeft == 0:
		return tr("perdue", "lost")
	case f.TriesLeft == 0:
		return tr("bloquée", "blocked")
	}
	return triesLeft(f.TriesLeft)
}

func triesLeft(n int) string {
	if n == 1 {
		return tr("1 essai restant", "1 try left")
	}
	return fmt.Sprintf(tr("%d essais restants", "%d tries left"), n)
}

// theCard returns the card that the command line names or, if it names none, the only card that is
// in a reader, else the lab's only card.
func (p *program) theCard(c *cli.Context) (home string, chosen *vcard.Card, err error) {
	if home, _, err = p.lab(c); err != nil {
		return "", nil, err
	}
	if c.NArg() == 0 {
		inserted, err := vcard.NewReaders(home).Inserted()
		if err != nil {
			return "", nil, cardError(err)
		}
		if len(inserted) == 1 && c.Command.Name != "insert" {
			chosen, err = vcard.Read(inserted[0].Dir)
			return home, chosen, cardError(err)
		}
		chosen, err = vcard.Only(home)
		return home, chosen, cardError(err)
	}
	what, err := oneArg(c, tr("une carte (son numéro, son porteur ou son dossier)",
		"a card (its number, its holder or its folder)"))
	if err != nil {
		return "", nil, err
	}
	chosen, err = vcard.Find(home, what)
	return home, chosen, cardError(err)
}

// tell prints what became of the card.
func (p *program) tell(c *cli.Context, home string, changed *vcard.Card, words func(f cardFacts) string) error {
	facts, err := describeCard(home, changed)
	if err != nil {
		return err
	}
	return p.print(c, facts, func(w io.Writer) { fmt.Fprintln(w, words(facts)) })
}

func (p *program) insertCard(c *cli.Context) error {
	home, chosen, err := p.theCard(c)
	if err != nil {
		return err
	}
	readers := vcard.NewReaders(home)
	status, err := chosen.Status()
	if err != nil {
		return cardError(err)
	}
	g, strict := status.ChipType, status.StrictPIN
	if as := c.String("as"); as != "" {
		if g, err = vcard.ParseChipType(as); err != nil {
			return ca.Invalidate(errorf("--as %q : choisissez cps3 ou cps4",
				"--as %q: choose cps3 or cps4", as))
		}
	}
	if c.IsSet("strict-pin") {
		strict = c.Bool("strict-pin")
	}
	if g != status.ChipType || strict != status.StrictPIN { // another chip is another card: what is in the reader is taken out first
		if err := readers.Remove(chosen); err != nil && !errors.Is(err, vcard.ErrNotInserted) {
			return cardError(err)
		}
	}
	if g != status.ChipType {
		if err := chosen.SetChipType(g); err != nil {
			return cardError(err)
		}
	}
	if strict != status.StrictPIN {
		if err := chosen.SetStrictPIN(strict); err != nil {
			return cardError(err)
		}
	}
	if _, err := readers.Insert(chosen); err != nil && !errors.Is(err, vcard.ErrInserted) {
		return cardError(err)
	}
	return p.tell(c, home, chosen, func(f cardFacts) string {
		return fmt.Sprintf(tr("%s (%s) est dans le lecteur virtuel %d",
			"%s (%s) is in virtual reader %d"), f.Label, f.Holder, f.Reader)
	})
}

func (p *program) removeCard(c *cli.Context) error {
	home, chosen, err := p.theCard(c)
	if err != nil {
		return err
	}
	if err := vcard.NewReaders(home).Remove(chosen); err != nil {
		return cardError(err)
	}
	return p.tell(c, home, chosen, func(f cardFacts) string {
		return fmt.Sprintf(tr("%s (%s) n'est plus dans aucun lecteur",
			"%s (%s) is in no reader any more"), f.Label, f.Holder)
	})
}

func (p *program) changePIN(c *cli.Context) error {
	home, chosen, err := p.theCard(c)
	if err != nil {
		return err
	}
	codes, err := p.secrets(c, map[string]string{"pin": tr("Code porteur actuel",
		"Present PIN"), "new": tr("Nouveau code porteur",
		"New PIN")}, "pin", "new")
	if err != nil {
		return err
	}
	if err := chosen.ChangePIN(codes[0], codes[1]); err != nil {
		return cardError(err)
	}
	return p.tell(c, home, chosen, func(f cardFacts) string {
		return fmt.Sprintf(tr("%s a un nouveau code porteur ; ses fichiers PEM et PKCS#12 gardent celui de l'émission",
			"%s has a new PIN; its PEM and PKCS#12 files keep the one they were issued with"), f.Label)
	})
}

func (p *program) unblockCard(c *cli.Context) error {
	home, chosen, err := p.theCard(c)
	if err != nil {
		return err
	}
	codes, err := p.secrets(c, map[string]string{"code": tr("Code de déblocage",
		"Unblocking code"), "new": tr("Nouveau code porteur",
		"New PIN")}, "code", "new")
	if err != nil {
		return err
	}
	if err := chosen.Unblock(codes[0], codes[1]); err != nil {
		return cardError(err)
	}
	return p.tell(c, home, chosen, func(f cardFacts) string {
		return fmt.Sprintf(tr("%s est débloquée", "%s is unblocked"), f.Label)
	})
}

// secrets takes codes from the flags of those names, and asks for those that were not given:
// without an echo at a terminal, a line each elsewhere.
func (p *program) secrets(c *cli.Context, questions map[string]string, flags ...string) ([]string, error) {
	var codes []string
	lines := bufio.NewReader(p.in)
	for _, flag := range flags {
		code := c.String(flag)
		if code == "" {
			fmt.Fprintf(p.err, tr("%s : ", "%s: "), questions[flag])
			var err error
			if f, ok := p.in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
				var typed []byte
				typed, err = term.ReadPassword(int(f.Fd()))
				code = string(typed)
				fmt.Fprintln(p.err)
			} else {
				code, err = lines.ReadString('\n')
				code = strings.TrimSpace(code)
				if errors.Is(err, io.EOF) && code != "" {
					err = nil
				}
			}
			if err != nil {
				return nil, ca.Invalidate(errorf("pas de réponse : donnez --%s", "no answer: give --%s", flag))
			}
		}
		codes = append(codes, code)
	}
	return codes, nil
}

// completeCards completes card numbers: of cards in a reader for remove, of all of them else.
func (p *program) completeCards(c *cli.Context) {
	home, _, err := p.lab(c)
	if err != nil {
		return
	}
	cards, err := vcard.List(home)
	if err != nil {
		return
	}
	for _, one := range cards {
		facts, err := describeCard(home, one)
		if err == nil && (c.Command.Name != "remove" || facts.Reader > 0) {
			fmt.Fprintln(c.App.Writer, facts.Number+":"+facts.Holder)
		}
	}
}
