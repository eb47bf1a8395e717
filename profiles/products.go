package profiles

import (
	_ "embed"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // validity is counted in Paris local time, on machines without a zone database too

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/yamlfile"
)

//go:embed products.yaml
var productsYAML []byte

// Status tells how a profile is known.
type Status string

// A profile is attested when it was decoded from a real certificate of its product, modelled when
// it was put together from its siblings.
const (
	Attested Status = "attested"
	Modelled Status = "modelled"
)

// Generation chooses between the two layouts of the IGC-Santé's end-entity certificates (reference
// §2.1).
type Generation string

// The generations: the order of extensions, the serial number and the subject key identifier
// differ.
const (
	Gen2016 Generation = "gen2016"
	Gen2023 Generation = "gen2023"
)

// Product is one thing that the IGC-Santé issues: a card with its certificates, or a software
// certificate.
type Product struct {
	ID         string `yaml:"id"`
	FR         string `yaml:"fr"`
	EN         string `yaml:"en"`
	Issuer     string `yaml:"issuer"`     // an authority's ID, "*" for any issuing one, empty for authorities
	Subject    string `yaml:"subject"`    // key of the subjects table
	Category   string `yaml:"category"`   // table G01, hexadecimal byte; empty for none
	CardType   string `yaml:"card_type"`  // table G02; empty for software certificates
	Title      string `yaml:"title"`      // constant title, for those that do not take it from the profession
	Profession string `yaml:"profession"` // the holder has a profession of this table, G15 or G16
	UPN        string `yaml:"upn"`        // "dotted": 8.99700209812@carte-cps.fr, 5.00000000087098.CPAT0001@carte-cps.fr; "plain": CN@carte-cps.fr
	Register   string `yaml:"register"`   // what register numbers of test cards begin with, CPET or CPAT
	Service    string `yaml:"service"`    // constant CN, for those that have no other
	Email      bool   `yaml:"email"`      // the holder must have an e-mail address

	Certificates []*Profile `yaml:"certificates"`
}

// Profile is one certificate of a product: a card's authentication certificate, say.
type Profile struct {
	Product *Product `yaml:"-"`
	Role    string   `yaml:"role"`
	Usage   string   `yaml:"usage"`
	Status  Status   `yaml:"status"`

	// Status2023 is the status in the layout of 2023, see [Profile.StatusIn].
	Status2023 Status `yaml:"gen2023"`

	usage usage
}

// StatusIn is the status of the certificate in that generation: a product that is attested in the
// layout of 2016 need not have been seen in that of 2023. Authorities and responders, whose layout
// is their own, have one status.
func (p *Profile) StatusIn(g Generation) Status {
	if g == Gen2023 && p.usage.Layout == "" {
		return p.Status2023
	}
	return p.Status
}

// ID is the product and the role, as in "cps/authentication".
func (p *Profile) ID() string { return p.Product.ID + "/" + p.Role }

// IsAuthority tells whether the certificate is an authority's.
func (p *Profile) IsAuthority() bool { return p.usage.CA }

// AltName is what the certificate's subjectAltName holds: "upn" (made of the identifier),
// "email-upn" (an e-mail address as UPN), "email" (a rfc822Name, if there is one), "dns" or
// nothing.
func (p *Profile) AltName() string { return p.usage.SAN }

// Authenticates tells whether the certificate may authenticate a TLS client.
func (p *Profile) Authenticates() bool {
	return slices.Contains(p.usage.Extended, "clientAuth") && slices.Contains(p.usage.Key, "digitalSignature")
}

// Names tells whether the product's subject has the attribute: "GN", "SN", "CN:id" (a person's),
// "CN" (a service's), "OU"...
func (p *Product) Names(attribute string) bool {
	return slices.ContainsFunc(table().subjects[p.Subject], func(rdn []element) bool {
		return slices.ContainsFunc(rdn, func(el element) bool { return el.constant == "" && el.attribute.name == attribute })
	})
}

