package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"io"
	"slices"
)

// This file reads a bbolt file without bbolt, which trusts what it reads: to see whether bbolt may,
// and to take from a damaged one what is still whole. bbolt writes integers in the order of the
// machine.

const (
	pageHeader  = 16
	elementSize = 16
	metaSize    = 64

	branchPage   = 1
	leafPage     = 2
	freelistPage = 16

	bucketElement = 1 // flag of a leaf's element

	bboltMagic   = 0xED0CDAED
	bboltVersion = 2

	maxDepth = 64 // of a tree: 2^64 pages would not fill it
)

var native = binary.NativeEndian

// metaPage is one of the two heads of the file, which are written in turn.
type metaPage struct {
	pageSize             int
	root, freelist, next uint64 // next is the first page that was never used
	txid                 uint64
}

func parseMeta(b []byte) (m metaPage, err error) {
	if len(b) < metaSize || native.Uint32(b) != bboltMagic || native.Uint32(b[4:]) != bboltVersion {
		return m, errors.New("not a meta page")
	}
	h := fnv.New64a()
	h.Write(b[:metaSize-8])
	if h.Sum64() != native.Uint64(b[metaSize-8:]) {
		return m, errors.New("wrong checksum")
	}
	return metaPage{int(native.Uint32(b[8:])), native.Uint64(b[16:]), native.Uint64(b[32:]), native.Uint64(b[40:]), native.Uint64(b[48:])}, nil
}

// pageFile is a bbolt file, seen from one of its meta pages.
type pageFile struct {
	r io.ReaderAt
	metaPage
}

// readMetas reads both meta pages, and returns the valid ones, the newest first.
func readMetas(r io.ReaderAt) (metas []metaPage) {
	for _, size := range []int64{1 << 12, 1 << 14, 1 << 16, 1 << 13, 1 << 15, 1 << 11, 1 << 10} { // of a page; the second follows the first
		for _, at := range []int64{0, size} {
			b := make([]byte, metaSize)
			if _, err := r.ReadAt(b, at+pageHeader); err != nil {
				continue
			}
			if m, err := parseMeta(b); err == nil && int64(m.pageSize) == size {
				metas = append(metas, m)
			}
		}
		if len(metas) > 0 {
			break
		}
	}
	slices.SortFunc(metas, func(a, b metaPage) int { return bytes.Compare(u64(b.txid), u64(a.txid)) })
	return metas
}

// page is a page with those that it overflows into.
type page struct {
	id, overflow uint64
	flags        uint16
	elements     []pageElement
}

// pageElement is an entry of a leaf or, with child, of a branch.
type pageElement struct {
	key, value []byte
	child      uint64
	bucket     bool
}

// run reads the bytes of a page and of those that it overflows into.
func (f *pageFile) run(id uint64) (b []byte, err error) {
	if id < 2 || id >= f.next {
		return nil, damage("page %d of %d", id, f.next)
	}
	head := make([]byte, f.pageSize)
	if _, err := f.r.ReadAt(head, int64(id)*int64(f.pageSize)); err != nil {
		return nil, damage("page %d cannot be read: %v", id, err)
	}
	overflow := uint64(native.Uint32(head[12:]))
	switch {
	case native.Uint64(head) != id:
		return nil, damage("page %d says that it is %d", id, native.Uint64(head))
	case overflow >= f.next-id:
		return nil, damage("page %d ends behind the last one", id)
	case overflow == 0:
		return head, nil
	}
	b = make([]byte, (overflow+1)*uint64(f.pageSize))
	if _, err := f.r.ReadAt(b, int64(id)*int64(f.pageSize)); err != nil {
		return nil, damage("page %d cannot be read: %v", id, err)
	}
	return b, nil
}

// page reads a branch or a leaf.
func (f *pageFile) page(id uint64) (*page, error) {
	b, err := f.run(id)
	if err != nil {
		return nil, err
	}
	return parsePage(id, b)
}

func parsePage(id uint64, b []byte) (*page, error) {
	if len(b) < pageHeader {
		return nil, damage("page %d is cut short", id)
	}
	p := &page{id: id, flags: native.Uint16(b[8:]), overflow: uint64(native.Uint32(b[12:]))}
	if p.flags != branchPage && p.flags != leafPage {
		return nil, damage("page %d is neither branch nor leaf", id)
	}
	count := int(native.Uint16(b[10:]))
	if pageHeader+count*elementSize > len(b) || count == 0 && p.flags == branchPage {
		return nil, damage("page %d has %d entries", id, count)
	}
	p.elements = make([]pageElement, count)
	for i := range p.elements {
		at := pageHeader + i*elementSize
		e := &p.elements[i]
		first, second, third, fourth := native.Uint32(b[at:]), native.Uint32(b[at+4:]), native.Uint32(b[at+8:]), native.Uint32(b[at+12:])
		pos, keySize, valueSize := uint64(second), uint64(third), uint64(fourth)
		if p.flags == branchPage {
			pos, keySize, valueSize = uint64(first), uint64(second), 0
			e.child = native.Uint64(b[at+8:])
		} else if e.bucket = first == bucketElement; first > bucketElement {
			return nil, damage("page %d, entry %d: unknown kind", id, i)
		}
		begin := uint64(at) + pos
		if pos < elementSize || begin+keySize+valueSize > uint64(len(b)) || keySize == 0 && p.flags == leafPage {
			return nil, damage("page %d, entry %d is outside of it", id, i)
		}
		e.key, e.value = b[begin:begin+keySize], b[begin+keySize:begin+keySize+valueSize]
	}
	return p, nil
}

