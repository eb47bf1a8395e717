package ldap

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/profiles"
)

// This file is the tree of those who have certificates, after the directory of the CPS before the
// IGC-Santé:
//
//	cn=<service>,ou=<structure>,l=<department>,o=gip-cps,c=fr     organisations (seen in a client)
//	cn=<PS_IdNat>,ou=<structure>,l=<department>,o=gip-cps,c=fr    staff (modelled)
//	cn=<PS_IdNat>,ou=<profession>,o=gip-cps,c=fr                  professionals (modelled)
//
// It is a naming context of its own: a search from c=FR does not enter it. Its entries are made of
// records when they are asked for. Who is named by an identifier is found by an index; all else
// looks at so many records and no more.

// holderSuffixes are the names of the tree: that of production and that of the test, which have the
// same entries here.
var holderSuffixes = []string{"o=gip-cps,c=fr", "o=gip-cps-test,c=fr"}

const (
	maxHolders = 10    // entries of an answer, as the real directory
	maxScan    = 10000 // records that a search looks at without an identifier
	maxNamed   = 16    // values of a filter that are looked up
)

// holderBase is a name in the tree of holders.
type holderBase struct {
	suffix string // of holderSuffixes
	below  []rdn  // the parts before the suffix, the nearest last
	key    string // as names are compared, see foldDN
}

// parseHolderBase reads a name; ok is false for one of another tree.
func parseHolderBase(dn string) (b holderBase, ok bool) {
	names, ok := parseDN(dn)
	if !ok || len(names) < 2 {
		return b, false
	}
	b.key, _ = foldDN(dn)
	for _, b.suffix = range holderSuffixes {
		if key, _ := foldDN(b.suffix); b.key == key || strings.HasSuffix(b.key, "\x00"+key) {
			b.below = names[:len(names)-2]
			return b, true
		}
	}
	return b, false
}

// structure is the structure that the name is of or under, empty for none.
func (b holderBase) structure() string {
	for _, n := range b.below {
		if n.kind == "ou" {
			return n.value
		}
	}
	return ""
}

// errScan is why the walk through the holders ended early.
var errScan = errors.New("too many certificates to look at: name a holder by cn or uid, or a structure as base")

// searchHolders answers a search whose base is in the tree of holders.
func (d *Server) searchHolders(ctx context.Context, r *ldapRequest, s *searchRequest, base holderBase,
	send func(payload) error) (end result, err error) {
	limit := maxHolders
	if s.limit > 0 {
		limit = min(limit, s.limit)
	}
	found, baseSeen := 0, false
	nearest := ""
	walked := d.walkHolders(ctx, base, s.scope, s.filter, func(e *dirEntry) bool {
		baseSeen = baseSeen || e.key == base.key
		if strings.HasSuffix(base.key, "\x00"+e.key) && len(e.dn) > len(nearest) {
			nearest = e.dn
		}
		if !e.within(base.key, s.scope) || s.filter.matches(e) != yes {
			return true
		}
		if found++; found > limit {
			end = result{code: resultSizeLimit}
			return false
		}
		end, err = d.sendEntry(ctx, r, s, e, send)
		return err == nil && end.code == resultSuccess && s.scope != scopeBase
	})
	switch {
	case err != nil || end.code != resultSuccess:
		return end, err
	case errors.Is(walked, errScan):
		return result{code: resultSizeLimit, message: walked.Error()}, nil
	case walked != nil:
		return d.failed(walked), nil
	case !baseSeen:
		return result{code: resultNoSuchObject, matched: nearest}, nil
	}
	return result{}, nil
}

// holderEntry finds an entry of the tree of holders, or how the operation on it ends.
func (d *Server) holderEntry(ctx context.Context, base holderBase) (found *dirEntry, end result) {
	nearest := ""
	err := d.walkHolders(ctx, base, scopeBase, filter{}, func(e *dirEntry) bool {
		if e.key == base.key {
			found = e
		} else if strings.HasSuffix(base.key, "\x00"+e.key) && len(e.dn) > len(nearest) {
			nearest = e.dn
		}
		return found == nil
	})
	switch {
	case found != nil:
		return found, result{}
	case errors.Is(err, errScan):
		return nil, result{code: resultSizeLimit, message: err.Error()}
	case err != nil:
		return nil, d.failed(err)
	}
	return nil, result{code: resultNoSuchObject, matched: nearest}
}

