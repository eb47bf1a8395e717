package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/profiles/csr"
)

// ownKeyFlags are the flags of igc issue and igc renew for a key that the holder made.
func ownKeyFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "csr", TakesFile: true,
			Usage: tr("certifie la clé de cette demande (PKCS#10 : PEM, DER, base64, - pour l'entrée) ; aucune clé "+
				"privée n'est écrite",
				"certify the key of this request (PKCS#10: PEM, DER, base64, - for the input); no private key is "+
					"written")},
		&cli.StringFlag{Name: "public-key", TakesFile: true,
			Usage: tr("certifie cette clé publique (PEM ou DER), sans preuve de possession : avec --no-proof",
				"certify this public key (PEM or DER), without proof of possession: with --no-proof")},
		&cli.BoolFlag{Name: "no-proof", Usage: tr("accepte --public-key, dont rien ne prouve que le porteur a la "+
			"clé privée",
			"take --public-key, of which nothing proves that the holder has the private key")},
	}
}

// noter is what takes notes for the user while flags are read.
type noter interface{ note(text string) }

// requestValues are the values of a card with some in the place of those of the flags.
type requestValues struct {
	values
	csr   string // text that has a request
	notes func(text string)
}

func (v requestValues) IsSet(name string) bool {
	return name == "csr" && v.csr != "" || v.values.IsSet(name)
}

func (v requestValues) String(name string) string {
	if name == "csr" && v.csr != "" {
		return v.csr
	}
	return v.values.String(name)
}

func (v requestValues) note(text string) {
	if v.notes != nil {
		v.notes(text)
	}
}

// localized is the message of an error in the user's language, as wrong input.
func localized(err error) error {
	return ca.Invalidate(errorf("%s", "%s", i18n.TextOf(err)))
}

// severalError says that there are several requests for a product of one certificate: igc issue
// makes a certificate for each.
type severalError struct{ requests []*csr.Request }

func (e severalError) Error() string {
	return fmt.Sprintf(tr("%d demandes, pour un produit d'un seul certificat : donnez-en une",
		"%d requests, for a product of one certificate: give one"), len(e.requests))
}

// ownKey is what the flags say of a key that the holder made.
type ownKey struct {
	from      string // where the requests were
	requests  []*csr.Request
	publicKey []byte // SubjectPublicKeyInfo
}

// readOwnKey reads the requests or the public key that the flags name; it is empty for none.
func readOwnKey(c values) (k ownKey, err error) {
	switch {
	case c.IsSet("csr") && c.IsSet("public-key"):
		return k, ca.Invalidate(errorf("--csr et --public-key disent chacun quelle clé certifier : donnez-en un",
			"--csr and --public-key each say which key to certify: give one"))
	case c.Bool("no-proof") && !c.IsSet("public-key"):
		return k, ca.Invalidate(errorf("--no-proof ne vaut qu'avec --public-key : une demande (--csr) prouve "+
			"la possession de sa clé",
			"--no-proof is for --public-key only: a request (--csr) proves the possession of its key"))
	case c.IsSet("public-key") && !c.Bool("no-proof"):
		return k, ca.Invalidate(errorf("une clé publique ne prouve pas que le porteur a la clé privée : "+
			"donnez une demande (--csr), ou ajoutez --no-proof",
			"a public key does not prove that the holder has the private key: give a request (--csr), or add "+
				"--no-proof"))
	case c.IsSet("public-key"):
		data, err := readRequestFile(c.String("public-key"))
		if err != nil {
			return k, err
		}
		if k.publicKey, _, err = csr.ParsePublicKey(data); err != nil {
			return k, fmt.Errorf("%s%s%w", c.String("public-key"), tr(" : ", ": "), localized(err))
		}
	case c.IsSet("csr"):
		data := []byte(c.String("csr"))
		k.from = "--csr"
		if !strings.Contains(c.String("csr"), "-----BEGIN") { // a column may hold the request itself
			k.from = c.String("csr")
			if data, err = readRequestFile(k.from); err != nil {
				return k, err
			}
		}
		if k.requests, err = csr.Read(data); err != nil {
			return k, fmt.Errorf("%s%s%w", k.from, tr(" : ", ": "), localized(err))
		}
	}
	return k, nil
}

// readRequestFile reads a file of at most [csr.MaxFile].
func readRequestFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, &ca.Error{Kind: ca.NotFound, Err: err}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, csr.MaxFile+1))
	if err != nil {
		return nil, &ca.Error{Kind: ca.NotFound, Err: err}
	}
	return data, nil
}

