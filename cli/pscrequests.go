package cli

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/serve"
	"github.com/igc-lab/igc/services/psc"
)

func (p *program) pscRequestsCommand() *cli.Command {
	return &cli.Command{
		Name: "requests",
		Usage: tr("montre les derniers appels des services, et ce qui n'allait pas",
			"show the last calls of the services, and what was wrong with them"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "client", Usage: tr("de ce client_id", "of this client_id")},
			&cli.BoolFlag{Name: "follow", Usage: tr("et ceux qui viennent, jusqu'à Ctrl-C",
				"and those that come, until Ctrl-C")},
			jsonFlag(),
		},
		OnUsageError: usageError,
		Action:       p.pscRequests,
	}
}

func (p *program) pscRequests(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	_, client, err := p.services(c)
	if err != nil {
		return err
	}
	desk, err := deskClient(c.Context, client)
	if err != nil {
		return err
	}
	query := url.Values{"client": {c.String("client")}}
	for after := 0; ; {
		query.Set("after", strconv.Itoa(after))
		calls, err := fetchCalls[psc.Call](c.Context, desk, serve.ProviderURLs(client.Lab).Requests+"?"+query.Encode())
		if err != nil {
			return err
		}
		for _, call := range calls {
			after = call.Number
			if err := p.printCall(c, call); err != nil {
				return err
			}
		}
		if !c.Bool("follow") {
			if len(calls) == 0 {
				fmt.Fprintln(p.err, tr("igc : aucun appel depuis le lancement d'igc serve",
					"igc: no call since igc serve was started"))
			}
			return nil
		}
		query.Set("wait", "1")
	}
}

func (p *program) printCall(c *cli.Context, call psc.Call) error {
	if c.Bool("json") {
		return json.NewEncoder(p.out).Encode(call)
	}
	fmt.Fprintf(p.out, "%s  %-12s %d  %s %s  %s\n", call.Time(), call.Endpoint, call.Status, call.Client,
		call.Person, call.Error)
	for _, found := range call.Found {
		fmt.Fprintf(p.out, "  %s  %s\n", found.Code, tr(found.Means.FR, found.Means.EN))
		fmt.Fprintf(p.out, tr("    attendu : %s\n", "    expected: %s\n"), tr(found.Expected.FR, found.Expected.EN))
		if found.Seen != "" {
			fmt.Fprintf(p.out, tr("    vu :      %s\n", "    seen:     %s\n"), found.Seen)
		}
		fmt.Fprintf(p.out, tr("    à faire : %s\n", "    fix:      %s\n"), tr(found.Fix.FR, found.Fix.EN))
	}
	return nil
}
