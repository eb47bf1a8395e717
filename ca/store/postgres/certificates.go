package postgres

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/profiles"
)

// serialOf is the serial number as it is stored: null is not a value.
func serialOf(k store.Key) []byte {
	if k.Serial == nil {
		return []byte{}
	}
	return k.Serial
}

const (
	recordColumns = `c.number, c.authority, c.serial, c.profile, c.holder::text,
		c.not_before, c.not_after, c.issued_at, c.own_key, c.der`
	// LIMIT has the database look each status up, whatever it knows of the sizes of the tables: it
	// learns them late, and would read a whole table for the two records of a card.
	recordTables = ` FROM certificates c CROSS JOIN LATERAL (
		SELECT * FROM statuses WHERE authority = c.authority AND serial = c.serial LIMIT 1) s `
	namedTables = ` FROM unnest($1::text[]) AS named(word) CROSS JOIN LATERAL (
		SELECT * FROM certificates WHERE %s = word LIMIT 1000000) c CROSS JOIN LATERAL (
		SELECT * FROM statuses WHERE authority = c.authority AND serial = c.serial LIMIT 1) s `
	revokedTables = ` FROM statuses s CROSS JOIN LATERAL (
		SELECT * FROM certificates WHERE number = s.number LIMIT 1) c `
)

func scanRecord(row pgx.Row) (*store.Record, error) { return scanRecordWith(row, &status{}) }

// scanRecordWith also gives the row of its status.
func scanRecordWith(row pgx.Row, s *status) (*store.Record, error) {
	r := &store.Record{}
	var serial []byte
	var holder string
	var number int64
	if err := s.scan(row, &number, &r.Authority, &serial, &r.Profile, &holder,
		&r.NotBefore, &r.NotAfter, &r.IssuedAt, &r.OwnKey, &r.DER); err != nil {
		return nil, err
	}
	r.Number, r.Serial = uint64(number), strings.ToUpper(hex.EncodeToString(serial))
	r.NotBefore, r.NotAfter, r.IssuedAt = r.NotBefore.UTC(), r.NotAfter.UTC(), r.IssuedAt.UTC()
	if err := json.Unmarshal([]byte(holder), &r.Holder); err != nil {
		return nil, damage("the record of %X of %s", serial, r.Authority)
	}
	r.SetRevocation(s.revocation())
	return r, nil
}

const recordFields = `number, authority, serial, profile, holder, card, identifier, not_before, not_after, ` +
	`issued_at, own_key, der`

func scanRecords(r pgx.Rows) (*store.Record, error) { return scanRecord(r) }

func (t *tx) Certificate(k store.Key) (*store.Record, error) {
	if _, err := t.authority(k.Authority); err != nil {
		return nil, err
	}
	found := rows(
		t,
		scanRecords,
		`SELECT `+statusColumns+`, `+recordColumns+` FROM statuses s JOIN certificates c ON c.number = s.number
		WHERE s.authority = $1 AND s.serial = $2`,
		k.Authority,
		serialOf(k),
	)
	if len(found) > 0 {
		found[0].Number = 0
		return found[0], nil
	}
	s := t.statusOf(k)
	switch {
	case s == nil:
		return nil, store.Errorf(store.NotFound, "%s issued no certificate %X", k.Authority, k.Serial)
	case s.number != 0:
		return nil, damage("the record of %X of %s", k.Serial, k.Authority)
	}
	return nil, store.Errorf(
		store.NotFound,
		"of the certificate %X of %s nothing is known any more but that it was revoked, on %s: "+
			"give igc recover the folder that holds it",
		k.Serial,
		k.Authority,
		s.revokedAt.Format(time.RFC3339),
	)
}

func scanKey(r pgx.Rows) (k store.Key, err error) { return k, r.Scan(&k.Authority, &k.Serial) }

func (t *tx) BySerialPrefix(digits string, limit int) ([]store.Key, error) {
	whole, err := hex.DecodeString(digits[:len(digits)/2*2])
	if err != nil {
		return nil, store.Errorf(
			store.Invalid,
			"%q is not a serial number: give its hexadecimal digits, as igc list shows them",
			digits,
		)
	}
	if len(digits)%2 == 1 && !strings.ContainsAny(digits[len(digits)-1:], "0123456789abcdefABCDEF") {
		return nil, nil
	}
	// serial numbers of an authority that begin with the digits lie together in the index
	found := rows(t, scanKey, `SELECT a.id, s.serial FROM authorities a CROSS JOIN LATERAL (
			SELECT serial FROM statuses WHERE authority = a.id AND serial >= $1 AND ($2::bytea IS NULL OR serial < $2)
				AND encode(serial, 'hex') LIKE $3 ORDER BY serial LIMIT $4) s`,
		whole, following(whole), strings.ToLower(digits)+"%", limit)
	slices.SortFunc(found, func(a, b store.Key) int {
		return cmp.Or(cmp.Compare(rank(a.Authority), rank(b.Authority)), slices.Compare(a.Serial, b.Serial))
	})
	return found[:min(limit, len(found))], nil
}

// rank is the place of an authority among those that there can be.
func rank(id string) int {
	return slices.IndexFunc(profiles.Authorities(), func(a profiles.Authority) bool { return a.ID() == id })
}

