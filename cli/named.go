package cli

import (
	"os"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
)

// findNamed finds the card or the certificate that an argument names: by a card's folder, by a
// file, or by a word, see [ca.Resolve].
func (p *program) findNamed(c *cli.Context, client *lab.Client, authorities []ca.AuthorityInfo,
	what string) (ca.Named, error) {
	if info, err := os.Stat(what); err == nil && info.IsDir() {
		target, err := cardFolder(what)
		if err != nil {
			return ca.Named{}, err
		}
		if what = target.Card; what == "" {
			what = target.Serial
		}
	} else if what, err = p.issuedHere(c, client, authorities, what); err != nil {
		return ca.Named{}, err
	}
	return ca.Resolve(c.Context, client, what)
}

// cardNumber is the number of the card that the value of a flag names.
func cardNumber(c *cli.Context, client *lab.Client, what string) (string, error) {
	if number := profiles.NormalizeNumber(what); what == "" || len(number) == 10 {
		return number, nil
	}
	found, err := ca.Resolve(c.Context, client, what)
	if err != nil || found.Card == "" {
		return what, err
	}
	return found.Card, nil
}

// resolveTargets replaces the words by which certificates are to be changed by numbers of cards and
// whole serial numbers.
func resolveTargets(c *cli.Context, client *lab.Client, targets []ca.StatusTarget) error {
	for i, t := range targets {
		if t.Serial == "" {
			continue
		}
		found, err := ca.Resolve(c.Context, client, t.Serial)
		switch {
		case err != nil:
			return err
		case found.Partial:
			return refusePartial(t.Serial, found)
		case found.Card != "":
			targets[i] = ca.StatusTarget{Card: found.Card}
		default:
			targets[i].Serial = found.Records[0].Serial
		}
	}
	return nil
}

// refusePartial refuses a part of a name: what cannot be undone wants a whole one.
func refusePartial(what string, found ca.Named) error {
	r := found.Records[0]
	return ca.Invalidate(errorf("%q désigne %s, %s : pour changer son état, donnez le numéro entier, %s",
		"%q means %s, %s: to change its status, give the whole number, %s",
		what, r.ShortName(), r.Holder.DisplayName(), r.ShortName()))
}
