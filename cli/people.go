package cli

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/people"
	"github.com/igc-lab/igc/profiles"
)

func (p *program) peopleCommand() *cli.Command {
	id := tr("IDENTIFIANT (8 et RPPS, 3FINESS/CPET..., ANS...)", "IDENTIFIER (8 and RPPS, 3FINESS/CPET..., ANS...)")
	return &cli.Command{
		Name: "people",
		Usage: tr("les personnes telles que Pro Santé Connect et l'Annuaire les connaissent",
			"people as Pro Santé Connect and the Annuaire know them"),
		OnUsageError: usageError,
		Subcommands: []*cli.Command{
			{
				Name: "list",
				Usage: tr("liste les porteurs du laboratoire, les identités fournies et celles de people.yaml",
					"list the lab's holders, the built-in identities and those of people.yaml"),
				ArgsUsage: tr("[TEXTE]", "[TEXT]"),
				Flags: []cli.Flag{&cli.IntFlag{Name: "limit", Value: 200, Usage: tr("N au plus, 0 pour tout",
					"at most N, 0 for all")}, jsonFlag()},
				OnUsageError: usageError,
				Action:       p.peopleList,
			},
			{
				Name: "show",
				Usage: tr("montre une personne ; --json : ce que Pro Santé Connect en dit",
					"show a person; --json: what Pro Santé Connect says of them"),
				ArgsUsage:    id,
				Flags:        []cli.Flag{jsonFlag()},
				OnUsageError: usageError,
				Action:       p.peopleShow,
			},
			{
				Name:         "set",
				Usage:        tr("change une personne, ou en ajoute une", "change a person, or add one"),
				ArgsUsage:    id,
				Flags:        append(peopleFlags(), jsonFlag()),
				OnUsageError: usageError,
				Action:       p.peopleSet,
			},
			p.peopleGenerateCommand(),
			p.peopleImportCommand(),
		},
	}
}

// personTexts are the flags of igc people set that take a text, and what they change.
var personTexts = []struct {
	name, fr, en string
	field        func(*people.Change) **string
}{
	{"given-name", "prénom", "given name", func(c *people.Change) **string { return &c.GivenName }},
	{"family-name", "nom", "family name", func(c *people.Change) **string { return &c.FamilyName }},
	{"mail", "adresse de correspondance, vide si inconnue", "correspondence address, empty if unknown",
		func(c *people.Change) **string { return &c.Mail }},
	{"phone", "téléphone de correspondance, vide si inconnu", "correspondence phone, empty if unknown",
		func(c *people.Change) **string { return &c.Phone }},
	{"civility", "civilité : M, MME", "civility: M, MME", func(c *people.Change) **string { return &c.Civility }},
	{"profession", "de la table G15, du premier exercice", "of table G15, of the first profession",
		func(c *people.Change) **string { return &c.Profession }},
	{"speciality", "de la table R01, du premier exercice", "of table R01, of the first profession",
		func(c *people.Change) **string { return &c.Speciality }},
	{"mode", "mode d'exercice de la première activité : L, S, B", "how the first activity is exercised: L, S, B",
		func(c *people.Change) **string { return &c.Mode }},
	{"sector", "secteur de la première activité, de la table R02", "sector of the first activity, of table R02",
		func(c *people.Change) **string { return &c.Sector }},
	{"pharmacist-section", "section de la première activité, de la table G05",
		"section of the first activity, of table G05",
		func(c *people.Change) **string { return &c.PharmacistSection }},
	{"organisation", "raison sociale de la première activité", "name of the first activity's structure",
		func(c *people.Change) **string { return &c.Organisation }},
	{"organisation-id", "identifiant technique de la structure de la première activité",
		"technical identifier of the first activity's structure",
		func(c *people.Change) **string { return &c.OrganisationID }},
}

func peopleFlags() (flags []cli.Flag) {
	for _, f := range personTexts {
		flag := &cli.StringFlag{Name: f.name, Usage: tr(f.fr, f.en)}
		if f.name == "family-name" {
			flag.Aliases = []string{"surname"} // as igc issue has it
		}
		flags = append(flags, flag)
	}
	return append(flags,
		&cli.StringFlag{Name: "ref-pro", TakesFile: true, Usage: tr(
			"fichier JSON d'un SubjectRefPro entier, ou d'une réponse userinfo, - pour l'entrée standard",
			"JSON file of a whole SubjectRefPro, or of an answer of userinfo, - for standard input")},
		&cli.BoolFlag{Name: "no-activity", Usage: tr("sans activité : pas de SubjectRefPro",
			"without activity: no SubjectRefPro")},
		&cli.BoolFlag{Name: "reset", Usage: tr("oublie ce que igc people set a écrit",
			"forget what igc people set wrote")},
		&cli.BoolFlag{Name: "allow-real-id", Usage: tr(
			"permet un numéro RPPS hors des plages de test, qui peut être réel",
			"allow an RPPS number outside the test ranges, which may be real")})
}

