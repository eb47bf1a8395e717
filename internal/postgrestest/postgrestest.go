// Package postgrestest starts a PostgreSQL server for tests, from Debian's package: in a temporary
// folder, reached by a socket in it. It ends with the process that started it, however that ends.
package postgrestest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/igc-lab/igc/ca/store/postgres"
	"github.com/igc-lab/igc/internal/peer"
)

// serverEnv names the folder of the server in the processes that a test starts.
const serverEnv = "IGC_TEST_POSTGRES"

// template is a database with the tables of a lab, which others are copies of.
const template = "igc_template"

// Server is a running server.
type Server struct {
	Dir string // of its data and its socket

	as      []string // begins the commands of PostgreSQL's programs
	command []string
	stop    func() error
}

// programs is the folder of PostgreSQL's programs, the newest of them; empty when there is none.
func programs() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		if path, err := exec.LookPath("initdb"); err == nil {
			return filepath.Dir(path)
		}
		return ""
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1])
}

var started = sync.OnceValues(func() (*Server, error) {
	if dir := os.Getenv(serverEnv); dir != "" {
		return &Server{Dir: dir}, nil
	}
	s, err := Start()
	if err == nil {
		os.Setenv(serverEnv, s.Dir)
	}
	return s, err
})

// Running is the server of the test's process: that which Need started there, or in the process
// that started this one.
func Running() (*Server, error) { return started() }

// Need is the server of the test's process, which is started for the first test that needs it.
// Without PostgreSQL the test is skipped, see [peer.Missing].
func Need(t testing.TB) *Server {
	t.Helper()
	if programs() == "" {
		peer.Missing(t, "PostgreSQL (Debian package postgresql)")
	}
	s, err := started()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Database makes an empty lab's database on the server of the test's process, and returns its
// address.
func Database(t testing.TB) string {
	t.Helper()
	dsn, err := Need(t).Database(fmt.Sprintf("%s %d", t.Name(), time.Now().UnixNano()))
	if err != nil {
		t.Fatal(err)
	}
	return dsn
}

// Start starts a server. It ends with this process or by [Server.Stop].
func Start(settings ...string) (*Server, error) {
	return start(settings, "initdb", "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8",
		"-D")
}

// start starts a server whose data a command makes, which ends with the name of the folder for it.
func start(settings []string, command ...string) (*Server, error) {
	bin := programs()
	if bin == "" {
		return nil, errors.New("PostgreSQL is not here")
	}
	dir, err := os.MkdirTemp("", "igc-postgres-")
	if err != nil {
		return nil, err
	}
	s := &Server{Dir: dir}
	if err := s.start(bin, settings, command); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return s, nil
}

// start makes the data and starts the server. PostgreSQL's programs refuse root: they run as the
// user postgres then.
func (s *Server) start(bin string, settings, command []string) error {
	if os.Geteuid() == 0 {
		owner, err := user.Lookup("postgres")
		if err != nil {
			return err
		}
		uid, _ := strconv.Atoi(owner.Uid)
		gid, _ := strconv.Atoi(owner.Gid)
		if err := os.Chown(s.Dir, uid, gid); err != nil {
			return err
		}
		s.as = []string{"setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"}
	}
	s.as = append(s.as, "env", "-i", "PATH="+os.Getenv("PATH"), "LC_ALL=C.UTF-8")
	if err := s.makeData(bin, command); err != nil {
		return err
	}
	// Killing a process, which tests do, loses nothing that fsync would keep.
	settings = append([]string{"listen_addresses=", "unix_socket_directories=" + s.Dir, "shared_buffers=64MB",
		"max_connections=200", "fsync=off", "full_page_writes=off"}, settings...)
	s.command = slices.Concat(s.as, []string{filepath.Join(bin, "postgres"), "-D", s.data()})
	for _, setting := range settings {
		s.command = append(s.command, "-c", setting)
	}
	return s.Start()
}

// data is the folder of the server's data.
func (s *Server) data() string { return filepath.Join(s.Dir, "data") }

// makeData makes the data by a command, which ends with the name of the folder for it.
func (s *Server) makeData(bin string, command []string) error {
	command = slices.Concat(s.as, []string{filepath.Join(bin, command[0])}, command[1:], []string{s.data()})
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = "/"
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%q: %v: %s", command, err, out)
	}
	return nil
}

