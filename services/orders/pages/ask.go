package pages

import (
	"net/http"
	"strings"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/services/orders"
)

// usageOf is the usage that an address names.
func usageOf(r *http.Request) (*orders.Offer, *orders.Usage, error) {
	return orders.FindOffer(r.URL.Query().Get("offre"), r.URL.Query().Get("usage"))
}

// offers is the first page of Demander: what the visitor may ask for. The next one is the form.
func (p *Pages) offers(w http.ResponseWriter, r *http.Request, caller *access.Caller) error {
	if r.URL.Query().Has("usage") {
		return p.showForm(w, r, caller, http.StatusOK, nil)
	}
	data := struct {
		view
		Offers []offered
	}{view: p.view(r, caller, i18n.Text{FR: "Demander", EN: "Ask for"})}
	for _, o := range orders.Offers() {
		one := offered{Offer: o}
		structures, all := caller.Structures(o.Action)
		one.May = all || len(structures) > 0 || o.Action == access.OrderPersonal
		for _, u := range o.Usages {
			if product, err := profiles.FindProduct(u.Product); err == nil {
				one.List = append(one.List, usage{u.ID, i18n.Text{FR: product.FR, EN: product.EN}})
			}
		}
		data.Offers = append(data.Offers, one)
	}
	p.pages.Render(w, http.StatusOK, "offers.html", data.Lang, data)
	return nil
}

type offered struct {
	orders.Offer
	May  bool
	List []usage
}

type usage struct {
	ID   string
	Name i18n.Text
}

// field is a field of the form.
type field struct {
	Name, Value string
	Label, Hint i18n.Text
	Required    bool
	List        []orders.Structure // to choose from
	Long        bool               // several lines
	Secret      bool
}

// showForm shows the form, with what was filled in and what was wrong with it.
func (p *Pages) showForm(w http.ResponseWriter, r *http.Request, caller *access.Caller, status int, wrong error) error {
	offer, used, err := usageOf(r)
	if err != nil {
		return err
	}
	product, err := profiles.FindProduct(used.Product)
	if err != nil {
		return err
	}
	data := struct {
		view
		Offer   string
		Usage   string
		Product i18n.Text
		Fields  []field
		Found   []orders.Structure
		Wrong   *i18n.Text
		Code    string
		Card    bool
		Path    string
		Search  string
		All     bool // every structure is the visitor's
	}{view: p.view(r, caller, i18n.Text{FR: "Demander " + used.ID, EN: "Ask for " + used.ID}), Offer: offer.ID,
		Usage:   used.ID,
		Product: i18n.Text{FR: product.FR, EN: product.EN}, Card: product.CardType != "", Path: usagePath(p.Prefix,
			offer.ID, used.ID),
		Search: r.FormValue("cherche")}
	structures, all := caller.Structures(offer.Action)
	data.All = all
	var known []orders.Structure
	for _, id := range structures {
		known = append(known, p.Desk.StructureOf(r.Context(), id))
	}
	if all && data.Search != "" {
		if data.Found, err = p.Desk.SearchStructures(r.Context(), data.Search, 20); err != nil {
			return err
		}
	}
	data.Fields = fields(product, known, r)
	if wrong != nil {
		text := i18n.TextOf(wrong)
		data.Wrong = &text
		_, data.Code = statusOf(wrong)
	}
	p.pages.Render(w, status, "ask.html", data.Lang, data)
	return nil
}

