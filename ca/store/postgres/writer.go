package postgres

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/igc-lab/igc/ca/store"
)

// op is an update that waits for the writer, or was done by it.
type op struct {
	actor string
	do    func(*tx) error
	taken atomic.Bool // by the writer or, when its caller gave up, by the caller

	err  error
	last uint64 // number of the last change that it made
	done chan struct{}
}

// batchSize bounds the updates that one transaction makes: the other nodes wait for it.
const batchSize = 64

// patience is how long an update is tried again after faults that may pass.
var patience = 10 * time.Second

// write is the one goroutine of the process that writes. It takes what waits as one transaction.
func (s *Store) write(ops <-chan *op) {
	for {
		var first *op
		select {
		case first = <-ops:
		case <-s.ended:
			return
		}
		var batch []*op
		take := func(o *op) {
			if o.taken.CompareAndSwap(false, true) {
				batch = append(batch, o)
			}
		}
		take(first)
		for more := true; more && len(batch) < batchSize; {
			select {
			case o := <-ops:
				take(o)
			default:
				more = false
			}
		}
		if len(batch) > 0 {
			s.commit(batch)
		}
	}
}

// commit runs the updates of a batch, again after a fault that passes, and lets their callers go.
func (s *Store) commit(batch []*op) {
	var failing time.Time // since when
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		err := s.attempt(batch)
		if failing.IsZero() {
			failing = time.Now()
		}
		if lost(err) {
			s.dropConnections()
		}
		// What may have been written is not written again.
		again := (lost(err) || conflicts(err)) && store.KindOf(err) != store.Unanswered
		if again && time.Since(failing) < patience && s.pause(pause) {
			continue
		}
		for _, o := range batch {
			if err != nil {
				o.err, o.last = failed(err), 0
			}
			close(o.done)
		}
		return
	}
}

// dropConnections closes the connections that nobody uses: where one was lost, others were.
func (s *Store) dropConnections() {
	s.nodes.failures.Add(1)
	s.mu.Lock()
	pool := s.opened
	s.mu.Unlock()
	if pool != nil {
		pool.Reset()
	}
}

// pause waits, and tells whether the store is open still.
func (s *Store) pause(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-s.ended:
		return false
	}
}

// attempt runs the updates of a batch in one transaction. An update that fails leaves nothing and
// harms no other. The error is that of the transaction: nothing of it is written, unless its kind
// is Unanswered.
func (s *Store) attempt(batch []*op) error {
	t, err := s.begin(context.Background(), beginUpdate())
	if err != nil {
		return err
	}
	defer t.conn.Release()
	done := 0
	for i, o := range batch {
		before := t.mark()
		if len(batch) > 1 {
			sql := "SAVEPOINT one"
			if i > 0 {
				sql = "RELEASE one; " + sql
			}
			if err := t.control(sql); err != nil {
				return err
			}
		}
		t.actor, t.appended = o.actor, 0
		o.err = t.run(func() error {
			if err := o.do(t); err != nil {
				return err
			}
			return t.finish()
		})
		o.last = t.appended
		if lost(t.err) || conflicts(t.err) || t.conn.Conn().IsClosed() {
			return t.err
		}
		switch {
		case o.err == nil:
			done++
		case len(batch) == 1:
			if err := t.control("ROLLBACK"); err != nil && !lost(err) {
				return err
			}
			return nil
		default:
			if err := t.control("ROLLBACK TO one"); err != nil {
				return err
			}
			t.restore(before)
		}
	}
	if done == 0 {
		return t.control("ROLLBACK")
	}
	return t.commit()
}

// control runs statements that control the transaction, such as ROLLBACK.
func (t *tx) control(sql string) error {
	ctx, cancel := context.WithTimeout(t.ctx, statementLimit)
	defer cancel()
	_, err := t.conn.Conn().PgConn().Exec(ctx, sql).ReadAll()
	return err
}

