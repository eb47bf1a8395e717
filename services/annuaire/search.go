package annuaire

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"slices"
	"strings"

	"github.com/igc-lab/igc/profiles"
)

// page is a part of the results of a search.
type page struct {
	rows  []uint32
	total int
	next  *cursor // nil at the end
	seen  snapshot
}

// cursor is where a search goes on: the address of a next page has it.
type cursor struct {
	Kind  string   `json:"k"`
	Query string   `json:"q"`
	Seen  snapshot `json:"s"`
	After uint32   `json:"a"` // the first row that may come
	Total int      `json:"t"`
}

// maxCursor bounds what a cursor unpacks to.
const maxCursor = 256 << 10

// String packs a cursor into an address.
func (c *cursor) String() string {
	data, err := json.Marshal(c)
	if err != nil {
		return ""
	}
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err != nil {
		return ""
	}
	w.Write(data)
	w.Close()
	return base64.RawURLEncoding.EncodeToString(b.Bytes())
}

func parseCursor(text string) (*cursor, error) {
	packed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, errPage
	}
	r := flate.NewReader(bytes.NewReader(packed))
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxCursor))
	if err != nil {
		return nil, errPage
	}
	c := &cursor{}
	if err := json.Unmarshal(data, c); err != nil || kindOf(c.Kind) == nil {
		return nil, errPage
	}
	return c, nil
}

// The problems of a page: an address that no search gave, and one of a search that is too old.
var (
	errPage    = badQuery("Your request is not valid.")
	errExpired = &problem{410, "processing", "The page is no longer available: the data were made anew since. " +
		"Start the search again."}
)

// search finds the rows of a page. from is nil for the first one.
func (d *dataset) search(ctx context.Context, q *query, from *cursor) (*page, error) {
	if err := d.begin(ctx); err != nil {
		return nil, err
	}
	defer d.mu.RUnlock()
	if _, err := d.prepare(ctx, d.tables[q.kind], q.needs()); err != nil {
		return nil, err
	}
	t := d.tables[q.kind]
	result := &page{seen: snapshot{d.generation, d.changes, t.end()}}
	after := uint32(0)
	if from != nil {
		if from.Seen.Generation != d.generation {
			return nil, errExpired
		}
		if from.Seen.End > t.end() || from.Seen.Changes > d.changes {
			return nil, errPage
		}
		result.seen, after = from.Seen, from.After
	}
	list, many, err := d.found(ctx, t, q, result.seen)
	if err != nil {
		return nil, err
	}
	row, more := uint32(0), false
	if many == nil {
		result.total = len(list)
		at, _ := slices.BinarySearch(list, after)
		rest := list[at:]
		result.rows = rest[:min(q.count, len(rest))]
		if more = len(rest) > q.count; more {
			row = rest[q.count]
		}
	} else {
		result.total = many.count()
		row, more = many.next(after)
		for more && len(result.rows) < q.count {
			result.rows = append(result.rows, row)
			row, more = many.next(row + 1)
		}
	}
	if from != nil {
		result.total = from.Total
	}
	if more && q.count > 0 {
		result.next = &cursor{Kind: q.kind.name, Seen: result.seen, After: row, Total: result.total}
	}
	return result, nil
}

// found are the rows of a snapshot that pass every criterion: a list when one of them lets few
// pass, else a set.
func (d *dataset) found(ctx context.Context, t *table, q *query, seen snapshot) (list []uint32, many set, err error) {
	var few *matches
	var sets []set
	for i := range q.criteria {
		m, err := d.fits(ctx, t, &q.criteria[i], seen.End)
		switch {
		case err != nil:
			return nil, nil, err
		case m.many != nil:
			sets = append(sets, m.many)
		case few == nil:
			few = m
		default:
			few.few = slices.DeleteFunc(few.few, func(row uint32) bool {
				_, both := slices.BinarySearch(m.few, row)
				return !both
			})
		}
	}
	if few == nil {
		many = t.visible(seen)
		for _, s := range sets {
			many.intersect(s)
		}
		return nil, many, nil
	}
	ended := t.endedSince(seen)
	list = slices.DeleteFunc(few.few, func(row uint32) bool {
		return !t.live.has(row) && !ended[row] || slices.ContainsFunc(sets, func(s set) bool { return !s.has(row) })
	})
	return list, nil, nil
}

// fits are the rows that one of a criterion's values fits.
func (d *dataset) fits(ctx context.Context, t *table, c *criterion, end uint32) (*matches, error) {
	m := &matches{end: end}
	for _, value := range c.values {
		if err := d.fit(ctx, t, c, value, m); err != nil {
			return nil, err
		}
	}
	if c.modifier == "not" {
		m.invert()
	}
	m.sort()
	return m, nil
}

func (d *dataset) fit(ctx context.Context, t *table, c *criterion, value string, rows *matches) error {
	x := t.keys[c.param.name]
	switch c.param.kind {
	case ofDate:
		prefix, at, err := interval(value)
		if err != nil {
			return badQuery("Invalid date/time format: %q", value)
		}
		for _, s := range spans(prefix, at) {
			t.times.between(rows, s.from, s.until)
		}
	case ofString:
		folded := profiles.Fold(value)
		switch c.modifier {
		case "contains":
			x.matching(rows, func(key string) bool { return strings.Contains(key, folded) })
		case "exact":
			return d.keepItems(ctx, t, x.rows[folded], rows, func(it item) bool {
				return slices.Contains(c.param.keys(it), value)
			})
		default:
			x.prefix(rows, folded)
		}
	case ofURI:
		value, _, _ = strings.Cut(value, "|")
		x.equal(rows, value)
	case ofReference:
		target, id := referenceTo(c.param, value)
		if c.param.find == nil {
			x.equal(rows, target+"/"+id)
			return nil
		}
		return d.fitOwner(ctx, t, c.param, id, target+"/"+id, rows)
	case ofToken:
		system, code := token(value)
		switch {
		case code == "" && system == anySystem:
		case code == "":
			x.prefix(rows, system+"|")
		case c.param.find != nil:
			return d.fitOwner(ctx, t, c.param, code, value, rows)
		case system == anySystem:
			x.matching(rows, func(key string) bool {
				return len(key) > len(code) && key[len(key)-len(code)-1] == '|' && strings.HasSuffix(key, code)
			})
		default:
			x.equal(rows, system+"|"+code)
		}
	}
	return nil
}