// bucketOf reads what a leaf holds of a bucket: the page of its tree, or the tree itself when that
// is small.
func bucketOf(e pageElement) (root uint64, inline *page, err error) {
	if len(e.value) < 16 {
		return 0, nil, damage("bucket %q is cut short", e.key)
	}
	if root = native.Uint64(e.value); root != 0 {
		return root, nil, nil
	}
	inline, err = parsePage(0, e.value[16:])
	if err == nil && inline.flags != leafPage {
		err = damage("bucket %q is not a leaf", e.key)
	}
	return 0, inline, err
}

// freePages reads the list of the pages that are free.
func (f *pageFile) freePages() (run uint64, free []uint64, err error) {
	if f.freelist == ^uint64(0) {
		return 0, nil, damage("no list of free pages")
	}
	b, err := f.run(f.freelist)
	if err != nil {
		return 0, nil, err
	}
	if native.Uint16(b[8:]) != freelistPage {
		return 0, nil, damage("page %d is not the list of free pages", f.freelist)
	}
	run = uint64(native.Uint32(b[12:])) + 1
	count, rest := uint64(native.Uint16(b[10:])), b[pageHeader:]
	if count == 0xFFFF {
		count, rest = native.Uint64(rest), rest[8:]
	}
	if count > uint64(len(rest)/8) {
		return 0, nil, damage("the list of free pages is cut short")
	}
	for i := range count {
		free = append(free, native.Uint64(rest[i*8:]))
	}
	return run, free, nil
}

// pageCheck looks whether bbolt may be let at the file.
type pageCheck struct {
	*pageFile
	used  []bool // pages that are free, or found in a tree
	whole bool   // leaves of data too, and what they hold
	value func(path []string, key, value []byte) error
}

// checkPages checks the file's structure; with whole, all of its leaves as well, and calls value
// for what they hold. It costs what there are branches or, with whole, bytes.
func checkPages(r io.ReaderAt, size int64, whole bool, value func(path []string, key, value []byte) error) error {
	metas := readMetas(r)
	if len(metas) != 2 { // the other one is a state before: a change would be lost without a word
		return damage("%d of its 2 meta pages are whole", len(metas))
	}
	c := &pageCheck{pageFile: &pageFile{r, metas[0]}, whole: whole, value: value}
	if c.next < 4 || c.next > uint64(size)/uint64(c.pageSize) {
		return damage("it is cut short: %d bytes, %d pages of %d", size, c.next, c.pageSize)
	}
	c.used = make([]bool, c.next)
	run, free, err := c.freePages()
	if err != nil {
		return err
	}
	if err := c.claim(c.freelist, run); err != nil {
		return err
	}
	for i, id := range free {
		if i > 0 && id <= free[i-1] {
			return damage("the list of free pages is not in order")
		}
		if err := c.claim(id, 1); err != nil {
			return err
		}
	}
	return c.tree(c.root, nil, nil, nil, 0)
}

// claim notes pages as used, once.
func (c *pageCheck) claim(id, run uint64) error {
	if id < 2 || id >= c.next || run > c.next-id {
		return damage("page %d of %d", id, c.next)
	}
	for n := id; n < id+run; n++ {
		if c.used[n] {
			return damage("page %d is used twice", n)
		}
		c.used[n] = true
	}
	return nil
}

// holdsBuckets tells whether a tree holds other trees: the lab's, that of all authorities, that of
// one, and that of all documents.
func holdsBuckets(path []string) bool {
	return len(path) == 0 || path[0] == string(bAuthorities) && len(path) <= 2 || path[0] == string(bDocuments) && len(path) <= 1
}

// tree checks a tree whose keys are from low on and before high.
func (c *pageCheck) tree(id uint64, path []string, low, high []byte, depth int) error {
	p, err := c.page(id)
	if err != nil {
		return err
	}
	if depth > maxDepth {
		return damage("page %d is too deep", id)
	}
	if err := c.claim(id, p.overflow+1); err != nil {
		return err
	}
	if p.flags == leafPage {
		return c.leaf(p, path, low, high)
	}
	if err := ordered(p, low, high); err != nil {
		return err
	}
	if !c.whole && !holdsBuckets(path) { // all leaves of a tree are equally deep
		if below, err := c.page(p.elements[0].child); err != nil {
			return err
		} else if below.flags == leafPage {
			for _, e := range p.elements {
				if err := c.claim(e.child, 1); err != nil {
					return err
				}
			}
			return nil
		}
	}
	for i, e := range p.elements {
		end := high
		if i+1 < len(p.elements) {
			end = p.elements[i+1].key
		}
		if err := c.tree(e.child, path, e.key, end, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// ordered checks that keys grow, within bounds. The first key of a branch may be behind that of its
// parent, or before it: bbolt sets it when it is written next.
func ordered(p *page, low, high []byte) error {
	for i, e := range p.elements {
		switch {
		case i > 0 && bytes.Compare(p.elements[i-1].key, e.key) >= 0,
			i == 0 && p.flags == leafPage && bytes.Compare(e.key, low) < 0,
			high != nil && bytes.Compare(e.key, high) >= 0:
			return damage("page %d, entry %d is out of order", p.id, i)
		}
	}
	return nil
}

func (c *pageCheck) leaf(p *page, path []string, low, high []byte) error {
	if err := ordered(p, low, high); err != nil {
		return err
	}
	for _, e := range p.elements {
		if !e.bucket {
			if c.value != nil {
				if err := c.value(path, e.key, e.value); err != nil {
					return err
				}
			}
			continue
		}
		root, inline, err := bucketOf(e)
		if err != nil {
			return err
		}
		within := append(slices.Clip(path), string(e.key))
		if inline != nil {
			err = c.leaf(inline, within, nil, nil)
		} else {
			err = c.tree(root, within, nil, nil, 0)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
