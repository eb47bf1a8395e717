package cli

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/services/psc"
)

func (p *program) pscLoginCommand() *cli.Command {
	return &cli.Command{
		Name: "login",
		Usage: tr("connecte une personne à un service, sans navigateur, et écrit les jetons",
			"log a person in to a service, without a browser, and write the tokens"),
		Description: tr("Pour les tests et l'intégration continue. En mode ecps, le téléphone de la personne est "+
			"interrogé ; igc ecps policy approve lui fait tout accepter.",
			"For tests and continuous integration. In the mode ecps the person's phone is asked; igc ecps policy "+
				"approve makes it approve everything."),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "client", Usage: tr("client_id du service", "client_id of the service")},
			&cli.StringFlag{Name: "as", Usage: tr("identifiant national de la personne",
				"national identifier of the person")},
			&cli.StringFlag{Name: "mode", Value: "ecps",
				Usage: tr("ecps, ou card : avec une carte valable que le laboratoire a émise",
					"ecps, or card: with a valid card that the lab issued")},
			&cli.DurationFlag{Name: "timeout", Value: 2 * time.Minute, Usage: tr("attente de la réponse du téléphone",
				"how long to wait for the phone")},
			jsonFlag(),
		},
		OnUsageError: usageError,
		Action:       p.pscLogin,
	}
}

func (p *program) pscLogin(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	if c.String("client") == "" || c.String("as") == "" {
		return ca.Invalidate(errorf("donnez --client et --as", "give --client and --as"))
	}
	provider, client, err := p.provider(c)
	if err != nil {
		return err
	}
	s, _, err := p.services(c)
	if err != nil {
		return err
	}
	person, err := p.person(c, s.People, c.String("as"))
	if err != nil {
		return err
	}
	var card *psc.Card
	switch mode := strings.ToLower(c.String("mode")); mode {
	case "ecps", "e-cps", "mobile":
	case "card", "carte":
		if card, err = goodCard(c.Context, client, person.ID, client.Lab.Now()); err != nil {
			return err
		}
	default:
		return ca.Invalidate(errorf("--mode %q : choisissez ecps ou card", "--mode %q: choose ecps or card", mode))
	}
	ctx, cancel := context.WithTimeout(c.Context, c.Duration("timeout"))
	defer cancel()
	tokens, err := provider.Direct(ctx, c.String("client"), person.ID, card)
	if ctx.Err() != nil && c.Context.Err() == nil {
		return &ca.Error{Kind: ca.Conflict,
			Err: errorf("le téléphone de %s n'a pas répondu en %s : igc ecps approve %[1]s",
				"the phone of %s did not answer within %s: igc ecps approve %[1]s",
				person.ID, c.Duration("timeout"))}
	}
	if err != nil {
		return err
	}
	return p.printJSON(c, tokens)
}

// goodCard is a card of a person with which a login succeeds.
func goodCard(ctx context.Context, client *lab.Client, person string, now time.Time) (*psc.Card, error) {
	records, err := client.List(ctx, ca.Filter{Holder: person, Status: ca.Good, EndEntities: true})
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		leaf, err := x509.ParseCertificate(r.DER)
		if err == nil && r.Holder.Identifier() == person && strings.HasSuffix(r.Profile, "authentication") &&
			now.After(leaf.NotBefore) && now.Before(leaf.NotAfter) {
			return &psc.Card{Authority: r.Authority, Serial: r.Serial}, nil
		}
	}
	return nil, &ca.Error{Kind: ca.NotFound, Err: errorf("%s n'a pas de carte valable : igc issue en émet une",
		"%s has no valid card: igc issue issues one", person)}
}

func (p *program) pscTokenCommand() *cli.Command {
	return &cli.Command{
		Name: "token",
		Usage: tr("explique un jeton : ses champs, sa signature, ce qui le distingue d'un vrai",
			"explain a token: its claims, its signature, how it differs from a real one"),
		Description: tr("Le fichier est un jeton, ou la réponse du point token, dont chaque jeton est expliqué.",
			"The file is a token, or an answer of the token endpoint, whose tokens are explained one by one."),
		ArgsUsage: tr("FICHIER|-", "FILE|-"), Flags: []cli.Flag{jsonFlag()},
		OnUsageError: usageError, Action: p.pscToken,
	}
}

func (p *program) pscToken(c *cli.Context) error {
	name, err := oneArg(c, tr("un fichier, ou - pour l'entrée", "a file, or - for standard input"))
	if err != nil {
		return err
	}
	data, err := p.readFile(name)
	if err != nil {
		return err
	}
	provider, _, err := p.provider(c)
	if err != nil {
		return err
	}
	for i, token := range tokensOf(data) {
		e, err := provider.Explain(c.Context, token)
		if err != nil {
			return err
		}
		err = p.print(c, e, func(w io.Writer) {
			if i > 0 {
				fmt.Fprintln(w)
			}
			writeExplanation(w, e)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// tokensOf are the tokens of a file: it is one, or an answer of the token endpoint.
func tokensOf(data []byte) (tokens []string) {
	var answer struct {
		Access  string `json:"access_token"`
		ID      string `json:"id_token"`
		Refresh string `json:"refresh_token"`
	}
	if json.Unmarshal(data, &answer) == nil {
		for _, token := range []string{answer.Access, answer.ID, answer.Refresh} {
			if token != "" {
				tokens = append(tokens, token)
			}
		}
	}
	if tokens == nil {
		tokens = []string{string(data)}
	}
	return tokens
}

func writeExplanation(w io.Writer, e *psc.Explanation) {
	fmt.Fprintf(w, "%s\n%s\n\n", tr(e.Kind.FR, e.Kind.EN), e.Header)
	for _, claim := range e.Claims {
		value := claim.Value
		if len(value) > 60 {
			value = value[:60] + "…"
		}
		fmt.Fprintf(w, "%-20s %-44s %s\n", claim.Name, value, tr(claim.Means.FR, claim.Means.EN))
	}
	fmt.Fprintln(w)
	for _, r := range e.Remarks {
		mark := "-"
		if r.Bad {
			mark = "!"
		}
		fmt.Fprintf(w, "%s %s\n", mark, tr(r.Text.FR, r.Text.EN))
	}
}
