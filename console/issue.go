package console

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/shell"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/profiles"
)

// defaultPIN is that of the real test cards, and the password of software certificates here.
const defaultPIN = "1234"

// preset is a way to fill the form at once.
type preset struct {
	Name       string
	Text       i18n.Text
	product    string
	profession string
}

// presets are fresh identities in the test ranges.
var presets = []preset{
	{"medecin", i18n.Text{FR: "Médecin (CPS)", EN: "Physician (CPS)"}, "cps", "10"},
	{"infirmier", i18n.Text{FR: "Infirmier (CPS)", EN: "Nurse (CPS)"}, "cps", "60"},
	{"pharmacien", i18n.Text{FR: "Pharmacien (CPS)", EN: "Pharmacist (CPS)"}, "cps", "21"},
	{"etudiant", i18n.Text{FR: "Étudiant (CPF)", EN: "Student (CPF)"}, "cpf", "10"},
	{"employe", i18n.Text{FR: "Employé d'un établissement (CPE)", EN: "Staff of an establishment (CPE)"}, "cpe", ""},
	{"service", i18n.Text{FR: "Service d'un établissement (AUTH_CLI)", EN: "Service of an establishment (AUTH_CLI)"},
		"auth-cli", ""},
	{"serveur", i18n.Text{FR: "Serveur (SSL_SERV)", EN: "Server (SSL_SERV)"}, "ssl-serv", ""},
}

// draw draws the identity of a preset.
func (p preset) draw() (*profiles.Product, profiles.Holder, error) {
	product, err := profiles.FindProduct(p.product)
	if err != nil {
		return nil, profiles.Holder{}, err
	}
	return product, fixtures.Random(product, p.profession, rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))), nil
}

// issueRandom issues a card of a preset, that of a physician unless another is asked for.
func (c *Console) issueRandom(_ http.ResponseWriter, r *http.Request, by *access.Caller) (string, error) {
	i := max(0, slices.IndexFunc(presets, func(p preset) bool { return p.Name == r.PostForm.Get("modele") }))
	product, holder, err := presets[i].draw()
	if err != nil {
		return "", err
	}
	order := ca.CardOrder{Key: c.Lab.Config.Key, PIN: defaultPIN}
	order.Product, order.Holder = product.ID, holder
	return c.make(r.Context(), by, order, "emise")
}

// filled is a field with what was typed, and what is wrong with it.
type filled struct {
	field
	Value string
	Wrong []i18n.Text
}

// form is the form of an order as it was sent.
type form struct {
	Product  *profiles.Product
	Fields   []filled
	Wrong    []i18n.Text // with no field of the form
	Warnings []i18n.Text
	Order    ca.CardOrder

	PIN, NotBefore, Generation, Key string
	Legacy, AllowReal               bool
}

// ok tells whether it may be issued.
func (f *form) ok() bool {
	return len(f.Wrong) == 0 && !slices.ContainsFunc(f.Fields, func(one filled) bool { return len(one.Wrong) > 0 })
}

// Fine tells whether nothing is wrong with it, for the page.
func (f *form) Fine() bool { return f.ok() }

// blank is the form of a product for a holder.
func (c *Console) blank(product *profiles.Product, h profiles.Holder) *form {
	f := &form{Product: product, PIN: defaultPIN, Generation: string(c.Lab.Config.Generation),
		Key: string(c.Lab.Config.Key)}
	for _, one := range fields() {
		if one.used(product) {
			f.Fields = append(f.Fields, filled{field: one, Value: one.get(h)})
		}
	}
	return f
}

// AdvancedOpen tells whether an advanced field is filled.
func (f *form) AdvancedOpen() bool {
	return f.NotBefore != "" || f.Legacy || f.AllowReal || slices.ContainsFunc(f.Fields,
		func(one filled) bool { return one.Advanced && one.Value != "" })
}

// read reads a form that was sent, and checks it.
func (c *Console) read(values url.Values) (*form, error) {
	product, err := profiles.FindProduct(values.Get("produit"))
	if err != nil {
		return nil, ca.Invalidate(err)
	}
	f := c.blank(product, profiles.Holder{})
	f.PIN, f.NotBefore, f.Generation = values.Get("pin"), values.Get("not-before"), values.Get("generation")
	f.Key, f.Legacy, f.AllowReal = values.Get("key"), values.Get("p12-legacy") != "", values.Get("allow-real-id") != ""
	var holder profiles.Holder
	for i := range f.Fields {
		one := &f.Fields[i]
		one.Value = strings.TrimSpace(values.Get(one.Name))
		if err := one.set(&holder, one.Value); err != nil {
			one.Wrong = append(one.Wrong, i18n.TextOf(err))
		}
	}
	f.Order.Product, f.Order.Holder, f.Order.PIN = product.ID, holder, f.PIN
	f.Order.Generation, f.Order.LegacyP12 = profiles.Generation(f.Generation), f.Legacy
	if f.Order.Key, err = ca.ParseKeyPolicy(f.Key); err != nil {
		f.Wrong = append(f.Wrong, i18n.TextOf(err))
	}
	if f.NotBefore != "" {
		if f.Order.NotBefore, err = time.Parse(time.DateOnly, f.NotBefore); err != nil {
			f.Wrong = append(f.Wrong, i18n.Text{FR: "le début de validité s'écrit AAAA-MM-JJ",
				EN: "the beginning of validity is written YYYY-MM-DD"})
		}
	}
	f.check()
	return f, nil
}

