package cli

import (
	"crypto/rand"
	"fmt"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
)

// defaultPIN is that of the real test cards.
const defaultPIN = "1234"

func (p *program) issueCommand() *cli.Command {
	text := func(name, fr, en string) cli.Flag { return &cli.StringFlag{Name: name, Usage: tr(fr, en)} }
	return &cli.Command{
		Name: "issue",
		Usage: tr("émet une carte (et crée le laboratoire s'il n'existe pas)",
			"issue a card (and make the lab if there is none)"),
		UsageText: "igc issue --card cps --profession 10 --given-name ALAIN --surname DODO0020981 --rpps 99700209812\n" +
			"igc issue --fixture alain",
		OnUsageError: usageError,
		Flags: append(append(append([]cli.Flag{
			text("fixture", "identité de test toute faite : "+strings.Join(fixtures.Names(), ", "), "a ready-made test identity: "+strings.Join(fixtures.Names(), ", ")),
			&cli.BoolFlag{Name: "random", Usage: tr("une identité de test toute neuve, dans les plages de test",
				"a fresh test identity, in the test ranges")},
			&cli.StringFlag{Name: "like", TakesFile: true, Usage: tr("reprend de ce certificat le produit, le porteur et la disposition (gen2016 ou gen2023)",
				"take product, holder and layout (gen2016 or gen2023) from this certificate")},
			&cli.StringFlag{Name: "batch", TakesFile: true,
				Usage: tr("beaucoup de cartes : un fichier XLSX, ODS, CSV, JSON ou YAML, - pour l'entrée standard "+
					"(voyez --batch-example)",
					"many cards: an XLSX, ODS, CSV, JSON or YAML file, - for standard input (see --batch-example)")},
			&cli.BoolFlag{Name: "check",
				Usage: tr("montre les cartes de --batch, avec ce qui y fut corrigé, et n'en fait aucune",
					"show the cards of --batch, with what was put right, and make none")},
			&cli.StringFlag{Name: "batch-example", Usage: tr("écrit un exemple commenté : csv, jsonl ou yaml",
				"write a commented example: csv, jsonl or yaml")},
			&cli.StringFlag{Name: "card", Aliases: []string{"product"}, Usage: tr("produit (* : modélisé) : ",
				"product (*: modelled): ") + strings.Join(markedProducts(), ", ")},
			text("given-name", "prénom", "given name"),
			text("surname", "nom", "surname"),
			text("profession", "code de profession (table G15) : 10 Médecin, 60 Infirmier...", "profession code (table G15): 10 Médecin, 60 Infirmier..."),
			&cli.StringSliceFlag{Name: "speciality", Usage: tr("code de spécialité (table R01), répétable : SM26...",
				"speciality code (table R01), repeatable: SM26...")},
			text("rpps", "numéro RPPS, onze chiffres", "RPPS number, eleven digits"),
			text("adeli", "numéro ADELI, neuf caractères", "ADELI number, nine characters"),
			&cli.BoolFlag{Name: "allow-real-id", Usage: tr(
				"accepte un numéro RPPS hors des plages de test, qui peut être celui d'une vraie personne",
				"accept an RPPS number outside the test ranges, which may be a real person's")},
			text("id-nat", "PS_IdNat entier, chiffre de type compris, au lieu de --rpps ou --adeli", "whole PS_IdNat with its type digit, instead of --rpps or --adeli"),
			text("register", "numéro de registre dans la structure : CPET0001...", "register number within the structure: CPET0001..."),
			text("pseudonym", "pseudonyme (carte de service)", "pseudonym (carte de service)"),
			text("organisation", "raison sociale", "organisation"),
			text("structure", "Struct_IdNat entier, chiffre de type compris, au lieu des suivants", "whole Struct_IdNat with its type digit, instead of those that follow"),
		}, structureFlags()...), []cli.Flag{
			text("department", `département : 75 ou "Paris (75)"`, `department: 75 or "Paris (75)"`),
			text("service", "nom de service ou d'hôte (certificats d'organisation)", "service or host name (organisation certificates)"),
			&cli.StringSliceFlag{Name: "dns", Usage: tr("autre nom d'hôte (SSL_SERV), répétable",
				"another host name (SSL_SERV), repeatable")},
			text("email", "adresse électronique (certificats logiciels, boîtes aux lettres)", "e-mail address (software certificates, mailboxes)"),
			text("card-number", "numéro de carte, dix chiffres (sinon tiré)", "card number, ten digits (else drawn)"),
			text("not-before", "début de validité (AAAA-MM-JJ ou RFC 3339) ; sert aux cartes expirées ou futures", "beginning of validity (YYYY-MM-DD or RFC 3339); for expired or future cards"),
			text("generation", "gabarit : gen2016 ou gen2023", "layout: gen2016 or gen2023"),
			keyFlag(tr("clés de la carte", "keys of the card")),
			urlsFlag(),
			&cli.StringFlag{Name: "out", TakesFile: true, Usage: tr("dossier à écrire, au lieu de celui du laboratoire ; avec --batch, aussi un .zip ou un .jsonl",
				"folder to write, instead of the lab's; with --batch, also a .zip or a .jsonl")},
			&cli.BoolFlag{Name: "p12-legacy", Usage: tr("PKCS#12 en 3DES et SHA-1, pour les vieux logiciels",
				"PKCS#12 with 3DES and SHA-1, for old software")},
			jsonFlag(),
		}...), append(ownKeyFlags(), secretsFlags()...)...),
		Action: p.issue,
	}
}