// UsesEmail tells whether the product's certificates can name an e-mail address.
func (p *Product) UsesEmail() bool {
	return slices.ContainsFunc(p.Certificates, func(c *Profile) bool { return strings.HasPrefix(c.usage.SAN, "email") })
}

// IssuedBy tells whether the authority issues this product.
func (p *Product) IssuedBy(a Authority) bool {
	return p.Issuer == "*" || p.Issuer == a.ID()
}

// IssuingAuthority is the one authority that issues the product; an error if there is no single
// one.
func (p *Product) IssuingAuthority() (Authority, error) { return ParseAuthority(p.Issuer) }

// usage is a row of the usages table.
type usage struct {
	Key              []string `yaml:"key"`
	Extended         []string `yaml:"extended"`
	CA               bool     `yaml:"ca"`
	PathLength       *int     `yaml:"path_length"`
	Policy           string   `yaml:"policy"`
	SAN              string   `yaml:"san"`
	PrivateKeyPeriod [3]int   `yaml:"private_key_period"`
	Validity         [3]int   `yaml:"validity"`
	EarlyValidity    [3]int   `yaml:"early_validity"`
	Validity2023     [3]int   `yaml:"gen2023_validity"`
	Layout           string   `yaml:"layout"` // empty: that of the generation
}

// testPolicy is the policy of every end-entity certificate of the TEST authorities (reference
// §1.5).
const testPolicy = "1.2.250.1.213.1.7.2.1.1.1.1"

// element is one attribute of a subject layout.
type element struct {
	attribute *attribute
	constant  string
}

// subject is a subject layout: RDNs of elements.
type subject [][]element

// name fills the layout with the holder's values.
func (s subject) name(h *Holder) (Name, error) {
	n := make(Name, len(s))
	for i, rdn := range s {
		for _, el := range rdn {
			value := el.constant
			if value == "" {
				value = *el.attribute.field(h)
				if err := el.attribute.check(value); err != nil {
					return nil, err
				}
			}
			n[i] = append(n[i], AVA{el.attribute.oid, el.attribute.tag, value})
		}
	}
	return n, nil
}

// read takes the holder's values from a name that has this layout, and tells whether it has.
func (s subject) read(n Name, h *Holder) bool {
	if len(n) != len(s) {
		return false
	}
	var got Holder
	for i, rdn := range s {
		if len(n[i]) != len(rdn) {
			return false
		}
		for _, el := range rdn {
			j := slices.IndexFunc(n[i], func(a AVA) bool { return a.Type.Equal(el.attribute.oid) })
			switch {
			case j < 0, el.constant != "" && n[i][j].Value != el.constant:
				return false
			case el.constant == "":
				*el.attribute.field(&got) = n[i][j].Value
			}
		}
	}
	got.Profession, got.Specialities, got.CardNumber, got.DNSNames, got.Email = h.Profession, h.Specialities, h.CardNumber, h.DNSNames, h.Email
	*h = got
	return true
}

// layoutEntry is one extension of a layout.
type layoutEntry struct {
	extension *extension
	critical  bool
}

type productTable struct {
	subjects map[string]subject
	layouts  map[string][]layoutEntry
	products []*Product
}

// table is the embedded products.yaml, checked. It cannot fail at run time: TestTable loads it.
var table = sync.OnceValue(func() *productTable {
	t, err := loadTable(productsYAML)
	if err != nil {
		panic("products.yaml: " + err.Error())
	}
	return t
})

