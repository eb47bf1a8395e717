package postgres_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/ca/store/postgres"
	"github.com/igc-lab/igc/internal/postgrestest"
)

// A database that stops answering in the middle of a transaction holds up neither who reads, nor
// who ends an update with an error, nor the updates that wait behind it.
func TestStuckTransaction(t *testing.T) {
	dsn := postgrestest.Database(t)
	link, through := postgrestest.NewLink(t, dsn)
	s := open(t, through)
	addAuthority(t, s)
	defer postgres.SetStatementLimit(500 * time.Millisecond)()
	refused := errors.New("refused")
	for name, begin := range map[string]func(hang func()) error{
		"view": func(hang func()) error {
			return s.View(context.Background(), func(store.Reader) error {
				hang()
				return refused
			})
		},
		"update": func(hang func()) error {
			return s.Update(context.Background(), "test", func(store.Tx) error {
				hang()
				return refused
			})
		},
	} {
		ended := make(chan error, 1)
		hung := make(chan func(), 1)
		go func() { ended <- begin(func() { hung <- link.Hang() }) }()
		resume := <-hung
		select {
		case err := <-ended:
			if !errors.Is(err, refused) {
				t.Errorf("%s: %v", name, err)
			}
		case <-time.After(5 * time.Second):
			t.Errorf("%s: it waits for the database", name)
		}
		resume()
	}
	if err := add(t.Context(), s, 1); err != nil {
		t.Errorf("a write after it: %v", err)
	}
}

// A commit that the synchronous standby did not confirm is not acknowledged: it would be lost with
// the primary.
func TestStandbyAway(t *testing.T) {
	pair := postgrestest.StartPair(t)
	s := open(t, pair.URL)
	addAuthority(t, s)
	if err := pair.Standby.Stop(); err != nil {
		t.Fatal(err)
	}
	defer postgres.SetPatience(time.Second)()
	defer postgres.SetStatementLimit(time.Second)()
	if err := add(t.Context(), s, 1); store.KindOf(err) != store.Unanswered {
		t.Errorf("a write that the standby does not have: %v (%s)", err, store.KindOf(err))
	}
}

// A transaction without an entry in the feed counts as committed only when the database has not
// started anew since before it began.
func TestRestartBeforeCommit(t *testing.T) {
	dsn := postgrestest.Database(t)
	link, through := postgrestest.NewLink(t, dsn)
	var onBegin atomic.Pointer[func()]
	s, err := postgres.Open(through, postgres.Options{Now: func() time.Time {
		if do := onBegin.Swap(nil); do != nil {
			(*do)()
		}
		return time.Now()
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	addAuthority(t, s)
	began, end := make(chan struct{}), make(chan struct{})
	defer close(end)
	go s.Follow(t.Context(), 0, func([]store.Change) error { // it begins no further transaction
		close(began)
		<-end
		return errors.New("ended")
	})
	<-began
	admin, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.Background())
	restart := func() { // as after a crash: the table of nodes is empty, and the node enters itself again
		if _, err := admin.Exec(t.Context(), `DELETE FROM nodes`); err != nil {
			t.Error(err)
		}
		for found := false; !found; time.Sleep(10 * time.Millisecond) {
			if err := admin.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM nodes)`).Scan(&found); err != nil {
				t.Error(err)
				return
			}
		}
		time.Sleep(time.Second) // several heartbeats: the node knows of its new row
		link.CutCommit(true, nil)
	}
	onBegin.Store(&restart)
	docs := store.Documents{Store: store.DocumentsOf(s, "test"), Kind: store.DocumentKind{Name: "session"}}
	if _, err := docs.Put(t.Context(), "", "s", nil, time.Time{}); store.KindOf(err) != store.Unanswered {
		t.Errorf("a write of whose number nothing is known: %v (%s)", err, store.KindOf(err))
	}
}
