package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/serve"
	"github.com/igc-lab/igc/services/annuaire"
)

func (p *program) annuaireCommand() *cli.Command {
	return &cli.Command{
		Name: "annuaire",
		Usage: tr("l'Annuaire Santé du laboratoire : clés d'API, réglages, derniers appels",
			"the lab's Annuaire Santé: API keys, settings, last calls"),
		Description: tr("igc serve sert l'API FHIR sous /fhir/v2 et les extractions, avec les personnes du "+
			"laboratoire. docs/annuaire.fr.md dit ce qui est attesté.",
			"igc serve serves the FHIR API under /fhir/v2 and the extractions, with the lab's people. "+
				"docs/annuaire.md says what is attested."),
		OnUsageError: usageError,
		Subcommands: []*cli.Command{p.annuaireURLCommand(), p.annuaireKeyCommand(), p.annuaireSetCommand(),
			p.annuaireCallsCommand()},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return unknownCommand(c.Args().First(), "igc annuaire", c.Command.Subcommands)
			}
			return cli.ShowSubcommandHelp(c)
		},
	}
}

func (p *program) annuaireURLCommand() *cli.Command {
	return &cli.Command{
		Name:         "url",
		Usage:        tr("montre où l'Annuaire répond", "show where the Annuaire answers"),
		Flags:        []cli.Flag{jsonFlag()},
		OnUsageError: usageError,
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			_, client, err := p.services(c)
			if err != nil {
				return err
			}
			urls := serve.URLsOfAnnuaire(client.Lab)
			return p.print(c, urls, func(w io.Writer) { fmt.Fprintln(w, urls.FHIR) })
		},
	}
}

func (p *program) annuaireKeyCommand() *cli.Command {
	name := tr("NOM", "NAME")
	return &cli.Command{
		Name:         "key",
		Usage:        tr("clés d'API (ESANTE-API-KEY)", "API keys (ESANTE-API-KEY)"),
		OnUsageError: usageError,
		Subcommands: []*cli.Command{
			{
				Name:      "add",
				Usage:     tr("fait une clé, montrée cette seule fois", "make a key, shown this once"),
				ArgsUsage: name,
				Flags: []cli.Flag{&cli.BoolFlag{Name: "restricted", Usage: tr(
					"données restreintes : oppositions, certificats (as-dr-*)",
					"restricted data: oppositions, certificates (as-dr-*)")}, jsonFlag()},
				OnUsageError: usageError, Action: p.annuaireKeyAdd,
			},
			{
				Name: "list", Usage: tr("liste les clés, sans leur valeur", "list the keys, without their value"),
				Flags: []cli.Flag{jsonFlag()}, OnUsageError: usageError, Action: p.annuaireKeyList,
			},
			{
				Name: "remove", Usage: tr("retire une clé", "remove a key"), ArgsUsage: name,
				OnUsageError: usageError, Action: p.annuaireKeyRemove,
			},
		},
	}
}

// newKey is an API key as igc annuaire key add --json gives it.
type newKey struct {
	Name       string `json:"name"`
	Key        string `json:"key"`
	Restricted bool   `json:"restricted"`
}

func (p *program) annuaireKeyAdd(c *cli.Context) error {
	name, err := oneArg(c, tr("un nom d'application", "the name of an application"))
	if err != nil {
		return err
	}
	s, client, err := p.services(c)
	if err != nil {
		return err
	}
	key, err := annuaire.AddKey(c.Context, client, "", name, c.Bool("restricted"), s.Clock.Now())
	if err != nil {
		return err
	}
	return p.print(c, newKey{name, key, c.Bool("restricted")}, func(w io.Writer) {
		fmt.Fprintf(w, "ESANTE-API-KEY: %s\n", key)
		fmt.Fprintln(p.err, tr("igc : gardez-la, elle n'est pas montrée une autre fois",
			"igc: keep it, it is not shown again"))
	})
}

func (p *program) annuaireKeyList(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	_, client, err := p.services(c)
	if err != nil {
		return err
	}
	keys, err := annuaire.Keys(c.Context, client)
	if err != nil {
		return err
	}
	return p.print(c, keys, func(out io.Writer) {
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		for _, key := range keys {
			level := tr("publique", "public")
			if key.Restricted {
				level = tr("restreinte", "restricted")
			}
			fmt.Fprintf(w, "%s\t%s\t%s\n", key.Name, level, key.Created.Format("2006-01-02 15:04"))
		}
		w.Flush()
	})
}

func (p *program) annuaireKeyRemove(c *cli.Context) error {
	name, err := oneArg(c, tr("le nom d'une clé", "the name of a key"))
	if err != nil {
		return err
	}
	_, client, err := p.services(c)
	if err != nil {
		return err
	}
	return annuaire.RemoveKey(c.Context, client, "", name)
}

func (p *program) annuaireSetCommand() *cli.Command {
	return &cli.Command{
		Name: "set",
		Usage: tr("montre ou change les réglages, aussitôt : igc annuaire set require_key=on fault=504",
			"show or change the settings, at once: igc annuaire set require_key=on fault=504"),
		ArgsUsage: tr("[NOM=VALEUR...|default]", "[NAME=VALUE...|default]"), Flags: []cli.Flag{jsonFlag()},
		OnUsageError: usageError, Action: p.annuaireSet,
	}
}

func (p *program) annuaireSet(c *cli.Context) error {
	_, client, err := p.services(c)
	if err != nil {
		return err
	}
	var s annuaire.Settings
	if !c.Args().Present() {
		s, err = annuaire.ReadSettings(c.Context, client)
	} else {
		s, err = annuaire.ChangeSettings(c.Context, client, "", func(s *annuaire.Settings) error {
			return assign(c, func() { *s = annuaire.DefaultSettings() }, s.Set)
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

func (p *program) annuaireCallsCommand() *cli.Command {
	return &cli.Command{
		Name: "calls",
		Usage: tr("montre les derniers appels de l'API, et ce qu'ils avaient de particulier",
			"show the last calls of the API, and what was odd in them"),
		Flags: []cli.Flag{&cli.BoolFlag{Name: "follow", Usage: tr("et ceux qui viennent, jusqu'à Ctrl-C",
			"and those that come, until Ctrl-C")}, jsonFlag()},
		OnUsageError: usageError, Action: p.annuaireCalls,
	}
}

func (p *program) annuaireCalls(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	_, client, err := p.services(c)
	if err != nil {
		return err
	}
	return followCalls(c, p, client, serve.URLsOfAnnuaire(client.Lab).Calls, url.Values{},
		func(call annuaire.Call) (int, error) {
			if c.Bool("json") {
				return call.Number, json.NewEncoder(p.out).Encode(call)
			}
			return call.Number, printAnnuaireCall(p.out, call)
		})
}

func printAnnuaireCall(w io.Writer, call annuaire.Call) error {
	query := call.Query
	if query != "" {
		query = "?" + query
	}
	_, err := fmt.Fprintf(w, "%s  %d  %s %s%s  %s\n", call.Time(), call.Status, call.Method, call.Path, query, call.Key)
	for _, found := range call.Found {
		fmt.Fprintf(w, "  %s  %s\n", found.Code, tr(found.Means.FR, found.Means.EN))
		if found.Seen != "" {
			fmt.Fprintf(w, tr("    vu :      %s\n", "    seen:     %s\n"), found.Seen)
		}
		fmt.Fprintf(w, tr("    à faire : %s\n", "    fix:      %s\n"), tr(found.Fix.FR, found.Fix.EN))
	}
	return err
}