// directory opens the people of the lab.
func (p *program) directory(c *cli.Context) (*people.Directory, error) {
	s, _, err := p.services(c)
	if err != nil {
		return nil, err
	}
	return s.People, nil
}

// person finds the one whom an argument means, and says so when it is not their identifier.
func (p *program) person(c *cli.Context, d *people.Directory, text string) (*people.Person, error) {
	found, how, err := d.Resolve(c.Context, text)
	if err == nil && how != (i18n.Text{}) {
		fmt.Fprintln(p.err, "igc: "+tr(how.FR, how.EN))
	}
	return found, err
}

func (p *program) peopleList(c *cli.Context) error {
	if c.Int("limit") < 0 {
		return ca.Invalidate(errorf("--limit : donnez un nombre positif, ou 0 pour tout",
			"--limit: give a positive number, or 0 for all"))
	}
	d, err := p.directory(c)
	if err != nil {
		return err
	}
	text, limit := profiles.Fold(strings.Join(c.Args().Slice(), " ")), c.Int("limit")
	list, more := []*people.Person{}, false
	for person, err := range d.List(c.Context) {
		if err != nil {
			return err
		}
		organisation, _ := person.Organization()
		if !strings.Contains(profiles.Fold(person.ID+" "+person.DisplayName()+" "+organisation), text) {
			continue
		}
		if more = limit > 0 && len(list) == limit; more {
			break
		}
		list = append(list, person)
	}
	if err := p.print(c, list, func(w io.Writer) {
		if len(list) == 0 {
			fmt.Fprintln(w, tr("Personne ne correspond.", "Nobody matches."))
			return
		}
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, tr("IDENTIFIANT\tNOM\tRÔLE\tQUI", "IDENTIFIER\tNAME\tROLE\tWHO"))
		for _, person := range list {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", person.ID, shortened(person.DisplayName(), holderWidth),
				roles(person), who(person))
		}
		t.Flush()
	}); err != nil {
		return err
	}
	if more {
		fmt.Fprintf(p.err, tr("igc : les %d premières personnes ; --limit 0 pour toutes\n",
			"igc: the first %d people; --limit 0 for all\n"), limit)
	}
	return nil
}

