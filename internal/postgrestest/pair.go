package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/igc-lab/igc/internal/peer"
)

// Pair is a primary and its synchronous standby: what is committed is on both.
type Pair struct {
	URL string // of the lab's database, on whichever of the two takes writes

	Primary, Standby *Server
}

// StartPair starts a primary, the tables of an empty lab in it, and a standby. They end with the
// test.
func StartPair(t testing.TB) *Pair {
	t.Helper()
	if programs() == "" {
		peer.Missing(t, "PostgreSQL (Debian package postgresql)")
	}
	p, err := startPair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { errors.Join(p.Standby.Stop(), p.Primary.Stop()) })
	return p
}

func startPair() (*Pair, error) {
	// Shared memory in files of the folder: killing the server leaves none elsewhere.
	settings := []string{"dynamic_shared_memory_type=mmap", "wal_level=replica", "hot_standby=on",
		"wal_keep_size=256MB", "wal_retrieve_retry_interval=200ms"}
	primary, err := Start(settings...)
	if err != nil {
		return nil, err
	}
	if _, err := primary.Database("lab"); err != nil {
		primary.Stop()
		return nil, err
	}
	standby, err := startStandby(primary, settings)
	if err != nil {
		primary.Stop()
		return nil, err
	}
	p := &Pair{Primary: primary, Standby: standby}
	own, err := url.Parse(primary.Address(database("lab")))
	if err != nil {
		return nil, err
	}
	own.RawQuery = url.Values{"host": {primary.Dir + "," + standby.Dir}, "target_session_attrs": {"read-write"},
		"connect_timeout": {"2"}}.Encode()
	p.URL = own.String()
	if err := p.synchronize(); err != nil {
		return nil, errors.Join(err, standby.Stop(), primary.Stop())
	}
	return p, nil
}

// startStandby starts a server that follows another one.
func startStandby(primary *Server, settings []string) (*Server, error) {
	return start(settings, baseBackup(primary)...)
}

// baseBackup is the command that makes the data of a standby.
func baseBackup(primary *Server) []string {
	return []string{"pg_basebackup", "-h", primary.Dir, "-U", "postgres", "--checkpoint=fast", "--no-sync",
		"--write-recovery-conf", "-D"}
}

// synchronize has the primary wait for the standby at each commit. The setting is the primary's
// alone: the standby, once promoted, waits for nobody.
func (p *Pair) synchronize() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, p.Primary.Address("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, sql := range []string{`ALTER SYSTEM SET synchronous_standby_names = '*'`, `SELECT pg_reload_conf()`} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	for synchronous := false; !synchronous; time.Sleep(20 * time.Millisecond) {
		if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')`).
			Scan(&synchronous); err != nil {
			return fmt.Errorf("the standby does not follow: %w", err)
		}
	}
	return nil
}

// CrashPrimary ends the primary at once and starts it after a while. It returns when the standby
// has all that the primary has.
func (p *Pair) CrashPrimary(away time.Duration) error {
	if err := p.Primary.Crash(); err != nil {
		return err
	}
	time.Sleep(away)
	if err := p.Primary.Start(); err != nil {
		return err
	}
	return p.synchronize()
}

// KillPrimary ends the primary with SIGKILL, all processes of it.
func (p *Pair) KillPrimary() error { return p.Primary.kill() }

// Promote makes the standby take writes. It returns when it does.
func (p *Pair) Promote() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, p.Standby.Address("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var done bool
	if err := conn.QueryRow(ctx, `SELECT pg_promote(true, 15)`).Scan(&done); err != nil || !done {
		return fmt.Errorf("the standby was not promoted: %v", err)
	}
	return nil
}

// Rejoin makes the primary that was killed the standby of the one that was promoted: its data is
// made anew.
func (p *Pair) Rejoin() error {
	p.Primary, p.Standby = p.Standby, p.Primary
	// The lock of its socket names a process that nobody has waited for.
	for _, left := range []string{"data", ".s.PGSQL.5432", ".s.PGSQL.5432.lock"} {
		if err := os.RemoveAll(filepath.Join(p.Standby.Dir, left)); err != nil {
			return err
		}
	}
	if err := p.Standby.makeData(programs(), baseBackup(p.Primary)); err != nil {
		return err
	}
	if err := p.Standby.Start(); err != nil {
		return err
	}
	return p.synchronize()
}

// kill ends the server with SIGKILL, all processes of it. Nothing but [Pair.Rejoin] starts it
// again.
func (s *Server) kill() error {
	text, err := os.ReadFile(filepath.Join(s.Dir, "data", "postmaster.pid"))
	if err != nil {
		return err
	}
	lines := strings.Split(string(text), "\n")
	server, err := strconv.Atoi(lines[0])
	if err != nil {
		return err
	}
	if err := syscall.Kill(server, syscall.SIGSTOP); err != nil { // it starts no more processes
		return err
	}
	err = errors.Join(killChildren(server), syscall.Kill(server, syscall.SIGKILL))
	for start := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		if state, _ := stat(server); state == "" || state == "Z" { // the shell has not waited for it
			break
		}
		if time.Since(start) > 10*time.Second {
			return errors.New("PostgreSQL does not end")
		}
	}
	if len(lines) > 6 {
		if _, id, ok := strings.Cut(strings.TrimSpace(lines[6]), " "); ok {
			_ = exec.Command("ipcrm", "-m", strings.TrimSpace(id)).Run() // its lock, which it would remove itself
		}
	}
	return err
}

// killChildren kills the processes that a process started.
func killChildren(parent int) error {
	processes, err := os.ReadDir("/proc")
	if err != nil {
		return err
	}
	for _, p := range processes {
		pid, err := strconv.Atoi(p.Name())
		if err != nil {
			continue
		}
		if _, of := stat(pid); of == parent {
			err = syscall.Kill(pid, syscall.SIGKILL)
		}
		if err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	return nil
}

// stat tells the state of a process and which started it; nothing of one that is not there.
func stat(pid int) (state string, parent int) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(text), ") ")
	fmt.Sscan(rest, &state, &parent)
	return state, parent
}
