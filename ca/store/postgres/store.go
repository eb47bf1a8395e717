package postgres

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/ca/store/followers"
)

// Options say how a store is opened.
type Options struct {
	Now      func() time.Time // nil for the database's clock, which all nodes share
	ReadOnly bool             // nothing is written

	// Evidence names a file that shows that there were records, empty when there is none: an empty
	// database is then refused as damaged, and not filled anew. Nil for none.
	Evidence func() string
}

// Store keeps a lab's records in a PostgreSQL database, see the package's documentation. It
// implements [store.Store].
type Store struct {
	config *pgxpool.Config
	opts   Options
	schema int // that the program is written for

	wall func() time.Time // this machine's clock

	importing bool // a copy fills it, see OpenImport

	mu     sync.Mutex
	opened *pgxpool.Pool // at the first use
	writer chan *op      // made with it
	ended  chan struct{} // closed by Close

	followers followers.Set
	nodes     nodes
	chunks    chunkCache
}

var (
	_ store.Store  = (*Store)(nil)
	_ store.Shared = (*Store)(nil)
)

// connections bounds the pool unless the address has pool_max_conns. One more is the listener's.
const connections = 8

// turn is how long a writer waits for the others.
const turn = 2 * time.Minute

// viewLimit is how long a view may take to begin, also to have a connection of the pool.
const viewLimit = 10 * time.Second

// statementLimit is how long a statement may take before the connection counts as lost.
var statementLimit = time.Minute

// Open returns the store of a database: postgres://USER@HOST/DATABASE, or what else libpq takes. It
// connects when it is needed.
func Open(dsn string, opts Options) (*Store, error) {
	config, err := parse(dsn)
	if err != nil {
		return nil, err
	}
	s := &Store{config: config, opts: opts, schema: schema, wall: time.Now, ended: make(chan struct{})}
	s.nodes.store = s
	return s, nil
}

func parse(dsn string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, failed(err)
	}
	if !strings.Contains(dsn, "pool_max_conns") {
		config.MaxConns = connections
	}
	c := config.ConnConfig
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 5 * time.Second
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "igc"
	}
	// The database compiles queries that it expects to be long (JIT). Ours are short, and before it
	// knows the sizes of the tables its expectation costs seconds. PgBouncer would refuse it as a
	// parameter of the connection's start.
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `SET jit = off`)
		return err
	}
	dialer := &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second,
		Interval: 2 * time.Second, Count: 3}}
	c.DialFunc = dialer.DialContext
	return config, nil
}

// pool connects at the first use.
func (s *Store) pool(ctx context.Context) (*pgxpool.Pool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.ended:
		return nil, errClosed
	default:
	}
	if s.opened != nil {
		return s.opened, nil
	}
	ctx, cancel := context.WithTimeout(ctx, viewLimit) // others wait for mu
	defer cancel()
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(ctx), s.config.Copy())
	if err != nil {
		return nil, failed(err)
	}
	conn, err := pool.Acquire(ctx)
	if err == nil {
		if err = s.checkSchema(ctx, conn.Conn()); err == nil {
			err = s.checkEmpty(ctx, conn.Conn())
		}
		if err == nil {
			err = s.nodes.askTime(ctx, conn.Conn())
		}
		conn.Release()
	}
	if err != nil {
		pool.Close()
		return nil, failed(err)
	}
	s.opened, s.writer = pool, make(chan *op, batchSize)
	go s.write(s.writer)
	return pool, nil
}

// checkEmpty refuses an empty database as that of a lab that had records.
func (s *Store) checkEmpty(ctx context.Context, conn *pgx.Conn) error {
	if s.opts.Evidence == nil {
		return nil
	}
	var seq int64
	if err := conn.QueryRow(ctx, `SELECT seq FROM lab`).Scan(&seq); err != nil || seq > 0 {
		return err
	}
	if evidence := s.opts.Evidence(); evidence != "" {
		return store.Errorf(store.Damaged, "the database %s is empty, and %s shows that there were records: "+
			"name the right one in igc.yaml, restore a backup, or bring them there with igc store copy",
			conn.Config().Database, evidence)
	}
	return nil
}

// Close implements [store.Store]. It waits for the transactions under way.
func (s *Store) Close() error {
	s.mu.Lock()
	select {
	case <-s.ended:
	default:
		close(s.ended)
	}
	pool := s.opened
	s.mu.Unlock()
	s.nodes.stop()
	if pool != nil {
		pool.Close()
	}
	return nil
}