func loadTable(data []byte) (*productTable, error) {
	var raw struct {
		Subjects map[string][]string `yaml:"subjects"`
		Layouts  map[string][]string `yaml:"layouts"`
		Usages   map[string]usage    `yaml:"usages"`
		Products []*Product          `yaml:"products"`
	}
	if err := yamlfile.Decode(data, &raw); err != nil {
		return nil, err
	}
	t := &productTable{subjects: map[string]subject{}, layouts: map[string][]layoutEntry{}, products: raw.Products}
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	for id, rdns := range raw.Subjects {
		for _, rdn := range rdns {
			var els []element
			for _, part := range strings.Split(rdn, "+") {
				name, constant, _ := strings.Cut(part, "=")
				i := slices.IndexFunc(attributes, func(a attribute) bool { return a.name == name })
				if i < 0 || constant == "" && attributes[i].field == nil {
					fail("subject %s: %q is not an attribute", id, part)
					continue
				}
				els = append(els, element{&attributes[i], constant})
			}
			t.subjects[id] = append(t.subjects[id], els)
		}
	}
	for id, names := range raw.Layouts {
		for _, name := range names {
			bare := strings.TrimSuffix(name, "!")
			i := slices.IndexFunc(extensions, func(e extension) bool { return e.name == bare && e.build != nil })
			if i < 0 {
				fail("layout %s: %q is not an extension that can be built", id, name)
				continue
			}
			t.layouts[id] = append(t.layouts[id], layoutEntry{&extensions[i], bare != name})
		}
	}
	for id, u := range raw.Usages {
		for _, k := range u.Key {
			if !slices.Contains(keyUsageBits, k) {
				fail("usage %s: %q is not a key usage", id, k)
			}
		}
		for _, e := range u.Extended {
			if extendedOID(e) == nil {
				fail("usage %s: %q is not an extended key usage", id, e)
			}
		}
		if _, ok := t.layouts[u.Layout]; u.Layout != "" && !ok {
			fail("usage %s: no layout %q", id, u.Layout)
		}
		if !u.CA && u.Validity == [3]int{} {
			fail("usage %s has no validity", id)
		}
		if u.Policy == "" {
			u.Policy = testPolicy
		}
		if _, err := parseOID(u.Policy); err != nil {
			fail("usage %s: %w", id, err)
		}
		raw.Usages[id] = u
	}
	seen := map[string]bool{}
	for _, p := range t.products {
		if p.ID == "" || seen[p.ID] {
			fail("product %q is not the only one of that name", p.ID)
		}
		seen[p.ID] = true
		if _, ok := t.subjects[p.Subject]; !ok {
			fail("product %s: no subject layout %q", p.ID, p.Subject)
		}
		if p.Issuer != "" && p.Issuer != "*" {
			if _, err := ParseAuthority(p.Issuer); err != nil {
				fail("product %s: %w", p.ID, err)
			}
		}
		for table, code := range map[string]string{"G01": p.Category, "G02": p.CardType} {
			if _, ok := Label(table, code); code != "" && !ok {
				fail("product %s: %q is not a code of table %s", p.ID, code, table)
			}
		}
		if len(p.Certificates) == 0 {
			fail("product %s has no certificate", p.ID)
		}
		for _, c := range p.Certificates {
			u, ok := raw.Usages[c.Usage]
			if !ok {
				fail("product %s: no usage %q", p.ID, c.Usage)
			}
			if c.Status2023 == "" {
				c.Status2023 = Modelled
			}
			for _, status := range []Status{c.Status, c.Status2023} {
				if status != Attested && status != Modelled {
					fail("product %s: status %q is neither attested nor modelled", p.ID, status)
				}
			}
			if u.SAN != "" && !slices.Contains([]string{"upn", "email-upn", "email", "dns"}, u.SAN) {
				fail("usage %s: san %q is none of upn, email-upn, email, dns", c.Usage, u.SAN)
			}
			if p.Profession != "" && p.Profession != "G15" && p.Profession != "G16" {
				fail("product %s: profession %q is neither table G15 nor G16", p.ID, p.Profession)
			}
			if u.SAN == "upn" && p.UPN != "dotted" && p.UPN != "plain" {
				fail("product %s: upn %q is neither dotted nor plain", p.ID, p.UPN)
			}
			c.Product, c.usage = p, u
		}
	}
	return t, errors.Join(errs...)
}

