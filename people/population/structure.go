package population

import (
	"strconv"
	"strings"
	"time"

	"github.com/igc-lab/igc/people"
)

// mailboxDomain ends the domains of MSSanté mailboxes: example.fr is given to nobody.
const mailboxDomain = ".mssante.example.fr"

// Structure makes the structure of a place.
func (p *Population) Structure(place int) *people.Structure {
	s := &people.Structure{}
	block, n := place/p.structuresOfBlock(), place%p.structuresOfBlock()
	d := p.draw(ofStructure, place)
	if n >= len(p.tables.slots) {
		person := p.owner(block, n-len(p.tables.slots))
		r := p.role(person)
		who := p.identity(person, r)
		c := p.career(person, r)
		p.practice(s, person, r, &who, &c, p.personID(person))
		p.dates(s, &d, c.retired)
		return s
	}
	p.inBlock(s, block, n)
	kind := p.tables.slots[n].kind
	p.dates(s, &d, strings.HasSuffix(kind, "-closed"))
	p.means(s, &d, kind)
	return s
}

// dates tells when a structure opened, closed and changed.
func (p *Population) dates(s *people.Structure, d *draw, closed bool) {
	s.Updated = p.updated(d)
	s.Opened = day(s.Updated, 200+d.below(12_000))
	if closed {
		s.Closed = day(s.Updated, 0)
	}
}

// means are a structure's mailboxes, services and equipment.
func (p *Population) means(s *people.Structure, d *draw, kind string) {
	open := s.Closed.IsZero()
	if open && s.FINESS != "" && !s.Legal && d.in(60) {
		s.Mailboxes = []people.Mailbox{{Address: "secretariat@" + strings.ToLower(s.ID) + mailboxDomain, Type: "ORG",
			Description: "Secrétariat", Service: "Secrétariat médical", RedList: d.in(5)}}
	}
	for _, of := range p.tables.services[kind] {
		if !d.in(of.percent) {
			continue
		}
		since, until, closed := p.authorised(s, d)
		v := people.Service{Activity: of.activity, Form: of.form, Client: of.client, Since: since, Until: until,
			Closed: closed, Updated: s.Updated}
		if of.most > 0 {
			v.Capacity = of.fewest + d.below(of.most-of.fewest+1)
		} else {
			v.Authorisation = authorisation(s, d)
		}
		s.Services = append(s.Services, v)
	}
	for _, of := range p.tables.equipment[kind] {
		if !d.in(of.percent) {
			continue
		}
		since, until, closed := p.authorised(s, d)
		s.Equipment = append(s.Equipment, people.Equipment{Authorisation: authorisation(s, d), Type: of.kind,
			Maker: of.maker, Model: of.model, Serial: "LAB" + strconv.Itoa(100_000+d.below(900_000)), Since: since,
			Until: until, Closed: closed, Updated: s.Updated})
	}
}

// authorised is a period of seven years within the life of a structure; now and then it is over.
func (p *Population) authorised(s *people.Structure, d *draw) (since, until time.Time, closed bool) {
	life := int(p.at.Sub(s.Opened).Hours() / 24)
	since = day(p.at, d.below(min(life, 6*365)+1))
	if since.Before(s.Opened) {
		since = s.Opened
	}
	until = since.AddDate(7, 0, 0)
	if closed = !s.Closed.IsZero() || d.in(6); closed {
		until = day(s.Updated, 0)
		if !s.Closed.IsZero() {
			until = s.Closed
		}
		if until.Before(since) {
			since = s.Opened
		}
	}
	return since, until, closed
}

// authorisation is an ARHGOS number; its form is modelled.
func authorisation(s *people.Structure, d *draw) string {
	return "99-" + s.Address.Department + "-" + strconv.Itoa(10_000+d.below(90_000))
}

