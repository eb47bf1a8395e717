package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	vcard "github.com/igc-lab/igc/card"
	"github.com/igc-lab/igc/card/chip"
	"github.com/igc-lab/igc/card/vpcd"
	"github.com/igc-lab/igc/internal/i18n"
)

func (p *program) readerCommand() *cli.Command {
	return &cli.Command{
		Name: "reader",
		Usage: tr("joue dans PC/SC les cartes des deux premiers lecteurs virtuels : la Cryptolib CPS et OpenSC voient une CPS3 ou une CPS4",
			"play in PC/SC the cards of the first two virtual readers: the Cryptolib CPS and OpenSC see a CPS3 or a CPS4"),
		OnUsageError: usageError, Action: p.runReader,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "card", Usage: tr("cette carte seule, insérée ou non (numéro, son début, ou dossier)",
				"this card alone, inserted or not (number, its beginning, or folder)")},
			&cli.StringFlag{Name: "vpcd", Value: vpcd.DefaultAddress, Usage: tr("où vpcd écoute ; son second lecteur est au port suivant",
				"where vpcd listens; its second reader is at the next port")},
			&cli.BoolFlag{Name: "exposed", Usage: tr("accepte que vpcd écoute au-delà de cette machine",
				"accept that vpcd listens beyond this machine")},
		},
	}
}

func (p *program) runReader(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	home, _, err := p.lab(c)
	if err != nil {
		return err
	}
	address, slots := c.String("vpcd"), vpcd.Slots
	if _, _, err := net.SplitHostPort(address); err != nil {
		return ca.Invalidate(fmt.Errorf("--vpcd %q: %w", address, err))
	}
	source := insertedCards(vcard.NewReaders(home))
	if what := c.String("card"); what != "" {
		card, err := vcard.Find(home, what)
		if err == nil {
			_, err = chip.New(card) // said at once, not in the log
		}
		if err != nil {
			return cardError(err)
		}
		source, slots = theOneCard(card), 1
	}
	allow := func(address string) error { return private(address, 1) }
	if err := private(address, slots); err != nil && !c.Bool("exposed") {
		return &ca.Error{Kind: ca.Conflict, Err: err}
	} else if err != nil {
		fmt.Fprintln(p.err, tr("igc : attention, ", "igc: warning, ")+err.Error())
	}
	if c.Bool("exposed") {
		allow = func(string) error { return nil }
	}
	fmt.Fprintln(p.out, tr("Lecteur prêt ; igc card insert et igc card remove y mettent et en retirent les cartes. Ctrl-C l'arrête.",
		"Reader ready; igc card insert and igc card remove put cards in and take them out. Ctrl-C stops it."))
	err = vpcd.Run(c.Context, address, slots, source, allow, p.logReader)
	if err != nil && !errors.Is(err, context.Canceled) {
		return ca.Invalidate(err)
	}
	return nil
}

// private tells whether vpcd listens to this machine alone, or is kept to it by systemd.
func private(address string, slots int) error {
	open := vpcd.Exposed(address, slots)
	if len(open) == 0 || vpcd.Look("/").Confined {
		return nil
	}
	return errorf("vpcd écoute au-delà de cette machine (%s), quoi que dise reader.conf : qui l'atteint y met sa propre carte, et reçoit le code que l'on tape. "+
		"Fermez ces ports aux autres machines et donnez --exposed, ou tenez pcscd à celle-ci → %s",
		"vpcd listens beyond this machine (%s), whatever reader.conf says: who reaches it puts a card of their own there, and is given the PIN that is typed. "+
			"Close these ports to other machines and give --exposed, or keep pcscd to this one → %s", strings.Join(open, ", "), vpcd.ConfineCommand())
}

// insertedCards are those of the virtual readers with the numbers of the slots.
func insertedCards(readers vcard.Readers) vpcd.Source {
	return func(slot int) (string, func() (vpcd.Chip, error)) {
		in, there := readers.In(slot)
		if !there {
			return "", nil
		}
		return in.Since.String() + in.Dir, func() (vpcd.Chip, error) {
			card, err := vcard.Read(in.Dir)
			if err != nil {
				return nil, err
			}
			return chip.New(card)
		}
	}
}

func theOneCard(card *vcard.Card) vpcd.Source {
	return func(int) (string, func() (vpcd.Chip, error)) {
		return card.Dir, func() (vpcd.Chip, error) { return chip.New(card) }
	}
}

// logReader writes what happens in the reader. No command of a card is ever written: they hold
// PINs.
func (p *program) logReader(e vpcd.Event) {
	switch e.State {
	case vpcd.Inserted:
		fmt.Fprintf(p.out, tr("lecteur %d : %s insérée\n", "reader %d: %s inserted\n"), e.Slot, e.Card)
	case vpcd.Removed:
		fmt.Fprintf(p.out, tr("lecteur %d : %s retirée\n", "reader %d: %s removed\n"), e.Slot, e.Card)
	case vpcd.Refused:
		fmt.Fprintf(p.err, tr("igc : lecteur %d : carte refusée : %v\n",
			"igc: reader %d: card refused: %v\n"), e.Slot, i18n.Detail(e.Err))
	case vpcd.Absent:
		fmt.Fprintf(p.err, tr("igc : lecteur %d : pas de vpcd (%v) ; installez pcscd et vsmartcard-vpcd, lancez pcscd : j'attends\n",
			"igc: reader %d: no vpcd (%v); install pcscd and vsmartcard-vpcd, start pcscd: waiting\n"), e.Slot,
			i18n.Detail(e.Err))
	case vpcd.Barred:
		fmt.Fprintf(p.err, tr("igc : lecteur %d : %v\n", "igc: reader %d: %v\n"), e.Slot, i18n.Detail(e.Err))
	case vpcd.Failed:
		fmt.Fprintf(p.err, tr("igc : lecteur %d : %s : %v\n", "igc: reader %d: %s: %v\n"), e.Slot, e.Card,
			i18n.Detail(e.Err))
	}
}
