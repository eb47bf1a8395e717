package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/services/ecps"
)

func (p *program) ecpsCommand() *cli.Command {
	id := tr("IDENTIFIANT (8 et le numéro RPPS)", "IDENTIFIER (8 and the RPPS number)")
	request := tr("IDENTIFIANT ou DEMANDE", "IDENTIFIER or REQUEST")
	number := &cli.StringFlag{Name: "number", Usage: tr("le nombre choisi sur le téléphone (sinon le bon)",
		"the number chosen on the phone (else the right one)")}
	command := func(name, usage, args string, action cli.ActionFunc, flags ...cli.Flag) *cli.Command {
		c := &cli.Command{Name: name, Usage: usage, ArgsUsage: args, OnUsageError: usageError, Action: action,
			Flags: append(flags, jsonFlag())}
		if args == id || args == request {
			c.BashComplete = p.completePersons
		}
		return c
	}
	return &cli.Command{
		Name: "ecps",
		Usage: tr("l'e-CPS sur le téléphone simulé : activation, demandes d'authentification, politiques",
			"the e-CPS on the simulated phone: activation, authentication requests, policies"),
		OnUsageError: usageError,
		Subcommands: []*cli.Command{
			command("activate", tr("active l'e-CPS d'une personne, sans les étapes de la page",
				"activate the e-CPS of a person, without the steps of the page"), id, p.activateECPS,
				&cli.StringFlag{Name: "pin", Usage: tr("code PIN à quatre chiffres (sinon demandé)",
					"PIN of four digits (else asked for)")}),
			command("list", tr("liste les e-CPS du laboratoire", "list the e-CPS of the lab"), "", p.listECPS,
				&cli.BoolFlag{Name: "all", Usage: tr("avec les e-CPS supprimées", "with those that were deleted")}),
			command("show", tr("montre l'e-CPS d'une personne et ses dernières demandes",
				"show the e-CPS of a person and its last requests"), id, p.showECPS),
			command("pending", tr("liste les demandes en attente", "list the pending requests"), "", p.pendingECPS),
			command("ask", tr("envoie une demande au téléphone, comme un service, et attend la réponse",
				"send a request to the phone, as a service does, and wait for the answer"), id, p.askECPS,
				&cli.StringFlag{Name: "client", Value: "igc", Usage: tr("le service qui demande",
					"the service that asks")},
				&cli.StringFlag{Name: "number", Usage: tr("le nombre que le service affiche (sinon tiré)",
					"the number that the service shows (else drawn)")},
				&cli.BoolFlag{Name: "no-wait", Usage: tr("n'attend pas la réponse", "do not wait for the answer")}),
			command("approve", tr("approuve une demande : avec --pin et --number comme sur le téléphone",
				"approve a request: with --pin and --number as on the phone"), request, p.approveECPS,
				&cli.StringFlag{Name: "pin", Usage: tr("le code PIN, s'il doit être vérifié",
					"the PIN, if it is to be checked")}, number),
			command("refuse", tr("refuse une demande", "refuse a request"), request, p.refuseECPS,
				&cli.StringFlag{Name: "number", Usage: tr("de plusieurs demandes, celle qui affiche ce nombre",
					"of several requests, the one that shows this number")}),
			p.policyCommand(),
			command("expire", tr("fait expirer l'e-CPS d'une personne maintenant",
				"make the e-CPS of a person expire now"),
				id, p.expireECPS),
			command("delete", tr("supprime l'e-CPS d'une personne", "delete the e-CPS of a person"), id, p.deleteECPS),
		},
	}
}

// ecpsPerson reads the single argument as an identifier. An RPPS number without the 8 is
// completed, and that is said.
func (p *program) ecpsPerson(c *cli.Context) (string, error) {
	word, err := oneArg(c, tr("l'identifiant d'une personne", "the identifier of a person"))
	if err != nil {
		return "", err
	}
	return p.identifier(word)
}

func (p *program) identifier(word string) (string, error) {
	id, completed, err := ecps.CompleteIdentifier(word)
	if completed {
		fmt.Fprintf(p.err, tr("igc : %s est un numéro RPPS sans le 8 qui le précède : l'identifiant est %s\n",
			"igc: %s is an RPPS number without the 8 before it: the identifier is %s\n"), strings.TrimSpace(word), id)
	}
	return id, err
}

// ecpsOf opens the e-CPS service for a command about one person.
func (p *program) ecpsOf(c *cli.Context) (*ecps.Service, string, error) {
	person, err := p.ecpsPerson(c)
	if err != nil {
		return nil, "", err
	}
	s, err := p.ecpsService(c)
	return s, person, err
}

