package annuaire

import "math/bits"

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
