package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/access"
)

func (p *program) tokenCommand() *cli.Command {
	name := tr("NOM", "NAME")
	var scopes []string
	for _, scope := range access.Scopes() {
		scopes = append(scopes, string(scope))
	}
	return &cli.Command{
		Name: "token",
		Usage: tr("jetons avec lesquels les programmes appellent le labo",
			"tokens by which programs call the lab"),
		Description: tr("Un jeton va dans l'en-tête Authorization: Bearer. Il agit avec ses rôles, dans ses portées ; "+
			"docs/access.md dit ce que chacun permet.",
			"A token goes into the header Authorization: Bearer. It acts with its roles, within its scopes; "+
				"docs/access.md says what each allows."),
		OnUsageError: usageError,
		Subcommands: []*cli.Command{
			{
				Name: "add", Usage: tr("fait un jeton, montré cette seule fois", "make a token, shown this once"),
				ArgsUsage: name,
				Flags: []cli.Flag{
					&cli.StringSliceFlag{Name: "scope", Usage: tr("à quoi il sert, répétable : ",
						"what it is for, repeatable: ") +
						strings.Join(scopes, ", ")},
					&cli.StringSliceFlag{Name: "role", Usage: tr("comme qui il agit, RÔLE:STRUCTURE, ou "+
						"administrateur ; répétable",
						"as whom it acts, ROLE:STRUCTURE, or administrateur; repeatable")},
					&cli.IntFlag{Name: "days", Value: access.DefaultTokenDays, Usage: fmt.Sprintf(tr(
						"jours jusqu'à sa fin, %d au plus", "days until its end, %d at most"), access.MaxTokenDays)},
					jsonFlag(),
				},
				OnUsageError: usageError, Action: p.tokenAdd,
			},
			{
				Name: "list", Usage: tr("liste les jetons, sans leur valeur", "list the tokens, without their value"),
				Flags: []cli.Flag{jsonFlag()}, OnUsageError: usageError, Action: p.tokenList,
			},
			{
				Name: "remove", Usage: tr("retire un jeton : il est refusé dès la demande suivante",
					"remove a token: it is refused from the next request"), ArgsUsage: name,
				OnUsageError: usageError, Action: p.tokenRemove,
			},
		},
	}
}

// newToken is a token as igc token add --json gives it.
type newToken struct {
	Token string `json:"token"`
	access.Bearer
}

func (p *program) tokenAdd(c *cli.Context) error {
	name, err := oneArg(c, tr("un nom, tel que ci", "a name, such as ci"))
	if err != nil {
		return err
	}
	registry, owner, err := p.registry(c)
	if err != nil {
		return err
	}
	days := c.Int("days")
	if days < 1 || days > access.MaxTokenDays {
		return invalid("--days %d : choisissez de 1 à %d", "--days %d: choose from 1 to %d", days, access.MaxTokenDays)
	}
	want := access.Bearer{Name: name, End: registry.Now().AddDate(0, 0, days)}
	for _, scope := range splitAll(c.StringSlice("scope")) {
		s, err := access.ParseScope(scope)
		if err != nil {
			return err
		}
		want.Scopes = append(want.Scopes, s)
	}
	for _, text := range splitAll(c.StringSlice("role")) {
		role, structure, _ := strings.Cut(text, ":")
		want.Grants = append(want.Grants, access.Grant{Role: access.Role(role), Structure: structure})
	}
	made, token, err := registry.AddToken(c.Context, owner, want)
	if err != nil {
		return err
	}
	return p.print(c, newToken{token, made}, func(w io.Writer) {
		fmt.Fprintln(w, token)
		fmt.Fprintf(p.err, tr("igc : %s jusqu'au %s : %s ; portées : %s. Gardez-le, il n'est pas montré une autre "+
			"fois\n",
			"igc: %s until %s: %s; scopes: %s. Keep it, it is not shown again\n"), made.Name,
			made.End.Local().Format("2006-01-02"), tokenRoles(made), tokenScopes(made))
	})
}

// splitAll splits the values of a repeatable flag that hold several.
func splitAll(values []string) (all []string) {
	for _, v := range values {
		all = append(all, strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' })...)
	}
	return all
}

func tokenRoles(t access.Bearer) string {
	var list []string
	for _, g := range t.Grants {
		text := string(g.Role)
		if g.Structure != "" {
			text += ":" + g.Structure
		}
		list = append(list, text)
	}
	return strings.Join(list, ",")
}

func tokenScopes(t access.Bearer) string {
	var list []string
	for _, s := range t.Scopes {
		list = append(list, string(s))
	}
	return strings.Join(list, ",")
}

func (p *program) tokenList(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	registry, _, err := p.registry(c)
	if err != nil {
		return err
	}
	tokens, err := registry.Tokens(c.Context)
	if err != nil {
		return err
	}
	return p.print(c, tokens, func(out io.Writer) {
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		for _, t := range tokens {
			end := fmt.Sprintf(tr("jusqu'au %s", "until %s"), t.End.Local().Format("2006-01-02"))
			if t.Ended(registry.Now()) {
				end = fmt.Sprintf(tr("fini le %s", "ended %s"), t.End.Local().Format("2006-01-02"))
			}
			used := tr("jamais servi", "never used")
			if t.Used != "" {
				used = fmt.Sprintf(tr("servi le %s", "used %s"), t.Used)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", t.Name, end, used, tokenRoles(t), tokenScopes(t))
		}
		w.Flush()
	})
}

func (p *program) tokenRemove(c *cli.Context) error {
	name, err := oneArg(c, tr("le nom d'un jeton", "the name of a token"))
	if err != nil {
		return err
	}
	registry, owner, err := p.registry(c)
	if err != nil {
		return err
	}
	return registry.RemoveToken(c.Context, owner, name)
}