// given tells whether the holder's own key is given.
func (k ownKey) given() bool { return len(k.requests) > 0 || k.publicKey != nil }

// product is the product when the flags name none: the card of a professional, or a server's
// certificate for a request that has a host name.
func (k ownKey) product() (string, error) {
	switch {
	case !k.given():
		return "cps", nil
	case len(k.requests) > 0 && k.requests[0].IsServer():
		return "ssl-serv", nil
	}
	return "", ca.Invalidate(errorf("la demande n'a pas de nom d'hôte, et ne dit donc pas quel produit : "+
		"donnez --product (ssl-serv, auth-cli, cachet, ps-logiciel...)",
		"the request has no host name, and so does not say which product: give --product (ssl-serv, auth-cli, "+
			"cachet, ps-logiciel...)"))
}

// apply puts the keys into the order, and what the requests say of the holder where the flags do
// not say it.
func (k ownKey) apply(c values, order *ca.CardOrder) error {
	if !k.given() {
		return nil
	}
	product, err := profiles.FindProduct(order.Product)
	if err != nil {
		return ca.Invalidate(err)
	}
	note := func(format string, args ...any) {
		if n, ok := c.(noter); ok {
			n.note(fmt.Sprintf(format, args...))
		}
	}
	roles := product.Certificates
	if k.publicKey != nil {
		if len(roles) != 1 {
			return ca.Invalidate(errorf("%s a %d certificats, chacun sa clé : --public-key n'en donne "+
				"qu'une, prenez --csr",
				"%s has %d certificates, each with its key: --public-key gives one only, take --csr", product.ID,
				len(roles)))
		}
		order.PublicKeys, order.HolderKeys = map[string][]byte{roles[0].Role: k.publicKey}, true
		note("%s", tr("la possession de la clé n'est pas prouvée (--no-proof)",
			"the possession of the key is not proved (--no-proof)"))
		return nil
	}
	if len(roles) == 1 && len(k.requests) > 1 {
		return ca.Invalidate(severalError{k.requests})
	}
	if len(k.requests) != len(roles) {
		var names []string
		for _, r := range roles {
			names = append(names, r.Role)
		}
		return ca.Invalidate(errorf("%s a %d certificats (%s), chacun sa clé : il faut autant de demandes, "+
			"dans cet ordre, et %s en a %d",
			"%s has %d certificates (%s), each with its key: as many requests are wanted, in that order, and %s has "+
				"%d",
			product.ID, len(roles), strings.Join(names, ", "), k.from, len(k.requests)))
	}
	order.Requests = map[string][]byte{}
	given := order.Holder
	var taken []csr.Taken
	for i, r := range k.requests {
		notes, err := r.Check()
		if err != nil {
			if len(k.requests) > 1 {
				return errorf("%s, demande %d : %w", "%s, request %d: %w", k.from, i+1, localized(err))
			}
			return fmt.Errorf("%s%s%w", k.from, tr(" : ", ": "), localized(err))
		}
		for _, n := range notes {
			note("%s", tr(n.FR, n.EN))
		}
		order.Requests[roles[i].Role] = r.Raw
		var more []csr.Taken
		order.Holder, more = r.Fill(product, order.Holder)
		taken = append(taken, more...)
	}
	if test, ok := testEstablishment(product, given, order.Holder); ok {
		h := &order.Holder
		h.Organisation, h.Structure, h.Department = test.Organisation, test.Structure, test.Department
		taken = slices.DeleteFunc(taken, func(t csr.Taken) bool { return t.Establishment })
		note(tr("la demande ne dit pas l'établissement (O, OU en Struct_IdNat, ST en département) : c'est celui de "+
			"la fixture serveur, %s ; --organisation, --finess et --department en donnent un autre",
			"the request does not name the establishment (O, OU as Struct_IdNat, ST as department): it is that of "+
				"the fixture serveur, %s; --organisation, --finess and --department give another"), h.Organisation)
	}
	for _, t := range taken {
		note(tr("pris de la demande : %s %s", "taken from the request: %s %s"), tr(t.Field.FR, t.Field.EN), t.Value)
	}
	return nil
}

