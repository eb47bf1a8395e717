package postgres

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/igc-lab/igc/ca/store"
)

// tx is a transaction of the database as a [store.RestoreTx] or, without an actor, as a
// [store.Reader]. The rows that every write changes (that of lab, those of authorities and of kinds
// of documents) are held in memory and written at the end of an update; other writes whose result
// nobody needs are sent with the next one that is answered. An error of the database ends the
// transaction: it is thrown as a panic, which [tx.run] turns into an error.
type tx struct {
	store *Store
	conn  *pgxpool.Conn
	ctx   context.Context
	err   error // of the database, the first
	xid   string
	since time.Time // see [nodes.since]

	copied string // head of the lab that is being copied here

	state
	begun    state // as it was read
	actor    string
	now      time.Time
	appended uint64 // the last change that the present update appended

	authorities map[string]*authority // those read; nil for one that the lab does not have
	kinds       map[string]kindState
	writes      pgx.Batch // to be sent
	entries     []entry   // of the feed, to be written
}

// state is the row of lab.
type state struct {
	head   store.Head
	issued uint64
}

// kindState is the last version of a kind of documents.
type kindState struct {
	version uint64
	changed bool
}

var _ store.RestoreTx = (*tx)(nil)

// thrown is an error on its way from a method that returns none.
type thrown struct{ error }

// run calls fn and returns its error or, when the database failed, that.
func (t *tx) run(fn func() error) (err error) {
	defer func() {
		if why := recover(); why != nil {
			e, ok := why.(thrown)
			if !ok {
				panic(why)
			}
			err = e.error
		}
		if t.err != nil {
			err = t.err
		}
	}()
	return fn()
}

// fail notes an error of the database, and returns it.
func (t *tx) fail(err error) error {
	if err != nil && t.err == nil {
		t.err = err
	}
	return err
}

func (t *tx) readLab(row [][]byte) error {
	numbers := [4]int64{}
	for i, at := range []int{0, 2, 3, 5} {
		n, err := strconv.ParseInt(string(row[at]), 10, 64)
		if err != nil {
			return err
		}
		numbers[i] = n
	}
	if err := t.store.checkServed(int(numbers[3])); err != nil {
		return err
	}
	hash, err := hex.DecodeString(string(row[1]))
	if err != nil || len(hash) != len(t.head.Hash) {
		return store.Errorf(
			store.Damaged,
			"the lab's database has a hash of %d bytes as that of the feed's last entry",
			len(hash),
		)
	}
	t.head = store.Head{Seq: uint64(numbers[0]), Hash: store.Hash(hash)}
	t.issued = uint64(numbers[1])
	t.begun = t.state
	if t.now = time.Unix(numbers[2], 0).UTC(); t.store.opts.Now != nil {
		t.now = t.store.opts.Now().UTC().Truncate(time.Second)
	}
	if t.copied = string(row[4]); t.copied != "" && !t.store.importing {
		return store.Errorf(
			store.Conflict,
			"a copy of a lab into the database %s was begun and has not ended: go on with igc store copy",
			t.conn.Conn().Config().Database,
		)
	}
	if len(row) > 6 {
		t.xid = string(row[6])
	}
	return nil
}

// mark is the state in memory, to go back to with restore.
func (t *tx) mark() (m tx) {
	m.state, m.kinds = t.state, maps.Clone(t.kinds)
	m.authorities = make(map[string]*authority, len(t.authorities))
	for id, a := range t.authorities {
		if a != nil {
			copied := *a
			a = &copied
		}
		m.authorities[id] = a
	}
	return m
}

func (t *tx) restore(m tx) {
	t.state, t.kinds, t.authorities = m.state, m.kinds, m.authorities
	t.err, t.entries, t.writes = nil, nil, pgx.Batch{}
}

// finish writes what an update holds in memory.
func (t *tx) finish() error {
	for id, a := range t.authorities {
		if a == nil || !a.changed {
			continue
		}
		crl, err := json.Marshal(a.crl)
		if err != nil {
			return err
		}
		a.changed = false
		t.exec(
			`UPDATE authorities SET revision = $2, issued = $3, listed = $4, form = $5,
			crl = $6, dropped = $7 WHERE id = $1`,
			id,
			int64(a.revision),
			int64(a.issued),
			int64(a.listed),
			string(a.form),
			string(crl),
			timeOrNull(a.dropped),
		)
	}
	for name, k := range t.kinds {
		if k.changed {
			k.changed = false
			t.kinds[name] = k
			t.exec(`INSERT INTO document_kinds (kind, version) VALUES ($1, $2)
				ON CONFLICT (kind) DO UPDATE SET version = excluded.version`, name, int64(k.version))
		}
	}
	t.flush()
	return nil
}

// exec sends a write with the next statement that is answered.
func (t *tx) exec(sql string, args ...any) {
	t.writes.Queue(sql, args...)
	if t.writes.Len() >= 500 {
		t.send()
	}
}

// send sends what exec holds.
func (t *tx) send() {
	if t.writes.Len() == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(t.ctx, statementLimit)
	defer cancel()
	err := t.conn.SendBatch(ctx, &t.writes).Close()
	t.writes = pgx.Batch{}
	t.must(err)
}

// flush sends all that is written so far: what is read next sees it.
func (t *tx) flush() {
	t.writeEntries()
	t.send()
}

// must ends the transaction with an error of the database.
func (t *tx) must(err error) {
	if t.fail(err) != nil {
		panic(thrown{err})
	}
}

// row reads one row into dest; ok is false when there is none.
func (t *tx) row(sql string, args, dest []any) (ok bool) {
	t.send()
	ctx, cancel := context.WithTimeout(t.ctx, statementLimit)
	defer cancel()
	err := t.conn.QueryRow(ctx, sql, args...).Scan(dest...)
	if errors.Is(err, pgx.ErrNoRows) {
		return false
	}
	t.must(err)
	return true
}

// rows reads all rows.
func rows[T any](t *tx, scan func(pgx.Rows) (T, error), sql string, args ...any) []T {
	t.send()
	ctx, cancel := context.WithTimeout(t.ctx, statementLimit)
	defer cancel()
	found, err := t.conn.Query(ctx, sql, args...)
	t.must(err)
	all, err := pgx.CollectRows(found, func(row pgx.CollectableRow) (T, error) { return scan(found) })
	t.must(err)
	return all
}

// do runs a write now, and tells what it did.
func (t *tx) do(sql string, args ...any) pgconn.CommandTag {
	t.send()
	ctx, cancel := context.WithTimeout(t.ctx, statementLimit)
	defer cancel()
	tag, err := t.conn.Exec(ctx, sql, args...)
	t.must(err)
	return tag
}

// copyRows writes many rows.
func (t *tx) copyRows(table string, columns []string, rows [][]any) {
	if len(rows) == 0 {
		return
	}
	t.send()
	ctx, cancel := context.WithTimeout(t.ctx, statementLimit)
	defer cancel()
	_, err := t.conn.CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromRows(rows))
	t.must(err)
}

func (t *tx) Now() time.Time { return t.now }

// timeOrNull is a time as it is stored: null for the zero time.
func timeOrNull(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	at = at.UTC().Truncate(time.Second)
	return &at
}

// zeroOrTime is a time as it was stored.
func zeroOrTime(at *time.Time) time.Time {
	if at == nil {
		return time.Time{}
	}
	return at.UTC()
}
