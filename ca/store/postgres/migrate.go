package postgres

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/igc-lab/igc/ca/store"
)

// Migrations are files NNNN_name.sql. The first line of each names the oldest schema whose programs
// can use a database after it ("-- serves: 1"): at least those of the one before, so that nodes are
// upgraded one after the other. A program is held to it when it opens the database, and with each
// transaction, so that one that runs during a migration that it cannot go on with ends there.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

type migration struct {
	version, serves int
	name, sql       string
}

var servesLine = regexp.MustCompile(`^-- serves: ([0-9]+)\n`)

// migrations reads the embedded files, in the order of their numbers, which have no gap.
func migrations() ([]migration, error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	all := make([]migration, len(names))
	for i, name := range names {
		data, err := migrationFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		m := migration{version: i + 1, name: name[len("migrations/"):], sql: string(data)}
		serves := servesLine.FindStringSubmatch(m.sql)
		if m.name[:4] != fmt.Sprintf("%04d", m.version) || serves == nil {
			return nil, fmt.Errorf("migration %s is not number %d, or does not say what it serves", m.name, m.version)
		}
		if m.serves, err = strconv.Atoi(serves[1]); err != nil {
			return nil, err
		}
		all[i] = m
	}
	return all, nil
}

// schema is the version that this program is written for: the number of the last migration.
const schema = 2

// lockMigrations is the key of the advisory lock that one migration at a time holds.
const lockMigrations = 0x6967632d73716c // "igc-sql"

// Migrate makes the tables, or brings them to the schema of this program: all of it or nothing. It
// returns the version before and after; a newer database stays as it is.
func Migrate(ctx context.Context, dsn string) (before, after int, err error) {
	all, err := migrations()
	if err != nil {
		return 0, 0, err
	}
	return migrateBy(ctx, dsn, all)
}

func migrateBy(ctx context.Context, dsn string, all []migration) (before, after int, err error) {
	config, err := parse(dsn)
	if err != nil {
		return 0, 0, err
	}
	conn, err := pgx.ConnectConfig(ctx, config.ConnConfig)
	if err != nil {
		return 0, 0, failed(err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		before, after, err = migrate(ctx, tx, all)
		return err
	})
	return before, after, failed(err)
}

func migrate(ctx context.Context, tx pgx.Tx, all []migration) (before, after int, err error) {
	var encoding string
	if err := tx.QueryRow(ctx, `SHOW server_encoding`).Scan(&encoding); err != nil {
		return 0, 0, err
	}
	if encoding != "UTF8" {
		return 0, 0, store.Errorf(
			store.Conflict,
			"the database is encoded in %s: make one with CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0",
			encoding,
		)
	}
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(lockMigrations)); err != nil {
		return 0, 0, err
	}
	if _, err := tx.Exec(ctx, `CREATE TABLE IF NOT EXISTS igc_schema (
		version int PRIMARY KEY, serves int NOT NULL, name text NOT NULL,
		made timestamptz NOT NULL DEFAULT now())`); err != nil {
		return 0, 0, err
	}
	if err := tx.QueryRow(ctx, `SELECT coalesce(max(version), 0) FROM igc_schema`).Scan(&before); err != nil {
		return 0, 0, err
	}
	if before > 0 { // nodes that are running write before it or after it
		if _, err := tx.Exec(ctx, `SELECT FROM lab FOR UPDATE`); err != nil {
			return 0, 0, err
		}
	}
	after = before
	for _, m := range all[min(before, len(all)):] {
		if _, err := tx.Exec(ctx, m.sql); err != nil {
			return 0, 0, fmt.Errorf("%s: %w", m.name, err)
		}
		if _, err := tx.Exec(ctx, `INSERT INTO igc_schema (version, serves, name) VALUES ($1, $2, $3)`,
			m.version, m.serves, m.name); err != nil {
			return 0, 0, err
		}
		after = m.version
	}
	return before, after, nil
}

// checkSchema refuses a database that this program cannot use.
func (s *Store) checkSchema(ctx context.Context, conn *pgx.Conn) error {
	var made *string
	if err := conn.QueryRow(ctx, `SELECT to_regclass('igc_schema')::text`).Scan(&made); err != nil {
		return err
	}
	if made == nil {
		return store.Errorf(
			store.NotFound,
			"the database %s has no lab yet: igc store migrate makes its tables",
			conn.Config().Database,
		)
	}
	var version, serves int
	if err := conn.QueryRow(ctx, `SELECT version, serves FROM igc_schema ORDER BY version DESC LIMIT 1`).
		Scan(&version, &serves); err != nil {
		return err
	}
	if version < s.schema {
		return store.Errorf(
			store.Conflict,
			"the database %s is of schema %d, and this igc uses %d: igc store migrate brings it there",
			conn.Config().Database,
			version,
			s.schema,
		)
	}
	return s.checkServed(serves)
}

// checkServed refuses a database that serves programs from some schema on, and not this one.
func (s *Store) checkServed(serves int) error {
	if serves <= s.schema {
		return nil
	}
	return store.Errorf(
		store.Conflict,
		"the database %s serves igc from schema %d on, and this igc uses %d: use a newer igc",
		s.config.ConnConfig.Database,
		serves,
		s.schema,
	)
}
