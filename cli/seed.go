package cli

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/lab"
)

// benchCommand is for those who measure the lab itself: help does not show it.
func (p *program) benchCommand() *cli.Command {
	return &cli.Command{Name: "bench", Hidden: true, Usage: "measure the lab", Subcommands: []*cli.Command{{
		Name:  "seed",
		Usage: "fill the lab with certificates that nobody signed, to see how a large one behaves",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "certificates", Value: 1_000_000, Usage: "how many"},
			&cli.IntFlag{Name: "revoked", Value: 100_000, Usage: "how many of them are revoked"},
			&cli.StringFlag{Name: "key", Usage: "key policy of a lab that is made for it"},
		},
		OnUsageError: usageError,
		Action:       p.seed,
	}}}
}

func (p *program) seed(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	config := lab.DefaultConfig()
	if key := c.String("key"); key != "" {
		policy, err := ca.ParseKeyPolicy(key)
		if err != nil {
			return err
		}
		config.Key = policy
	}
	client, err := p.connectOrCreate(c, config)
	if err != nil {
		return err
	}
	if c.String("key") != "" && client.Lab.Config.Key != config.Key {
		return ca.Invalidate(fmt.Errorf("--key %s: the lab in %s has keys of %s: leave --key out, or name another home", config.Key, client.Lab.Home, client.Lab.Config.Key))
	}
	if err := client.Lab.Lock(); err != nil {
		return err
	}
	defer client.Lab.Unlock()
	identity, err := fixtures.Find("alain")
	if err != nil {
		return err
	}
	card := ca.IssueRequest{Product: identity.Product, Holder: identity.Holder}
	if err := client.Lab.Seed(c.Context, card, c.Int("certificates"), c.Int("revoked")); err != nil {
		return err
	}
	return p.print(c, map[string]int{"certificates": c.Int("certificates"), "revoked": c.Int("revoked")}, func(w io.Writer) {
		fmt.Fprintf(w, "%d certificates, %d revoked, in %s\n", c.Int("certificates"), c.Int("revoked"), client.Lab.Home)
	})
}