// View implements [store.Store].
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	return s.view(ctx, func(t *tx) error { return fn(t) })
}

func (s *Store) view(ctx context.Context, fn func(*tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var t *tx
	for tries := 0; ; tries++ {
		var err error
		if t, err = s.begin(ctx, beginView); err == nil {
			break
		}
		if ctx.Err() != nil {
			return late(ctx)
		}
		if tries > 0 || !lost(err) {
			return failed(err)
		}
		s.dropConnections() // the second time with another one
	}
	defer t.conn.Release() // the pool drops a connection whose transaction has not ended
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		t.ctx, cancel = context.WithDeadline(t.ctx, end)
		defer cancel()
	}
	err := t.run(func() error { return fn(t) })
	if t.err == nil {
		if end := t.control("ROLLBACK"); err == nil && end != nil && !lost(end) {
			err = end
		}
	}
	return failed(err)
}

// Update implements [store.Store].
func (s *Store) Update(ctx context.Context, actor string, fn func(store.Tx) error) error {
	return s.update(ctx, actor, func(t *tx) error { return fn(t) })
}

// Restore implements [store.Store].
func (s *Store) Restore(ctx context.Context, actor string, fn func(store.RestoreTx) error) error {
	return s.update(ctx, actor, func(t *tx) error { return fn(t) })
}

func (s *Store) update(ctx context.Context, actor string, fn func(*tx) error) error {
	if actor == "" {
		return store.Errorf(store.Internal, "a change without an actor")
	}
	if s.opts.ReadOnly {
		return store.Errorf(
			store.Unwritable,
			"the lab's records %s were opened to be read only",
			s.config.ConnConfig.Database,
		)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := s.pool(ctx); err != nil {
		if ctx.Err() != nil {
			return late(ctx)
		}
		return err
	}
	o := &op{actor: actor, do: fn, done: make(chan struct{})}
	select {
	case s.writer <- o:
	case <-ctx.Done():
		return late(ctx)
	case <-s.ended:
		return errClosed
	}
	select {
	case <-o.done:
	case <-ctx.Done():
		if o.taken.CompareAndSwap(false, true) { // it has not begun, and never will
			return late(ctx)
		}
		<-o.done
	}
	if o.err == nil && o.last > 0 {
		s.reached(o.last)
	}
	return failed(o.err)
}

const (
	labColumns = `SELECT seq, encode(hash, 'hex'), issued, floor(extract(epoch FROM clock_timestamp()))::bigint,
		coalesce(copied, ''), (SELECT max(serves) FROM igc_schema)`
	beginView = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ` + labColumns + ` FROM lab`
)

// idleLimit is how long a writer may stand still in the middle of a transaction: the database ends
// it then, so that the other nodes go on. What a transaction computes takes milliseconds, and one
// that is ended runs again.
var idleLimit = 5 * time.Second

func beginUpdate() string {
	return fmt.Sprintf(`BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; `+
		`SET LOCAL idle_in_transaction_session_timeout = %d; SET LOCAL lock_timeout = %d; `+
		labColumns+`, pg_current_xact_id() FROM lab FOR UPDATE`, idleLimit.Milliseconds(), turn.Milliseconds())
}

// begin begins a transaction, in one message: a view sees the state of this moment.
func (s *Store) begin(ctx context.Context, sql string) (*tx, error) {
	pool, err := s.pool(ctx)
	if err != nil {
		return nil, err
	}
	since := s.nodes.since() // a crash between this and the transaction is noticed by it
	limit := turn + statementLimit
	if sql == beginView { // it waits for no lock
		limit = viewLimit
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	results, err := conn.Conn().PgConn().Exec(ctx, sql).ReadAll()
	if err == nil {
		last := results[len(results)-1]
		if len(last.Rows) != 1 {
			err = store.Errorf(
				store.Damaged,
				"the lab's database has %d rows in its table lab, want one",
				len(last.Rows),
			)
		} else {
			t := &tx{store: s, conn: conn, ctx: context.WithoutCancel(ctx), since: since,
				authorities: map[string]*authority{}}
			if err = t.readLab(last.Rows[0]); err == nil {
				return t, nil
			}
		}
	}
	conn.Release()
	return nil, err
}
