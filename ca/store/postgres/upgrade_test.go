package postgres_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/ca/store/postgres"
	"github.com/igc-lab/igc/internal/postgrestest"
)

// former makes a database of the schema of the version before, with an authority, and a program of
// that version that runs on it.
func former(t *testing.T) (dsn string, old *postgres.Store) {
	t.Helper()
	dsn, err := postgrestest.Need(t).EmptyDatabase(t.Name())
	if err != nil {
		t.Fatal(err)
	}
	_, after, err := postgres.MigrateTo(t.Context(), dsn, postgres.Schema-1)
	if err != nil || after != postgres.Schema-1 {
		t.Fatalf("schema %d, %v", after, err)
	}
	old = openAs(t, dsn, postgres.Schema-1)
	addAuthority(t, old)
	return dsn, old
}

func openAs(t *testing.T, dsn string, schema int) *postgres.Store {
	t.Helper()
	s, err := postgres.OpenAs(dsn, schema)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// refused wants an error that tells what to do, of a view and of an update.
func refused(t *testing.T, s *postgres.Store, remedy string) {
	t.Helper()
	for name, err := range map[string]error{
		"view":   s.View(t.Context(), func(store.Reader) error { return nil }),
		"update": add(t.Context(), s, 99),
	} {
		if store.KindOf(err) != store.Conflict || !strings.Contains(err.Error(), remedy) {
			t.Errorf("%s: %v, want one that says %q", name, err, remedy)
		}
	}
}

// Nodes are upgraded one after the other: those of the version before write while the database is
// migrated and after it, beside new ones, and each follows what the other does.
func TestRollingUpgrade(t *testing.T) {
	dsn, old := former(t)
	refused(t, open(t, dsn), "igc store migrate")
	var oldSeen, newSeen seen
	oldSeen.follow(t, old)

	stop := make(chan struct{})
	var writing sync.WaitGroup
	written := 0
	writing.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if err := add(t.Context(), old, 1000+written); err != nil {
				t.Errorf("the old node, during the migration: %v", err)
				return
			}
			written++
		}
	})
	before, after, err := postgres.Migrate(t.Context(), dsn)
	if err != nil || before != postgres.Schema-1 || after != postgres.Schema {
		t.Errorf("from %d to %d, %v", before, after, err)
	}
	close(stop)
	writing.Wait()
	t.Logf("the old node wrote %d certificates meanwhile", written)

	fresh := open(t, dsn)
	newSeen.follow(t, fresh)
	if err := add(t.Context(), fresh, 1); err != nil {
		t.Fatal(err)
	}
	if err := add(t.Context(), old, 2); err != nil {
		t.Fatal(err)
	}
	restarted := openAs(t, dsn, postgres.Schema-1) // an old one that starts after the migration
	if err := add(t.Context(), restarted, 3); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		serial := record(n + 1).Serial
		if onOld, onNew := oldSeen.has(serial), newSeen.has(serial); !onOld || !onNew {
			t.Errorf("certificate %d: the old node has it: %v, the new one: %v", n+1, onOld, onNew)
		}
	}
	for _, s := range []*postgres.Store{old, fresh, restarted} {
		listed := 0
		if err := s.View(t.Context(), func(r store.Reader) error {
			for _, err := range r.List(store.Filter{Newest: true, Status: store.Good, Product: "cps"}) {
				if err != nil {
					return err
				}
				listed++
			}
			return nil
		}); err != nil || listed != written+3 {
			t.Errorf("%d certificates are listed, %d were written: %v", listed, written+3, err)
		}
	}
}

// A migration that does not serve the version before ends what runs of it, and leaves the others.
// A newer database stays as it is.
func TestUpgradeRefused(t *testing.T) {
	dsn, old := former(t)
	if _, _, err := postgres.Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	present := open(t, dsn)
	if err := add(t.Context(), present, 1); err != nil {
		t.Fatal(err)
	}
	if err := add(t.Context(), old, 2); err != nil {
		t.Fatal(err)
	}
	// a version to come, which serves the present one and none before
	_, after, err := postgres.MigrateTo(t.Context(), dsn, postgres.Schema+1, postgres.Schema)
	if err != nil || after != postgres.Schema+1 {
		t.Fatalf("schema %d, %v", after, err)
	}
	refused(t, old, "use a newer igc")
	refused(t, openAs(t, dsn, postgres.Schema-1), "use a newer igc")
	if err := add(t.Context(), present, 3); err != nil {
		t.Errorf("the version that it serves: %v", err)
	}
	if err := add(t.Context(), openAs(t, dsn, postgres.Schema+1), 4); err != nil {
		t.Errorf("the new version: %v", err)
	}
	before, after, err := postgres.Migrate(t.Context(), dsn)
	if err != nil || before != postgres.Schema+1 || after != before {
		t.Errorf("the present version brings it from %d to %d, %v", before, after, err)
	}
}

// Each migration serves the programs of the version before it, or says here why it cannot.
func TestMigrationsServe(t *testing.T) {
	dsn, err := postgrestest.Need(t).EmptyDatabase(t.Name())
	if err != nil {
		t.Fatal(err)
	}
	for version := 1; version <= postgres.Schema; version++ {
		if _, after, err := postgres.MigrateTo(t.Context(), dsn, version); err != nil || after != version {
			t.Fatalf("schema %d, %v, want %d", after, err, version)
		}
		for program := max(1, version-1); program <= version; program++ {
			if err := openAs(t, dsn, program).View(t.Context(), func(store.Reader) error { return nil }); err != nil {
				t.Errorf("schema %d, program of %d: %v", version, program, err)
			}
		}
	}
}