// following is the first text that comes after all those that begin with a prefix, nil when none
// does.
func following(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xFF {
			next := slices.Clone(prefix[:i+1])
			next[i]++
			return next
		}
	}
	return nil
}

func (t *tx) ByCard(number string) []store.Key {
	return rows(
		t,
		scanKey,
		`SELECT authority, serial FROM certificates WHERE card = $1 ORDER BY authority, serial`,
		number,
	)
}

func (t *tx) ByHolder(identifier string) []store.Key {
	return rows(
		t,
		scanKey,
		`SELECT authority, serial FROM certificates WHERE identifier = $1 ORDER BY authority, serial`,
		identifier,
	)
}

// Pages of a listing: the first is what is asked for, or small, for those who want the newest few.
const (
	firstPage = 50
	lastPage  = 2000
)

func (t *tx) List(f store.Filter) iter.Seq2[*store.Record, error] {
	return func(yield func(*store.Record, error) bool) {
		if f.Indexed() {
			column, words := "card", []string{f.Card}
			if f.Card == "" {
				column, words = "identifier", f.Holders()
			}
			for _, r := range rows(t, scanRecords, `SELECT `+statusColumns+`, `+recordColumns+fmt.Sprintf(namedTables,
				column)+`ORDER BY c.authority, c.serial`, words) {
				if r.Number = 0; f.Passes(r) && !yield(r, nil) {
					return
				}
			}
			return
		}
		l := newListing(f)
		page := firstPage
		if f.Limit > 0 {
			page = min(f.Limit, lastPage)
		}
		for ; ; page = min(4*page, lastPage) {
			sql, args := l.query(page)
			found := rows(t, scanRecords, sql, args...)
			for _, r := range found {
				if f.Passes(r) && !yield(r, nil) {
					return
				}
			}
			if len(found) < page {
				return
			}
			l.end = int64(found[len(found)-1].Number)
		}
	}
}

// listing is a list by number, page after page. The database decides what it has an index for; the
// filter decides all of it once more.
type listing struct {
	Filter store.Filter
	end    int64 // the next page begins after this number, or before it for the newest; 0 for none
	stop   int64 // and the last page ends there
}

func newListing(f store.Filter) *listing {
	l := &listing{Filter: f, end: int64(f.After), stop: int64(min(f.Before, math.MaxInt64))}
	if f.Newest {
		l.end, l.stop = l.stop, l.end
	}
	return l
}

func (l *listing) query(page int) (sql string, args []any) {
	f, number, tables := l.Filter, "c.number", recordTables
	var where []string
	add := func(condition string, arg any) {
		args = append(args, arg)
		where = append(where, fmt.Sprintf(condition, len(args)))
	}
	switch f.Status {
	case "":
	case store.Good:
		where = append(where, "NOT s.revoked")
	default:
		where, number, tables = append(where, "s.revoked"), "s.number", revokedTables
	}
	onwards, order, back := " > $%d", "", " < $%d"
	if f.Newest {
		onwards, order, back = back, " DESC", onwards
	}
	if l.end > 0 {
		add(number+onwards, l.end)
	}
	if l.stop > 0 {
		add(number+back, l.stop)
	}
	if f.Product != "" {
		add("split_part(c.profile, '/', 1) = $%d", f.Product)
	}
	if !f.ExpiresBefore.IsZero() {
		add("c.not_after < $%d", second(f.ExpiresBefore).Add(time.Second))
	}
	sql = `SELECT ` + statusColumns + `, ` + recordColumns + tables
	if len(where) > 0 {
		sql += `WHERE ` + strings.Join(where, " AND ")
	}
	return fmt.Sprintf("%s ORDER BY %s%s LIMIT %d", sql, number, order, page), args
}

// textOrNull is a text as it is indexed: null for none.
func textOrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// addRecord records a certificate. It changes nothing when it fails.
func (t *tx) addRecord(r *store.Record) error {
	a, err := t.authority(r.Authority)
	if err != nil {
		return err
	}
	serial, err := hex.DecodeString(r.Serial)
	if err != nil {
		return err
	}
	holder, err := json.Marshal(r.Holder)
	if err != nil {
		return err
	}
	number := t.issued + 1
	if tag := t.do(`WITH s AS (
			INSERT INTO statuses (authority, serial, number, not_after) VALUES ($2, $3, $1, $9)
			ON CONFLICT DO NOTHING RETURNING number)
		INSERT INTO certificates (`+recordFields+`)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 FROM s`,
		int64(number), r.Authority, serial, r.Profile, string(holder),
		textOrNull(r.Holder.CardNumber), textOrNull(r.Holder.Identifier()),
		second(r.NotBefore), second(r.NotAfter), second(r.IssuedAt), r.OwnKey, r.DER); tag.RowsAffected() == 0 {
		return store.ErrSerialTaken
	}
	t.issued = number
	a.issued++
	a.changed = true
	return nil
}

func second(at time.Time) time.Time { return at.UTC().Truncate(time.Second) }

func (t *tx) AddCertificate(r *store.Record) error {
	if err := t.addRecord(r); err != nil {
		return err
	}
	return t.Append(
		store.Change{Kind: store.CertificateIssued, Authority: r.Authority, Serial: r.Serial, Profile: r.Profile,
			Holder: r.Holder.DisplayName(), Status: store.Good},
	)
}