// testEstablishment is the establishment of an organisation's certificate where neither the flags
// nor the request name one: requests for servers name the server, and at best a trade name.
func testEstablishment(product *profiles.Product, given, filled profiles.Holder) (fixtures.Identity, bool) {
	whole := filled.Organisation != "" && filled.Structure != "" && filled.Department != ""
	if whole || !product.Names("O") || !product.Names("CN") ||
		given.Organisation+given.Structure+given.Department != "" {
		return fixtures.Identity{}, false
	}
	test, err := fixtures.Find("serveur")
	return test, err == nil
}

// requestFrom has the flags with the text of the requests, read once: the standard input can be
// read but once.
func (p *program) requestFrom(c *cli.Context) (values, error) {
	v := requestValues{values: c, notes: p.note}
	if c.String("csr") != "-" {
		return v, nil
	}
	data, err := io.ReadAll(io.LimitReader(p.in, csr.MaxFile+1))
	if err != nil {
		return nil, err
	}
	requests, err := csr.Read(data)
	if err != nil {
		return nil, fmt.Errorf("-%s%w", tr(" : ", ": "), localized(err))
	}
	v.csr = pemOfRequests(requests...)
	return v, nil
}

func pemOfRequests(requests ...*csr.Request) string {
	var b strings.Builder
	for _, r := range requests {
		b.Write(r.PEM())
	}
	return b.String()
}

func (p *program) note(text string) { fmt.Fprintln(p.err, "igc: "+text) }

// orders are the orders of igc issue: one, or one for each of several requests.
func (p *program) orders(c *cli.Context) ([]ca.CardOrder, error) {
	v, err := p.requestFrom(c)
	if err != nil {
		return nil, err
	}
	order, err := cardOrder(v)
	var several severalError
	if !errors.As(err, &several) {
		return []ca.CardOrder{order}, err
	}
	var orders []ca.CardOrder
	for i, r := range several.requests {
		order, err := cardOrder(requestValues{values: c, csr: pemOfRequests(r), notes: func(text string) {
			p.note(fmt.Sprintf(tr("demande %d : %s", "request %d: %s"), i+1, text))
		}})
		if err == nil {
			_, err = order.Check()
		}
		if err != nil {
			return nil, errorf("demande %d : %w", "request %d: %w", i+1, err)
		}
		order.Out, order.Into = "", order.Out
		orders = append(orders, order)
	}
	return orders, nil
}

// makeCards makes the cards of several requests, each in a folder of its own.
func (p *program) makeCards(c *cli.Context, client *lab.Client, orders []ca.CardOrder) error {
	if into := orders[0].Into; into != "" {
		if err := os.MkdirAll(into, 0o700); err != nil {
			return &ca.Error{Kind: ca.Unwritable, Err: err}
		}
	}
	var made []any
	for i, order := range orders {
		facts, words, err := p.newCard(c, client, order)
		if err != nil {
			return errorf("demande %d (les précédentes ont leur certificat) : %w",
				"request %d (those before have their certificate): %w", i+1, err)
		}
		if !c.Bool("json") {
			words(p.out)
		}
		made = append(made, facts)
	}
	if c.Bool("json") {
		return p.print(c, made, nil)
	}
	p.nextStep(c, client)
	return nil
}

// newCard has a card made, and returns what there is to print of it.
func (p *program) newCard(c *cli.Context, client *lab.Client, order ca.CardOrder) (facts any,
	words func(io.Writer), err error) {
	if order.Key == "" {
		order.Key = client.Lab.Config.Key
	}
	card, dir, err := ca.MakeCard(c.Context, client, client.Lab.Home, order)
	if err != nil {
		return nil, nil, err
	}
	product, err := profiles.FindProduct(card.Product)
	if err != nil {
		return nil, nil, err
	}
	for _, warning := range product.Warnings(card.Holder) {
		fmt.Fprintln(p.err, tr("attention : ", "warning: ")+warning.In(i18n.FromEnvironment()))
	}
	if card.OwnKey {
		order.PIN = ""
	}
	p.noteJava(order.PIN)
	facts = issuedFacts{card, dir, order.PIN}
	drawn := c.String("pin") == "random" || c.String("password") == "random"
	return facts, func(w io.Writer) { describeIssued(w, product, card, dir, order.PIN, drawn) }, nil
}

// issuedFacts is what igc issue --json writes.
type issuedFacts struct {
	*ca.CardFile
	Folder string `json:"folder"`
	PIN    string `json:"pin,omitempty"` // none where the keys are the holder's own
}
