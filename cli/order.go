package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/services/orders"
	"github.com/igc-lab/igc/services/orders/api"
)

func (p *program) orderCommand() *cli.Command {
	text := func(name, fr, en string) cli.Flag { return &cli.StringFlag{Name: name, Usage: tr(fr, en)} }
	flags := []cli.Flag{
		text("usage", "ce qui est demandé : "+usageNames(), "what is asked for: "+usageNames()),
		text("offer", "l'offre, si l'usage ne la dit pas : ORG, SERV, PS, CARTE",
			"the offer, where the usage does not say it: ORG, SERV, PS, CARTE"),
		text("structure", "Struct_IdNat, tel que 10B0057881", "Struct_IdNat, such as 10B0057881"),
		text("organisation", "raison sociale (sinon celle de la structure, si elle est connue)",
			"organisation (else that of the structure, where it is known)"),
		text("department", "département, tel que 75", "department, such as 75"),
		text("service", "service applicatif, ou nom du serveur", "application, or name of the server"),
		&cli.StringSliceFlag{Name: "dns", Usage: tr("autre nom du serveur, répétable",
			"other name of the server, repeatable")},
		text("email", "adresse électronique", "e-mail address"),
		text("id-nat", "PS_IdNat de la personne", "PS_IdNat of the person"),
		text("given-name", "prénom", "given name"), text("surname", "nom", "surname"),
		text("profession", "code de la profession", "code of the profession"),
		text("csr", "fichier de la demande de certificat ; sans elle, une clé est faite",
			"file of the certification request; without one, a key is made"),
		text("password", "mot de passe de cette clé (sinon demandé)", "password of that key (else asked for)"),
		&cli.StringFlag{Name: "password-file", TakesFile: true, Usage: tr("fichier dont la première ligne est ce "+
			"mot de passe", "file whose first line is that password")},
		text("contact", "où va le courriel de retrait", "where the mail of withdrawal goes"),
		text("file", "fichier CSV, XLSX ou ODS, une commande par ligne : tout, ou rien",
			"CSV, XLSX or ODS file, an order a line: all of it, or nothing"),
		jsonFlag()}
	number := tr("NUMÉRO", "NUMBER")
	code := text("code", "code de révocation (sans lui, par rôle)", "revocation code (without it, by role)")
	return &cli.Command{
		Name:  "order",
		Usage: tr("demande un certificat ou une carte à la plateforme", "ask the platform for a certificate or a card"),
		Description: tr("Comme sur la plateforme IGC-Santé : demander ici, puis igc withdraw avec un code de "+
			"révocation. "+
			"Une carte est faite aussitôt, avec son courrier.",
			"As on the IGC-Santé's platform: ask here, then igc withdraw with a revocation code. A card is made at "+
				"once, "+
				"with its letter."),
		Flags: append(flags, serverFlags()...), OnUsageError: usageError, Action: p.order,
		Subcommands: []*cli.Command{
			{Name: "revoke", Usage: tr("révoque les certificats d'une commande, définitivement",
				"revoke the certificates of an order, for good"), ArgsUsage: number,
				Flags: append([]cli.Flag{code, text("reason", "motif : "+reasonNames(), "reason: "+reasonNames()),
					jsonFlag()}, serverFlags()...), OnUsageError: usageError, Action: p.orderRevoke},
			{Name: "redraw",
				Usage: tr("le PKCS#12 n'est jamais arrivé : le certificat est révoqué, et se retire de nouveau",
					"the PKCS#12 never arrived: the certificate is revoked, and can be withdrawn again"),
				ArgsUsage: number,
				Flags:     append([]cli.Flag{code, jsonFlag()}, serverFlags()...), OnUsageError: usageError,
				Action: p.orderRedraw},
		},
	}
}

// usageNames are the usages of all offers.
func usageNames() string {
	var names []string
	for _, o := range orders.Offers() {
		for _, u := range o.Usages {
			names = append(names, u.ID)
		}
	}
	return strings.Join(names, ", ")
}

func reasonNames() string {
	var names []string
	for _, r := range orders.Reasons() {
		names = append(names, string(r.ID))
	}
	return strings.Join(names, ", ")
}

func (p *program) order(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	if file := c.String("file"); file != "" {
		return p.orderFile(c, file)
	}
	if c.String("usage") == "" {
		return invalid("donnez ce qui est demandé : --usage %s", "give what is asked for: --usage %s", usageNames())
	}
	r := orders.Request{Offer: c.String("offer"), Usage: c.String("usage"), Structure: c.String("structure"),
		Organisation: c.String("organisation"), Department: c.String("department"), Service: c.String("service"),
		DNSNames: c.StringSlice("dns"), Email: c.String("email"), IdNat: c.String("id-nat"),
		GivenName: c.String("given-name"), Surname: c.String("surname"), Profession: c.String("profession"),
		Contact: c.String("contact")}
	offer, _, err := orders.FindOffer(r.Offer, r.Usage)
	if err == nil {
		r.Password, err = filePassword(c)
	}
	if err != nil {
		return err
	}
	switch file := c.String("csr"); {
	case file != "":
		data, err := os.ReadFile(file)
		if err != nil {
			return ca.Invalidate(err)
		}
		r.CSR = string(data)
	case r.Password == "" && offer.ID != "CARTE":
		given, err := p.secrets(c, map[string]string{"password": tr("Mot de passe de la clé à faire",
			"Password of the key to be made")}, "password")
		if err != nil {
			return err
		}
		r.Password = given[0]
	}
	client, err := p.orderClient(c)
	if err != nil {
		return err
	}
	o, err := client.Place(c.Context, r)
	if err != nil {
		return err
	}
	return p.print(c, o, func(w io.Writer) { writeOrder(w, o) })
}

