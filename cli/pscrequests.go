package cli

import (
	"encoding/json"
	"fmt"
	"net/url"

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
	return followCalls(c, p, client, serve.ProviderURLs(client.Lab).Requests,
		url.Values{"client": {c.String("client")}},
		func(call psc.Call) (int, error) { return call.Number, p.printCall(c, call) })
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
