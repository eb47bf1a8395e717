package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/outbox"
)

func (p *program) outboxCommand() *cli.Command {
	to := &cli.StringFlag{Name: "to", Usage: tr("pour ce destinataire : adresse ou numéro",
		"to this recipient: an address or a number")}
	kind := &cli.StringFlag{Name: "kind", Usage: tr("de cette sorte : mail, sms", "of this kind: mail, sms")}
	code := &cli.BoolFlag{Name: "code", Usage: tr(
		"écrit le seul code de six chiffres qu'il contient (d'un SMS, sauf avec --kind)",
		"write only the code of six digits in it (of a text message, unless --kind is given)")}
	eml := &cli.BoolFlag{Name: "eml", Usage: tr("l'écrit comme fichier .eml", "write it as an .eml file")}
	return &cli.Command{
		Name: "outbox",
		Usage: tr("courriels et SMS que le laboratoire aurait envoyés",
			"mails and text messages that the lab would have sent"),
		OnUsageError: usageError,
		Subcommands: []*cli.Command{
			{
				Name:  "list",
				Usage: tr("les liste, le plus récent d'abord", "list them, the newest first"),
				Flags: []cli.Flag{to, kind, &cli.IntFlag{Name: "limit", Value: 200,
					Usage: tr("N au plus, 0 pour tout", "at most N, 0 for all")}, jsonFlag()},
				OnUsageError: usageError,
				Action:       p.outboxList,
			},
			{
				Name:      "show",
				Usage:     tr("montre un message", "show a message"),
				ArgsUsage: tr("IDENTIFIANT, ou --last", "ID, or --last"),
				Flags: []cli.Flag{&cli.BoolFlag{Name: "last", Usage: tr("le dernier", "the last one")}, to,
					kind, code, eml,
					jsonFlag()},
				OnUsageError: usageError,
				Action:       p.outboxShow,
			},
			{
				Name:  "wait",
				Usage: tr("attend un message et le montre", "wait for a message and show it"),
				Flags: []cli.Flag{to, kind,
					&cli.DurationFlag{Name: "timeout", Value: 5 * time.Second, Usage: tr(
						"au plus si longtemps", "at most so long")},
					&cli.StringFlag{Name: "after", Usage: tr("envoyé après le message de cet identifiant",
						"sent after the message of this ID")}, code, eml, jsonFlag()},
				OnUsageError: usageError,
				Action:       p.outboxWait,
			},
			{
				Name: "send",
				Usage: tr("y met un message, pour essayer une page ou un relais",
					"put a message there, to try a page or a relay"),
				ArgsUsage: tr("TEXTE", "TEXT"),
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "mail", Usage: tr("courriel à cette adresse", "a mail to this address")},
					&cli.StringFlag{Name: "sms", Usage: tr("SMS à ce numéro", "a text message to this number")},
					&cli.StringFlag{Name: "subject", Usage: tr("objet du courriel", "subject of the mail")},
					jsonFlag()},
				OnUsageError: usageError,
				Action:       p.outboxSend,
			},
			{
				Name:         "clear",
				Usage:        tr("supprime tous les messages", "delete all messages"),
				OnUsageError: usageError,
				Action:       p.outboxClear,
			},
		},
	}
}

func (p *program) outbox(c *cli.Context) (*outbox.Outbox, error) {
	client, err := p.connect(c)
	if err != nil {
		return nil, err
	}
	config := client.Lab.Config.Outbox
	return outbox.New(outbox.Options{Documents: client, Now: client.Lab.Now, SMTP: config.SMTP,
		Exposed: config.Exposed}), nil
}

// outboxFilter reads the flags that choose among messages.
func outboxFilter(c *cli.Context) (f outbox.Filter, err error) {
	f = outbox.Filter{To: c.String("to"), After: c.String("after"), Limit: c.Int("limit")}
	switch kind := outbox.MessageKind(strings.ToLower(c.String("kind"))); kind {
	case "", outbox.Mail, outbox.SMS:
		f.Kind = kind
	default:
		return f, ca.Invalidate(errorf("--kind %q : choisissez mail ou sms",
			"--kind %q: choose mail or sms", c.String("kind")))
	}
	if f.Kind == "" && c.Bool("code") {
		f.Kind = outbox.SMS
	}
	if f.Limit < 0 {
		return f, ca.Invalidate(errorf("--limit : donnez un nombre positif, ou 0 pour tout",
			"--limit: give a positive number, or 0 for all"))
	}
	return f, nil
}

func (p *program) outboxList(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	f, err := outboxFilter(c)
	if err != nil {
		return err
	}
	o, err := p.outbox(c)
	if err != nil {
		return err
	}
	list, err := o.List(c.Context, f)
	if err != nil {
		return err
	}
	return p.print(c, list, func(w io.Writer) {
		if len(list) == 0 {
			fmt.Fprintln(w, tr("Aucun message.", "No message."))
			return
		}
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, m := range list {
			text := m.Subject
			if m.Kind == outbox.SMS {
				text = strings.Join(strings.Fields(m.Text), " ")
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", m.ID, m.At.Local().Format("2006-01-02 15:04:05"), m.Kind,
				shortened(m.To, holderWidth), shortened(text, 2*holderWidth))
		}
		t.Flush()
	})
}