func (p *program) activateECPS(c *cli.Context) error {
	s, person, err := p.ecpsOf(c)
	if err != nil {
		return err
	}
	codes, err := p.secrets(c, map[string]string{"pin": tr("Code PIN à quatre chiffres", "PIN of four digits")}, "pin")
	if err != nil {
		return err
	}
	d, err := s.Activate(c.Context, "", person, codes[0])
	if err != nil {
		return err
	}
	return p.print(c, d, func(w io.Writer) {
		fmt.Fprintf(w, tr("L'e-CPS de %s %s (%s) est active jusqu'au %s\n",
			"The e-CPS of %s %s (%s) is active until %s\n"),
			d.GivenName, d.FamilyName, d.Person, d.Expires.Format(time.DateOnly))
	})
}

func deviceState(d *ecps.Device) string {
	switch d.State {
	case ecps.DeviceActive:
		return tr("active", "active")
	case ecps.DeviceBlocked:
		return tr("bloquée", "blocked")
	case ecps.DeviceExpired:
		return tr("expirée", "expired")
	}
	return tr("supprimée", "deleted")
}

func (p *program) listECPS(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	s, err := p.ecpsService(c)
	if err != nil {
		return err
	}
	all, err := s.Devices(c.Context)
	if err != nil {
		return err
	}
	list := []ecps.Device{}
	for _, d := range all {
		if c.Bool("all") || d.State != ecps.DeviceDeleted {
			list = append(list, d)
		}
	}
	return p.print(c, list, func(w io.Writer) {
		if len(list) == 0 {
			fmt.Fprintln(w, tr("Aucune. Une e-CPS : igc ecps activate 899700209812 --pin 1234",
				"None. For an e-CPS: igc ecps activate 899700209812 --pin 1234"))
			return
		}
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, tr("IDENTIFIANT\tNOM\tÉTAT\tEXPIRE\tCODE PIN", "IDENTIFIER\tNAME\tSTATE\tEXPIRES\tPIN"))
		for _, d := range list {
			tries := "-"
			if d.State == ecps.DeviceActive {
				tries = triesLeft(d.TriesLeft)
			}
			fmt.Fprintf(t, "%s\t%s %s\t%s\t%s\t%s\n", d.Person, d.GivenName, d.FamilyName, deviceState(&d),
				d.Expires.Format(time.DateOnly), tries)
		}
		t.Flush()
	})
}

// ecpsFacts is what --json says of a person's e-CPS.
type ecpsFacts struct {
	*ecps.Device
	Requests []requestFacts `json:"requests"`
}

func (p *program) showECPS(c *cli.Context) error {
	s, person, err := p.ecpsOf(c)
	if err != nil {
		return err
	}
	d, err := s.Device(c.Context, person)
	if err != nil {
		return err
	}
	list, err := s.Requests(c.Context, person)
	if err != nil {
		return err
	}
	return p.print(c, ecpsFacts{d, describeRequests(list)}, func(w io.Writer) {
		fmt.Fprintf(w, "%s %s, %s\n%s", d.GivenName, d.FamilyName, d.Person, deviceState(d))
		if d.State == ecps.DeviceActive {
			fmt.Fprintf(w, ", %s", triesLeft(d.TriesLeft))
		}
		fmt.Fprintf(w, tr("\nactivée le %s, expire le %s\n", "\nactivated on %s, expires on %s\n"),
			d.Activated.Format(time.DateOnly), d.Expires.Format(time.DateOnly))
		if len(list) > 0 {
			fmt.Fprintln(w)
			p.requestTable(w, describeRequests(list))
		}
	})
}

func (p *program) expireECPS(c *cli.Context) error {
	s, person, err := p.ecpsOf(c)
	if err != nil {
		return err
	}
	d, err := s.Expire(c.Context, "", person)
	if err != nil {
		return err
	}
	return p.print(c, d, func(w io.Writer) {
		fmt.Fprintf(w, tr("L'e-CPS de %s a expiré\n", "The e-CPS of %s has expired\n"), person)
	})
}

func (p *program) deleteECPS(c *cli.Context) error {
	s, person, err := p.ecpsOf(c)
	if err != nil {
		return err
	}
	if err := s.Delete(c.Context, "", person); err != nil {
		return err
	}
	d, err := s.Device(c.Context, person)
	if err != nil {
		return err
	}
	return p.print(c, d, func(w io.Writer) {
		fmt.Fprintf(w, tr("L'e-CPS de %s est supprimée\n", "The e-CPS of %s is deleted\n"), person)
	})
}

// completePersons completes the identifiers of those who have an e-CPS.
func (p *program) completePersons(c *cli.Context) {
	s, err := p.ecpsService(c)
	if err != nil {
		return
	}
	list, err := s.Devices(c.Context)
	if err != nil {
		return
	}
	for _, d := range list {
		if d.State != ecps.DeviceDeleted {
			fmt.Fprintln(c.App.Writer, d.Person+":"+d.GivenName+" "+d.FamilyName)
		}
	}
}
