package population

import (
	"cmp"
	"maps"
	"slices"
)

// Count is how often a code of a table occurs.
type Count struct {
	Code  string `json:"code"`
	Count int    `json:"count"`
}

// Summary is who and what is in a population.
type Summary struct {
	People      int     `json:"people"`
	Structures  int     `json:"structures"`
	Retired     int     `json:"retired"`
	Students    int     `json:"students"`
	Military    int     `json:"military"`
	Professions []Count `json:"professions"` // table G15, the first of each person, the most frequent first
	Sectors     []Count `json:"sectors"`     // table R02, of the structures, the most frequent first
}

// Summary counts all people and structures, without making any.
func (p *Population) Summary() Summary {
	s := Summary{People: p.size, Structures: p.Structures()}
	professions, sectors := map[string]int{}, map[string]int{}
	single := map[*role]int{}
	for begin := 0; begin < p.size; begin += blockSize {
		ranks := p.ranks(begin / blockSize)
		rank := ranks.first
		for place := begin; place < min(begin+blockSize, p.size); place++ {
			r := p.tables.roles[rank]
			rank = ranks.next(rank)
			if len(r.professions) == 1 {
				single[r]++
			} else {
				professions[p.identity(place, r).profession.code]++
			}
			if c := p.career(place, r); c.retired {
				s.Retired++
			}
			if r.kind == ownPractice {
				d := p.practiceDraw(place)
				sectors[practiceSector(&d)]++
			}
		}
	}
	for r, n := range single {
		professions[r.professions[0].code] += n
		switch r.category {
		case student:
			s.Students += n
		case military:
			s.Military += n
		}
	}
	blocks := (p.size + blockSize - 1) / blockSize
	for i := range p.tables.slots {
		sectors[p.tables.slots[i].sector] += blocks
	}
	s.Professions, s.Sectors = counts(professions), counts(sectors)
	return s
}

func counts(of map[string]int) (all []Count) {
	for _, code := range slices.Sorted(maps.Keys(of)) {
		all = append(all, Count{code, of[code]})
	}
	slices.SortStableFunc(all, func(a, b Count) int { return cmp.Compare(b.Count, a.Count) })
	return all
}