// roles are the professions in a few words.
func roles(person *people.Person) string {
	var names []string
	for _, role := range person.Roles() {
		code, _, _ := strings.Cut(role, "^")
		name := code
		if label, ok := people.Label("codeProfession", code); ok {
			name = tr(label.FR, label.EN)
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// who says what a person is there for: a built-in identity, or a holder of the lab.
func who(person *people.Person) string {
	if person.About != (i18n.Text{}) {
		return tr(person.About.FR, person.About.EN)
	}
	switch person.From.Identity {
	case people.Certificate:
		return tr("porteur de ce laboratoire", "holder of this lab")
	case people.Fixture:
		return tr("identité de test, sans carte encore", "test identity, without a card yet")
	case people.Generated:
		return "igc people generate"
	case people.File:
		return people.OverlayFile
	}
	return "igc people set"
}

func (p *program) peopleShow(c *cli.Context) error {
	text, err := oneArg(c, tr("un identifiant", "an identifier"))
	if err != nil {
		return err
	}
	d, err := p.directory(c)
	if err != nil {
		return err
	}
	person, err := p.person(c, d, text)
	if err != nil {
		return err
	}
	return p.showPerson(c, person)
}

func (p *program) showPerson(c *cli.Context, person *people.Person) error {
	return p.print(c, person.UserInfo(), func(w io.Writer) {
		line := func(indent int, name, value, note string) {
			if value != "" {
				text := fmt.Sprintf("%*s%-*s %s  %s", indent, "", 42-indent, name, value, note)
				fmt.Fprintln(w, strings.TrimRight(text, " "))
			}
		}
		fields := func(indent int, of any) {
			for _, f := range people.Fields(of) {
				label, _ := people.Label(f.Name, f.Value)
				line(indent, f.Name, f.Value, tr(label.FR, label.EN))
			}
		}
		from := func(s people.Source) string { return "(" + source(s) + ")" }
		line(0, tr("personne", "person"), person.DisplayName(), from(person.From.Identity))
		line(0, tr("identifiant", "identifier"), person.ID, person.Origin)
		line(0, "", who(person), "")
		unknown := tr("inconnu", "unknown")
		mail, phone := person.Contact.Mail, spacedPhone(person.Contact.Phone)
		if mail == "" {
			mail = unknown
		}
		if phone == "" {
			phone = unknown
		}
		line(0, tr("adresse électronique", "e-mail address"), mail, from(person.From.Contact))
		line(0, tr("téléphone", "phone"), phone, from(person.From.Contact))
		if person.RefPro == nil {
			line(0, tr("activités", "activities"), tr("aucune : pas de SubjectRefPro", "none: no SubjectRefPro"),
				from(person.From.Activities))
			return
		}
		line(0, tr("activités", "activities"), source(person.From.Activities), "")
		fields(2, *person.RefPro)
		for i, e := range person.RefPro.Exercices {
			fmt.Fprintf(w, "  exercice %d\n", i+1)
			fields(4, e)
			for j, a := range e.Activities {
				fmt.Fprintf(w, "    %s %d.%d\n", tr("activité", "activity"), i+1, j+1)
				fields(6, a)
			}
		}
	})
}

// source says where a part of a person comes from.
func source(s people.Source) string {
	return map[people.Source]string{
		people.Modelled: tr("modélisé d'après l'identifiant : aucun certificat ne l'atteste",
			"modelled after the identifier: no certificate attests it"),
		people.Certificate: tr("du certificat", "of the certificate"),
		people.BuiltIn:     tr("identité fournie, fictive", "built-in identity, fictional"),
		people.File:        people.OverlayFile,
		people.Generated:   tr("igc people generate, fictif", "igc people generate, fictional"),
		people.Written:     "igc people set",
	}[s]
}

// spacedPhone groups the digits of a number by two.
func spacedPhone(number string) string {
	var pairs []string
	for ; len(number) > 2; number = number[2:] {
		pairs = append(pairs, number[:2])
	}
	return strings.Join(append(pairs, number), " ")
}

func (p *program) peopleSet(c *cli.Context) error {
	id, err := oneArg(c, tr("un identifiant", "an identifier"))
	if err != nil {
		return err
	}
	change, err := p.personChange(c)
	if err != nil {
		return err
	}
	if reflect.ValueOf(*change).IsZero() && !c.Bool("reset") {
		return ca.Invalidate(errorf("rien à changer : donnez une option, telle que --mail ou --phone (voyez --help)",
			"nothing to change: give an option such as --mail or --phone (see --help)"))
	}
	d, err := p.directory(c)
	if err != nil {
		return err
	}
	switch person, err := p.person(c, d, id); ca.KindOf(err) {
	case ca.NotFound, ca.Invalid:
		if err != nil && change.FamilyName == nil { // else the person is added
			return err
		}
		id = profiles.NormalizeIdNat(id)
	default:
		if err != nil {
			return err
		}
		id = person.ID
	}
	if c.Bool("reset") {
		if err := d.Reset(c.Context, "", id); err != nil {
			return err
		}
	}
	if !reflect.ValueOf(*change).IsZero() {
		options := people.SetOptions{AllowRealID: c.Bool("allow-real-id")}
		if _, err = d.Set(c.Context, "", id, *change, options); err != nil {
			return err
		}
	}
	person, err := d.Find(c.Context, id)
	if ca.KindOf(err) == ca.NotFound && c.Bool("reset") { // whom only igc people set knew
		fmt.Fprintf(p.err, tr("igc : %s n'est plus là\n", "igc: %s is there no longer\n"), id)
		return nil
	}
	if err != nil {
		return err
	}
	return p.showPerson(c, person)
}

// personChange reads the flags of igc people set.
func (p *program) personChange(c *cli.Context) (*people.Change, error) {
	change := &people.Change{NoActivity: c.Bool("no-activity")}
	for _, f := range personTexts {
		if c.IsSet(f.name) {
			text := c.String(f.name)
			*f.field(change) = &text
		}
	}
	if err := change.CheckCodes(); err != nil {
		return nil, err
	}
	if path := c.String("ref-pro"); path != "" {
		data, err := p.readFile(path)
		if err != nil {
			return nil, err
		}
		if change.RefPro, err = people.ParseRefPro(data); err != nil {
			return nil, err
		}
	}
	return change, nil
}