// noMessage is the error when none passes the flags.
func noMessage(c *cli.Context) error {
	given := ""
	for _, name := range []string{"to", "kind", "after"} {
		if c.String(name) != "" {
			given += " --" + name + " " + c.String(name)
		}
	}
	return &ca.Error{Kind: ca.NotFound, Err: errorf("aucun message%s : igc outbox list les montre tous",
		"no message%s: igc outbox list shows all of them", given)}
}

func (p *program) outboxShow(c *cli.Context) error {
	f, err := outboxFilter(c)
	if err != nil {
		return err
	}
	last := c.Bool("last") || c.NArg() == 0 && (c.IsSet("to") || c.IsSet("kind"))
	if last {
		err = noArgs(c)
	} else {
		_, err = oneArg(c, tr("l'identifiant d'un message (igc outbox list), ou --last",
			"the ID of a message (igc outbox list), or --last"))
	}
	if err != nil {
		return err
	}
	o, err := p.outbox(c)
	if err != nil {
		return err
	}
	if !last {
		m, err := o.Get(c.Context, c.Args().First())
		if err != nil {
			return err
		}
		return p.showMessage(c, m)
	}
	f.Limit = 1
	list, err := o.List(c.Context, f)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return noMessage(c)
	}
	return p.showMessage(c, list[0])
}

func (p *program) showMessage(c *cli.Context, m *outbox.Message) error {
	switch {
	case c.Bool("eml"):
		_, err := p.out.Write(m.EML())
		return err
	case c.Bool("code"):
		code := m.Code()
		if code == "" {
			return &ca.Error{Kind: ca.NotFound, Err: errorf("le message %s ne contient pas de code de six chiffres",
				"the message %s holds no code of six digits", m.ID)}
		}
		_, err := fmt.Fprintln(p.out, code)
		return err
	}
	return p.print(c, m, func(w io.Writer) {
		line := func(name, value string) {
			if value != "" {
				fmt.Fprintf(w, "%-16s %s\n", name, value)
			}
		}
		line(tr("identifiant", "ID"), m.ID)
		line(tr("le", "on"), m.At.Local().Format(time.RFC3339))
		line(tr("de", "from"), m.From)
		line(tr("à", "to"), m.To)
		line(tr("personne", "person"), m.Person)
		line(tr("objet", "subject"), m.Subject)
		if r := m.Relay; r != nil {
			line("SMTP", r.Server+" "+relayState(r))
		}
		fmt.Fprintf(w, "\n%s\n", strings.TrimRight(m.Text, "\n"))
	})
}

func relayState(r *outbox.Relay) string {
	switch {
	case r.Error != "":
		return r.Error
	case r.At.IsZero():
		return tr("en cours", "under way")
	}
	return tr("remis", "delivered")
}

// outboxPause is between two looks at the messages.
const outboxPause = 100 * time.Millisecond

func (p *program) outboxWait(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	f, err := outboxFilter(c)
	if err != nil {
		return err
	}
	o, err := p.outbox(c)
	if err != nil {
		return err
	}
	f.Limit = 1
	for end := time.Now().Add(c.Duration("timeout")); ; {
		list, err := o.List(c.Context, f)
		if err != nil {
			return err
		}
		if len(list) > 0 {
			return p.showMessage(c, list[0])
		}
		if !time.Now().Before(end) {
			return noMessage(c)
		}
		select {
		case <-time.After(outboxPause):
		case <-c.Context.Done():
			return c.Context.Err()
		}
	}
}

func (p *program) outboxSend(c *cli.Context) error {
	text, err := oneArg(c, tr("un texte", "a text"))
	if err != nil {
		return err
	}
	m := outbox.Message{Kind: outbox.Mail, To: c.String("mail"), Subject: c.String("subject"), Text: text}
	if c.IsSet("sms") {
		m.Kind, m.To = outbox.SMS, c.String("sms")
	}
	if c.IsSet("sms") == c.IsSet("mail") {
		return ca.Invalidate(errorf("donnez --mail ou --sms, l'un des deux", "give --mail or --sms, one of them"))
	}
	o, err := p.outbox(c)
	if err != nil {
		return err
	}
	sent, err := o.Send(c.Context, m)
	if err != nil {
		return err
	}
	o.Wait() // for the SMTP server
	if sent, err = o.Get(c.Context, sent.ID); err != nil {
		return err
	}
	if r := sent.Relay; r != nil && r.Error != "" {
		fmt.Fprintln(p.err, tr("igc : gardé, mais non relayé : ", "igc: kept, but not relayed: ")+r.Error)
	}
	return p.showMessage(c, sent)
}

func (p *program) outboxClear(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	o, err := p.outbox(c)
	if err != nil {
		return err
	}
	n, err := o.Clear(c.Context)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.out, tr("%d messages supprimés\n", "%d messages deleted\n"), n)
	return err
}
