package cli

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/batch"
	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/people"
	"github.com/igc-lab/igc/people/population"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/serve"
)

func (p *program) peopleGenerateCommand() *cli.Command {
	return &cli.Command{
		Name: "generate",
		Usage: tr("invente N personnes et leurs structures, les mêmes pour la même graine",
			"make N people and their structures up, the same for the same seed"),
		Description: tr("Rien n'en est enregistré que N et la graine : une autre taille ne change pas les personnes "+
			"qui restent. Cartes seulement si on les demande. Tout est fictif : identifiants des plages de test.",
			"Nothing is recorded of them but N and the seed: another size does not change the people who stay. "+
				"Cards only when asked for. All is fictional: identifiers of the test ranges."),
		ArgsUsage: "[N]",
		Flags: []cli.Flag{
			&cli.Uint64Flag{Name: "seed", Usage: tr("graine ; à défaut celle d'avant, ou 1",
				"seed; by default the one before, or 1")},
			&cli.BoolFlag{Name: "replace", Usage: tr("remplace la population d'une autre graine",
				"replace the population of another seed")},
			&cli.BoolFlag{Name: "remove", Usage: tr("oublie la population ; les cartes émises restent",
				"forget the population; issued cards stay")},
			&cli.IntFlag{Name: "cards", Usage: tr(
				"émet une carte aux K premières personnes en activité qui n'en ont pas : CPS, ou CPF en formation",
				"issue a card to the first K active people who have none: CPS, or CPF in training")},
			&cli.StringFlag{Name: "key", Usage: tr("clés des cartes : rsa2048, p256...",
				"keys of the cards: rsa2048, p256...")},
			&cli.StringFlag{Name: "pin", Usage: tr("code des cartes, random pour un par carte",
				"PIN of the cards, random for one each")},
			jsonFlag(),
		},
		OnUsageError: usageError,
		Action:       p.peopleGenerate,
	}
}

// generated is what igc people generate prints.
type generated struct {
	Seed uint64 `json:"seed"`
	population.Summary
	Cards int    `json:"cards,omitempty"` // issued now
	Out   string `json:"out,omitempty"`   // their folder
}

func (p *program) peopleGenerate(c *cli.Context) error {
	if c.Int("cards") < 0 {
		return ca.Invalidate(errorf("--cards : donnez un nombre positif", "--cards: give a positive number"))
	}
	s, client, err := p.services(c)
	if ca.KindOf(err) == ca.NotFound && !c.Bool("remove") {
		if client, err = p.connectOrCreate(c, lab.DefaultConfig()); err == nil {
			s, client, err = p.services(c)
		}
	}
	if err != nil {
		return err
	}
	if c.Bool("remove") {
		return p.peopleForget(c, s)
	}
	if err := p.setPopulation(c, s); err != nil {
		return err
	}
	settings, err := s.Population.Settings(c.Context)
	if err != nil {
		return err
	}
	made, err := s.Population.Get(c.Context)
	if err != nil {
		return err
	}
	facts := generated{Seed: settings.Seed, Summary: made.Summary()}
	if n := c.Int("cards"); n > 0 {
		if facts.Cards, facts.Out, err = p.issueToPopulation(c, s, client, made, n); err != nil {
			return err
		}
	}
	return p.print(c, facts, func(w io.Writer) { facts.write(w) })
}

func (p *program) peopleForget(c *cli.Context, s *serve.Services) error {
	if c.NArg() > 0 || c.IsSet("seed") || c.IsSet("cards") || c.Bool("replace") {
		return ca.Invalidate(errorf("--remove se donne seul", "give --remove alone"))
	}
	if err := s.Population.Remove(c.Context, ""); err != nil {
		return err
	}
	return p.print(c, generated{}, func(w io.Writer) {
		fmt.Fprintln(w, tr("Plus de population. Les cartes émises restent.",
			"No population any more. Issued cards stay."))
	})
}

// setPopulation records the population that the arguments ask for.
func (p *program) setPopulation(c *cli.Context, s *serve.Services) error {
	before, err := s.Population.Settings(c.Context)
	if err != nil {
		return err
	}
	settings := population.Settings{Seed: 1, At: s.Clock.Now()}
	if before != nil {
		settings.Seed, settings.Size = before.Seed, before.Size
	}
	if c.IsSet("seed") {
		settings.Seed = c.Uint64("seed")
	}
	switch {
	case c.NArg() == 1:
		if settings.Size, err = peopleCount(c.Args().First()); err != nil {
			return err
		}
	case c.NArg() > 1:
		_, err := oneArg(c, tr("le nombre de personnes", "the number of people"))
		return err
	case before == nil:
		return ca.Invalidate(errorf("combien de personnes ? Par exemple : igc people generate 10000 --seed 7",
			"how many people? For example: igc people generate 10000 --seed 7"))
	}
	_, err = s.Population.Set(c.Context, "", settings, c.Bool("replace"))
	if errors.Is(err, population.ErrOther) {
		return ca.Invalidate(errorf("le laboratoire a déjà %d personnes de la graine %d : --seed %[2]d garde "+
			"celles-ci, --replace les remplace", "the lab has %d people of seed %d already: --seed %[2]d keeps them, "+
			"--replace replaces them", before.Size, before.Seed))
	}
	return err
}

