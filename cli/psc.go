package cli

import (
	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/serve"
	"github.com/igc-lab/igc/services/psc"
)

func (p *program) pscCommand() *cli.Command {
	return &cli.Command{
		Name: "psc",
		Usage: tr("Pro Santé Connect : clients, connexions, jetons, réglages",
			"Pro Santé Connect: clients, logins, tokens, settings"),
		Description: tr("igc serve sert un Pro Santé Connect de laboratoire, aux adresses, formes et erreurs du vrai. "+
			"docs/psc.fr.md dit comment s'y relier.",
			"igc serve serves a Pro Santé Connect for the lab, with the addresses, shapes and errors of the real one. "+
				"docs/psc.md says how to connect to it."),
		OnUsageError: usageError,
		Subcommands: []*cli.Command{p.pscClientCommand(), p.pscLoginCommand(), p.pscTokenCommand(),
			p.pscRequestsCommand(), p.pscSetCommand(),
			p.pscClockCommand(), p.pscRotateCommand()},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return unknownCommand(c.Args().First(), "igc psc", c.Command.Subcommands)
			}
			return cli.ShowSubcommandHelp(c)
		},
	}
}

// provider opens the Pro Santé Connect of the lab for a command, whether a server runs or not.
func (p *program) provider(c *cli.Context) (*psc.Provider, *lab.Client, error) {
	s, client, err := p.services(c)
	if err != nil {
		return nil, nil, err
	}
	return serve.NewProvider(client, client.Lab, s, nil, nil), client, nil
}
