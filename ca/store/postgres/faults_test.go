package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/ca/store/postgres"
	"github.com/igc-lab/igc/internal/postgrestest"
	"github.com/igc-lab/igc/profiles"
)

const authority = "ACI-FO-PP"

func record(n int) *store.Record {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return &store.Record{Authority: authority, Serial: fmt.Sprintf("63DAFFCFC8034BDC%016X", n),
		Profile: "cps/authentication", Holder: profiles.Holder{Surname: "DODO", CardNumber: fmt.Sprintf("2%09d", n)},
		NotBefore: at, NotAfter: at.AddDate(3, 0, 0), IssuedAt: at, DER: []byte{0x30, 0}}
}

func open(t *testing.T, dsn string) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(dsn, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func addAuthority(t *testing.T, s store.Store) {
	t.Helper()
	if err := s.Update(t.Context(), "test", func(tx store.Tx) error {
		return tx.AddAuthority(authority, []byte{0x30, 0})
	}); err != nil {
		t.Fatal(err)
	}
}

func add(ctx context.Context, s store.Store, n int) error {
	return s.Update(ctx, "test", func(tx store.Tx) error { return tx.AddCertificate(record(n)) })
}

// owned is the address of a new database for a role that owns it and may do nothing else, as
// docs/company.md has it.
func owned(t *testing.T) string {
	t.Helper()
	dsn := postgrestest.Database(t)
	admin, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.Background())
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	name := admin.Config().Database + "owned"
	u.User, u.Path = url.User(name), "/"+name
	quoted := pgx.Identifier{name}.Sanitize()
	for _, sql := range []string{`CREATE ROLE ` + quoted + ` LOGIN`,
		`CREATE DATABASE ` + quoted + ` OWNER ` + quoted + ` TEMPLATE template0`} {
		if _, err := admin.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := postgres.Migrate(t.Context(), u.String()); err != nil {
		t.Fatal(err)
	}
	return u.String()
}

// A connection that is lost around the commit: what is acknowledged is written, and written once.
func TestCommitLost(t *testing.T) {
	link, through := postgrestest.NewLink(t, owned(t))
	s := open(t, through)
	addAuthority(t, s)
	for i, test := range []struct {
		mode string
		runs int
	}{{"", 1}, {"before", 2}, {"after", 1}, {"before", 2}, {"after", 1}} {
		if test.mode != "" {
			link.CutCommit(test.mode == "after", nil)
		}
		runs, start := 0, time.Now()
		if err := s.Update(t.Context(), "test", func(tx store.Tx) error {
			runs++
			return tx.AddCertificate(record(i))
		}); err != nil {
			t.Errorf("%q: %v", test.mode, err)
		}
		t.Logf("%q: %s", test.mode, time.Since(start))
		if runs != test.runs {
			t.Errorf("%q: it ran %d times, want %d", test.mode, runs, test.runs)
		}
		if err := s.View(t.Context(), func(r store.Reader) error {
			if got, want := r.Head().Seq, uint64(i+2); got != want {
				t.Errorf("%q: %d changes, want %d", test.mode, got, want)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	}
}

// After a crash the database gives the number of a transaction that was lost again: that another
// transaction of that number was committed is not taken for its commit.
func TestNumberGivenAgain(t *testing.T) {
	postgrestest.Need(t)
	server, err := postgrestest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	dsn, err := server.Database("again")
	if err != nil {
		t.Fatal(err)
	}
	link, through := postgrestest.NewLink(t, dsn)
	s, other := open(t, through), open(t, dsn)
	addAuthority(t, s)
	cut := make(chan struct{})
	link.CutCommit(false, func() {
		link.Sever()
		close(cut)
	})
	ended := make(chan error, 1)
	go func() { ended <- add(t.Context(), s, 1) }()
	<-cut
	if err := server.Crash(); err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	for n := range 10 {
		if err := add(t.Context(), other, 100+n); err != nil {
			t.Fatal(err)
		}
	}
	link.Restore()
	if err := <-ended; err != nil {
		t.Errorf("the write: %v", err)
	}
	if err := other.View(t.Context(), func(r store.Reader) error {
		if !r.Status(record(1).Key()).Issued {
			t.Error("it was acknowledged, and is not there")
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// Connections that are ended one after the other, as by an administrator, end no write.
func TestConnectionsEnded(t *testing.T) {
	dsn := postgrestest.Database(t)
	s := open(t, dsn)
	addAuthority(t, s)
	admin, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.Background())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var seen atomic.Uint64
	following, began := make(chan error, 1), make(chan struct{})
	begin := sync.OnceFunc(func() { close(began) })
	go func() {
		following <- s.Follow(ctx, 0, func(changes []store.Change) error {
			begin()
			for _, change := range changes {
				if !seen.CompareAndSwap(change.Seq-1, change.Seq) {
					t.Errorf("change %d after %d", change.Seq, seen.Load())
				}
			}
			return nil
		})
	}()
	<-began
	done := make(chan struct{})
	var writers sync.WaitGroup
	var written atomic.Int64
	for w := range 3 {
		writers.Go(func() {
			for i := w * 10000; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				if err := add(ctx, s, i); err != nil {
					t.Error(err)
					return
				}
				written.Add(1)
			}
		})
	}
	for range 10 {
		if _, err := admin.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`); err != nil {
			t.Fatal(err)
		}
		time.Sleep(150 * time.Millisecond)
	}
	close(done)
	writers.Wait()
	if err := s.View(t.Context(), func(r store.Reader) error {
		if got, want := r.Counts().Authorities[authority].Issued, uint64(written.Load()); got != want || want == 0 {
			t.Errorf("%d certificates, and %d were acknowledged", got, want)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	for start := time.Now(); seen.Load() != uint64(written.Load())+1; time.Sleep(10 * time.Millisecond) {
		if time.Since(start) > 5*time.Second {
			t.Fatalf("the follower has %d changes of %d", seen.Load(), written.Load()+1)
		}
	}
	t.Logf("%d certificates", written.Load())
	cancel()
	if err := <-following; !errors.Is(err, context.Canceled) {
		t.Errorf("the follower ended with %v", err)
	}
}

// ownServer starts a server for a test that breaks it, with a database.
func ownServer(t *testing.T, settings ...string) (server *postgrestest.Server, dsn string) {
	t.Helper()
	postgrestest.Need(t)
	server, err := postgrestest.Start(settings...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Stop() })
	if dsn, err = server.Database("lab"); err != nil {
		t.Fatal(err)
	}
	return server, dsn
}

// A database that crashes and comes back loses nothing that was acknowledged, and is used again
// without opening the store anew. While it is away nothing counts as confirmed.
func TestDatabaseAway(t *testing.T) {
	server, dsn := ownServer(t)
	s := open(t, dsn)
	addAuthority(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var seen atomic.Uint64
	go s.Follow(ctx, 0, func(changes []store.Change) error {
		if len(changes) > 0 {
			seen.Store(changes[len(changes)-1].Seq)
		}
		return nil
	})
	confirmed := func(want bool) {
		t.Helper()
		for start := time.Now(); time.Since(s.Confirmed()) < time.Second != want; time.Sleep(10 * time.Millisecond) {
			if time.Since(start) > 5*time.Second {
				t.Fatalf("after five seconds it was not %v that the feed is confirmed", want)
			}
		}
	}
	confirmed(true)

	// away for a moment: writers wait
	if err := server.Crash(); err != nil {
		t.Fatal(err)
	}
	written := make(chan error, 1)
	go func() { written <- add(t.Context(), s, 1) }()
	time.Sleep(300 * time.Millisecond)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	if err := <-written; err != nil {
		t.Errorf("a write during the crash: %v", err)
	}
	confirmed(true)

	// away for longer
	if err := server.Crash(); err != nil {
		t.Fatal(err)
	}
	defer postgres.SetPatience(300 * time.Millisecond)()
	if err := add(t.Context(), s, 2); store.KindOf(err) != store.Unavailable {
		t.Errorf("a write without a database: %v", err)
	}
	err := s.View(t.Context(), func(store.Reader) error { return nil })
	if store.KindOf(err) != store.Unavailable {
		t.Errorf("a view without a database: %v", err)
	}
	confirmed(false)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	confirmed(true)
	if err := add(t.Context(), s, 3); err != nil {
		t.Errorf("a write after it: %v", err)
	}
	if got := seen.Load(); got != 3 {
		t.Errorf("the follower has %d changes, want 3", got)
	}
}

// A writer that stops in the middle of its transaction holds the others up for some seconds only,
// and none of what it had begun is written.
func TestStoppedWriter(t *testing.T) {
	defer postgres.SetIdleLimit(2 * time.Second)()
	dsn := postgrestest.Database(t)
	stopped, other := open(t, dsn), open(t, dsn)
	addAuthority(t, other)
	began, resume, ended := make(chan struct{}), make(chan struct{}), make(chan error)
	var runs atomic.Int32
	go func() {
		ended <- stopped.Update(context.Background(), "test", func(tx store.Tx) error {
			err := tx.AddCertificate(record(1))
			if runs.Add(1) == 1 {
				close(began)
				<-resume
			}
			return err
		})
	}()
	<-began
	start := time.Now()
	if err := add(t.Context(), other, 2); err != nil {
		t.Fatal(err)
	}
	t.Logf("held up for %s", time.Since(start))
	close(resume)
	if err := <-ended; err != nil || runs.Load() != 2 {
		t.Errorf("the writer that had stopped ran %d times: %v", runs.Load(), err)
	}
	if err := other.View(t.Context(), func(r store.Reader) error {
		if n := r.Counts().Authorities[authority].Issued; n != 2 || r.Head().Seq != 3 {
			t.Errorf("%d certificates, %d changes", n, r.Head().Seq)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}
