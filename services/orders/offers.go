package orders

import (
	"slices"
	"strings"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// Offer is what the platform offers: certificates of organisations, of servers, of people; cards.
type Offer struct {
	ID     string        `json:"offer"` // ORG
	Name   i18n.Text     `json:"name"`
	Usages []Usage       `json:"usages"`
	Action access.Action `json:"-"` // to ask for it
}

// Usage is one thing of an offer.
type Usage struct {
	ID      string            `json:"usage"`   // AUTH_CLI
	Product string            `json:"product"` // of package profiles
	Files   map[string]string `json:"-"`       // what file names call a certificate, by role
}

// offers are the platform's, as its pages name them. SIGN and CONF of SERV, and PRO, have no
// product in the lab: no certificate of them was seen, and no text says what is in one.
var offers = []Offer{
	{"ORG", i18n.Text{FR: "Certificats d'organisation", EN: "Certificates of an organisation"}, []Usage{
		{"AUTH_CLI", "auth-cli", map[string]string{"client": "AUTH_CLI"}},
		{"SIGN", "cachet", map[string]string{"seal": "SIGN"}},
		{"CONF", "conf", map[string]string{"encryption": "CONF"}},
	}, access.OrderCertificate},
	{"SERV", i18n.Text{FR: "Certificats de serveur", EN: "Certificates of a server"}, []Usage{
		{"SSL_SERV", "ssl-serv", map[string]string{"server": "SSL_SERV"}},
		{"S/MIME", "smime", map[string]string{"signature": "SMIME_SIGN", "encryption": "SMIME_CONF"}},
	}, access.OrderCertificate},
	{"PS", i18n.Text{FR: "Certificats logiciels de professionnel de santé",
		EN: "Software certificates of a health professional"}, []Usage{
		{"AUTH_SIGN", "ps-logiciel", map[string]string{"authentication": "AUTH", "signature": "SIGN"}},
	}, access.OrderPersonal},
	{"CARTE", i18n.Text{FR: "Cartes", EN: "Cards"}, []Usage{
		{"CPS", "cps", nil}, {"CPF", "cpf", nil}, {"CPE", "cpe", nil}, {"CDE", "cde", nil}, {"CPA", "cpa", nil},
		{"CDA", "cda", nil},
	}, access.OrderCard},
}

// Offers are the offers, in the order of the platform's pages. The caller changes nothing in them.
func Offers() []Offer { return offers }

// find finds an offer and its usage. A usage that only one offer has needs no offer.
func find(offer, usage string) (*Offer, *Usage, error) {
	var names []string
	var foundOffer *Offer
	var found *Usage
	for i := range offers {
		o := &offers[i]
		for j := range o.Usages {
			u := &o.Usages[j]
			names = append(names, o.ID+" "+u.ID)
			if (offer == "" || strings.EqualFold(offer, o.ID)) && sameUsage(usage, u) {
				foundOffer, found = o, u
			}
		}
	}
	if found == nil {
		return nil, nil, fail(CodeOffer, strings.TrimSpace(offer+" "+usage), strings.Join(names, ", "))
	}
	return foundOffer, found, nil
}

// sameUsage takes the usage's own name, in any case and with any separator, and the product's.
func sameUsage(given string, u *Usage) bool {
	plain := func(s string) string {
		return strings.ToUpper(strings.NewReplacer("_", "", "-", "", "/", "", " ", "").Replace(s))
	}
	return plain(given) != "" && (plain(given) == plain(u.ID) || plain(given) == plain(u.Product))
}

// product is what an order of a usage is issued as: a service with a name of its own, INSI-AUTO,
// has a product of its own.
func (u *Usage) product(service string) (*profiles.Product, error) {
	product, err := profiles.FindProduct(u.Product)
	if err != nil {
		return nil, err
	}
	all := profiles.Products()
	if i := slices.IndexFunc(all, func(p *profiles.Product) bool {
		return p.Service != "" && p.Service == service && p.Subject == product.Subject &&
			p.Certificates[0].Role == product.Certificates[0].Role
	}); i >= 0 {
		product = all[i]
	}
	return product, nil
}

// IsCard tells whether what is ordered is a card.
func (o *Order) IsCard() bool { return o.Offer == "CARTE" }

// FindOffer finds an offer and its usage by their names, in any case and with any separator; by the
// usage alone where that says it.
func FindOffer(offer, usage string) (*Offer, *Usage, error) { return find(offer, usage) }
