package carddesk

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/card"
	"github.com/igc-lab/igc/internal/atomicfile"
)

// Letter is what the letter of a card says: the codes that the card was issued with.
type Letter struct {
	Card         string    `json:"card_number"`
	Product      string    `json:"product"` // its name in French
	Holder       string    `json:"holder"`
	Organisation string    `json:"organisation,omitempty"`
	Identifier   string    `json:"identifier,omitempty"`
	Issued       time.Time `json:"issued"` // the day of the card, and of the letter

	PIN             string `json:"pin"`
	UnblockingCode  string `json:"unblocking_code"`
	Tries           int    `json:"tries"` // of the PIN
	UnblockingTries int    `json:"unblocking_tries"`
}

// String names the letter. The codes stay out of logs and messages.
func (l Letter) String() string { return "letter of card " + l.Card }

// GoString is String, for %#v.
func (l Letter) GoString() string { return l.String() }

// Outdated tells which codes of a letter the card takes no longer: its holder changed them.
type Outdated struct {
	PIN            bool `json:"pin_changed"`
	UnblockingCode bool `json:"unblocking_code_changed"`
}

// Letter is the letter of a card whose folder is at hand. pin is the one that it was issued with;
// when that is empty, the PIN of the letter that the desk kept, or the one of test cards, is taken
// if the card was issued with it. No try is counted.
func (d *Desk) Letter(c *card.Card, pin string) (Letter, Outdated, error) {
	var wrong *card.WrongCode
	switch pin = withoutSpaces(pin); {
	case pin != "":
		err := c.CheckIssuedPIN(pin)
		if errors.As(err, &wrong) {
			err = store.Errorf(store.Passphrase, "card %s was not issued with that PIN: its letter says the one that "+
				"it was issued with, not one that was chosen since", c.Number)
		}
		if err != nil {
			return Letter{}, Outdated{}, err
		}
	default:
		pin = DefaultPIN
		if kept, err := d.keptCodes(c.Number); err == nil {
			pin = kept.PIN
		} else if !errors.Is(err, fs.ErrNotExist) {
			return Letter{}, Outdated{}, err
		}
		err := c.CheckIssuedPIN(pin)
		if errors.As(err, &wrong) {
			err = store.Errorf(store.Invalid, "the PIN that card %s was issued with is written nowhere: "+
				"give it with --pin", c.Number)
		}
		if err != nil {
			return Letter{}, Outdated{}, err
		}
	}
	code, err := c.IssuedUnblockingCode()
	if err != nil {
		return Letter{}, Outdated{}, err
	}
	status, err := c.Status()
	if err != nil {
		return Letter{}, Outdated{}, err
	}
	l := Letter{Card: c.Number, Holder: c.Holder.DisplayName(), Organisation: c.Holder.Organisation,
		Identifier: c.Holder.IdNat, Issued: c.Certificates[0].NotBefore.UTC(), PIN: pin, UnblockingCode: code,
		Tries: card.Tries, UnblockingTries: status.UnblockingTries}
	if l.Product = "Carte"; c.Product != nil {
		l.Product = c.Product.FR
	}
	var outdated Outdated
	outdated.PIN, outdated.UnblockingCode, err = c.Replaced(card.IssuedCodes{PIN: pin, Unblocking: code})
	return l, outdated, err
}

// DefaultPIN is that of the real test cards, with which igc issue makes cards.
const DefaultPIN = "1234"

// day is the date of the letter in words.
func (l Letter) day() string {
	months := [...]string{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre",
		"octobre", "novembre", "décembre"}
	y, m, d := l.Issued.Date()
	if d == 1 {
		return fmt.Sprintf("1er %s %d", months[m-1], y)
	}
	return fmt.Sprintf("%d %s %d", d, months[m-1], y)
}

// unblockingCode is the code as people read it aloud.
func (l Letter) unblockingCode() string {
	if len(l.UnblockingCode) != 8 {
		return l.UnblockingCode
	}
	return l.UnblockingCode[:4] + " " + l.UnblockingCode[4:]
}

// The sentences of the letter, the same on every form of it.
const (
	letterNotice = "Document de laboratoire, carte de TEST. Ce courrier est modélisé : le courrier réel porte les " +
		"deux mêmes codes et part séparément de la carte, mais son texte n'est pas public."
	letterSender = "IGC-Santé de laboratoire"
	letterTitle  = "Les codes de votre carte"
)

