package annuaire

import (
	"github.com/igc-lab/igc/people"
)

// kind is a kind of resource, and how it is found.
type kind struct {
	name      string
	profiles  []string // of as-dp-*, for the CapabilityStatement
	ofPerson  bool     // resources of a person, else of a structure
	items     func(*owner) []item
	count     func(*people.Person, *people.Structure) int // of items, without making them
	params    []param
	unnamed   []*param  // indexes that no query names
	includes  []include // what _include may name
	including []include // what _revinclude may name
}

// include is a reference from one kind to another, by the search parameter that follows it.
type include struct {
	from, param, to string
	refers          func(item) string // ID of the resource that is referred to, empty for none
}

func (i include) String() string { return i.from + ":" + i.param }

// valueType is the type of a search parameter (FHIR R4 §3.1.1.4.1).
type valueType string

const (
	ofToken     valueType = "token"
	ofString    valueType = "string"
	ofDate      valueType = "date"
	ofReference valueType = "reference"
	ofURI       valueType = "uri"
)

// param is a search parameter: what a resource has under its name.
type param struct {
	name       string
	kind       valueType
	definition string // canonical URL; empty where the real server gives none
	// keys are what is searched: a token as system|code, a string as it is, a reference as Type/ID.
	keys func(item) []string
	// find finds the owners who may have a token without an index: for identifiers, of which each
	// owner has some. owner and the item it gives are then held to keys.
	find func(code string) (owner string, ok bool)
}

// The kinds, in the order of the real CapabilityStatement.
var kinds = []*kind{organizations, devices, practitioners, roles, services}

func kindOf(name string) *kind {
	for _, k := range kinds {
		if k.name == name {
			return k
		}
	}
	return nil
}

func (k *kind) param(name string) *param {
	for i := range k.params {
		if k.params[i].name == name {
			return &k.params[i]
		}
	}
	return nil
}

const (
	hl7     = "http://hl7.org/fhir/SearchParameter/"
	guideSP = "https://interop.esante.gouv.fr/ig/fhir/annuaire/SearchParameter/as-sp-"
	r4      = "|4.0.1"
)

// common are the parameters that every kind has.
func common(find func(string) (string, bool)) []param {
	return []param{
		{name: "_id", kind: ofToken, definition: hl7 + "Resource-id" + r4, find: find,
			keys: func(i item) []string { return []string{"|" + i.id()} }},
		{name: "_lastUpdated", kind: ofDate, definition: hl7 + "Resource-lastUpdated" + r4},
		{name: "data-information-system", kind: ofToken, definition: guideSP + "data-information-system" + version,
			keys: func(i item) []string { return trace(i, "systeme-information") }},
		{name: "data-registration-authority", kind: ofToken,
			definition: guideSP + "data-registration-authority" + version,
			keys:       func(i item) []string { return trace(i, "autorite-enregistrement") }},
	}
}

// trace is a part of as-ext-data-trace.
func trace(i item, part string) []string {
	system, registry := "RPPS", ""
	switch i := i.(type) {
	case *practitioner:
		registry = i.authority()
	case *role:
		registry = authority(i.activity)
	case *organization:
		system, registry = i.system(), i.authority()
	default:
		system, registry = "FINESS", "ARS"
	}
	if part == "systeme-information" {
		return []string{"|" + system}
	}
	if registry == "" {
		return nil
	}
	return []string{systemAuthority + "|" + registry}
}

func tokens(concepts ...concept) (list []string) {
	for _, c := range concepts {
		for _, code := range c.Coding {
			list = append(list, code.System+"|"+code.Code)
		}
	}
	return list
}

func identifierTokens(list []identifier) (out []string) {
	for _, i := range list {
		out = append(out, i.System+"|"+i.Value)
	}
	return out
}

func identifierTypesOf(list []identifier) (out []string) {
	for _, i := range list {
		if i.Type != nil {
			out = append(out, tokens(*i.Type)...)
		}
	}
	return out
}

func yesNo(b bool) []string {
	if b {
		return []string{"|true"}
	}
	return []string{"|false"}
}

// addresses are MSSanté addresses that the public may see: a search finds no other.
func addresses(list []people.Mailbox) (out []string) {
	for _, m := range list {
		if !m.RedList {
			out = append(out, m.Address)
		}
	}
	return out
}

