package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/services/psc"
)

func (p *program) pscSetCommand() *cli.Command {
	return &cli.Command{
		Name: "set",
		Usage: tr("montre ou change les réglages, aussitôt : igc psc set sub=uuid",
			"show or change the settings, at once: igc psc set sub=uuid"),
		Description: tr("Les réglages sont ce dont aucune source ne dit comment le vrai service fait, les durées, et "+
			"les pannes à jouer : fault.token=503, fault.userinfo=5s, fault.jwks=reset, =off. default remet tout.",
			"The settings are what no source says of the real service, the lifetimes, and faults to play: "+
				"fault.token=503, fault.userinfo=5s, fault.jwks=reset, =off. default resets all."),
		ArgsUsage: tr("[NOM=VALEUR...|default]", "[NAME=VALUE...|default]"), Flags: []cli.Flag{jsonFlag()},
		OnUsageError: usageError, Action: p.pscSet,
	}
}

func (p *program) pscSet(c *cli.Context) error {
	_, client, err := p.services(c)
	if err != nil {
		return err
	}
	var s psc.Settings
	if !c.Args().Present() {
		s, err = psc.ReadSettings(c.Context, client)
	} else {
		s, err = psc.ChangeSettings(c.Context, client, "", func(s *psc.Settings) error {
			return assign(c, func() { *s = psc.DefaultSettings() }, s.Set)
		})
	}
	if err != nil {
		return err
	}
	return p.print(c, s.List(), func(out io.Writer) {
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		for _, t := range s.List() {
			printSetting(w, t.Name, t.Value, t.Default, t.About)
		}
		w.Flush()
	})
}

func (p *program) pscClockCommand() *cli.Command {
	return &cli.Command{
		Name: "clock",
		Usage: tr("montre l'heure de Pro Santé Connect et de l'e-CPS, ou l'avance : igc psc clock +31m",
			"show the time of Pro Santé Connect and the e-CPS, or move it forward: igc psc clock +31m"),
		ArgsUsage: tr("[+DURÉE]", "[+DURATION]"), Flags: []cli.Flag{jsonFlag()},
		OnUsageError: usageError, Action: p.pscClock,
	}
}

func (p *program) pscClock(c *cli.Context) error {
	s, client, err := p.services(c)
	if err != nil {
		return err
	}
	offset, err := s.Clock.Offset(c.Context)
	if c.Args().Present() {
		text, argErr := oneArg(c, tr("une durée, telle que +31m", "a duration, such as +31m"))
		if argErr != nil {
			return argErr
		}
		by, parseErr := time.ParseDuration(strings.TrimPrefix(text, "+"))
		if parseErr != nil {
			return ca.Invalidate(errorf("%q n'est pas une durée : +121s, +31m, +4h",
				"%q is not a duration: +121s, +31m, +4h", text))
		}
		offset, err = s.Clock.Forward(c.Context, "", by)
	}
	if err != nil {
		return err
	}
	now := client.Lab.Now().Add(offset)
	facts := servicesTime{now.UTC().Truncate(time.Second), int64(offset.Seconds())}
	return p.print(c, facts, func(w io.Writer) { fmt.Fprintf(w, "%s (+%s)\n", now.Format(time.RFC3339), offset) })
}

// servicesTime is the time of the services.
type servicesTime struct {
	Now    time.Time `json:"now"`
	Offset int64     `json:"offset_seconds"` // ahead of the system's clock
}

func (p *program) pscRotateCommand() *cli.Command {
	return &cli.Command{
		Name: "rotate-key",
		Usage: tr("fait une nouvelle clé de signature ; l'ancienne reste publiée un jour",
			"make a new signing key; the old one stays published for a day"),
		OnUsageError: usageError,
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			s, client, err := p.services(c)
			if err != nil {
				return err
			}
			if err := psc.RotateKey(c.Context, client, client.Lab, s.Clock.Now(), ""); err != nil {
				return err
			}
			fmt.Fprintln(p.out, tr("nouvelle clé de signature ; les jetons déjà donnés restent valables",
				"new signing key; tokens already given stay valid"))
			return nil
		},
	}
}
