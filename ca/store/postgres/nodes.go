package postgres

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/igc-lab/igc/ca/store"
)

// A process that has followers is a node. Its row says up to which change all of them have come,
// and when it was last seen; both are written each [heartbeat], and at each step of the followers.
// An update waits for the nodes that were seen within [alive], at most so long. NOTIFY wakes the
// followers; what they read is the table.
//
// A node that cannot reach the database counts as gone after [alive]. By the same time it has
// noticed ([Store.Confirmed]), and keeps nothing any more that depends on the feed.

const (
	feedChannel = "igc_feed"
	heartbeat   = 250 * time.Millisecond
	alive       = time.Second
	forgotten   = time.Minute // a row of a process that died is deleted
)

// reached waits until every follower of every node has taken a change, or has not within a second:
// also for a caller whose context has ended, which learns of the change all the same.
func (s *Store) reached(seq uint64) {
	ctx, cancel := context.WithTimeout(context.Background(), alive)
	defer cancel()
	s.followers.WakeAll()
	s.followers.Wait(seq, ctx.Done())
	s.nodes.wait(ctx, seq)
}

// nodes is this process as a node, and what it knows of the others.
type nodes struct {
	store *Store

	mu       sync.Mutex
	members  int // followers of this process
	id       string
	cancel   context.CancelFunc
	ended    chan struct{}
	progress chan struct{}

	confirmed atomic.Pointer[time.Time] // since when, at the latest, all followers have all that was written
	behind    atomic.Uint64             // changes
	ahead     atomic.Int64              // nanoseconds, of this machine's clock
	failures  atomic.Uint64             // connections that were lost
	started   atomic.Pointer[time.Time] // of the row
}

// since is when this process's row was made, zero when it has none. The table is not in the
// write-ahead log: a database that crashed, and a standby that takes over, begin with an empty one.
// While the row of that time is there, neither has happened.
func (n *nodes) since() time.Time {
	if at := n.started.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

// Confirmed is a moment at which every follower of this process had taken all that was written by
// then; zero before the first. Whoever keeps something that depends on the feed, and serves it to
// others, does so while this is less than a second ago: an update on another node returns without
// this one after that.
func (s *Store) Confirmed() time.Time {
	if at := s.nodes.confirmed.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

// agree is up to which difference a machine's clock and the database's count as one. It is more
// than what asking the database takes: corrected by less, time would go back now and then.
const agree = 2 * time.Second

// Now implements [store.Shared]: the time of this machine, or of the database where they differ.
func (s *Store) Now() time.Time {
	now := s.wall()
	if ahead := time.Duration(s.nodes.ahead.Load()); ahead.Abs() > agree {
		return now.Add(-ahead)
	}
	return now
}

// Link implements [store.Shared].
func (s *Store) Link() (l store.Link) {
	n := &s.nodes
	n.mu.Lock()
	l.Node = n.id
	n.mu.Unlock()
	l.Confirmed, l.Behind, l.Ahead = s.Confirmed(), n.behind.Load(), time.Duration(n.ahead.Load())
	l.Failures, l.Most = n.failures.Load(), int(s.config.MaxConns)
	s.mu.Lock()
	pool := s.opened
	s.mu.Unlock()
	if pool != nil {
		stat := pool.Stat()
		l.Connections, l.Used = int(stat.TotalConns()), int(stat.AcquiredConns())
	}
	return l
}

// Nodes implements [store.Shared].
func (s *Store) Nodes(ctx context.Context) (all []store.Node, err error) {
	err = s.view(ctx, func(t *tx) error {
		all = rows(t, func(r pgx.Rows) (n store.Node, err error) {
			var name string
			var behind int64
			if err := r.Scan(&n.ID, &name, &n.Started, &n.Seen, &n.Ago, &behind); err != nil {
				return n, err
			}
			n.Started, n.Seen, n.Behind = n.Started.UTC(), n.Seen.UTC(), uint64(behind)
			n.Host, name, _ = strings.Cut(name, " ")
			fmt.Sscan(name, &n.PID, &n.Version) // one of before has no version
			return n, nil
		}, `SELECT id, name, started, seen, clock_timestamp() - seen, greatest((SELECT seq FROM lab) - acked, 0)
			FROM nodes WHERE seen > clock_timestamp() - $1::interval ORDER BY name, id`, forgotten)
		return nil
	})
	return all, err
}

// nodeName is the name of this process in the table: its machine, its number, its program.
func nodeName(host string) string {
	program := "dev"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		program = info.Main.Version
	}
	return fmt.Sprintf("%s %d %s", host, os.Getpid(), program)
}

// join makes this process a node before its first follower reads.
func (n *nodes) join(ctx context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.members > 0 {
		n.members++
		return nil
	}
	id := rand.Text()
	_, _, err := n.beat(ctx, id)
	if lost(err) && ctx.Err() == nil {
		n.store.dropConnections()
		_, _, err = n.beat(ctx, id)
	}
	if err != nil {
		return err
	}
	n.members, n.id = 1, id
	ctx, n.cancel = context.WithCancel(context.WithoutCancel(ctx))
	n.ended, n.progress = make(chan struct{}), make(chan struct{}, 1)
	go n.run(ctx, id, n.progress, n.ended)
	return nil
}

// leave ends the node with its last follower.
func (n *nodes) leave() {
	n.mu.Lock()
	n.members--
	n.end(n.members == 0)
}

// stop ends the node, whatever followers it has.
func (n *nodes) stop() {
	n.mu.Lock()
	n.end(true)
}

// end ends the node if that is so. The caller holds mu, which end unlocks.
func (n *nodes) end(so bool) {
	cancel, ended := n.cancel, n.ended
	if so {
		n.cancel, n.id = nil, ""
		n.confirmed.Store(nil)
		n.started.Store(nil)
	}
	n.mu.Unlock()
	if so && cancel != nil {
		cancel()
		<-ended
	}
}

// progressed has the step of a follower written.
func (n *nodes) progressed() {
	n.mu.Lock()
	progress := n.progress
	n.mu.Unlock()
	select {
	case progress <- struct{}{}:
	default:
	}
}

// run writes the node's row until ctx ends, and then deletes it.
func (n *nodes) run(ctx context.Context, id string, progress <-chan struct{}, ended chan<- struct{}) {
	defer close(ended)
	var listening sync.WaitGroup
	listening.Go(func() { n.listen(ctx) })
	for ctx.Err() == nil {
		select {
		case <-progress:
		case <-time.After(heartbeat):
		case <-ctx.Done():
			continue
		}
		at, whole, err := n.beat(ctx, id)
		if err != nil || !whole { // Confirmed stands still
			continue
		}
		n.mu.Lock()
		if n.id == id {
			n.confirmed.Store(&at)
		}
		n.mu.Unlock()
	}
	listening.Wait()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if pool, err := n.store.pool(last); err == nil {
		_, _ = pool.Exec(last, `DELETE FROM nodes WHERE id = $1`, id) // else it is forgotten
	}
}

// beat writes how far the followers have come, and tells whether that is all that was written at a
// moment.
func (n *nodes) beat(ctx context.Context, id string) (at time.Time, whole bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	pool, err := n.store.pool(ctx)
	if err != nil {
		return at, false, err
	}
	seq, _ := n.store.followers.Slowest()
	host, err := os.Hostname()
	if err != nil {
		host = "?"
	}
	var head uint64
	at = time.Now()
	var theirs, started time.Time
	asked := n.store.wall().Round(0)
	err = pool.QueryRow(ctx, `WITH gone AS (DELETE FROM nodes WHERE seen < clock_timestamp() - $4::interval)
		INSERT INTO nodes (id, name, started, seen, acked) VALUES ($1, $2, clock_timestamp(), clock_timestamp(), $3)
		ON CONFLICT (id) DO UPDATE SET seen = excluded.seen, acked = excluded.acked
		RETURNING (SELECT seq FROM lab), clock_timestamp(), started`,
		id, nodeName(host), int64(seq), forgotten).Scan(&head, &theirs, &started)
	if err != nil {
		n.failures.Add(1)
		return at, false, err
	}
	n.compare(asked, theirs)
	n.started.Store(&started)
	n.behind.Store(max(head, seq) - seq)
	if head != seq { // less after a failover that lost the last changes
		n.store.followers.WakeAll()
	}
	return at, head == seq, nil
}

// askTime asks the database for its time: a command that does not follow the feed goes by it too.
func (n *nodes) askTime(ctx context.Context, conn *pgx.Conn) error {
	var theirs time.Time
	asked := n.store.wall().Round(0)
	if err := conn.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&theirs); err != nil {
		return err
	}
	n.compare(asked, theirs)
	return nil
}

