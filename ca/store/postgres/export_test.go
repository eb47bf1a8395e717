package postgres

import (
	"context"
	"time"
)

// Schema is that of the program.
const Schema = schema

// OpenAs opens a store as a program does that is written for another schema.
func OpenAs(dsn string, schema int) (*Store, error) {
	s, err := Open(dsn, Options{})
	if err == nil {
		s.schema = schema
	}
	return s, err
}

// MigrateTo migrates as a program does that is written for the schema: by migrations of this
// program, and after them by others, of which each is named with what it serves.
func MigrateTo(ctx context.Context, dsn string, schema int, serves ...int) (before, after int, err error) {
	all, err := migrations()
	if err != nil {
		return 0, 0, err
	}
	for _, n := range serves {
		all = append(all, migration{version: len(all) + 1, serves: n, name: "made-up.sql",
			sql: `ALTER TABLE certificates ADD COLUMN IF NOT EXISTS later text`})
	}
	return migrateBy(ctx, dsn, all[:schema])
}

// SetPatience sets how long a write is tried again; the function that it returns sets it back.
func SetPatience(d time.Duration) (back func()) {
	former := patience
	patience = d
	return func() { patience = former }
}

// SetWall sets the clock of the store's machine. It is called before the store is used.
func (s *Store) SetWall(wall func() time.Time) { s.wall = wall }

// SetIdleLimit sets how long a writer may stand still; the function that it returns sets it back.
func SetIdleLimit(d time.Duration) (back func()) {
	former := idleLimit
	idleLimit = d
	return func() { idleLimit = former }
}

// SetStatementLimit sets how long a statement may take; the function that it returns sets it back.
func SetStatementLimit(d time.Duration) (back func()) {
	former := statementLimit
	statementLimit = d
	return func() { statementLimit = former }
}
