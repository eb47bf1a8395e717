package population

import (
	"embed"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/igc-lab/igc/profiles"
)

//go:embed data
var data embed.FS

// blockSize is how many people share a set of structures: roles.tsv tells who they are, and
// structures.tsv where they work. The shares of both hold for each whole block.
const blockSize = 500

// areas is how many communes a block has.
const areas = 5

// name is a name of a person, and how an address has it.
type name struct{ text, upper, local string }

type commune struct {
	department, insee, postal, city string
	zone                            int
}

type street struct{ kind, name string }

type profession struct {
	code        string
	women       int // out of a hundred
	authority   string
	domain      string // of the mailboxes
	mailboxes   int    // out of a hundred
	diploma     string
	independent string // registration when self-employed: all of it is the authority's
	employed    string
}

// registered is the authority that an activity is registered with, as the Annuaire writes it.
func (p *profession) registered(category, mode string) string {
	switch {
	case category == military:
		return "SSA/SSA/SSA"
	case mode == "L":
		return p.independent
	}
	return p.employed
}

// other is a second profession, and the kind of structure in which it is exercised.
type other struct {
	profession *profession
	kind       string
}

type speciality struct {
	code        string
	percent     int
	institution bool // of those who work in institutions only
}

// ownPractice is the kind of a practice that belongs to one person: it is not a slot of the block.
const ownPractice = "own"

// role is who one of the block's people is.
type role struct {
	professions []*profession // one of them
	category    string
	mode        string
	kind        string // of the structure
	activity    string // kind of activity
	section     string
	second      []string // kinds of the structures of further activities
}

// slot is a structure of a block.
type slot struct {
	kind       string
	entity     string // EJ, EG, or empty without FINESS number
	parent     int    // slot of the legal entity, -1 without
	area       int
	sector     string
	categories []string
	statuses   []string
	names      []string
	ordinal    int // among the slots of its entity
}

type service struct {
	percent                int
	activity, form, client string
	fewest, most           int
}

type equipment struct {
	percent            int
	kind, maker, model string
}

// tables are the data files.
type tables struct {
	family       []name
	given        [2][]name // men, women
	communes     []commune
	streets      []street
	patrons      []string
	professions  map[string]*profession
	specialities map[string][]speciality
	second       map[string]other // by the first profession
	roles        [blockSize]*role
	ownRole      [blockSize]bool
	owners       int // of a block's people, those with a practice of their own
	slots        []slot
	ofKind       map[string][]int // slots
	ofEntity     map[string]int   // how many slots there are of each entity
	services     map[string][]service
	equipment    map[string][]equipment
}

var read = sync.OnceValue(func() *tables {
	t := &tables{professions: map[string]*profession{}, specialities: map[string][]speciality{},
		second: map[string]other{}, ofKind: map[string][]int{}, ofEntity: map[string]int{},
		services: map[string][]service{}, equipment: map[string][]equipment{}}
	t.readNames()
	for _, f := range rows("communes.tsv", 5) {
		t.communes = append(t.communes, commune{f[0], f[1], f[2], address(f[3]), number(f[4])})
	}
	for _, f := range rows("streets.tsv", 2) {
		t.streets = append(t.streets, street{f[0], f[1]})
	}
	for _, f := range rows("patrons.txt", 1) {
		t.patrons = append(t.patrons, f[0])
	}
	for _, f := range rows("specialities.tsv", 4) {
		t.specialities[f[0]] = append(t.specialities[f[0]], speciality{f[1], number(f[2]), f[3] == "institution"})
	}
	t.readStructures()
	t.readRoles()
	return t
})

func (t *tables) readNames() {
	for _, f := range rows("family.txt", 1) {
		t.family = append(t.family, newName(f[0]))
	}
	for i, file := range []string{"given_m.txt", "given_f.txt"} {
		for _, f := range rows(file, 1) {
			t.given[i] = append(t.given[i], newName(f[0]))
		}
	}
}

func newName(text string) name {
	local := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r == '-' {
			return r
		}
		return -1
	}, profiles.Fold(text))
	return name{text, strings.ToUpper(text), local}
}

// address writes a city as the lines of an address have it: capitals without accents and hyphens.
func address(city string) string {
	return strings.ReplaceAll(strings.ToUpper(profiles.Fold(city)), "-", " ")
}

func (t *tables) readStructures() {
	for _, f := range rows("structures.tsv", 9) {
		for i := range number(f[1]) {
			s := slot{kind: f[0], entity: strings.Trim(f[2], "-"), parent: -1, area: (number(f[4]) + i) % areas,
				sector: f[5], categories: strings.Split(f[6], "|"), statuses: strings.Split(f[7], "|"),
				names: strings.Split(f[8], "|")}
			if f[3] != "-" {
				s.parent = t.ofKind[f[3]][i%len(t.ofKind[f[3]])]
			}
			s.ordinal = t.ofEntity[s.entity]
			t.ofEntity[s.entity]++
			t.ofKind[s.kind] = append(t.ofKind[s.kind], len(t.slots))
			t.slots = append(t.slots, s)
		}
	}
	for _, f := range rows("services.tsv", 7) {
		t.services[f[0]] = append(t.services[f[0]],
			service{number(f[1]), f[2], f[3], f[4], number(f[5]), number(f[6])})
	}
	for _, f := range rows("equipment.tsv", 5) {
		t.equipment[f[0]] = append(t.equipment[f[0]], equipment{number(f[1]), f[2], f[3], f[4]})
	}
}

func (t *tables) readRoles() {
	for _, f := range rows("professions.tsv", 6) {
		t.professions[f[0]] = &profession{code: f[0], women: number(f[1]), authority: f[2], domain: f[3],
			mailboxes: number(f[4]), diploma: f[5], independent: f[2] + "/" + f[2] + "/" + f[2],
			employed: f[2] + "/" + f[2] + "/ARS"}
	}
	for _, f := range rows("second.tsv", 3) {
		t.second[f[0]] = other{t.professions[f[1]], f[2]}
	}
	rank := 0
	for _, f := range rows("roles.tsv", 8) {
		r := &role{category: f[2], mode: f[3], kind: f[4], activity: f[5], section: f[6],
			second: strings.Split(f[7], ",")}
		for _, code := range strings.Split(f[1], ",") {
			r.professions = append(r.professions, t.professions[code])
		}
		for range number(f[0]) {
			t.roles[rank] = r
			if r.kind == ownPractice {
				t.ownRole[rank] = true
				t.owners++
			}
			rank++
		}
	}
	if rank != blockSize {
		panic(fmt.Sprintf("roles.tsv has %d people, and not %d", rank, blockSize))
	}
}

// rows are the lines of a data file, with that many fields each. A test reads all files, so that an
// embedded one cannot be wrong.
func rows(file string, fields int) (all [][]string) {
	text, err := data.ReadFile("data/" + file)
	if err != nil {
		panic(err)
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != fields {
			panic(fmt.Sprintf("%s: %q has %d fields, and not %d", file, line, len(f), fields))
		}
		all = append(all, f)
	}
	return all
}

func number(text string) int {
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return n
}
