package cli

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/services/ecps"
)

func (p *program) policyCommand() *cli.Command {
	return &cli.Command{
		Name: "policy",
		Usage: tr("montre ou fixe ce qui répond aux demandes à la place du téléphone",
			"show or set what answers requests in the phone's stead"),
		ArgsUsage: "[manual | approve | refuse | ignore | wrong-number | approve-after 3s]",
		Description: tr("La politique d'une personne passe avant celle d'un service, et celle-ci avant celle de tous. "+
			"Elle vaut pour les demandes faites ensuite. ignore : le téléphone reste éteint, la demande expire. "+
			"manual : le téléphone répond, malgré une politique plus large.",
			"The policy of a person comes before that of a service, and that before the one for all. "+
				"It is for the requests made from then on. ignore: the phone stays off, the request expires. "+
				"manual: the phone answers, in spite of a wider policy."),
		OnUsageError: usageError,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "person", Usage: tr("pour les demandes à cette personne",
				"for the requests to this person")},
			&cli.StringFlag{Name: "client", Usage: tr("pour les demandes de ce service",
				"for the requests of this service")},
			&cli.BoolFlag{Name: "remove", Usage: tr("supprime la politique", "remove the policy")},
			jsonFlag(),
		},
		Action: p.policyECPS,
		BashComplete: func(c *cli.Context) {
			for _, word := range []string{"manual", "approve", "refuse", "ignore", "wrong-number", "approve-after"} {
				fmt.Fprintln(c.App.Writer, word)
			}
		},
	}
}

// policyFacts is what --json says of a policy.
type policyFacts struct {
	Person string    `json:"person,omitempty"`
	Client string    `json:"client,omitempty"`
	Policy string    `json:"policy"`
	Set    time.Time `json:"set"`
}

func (p *program) policyECPS(c *cli.Context) error {
	scope := ecps.Scope{Person: c.String("person"), Client: c.String("client")}
	var err error
	if scope.Person != "" {
		if scope.Person, err = p.identifier(scope.Person); err != nil {
			return err
		}
		if scope.Client != "" {
			return ca.Invalidate(errorf("--person et --client : donnez l'un ou l'autre",
				"--person and --client: give one or the other"))
		}
	}
	remove := c.Bool("remove")
	if remove {
		if err := noArgs(c); err != nil {
			return err
		}
	}
	var policy ecps.Policy
	if c.Args().Present() {
		if policy, err = ecps.ParsePolicy(c.Args().Slice()...); err != nil {
			return err
		}
	} else if !remove && scope != (ecps.Scope{}) {
		return ca.Invalidate(errorf("donnez la politique, ou --remove", "give the policy, or --remove"))
	}
	s, err := p.ecpsService(c)
	if err != nil {
		return err
	}
	switch {
	case remove:
		err = s.RemovePolicy(c.Context, "", scope)
	case c.Args().Present():
		err = s.SetPolicy(c.Context, "", scope, policy)
	}
	if err != nil {
		return err
	}
	list, err := s.Policies(c.Context)
	if err != nil {
		return err
	}
	facts := []policyFacts{}
	for _, one := range list {
		facts = append(facts, policyFacts{one.Person, one.Client, one.Policy.String(), one.Set})
	}
	return p.print(c, facts, func(w io.Writer) {
		if len(facts) == 0 {
			fmt.Fprintln(w, tr("Aucune politique : le téléphone répond.", "No policy: the phone answers."))
			return
		}
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, tr("DEMANDES\tPOLITIQUE", "REQUESTS\tPOLICY"))
		for _, f := range facts {
			to := tr("toutes", "all")
			if f.Person != "" {
				to = tr("à ", "to ") + f.Person
			} else if f.Client != "" {
				to = tr("de ", "of ") + f.Client
			}
			fmt.Fprintf(t, "%s\t%s\n", to, f.Policy)
		}
		t.Flush()
	})
}