// walkHolders calls visit for entries at, above and below the base, those above others first, each
// once, until it returns false. Those that cannot match the filter may be left out.
func (d *Server) walkHolders(ctx context.Context, base holderBase, scope int, f filter,
	visit func(*dirEntry) bool) error {
	seen := map[string]bool{}
	each := func(entries []*dirEntry) bool {
		for _, e := range entries {
			if !seen[e.key] {
				seen[e.key] = true
				if !visit(e) {
					return false
				}
			}
		}
		return true
	}
	for i := len(base.below); i >= 0; i-- {
		if e := container(base.suffix, base.below[i:]); e != nil && !each([]*dirEntry{e}) {
			return nil
		}
	}
	if scope == scopeBase && seen[base.key] {
		return nil
	}
	ids, scan := base.lookups(f)
	now := d.lab.Now()
	for records, err := range d.holders(ctx, ids, scan) {
		if err != nil {
			return err
		}
		if !each(holderEntries(base.suffix, records, now)) {
			return nil
		}
	}
	return nil
}

// container makes the entry of a name that is there whoever has certificates: the top of the tree,
// a department, a profession. It is nil for another name.
func container(suffix string, below []rdn) *dirEntry {
	if len(below) == 0 {
		organisation, _, _ := strings.Cut(strings.TrimPrefix(suffix, "o="), ",")
		return newEntry(suffix, nil, attribute{name: "objectClass", values: []string{"top", "organization"}},
			attribute{name: "o", values: []string{organisation}})
	}
	if len(below) > 1 {
		return nil
	}
	tables := map[string][]string{"l": {"G09"}, "ou": {"G15", "G16"}}[below[0].kind]
	for _, table := range tables {
		for _, c := range profiles.Codes(table) {
			if fold(c.Label) == fold(below[0].value) {
				return unit(suffix, below[0].kind, c.Label)
			}
		}
	}
	return nil
}

// unit makes the entry of a department or profession.
func unit(suffix, kind, value string) *dirEntry {
	class := map[string]string{"l": "locality", "ou": "organizationalUnit"}[kind]
	return newEntry(suffix, []rdn{{kind, value}}, attribute{name: "objectClass", values: []string{"top", class}},
		attribute{name: kind, values: []string{value}})
}

// lookups are the identifiers that a search names, and whether others can be what it is about, too.
func (b holderBase) lookups(f filter) (ids []string, scan bool) {
	structure := b.structure()
	if structure != "" {
		ids = append(ids, structure)
	}
	if len(b.below) > 0 && b.below[0].kind == "cn" {
		return append(ids, b.below[0].value), false
	}
	scan = !f.all || len(f.names) > maxNamed
	for _, value := range f.names[:min(len(f.names), maxNamed)] {
		ids = append(ids, value)
		// The name of a service is in no index, but that of its structure is.
		scan = scan || structure == "" && profiles.CheckIdNat(profiles.NormalizeIdNat(value)) != nil
	}
	return ids, scan
}

