package csr

import (
	"encoding/asn1"
	"slices"
	"strings"

	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// Taken is a value of the holder that was taken from a request.
type Taken struct {
	Field i18n.Text // what it is
	Value string

	Establishment bool // it is of the organisation, not of the server or person
}

// IsServer tells whether the request asks for a server's certificate: it has a DNS name, as a
// subjectAltName or as its CN.
func (r *Request) IsServer() bool { return len(r.hostNames()) > 0 }

// hostNames are the host names that are asked for, that of the CN first.
func (r *Request) hostNames() (names []string) {
	if cn := r.Subject.Get("CN"); strings.Contains(cn, ".") || strings.EqualFold(cn, "localhost") {
		names = append(names, cn)
	}
	names = slices.DeleteFunc(append(names, r.DNSNames...), func(name string) bool { return !profiles.IsDNSName(name) })
	return names
}

// Fill takes of the request's subject and names what the product has a place for, where the holder
// has no value yet.
func (r *Request) Fill(product *profiles.Product, h profiles.Holder) (profiles.Holder, []Taken) {
	var taken []Taken
	take := func(fr, en string, field *string, value string) {
		if value != "" && *field == "" {
			*field = value
			establishment := field == &h.Organisation || field == &h.Structure || field == &h.Department
			taken = append(taken, Taken{i18n.Text{FR: fr, EN: en}, value, establishment})
		}
	}
	if product.Names("O") {
		take("raison sociale", "organisation", &h.Organisation, r.Subject.Get("O"))
	}
	if product.Names("OU") {
		take("structure", "structure", &h.Structure, r.structure())
	}
	if product.Names("ST") {
		take("département", "department", &h.Department, department(r.Subject.Get("ST")))
	}
	server := slices.ContainsFunc(product.Certificates, func(c *profiles.Profile) bool { return c.AltName() == "dns" })
	switch {
	case server:
		r.fillServer(&h, take, &taken)
	case product.Names("CN") && product.Service == "":
		take("service", "service", &h.Service, r.Subject.Get("CN"))
	}
	if product.Names("GN") {
		take("prénom", "given name", &h.GivenName, r.Subject.Get("GN"))
	}
	if product.Names("SN") {
		take("nom", "surname", &h.Surname, r.Subject.Get("SN"))
	}
	if id := r.Subject.Get("CN"); product.Names("CN:id") && id != "" && strings.ContainsAny(id[:1], "012345689") {
		take("identifiant", "identifier", &h.IdNat, id)
	}
	if product.Profession != "" {
		for _, code := range profiles.Codes(product.Profession) {
			if code.Label == r.Subject.Get("title") {
				take("profession", "profession", &h.Profession, code.Code)
				break
			}
		}
	}
	if product.UsesEmail() && len(r.EmailAddresses) > 0 {
		take("adresse électronique", "e-mail address", &h.Email, r.EmailAddresses[0])
	}
	return h, taken
}

// fillServer takes the host names of a server: the first is its CN, the others stand beside it.
func (r *Request) fillServer(h *profiles.Holder, take func(fr, en string, field *string, value string),
	taken *[]Taken) {
	names := r.hostNames()
	if len(names) == 0 {
		return
	}
	take("nom d'hôte", "host name", &h.Service, names[0])
	if len(h.DNSNames) > 0 {
		return
	}
	for _, name := range names {
		if !strings.EqualFold(name, h.Service) && !slices.ContainsFunc(h.DNSNames,
			func(n string) bool { return strings.EqualFold(n, name) }) {
			h.DNSNames = append(h.DNSNames, name)
			*taken = append(*taken, Taken{i18n.Text{FR: "autre nom d'hôte", EN: "other host name"}, name, false})
		}
	}
}

// structure is the Struct_IdNat that the subject names: an OU of that form, or the number of SIREN
// or SIRET as certificates of France have it (OU=0002 123456789, organizationIdentifier
// NTRFR-123456789).
func (r *Request) structure() string {
	for _, rdn := range r.Subject {
		for _, a := range rdn {
			number, siren := strings.CutPrefix(a.Value, "0002 ")
			if !siren && a.Type.String() == "2.5.4.97" {
				number, siren = strings.CutPrefix(a.Value, "NTRFR-")
			}
			candidate := a.Value
			switch {
			case siren && len(number) == 9:
				candidate = "2" + number
			case siren && len(number) == 14:
				candidate = "3" + number
			case a.Type.String() != "2.5.4.11":
				continue
			}
			if profiles.IsStructure(candidate) {
				return candidate
			}
		}
	}
	return ""
}

// department is the label of table G09 that a text stands for: the label, the name or the code.
func department(text string) string {
	for _, code := range profiles.Codes("G09") {
		name, _, _ := strings.Cut(code.Label, " (")
		if want := profiles.Fold(text); want == profiles.Fold(code.Label) || want == profiles.Fold(name) ||
			want == profiles.Fold(code.Code) {
			return code.Label
		}
	}
	return ""
}

// Subject is the subject that a request of an organisation has: the attributes of its certificate,
// of those that are there.
func Subject(h profiles.Holder) profiles.Name {
	name := profiles.Name{{{Type: asn1.ObjectIdentifier{2, 5, 4, 6}, Tag: cbasn1.PrintableString, Value: "FR"}}}
	for _, a := range []struct {
		arc   int
		value string
	}{{8, h.Department}, {10, h.Organisation}, {11, h.Structure}, {3, h.Service}} {
		if a.value != "" {
			name = append(name, profiles.RDN{{Type: asn1.ObjectIdentifier{2, 5, 4, a.arc}, Tag: cbasn1.UTF8String,
				Value: a.value}})
		}
	}
	return name
}