// paragraphs are the text of the letter under its codes.
func (l Letter) paragraphs() []string {
	return []string{
		"Votre carte vous parvient par un autre envoi. Ne gardez pas ce courrier avec elle.",
		fmt.Sprintf("Le code porteur vous est demandé à chaque connexion. Après %d codes faux, la carte est bloquée.",
			l.Tries),
		fmt.Sprintf("Le code de déblocage débloque la carte et permet de choisir un nouveau code porteur : igc card "+
			"unblock %s. Après %d codes de déblocage faux, la carte est perdue.", l.Card, l.UnblockingTries),
		fmt.Sprintf("En cas de perte ou de vol, déclarez-le aussitôt : le code de déblocage vous sera demandé. "+
			"Au laboratoire : igc card lose %[1]s ou igc card steal %[1]s ; pour une carte endommagée, "+
			"igc card damage %[1]s.", l.Card),
	}
}

// Text is the letter as plain text.
func (l Letter) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n\n%s\n", letterSender, l.day(), l.Holder)
	for _, line := range []string{l.Organisation, l.Identifier} {
		if line != "" {
			fmt.Fprintln(&b, line)
		}
	}
	fmt.Fprintf(&b, "\n%s\n\n%s n° %s\n\n  Code porteur       %s\n  Code de déblocage  %s\n\n", letterTitle, l.Product,
		l.Card, l.PIN, l.unblockingCode())
	for _, p := range l.paragraphs() {
		fmt.Fprintf(&b, "%s\n", p)
	}
	fmt.Fprintf(&b, "\n%s\n", letterNotice)
	return b.String()
}

// issuedCodes are the codes of a card that the desk ordered, as it keeps them in the folder of
// letters: an order that was interrupted goes on with the same ones.
type issuedCodes struct {
	Card           string `json:"card_number"`
	PIN            string `json:"pin"`
	UnblockingCode string `json:"unblocking_code"`
}

// String keeps the codes out of logs and messages.
func (c issuedCodes) String() string { return "codes of card " + c.Card }

func (d *Desk) codesFile(number string) string {
	return filepath.Join(d.lettersFolder(), number+".json")
}

// keptCodes reads the codes of a card that the desk ordered; fs.ErrNotExist when it ordered none of
// that number.
func (d *Desk) keptCodes(number string) (c issuedCodes, err error) {
	data, err := os.ReadFile(d.codesFile(number))
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(data, &c); err != nil || c.Card != number {
		return c, store.Errorf(store.Damaged, "%s does not hold the codes of card %s: remove it", d.codesFile(number),
			number)
	}
	return c, nil
}

// drawCodes draws the codes of a card that is to be made, and keeps them. pin is empty to draw one.
func (d *Desk) drawCodes(number, pin string) (issuedCodes, error) {
	c, err := d.keptCodes(number)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c = issuedCodes{number, digits(4), digits(8)}
	case err != nil, pin == "", pin == c.PIN:
		return c, err
	}
	if pin != "" {
		c.PIN = pin
	}
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return c, err
	}
	if err := os.MkdirAll(d.lettersFolder(), 0o700); err != nil {
		return c, unwritable(err)
	}
	return c, unwritable(atomicfile.Write(d.codesFile(number), append(data, '\n'), 0o600))
}

// print writes the letter for print beside what the desk keeps of it: as PDF or, for a name that
// the fonts of a PDF lack, as a page.
func (d *Desk) print(l Letter) (path string, err error) {
	path = filepath.Join(d.lettersFolder(), l.Card+".pdf")
	data, err := l.PDF()
	if err != nil {
		path = filepath.Join(d.lettersFolder(), l.Card+".html")
		data = l.HTML()
	}
	return path, unwritable(atomicfile.Write(path, data, 0o600))
}

// digits draws a code.
func digits(n int) string {
	most := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
	drawn, err := rand.Int(rand.Reader, most)
	if err != nil {
		panic(err) // crypto/rand never fails
	}
	return fmt.Sprintf("%0*d", n, drawn)
}

func withoutSpaces(s string) string { return strings.Join(strings.Fields(s), "") }

func unwritable(err error) error {
	if err == nil {
		return nil
	}
	return &store.Error{Kind: store.Unwritable, Err: err}
}

// notHere tells the error of a card whose folder is not at hand.
func notHere(err error) bool {
	return errors.Is(err, card.ErrNotFound) || errors.Is(err, card.ErrNotCard)
}
