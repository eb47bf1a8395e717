package population

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/igc-lab/igc/people"
)

// identity is a person's name, as structures that bear it need it too.
type identity struct {
	woman      bool
	profession *profession
	given      name
	family     name
}

// identity is the name of a person: now and then that of the person before.
func (p *Population) identity(place int, r *role) identity {
	d := p.draw(ofIdentity, place)
	who := p.ownName(&d, r)
	if place%blockSize == 0 || d.below(100) > 0 {
		return who
	}
	before := p.draw(ofIdentity, place-1)
	same := p.ownName(&before, p.role(place-1))
	who.woman, who.given, who.family = same.woman, same.given, same.family
	return who
}

// maxName is how many characters of a name a certificate takes.
const maxName = 64

func (p *Population) ownName(d *draw, r *role) (who identity) {
	t := p.tables
	who.profession = r.professions[d.below(len(r.professions))]
	who.woman = d.in(who.profession.women)
	given := t.given[0]
	if who.woman {
		given = t.given[1]
	}
	who.given = given[d.skewed(len(given))]
	who.family = t.family[d.skewed(len(t.family))]
	switch chance := d.below(1000); {
	case chance < 60:
		who.family = join(who.family, "-", t.family[d.below(len(t.family))])
	case chance < 70:
		who.family = join(who.family, " ", t.family[d.below(len(t.family))])
	case chance == 70: // as long as a certificate takes it
		for utf8.RuneCountInString(who.family.upper) < maxName {
			who.family = join(who.family, "-", t.family[d.below(len(t.family))])
		}
		who.family.upper = strings.TrimRight(string([]rune(who.family.upper)[:maxName]), " -'")
		who.family.local = who.family.local[:min(40, len(who.family.local))]
	}
	return who
}

func join(a name, by string, b name) name {
	return name{"", a.upper + by + b.upper, a.local + "-" + b.local}
}

// doctor tells whether the members of a profession (G15) are addressed as doctors, students left
// out.
func doctor(code string) bool { return code == "10" || code == "21" || code == "40" }

func (who *identity) civility() string {
	if who.woman {
		return "MME"
	}
	return "M"
}

func (who *identity) professional(r *role, code string) string {
	if doctor(code) && r.category != student {
		return "DR"
	}
	return who.civility()
}

// Categories (R09) of those who are in training, and of those in the armed forces.
const (
	student  = "E"
	military = "M"
)

// career is what is drawn of a person beside the name.
type career struct {
	draw    draw
	area    int
	retired bool
}

func (p *Population) career(place int, r *role) career {
	c := career{draw: p.draw(ofPerson, place)}
	c.area = min(c.draw.below(2*areas), c.draw.below(2*areas)) % areas // more often where the hospital is
	c.retired = c.draw.below(100) < 4 && r.category == "C"
	return c
}

// Name is the name of the person of a place, who is not made for it.
func (p *Population) Name(place int) (given, family string) {
	who := p.identity(place, p.role(place))
	return who.given.text, who.family.upper
}

