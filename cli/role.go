package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca"
)

func (p *program) roleCommand() *cli.Command {
	structure := &cli.StringFlag{Name: "structure", Usage: tr("Struct_IdNat, tel que 10B0057881 (par défaut : "+
		"celle que nomme le certificat)", "Struct_IdNat, such as 10B0057881 (by default: the one that the "+
		"certificate names)")}
	arguments := tr("RÔLE PORTEUR", "ROLE HOLDER")
	return &cli.Command{
		Name: "role",
		Usage: tr("qui peut demander, retirer et révoquer, et pour quelle structure",
			"who may ask for, withdraw and revoke, and for which structure"),
		Description: tr("RÔLE : "+roleNames()+". PORTEUR : un PS_IdNat, un numéro RPPS, de carte ou de série, un "+
			"nom ; "+
			"d'une organisation, STRUCTURE/CN de son certificat AUTH_CLI. docs/access.md dit ce que chacun peut.",
			"ROLE: "+roleNames()+". HOLDER: a PS_IdNat, the number of a RPPS, of a card or of a certificate, a "+
				"name; of "+
				"an organisation, STRUCTURE/CN of its AUTH_CLI certificate. docs/access.md says what each may do."),
		OnUsageError: usageError,
		Subcommands: []*cli.Command{
			{
				Name: "add", Usage: tr("donne un rôle", "give a role"), ArgsUsage: arguments,
				Flags: []cli.Flag{structure, jsonFlag()}, OnUsageError: usageError, Action: p.roleAdd,
			},
			{
				Name: "list", Usage: tr("liste les rôles", "list the roles"),
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "holder", Usage: tr("de ce porteur", "of this holder")},
					&cli.StringFlag{Name: "role", Usage: tr("ce rôle", "this role")},
					&cli.StringFlag{Name: "structure", Usage: tr("dans cette structure", "in this structure")},
					jsonFlag(),
				},
				OnUsageError: usageError, Action: p.roleList,
			},
			{
				Name: "remove", Usage: tr("met fin à un rôle, dès la demande suivante",
					"end a role, from the next request"),
				ArgsUsage: arguments, Flags: []cli.Flag{structure, jsonFlag()}, OnUsageError: usageError,
				Action: p.roleRemove,
			},
		},
	}
}

// invalid is an error of input.
func invalid(fr, en string, args ...any) error { return ca.Invalidate(errorf(fr, en, args...)) }

// roleNames are the roles that can be given.
func roleNames() string {
	var names []string
	for _, role := range access.Roles() {
		if role != access.Holder {
			names = append(names, string(role))
		}
	}
	return strings.Join(names, ", ")
}

// registry opens the roles and tokens of the lab for a command, and says on whose behalf.
func (p *program) registry(c *cli.Context) (*access.Registry, *access.Caller, error) {
	s, client, err := p.services(c)
	if err != nil {
		return nil, nil, err
	}
	return access.New(access.Options{Service: client, Now: s.Clock.Now}), access.Owner("cli:" + userName()), nil
}

// grantArgs reads the arguments that name a role.
func grantArgs(c *cli.Context) (access.Grant, error) {
	if c.NArg() != 2 {
		return access.Grant{}, invalid("donnez un rôle et son porteur, tels que mandataire 899700209812 (reçu : %d "+
			"arguments)", "give a role and its holder, such as mandataire 899700209812 (got %d arguments)", c.NArg())
	}
	return access.Grant{Role: access.Role(c.Args().First()), Holder: c.Args().Get(1), Structure: c.String("structure")},
		nil
}

func (p *program) roleAdd(c *cli.Context) error {
	g, err := grantArgs(c)
	if err != nil {
		return err
	}
	registry, owner, err := p.registry(c)
	if err != nil {
		return err
	}
	g, made, err := registry.Grant(c.Context, owner, g)
	if err != nil {
		return err
	}
	if !made {
		fmt.Fprintln(p.err, tr("igc : ce rôle était déjà donné", "igc: the role was given already"))
	}
	if g.Name == "" {
		fmt.Fprintf(p.err, tr("igc : rien n'a encore été émis pour %s\n", "igc: nothing was issued to %s yet\n"),
			g.Holder)
	}
	return p.print(c, g, func(w io.Writer) { fmt.Fprintln(w, grantText(g)) })
}

// grantText is a role in a sentence.
func grantText(g access.Grant) string {
	name := g.Role.Name()
	who := strings.TrimSpace(g.Holder + " " + g.Name)
	if g.Structure == "" {
		return fmt.Sprintf(tr("%s : %s", "%s: %s"), who, tr(name.FR, name.EN))
	}
	return fmt.Sprintf(tr("%s : %s de %s", "%s: %s of %s"), who, tr(name.FR, name.EN), g.Structure)
}

func (p *program) roleList(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	registry, _, err := p.registry(c)
	if err != nil {
		return err
	}
	var filter access.GrantFilter
	if text := c.String("holder"); text != "" {
		who, err := registry.Resolve(c.Context, text)
		if err != nil {
			return err
		}
		filter.Holder = who.ID
	}
	if text := c.String("role"); text != "" {
		if filter.Role, err = access.ParseRole(text); err != nil {
			return err
		}
	}
	if text := c.String("structure"); text != "" {
		if filter.Structure, err = access.ParseStructure(text); err != nil {
			return err
		}
	}
	grants, err := registry.List(c.Context, filter)
	if err != nil {
		return err
	}
	return p.print(c, grants, func(out io.Writer) {
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		for _, g := range grants {
			structure := g.Structure
			if structure == "" {
				structure = "-"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", g.Role, structure, g.Holder, g.Name,
				g.At.Local().Format("2006-01-02 15:04"))
		}
		w.Flush()
	})
}

func (p *program) roleRemove(c *cli.Context) error {
	g, err := grantArgs(c)
	if err != nil {
		return err
	}
	registry, owner, err := p.registry(c)
	if err != nil {
		return err
	}
	if g, err = registry.Remove(c.Context, owner, g); err != nil {
		return err
	}
	return p.print(c, g, func(w io.Writer) { fmt.Fprintf(w, tr("fini : %s\n", "ended: %s\n"), grantText(g)) })
}
