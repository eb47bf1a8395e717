//go:build nopostgres

package database

import (
	"context"

	"github.com/igc-lab/igc/ca/store"
)

func absent() error {
	return store.Errorf(store.Invalid, "this igc was built without PostgreSQL (tag nopostgres): take one that was "+
		"built "+
		"with it, or keep the records in a file (store: bbolt)")
}

// Open refuses every address.
func Open(string, Options) (store.Store, error) { return nil, absent() }

// OpenExport refuses every address.
func OpenExport(string) (store.Exporter, error) { return nil, absent() }

// OpenImport refuses every address.
func OpenImport(context.Context, string) (store.Importer, error) { return nil, absent() }

// Migrate refuses every address.
func Migrate(context.Context, string) (before, after int, err error) { return 0, 0, absent() }