func texts(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

// personOf finds whom an identifier of a person means: RPPS number or IDNPS.
func personOf(code string) (string, bool) {
	switch len(code) {
	case 11:
		return "8" + code, true
	case 12:
		return code, code[0] == '8'
	}
	return "", false
}

var practitioners = &kind{
	name:     "Practitioner",
	profiles: []string{"as-dp-practitioner"},
	ofPerson: true,
	count:    func(p *people.Person, _ *people.Structure) int { return exercices(p) },
	items: func(o *owner) (list []item) {
		all := cards(o.records)
		for slot := range exercices(o.person) {
			list = append(list, &practitioner{o, slot, all})
		}
		return list
	},
	params: append(common(func(id string) (string, bool) {
		person, _, ok := parsePractitionerID(id)
		return person, ok
	}), []param{
		{name: "active", kind: ofToken, definition: hl7 + "Practitioner-active" + r4,
			keys: func(i item) []string { return yesNo(i.(*practitioner).active()) }},
		{name: "family", kind: ofString, definition: hl7 + "individual-family" + r4,
			keys: func(i item) []string { return texts(i.(*practitioner).name().Family) }},
		{name: "given", kind: ofString, definition: hl7 + "individual-given" + r4,
			keys: func(i item) []string { return i.(*practitioner).name().Given }},
		{name: "identifier", kind: ofToken, definition: hl7 + "Practitioner-identifier" + r4, find: personOf,
			keys: func(i item) []string {
				id := i.(*practitioner).person.ID
				return []string{systemIDNPS + "|" + id, systemRPPS + "|" + id[1:]}
			}},
		{name: "identifier-type", kind: ofToken, keys: func(item) []string {
			return []string{identifierTypes + "|IDNPS", identifierTypes + "|RPPS"}
		}},
		{name: "mailbox-mss", kind: ofString, definition: guideSP + "mailbox-mss" + version,
			keys: func(i item) []string { return addresses(i.(*practitioner).person.Register.Mailboxes) }},
		{name: "name", kind: ofString, definition: hl7 + "Practitioner-name" + r4, keys: func(i item) []string {
			n := i.(*practitioner).name()
			return append(append(append(texts(n.Family), n.Given...), n.Prefix...), n.Suffix...)
		}},
		{name: "number-smartcard", kind: ofString, definition: guideSP + "number-smartcard" + version,
			keys: func(i item) []string {
				return smartcards(i.(*practitioner), func(c card) string { return c.number })
			}},
		{name: "qualification-code", kind: ofToken, definition: guideSP + "qualification-code" + version,
			keys: func(i item) (list []string) {
				for _, q := range i.(*practitioner).qualifications() {
					list = append(list, tokens(q.Code)...)
				}
				return list
			}},
		{name: "type-smartcard", kind: ofToken, definition: guideSP + "type-smartcard" + version,
			keys: func(i item) []string {
				return smartcards(i.(*practitioner), func(c card) string { return systemCard + "|" + c.kind })
			}},
	}...),
	unnamed:   []*param{&nameWords},
	including: []include{roleOfPractitioner},
}

// exercices is how many practitioners a person is: one at least.
func exercices(p *people.Person) int {
	if p.RefPro == nil {
		return 1
	}
	return max(1, len(p.RefPro.Exercices))
}

func smartcards(p *practitioner, text func(card) string) (list []string) {
	if p.slot != 0 {
		return nil
	}
	for _, c := range p.cards {
		list = append(list, text(c))
	}
	return list
}

var (
	roleOfPractitioner = include{"PractitionerRole", "practitioner", "Practitioner",
		func(i item) string { return i.(*role).practitioner.id() }}
	roleOfOrganization = include{"PractitionerRole", "organization", "Organization", func(i item) string {
		if id := i.(*role).activity.IdentifiantTechnique; id != "" {
			return organizationID(id)
		}
		return ""
	}}
	organizationOfOrganization = include{"Organization", "partof", "Organization", func(i item) string {
		if id := i.(*organization).structure.Parent; id != "" {
			return organizationID(id)
		}
		return ""
	}}
	serviceOfOrganization = include{"HealthcareService", "organization", "Organization",
		func(i item) string { return organizationID(i.(*healthcareService).structure.ID) }}
	deviceOfOrganization = include{"Device", "organization", "Organization",
		func(i item) string { return organizationID(i.(*device).structure.ID) }}
)

// referring makes the keys of a parameter that an include follows.
func referring(i include) func(item) []string {
	return func(it item) []string {
		if id := i.refers(it); id != "" {
			return []string{i.to + "/" + id}
		}
		return nil
	}
}

var roles = &kind{
	name:     "PractitionerRole",
	profiles: []string{"as-dp-practitionerrole"},
	ofPerson: true,
	count: func(p *people.Person, _ *people.Structure) (n int) {
		if p.RefPro != nil {
			for i := range p.RefPro.Exercices {
				n += len(p.RefPro.Exercices[i].Activities)
			}
		}
		return n
	},
	items: func(o *owner) (list []item) {
		if o.person.RefPro == nil {
			return nil
		}
		for slot := range o.person.RefPro.Exercices {
			e := &o.person.RefPro.Exercices[slot]
			for i := range e.Activities {
				list = append(list, &role{practitioner{o, slot, nil}, &e.Activities[i], len(list)})
			}
		}
		return list
	},
	params: append(common(func(id string) (string, bool) {
		if len(id) < 16 || id[:4] != "005-" {
			return "", false
		}
		return "8" + id[4:15], true
	}), []param{
		{name: "active", kind: ofToken, definition: hl7 + "PractitionerRole-active" + r4,
			keys: func(i item) []string { return yesNo(i.(*role).active()) }},
		{name: "identifier", kind: ofToken, definition: hl7 + "PractitionerRole-identifier" + r4,
			find: func(code string) (string, bool) {
				if len(code) < 13 {
					return "", false
				}
				return "8" + code[:11], true
			},
			keys: func(i item) []string { return []string{systemRPPS + "|" + i.(*role).situation()} }},
		{name: "mailbox-mss", kind: ofString, definition: guideSP + "mailbox-mss" + version,
			keys: func(item) []string { return nil }},
		{name: "organization", kind: ofReference, definition: hl7 + "PractitionerRole-organization" + r4,
			keys: referring(roleOfOrganization)},
		{name: "practitioner", kind: ofReference, definition: hl7 + "PractitionerRole-practitioner" + r4,
			find: func(id string) (string, bool) {
				person, _, ok := parsePractitionerID(id)
				return person, ok
			},
			keys: referring(roleOfPractitioner)},
		{name: "role", kind: ofToken, definition: hl7 + "PractitionerRole-role" + r4,
			keys: func(i item) []string { return tokens(i.(*role).codes()...) }},
	}...),
	includes: []include{roleOfOrganization, roleOfPractitioner},
}

var organizations = &kind{
	name:     "Organization",
	profiles: []string{"as-dp-organization"},
	count:    func(*people.Person, *people.Structure) int { return 1 },
	items:    func(o *owner) []item { return []item{&organization{o}} },
	params: append(common(parseOrganizationID), []param{
		{name: "active", kind: ofToken, definition: hl7 + "Organization-active" + r4,
			keys: func(i item) []string { return yesNo(i.(*organization).active()) }},
		{name: "address", kind: ofString, definition: hl7 + "Organization-address" + r4, keys: func(i item) []string {
			a := i.(*organization).structure.Address
			list := append(lines(a), texts(city(a))...)
			return append(append(list, texts(a.PostalCode)...), texts(a.Country)...)
		}},
		{name: "address-city", kind: ofString, definition: hl7 + "Organization-address-city" + r4,
			keys: func(i item) []string {
				a := i.(*organization).structure.Address
				return append(texts(a.Cedex), texts(city(a))...)
			}},
		{name: "address-line", kind: ofString, definition: guideSP + "address-line" + version,
			keys: func(i item) []string { return lines(i.(*organization).structure.Address) }},
		{name: "address-postalcode", kind: ofString, definition: hl7 + "Organization-address-postalcode" + r4,
			keys: func(i item) []string { return texts(i.(*organization).structure.Address.PostalCode) }},
		{name: "identifier", kind: ofToken, definition: hl7 + "Organization-identifier" + r4,
			keys: func(i item) []string { return identifierTokens(i.(*organization).identifiers()) }},
		{name: "identifier-type", kind: ofToken,
			keys: func(i item) []string { return identifierTypesOf(i.(*organization).identifiers()) }},
		{name: "mailbox-mss", kind: ofString, definition: guideSP + "mailbox-mss" + version,
			keys: func(i item) []string { return addresses(i.(*organization).structure.Mailboxes) }},
		{name: "name", kind: ofString, definition: hl7 + "Organization-name" + r4, keys: func(i item) []string {
			s := i.(*organization).structure
			return append(texts(s.Name), texts(s.Sign)...)
		}},
		{name: "partof", kind: ofReference,
			keys: referring(organizationOfOrganization)},
		{name: "pharmacy-licence", kind: ofString, definition: guideSP + "pharmacy-licence" + version,
			keys: func(i item) []string { return texts(i.(*organization).structure.Licence) }},
		{name: "type", kind: ofToken,
			keys: func(i item) []string { return tokens(i.(*organization).types()...) }},
	}...),
	includes:  []include{organizationOfOrganization},
	including: []include{deviceOfOrganization, serviceOfOrganization, roleOfOrganization, organizationOfOrganization},
}

// lines are the lines of an address as they would be written on a letter.
func lines(a people.Address) (list []string) {
	line := ""
	for _, part := range []string{a.Number, a.Repetition, a.StreetType, a.Street} {
		if part != "" && line != "" {
			line += " "
		}
		line += part
	}
	for _, text := range []string{a.Recipient, a.Place, line, a.Street, a.Mention} {
		list = append(list, texts(text)...)
	}
	return list
}

var services = &kind{
	name:     "HealthcareService",
	profiles: []string{"as-dp-healthcareservice-healthcare-activity", "as-dp-healthcareservice-social-equipment"},
	count:    func(_ *people.Person, s *people.Structure) int { return len(s.Services) },
	items: func(o *owner) (list []item) {
		for slot := range o.structure.Services {
			list = append(list, &healthcareService{o, slot})
		}
		return list
	},
	params: append(common(nil), []param{
		{name: "_profile", kind: ofURI,
			keys: func(i item) []string { return []string{guide + "as-dp-" + i.(*healthcareService).profile()} }},
		{name: "active", kind: ofToken, definition: hl7 + "HealthcareService-active" + r4,
			keys: func(i item) []string { return yesNo(!i.(*healthcareService).service().Closed) }},
		{name: "characteristic", kind: ofToken, definition: hl7 + "HealthcareService-characteristic" + r4,
			keys: func(i item) []string { return tokens(i.(*healthcareService).characteristics()...) }},
		{name: "identifier", kind: ofToken, definition: hl7 + "HealthcareService-identifier" + r4,
			keys: func(i item) []string { return identifierTokens(i.(*healthcareService).identifiers()) }},
		{name: "organization", kind: ofReference, definition: hl7 + "HealthcareService-organization" + r4,
			keys: referring(serviceOfOrganization)},
		{name: "service-category", kind: ofToken, definition: hl7 + "HealthcareService-service-category" + r4,
			keys: func(i item) []string {
				if h := i.(*healthcareService); !h.social() {
					return tokens(codes(systemModality, h.service().Modality)...)
				}
				return nil
			}},
		{name: "service-type", kind: ofToken, definition: hl7 + "HealthcareService-service-type" + r4,
			keys: func(i item) []string { return tokens(i.(*healthcareService).types()...) }},
	}...),
	includes: []include{serviceOfOrganization},
}

var devices = &kind{
	name:     "Device",
	profiles: []string{"as-dp-device"},
	count:    func(_ *people.Person, s *people.Structure) int { return len(s.Equipment) },
	items: func(o *owner) (list []item) {
		for slot := range o.structure.Equipment {
			list = append(list, &device{o, slot})
		}
		return list
	},
	params: append(common(nil), []param{
		{name: "identifier", kind: ofToken, definition: hl7 + "Device-identifier" + r4,
			keys: func(i item) []string { return identifierTokens(i.(*device).identifiers()) }},
		{name: "manufacturer", kind: ofString, definition: hl7 + "Device-manufacturer" + r4,
			keys: func(i item) []string { return texts(i.(*device).equipment().Maker) }},
		{name: "model", kind: ofString, definition: hl7 + "Device-model" + r4,
			keys: func(i item) []string { return texts(i.(*device).equipment().Model) }},
		{name: "organization", kind: ofReference, definition: hl7 + "Device-organization" + r4,
			keys: referring(deviceOfOrganization)},
		{name: "status", kind: ofToken, definition: hl7 + "Device-status" + r4,
			keys: func(i item) []string { return []string{"|" + i.(*device).status()} }},
		{name: "type", kind: ofToken, definition: hl7 + "Device-type" + r4,
			keys: func(i item) []string { return tokens(codes(systemEquipment, i.(*device).equipment().Type)...) }},
	}...),
	includes: []include{deviceOfOrganization},
}
