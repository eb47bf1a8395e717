package annuaire

import (
	"slices"
	"sort"
	"strings"
)

// index says which rows have which keys. Rows are only added: those that ended are left out by who
// searches.
type index struct {
	rows map[string][]uint32 // by key, ascending
	keys []string            // ascending, unless keys were added since sorted
	late int                 // how many keys at the end are not in order
}

func newIndex() *index { return &index{rows: map[string][]uint32{}} }

// add gives a row a key. Rows come in ascending order.
func (x *index) add(key string, row uint32) {
	list, known := x.rows[key]
	if n := len(list); n > 0 && list[n-1] == row {
		return
	}
	if !known {
		key = strings.Clone(key) // and not the text that it may be a part of
		x.keys = append(x.keys, key)
		x.late++
	}
	x.rows[key] = append(list, row)
}

// sort puts the keys in order after some were added.
func (x *index) sort() {
	if x.late == 0 {
		return
	}
	n := len(x.keys) - x.late
	if x.late > 32 {
		slices.Sort(x.keys)
	} else {
		late := slices.Clone(x.keys[n:])
		x.keys = x.keys[:n]
		for _, key := range late {
			at, _ := slices.BinarySearch(x.keys, key)
			x.keys = slices.Insert(x.keys, at, key)
		}
	}
	x.late = 0
}

// equal adds the rows with a key.
func (x *index) equal(m *matches, key string) { m.add(x.rows[key]...) }

// prefix adds the rows that have a key which begins so.
func (x *index) prefix(m *matches, prefix string) {
	at, _ := slices.BinarySearch(x.keys, prefix)
	for ; at < len(x.keys) && strings.HasPrefix(x.keys[at], prefix); at++ {
		m.add(x.rows[x.keys[at]]...)
	}
}

// matching adds the rows that have a key which passes. It costs a look at every key.
func (x *index) matching(m *matches, passes func(string) bool) {
	for _, key := range x.keys {
		if passes(key) {
			m.add(x.rows[key]...)
		}
	}
}

// times says when rows were updated last.
type times struct {
	list []timed // by time, unless some were added since sorted
	late int
}

type timed struct {
	at  int64 // milliseconds since 1970
	row uint32
}

func (t *times) add(at int64, row uint32) {
	t.list = append(t.list, timed{at, row})
	t.late++
}

func (t *times) sort() {
	if t.late == 0 {
		return
	}
	byTime := func(a, b timed) int {
		if a.at != b.at {
			if a.at < b.at {
				return -1
			}
			return 1
		}
		return int(int64(a.row) - int64(b.row))
	}
	if n := len(t.list) - t.late; t.late > 32 {
		slices.SortFunc(t.list, byTime)
	} else {
		late := slices.Clone(t.list[n:])
		t.list = t.list[:n]
		for _, one := range late {
			at, _ := slices.BinarySearchFunc(t.list, one, byTime)
			t.list = slices.Insert(t.list, at, one)
		}
	}
	t.late = 0
}

// between adds the rows whose time is not before from and before until.
func (t *times) between(m *matches, from, until int64) {
	first := sort.Search(len(t.list), func(i int) bool { return t.list[i].at >= from })
	for _, one := range t.list[first:] {
		if one.at >= until {
			return
		}
		m.add(one.row)
	}
}