// commit ends the transaction. When the connection is lost meanwhile, the database is asked whether
// it was committed.
func (t *tx) commit() error {
	ctx, cancel := context.WithTimeout(t.ctx, statementLimit)
	defer cancel()
	if t.head != t.begun.head || t.issued != t.begun.issued {
		var b pgx.Batch
		b.Queue(`UPDATE lab SET seq = $1, hash = $2, issued = $3`, int64(t.head.Seq), t.head.Hash[:], int64(t.issued))
		if t.head.Seq != t.begun.head.Seq {
			b.Queue(`SELECT pg_notify($1, '')`, feedChannel)
		}
		if err := t.conn.SendBatch(ctx, &b).Close(); err != nil {
			return err
		}
	}
	tag, err := t.conn.Exec(ctx, "COMMIT")
	switch {
	case err == nil && tag.String() == "ROLLBACK":
		return errors.New("the transaction was rolled back")
	case err == nil || !lost(err):
		return err
	}
	return t.outcome(err)
}

// outcome tells what became of a transaction whose commit was not answered: nil when it is written,
// the error of its connection when it is not.
//
// The database knows by the transaction's number, but a number of which nothing had reached the
// disk or the standby is given again after a crash or a failover: another transaction's commit is
// no proof. Proof is the entry of the feed or, of a transaction without one, that the database did
// not start anew meanwhile, see [nodes.since].
func (t *tx) outcome(cause error) error {
	start := time.Now()
	t.store.dropConnections()
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		status, proved, err := t.fate()
		switch {
		case err == nil && status == "committed" && proved:
			return nil
		case err == nil && (status == "aborted" || status == "committed" && t.appendedAny()):
			return cause
		}
		if time.Since(start) > patience || err == nil && status == "committed" || !t.store.pause(pause) {
			return store.Errorf(
				store.Unanswered,
				"the lab's database was lost before it answered: look whether the change was made, "+
					"and make it again if not: %w",
				cause,
			)
		}
	}
}

// appendedAny tells whether the transaction has an entry in the feed.
func (t *tx) appendedAny() bool { return t.head != t.begun.head }

// fate reads the status of the transaction, and whether there is proof that it is its own and that
// it is where a commit has to be.
func (t *tx) fate() (status string, proved bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	pool, err := t.store.pool(ctx)
	if err != nil {
		return "", false, err
	}
	err = withConn(ctx, pool, func(c *pgxpool.Conn) error {
		var refused *pgconn.PgError
		err := c.QueryRow(ctx, `SELECT coalesce(pg_xact_status($1::text::xid8), '')`, t.xid).Scan(&status)
		// no such number yet: it came neither to the disk nor to the standby
		if errors.As(err, &refused) && refused.Code == "22023" {
			status = "aborted"
			return nil
		}
		if err != nil || status != "committed" {
			return err
		}
		if proved, err = t.isOwn(ctx, c); err != nil || !proved {
			return err
		}
		// The wait for a synchronous standby ends early when it takes too long, or the primary
		// starts anew: the transaction is committed then, on the primary alone. Once a later
		// commit is on the standby, it is there too.
		_, err = c.Exec(ctx, `SELECT pg_logical_emit_message(true, 'igc', '')`)
		return err
	})
	return status, proved, err
}

// isOwn tells whether the transaction of this one's number that was committed is this one.
func (t *tx) isOwn(ctx context.Context, c *pgxpool.Conn) (own bool, err error) {
	switch {
	case t.appendedAny():
		err = c.QueryRow(ctx, `SELECT EXISTS (SELECT FROM feed
			WHERE seq = $1 AND sha256(convert_to(entry, 'UTF8')) = $2)`,
			int64(t.head.Seq), t.head.Hash[:]).Scan(&own)
	case !t.since.IsZero():
		err = c.QueryRow(ctx, `SELECT EXISTS (SELECT FROM nodes WHERE started = $1)`, t.since).Scan(&own)
	}
	return own, err
}

func withConn(ctx context.Context, pool *pgxpool.Pool, do func(*pgxpool.Conn) error) error {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	return do(conn)
}