// orderFile orders what a file lists.
func (p *program) orderFile(c *cli.Context, file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return ca.Invalidate(err)
	}
	rows, err := orders.ReadTable(data)
	if err != nil {
		return err
	}
	requests := make([]orders.Request, len(rows))
	for i, row := range rows {
		requests[i] = row.Request
	}
	client, err := p.orderClient(c)
	if err != nil {
		return err
	}
	list, err := client.PlaceAll(c.Context, requests)
	var problem *api.ProblemError
	if errors.As(err, &problem) && problem.Problem.Rows != nil {
		for _, fault := range problem.Problem.Rows {
			if fault.Row < 1 || fault.Row > len(rows) {
				continue
			}
			fmt.Fprintf(p.err, tr("ligne %d : %s (%s)\n", "line %d: %s (%s)\n"), rows[fault.Row-1].Number,
				tr(fault.Detail.FR, fault.Detail.EN), fault.Code)
		}
		return invalid("rien n'a été commandé : corrigez ces %d lignes", "nothing was ordered: correct these %d lines",
			len(problem.Problem.Rows))
	}
	if err != nil {
		return err
	}
	return p.print(c, list, func(w io.Writer) { writeOrders(w, list.Orders) })
}

func (p *program) orderRevoke(c *cli.Context) error {
	return p.changeOrder(c, func(client *api.Client, number string) (*orders.Order, error) {
		reason := c.String("reason")
		if reason == "" {
			return nil, invalid("donnez le motif : --reason %s", "give the reason: --reason %s", reasonNames())
		}
		return client.Revoke(c.Context, number, orders.Revocation{Code: c.String("code"), Reason: reason})
	})
}

func (p *program) orderRedraw(c *cli.Context) error {
	return p.changeOrder(c, func(client *api.Client, number string) (*orders.Order, error) {
		return client.Redraw(c.Context, number, c.String("code"))
	})
}

// changeOrder does a step of the order that the argument names, and prints the order.
func (p *program) changeOrder(c *cli.Context, step func(*api.Client, string) (*orders.Order, error)) error {
	number, err := oneArg(c, tr("le numéro d'une commande (igc follow)", "the number of an order (igc follow)"))
	if err != nil {
		return err
	}
	client, err := p.orderClient(c)
	if err != nil {
		return err
	}
	o, err := step(client, number)
	if err != nil {
		return err
	}
	return p.print(c, o, func(w io.Writer) { writeOrder(w, o) })
}

// writeOrder writes an order in words, and what to do next of it.
func writeOrder(out io.Writer, o *orders.Order) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(fr, en, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s\t%s\n", tr(fr, en), value)
		}
	}
	state := o.State.Name()
	line("commande", "order", o.Number)
	line("état", "state", tr(state.FR, state.EN))
	line("usage", "usage", o.Offer+" "+o.Usage)
	line("pour", "for", o.Holder.DisplayName())
	line("structure", "structure", strings.TrimSpace(o.Structure+" "+o.Holder.Organisation))
	line("demandé", "asked for", o.Asked.At.Local().Format("2006-01-02 15:04")+", "+o.Asked.Name)
	if o.Withdrawn != nil {
		line("retiré", "withdrawn", o.Withdrawn.At.Local().Format("2006-01-02 15:04")+", "+o.Withdrawn.Name)
	}
	for _, certificate := range o.Certificates {
		line("certificat", "certificate", certificate.Role+" "+certificate.Serial+" "+certificate.Status)
	}
	line("carte", "card", o.Card)
	switch {
	case o.State == orders.ToWithdraw:
		line("ensuite", "next", "igc withdraw "+o.Number)
	case o.Card != "" && o.State == orders.Withdrawn:
		line("ensuite", "next", "igc card letter "+o.Card)
	}
	w.Flush()
}

// writeOrders writes a list of orders, a line each.
func writeOrders(out io.Writer, list []*orders.Order) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, o := range list {
		state := o.State.Name()
		fmt.Fprintf(w, "%s\t%s\t%s %s\t%s\t%s\n", o.Number, tr(state.FR, state.EN), o.Offer, o.Usage, o.Structure,
			o.Holder.DisplayName())
	}
	w.Flush()
}
