package population

// RPPS numbers are those of 9971 to 9979 and 9991 to 9999: the ranges of tests without 99700 and
// 99900, of which the sector's ownPractice test identities and the lab's are.
const (
	rppsLeft, rppsRight = 4500, 4000
	rppsHalf            = rppsLeft * rppsRight / 2
	firstRPPS           = 9_971_000_000 // without the key
	secondRPPS          = 9_991_000_000
)

// personID is the identifier of a person: 8 and the RPPS number.
func (p *Population) personID(place int) string {
	n := uint64(p.rpps.apply(place))
	base := uint64(firstRPPS)
	if n >= rppsHalf {
		base, n = secondRPPS, n-rppsHalf
	}
	var b [12]byte
	b[0] = '8'
	digits(b[1:11], base+n)
	b[11] = luhnKey(b[1:11])
	return string(b[:])
}

// FindPerson is the place of the person with that identifier.
func (p *Population) FindPerson(id string) (place int, ok bool) {
	if len(id) != 12 || id[0] != '8' {
		return 0, false
	}
	n, ok := parse(id[1:11])
	if !ok {
		return 0, false
	}
	switch {
	case n >= secondRPPS && n < secondRPPS+rppsHalf:
		n = n - secondRPPS + rppsHalf
	case n >= firstRPPS && n < firstRPPS+rppsHalf:
		n -= firstRPPS
	default:
		return 0, false
	}
	place = p.rpps.inverse(int(n))
	if place >= p.size || p.personID(place) != id {
		return 0, false
	}
	return place, true
}

// Departments of FINESS numbers that no real one has, as 0B of the sector's test structures: of
// sites and of legal entities.
const (
	siteDepartment   = "0A"
	entityDepartment = "1A"
)

// otherPrefix begins the technical identifiers of structures without FINESS number.
const otherPrefix = "R98"

// slotID is the technical identifier of a structure of a block: F and FINESS with its key, or R98
// and a number of six digits.
func (p *Population) slotID(block, slot int) string {
	s := &p.tables.slots[slot]
	number := block*p.tables.ofEntity[s.entity] + s.ordinal
	if s.entity == "" {
		var b [len(otherPrefix) + 6]byte
		copy(b[:], otherPrefix)
		digits(b[len(otherPrefix):], uint64(p.unlisted.apply(number)))
		return string(b[:])
	}
	department, numbers := siteDepartment, p.sites
	if s.entity == "EJ" {
		department, numbers = entityDepartment, p.entities
	}
	var b [10]byte
	b[0] = 'F'
	copy(b[1:], department)
	digits(b[3:9], uint64(numbers.apply(number)))
	b[9] = luhnKey(b[1:9])
	return string(b[:])
}

// ownRank is the rank that a practice of one's ownPractice has after the RPPS number.
const ownRank = "001"

// practiceID is the technical identifier of the practice of a person.
func practiceID(personID string) string { return "R" + personID[1:] + ownRank }

// siret makes the SIRET number of a structure of a number of six digits. Its SIREN number begins
// with four zeros, as no real one does; several sites have the same.
func siret(number string) string {
	n, _ := parse(number)
	const companies = 9999
	var b [14]byte
	copy(b[:], "0000")
	digits(b[4:8], 1+n%companies)
	b[8] = luhnKey(b[:8])
	digits(b[9:13], 1+n/companies)
	b[13] = luhnKey(b[:13])
	return string(b[:])
}

// FindStructure is the place of the structure with that technical identifier.
func (p *Population) FindStructure(id string) (place int, ok bool) {
	switch {
	case len(id) == 10 && id[0] == 'F':
		return p.findFINESS(id)
	case len(id) == len(otherPrefix)+6 && id[:len(otherPrefix)] == otherPrefix:
		n, ok := parse(id[len(otherPrefix):])
		if !ok {
			return 0, false
		}
		return p.findSlot("", p.unlisted.inverse(int(n)), id)
	case len(id) == 15 && id[0] == 'R' && id[12:] == ownRank:
		person, ok := p.FindPerson("8" + id[1:12])
		if !ok || p.role(person).kind != ownPractice {
			return 0, false
		}
		return p.practicePlace(person), true
	}
	return 0, false
}

func (p *Population) findFINESS(id string) (place int, ok bool) {
	n, ok := parse(id[3:9])
	if !ok {
		return 0, false
	}
	switch id[1:3] {
	case siteDepartment:
		return p.findSlot("EG", p.sites.inverse(int(n)), id)
	case entityDepartment:
		return p.findSlot("EJ", p.entities.inverse(int(n)), id)
	}
	return 0, false
}

// findSlot is the place of the structure with that number among those of an entity.
func (p *Population) findSlot(entity string, number int, id string) (place int, ok bool) {
	each := p.tables.ofEntity[entity]
	for i := range p.tables.slots {
		if s := &p.tables.slots[i]; s.entity == entity && s.ordinal == number%each {
			place = number/each*p.structuresOfBlock() + i
			return place, place < p.Structures() && p.slotID(number/each, i) == id
		}
	}
	return 0, false
}

// practicePlace is the place of the practice of a person.
func (p *Population) practicePlace(person int) int {
	block := person / blockSize
	return block*p.structuresOfBlock() + len(p.tables.slots) + p.ownersBefore(block, person%blockSize)
}

// digits writes a number in decimal, with zeros before it.
func digits(b []byte, n uint64) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = '0' + byte(n%10)
		n /= 10
	}
}

func parse(s string) (n uint64, ok bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + uint64(s[i]-'0')
	}
	return n, true
}

// luhnKey is the check digit that follows a number; A and B of a department are read as 1 and 2.
func luhnKey(number []byte) byte {
	sum := 0
	for i := range number {
		c := number[len(number)-1-i]
		d := int(c - '0')
		if c >= 'A' {
			d = int(c-'A') + 1
		}
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return '0' + byte((10-sum%10)%10)
}
