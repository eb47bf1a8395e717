package postgres

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// authority is the row of an authority, as the transaction has changed it so far.
type authority struct {
	id      string
	der     []byte
	crl     store.CRLState // but for its revision
	form    store.CRLForm
	dropped time.Time

	revision, issued, listed uint64
	changed                  bool
}

const authorityColumns = `id, certificate, revision, issued, listed, form, crl::text, dropped`

func scanAuthority(row pgx.Row) (*authority, error) {
	a := &authority{}
	var crl string
	var dropped *time.Time
	var form string
	err := row.Scan(&a.id, &a.der, &a.revision, &a.issued, &a.listed, &form, &crl, &dropped)
	if err != nil {
		return nil, err
	}
	a.form, a.dropped = store.CRLForm(form), zeroOrTime(dropped)
	if err := json.Unmarshal([]byte(crl), &a.crl); err != nil {
		return nil, damage("the state of the CRLs of %s: %v", a.id, err)
	}
	return a, nil
}

// lookup returns the row of an authority, nil when the lab has none.
func (t *tx) lookup(id string) *authority {
	if a, read := t.authorities[id]; read {
		return a
	}
	found := rows(t, func(r pgx.Rows) (*authority, error) { return scanAuthority(r) },
		`SELECT `+authorityColumns+` FROM authorities WHERE id = $1`, id)
	if len(found) == 0 {
		found = append(found, nil)
	}
	t.authorities[id] = found[0]
	return found[0]
}

// authority returns the row of an authority that must be there.
func (t *tx) authority(id string) (*authority, error) {
	a := t.lookup(id)
	if a == nil {
		return nil, store.Errorf(store.NotFound, "the lab has no authority %s", id)
	}
	return a, nil
}

func (t *tx) Authority(id string) ([]byte, bool) {
	a := t.lookup(id)
	if a == nil {
		return nil, false
	}
	return bytes.Clone(a.der), true
}

func (t *tx) AddAuthority(id string, der []byte) error {
	if t.lookup(id) != nil {
		return store.Errorf(store.Conflict, "the lab has %s already", id)
	}
	t.exec(`INSERT INTO authorities (id, certificate) VALUES ($1, $2)`, id, der)
	t.authorities[id] = &authority{id: id, der: bytes.Clone(der), form: store.FaithfulCRL}
	return t.Append(store.Change{Kind: store.AuthorityMade, Authority: id})
}

// lookupAll reads the rows of all authorities.
func (t *tx) lookupAll() {
	for _, a := range rows(t, func(r pgx.Rows) (*authority, error) { return scanAuthority(r) },
		`SELECT `+authorityColumns+` FROM authorities`) {
		if t.authorities[a.id] == nil {
			t.authorities[a.id] = a
		}
	}
}

func (t *tx) Counts() store.Counts {
	t.lookupAll()
	c := store.Counts{Authorities: map[string]store.AuthorityCounts{}}
	t.row(`SELECT pg_database_size(current_database())`, nil, []any{&c.Size})
	for _, a := range profiles.Authorities() {
		if row := t.authorities[a.ID()]; row != nil {
			c.Authorities[a.ID()] = store.AuthorityCounts{Issued: row.issued, Listed: row.listed}
		}
	}
	return c
}

// damage is the error of rows that igc did not write.
func damage(format string, args ...any) error {
	return store.Errorf(
		store.Damaged,
		"the lab's database is damaged (%w): restore a backup of it",
		i18n.Errorf(format, args...),
	)
}
