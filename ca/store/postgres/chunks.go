package postgres

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/ca/store/crlentry"
)

// The entries of an authority's full CRL stand in chunks of some hundred, in the order of the real
// CRLs: by date of revocation, and then as they came. The key of a chunk is the time and place of
// its first entry (the revision that put it there; 0 in a chunk split off: no entry of that second
// stands before it). A change rewrites one chunk, and who has a copy of a chunk of that key,
// revision and length has the present one.

// chunk is a row of crl_chunks.
type chunk struct {
	at, place int64
	revision  uint64
	entries   []byte
}

func scanChunk(r pgx.Rows) (c chunk, err error) {
	return c, r.Scan(&c.at, &c.place, &c.revision, &c.entries)
}

// chunkFor finds the chunk that an entry of that time and place stands in, or belongs in: the last
// that begins at or before it, nil when all begin after it.
func (t *tx) chunkFor(a *authority, at time.Time, place uint64) *chunk {
	return t.oneChunk(
		`SELECT at, place, revision, entries FROM crl_chunks WHERE authority = $1 AND (at, place) <= ($2, $3)
		ORDER BY at DESC, place DESC LIMIT 1`,
		a.id,
		at.Unix(),
		int64(place),
	)
}

func (t *tx) oneChunk(sql string, args ...any) *chunk {
	found := rows(t, scanChunk, sql, args...)
	if len(found) == 0 {
		return nil
	}
	return &found[0]
}

// putChunk writes a chunk, over one of that key if there is one.
func (t *tx) putChunk(a *authority, c chunk) {
	t.exec(`INSERT INTO crl_chunks (authority, at, place, revision, entries) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (authority, at, place) DO UPDATE SET revision = excluded.revision, entries = excluded.entries`,
		a.id, c.at, c.place, int64(c.revision), c.entries)
}

func (t *tx) deleteChunk(a *authority, c chunk) {
	t.exec(`DELETE FROM crl_chunks WHERE authority = $1 AND at = $2 AND place = $3`, a.id, c.at, c.place)
}

// encodeEntry is the entry of a certificate in a CRL of the authority's form.
func encodeEntry(a *authority, serial []byte, s *status) ([]byte, error) {
	return store.EncodeEntry(serial, s.revokedAt, s.reason, s.invalidity, a.form == store.FaithfulCRL)
}

// addEntry puts a certificate on the authority's CRL.
func (t *tx) addEntry(a *authority, serial []byte, s *status) error {
	entry, err := encodeEntry(a, serial, s)
	if err != nil {
		return err
	}
	s.listed = true
	a.listed++
	a.changed = true
	own := chunk{at: s.revokedAt.Unix(), place: int64(s.listedBy), revision: s.listedBy, entries: entry}
	c := t.chunkFor(a, s.revokedAt, s.listedBy)
	if c == nil { // before all others: it begins the first chunk, when there is space
		first := t.oneChunk(
			`SELECT at, place, revision, entries FROM crl_chunks WHERE authority = $1 ORDER BY at, place LIMIT 1`,
			a.id,
		)
		if first != nil && len(first.entries)+len(entry) <= crlentry.ChunkSize {
			t.deleteChunk(a, *first)
			own.entries = slices.Concat(entry, first.entries)
		}
		t.putChunk(a, own)
		return nil
	}
	split := crlentry.After(c.entries, crlentry.Time(entry))
	switch {
	case len(c.entries)+len(entry) <= crlentry.ChunkSize:
		t.putChunk(a, chunk{c.at, c.place, s.listedBy, slices.Concat(c.entries[:split], entry, c.entries[split:])})
	case split == len(c.entries):
		t.putChunk(a, own)
	default:
		rest := c.entries[split:]
		t.putChunk(a, chunk{c.at, c.place, s.listedBy, slices.Concat(c.entries[:split], entry)})
		t.putChunk(a, chunk{crlentry.ParseTime(rest).Unix(), 0, s.listedBy, rest})
	}
	return nil
}

// removeEntry takes a certificate off the CRL that is on it.
func (t *tx) removeEntry(a *authority, serial []byte, s *status) error {
	c := t.chunkFor(a, s.revokedAt, s.listedBy)
	if c == nil {
		return damage("the entry of %X in a CRL", serial)
	}
	begin, end, ok := crlentry.Find(c.entries, bytes.TrimLeft(serial, "\x00"))
	switch {
	case !ok:
		return damage("the entry of %X in a CRL", serial)
	case end-begin == len(c.entries):
		t.deleteChunk(a, *c)
	default:
		t.putChunk(a, chunk{c.at, c.place, a.revision, slices.Concat(c.entries[:begin], c.entries[end:])})
	}
	a.listed--
	a.changed = true
	return nil
}

