package bolt

import (
	"bytes"
	"crypto/x509"
	"encoding/binary"
	"io"
	"os"
	"slices"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/profiles"
)

// Salvaged is what [Salvage] took out of a file.
type Salvaged struct {
	Records     []*store.Record             // proved by their checksum
	Unproved    []*store.Record             // written without one: the signature of the certificate has to prove them
	Revocations map[string]store.Revocation // by serial number: a status does not say whose it is
	CRLs        map[string]store.CRLState   // by authority
	Authorities [][]byte                    // certificates
	Changes     map[uint64]store.Change     // of the feed
	Unreadable  int                         // pages
}

// salvage takes out of a database file, whatever its state, what proves itself: records with their
// checksum or a signature that the caller verifies, statuses, the numbers of CRLs, changes. First
// along the trees, as far as they hold, from both meta pages; then on every page that is a leaf,
// whether a tree leads there or not. So pages that were given up are read too: what they hold was
// true once, and a revocation for good stays true.
type salvage struct {
	Salvaged
	file     *pageFile
	seen     map[uint64]bool
	statuses map[string]status
}

func newSalvage() *salvage {
	return &salvage{statuses: map[string]status{}, Salvaged: Salvaged{Revocations: map[string]store.Revocation{},
		CRLs: map[string]store.CRLState{}, Changes: map[uint64]store.Change{}}}
}

// Salvage reads what is left of a damaged file. The error is fs.ErrNotExist when there is none.
func Salvage(path string) (*Salvaged, error) {
	s := newSalvage()
	f, err := os.Open(path)
	if err != nil {
		return &s.Salvaged, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return &s.Salvaged, err
	}
	s.read(f, info.Size())
	for serial, one := range s.statuses {
		if v := one.revocation(); v != nil {
			s.Revocations[serial] = *v
		}
	}
	return &s.Salvaged, nil
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
			s.Unreadable++
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

// leaf reads the entries of a leaf, those of trees that are small enough to be in it as well. The
// path is not known of a page that was just found.
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
	if a, ok := profiles.AuthorityNamed(c.RawSubject); ok {
		return a.ID()
	}
	return ""
}

// value takes what a value is, if it proves it.
func (s *salvage) value(authority string, key, value []byte) {
	switch {
	case bytes.Equal(key, kCertificate):
		if der, err := parseAuthority(value); err == nil {
			s.Authorities = append(s.Authorities, bytes.Clone(der))
		}
	case bytes.Equal(key, kLists):
		state, err := parseCRLState(value)
		if err == nil && authority != "" && state.Number > s.CRLs[authority].Number {
			s.CRLs[authority] = state
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
		if data, err := splitChange(key, value); err == nil {
			if c, _, err := store.ParseChange(data); err == nil {
				s.Changes[seq] = c
			}
			return
		}
		r := &store.Record{}
		if decodeRecord(r, seq, value) != nil {
			return
		}
		if n, k := binary.Uvarint(value); len(value)-k-int(n)-len(r.DER) == 4 {
			s.Records = append(s.Records, r)
		} else {
			s.Unproved = append(s.Unproved, r)
		}
	}
}

// graver tells whether a status says more against a certificate than another: revoked for good, on
// hold, good.
func graver(a, b status) bool {
	rank := func(s status) int {
		switch v := s.revocation(); {
		case v == nil:
			return 0
		case v.Reason == store.Hold:
			return 1
		}
		return 2
	}
	return rank(a) > rank(b)
}