// peopleCount reads a number of people, with the separators that people write.
func peopleCount(text string) (int, error) {
	digits := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || strings.ContainsRune("_'.,", r) {
			return -1
		}
		return r
	}, text)
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || n > population.MaxSize {
		return 0, ca.Invalidate(errorf("%q n'est pas un nombre de personnes, de 1 à %d",
			"%q is not a number of people, 1 to %d", text, population.MaxSize))
	}
	return n, nil
}

// issueToPopulation issues a card to the first people of the population who are active and have
// none, as a batch does.
func (p *program) issueToPopulation(c *cli.Context, s *serve.Services, client *lab.Client, made *population.Population,
	n int) (cards int, out string, err error) {
	var rows []batch.Row
	for place := 0; place < made.People() && len(rows) < n; place++ {
		id := made.Person(place).ID
		has, err := p.hasCard(c, client, id)
		if err != nil {
			return 0, "", err
		}
		if has {
			continue
		}
		person, err := s.People.Find(c.Context, id)
		if err != nil {
			return 0, "", err
		}
		if values := cardValues(person); values != nil {
			rows = append(rows, batch.NewRow(place+1, values))
		}
	}
	if len(rows) == 0 {
		return 0, "", nil
	}
	orders, err := batch.Check(rows, p.batchRules(c))
	if err != nil {
		return 0, "", err
	}
	bar := newBar(p.err)
	out, err = batch.Run(c.Context, client, batch.Job{Rows: rows, Orders: orders,
		Progress: func(made, total int) { bar.show(tr("cartes", "cards"), made, total) }})
	return len(orders), out, err
}

// hasCard tells whether somebody has a card that is not expired and not revoked.
func (p *program) hasCard(c *cli.Context, client *lab.Client, id string) (bool, error) {
	records, err := client.List(c.Context, ca.Filter{Identifier: id})
	if err != nil {
		return false, err
	}
	for _, r := range records {
		if r.Status != ca.Revoked && r.Holder.CardNumber != "" && r.NotAfter.After(client.Lab.Now()) {
			return true, nil
		}
	}
	return false, nil
}

// cardValues are the values of igc issue for the card of a person; nil for somebody without
// activity.
func cardValues(person *people.Person) map[string][]string {
	if person.RefPro == nil || len(person.RefPro.Exercices) == 0 {
		return nil
	}
	e := person.RefPro.Exercices[0]
	values := map[string][]string{"card": {"cps"}, "given-name": {person.GivenName}, "surname": {person.FamilyName},
		"rpps": {person.ID[1:]}, "profession": {e.CodeProfession}}
	if e.CodeCategorie == "E" {
		values["card"] = []string{"cpf"}
	}
	if e.CodeSavoirFaire != "" {
		values["speciality"] = []string{e.CodeSavoirFaire}
	}
	return values
}

func (g *generated) write(w io.Writer) {
	fmt.Fprintf(w, tr("%d personnes et %d structures, graine %d\n", "%d people and %d structures, seed %d\n"), g.People,
		g.Structures, g.Seed)
	fmt.Fprintf(w, tr("dont %d à la retraite, %d en formation, %d militaires\n",
		"%d of them retired, %d in training, %d in the armed forces\n"), g.Retired, g.Students, g.Military)
	list := func(fr, en, table string, counts []population.Count) {
		fmt.Fprintf(w, "\n%s\n", tr(fr, en))
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		for _, c := range counts {
			label, _ := profiles.Label(table, c.Code)
			fmt.Fprintf(t, "%d\t  %s %s\n", c.Count, c.Code, label)
		}
		t.Flush()
	}
	list("Professions", "Professions", "G15", g.Professions)
	list("Structures, par secteur", "Structures, by sector", "R02", g.Sectors)
	if g.Cards > 0 {
		fmt.Fprintf(w, tr("\n%d cartes dans %s\n", "\n%d cards in %s\n"), g.Cards, g.Out)
	}
}