// fields are those that a product has, with what was filled in.
func fields(product *profiles.Product, structures []orders.Structure, r *http.Request) []field {
	var list []field
	add := func(name, fr, en string, f field) {
		f.Name, f.Label = name, i18n.Text{FR: fr, EN: en}
		if !f.Secret {
			f.Value = r.FormValue(name)
		}
		list = append(list, f)
	}
	if product.Names("OU") || product.CardType != "" || product.Names("title") {
		add("structure", "Structure (identifiant national)", "Structure (national identifier)", field{
			Required: product.Names("OU") || product.CardType != "", List: structures,
			Hint: i18n.Text{FR: "1 et le FINESS, 3 et le SIRET", EN: "1 and the FINESS number, 3 and the SIRET"}})
	}
	if product.Names("O") {
		add("organisation", "Raison sociale", "Organisation", field{Hint: known})
		add("department", "Département", "Department", field{Hint: known})
	}
	server := product.ID == "ssl-serv"
	switch {
	case server:
		add("service", "Nom du serveur (FQDN)", "Name of the server (FQDN)", field{Hint: fromRequest})
		add("dns", "Autres noms, un par ligne", "Other names, one a line", field{Long: true})
	case product.Names("CN") && product.Service == "":
		add("service", "Service applicatif", "Application (service applicatif)", field{
			Hint: i18n.Text{FR: "INSI-AUTO ou INSI-MANU pour l'INSi", EN: "INSI-AUTO or INSI-MANU for INSi"}})
	}
	if product.Names("GN") {
		add("id_nat", "Identifiant national de la personne", "National identifier of the person", field{Required: true,
			Hint: i18n.Text{FR: "8 et le RPPS ; pour le personnel, 3, le SIRET, / et le numéro interne",
				EN: "8 and the RPPS number; of staff, 3, the SIRET, / and the internal number"}})
		add("given_name", "Prénom", "Given name", field{})
		add("surname", "Nom", "Surname", field{})
		if product.Profession != "" {
			add("profession", "Profession (code)", "Profession (code)", field{Hint: i18n.Text{
				FR: "table " + product.Profession + ", 10 pour un médecin", EN: "table " + product.Profession +
					", 10 for a doctor"}})
		}
	}
	if product.UsesEmail() {
		add("email", "Adresse électronique", "E-mail address", field{Required: product.Email})
	}
	if product.CardType == "" {
		add("csr", "Demande de certificat (CSR, PEM)", "Certification request (CSR, PEM)", field{Long: true,
			Hint: i18n.Text{
				FR: "la clé reste chez vous ; ou bien le mot de passe ci-dessous",
				EN: "the key stays with you; or else the password below"}})
		add("password", "Mot de passe de la clé à faire", "Password of the key to be made", field{Secret: true,
			Hint: i18n.Text{
				FR: "de 8 à 64 caractères ; il sera demandé au retrait et n'est pas retrouvable",
				EN: "8 to 64 characters; it is asked for at withdrawal and cannot be recovered"}})
	}
	add("contact", "Adresse du courriel de retrait", "Address of the mail that opens the withdrawal", field{
		Hint: i18n.Text{FR: "vide : la vôtre, si elle est connue", EN: "empty: your own, where it is known"}})
	return list
}

var (
	known = i18n.Text{FR: "vide : celle de la structure, si elle est connue",
		EN: "empty: that of the structure, where it is known"}
	fromRequest = i18n.Text{FR: "vide : celui de la demande (CSR)", EN: "empty: the one of the request (CSR)"}
)

// ask asks for what the form says. What is wrong is said above the form, which keeps what was
// typed.
func (p *Pages) ask(w http.ResponseWriter, r *http.Request, caller *access.Caller) error {
	offer, used, err := usageOf(r)
	if err != nil {
		return err
	}
	value := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	o, err := p.Desk.Place(r.Context(), caller, orders.Request{Offer: offer.ID, Usage: used.ID,
		Structure:    value("structure"),
		Organisation: value("organisation"), Department: value("department"), Service: value("service"),
		DNSNames: strings.Fields(value("dns")), Email: value("email"), GivenName: value("given_name"),
		Surname: value("surname"), IdNat: value("id_nat"), Profession: value("profession"),
		CSR: value("csr"), Password: r.PostFormValue("password"), Contact: value("contact")})
	if status, _ := statusOf(err); err != nil && status == http.StatusUnprocessableEntity {
		return p.showForm(w, r, caller, status, err)
	}
	if err != nil {
		return err
	}
	p.to(w, r, o.Number)
	return nil
}

// to sends the browser to an order, in the language that was chosen.
func (p *Pages) to(w http.ResponseWriter, r *http.Request, number string) {
	v := p.view(r, nil, i18n.Text{})
	http.Redirect(w, r, v.Link(number), http.StatusSeeOther)
}
