package postgres_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/postgrestest"
)

// Followers go on after the database has refused the node for a while, as when a password is
// changed, or the standby that took over lacks a line of pg_hba.conf.
func TestFollowRefused(t *testing.T) {
	_, dsn := ownServer(t)
	admin, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.Background())
	execute := func(sql string) {
		t.Helper()
		if _, err := admin.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	execute(`CREATE ROLE node SUPERUSER LOGIN`)
	s, other := open(t, strings.Replace(dsn, "postgres@", "node@", 1)), open(t, dsn)
	addAuthority(t, other)
	var has seen
	has.follow(t, s)
	execute(`ALTER ROLE node NOLOGIN`)
	execute(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'node'`)
	for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		err := s.View(t.Context(), func(store.Reader) error { return nil })
		if store.KindOf(err) == store.Invalid && time.Since(start) > 1500*time.Millisecond {
			break // a follower looks at the feed each second
		}
		if time.Since(start) > 20*time.Second {
			t.Fatalf("the node is not refused: %v", err)
		}
	}
	execute(`ALTER ROLE node LOGIN`)
	if err := add(t.Context(), other, 1); err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); !has.has(record(1).Serial) || time.Since(s.Confirmed()) > time.Second; {
		if time.Since(start) > 20*time.Second {
			t.Fatal("the follower has ended")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// After a failover to a standby that lacks the last changes, followers get those that have their
// numbers now.
func TestFollowAfterLoss(t *testing.T) {
	dsn := postgrestest.Database(t)
	s, other := open(t, dsn), open(t, dsn)
	addAuthority(t, s)
	var has seen
	has.follow(t, s)
	for n := range 3 {
		if err := add(t.Context(), s, n); err != nil {
			t.Fatal(err)
		}
	}
	admin, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.Background())
	if _, err := admin.Exec(t.Context(), `BEGIN;
		DELETE FROM feed WHERE seq > 1; DELETE FROM certificates; DELETE FROM statuses;
		UPDATE lab SET seq = 1, issued = 0, hash = (SELECT sha256(convert_to(entry, 'UTF8')) FROM feed);
		COMMIT`); err != nil {
		t.Fatal(err)
	}
	for lost := time.Now(); !s.Confirmed().After(lost); time.Sleep(10 * time.Millisecond) {
		if time.Since(lost) > 5*time.Second {
			t.Fatal("the feed is not confirmed any more")
		}
	}
	if err := add(t.Context(), other, 10); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(s.Confirmed()); !has.has(record(10).Serial) && took < time.Second {
		t.Error("the feed counts as confirmed, and the follower does not have its last change")
	}
	for start := time.Now(); !has.has(record(10).Serial); time.Sleep(10 * time.Millisecond) {
		if time.Since(start) > 5*time.Second {
			t.Fatal("the follower does not have a change that was written after the loss")
		}
	}
}
