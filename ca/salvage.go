package ca

import (
	"bytes"
	"crypto/x509"
	"encoding/binary"
	"io"
	"os"
	"slices"
)

// salvage takes out of a database file, whatever its state, what proves itself: records with their checksum or a
// signature that the caller verifies, statuses, the numbers of CRLs. First along the trees, as far as they hold, from both
// meta pages; then on every page that is a leaf, whether a tree leads there or not. So pages that were given up are read
// too: what they hold was true once, and a revocation for good stays true.
type salvage struct {
	file *pageFile
	seen map[uint64]bool

	records     []*Record
	unproved    []*Record // without a checksum
	statuses    map[string]status
	states      map[string]ListState // by authority
	authorities [][]byte             // certificates
	unreadable  int                  // pages
}

func salvageFile(path string) (*salvage, error) {
	s := &salvage{statuses: map[string]status{}, states: map[string]ListState{}}
	f, err := os.Open(path)
	if err != nil {
		return s, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return s, err
	}
	s.read(f, info.Size())
	return s, nil
}

func (s *salvage) read(r io.ReaderAt, size int64) {
	metas := readMetas(r)
	pageSize := os.Getpagesize()
	if len(metas) > 0 {
		pageSize = metas[0].pageSize
	}
	pages := uint64(size) / uint64(pageSize)
	s.file = &pageFile{r, metaPage{pageSize: pageSize, next: pages}}
	for _, m := range metas {
		s.seen = map[uint64]bool{}
		s.tree(m.root, nil, 0)
	}
	for id := uint64(2); id < pages; id++ {
		p, err := s.file.page(id)
		if err != nil {
			s.unreadable++
			continue
		}
		if p.flags == leafPage {
			s.leaf(p, nil, nil)
		}
	}
}

// tree reads what a tree still leads to.
func (s *salvage) tree(id uint64, path []string, depth int) {
	if depth > maxDepth || s.seen[id] {
		return
	}
	s.seen[id] = true
	p, err := s.file.page(id)
	if err != nil {
		return
	}
	if p.flags == leafPage {
		s.leaf(p, path, func(root uint64, within []string) { s.tree(root, within, depth+1) })
		return
	}
	for _, e := range p.elements {
		s.tree(e.child, path, depth+1)
	}
}

// leaf reads the entries of a leaf, those of trees that are small enough to be in it as well. The path is not known of a
// page that was just found.
func (s *salvage) leaf(p *page, path []string, follow func(root uint64, within []string)) {
	authority := ""
	if len(path) == 2 && path[0] == string(bAuthorities) {
		authority = path[1]
	}
	for _, e := range p.elements {
		if authority == "" && !e.bucket && bytes.Equal(e.key, kCertificate) { // the tree of an authority
			authority = authorityOf(e.value)
		}
	}
	for _, e := range p.elements {
		if !e.bucket {
			s.value(authority, e.key, e.value)
			continue
		}
		root, inline, err := bucketOf(e)
		within := append(slices.Clip(path), string(e.key))
		switch {
		case err != nil:
		case inline != nil:
			s.leaf(inline, within, follow)
		case follow != nil:
			follow(root, within)
		}
	}
}

func authorityOf(value []byte) string {
	der, err := parseAuthority(value)
	if err != nil {
		return ""
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return ""
	}
	if a, ok := authorityNamed(c.RawSubject); ok {
		return a.ID()
	}
	return ""
}

// value takes what a value is, if it proves it.
func (s *salvage) value(authority string, key, value []byte) {
	switch {
	case bytes.Equal(key, kCertificate):
		if der, err := parseAuthority(value); err == nil {
			s.authorities = append(s.authorities, bytes.Clone(der))
		}
	case bytes.Equal(key, kLists):
		state, err := parseListState(value)
		if err == nil && authority != "" && state.Number > s.states[authority].Number {
			s.states[authority] = state
		}
	case len(value) == 8+len(status{}) && len(key) >= 8 && len(key) <= 20:
		_, found, err := parseStatus(key, value)
		if err != nil || found.checksum() == 0 && found.time(10).Year() > 2200 {
			return
		}
		if former, ok := s.statuses[string(key)]; !ok || graver(found, former) {
			s.statuses[string(key)] = found
		}
	case len(key) == 8:
		seq := binary.BigEndian.Uint64(key)
		r := &Record{}
		if r.decode(seq, value) != nil {
			return
		}
		if n, k := binary.Uvarint(value); len(value)-k-int(n)-len(r.DER) == 4 {
			s.records = append(s.records, r)
		} else {
			s.unproved = append(s.unproved, r)
		}
	}
}

// graver tells whether a status says more against a certificate than another: revoked for good, on hold, good.
func graver(a, b status) bool {
	rank := func(s status) int {
		switch v := s.revocation(); {
		case v == nil:
			return 0
		case v.Reason == Hold:
			return 1
		}
		return 2
	}
	return rank(a) > rank(b)
}