// Person makes the person of a place.
func (p *Population) Person(place int) *people.Person {
	r := p.role(place)
	who := p.identity(place, r)
	c := p.career(place, r)
	d := &c.draw
	id := p.personID(place)
	person := &people.Person{ID: id, Origin: "RPPS", GivenName: who.given.text, FamilyName: who.family.upper,
		From: people.Sources{Identity: people.Generated, Activities: people.Generated, Contact: people.Generated}}
	person.Register.Retired, person.Register.Updated = c.retired, p.updated(d)
	local := who.given.local + "." + who.family.local + "." + strconv.Itoa(place)
	if d.below(100) >= 3 {
		person.Contact.Mail = local + "@example.fr"
	}
	if d.below(100) >= 2 {
		person.Contact.Phone = phone(d, 0)
	}
	speciality := p.speciality(d, r, who.profession.code)
	person.Register.Diplomas = diplomas(d, r, who.profession, speciality)
	if c.retired {
		return person
	}
	if d.in(who.profession.mailboxes) {
		person.Register.Mailboxes = []people.Mailbox{{Address: local + "@" + who.profession.domain + mailboxDomain,
			Type: "PER", RedList: d.in(5)}}
	}
	first := people.Exercice{CodeProfession: who.profession.code, CodeCategorie: r.category,
		CodeCivilite: who.professional(r, who.profession.code), Nom: who.family.upper, Prenom: who.given.text}
	if speciality != "" {
		first.CodeTypeSavoirFaire, first.CodeSavoirFaire = "S", speciality
	}
	first.Activities = p.activities(place, r, &who, &c, id)
	person.RefPro = &people.RefPro{CodeCivilite: who.civility()}
	if second, ok := p.secondProfession(place, r, &who, &c); ok {
		person.RefPro.Exercices = []people.Exercice{first, second}
	} else {
		person.RefPro.Exercices = []people.Exercice{first}
	}
	return person
}

func (p *Population) speciality(d *draw, r *role, code string) string {
	chance := d.below(100)
	if r.category == student {
		return ""
	}
	all := p.tables.specialities[code]
	for i := range all {
		if chance -= all[i].percent; chance < 0 {
			if all[i].institution && r.mode == "L" {
				return all[0].code // the most frequent one
			}
			return all[i].code
		}
	}
	return ""
}

// advanced are the diplomas (R48) of the specialities of nurses in advanced practice, and further
// ones that nurses have.
var (
	advanced = map[string]string{"SI01": "DE23", "SI04": "DE26"}
	further  = []string{"DE19", "DE20", "DE21"}
)

func diplomas(d *draw, r *role, of *profession, speciality string) []people.Diploma {
	chance := d.below(100)
	if r.category == student || of.diploma == "" {
		return nil
	}
	all := []people.Diploma{{Type: "DE", Code: of.diploma}}
	if of.code != "60" {
		return all
	}
	if code := advanced[speciality]; code != "" {
		all = append(all, people.Diploma{Type: "DE", Code: code})
	} else if chance < len(further) {
		all = append(all, people.Diploma{Type: "DE", Code: further[chance]})
	}
	return all
}

// activities are what a person does in the first profession: one activity, sometimes a second and a
// third one.
func (p *Population) activities(place int, r *role, who *identity, c *career, id string) []people.Activity {
	d := &c.draw
	block := place / blockSize
	more := 0
	if r.category == "C" && d.below(100) < 14 {
		if more = 1; d.below(100) < 25 {
			more = 2
		}
	}
	all := make([]people.Activity, 1+more)
	if r.kind == ownPractice {
		var s people.Structure
		p.practice(&s, place, r, who, c, id)
		all[0] = activity(&s, who.profession, r.category, r.mode)
	} else {
		slot := p.pick(d, r.kind, c.area)
		c.area = p.tables.slots[slot].area
		all[0] = p.activityIn(block, slot, who.profession, r)
	}
	all[0].CodeGenreActivite = r.activity
	all[0].CodeSectionPharmacien = section(r.section, all[0].CodeDepartement)
	n := 1
	for i := range more {
		slot := p.pickNear(d, r.second, c.area)
		kind := p.tables.slots[slot].kind
		a := p.activityIn(block, slot, who.profession, r)
		if known(all[:n], a.IdentifiantTechnique) {
			continue
		}
		a.CodeModeExercice = "S"
		if selfEmployed[kind] {
			a.CodeModeExercice = "L"
		} else if i == 1 && d.in(30) {
			a.CodeModeExercice = "B"
		}
		a.CodeGenreActivite = "GENR01"
		if who.profession.code == "21" {
			a.CodeSectionPharmacien = section(sectionIn[kind], a.CodeDepartement)
		}
		all[n] = a
		n++
	}
	return all[:n]
}

