package cli

import (
	"fmt"
	"io"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/batch"
	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/lab"
)

// batchFlags are the flags of igc issue that may stand beside --batch.
var batchFlags = []string{"batch", "check", "out", "json", "p12-legacy", "key", "urls", "pin", "generation", "password",
	"password-file", "clear-keys", "allow-real-id"}

// notInRows are the flags of igc issue that a row cannot have.
var notInRows = []string{"batch", "check", "batch-example", "out", "json", "help", "p12-legacy", "clear-keys"}

// batch issues a card for each row of a file.
func (p *program) batch(c *cli.Context, file string) error {
	for _, name := range c.LocalFlagNames() {
		if !slices.Contains(batchFlags, name) {
			return ca.Invalidate(errorf("--%s ne vaut que pour une carte : mettez-le dans les lignes de %s",
				"--%s is for one card: put it in the rows of %s", name, file))
		}
	}
	rules := p.batchRules(c)
	read, err := batch.Read(file, p.in, rules.Columns)
	if err != nil {
		return err
	}
	orders, err := batch.Check(read.Rows, rules)
	if err != nil {
		return err
	}
	if c.Bool("check") {
		return p.checkBatch(c, read, orders)
	}
	p.batchNotes(read)
	config := lab.DefaultConfig()
	if key := c.String("key"); key != "" {
		if config.Key, err = ca.ParseKeyPolicy(key); err != nil {
			return err
		}
	}
	client, err := p.connectOrCreate(c, config)
	if err != nil {
		return err
	}
	bar := newBar(p.err)
	path, err := batch.Run(c.Context, client, batch.Job{Rows: read.Rows, Orders: orders, Out: c.String("out"),
		Resumed: func(done int) {
			fmt.Fprintf(p.err, tr("%d cartes sont déjà faites : je continue.\n",
				"%d cards are done already: going on.\n"), done)
		},
		Made: func(line int, card *ca.CardFile) {
			for _, item := range card.LeftAside {
				p.note(fmt.Sprintf(tr("ligne %d : laissé de côté, %s", "line %d: left aside, %s"), line, tr(item.FR,
					item.EN)))
			}
		},
		Progress: func(made, total int) { bar.show(tr("cartes", "cards"), made, total) },
	})
	if err != nil {
		return err
	}
	facts := map[string]any{"cards": len(orders), "out": path}
	return p.print(c, facts, func(w io.Writer) {
		fmt.Fprintf(w, tr("%d cartes dans %s\n", "%d cards in %s\n"), len(orders), path)
	})
}

// batchRules are the flags of igc issue as columns of a batch.
func (p *program) batchRules(c *cli.Context) batch.Rules {
	rules := batch.Rules{Defaults: map[string]string{}, Order: func(r batch.Row) (ca.CardOrder, error) {
		order, err := cardOrder(requestValues{values: r, notes: func(text string) {
			p.note(fmt.Sprintf(tr("ligne %d : %s", "line %d: %s"), r.Line, text))
		}})
		order.LegacyP12, order.ClearKeys = c.Bool("p12-legacy"), c.Bool("clear-keys")
		return order, err
	}}
	for _, f := range c.Command.Flags {
		for _, name := range f.Names() {
			if !slices.Contains(notInRows, name) {
				rules.Columns = append(rules.Columns, name)
			}
		}
	}
	for _, name := range []string{"key", "urls", "pin", "generation", "password",
		"password-file"} { // of the whole batch, unless the row says otherwise
		if c.IsSet(name) {
			rules.Defaults[name] = c.String(name)
		}
	}
	if c.Bool("allow-real-id") {
		rules.Defaults["allow-real-id"] = "true"
	}
	return rules
}

func (p *program) batchExample(format string) error {
	example, err := batch.Example(format)
	if err == nil {
		_, err = io.WriteString(p.out, example)
	}
	return err
}
