package annuaire

import (
	"math/bits"
	"slices"
)

// set is a set of rows, a bit each. Rows beyond its end are not in it.
type set []uint64

func newSet(rows uint32) set { return make(set, (int(rows)+63)/64) }

// full is the set of the rows below n.
func full(n uint32) set {
	s := newSet(n)
	for i := range s {
		s[i] = ^uint64(0)
	}
	if rest := n % 64; rest != 0 {
		s[len(s)-1] = 1<<rest - 1
	}
	return s
}

func (s set) add(row uint32)      { s[row/64] |= 1 << (row % 64) }
func (s set) remove(row uint32)   { s[row/64] &^= 1 << (row % 64) }
func (s set) has(row uint32) bool { return int(row/64) < len(s) && s[row/64]&(1<<(row%64)) != 0 }

// intersect removes the rows that are not in the other set.
func (s set) intersect(other set) {
	for i := range s {
		if i < len(other) {
			s[i] &= other[i]
		} else {
			s[i] = 0
		}
	}
}

// drop removes the rows of the other set.
func (s set) drop(other set) {
	for i := range min(len(s), len(other)) {
		s[i] &^= other[i]
	}
}

func (s set) count() (n int) {
	for _, word := range s {
		n += bits.OnesCount64(word)
	}
	return n
}

// next is the first row of the set that is not below a row.
func (s set) next(row uint32) (uint32, bool) {
	i := int(row / 64)
	if i >= len(s) {
		return 0, false
	}
	word := s[i] >> (row % 64) << (row % 64)
	for {
		if word != 0 {
			return uint32(i)*64 + uint32(bits.TrailingZeros64(word)), true
		}
		if i++; i == len(s) {
			return 0, false
		}
		word = s[i]
	}
}

// matches are the rows that a criterion lets pass, below end: few of them as a list, many as a set.
// So a search that finds one among a million costs what it costs among a thousand.
type matches struct {
	end  uint32
	few  []uint32
	many set // nil while there are few
}

// maxFew is how many rows a list may have.
const maxFew = 4096

// add adds rows, in any order.
func (m *matches) add(rows ...uint32) {
	if m.many == nil && len(m.few)+len(rows) <= maxFew {
		for _, row := range rows {
			if row < m.end {
				m.few = append(m.few, row)
			}
		}
		return
	}
	m.widen()
	for _, row := range rows {
		if row < m.end {
			m.many.add(row)
		}
	}
}

// widen makes a set of the list.
func (m *matches) widen() {
	if m.many != nil {
		return
	}
	m.many = newSet(m.end)
	for _, row := range m.few {
		m.many.add(row)
	}
	m.few = nil
}

// invert leaves the rows that were not there.
func (m *matches) invert() {
	m.widen()
	others := full(m.end)
	others.drop(m.many)
	m.many = others
}

// sort puts the list in order, each row once.
func (m *matches) sort() {
	slices.Sort(m.few)
	m.few = slices.Compact(m.few)
}