// selfEmployed are the structures in which a further activity is self-employed, and sectionIn the
// section of a pharmacist there.
var (
	selfEmployed = map[string]bool{"group-practice": true, "group-nurses": true, "group-therapists": true,
		"msp": true}
	sectionIn = map[string]string{"pharmacy": "D", "laboratory": "G", "hospital": "H", "hospital-site": "H",
		"clinic": "H", "home": "H"}
)

func known(all []people.Activity, id string) bool {
	for i := range all {
		if all[i].IdentifiantTechnique == id {
			return true
		}
	}
	return false
}

// section is the section (G05) of a pharmacist, which overseas begins with an E.
func section(code, department string) string {
	if code != "" && department >= "97" {
		return "E" + code
	}
	return code
}

// secondProfession is what one in a hundred does beside the first profession.
func (p *Population) secondProfession(place int, r *role, who *identity, c *career) (e people.Exercice, ok bool) {
	d := &c.draw
	other, ok := p.tables.second[who.profession.code]
	if d.below(100) > 0 || !ok || r.category != "C" {
		return e, false
	}
	e = people.Exercice{CodeProfession: other.profession.code, CodeCategorie: r.category,
		CodeCivilite: who.professional(r, other.profession.code), Nom: who.family.upper, Prenom: who.given.text}
	if code := p.speciality(d, r, other.profession.code); code != "" {
		e.CodeTypeSavoirFaire, e.CodeSavoirFaire = "S", code
	}
	a := p.activityIn(place/blockSize, p.pick(d, other.kind, c.area), other.profession, r)
	a.CodeModeExercice, a.CodeGenreActivite = "S", "GENR01"
	if selfEmployed[other.kind] {
		a.CodeModeExercice = "L"
	}
	e.Activities = []people.Activity{a}
	return e, true
}

// pick is a slot of a kind, one in the area if there is one.
func (p *Population) pick(d *draw, kind string, area int) int {
	all := p.tables.ofKind[kind]
	start := d.below(len(all))
	for i := range all {
		if slot := all[(start+i)%len(all)]; p.tables.slots[slot].area == area {
			return slot
		}
	}
	return all[start]
}

// pickNear is a slot of one of the kinds, one in the area if there is one.
func (p *Population) pickNear(d *draw, kinds []string, area int) (slot int) {
	start := d.below(len(kinds))
	for i := range kinds {
		slot = p.pick(d, kinds[(start+i)%len(kinds)], area)
		if p.tables.slots[slot].area == area {
			return slot
		}
	}
	return slot
}

func (p *Population) activityIn(block, slot int, of *profession, r *role) people.Activity {
	var s people.Structure
	p.inBlock(&s, block, slot)
	return activity(&s, of, r.category, r.mode)
}

// activity is the work in a structure.
func activity(s *people.Structure, of *profession, category, mode string) people.Activity {
	a := people.Activity{CodeModeExercice: mode, CodeSecteurDactivite: s.Sector, NumeroSiretSite: s.SIRET,
		NumeroSirenSite: s.SIREN, IdentifiantTechnique: s.ID, RaisonSocialeSite: s.Name,
		EnseigneCommercialeSite: s.Sign, ComplementDestinataire: s.Address.Recipient,
		ComplementPointGeographique: s.Address.Place, NumeroVoie: s.Address.Number,
		IndiceRepetitionVoie: s.Address.Repetition, CodeTypeDeVoie: s.Address.StreetType,
		LibelleVoie: s.Address.Street, MentionDistribution: s.Address.Mention, BureauCedex: s.Address.Cedex,
		CodePostal: s.Address.PostalCode, CodeCommune: s.Address.Commune, CodePays: s.Address.Country,
		Telephone: s.Phone, Telecopie: s.Fax, AdresseEMail: s.Mail, CodeDepartement: s.Address.Department,
		AncienIdentifiant: s.NationalID, NumeroFinessSite: s.FINESS,
		AutoriteDenregistrement: of.registered(category, mode)}
	if s.Parent != "" {
		a.FinessJuridique = s.Parent[1:]
	}
	return a
}
