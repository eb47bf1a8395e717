package cli

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/big"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/profiles"
)

// defaultPIN is that of the real test cards.
const defaultPIN = "1234"

func (p *program) issueCommand() *cli.Command {
	text := func(name, fr, en string) cli.Flag { return &cli.StringFlag{Name: name, Usage: tr(fr, en)} }
	return &cli.Command{
		Name:  "issue",
		Usage: tr("émet une carte (et crée le laboratoire s'il n'existe pas)", "issue a card (and make the lab if there is none)"),
		UsageText: "igc issue --card cps --profession 10 --given-name ALAIN --surname DODO0020981 --rpps 99700209812\n" +
			"igc issue --fixture alain",
		OnUsageError: usageError,
		Flags: []cli.Flag{
			text("fixture", "identité de test toute faite : "+strings.Join(fixtures.Names(), ", "), "a ready-made test identity: "+strings.Join(fixtures.Names(), ", ")),
			&cli.StringFlag{Name: "card", Aliases: []string{"product"}, Usage: tr("produit : ", "product: ") + strings.Join(productIDs(), ", ")},
			text("given-name", "prénom", "given name"),
			text("surname", "nom", "surname"),
			text("profession", "code de profession (table G15) : 10 Médecin, 60 Infirmier...", "profession code (table G15): 10 Médecin, 60 Infirmier..."),
			&cli.StringSliceFlag{Name: "speciality", Usage: tr("code de spécialité (table R01), répétable : SM26...", "speciality code (table R01), repeatable: SM26...")},
			text("rpps", "numéro RPPS, onze chiffres", "RPPS number, eleven digits"),
			text("adeli", "numéro ADELI, neuf caractères", "ADELI number, nine characters"),
			text("id-nat", "PS_IdNat entier, chiffre de type compris, au lieu de --rpps ou --adeli", "whole PS_IdNat with its type digit, instead of --rpps or --adeli"),
			text("pseudonym", "pseudonyme (carte de service)", "pseudonym (carte de service)"),
			text("organisation", "raison sociale", "organisation"),
			text("structure", "Struct_IdNat", "Struct_IdNat"),
			text("department", `département : "Paris (75)"`, `department: "Paris (75)"`),
			text("service", "nom de service ou d'hôte (certificats d'organisation)", "service or host name (organisation certificates)"),
			&cli.StringSliceFlag{Name: "dns", Usage: tr("autre nom d'hôte (SSL_SERV), répétable", "another host name (SSL_SERV), repeatable")},
			text("email", "adresse électronique (certificats logiciels, boîtes aux lettres)", "e-mail address (software certificates, mailboxes)"),
			text("card-number", "numéro de carte, dix chiffres (sinon tiré)", "card number, ten digits (else drawn)"),
			&cli.StringFlag{Name: "pin", Value: defaultPIN, Usage: tr("code porteur : 4 à 8 chiffres, ou random", "PIN: 4 to 8 digits, or random")},
			text("not-before", "début de validité (AAAA-MM-JJ ou RFC 3339) ; sert aux cartes expirées ou futures", "beginning of validity (YYYY-MM-DD or RFC 3339); for expired or future cards"),
			text("generation", "gabarit : gen2016 ou gen2023", "layout: gen2016 or gen2023"),
			keyFlag(tr("clés de la carte", "keys of the card")),
			urlsFlag(),
			&cli.StringFlag{Name: "out", TakesFile: true, Usage: tr("dossier à écrire, au lieu de celui du laboratoire", "folder to write, instead of the lab's")},
			&cli.BoolFlag{Name: "p12-legacy", Usage: tr("PKCS#12 en 3DES et SHA-1, pour les vieux logiciels", "PKCS#12 with 3DES and SHA-1, for old software")},
			jsonFlag(),
		},
		Action: p.issue,
	}
}

func productIDs() []string {
	var ids []string
	for _, p := range profiles.Products() {
		ids = append(ids, p.ID)
	}
	return ids
}