// check holds what was typed to the product, as igc issue does.
func (f *form) check() {
	_, err := f.Order.Check()
	for _, one := range each(err) {
		var of *profiles.FieldError
		i := -1
		if errors.As(one, &of) {
			i = slices.IndexFunc(f.Fields, func(one filled) bool { return one.Name == of.Field || one.takes(of.Field) })
		}
		switch text := i18n.TextOf(one); {
		case i < 0:
			f.Wrong = append(f.Wrong, text)
		case len(f.Fields[i].Wrong) == 0: // the first is why
			f.Fields[i].Wrong = append(f.Fields[i].Wrong, text)
		}
	}
	holder := f.Order.Holder
	f.Warnings = f.Product.Warnings(holder)
	if profiles.MayBeReal(holder.IdNat) && !f.AllowReal {
		i := slices.IndexFunc(f.Fields, func(one filled) bool { return one.Name == "id-nat" })
		f.Fields[i].Wrong = append(f.Fields[i].Wrong, i18n.Text{
			FR: "ce numéro RPPS est hors des plages de test (997…, 999…) : ce peut être celui d'une vraie personne ; " +
				"les options avancées l'acceptent",
			EN: "this RPPS number is outside the test ranges (997…, 999…): it may be a real person's; the advanced " +
				"options accept it"})
	}
}

// each takes joined errors apart.
func each(err error) []error {
	if err == nil {
		return nil
	}
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		if joined, ok := inner.(interface{ Unwrap() []error }); ok {
			if list := joined.Unwrap(); len(list) > 0 {
				var all []error
				for _, one := range list {
					all = append(all, each(one)...)
				}
				return all
			}
		}
		if _, ok := inner.(*profiles.FieldError); ok {
			return []error{inner}
		}
	}
	return []error{err}
}

// Command is the command line that issues the same.
func (f *form) Command() string {
	words := []string{"igc", "issue", "--card", f.Product.ID}
	for _, one := range f.Fields {
		if one.Value == "" {
			continue
		}
		switch one.Name {
		case "id-nat":
			words = append(words, "--id-nat", f.Order.Holder.IdNat)
		case "structure":
			words = append(words, "--structure", f.Order.Holder.Structure)
		case "profession":
			words = append(words, "--profession", f.Order.Holder.Profession)
		case "speciality", "dns":
			list := f.Order.Holder.Specialities
			if one.Name == "dns" {
				list = f.Order.Holder.DNSNames
			}
			for _, value := range list {
				words = append(words, "--"+one.Name, value)
			}
		default:
			words = append(words, "--"+one.Name, one.Value)
		}
	}
	if f.NotBefore != "" {
		words = append(words, "--not-before", f.NotBefore)
	}
	if f.AllowReal {
		words = append(words, "--allow-real-id")
	}
	if f.Legacy {
		words = append(words, "--p12-legacy")
	}
	return shell.Command(words...)
}

// issueView is what the page of the form is made from.
type issueView struct {
	view
	*form
	Checked     bool // it was sent to be checked or issued
	Products    []choice
	Presets     []preset
	Lists       map[string][]profiles.Code
	Generations []choice
	Policies    []choice
	Failure     i18n.Text // why it was not issued
}

// showForm shows the form.
func (c *Console) showForm(w http.ResponseWriter, r *http.Request, f *form, checked bool, failure error) {
	v := issueView{view: c.view(w, r, i18n.Text{FR: "Émettre", EN: "Issue"}), form: f, Checked: checked,
		Presets: presets, Lists: map[string][]profiles.Code{}}
	if failure != nil {
		v.Failure = i18n.TextOf(failure)
	}
	for _, p := range profiles.Products() {
		if p.Issuer != "" && p.Issuer != "*" {
			v.Products = append(v.Products, choice{p.ID, i18n.Text{FR: p.FR, EN: p.EN}, p == f.Product})
		}
	}
	for _, one := range f.Fields {
		if one.List != "" {
			v.Lists[one.List] = profiles.Codes(strings.ToUpper(one.List))
		}
	}
	for _, g := range []profiles.Generation{profiles.Gen2016, profiles.Gen2023} {
		v.Generations = append(v.Generations, choice{string(g), i18n.Same(string(g)), string(g) == f.Generation})
	}
	for _, p := range []ca.KeyPolicy{ca.Faithful, ca.RSA3072, ca.RSA2048, ca.P256} {
		v.Policies = append(v.Policies, choice{string(p), i18n.Same(string(p)), string(p) == f.Key})
	}
	c.pages.Render(w, http.StatusOK, "issue.html", v.Lang, v)
}

// issuePage is the form: blank for a product, or filled by a preset.
func (c *Console) issuePage(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	i := slices.IndexFunc(presets, func(p preset) bool { return p.Name == q.Get("modele") })
	if i >= 0 {
		product, holder, err := presets[i].draw()
		if err == nil {
			c.showForm(w, r, c.blank(product, holder), false, nil)
		}
		return err
	}
	id := q.Get("produit")
	if id == "" {
		id = presets[0].product
	}
	product, err := profiles.FindProduct(id)
	if err != nil {
		return ca.Invalidate(err)
	}
	c.showForm(w, r, c.blank(product, profiles.Holder{}), false, nil)
	return nil
}

// issue checks the form and shows it again or, if that is asked for and nothing is wrong, issues.
func (c *Console) issue(w http.ResponseWriter, r *http.Request, by *access.Caller) (string, error) {
	f, err := c.read(r.PostForm)
	if err != nil {
		return "", err
	}
	if r.PostForm.Get("action") != "emettre" || !f.ok() {
		c.showForm(w, r, f, true, nil)
		return "", nil
	}
	next, err := c.make(r.Context(), by, f.Order, "emise")
	if _, away := web.Away(err); away {
		return "", err
	}
	if kind := ca.KindOf(err); err != nil && kind != ca.Internal && kind != ca.Damaged {
		c.showForm(w, r, f, true, err)
		return "", nil
	}
	return next, err
}