func structureFlags() (flags []cli.Flag) {
	for _, k := range profiles.StructureKinds {
		flags = append(flags, &cli.StringFlag{Name: k.Name, Usage: tr("structure, par son numéro : ",
			"structure, by its number: ") + k.Example})
	}
	return flags
}

// markedProducts puts a star to the products of which a certificate is modelled.
func markedProducts() []string {
	var ids []string
	for _, p := range profiles.Products() {
		id := p.ID
		if slices.ContainsFunc(p.Certificates, func(c *profiles.Profile) bool { return c.Status == profiles.Modelled }) {
			id += "*"
		}
		ids = append(ids, id)
	}
	return ids
}

func productIDs() []string {
	var ids []string
	for _, p := range profiles.Products() {
		ids = append(ids, p.ID)
	}
	return ids
}

func (p *program) issue(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	if kind := c.String("batch-example"); kind != "" {
		return p.batchExample(kind)
	}
	if file := c.String("batch"); file != "" {
		return p.batch(c, file)
	}
	if c.Bool("check") {
		return ca.Invalidate(errorf("--check vérifie un fichier : donnez --batch FICHIER",
			"--check checks a file: give --batch FILE"))
	}
	orders, err := p.orders(c)
	if err != nil {
		return err
	}
	for _, order := range orders {
		if _, err := order.Check(); err != nil { // before a lab is made for it
			return nameMissing(c, err)
		}
	}
	config := lab.DefaultConfig()
	if orders[0].Key != "" {
		config.Key = orders[0].Key
	}
	client, err := p.connectOrCreate(c, config)
	if err != nil {
		return err
	}
	if len(orders) > 1 {
		return p.makeCards(c, client, orders)
	}
	if err := p.makeCard(c, client, orders[0]); err != nil || c.Bool("json") {
		return err
	}
	p.nextStep(c, client)
	return nil
}

// makeCard has a card made and says what it is.
func (p *program) makeCard(c *cli.Context, client *lab.Client, order ca.CardOrder) error {
	facts, words, err := p.newCard(c, client, order)
	if err != nil {
		return err
	}
	return p.print(c, facts, words)
}

func modelled(s profiles.Status) string {
	if s == profiles.Modelled {
		return tr(" (modélisé)", " (modelled)")
	}
	return ""
}

// values is what says how a card is to be: the flags of a command, or a row of a batch.
type values interface {
	IsSet(name string) bool
	String(name string) string
	StringSlice(name string) []string
	Bool(name string) bool
}

// cardOrder reads the flags. A fixture, a certificate or a draw says who the holder is; the other
// flags come on top.
func cardOrder(c values) (order ca.CardOrder, err error) {
	sources := 0
	for _, name := range []string{"fixture", "like", "random"} {
		if c.IsSet(name) {
			sources++
		}
	}
	if sources > 1 {
		return order, ca.Invalidate(errorf("--fixture, --like et --random disent chacun qui est le porteur : donnez-en un",
			"--fixture, --like and --random each say who the holder is: give one"))
	}
	order.Product = strings.ToLower(strings.TrimSpace(c.String("card")))
	if name := c.String("fixture"); name != "" {
		identity, err := fixtures.Find(name)
		if err != nil {
			return order, ca.Invalidate(err)
		}
		order.Holder = identity.Holder
		if order.Product == "" {
			order.Product = identity.Product
		}
		if c.IsSet("given-name") || c.IsSet("surname") || c.IsSet("rpps") || c.IsSet("adeli") {
			order.Holder.CardNumber = "" // another person's card is another card
		}
	}
	if name := c.String("like"); name != "" {
		if err := like(c, name, &order); err != nil {
			return order, err
		}
	}
	own, err := readOwnKey(c)
	if err != nil {
		return order, err
	}
	if order.Product == "" {
		if order.Product, err = own.product(); err != nil {
			return order, err
		}
	}
	if c.Bool("random") {
		product, err := profiles.FindProduct(order.Product)
		if err != nil {
			return order, ca.Invalidate(err)
		}
		order.Holder = fixtures.Random(product, c.String("profession"), mathrand.New(mathrand.NewPCG(mathrand.Uint64(), mathrand.Uint64())))
	}
	if err := holderFlags(c, &order.Holder); err != nil {
		return order, err
	}
	if err := own.apply(c, &order); err != nil {
		return order, err
	}
	if err := refuseReal(c, order.Holder); err != nil {
		return order, err
	}
	if err := refusePassword(c, order.Product); err != nil {
		return order, err
	}
	if v := c.String("not-before"); v != "" {
		if order.NotBefore, err = parseTime(v); err != nil {
			return order, err
		}
	}
	if c.IsSet("generation") {
		order.Generation = profiles.Generation(c.String("generation"))
	}
	return order, cardFlags(c, &order)
}

