package annuaire

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/people"
	"github.com/igc-lab/igc/profiles"
)

// item is what one resource is about, before it is written.
type item interface {
	id() string
	updated() time.Time
	resource(restricted bool) any
}

// owner is a person or a structure with what the lab issued to them. One owner has several
// resources: see [kind.items].
type owner struct {
	person    *people.Person
	structure *people.Structure
	records   []*ca.Record
	updated   time.Time
	now       time.Time // when it was read
}

// card is a card of a person: the smartcard of as-ext-smartcard.
type card struct {
	kind       string // table R87
	number     string
	start, end time.Time
	opposed    time.Time // zero while it is in order
	updated    time.Time
}

// cards are the cards among what was issued to somebody, the oldest first.
func cards(records []*ca.Record) []card {
	byNumber := map[string]*card{}
	for _, r := range records {
		number := r.Holder.CardNumber
		if number == "" {
			continue
		}
		c := byNumber[number]
		if c == nil {
			product, _, _ := strings.Cut(r.Profile, "/")
			c = &card{kind: strings.ToUpper(product), number: number, start: r.NotBefore, end: r.NotAfter}
			byNumber[number] = c
		}
		c.updated = later(c.updated, r.IssuedAt)
		if v := r.Revoked; v != nil {
			c.updated = later(c.updated, v.At)
			if c.opposed.IsZero() || v.At.Before(c.opposed) {
				c.opposed = v.At
			}
		}
	}
	list := make([]card, 0, len(byNumber))
	for _, c := range byNumber {
		list = append(list, *c)
	}
	slices.SortFunc(list, func(a, b card) int {
		return cmp.Or(a.start.Compare(b.start), cmp.Compare(a.number, b.number))
	})
	return list
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// known is the first time unless nothing says it.
func known(first, other time.Time) time.Time {
	if first.IsZero() {
		return other
	}
	return first
}

// smartcard writes a card. Whether it is opposed is restricted.
func smartcard(c card, restricted bool) extension {
	e := extension{URL: extSmartcard, Extension: []extension{
		{URL: "type", Concept: &concept{Coding: []coding{{System: systemCard, Code: c.kind}}}},
		{URL: "number", String: c.number},
		{URL: "period", Period: &period{Start: date(c.start), End: date(c.end)}},
	}}
	if restricted && !c.opposed.IsZero() {
		e.Extension = append(e.Extension, extension{URL: "oppositionDate", DateTime: dateTime(c.opposed)})
	}
	return e
}

// certificates writes the certificates of an owner that are neither expired nor revoked (modelled:
// the profile does not say which ones it lists).
func certificates(records []*ca.Record, now time.Time) (list []extension) {
	for _, r := range records {
		if r.Revoked != nil || now.After(r.NotAfter) || r.IsAuthority() {
			continue
		}
		c, err := r.Certificate()
		if err != nil {
			continue
		}
		_, role, _ := strings.Cut(r.Profile, "/")
		list = append(list, extension{URL: extCertificate, Extension: []extension{
			{URL: "serialNumber", String: serial(r.Serial)},
			{URL: "issuer", String: distinguishedName(c.RawIssuer)},
			{URL: "subject", String: distinguishedName(c.RawSubject)},
			{URL: "validity", Period: &period{Start: dateTime(r.NotBefore), End: dateTime(r.NotAfter)}},
			{URL: "keyUsage", String: role},
			{URL: "value", Attachment: &attachment{ContentType: "application/pkix-cert", Data: r.DER}},
		}})
	}
	return list
}

// serial writes a serial number as the register does: hexadecimal digits.
func serial(text string) string {
	if raw, err := hex.DecodeString(text); err == nil {
		return strings.ToUpper(hex.EncodeToString(raw))
	}
	return text
}

// distinguishedName writes a name as RFC 4514 does.
func distinguishedName(raw []byte) string {
	name, err := profiles.ParseName(raw)
	if err != nil {
		return ""
	}
	return name.String()
}

// practitioner is one exercice professionnel of a person: who has two professions is two
// practitioners with one RPPS number.
type practitioner struct {
	*owner
	slot  int // of the exercice; 0 for a person without one
	cards []card
}

// practitionerID is the technical identifier of an exercice: 003, the RPPS number in two parts, the
// exercice (modelled after the form of the real ones).
func practitionerID(person string, slot int) string {
	rpps := person[1:]
	return "003-" + rpps[:7] + "-" + rpps[7:] + strconv.Itoa(slot)
}

// parsePractitionerID finds the person and exercice that an identifier names.
func parsePractitionerID(id string) (person string, slot int, ok bool) {
	rest, ok := strings.CutPrefix(id, "003-")
	a, b, two := strings.Cut(rest, "-")
	if !ok || !two || len(a) != 7 || len(b) < 5 {
		return "", 0, false
	}
	slot, err := strconv.Atoi(b[4:])
	person = "8" + a + b[:4]
	return person, slot, err == nil && practitionerID(person, slot) == id
}

func (p *practitioner) id() string         { return practitionerID(p.person.ID, p.slot) }
func (p *practitioner) updated() time.Time { return p.owner.updated }

func (p *practitioner) exercice() *people.Exercice {
	if r := p.person.RefPro; r != nil && p.slot < len(r.Exercices) {
		return &r.Exercices[p.slot]
	}
	return nil
}

// active tells whether the person exercises.
func (p *practitioner) active() bool { return !p.person.Register.Retired && p.exercice() != nil }

// name is the nom d'exercice.
func (p *practitioner) name() humanName {
	n := humanName{Use: "usual", Family: p.person.FamilyName, Given: []string{p.person.GivenName}}
	if e := p.exercice(); e != nil {
		n.Family, n.Given = cmp.Or(e.Nom, n.Family), []string{cmp.Or(e.Prenom, p.person.GivenName)}
		if e.CodeCivilite != "" {
			n.Suffix = []string{e.CodeCivilite}
		}
	}
	if n.Given[0] == "" {
		n.Given = nil
	}
	if r := p.person.RefPro; r != nil && r.CodeCivilite != "" {
		n.Prefix = []string{r.CodeCivilite}
	}
	return n
}

// qualifications are the diplomas, the profession with its category, and the speciality.
func (p *practitioner) qualifications() (list []qualification) {
	for _, d := range p.person.Register.Diplomas {
		var both []coding
		if d.Code != "" {
			both = append(both, coding{System: systemDiploma, Code: d.Code})
		}
		if d.Type != "" {
			both = append(both, coding{System: systemDiplomaKind, Code: d.Type})
		}
		if both != nil {
			list = append(list, qualification{concept{Coding: both}})
		}
	}
	e := p.exercice()
	if e == nil {
		return list
	}
	if e.CodeProfession != "" {
		q := []coding{{System: systemProfession, Code: e.CodeProfession}}
		if e.CodeCategorie != "" {
			q = append(q, coding{System: systemCategory, Code: e.CodeCategorie})
		}
		list = append(list, qualification{concept{Coding: q}})
	}
	if e.CodeSavoirFaire != "" {
		q := []coding{{System: systemSpeciality, Code: e.CodeSavoirFaire}}
		if e.CodeTypeSavoirFaire != "" {
			q = append(q, coding{System: systemSkillKind, Code: e.CodeTypeSavoirFaire})
		}
		list = append(list, qualification{concept{Coding: q}})
	}
	return list
}

// authority is the register that the person's profession is of.
func authority(a *people.Activity) string {
	name, _, _ := strings.Cut(a.AutoriteDenregistrement, "/")
	return name
}

func (p *practitioner) authority() string {
	if e := p.exercice(); e != nil {
		for i := range e.Activities {
			if name := authority(&e.Activities[i]); name != "" {
				return name
			}
		}
	}
	return ""
}

func (p *practitioner) resource(restricted bool) any {
	rpps := p.person.ID[1:]
	r := &practitionerResource{header: newHeader("Practitioner", p.id(), "practitioner", "fr-core-practitioner",
		restricted, dataTrace("RPPS", p.authority(), date(p.updated())), instant(p.updated())),
		Identifier: []identifier{typed("IDNPS", systemIDNPS, p.person.ID), typed("RPPS", systemRPPS, rpps)},
		Active:     p.active(), Name: []humanName{p.name()}, Qualification: p.qualifications(),
		Telecom: mailboxes(p.person.Register.Mailboxes, restricted)}
	if p.slot == 0 { // the cards of a person are listed once
		for _, c := range p.cards {
			r.Extension = append(r.Extension, smartcard(c, restricted))
		}
		if restricted {
			r.Extension = append(r.Extension, certificates(p.records, p.now)...)
		}
	}
	return r
}

// mailboxes writes MSSanté addresses. Those of the red list are restricted.
func mailboxes(list []people.Mailbox, restricted bool) (points []contactPoint) {
	for _, m := range list {
		if m.RedList && !restricted {
			continue
		}
		about := extension{URL: extMailbox, Extension: []extension{{URL: "type",
			Concept: &concept{Coding: []coding{{System: systemMailbox, Code: cmp.Or(m.Type, "PER")}}}}}}
		for _, text := range []struct{ name, value string }{{"description", m.Description}, {"service", m.Service}} {
			if text.value != "" {
				about.Extension = append(about.Extension, extension{URL: text.name, String: text.value})
			}
		}
		points = append(points, contactPoint{System: "email", Value: m.Address, Extension: []extension{
			{URL: extEmailType, Coding: &coding{System: systemMail, Code: "MSSANTE"}}, about}})
	}
	return points
}

// role is one activity of an exercice: a situation d'exercice.
type role struct {
	practitioner
	activity *people.Activity
	number   int // of all activities of the person, from 0
}

func roleID(person string, number int) string {
	return "005-" + person[1:] + "-" + strconv.Itoa(number+1)
}

func (r *role) id() string { return roleID(r.person.ID, r.number) }

// situation is the identifier of the situation d'exercice. Its form is modelled.
func (r *role) situation() string { return r.person.ID[1:] + fmt.Sprintf("%02d", r.number+1) }

// roleCodes are the codes of an activity, each with its terminology.
func (r *role) codes() (list []concept) {
	a := r.activity
	list = append(list, codes(systemActivity, a.CodeGenreActivite)...)
	list = append(list, codes(systemMode, a.CodeModeExercice)...)
	list = append(list, codes(systemFunction, a.CodeRole)...)
	return append(list, codes(systemSection, a.CodeSectionPharmacien)...)
}

func (r *role) resource(restricted bool) any {
	res := &roleResource{header: newHeader("PractitionerRole", r.id(), "practitionerrole", "fr-core-practitioner-role",
		restricted, dataTrace("RPPS", authority(r.activity), date(r.updated())), instant(r.updated())),
		Identifier: []identifier{{System: systemRPPS, Value: r.situation()}},
		Active:     r.active(), Practitioner: reference{"Practitioner/" + r.practitioner.id()}, Code: r.codes()}
	if id := r.activity.IdentifiantTechnique; id != "" {
		res.Organization = &reference{"Organization/" + organizationID(id)}
	}
	return res
}

// organization is a structure.
type organization struct{ *owner }

// organizationID is the technical identifier of a structure. Its last part is that of the claims of
// Pro Santé Connect and of the extractions (modelled).
func organizationID(structure string) string { return "001-01-" + structure }

func parseOrganizationID(id string) (structure string, ok bool) {
	return strings.CutPrefix(id, "001-01-")
}

func (o *organization) id() string         { return organizationID(o.structure.ID) }
func (o *organization) updated() time.Time { return o.owner.updated }
func (o *organization) active() bool       { return o.structure.Closed.IsZero() }

func (o *organization) identifiers() (list []identifier) {
	s := o.structure
	if s.NationalID != "" {
		list = append(list, typed("IDNST", systemIDNST, s.NationalID))
	}
	if s.FINESS != "" {
		kind := "FINEG"
		if s.Legal {
			kind = "FINEJ"
		}
		list = append(list, typed(kind, systemFINESS, s.FINESS))
	}
	if s.SIRET != "" {
		list = append(list, typed("SIRET", systemSIREN, s.SIRET))
	} else if s.SIREN != "" {
		list = append(list, typed("SIREN", systemSIREN, s.SIREN))
	}
	return append(list, typed("RPPSRG", systemRank, s.ID))
}

// system is the register that a structure is of.
func (o *organization) system() string {
	if o.structure.FINESS != "" {
		return "FINESS"
	}
	return "RPPS"
}

func (o *organization) authority() string {
	if o.structure.FINESS != "" {
		return "ARS"
	}
	return ""
}

func (o *organization) types() (list []concept) {
	s := o.structure
	entity := "GEOGRAPHICAL-ENTITY"
	if s.Legal {
		entity = "LEGAL-ENTITY"
	}
	for _, t := range []struct{ name, system, code string }{{"organizationType", structureTypes, entity},
		{"secteurActiviteRASS", systemSector, s.Sector}, {"", systemFacility, s.Category},
		{"statutJuridiqueINSEE", systemLegal, s.Status}} {
		if t.code == "" {
			continue
		}
		c := concept{Coding: []coding{{System: t.system, Code: t.code}}}
		if t.name != "" {
			c.Extension = []extension{{URL: extTypes, Code: t.name}}
		}
		list = append(list, c)
	}
	return list
}

func (o *organization) telecoms(restricted bool) (points []contactPoint) {
	for _, t := range []struct{ system, value string }{{"phone", o.structure.Phone}, {"fax", o.structure.Fax},
		{"email", o.structure.Mail}} {
		if t.value != "" {
			points = append(points, contactPoint{System: t.system, Value: t.value})
		}
	}
	return append(points, mailboxes(o.structure.Mailboxes, restricted)...)
}

func (o *organization) resource(restricted bool) any {
	s := o.structure
	r := &organizationResource{header: newHeader("Organization", o.id(), "organization", "fr-core-organization",
		restricted, dataTrace(o.system(), o.authority(), date(o.updated())), instant(o.updated())),
		Identifier: o.identifiers(), Active: o.active(), Type: o.types(), Name: s.Name, Telecom: o.telecoms(restricted)}
	if s.Sign != "" {
		r.Alias = []string{s.Sign}
	}
	if !s.Opened.IsZero() || !s.Closed.IsZero() {
		r.Extension = append(r.Extension, extension{URL: extPeriod,
			Period: &period{Start: date(s.Opened), End: date(s.Closed)}})
	}
	if s.Licence != "" {
		r.Extension = append(r.Extension, extension{URL: extLicence, String: s.Licence})
	}
	if restricted {
		r.Extension = append(r.Extension, certificates(o.records, o.now)...)
	}
	if a := postal(s.Address); a != nil {
		r.Address = []address{*a}
	}
	if s.Parent != "" {
		r.PartOf = &reference{"Organization/" + organizationID(s.Parent)}
	}
	return r
}

// postal writes an address, nil when there is none.
func postal(a people.Address) *address {
	if a == (people.Address{}) {
		return nil
	}
	out := &address{PostalCode: a.PostalCode, City: city(a), District: a.Department, Country: a.Country}
	if a.Commune != "" {
		out.Extension = []extension{{URL: extInsee, Coding: &coding{System: systemCommune, Code: a.Commune}}}
	}
	var parts []extension
	for _, p := range []struct{ name, value string }{{"careOf", a.Recipient}, {"additionalLocator", a.Place},
		{"houseNumber", a.Number}, {"buildingNumberSuffix", a.Repetition}, {"streetNameType", a.StreetType},
		{"streetNameBase", a.Street}, {"postBox", a.Mention}} {
		if p.value != "" {
			parts = append(parts, extension{URL: extLine + p.name, String: p.value})
		}
	}
	if parts != nil {
		out.LineParts = []addressLine{{Extension: parts}}
	}
	return out
}

// city is the line of the postal code: the examples of the guide write 75014 PARIS.
func city(a people.Address) string {
	if strings.HasPrefix(a.Cedex, a.PostalCode) {
		return a.Cedex
	}
	return strings.TrimSpace(a.PostalCode + " " + a.Cedex)
}

// healthcareService is an activité de soins or an équipement social of a structure.
type healthcareService struct {
	*owner
	slot int
}

func (h *healthcareService) service() *people.Service { return &h.structure.Services[h.slot] }
func (h *healthcareService) id() string {
	return fmt.Sprintf("004-%s-%02d", h.structure.ID, h.slot+1)
}
func (h *healthcareService) updated() time.Time { return known(h.service().Updated, h.owner.updated) }
func (h *healthcareService) social() bool       { return h.service().Capacity > 0 }

func (h *healthcareService) profile() string {
	if h.social() {
		return "healthcareservice-social-equipment"
	}
	return "healthcareservice-healthcare-activity"
}

func (h *healthcareService) types() []concept {
	if h.social() {
		return codes(systemDiscipline, h.service().Activity)
	}
	return codes(systemRegulated, h.service().Activity)
}

func (h *healthcareService) characteristics() []concept {
	if h.social() {
		return codes(systemKind, h.service().Form)
	}
	return codes(systemForm, h.service().Form)
}

func (h *healthcareService) identifiers() []identifier {
	if h.social() || h.service().Authorisation == "" {
		return nil
	}
	return []identifier{{System: systemARHGOS, Value: h.service().Authorisation}}
}

func (h *healthcareService) resource(restricted bool) any {
	s := h.service()
	r := &serviceResource{header: newHeader("HealthcareService", h.id(), h.profile(), "", restricted,
		dataTrace("FINESS", "ARS", date(h.updated())), instant(h.updated())),
		Identifier: h.identifiers(), Active: !s.Closed,
		ProvidedBy: &reference{"Organization/" + organizationID(h.structure.ID)}, Type: h.types(),
		Characteristic: h.characteristics()}
	if e := authorisation(s.Since, s.Until, s.Closed); e != nil {
		r.Extension = append(r.Extension, *e)
	}
	if h.social() {
		capacity := s.Capacity
		r.Extension = append(r.Extension,
			extension{URL: extInstalled, Extension: []extension{{URL: "dateFirstInstallation", Date: date(s.Since)}}},
			extension{URL: extCapacity, Extension: []extension{{URL: "capacityAvailable", Integer: &capacity}}})
		if s.Since.IsZero() {
			r.Extension = slices.Delete(r.Extension, len(r.Extension)-2, len(r.Extension)-1)
		}
		for _, c := range codes(systemClient, s.Client) {
			r.Eligibility = append(r.Eligibility, eligibility{c})
		}
		return r
	}
	r.Category = codes(systemModality, s.Modality)
	return r
}

// authorisation writes as-ext-authorization, nil when no date is known.
func authorisation(since, until time.Time, ended bool) *extension {
	e := &extension{URL: extAuthorised}
	if !since.IsZero() {
		e.Extension = append(e.Extension, extension{URL: "dateAuthorization", Date: date(since)})
	}
	if !since.IsZero() || !until.IsZero() {
		e.Extension = append(e.Extension, extension{URL: "periodAuthorization",
			Period: &period{Start: date(since), End: date(until)}})
	}
	if e.Extension == nil {
		return nil
	}
	e.Extension = append(e.Extension, extension{URL: "deletedAuthorization", Boolean: truth(ended)})
	return e
}

// device is an équipement matériel lourd of a structure.
type device struct {
	*owner
	slot int
}

func (d *device) equipment() *people.Equipment { return &d.structure.Equipment[d.slot] }
func (d *device) id() string                   { return fmt.Sprintf("002-%s-%02d", d.structure.ID, d.slot+1) }
func (d *device) updated() time.Time           { return known(d.equipment().Updated, d.owner.updated) }

func (d *device) status() string {
	if d.equipment().Closed {
		return "inactive"
	}
	return "active"
}

func (d *device) identifiers() []identifier {
	return []identifier{{System: systemARHGOS, Value: d.equipment().Authorisation}}
}

func (d *device) resource(restricted bool) any {
	q := d.equipment()
	r := &deviceResource{header: newHeader("Device", d.id(), "device", "", restricted,
		dataTrace("FINESS", "ARS", date(d.updated())), instant(d.updated())),
		Identifier: d.identifiers(), Status: d.status(), Manufacturer: q.Maker, SerialNumber: q.Serial,
		Owner: &reference{"Organization/" + organizationID(d.structure.ID)}}
	if e := authorisation(q.Since, q.Until, q.Closed); e != nil {
		r.Extension = append(r.Extension, *e)
	}
	for _, c := range codes(systemEquipment, q.Type) {
		r.Type = &c
	}
	return r
}
