//go:build !nopostgres

package database

import (
	"context"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/ca/store/postgres"
)

// Open opens the records in a database. It only looks at the address: nothing is read yet.
func Open(address string, o Options) (store.Store, error) {
	s, err := postgres.Open(address, postgres.Options(o))
	if err != nil {
		return nil, err
	}
	return s, nil
}

// OpenExport opens a database that is copied elsewhere.
func OpenExport(address string) (store.Exporter, error) {
	s, err := postgres.Open(address, postgres.Options{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// OpenImport opens a database that a copy fills, and makes its tables.
func OpenImport(ctx context.Context, address string) (store.Importer, error) {
	return postgres.OpenImport(ctx, address)
}

// Migrate makes the tables of a lab, or brings them up to date. It returns the versions of the
// schema before and after, 0 for no tables.
func Migrate(ctx context.Context, address string) (before, after int, err error) {
	return postgres.Migrate(ctx, address)
}