func (p *program) issue(c *cli.Context) error {
	if err := none(c); err != nil {
		return err
	}
	order, err := cardOrder(c)
	if err != nil {
		return err
	}
	if _, err := order.Check(); err != nil { // before a lab is made for it
		return err
	}
	if err := ca.CheckPIN(order.PIN); err != nil {
		return err
	}
	config := ca.DefaultConfig()
	if order.Key != "" {
		config.Key = order.Key
	}
	client, err := p.connectOrCreate(c, config)
	if err != nil {
		return err
	}
	if order.Key == "" {
		order.Key = client.Config.Key
	}
	card, dir, err := ca.MakeCard(c.Context, client, client.Home, order)
	if err != nil {
		return err
	}
	for _, warning := range profiles.IdNatWarnings(card.Holder.IdNat) {
		fmt.Fprintln(p.err, tr("attention : ", "warning: ")+warning)
	}
	facts := struct {
		*ca.CardFile
		Folder string `json:"folder"`
		PIN    string `json:"pin"`
	}{card, dir, order.PIN}
	return p.print(c, facts, func(w io.Writer) {
		fmt.Fprintf(w, "%s — %s", card.Label, card.Holder.DisplayName())
		if card.Holder.IdNat != "" {
			fmt.Fprintf(w, " (%s)", card.Holder.IdNat)
		}
		fmt.Fprintln(w)
		if card.CardNumber != "" {
			fmt.Fprintf(w, "%-16s %s\n", tr("carte", "card"), card.CardNumber)
		}
		for _, cert := range card.Certificates {
			fmt.Fprintf(w, "%-16s %s  %s %s%s\n", cert.Role, cert.Serial, tr("jusqu'au", "until"), cert.NotAfter.Format(time.DateOnly), modelled(cert.Status))
		}
		fmt.Fprintf(w, "%-16s %s  (%s)\n", tr("code porteur", "PIN"), order.PIN, tr("montré cette seule fois", "shown this once"))
		fmt.Fprintf(w, "%-16s %s\n", tr("dossier", "folder"), dir)
		fmt.Fprintf(w, "%-16s %s\n", tr("à importer", "to import"), filepath.Join(dir, card.Certificates[0].PKCS12))
		if !card.Faithful {
			fmt.Fprintln(w, tr("Clés rapides : cette carte n'est pas fidèle à celles de l'IGC-Santé.", "Fast keys: this card is not faithful to those of the IGC-Santé."))
		}
	})
}

func modelled(s profiles.Status) string {
	if s == profiles.Modelled {
		return tr(" (modélisé)", " (modelled)")
	}
	return ""
}

// cardOrder reads the flags. What they say comes on top of what a fixture says.
func cardOrder(c *cli.Context) (order ca.CardOrder, err error) {
	if name := c.String("fixture"); name != "" {
		identity, err := fixtures.Find(name)
		if err != nil {
			return order, ca.Invalidate(err)
		}
		order.Product, order.Holder = identity.Product, identity.Holder
		if c.IsSet("given-name") || c.IsSet("surname") || c.IsSet("rpps") || c.IsSet("adeli") {
			order.Holder.CardNumber = "" // another person's card is another card
		}
	}
	if c.IsSet("card") {
		order.Product = c.String("card")
	}
	if order.Product == "" {
		order.Product = "cps"
	}
	h := &order.Holder
	for name, field := range map[string]*string{"given-name": &h.GivenName, "surname": &h.Surname, "profession": &h.Profession, "id-nat": &h.IdNat,
		"pseudonym": &h.Pseudonym, "organisation": &h.Organisation, "structure": &h.Structure, "department": &h.Department, "service": &h.Service,
		"email": &h.Email, "card-number": &h.CardNumber} {
		if c.IsSet(name) {
			*field = c.String(name)
		}
	}
	if c.IsSet("speciality") {
		h.Specialities = c.StringSlice("speciality")
	}
	if c.IsSet("dns") {
		h.DNSNames = c.StringSlice("dns")
	}
	given := 0
	for name, make := range map[string]func(string) (string, error){"rpps": profiles.IdNatFromRPPS, "adeli": profiles.IdNatFromADELI,
		"id-nat": func(s string) (string, error) { return s, nil }} {
		if c.IsSet(name) {
			given++
			if h.IdNat, err = make(c.String(name)); err != nil {
				return order, ca.Invalidate(err)
			}
		}
	}
	if given > 1 {
		return order, ca.Invalidate(errors.New(tr("--rpps, --adeli et --id-nat disent la même chose : donnez-en un", "--rpps, --adeli and --id-nat say the same thing: give one")))
	}
	if v := c.String("not-before"); v != "" {
		if order.NotBefore, err = parseTime(v); err != nil {
			return order, err
		}
	}
	order.Generation = profiles.Generation(c.String("generation"))
	if v := c.String("key"); v != "" {
		if order.Key, err = ca.ParseKeyPolicy(v); err != nil {
			return order, err
		}
	}
	if order.URLs, err = urls(c); err != nil {
		return order, err
	}
	if order.PIN = c.String("pin"); order.PIN == "random" {
		n, err := rand.Int(rand.Reader, big.NewInt(10000))
		if err != nil {
			return order, err
		}
		order.PIN = fmt.Sprintf("%04d", n)
	}
	order.LegacyP12, order.Out = c.Bool("p12-legacy"), c.String("out")
	return order, nil
}

func parseTime(s string) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, ca.Invalidate(fmt.Errorf(tr("%q n'est pas une date : écrivez 2026-01-31 ou 2026-01-31T12:00:00Z", "%q is not a date: write 2026-01-31 or 2026-01-31T12:00:00Z"), s))
}
