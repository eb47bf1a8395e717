package cli

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/services/orders"
)

func (p *program) followCommand() *cli.Command {
	text := func(name, fr, en string) cli.Flag { return &cli.StringFlag{Name: name, Usage: tr(fr, en)} }
	states := ""
	for i, s := range orders.States() {
		if i > 0 {
			states += ", "
		}
		states += string(s)
	}
	return &cli.Command{
		Name:      "follow",
		Usage:     tr("suit les commandes, ou une seule", "follow the orders, or one"),
		ArgsUsage: tr("[NUMÉRO]", "[NUMBER]"),
		Flags: append([]cli.Flag{
			text("structure", "de cette structure", "of this structure"), text("offer", "de cette offre",
				"of this offer"),
			text("usage", "de cet usage", "of this usage"),
			text("state", "dans cet état : "+states, "in this state: "+states),
			text("text", "dont le numéro, le nom ou le service contient ceci",
				"whose number, name or service contains this"),
			&cli.IntFlag{Name: "limit", Value: 50, Usage: tr("au plus autant", "at most as many")},
			jsonFlag(),
		}, serverFlags()...),
		OnUsageError: usageError, Action: p.follow,
	}
}

func (p *program) follow(c *cli.Context) error {
	if c.NArg() > 0 {
		number, err := oneArg(c, tr("le numéro d'une commande", "the number of an order"))
		if err != nil {
			return err
		}
		client, err := p.orderClient(c)
		if err != nil {
			return err
		}
		o, err := client.Get(c.Context, number)
		if err != nil {
			return err
		}
		return p.print(c, o, func(w io.Writer) { writeOrder(w, o) })
	}
	client, err := p.orderClient(c)
	if err != nil {
		return err
	}
	all := &orders.List{Orders: []*orders.Order{}}
	q := orders.Query{Structure: c.String("structure"), Offer: c.String("offer"), Usage: c.String("usage"),
		State: orders.State(c.String("state")), Text: c.String("text")}
	for want := c.Int("limit"); want > len(all.Orders); {
		q.Limit = min(want-len(all.Orders), 200)
		page, err := client.List(c.Context, q)
		if err != nil {
			return err
		}
		all.Orders = append(all.Orders, page.Orders...)
		if all.Next, q.After = page.Next, page.Next; page.Next == "" {
			break
		}
	}
	return p.print(c, all, func(w io.Writer) {
		writeOrders(w, all.Orders)
		if len(all.Orders) == 0 {
			fmt.Fprintln(p.err, tr("igc : aucune commande ; igc order en fait une",
				"igc: no order; igc order places one"))
		}
	})
}