// listed is a certificate on the CRL, or one that goes there.
type listed struct {
	serial []byte
	status
}

func scanListed(r pgx.Rows) (l listed, err error) { return l, l.status.scan(r, &l.serial) }

// rebuild makes the chunks anew of the certificates that are listed. revision is that of the
// chunks, 0 for that of their last entry. It costs as much as the list is long.
func (t *tx) rebuild(a *authority, revision uint64) error {
	t.exec(`DELETE FROM crl_chunks WHERE authority = $1`, a.id)
	var all [][]any
	var c chunk
	end := func() {
		if len(c.entries) > 0 {
			all = append(all, []any{a.id, c.at, c.place, int64(cmp.Or(revision, c.revision)), c.entries})
		}
	}
	a.listed, a.changed = 0, true
	const page = 20000
	var last listed
	for first := true; ; first = false {
		found := rows(t, scanListed, `SELECT `+statusColumns+`, s.serial FROM statuses s WHERE authority = $1 AND listed
			AND ($2 OR (revoked_at, listed_by) > ($3, $4)) ORDER BY revoked_at, listed_by LIMIT $5`,
			a.id, first, last.revokedAt, int64(last.listedBy), page)
		for _, l := range found {
			entry, err := encodeEntry(a, l.serial, &l.status)
			if err != nil {
				return err
			}
			if len(c.entries)+len(entry) > crlentry.ChunkSize || len(c.entries) == 0 {
				end()
				c = chunk{at: l.revokedAt.Unix(), place: int64(l.listedBy)}
			}
			c.entries, c.revision = append(c.entries, entry...), max(c.revision, l.listedBy)
			a.listed++
		}
		if len(found) < page {
			break
		}
		last = found[len(found)-1]
	}
	end()
	t.copyRows("crl_chunks", []string{"authority", "at", "place", "revision", "entries"}, all)
	return nil
}

type chunkKey struct{ at, place int64 }

type chunkID = [24]byte

// chunkCache holds chunks that this process has read, so that a CRL fetches only those that
// changed.
type chunkCache struct {
	mu   sync.Mutex
	byID map[string]map[chunkID][]byte // by authority and form
}

// fullCRL reads the chunks of the full CRL.
func (t *tx) fullCRL(a *authority) ([]store.CRLChunk, error) {
	type place struct {
		chunkKey
		revision uint64
		length   int
	}
	places := rows(t, func(r pgx.Rows) (p place, err error) {
		return p, r.Scan(&p.at, &p.place, &p.revision, &p.length)
	}, `SELECT at, place, revision, octet_length(entries) FROM crl_chunks
		WHERE authority = $1 ORDER BY at, place`, a.id)
	cache := &t.store.chunks
	name := a.id + " " + string(a.form)
	cache.mu.Lock()
	kept := cache.byID[name]
	cache.mu.Unlock()
	all := make([]store.CRLChunk, len(places))
	fresh := make(map[chunkID][]byte, len(places))
	var ats, seconds []int64
	missing := map[chunkKey]int{}
	for i, p := range places {
		id := &all[i].ID
		binary.BigEndian.PutUint64(id[0:], uint64(p.at))
		binary.BigEndian.PutUint64(id[8:], uint64(p.place))
		binary.BigEndian.PutUint64(id[16:], p.revision)
		if der := kept[*id]; len(der) == p.length {
			all[i].DER = der
			fresh[*id] = der
			continue
		}
		missing[p.chunkKey] = i
		ats, seconds = append(ats, p.at), append(seconds, p.place)
	}
	const page = 4000 // chunks, some 16 MB
	for len(ats) > 0 {
		n := min(page, len(ats))
		for _, c := range rows(t, scanChunk, `SELECT c.at, c.place, c.revision, c.entries
			FROM unnest($2::bigint[], $3::bigint[]) AS k (at, place)
			JOIN crl_chunks c ON c.authority = $1 AND c.at = k.at AND c.place = k.place`, a.id, ats[:n], seconds[:n]) {
			i := missing[chunkKey{c.at, c.place}]
			all[i].DER = c.entries
			fresh[all[i].ID] = c.entries
		}
		ats, seconds = ats[n:], seconds[n:]
	}
	if t.actor == "" { // what an update reads may never be committed
		cache.mu.Lock()
		if cache.byID == nil {
			cache.byID = map[string]map[chunkID][]byte{}
		}
		cache.byID[name] = fresh
		cache.mu.Unlock()
	}
	return all, nil
}