// fitOwner adds the rows of the owner whom a code names, of those that have the value.
func (d *dataset) fitOwner(ctx context.Context, t *table, p *param, code, value string, rows *matches) error {
	id, ok := p.find(code)
	if !ok {
		return nil
	}
	system, code := token(value)
	return d.keepItems(ctx, t, t.rowsOf(d, id), rows, func(it item) bool {
		return slices.ContainsFunc(p.keys(it), func(key string) bool {
			if p.kind == ofReference {
				return key == value
			}
			of, has := token(key)
			return has == code && (system == anySystem || system == of)
		})
	})
}

// keepItems adds the candidates whose item passes.
func (d *dataset) keepItems(ctx context.Context, t *table, candidates []uint32, rows *matches,
	passes func(item) bool) error {
	candidates = slices.DeleteFunc(slices.Clone(candidates), func(row uint32) bool { return row >= rows.end })
	items, err := d.items(ctx, t, candidates)
	if err != nil {
		return err
	}
	for i, it := range items {
		if it != nil && passes(it) {
			rows.add(candidates[i])
		}
	}
	return nil
}

// referenceTo reads a reference: an ID, Type/ID, or a whole address.
func referenceTo(p *param, value string) (target, id string) {
	target = map[string]string{"practitioner": "Practitioner"}[p.name]
	if target == "" {
		target = "Organization"
	}
	id = value
	if i := strings.LastIndexByte(value, '/'); i >= 0 {
		id = value[i+1:]
		before := value[:i]
		target = before[strings.LastIndexByte(before, '/')+1:]
	}
	return target, id
}

// find reads the resource of an ID; nil when there is none.
func (d *dataset) find(ctx context.Context, k *kind, id string) (item, error) {
	if err := d.begin(ctx); err != nil {
		return nil, err
	}
	defer d.mu.RUnlock()
	return d.findLocked(ctx, k, id)
}

// findLocked is find for who holds mu.
func (d *dataset) findLocked(ctx context.Context, k *kind, id string) (item, error) {
	owner, ok := ownerOf(k, id)
	if !ok {
		return nil, nil
	}
	t := d.tables[k]
	for _, row := range t.rowsOf(d, owner) {
		if !t.live.has(row) {
			continue
		}
		it, err := d.item(ctx, t, row)
		if err != nil {
			return nil, err
		}
		if it != nil && it.id() == id {
			return it, nil
		}
	}
	return nil, nil
}

// ownerOf finds whose resource an ID is.
func ownerOf(k *kind, id string) (owner string, ok bool) {
	if p := k.param("_id"); p.find != nil {
		return p.find(id)
	}
	rest, ok := strings.CutPrefix(id, map[string]string{"HealthcareService": "004-", "Device": "002-"}[k.name])
	i := strings.LastIndexByte(rest, '-')
	if !ok || i < 0 {
		return "", false
	}
	return rest[:i], true
}

// included are the resources that a page brings along: what its items refer to, and what refers to
// them. None is there twice, and none that is a result itself. The caller holds mu.
func (d *dataset) included(ctx context.Context, q *query, items []item) (list []located, err error) {
	seen := map[string]bool{}
	for _, it := range items {
		seen[q.kind.name+"/"+it.id()] = true
	}
	add := func(k *kind, it item) {
		if name := k.name + "/" + it.id(); !seen[name] {
			seen[name] = true
			list = append(list, located{k, it})
		}
	}
	for _, it := range items {
		for _, i := range q.includes {
			id := i.refers(it)
			if id == "" || seen[i.to+"/"+id] {
				continue
			}
			to := kindOf(i.to)
			other, err := d.findLocked(ctx, to, id)
			if err != nil {
				return nil, err
			}
			if other != nil {
				add(to, other)
			}
		}
	}
	for _, i := range q.revinclude {
		from := kindOf(i.from)
		t := d.tables[from]
		for _, it := range items {
			for _, row := range d.referring(t, from.param(i.param), i.to+"/"+it.id()) {
				if !t.live.has(row) {
					continue
				}
				other, err := d.item(ctx, t, row)
				if err != nil {
					return nil, err
				}
				if other != nil && i.refers(other) == it.id() {
					add(from, other)
				}
			}
		}
	}
	return list, nil
}

// referring are the rows that may refer to a resource by a parameter.
func (d *dataset) referring(t *table, p *param, target string) []uint32 {
	if p.find == nil {
		return t.keys[p.name].rows[target]
	}
	_, id := referenceTo(p, target)
	owner, ok := p.find(id)
	if !ok {
		return nil
	}
	return t.rowsOf(d, owner)
}

// located is an item and its kind.
type located struct {
	kind *kind
	item item
}

// includedNeeds makes the indexes that included reads. The caller holds mu for reading.
func (d *dataset) includedNeeds(ctx context.Context, q *query) error {
	for _, i := range q.revinclude {
		from := kindOf(i.from)
		if from.param(i.param).find != nil {
			continue
		}
		if _, err := d.prepare(ctx, d.tables[from], []string{i.param}); err != nil {
			return err
		}
	}
	return nil
}