// like takes product, holder and layout from the certificate that a file stands for, or standard
// input for "-" of the command line.
func like(c values, name string, order *ca.CardOrder) error {
	var in io.Reader = strings.NewReader("")
	if v, ok := c.(requestValues); ok {
		c = v.values
	}
	if command, ok := c.(*cli.Context); ok {
		in = command.App.Reader
	}
	data, err := readInput(in, name)
	if err != nil {
		return err
	}
	certificate, err := certificateIn(c, name, data)
	if err != nil {
		return err
	}
	d, err := profiles.Decode(certificate.DER())
	if err != nil {
		return ca.Invalidate(fmt.Errorf("%s: %w", name, err))
	}
	if d.Profile == nil || d.Profile.Product.Issuer == "" {
		return ca.Invalidate(errorf("%s n'est pas d'un produit que le laboratoire émet",
			"%s is not of a product that the lab issues", name))
	}
	if product := d.Profile.Product.ID; order.Product != "" && order.Product != product {
		return ca.Invalidate(errorf("%s est de %s, pas de %s : ôtez --card",
			"%s is of %s, not of %s: leave --card out", name, product, order.Product))
	}
	order.Product, order.Holder, order.Generation = d.Profile.Product.ID, d.Holder, d.Generation
	return nil
}

// holderFlags reads the flags that say who the holder is.
func holderFlags(c values, h *profiles.Holder) (err error) {
	for name, field := range map[string]*string{"given-name": &h.GivenName, "surname": &h.Surname, "profession": &h.Profession, "pseudonym": &h.Pseudonym,
		"organisation": &h.Organisation, "department": &h.Department, "service": &h.Service, "email": &h.Email, "card-number": &h.CardNumber} {
		if c.IsSet(name) {
			*field = c.String(name)
		}
	}
	if c.IsSet("dns") {
		h.DNSNames = c.StringSlice("dns")
	}
	if err := lookUp(c, h); err != nil {
		return err
	}
	// ways of saying one thing: at most one of each group
	structures := map[string]func(string) (string, error){"structure": normalized}
	for _, k := range profiles.StructureKinds {
		structures[k.Name] = k.ID
	}
	if err := oneOf(c, &h.Structure, structures); err != nil {
		return err
	}
	err = oneOf(c, &h.IdNat, map[string]func(string) (string, error){"rpps": profiles.IdNatFromRPPS,
		"adeli": profiles.IdNatFromADELI, "id-nat": normalized,
		"register": func(register string) (string, error) { return profiles.StaffIdNat(h.Structure, register) }})
	if err != nil {
		return err
	}
	return nil
}

// oneOf fills the field from the one flag of the group that is there.
func oneOf(c values, field *string, group map[string]func(string) (string, error)) (err error) {
	var given []string
	for name, make := range group {
		if c.IsSet(name) {
			given = append(given, "--"+name)
			if *field, err = make(c.String(name)); err != nil {
				return ca.Invalidate(err)
			}
		}
	}
	if len(given) > 1 {
		slices.Sort(given)
		return ca.Invalidate(errorf("%s donnent la même valeur : n'en gardez qu'un",
			"%s set the same value: give only one", strings.Join(given, ", ")))
	}
	return nil
}

// cardFlags reads the flags that say how a card is made, whoever it is for.
func cardFlags(c values, order *ca.CardOrder) (err error) {
	if v := c.String("key"); v != "" {
		if order.Key, err = ca.ParseKeyPolicy(v); err != nil {
			return err
		}
	}
	if order.URLs, err = urls(c); err != nil {
		return err
	}
	if order.PIN, err = secretFlags(c); err != nil {
		return err
	}
	if order.PIN == "random" {
		n, err := rand.Int(rand.Reader, big.NewInt(10000))
		if err != nil {
			return err
		}
		order.PIN = fmt.Sprintf("%04d", n)
	}
	order.LegacyP12, order.ClearKeys, order.Out = c.Bool("p12-legacy"), c.Bool("clear-keys"), c.String("out")
	return nil
}