// Start starts the server, also after a crash.
func (s *Server) Start() error {
	// The shell ends the server when its standard input does, with this process.
	script := `"$@" >>"$0" 2>&1 & server=$!; read -r _; kill -INT $server; wait $server; rm -rf "$(dirname "$0")"`
	cmd := exec.Command("sh", append([]string{"-c", script, filepath.Join(s.Dir, "log")}, s.command...)...)
	cmd.Dir = "/"
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	former := s.stop
	s.stop = sync.OnceValue(func() error {
		in.Close()
		err := cmd.Wait()
		if former != nil {
			err = errors.Join(err, former())
		}
		return err
	})
	if err := s.await(20 * time.Second); err != nil {
		log, _ := os.ReadFile(filepath.Join(s.Dir, "log"))
		s.Stop()
		return fmt.Errorf("PostgreSQL does not start: %v\n%s", err, log)
	}
	return nil
}

// Crash ends the server at once, as a machine that loses its power. [Server.Start] starts it again.
func (s *Server) Crash() error {
	text, err := os.ReadFile(filepath.Join(s.Dir, "data", "postmaster.pid"))
	if err != nil {
		return err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		return err
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	if err := process.Signal(syscall.SIGQUIT); err != nil {
		return err
	}
	for start := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(s.Dir, "data", "postmaster.pid")); errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if process.Signal(syscall.Signal(0)) != nil {
			return nil
		}
		if time.Since(start) > 10*time.Second {
			return errors.New("PostgreSQL does not end")
		}
	}
}

// await waits until the server answers.
func (s *Server) await(patience time.Duration) error {
	for start := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		conn, err := pgx.Connect(context.Background(), s.Address("postgres"))
		if err == nil {
			return conn.Close(context.Background())
		}
		if time.Since(start) > patience {
			return err
		}
	}
}

// Alive is nil when the server answers within a second.
func (s *Server) Alive() error { return s.await(time.Second) }

// Stop ends the server and removes its folder.
func (s *Server) Stop() error {
	if s.stop == nil {
		return nil
	}
	return s.stop()
}

// Address is the address of a database of the server.
func (s *Server) Address(database string) string {
	return "postgres://postgres@/" + database + "?host=" + url.QueryEscape(s.Dir)
}

var templateOnce sync.Mutex

// Database makes the database of that name, with the tables of an empty lab, unless it is there,
// and returns its address. Names may be any text.
func (s *Server) Database(name string) (dsn string, err error) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, s.Address("postgres"))
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	templateOnce.Lock()
	defer templateOnce.Unlock()
	if err := create(ctx, conn, template, "template0"); err != nil {
		return "", err
	}
	if _, _, err := postgres.Migrate(ctx, s.Address(template)); err != nil {
		return "", err
	}
	return s.Address(database(name)), create(ctx, conn, database(name), template)
}

// database is the name as a database has it.
func database(name string) string { return fmt.Sprintf("t%x", sha256.Sum256([]byte(name)))[:20] }

// EmptyDatabase makes a database without tables, and returns its address.
func (s *Server) EmptyDatabase(name string) (dsn string, err error) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, s.Address("postgres"))
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	name = database(fmt.Sprintf("%s %d", name, time.Now().UnixNano()))
	return s.Address(name), create(ctx, conn, name, "template0")
}

// create makes a database unless it is there.
func create(ctx context.Context, conn *pgx.Conn, name, from string) error {
	_, err := conn.Exec(ctx, "CREATE DATABASE "+name+" TEMPLATE "+from)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && (refused.Code == "42P04" || strings.Contains(refused.Message, "already exists")) {
		return nil
	}
	return err
}