// inBlock fills in what is known of a structure of a block without its dates and means.
func (p *Population) inBlock(s *people.Structure, block, slot int) {
	t := p.tables
	of := &t.slots[slot]
	group := slot
	if of.parent >= 0 {
		group = of.parent
		s.Parent = p.slotID(block, group)
	}
	s.ID, s.Sector = p.slotID(block, slot), of.sector
	s.Legal = of.entity == "EJ"
	if of.entity == "" {
		s.NationalID = "3" + siret(s.ID[len(otherPrefix):])
		s.SIRET, s.SIREN = s.NationalID[1:], s.NationalID[1:10]
	} else {
		s.FINESS, s.NationalID = s.ID[1:], "1"+s.ID[1:]
	}
	shared := p.draw(ofVariant, block*len(t.slots)+group)
	variant := int(shared.next() >> 1)
	s.Category = of.categories[variant%len(of.categories)]
	s.Status = of.statuses[variant%len(of.statuses)]
	d := p.draw(ofVariant, -1-block*len(t.slots)-slot)
	at := &t.communes[p.communes[(block*areas+of.area)%len(p.communes)]]
	p.locate(s, &d, at)
	s.Name = p.title(of.names[variant%len(of.names)], shared, &d, s, at)
	if institution := of.entity == "EG"; institution && d.in(20) {
		s.Address.Mention = "BP " + strconv.Itoa(1+d.below(900))
		s.Address.Cedex += " CEDEX"
	}
	if d.below(100) >= 4 {
		s.Phone = phone(&d, at.zone)
	}
	if d.in(40) {
		s.Fax = phone(&d, at.zone)
	}
	if d.in(50) {
		s.Mail = "contact@" + strings.ToLower(s.ID) + ".example.fr"
	}
	switch of.kind {
	case "pharmacy", "pharmacy-closed":
		s.Licence = at.department + "#" + strconv.Itoa(900_000+d.below(100_000))
		if d.in(40) {
			s.Sign = "PHARMACIE " + t.patrons[d.below(len(t.patrons))]
		}
	case "group-practice":
		s.Address.Recipient = s.Name
	}
}

// title fills in a pattern of a structure's name.
func (p *Population) title(pattern string, shared draw, d *draw, s *people.Structure, at *commune) string {
	t := p.tables
	var b strings.Builder
	b.Grow(48)
	for {
		text, rest, ok := strings.Cut(pattern, "{")
		b.WriteString(text)
		if !ok {
			return b.String()
		}
		field, after, _ := strings.Cut(rest, "}")
		switch field {
		case "city":
			b.WriteString(at.city)
		case "patron":
			b.WriteString(t.patrons[d.below(len(t.patrons))])
		case "name":
			b.WriteString(t.family[shared.below(len(t.family))].upper)
		case "street":
			b.WriteString(s.Address.Street)
		}
		pattern = after
	}
}

// company is the sector (R02) of professionals who have a company.
const company = "SA09"

func (p *Population) practiceDraw(place int) draw { return p.draw(ofVariant, -1-MaxSize-place) }

// practiceSector is the sector (R02) of the practice of one person, the first thing drawn of it.
func practiceSector(d *draw) string {
	if d.in(12) {
		return company
	}
	return "SA07"
}

// practice fills in what is known of the practice of one person without its dates.
func (p *Population) practice(s *people.Structure, place int, r *role, who *identity, c *career, id string) {
	d := p.practiceDraw(place)
	block := place / blockSize
	at := &p.tables.communes[p.communes[(block*areas+c.area)%len(p.communes)]]
	s.ID, s.NationalID, s.Sector = practiceID(id), "4"+id[1:]+ownRank, practiceSector(&d)
	of := who.professional(r, who.profession.code)
	s.Name = "CABINET " + of + " " + who.family.upper
	if s.Sector == company {
		s.Name = "SELARL " + of + " " + who.family.upper
	}
	p.locate(s, &d, at)
	s.Address.Recipient = s.Name
	if d.below(100) >= 6 {
		s.Phone = phone(&d, at.zone)
	}
	if d.in(15) {
		s.Fax = phone(&d, at.zone)
	}
}

// locate gives a structure an address in a commune.
func (p *Population) locate(s *people.Structure, d *draw, at *commune) {
	street := &p.tables.streets[d.below(len(p.tables.streets))]
	s.Address = people.Address{Number: strconv.Itoa(1 + d.below(99)), StreetType: street.kind, Street: street.name,
		Cedex: at.city, PostalCode: at.postal, Commune: at.insee, Department: at.department, Country: "99000"}
	switch chance := d.below(100); {
	case chance < 5:
		s.Address.Repetition = "BIS"
	case chance < 6:
		s.Address.Repetition = "TER"
	case chance < 10:
		s.Address.Place = "BATIMENT " + "ABCD"[chance-6:chance-5]
	case chance < 12:
		s.Address.Place = "RESIDENCE " + p.tables.patrons[d.below(len(p.tables.patrons))]
	}
}

// fiction are the ranges of telephone numbers that the ARCEP keeps for works of fiction: mobile
// ones, then by zone.
var fiction = [...]string{"063998", "019900", "026191", "035301", "046571", "053649"}

func phone(d *draw, zone int) string {
	var b [10]byte
	copy(b[:], fiction[zone])
	digits(b[6:], uint64(d.below(10_000)))
	return string(b[:])
}