// Products lists what can be issued to a holder: everything but the authorities and their
// responders.
func Products() []*Product {
	return slices.DeleteFunc(slices.Clone(table().products), func(p *Product) bool { return p.Issuer == "" || p.Issuer == "*" })
}

// FindProduct returns the product of that name, authorities and responders included.
func FindProduct(id string) (*Product, error) {
	for _, p := range table().products {
		if p.ID == strings.ToLower(id) {
			return p, nil
		}
	}
	var ids []string
	for _, p := range Products() {
		ids = append(ids, p.ID)
	}
	return nil, i18n.Errorf("unknown product %q: choose one of %s", id, strings.Join(ids, ", "))
}

// Profile returns the product's certificate of that role.
func (p *Product) Profile(role string) (*Profile, error) {
	for _, c := range p.Certificates {
		if c.Role == role {
			return c, nil
		}
	}
	return nil, i18n.Errorf("%s has no %q certificate", p.ID, role)
}

// FindProfile returns the profile that [Profile.ID] names.
func FindProfile(id string) (*Profile, error) {
	product, role, _ := strings.Cut(id, "/")
	p, err := FindProduct(product)
	if err != nil {
		return nil, err
	}
	return p.Profile(role)
}

// layout is the order of the certificate's extensions.
func (p *Profile) layout(g Generation) []layoutEntry {
	if p.usage.Layout != "" {
		return table().layouts[p.usage.Layout]
	}
	return table().layouts[string(g)]
}

var paris = sync.OnceValue(func() *time.Location {
	l, err := time.LoadLocation("Europe/Paris")
	if err != nil { // embedded above
		panic(err)
	}
	return l
})

// earlyUntil is when certificates that were made for three years and a month began to be made for
// three years.
var earlyUntil = time.Date(2021, 12, 1, 0, 0, 0, 0, time.UTC)

// Expiry is the end of a certificate of that generation that begins then.
func (p *Profile) Expiry(g Generation, notBefore time.Time) time.Time {
	span := p.usage.Validity
	switch {
	case g == Gen2023 && p.usage.Validity2023 != [3]int{}:
		span = p.usage.Validity2023
	case p.usage.EarlyValidity != [3]int{} && notBefore.Before(earlyUntil):
		span = p.usage.EarlyValidity
	}
	return after(notBefore, span)
}

// after adds years, months and days on the Paris calendar, so that summer time moves the sum by an
// hour in UTC, as it does in real certificates (reference §2.1). A month that is too short for the
// day gives its last one: 31 January 2017 and three years and a month make 29 February 2020
// (reference §11.5).
func after(t time.Time, span [3]int) time.Time {
	t = t.In(paris())
	year, month, day := t.Date()
	year, month = year+span[0], month+time.Month(span[1])
	last := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
	day = min(day, last) + span[2]
	return time.Date(year, month, day, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), paris()).UTC()
}

// AuthorityValidity is the validity of the authority's certificate in a lab made at that moment:
// the real one's, from 25 June 2013 to 25 June 2033 (a day less for an issuing authority), moved by
// whole decades once less than four years are left of it, which is what a new card needs.
func AuthorityValidity(a Authority, now time.Time) (notBefore, notAfter time.Time) {
	year := 2013
	for now.AddDate(4, 0, 0).After(time.Date(year+20, 6, 24, 0, 0, 0, 0, time.UTC)) {
		year += 10
	}
	day := 25
	if !a.IsRoot() {
		day = 24
	}
	return time.Date(year, 6, 25, 0, 0, 0, 0, time.UTC), time.Date(year+20, 6, day, 0, 0, 0, 0, time.UTC)
}

func parseOID(s string) (asn1.ObjectIdentifier, error) {
	var oid asn1.ObjectIdentifier
	for _, part := range strings.Split(s, ".") {
		n := 0
		if _, err := fmt.Sscanf(part, "%d", &n); err != nil || fmt.Sprint(n) != part {
			return nil, i18n.Errorf("%q is not an object identifier", s)
		}
		oid = append(oid, n)
	}
	return oid, nil
}