// compare takes how far this machine's clock is ahead: the database was asked at one time of it,
// and answered now with its own. An answer that took long, by a stopped process or a far database,
// says little.
func (n *nodes) compare(asked, theirs time.Time) {
	if took := n.store.wall().Round(0).Sub(asked); took >= 0 && took < agree/2 {
		n.ahead.Store(int64(asked.Add(took / 2).Sub(theirs)))
	}
}

// listen wakes the followers when another process has written, until ctx ends.
func (n *nodes) listen(ctx context.Context) {
	for ctx.Err() == nil {
		_ = n.listenOnce(ctx) // the heartbeat finds what is missed meanwhile
		select {
		case <-time.After(heartbeat):
		case <-ctx.Done():
		}
	}
}

func (n *nodes) listenOnce(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, n.store.config.ConnConfig.Copy())
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, `LISTEN `+feedChannel); err != nil {
		return err
	}
	n.store.followers.WakeAll()
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return err
		}
		n.store.followers.WakeAll()
	}
}

// wait waits until the other nodes that are alive have reached a change.
func (n *nodes) wait(ctx context.Context, seq uint64) {
	n.mu.Lock()
	id := n.id
	n.mu.Unlock()
	pool, err := n.store.pool(ctx)
	if err != nil {
		return
	}
	for pause := 2 * time.Millisecond; ; pause = min(2*pause, 20*time.Millisecond) {
		var late bool
		err := withConn(ctx, pool, func(c *pgxpool.Conn) error {
			return c.QueryRow(ctx, `SELECT EXISTS (SELECT FROM nodes
				WHERE id <> $1 AND acked < $2 AND seen > clock_timestamp() - $3::interval)`,
				id, int64(seq), alive).Scan(&late)
		})
		if err == nil && !late {
			return
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done(): // also while the database does not answer: then no node can have taken it as confirmed
			return
		}
	}
}
