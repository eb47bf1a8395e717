// Package population makes people and structures of the sector up, by the million: test data for
// the Annuaire and whoever reads it. All of them follow from a seed and a place, and nothing of
// them is kept, so that the millionth costs what the first costs. A larger population of a seed
// begins with the people and the structures of a smaller one.
//
// Nobody is meant by them: identifiers are of the ranges of tests, addresses of mail are under
// example.fr, telephone numbers in the ranges that the ARCEP keeps for fiction. Professions,
// structures, names, communes and codes come from the tables in the folder data: five hundred
// people at a time share a set of structures, and each such block has the shares of the tables.
package population

import (
	"time"

	"github.com/igc-lab/igc/people"
)

// MaxSize is the most people that a population has: as many fit in the ranges of tests.
const MaxSize = 10_000_000

// Population is people.Population of a seed. It may be read by many at once.
type Population struct {
	seed     uint64
	size     int
	at       time.Time
	tables   *tables
	communes []int // the order in which the seed has them
	owners   int   // people of the last block who have a practice of their own

	rpps permutation
	// numbers of structures: with FINESS number, by entity, and without one
	sites, entities, unlisted permutation
}

var _ people.Population = (*Population)(nil)

// New makes the population of a seed: that many people, none and [MaxSize] at the least and most,
// as they are at a time.
func New(seed uint64, size int, at time.Time) *Population {
	p := &Population{seed: mix(seed + golden), size: min(max(size, 0), MaxSize), at: at.UTC().Truncate(time.Second),
		tables: read()}
	p.rpps = permutation{p.key(ofRPPS, 0), rppsLeft, rppsRight}
	p.sites = permutation{p.key(ofFINESS, 0), 1000, 1000}
	p.entities = permutation{p.key(ofFINESS, 1), 1000, 1000}
	p.unlisted = permutation{p.key(ofNumber, 0), 1000, 1000}
	p.communes = make([]int, len(p.tables.communes))
	d := p.draw(ofCommune, 0)
	for i := range p.communes {
		j := d.below(i + 1)
		p.communes[i] = p.communes[j]
		p.communes[j] = i
	}
	if rest := p.size % blockSize; rest > 0 {
		p.owners = p.ownersBefore(p.size/blockSize, rest)
	}
	return p
}

func (p *Population) key(s subject, n int) uint64 {
	d := p.draw(s, n)
	return d.next()
}

// People is how many people there are.
func (p *Population) People() int { return p.size }

// Structures is how many structures there are.
func (p *Population) Structures() int {
	blocks, rest := p.size/blockSize, p.size%blockSize
	n := blocks * p.structuresOfBlock()
	if rest > 0 {
		n += len(p.tables.slots) + p.owners
	}
	return n
}

// structuresOfBlock is how many structures a whole block has: the slots, then the practices of its
// people.
func (p *Population) structuresOfBlock() int { return len(p.tables.slots) + p.tables.owners }

// ranks tells which of the block's roles each of its people has: a step from one to the next, so
// that a few people have nearly the shares of many.
type ranks struct{ first, step int }

// steps have no common divisor with the size of a block, and spread neighbours widely.
var steps = [...]int{183, 187, 189, 191, 193, 197, 299, 303, 307, 309, 311, 313, 317}

func (p *Population) ranks(block int) ranks {
	d := p.draw(ofBlock, block)
	return ranks{d.below(blockSize), steps[d.below(len(steps))]}
}

func (r ranks) at(person int) int { return (r.first + person*r.step) % blockSize }

// next is the rank of the person after the one with this rank.
func (r ranks) next(rank int) int {
	if rank += r.step; rank >= blockSize {
		rank -= blockSize
	}
	return rank
}

func (p *Population) role(place int) *role {
	return p.tables.roles[p.ranks(place/blockSize).at(place%blockSize)]
}

// ownersBefore counts the people before one of a block who have a practice of their own.
func (p *Population) ownersBefore(block, person int) (n int) {
	ranks := p.ranks(block)
	rank := ranks.first
	for range person {
		if p.tables.ownRole[rank] {
			n++
		}
		rank = ranks.next(rank)
	}
	return n
}

// owner is the place of the person of a block with the nth practice.
func (p *Population) owner(block, nth int) int {
	ranks := p.ranks(block)
	rank := ranks.first
	for i := range blockSize {
		if p.tables.ownRole[rank] {
			if nth == 0 {
				return block*blockSize + i
			}
			nth--
		}
		rank = ranks.next(rank)
	}
	return -1 // a whole block has as many practices as the tables say
}

// updated is when something changed last: one in twenty in the month before the population's time,
// the others within eight years before.
func (p *Population) updated(d *draw) time.Time {
	const month, years = 30 * 24 * 3600, 8 * 365 * 24 * 3600
	ago := month + d.below(years)
	if d.below(20) == 0 {
		ago = 1 + d.below(month-1)
	}
	return p.at.Add(-time.Duration(ago) * time.Second)
}

// day is a day so many days before a time.
func day(t time.Time, before int) time.Time {
	return t.AddDate(0, 0, -before).Truncate(24 * time.Hour)
}