// holders goes over holders, each with all that was issued to them: those of the identifiers first
// and then, if that is wanted, those of the first records of the lab.
func (d *Server) holders(ctx context.Context, ids []string, scan bool) iter.Seq2[[]*ca.Record, error] {
	return func(yield func([]*ca.Record, error) bool) {
		seen := map[string]bool{}
		give := func(id string) (again bool) {
			if id == "" || seen[id] {
				return true
			}
			seen[id] = true
			records, err := d.lab.List(ctx, ca.Filter{Identifier: id, Limit: maxScan})
			if err != nil {
				yield(nil, err)
				return false
			}
			return len(records) == 0 || yield(records, nil)
		}
		for _, id := range ids {
			id = profiles.NormalizeIdNat(id)
			if !give(id) || !give(strings.ToUpper(id)) {
				return
			}
		}
		page := ca.Filter{EndEntities: true, Limit: 500}
		for looked := 0; scan; looked += page.Limit {
			records, err := d.lab.List(ctx, page)
			if err == nil && looked >= maxScan && len(records) > 0 {
				err = errScan
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for _, r := range records {
				if !give(r.Holder.Identifier()) {
					return
				}
			}
			if len(records) < page.Limit {
				return
			}
			page.After = records[len(records)-1].Number
		}
	}
}

// holderEntries makes the entries of a holder, those above others first. What is revoked, on hold
// or
// expired is not published (modelled), nor is a holder who has nothing else.
func holderEntries(suffix string, records []*ca.Record, now time.Time) []*dirEntry {
	var entries []*dirEntry
	byKey := map[string]*dirEntry{}
	slices.SortFunc(records, func(a, b *ca.Record) int { return b.IssuedAt.Compare(a.IssuedAt) })
	for _, r := range records {
		if r.Status != store.Good || now.After(r.NotAfter) || r.IsAuthority() {
			continue
		}
		names := placeOf(r)
		if len(names) == 0 {
			continue
		}
		for i := len(names) - 1; i > 0; i-- {
			above := unit(suffix, names[i].kind, names[i].value)
			if i == 1 && len(names) == 3 { // a structure
				above = newEntry(suffix, names[i:], above.attributes...)
				above.add("description", r.Holder.Organisation)
			}
			if byKey[above.key] == nil {
				byKey[above.key], entries = above, append(entries, above)
			}
		}
		entry := newEntry(suffix, names)
		if known := byKey[entry.key]; known != nil {
			entry = known
		} else {
			byKey[entry.key], entries = entry, append(entries, entry)
		}
		entry.addHolder(r, names)
	}
	return entries
}

// placeOf is the name of a record's entry, below the suffix and the nearest last; nil for a holder
// without identifier.
func placeOf(r *ca.Record) []rdn {
	h := r.Holder
	cn := h.IdNat
	if cn == "" && h.Structure != "" {
		cn = serviceName(r)
	}
	switch {
	case cn == "":
		return nil
	case h.Structure != "" && h.Department != "":
		return []rdn{{"cn", cn}, {"ou", h.Structure}, {"l", h.Department}}
	case h.Structure != "":
		return []rdn{{"cn", cn}, {"ou", h.Structure}}
	}
	profession, ok := profiles.Label("G15", h.Profession)
	if product, _, _ := strings.Cut(r.Profile, "/"); product == "cpf" {
		profession, ok = profiles.Label("G16", h.Profession)
	}
	if !ok {
		return []rdn{{"cn", cn}}
	}
	return []rdn{{"cn", cn}, {"ou", profession}}
}

// serviceName is the cn of an organisation's entry: the address of a mailbox, as a client of the
// former directory searched for, else what the certificate is named for.
func serviceName(r *ca.Record) string {
	if product, _, _ := strings.Cut(r.Profile, "/"); product == "smime" && r.Holder.Email != "" {
		return r.Holder.Email
	}
	if r.Holder.Service != "" {
		return r.Holder.Service
	}
	c, err := r.Certificate()
	if err != nil {
		return r.Serial
	}
	return cmp.Or(c.Subject.CommonName, r.Serial)
}

// addHolder adds to an entry what a record says.
func (e *dirEntry) addHolder(r *ca.Record, names []rdn) {
	h := r.Holder
	if h.IdNat != "" {
		e.add("objectClass", "top", "person", "organizationalPerson", "inetOrgPerson")
		e.add("cn", h.IdNat)
		e.add("sn", cmp.Or(h.Surname, h.Pseudonym))
		e.add("givenName", h.GivenName)
		e.add("uid", h.IdNat)
		e.add("title", h.Title)
	} else {
		e.add("objectClass", "top", "applicationProcess", "pkiUser")
		e.add("cn", names[0].value)
	}
	e.add("mail", h.Email)
	e.add("ou", h.Structure)
	e.add("o", h.Organisation)
	e.add("l", h.Department)
	i := slices.IndexFunc(e.attributes, func(a attribute) bool { return a.binary != nil })
	if i < 0 {
		i, e.attributes = len(e.attributes), append(e.attributes, attribute{name: "userCertificate;binary"})
	}
	e.attributes[i].binary = append(e.attributes[i].binary, derValue(r.DER))
}

// add adds values to an attribute, those that it has not.
func (e *dirEntry) add(name string, values ...string) {
	i := slices.IndexFunc(e.attributes, func(a attribute) bool { return a.name == name })
	for _, v := range values {
		switch {
		case v == "":
		case i < 0:
			i, e.attributes = len(e.attributes), append(e.attributes, attribute{name: name, values: []string{v}})
		case !slices.Contains(e.attributes[i].values, v):
			e.attributes[i].values = append(e.attributes[i].values, v)
		}
	}
}

// newEntry makes the entry of a name below a suffix.
func newEntry(suffix string, below []rdn, attributes ...attribute) *dirEntry {
	var dn strings.Builder
	for _, n := range below {
		dn.WriteString(n.kind + "=" + escapeDN(n.value) + ",")
	}
	e := &dirEntry{dn: dn.String() + suffix, attributes: attributes}
	e.key, _ = foldDN(e.dn)
	return e
}

// escapeDN writes a value as a distinguished name has it (RFC 4514 §2.4).
func escapeDN(value string) string {
	var out strings.Builder
	for i, c := range []byte(value) {
		switch {
		case strings.IndexByte(`,+"\<>;=`, c) >= 0, c == '#' && i == 0,
			c == ' ' && (i == 0 || i == len(value)-1):
			out.WriteByte('\\')
			out.WriteByte(c)
		case c < ' ':
			out.WriteString(`\` + hex.EncodeToString([]byte{c}))
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}
