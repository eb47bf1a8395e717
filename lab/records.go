package lab

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/ca/store/bolt"
	"github.com/igc-lab/igc/ca/store/database"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/lab/rpc"
)

// InFile is the setting of a lab whose records are in its folder, in igc.db. Others are addresses
// of databases.
const InFile = "bbolt"

// checkStore refuses an unknown setting of store.
func checkStore(setting string) error {
	if setting == InFile {
		return nil
	}
	if !database.IsAddress(setting) {
		return i18n.Errorf(
			"store %q is neither bbolt nor the address of a database, postgres://USER@HOST/DATABASE",
			setting,
		)
	}
	_, err := database.Open(setting, database.Options{})
	return err
}

// RecordsFile is the file that the records of a home are in, unless they are in a database.
func RecordsFile(home string) string { return filepath.Join(home, "igc.db") }

// openRecords opens the store that igc.yaml names. Nothing is read yet.
func (l *Lab) openRecords() error {
	evidence := func() string { return evidenceOfRecords(l.Home) }
	if l.Config.Store == InFile {
		l.file = bolt.Open(RecordsFile(l.Home), bolt.Options{Now: l.opts.Now, ReadOnly: l.opts.ReadOnly,
			Evidence: evidence})
		l.store = l.file
		return nil
	}
	records, err := database.Open(l.Config.Store, database.Options{Now: l.opts.Now, ReadOnly: l.opts.ReadOnly,
		Evidence: evidence})
	l.store = records
	return err
}

// migrate makes the tables of a new lab in a database, unless they are there.
func migrate(setting string) error {
	if setting == InFile {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, _, err := database.Migrate(ctx, setting)
	return err
}

// Lock opens the records and keeps them, as a server does. Records in a file are then this
// process's alone: it answers Busy when another has them, and until the matching [Lab.Unlock] no
// other reaches them but through this one's socket. Records in a database are shared: it answers
// Busy when a server runs in the same home.
func (l *Lab) Lock() error {
	err := l.lockRecords(2 * time.Second)
	if err == nil && l.file == nil && rpc.NewClient(l.Home, nil).Answers() {
		err = store.ErrLocked
	}
	if errors.Is(err, store.ErrLocked) {
		return fail(ca.Busy, "another process holds the lab in %s: is igc serve running there already?", l.Home)
	}
	return err
}

// Unlock ends a Lock.
func (l *Lab) Unlock() error {
	if l.file == nil {
		return nil
	}
	return l.file.Unlock()
}

// lockRecords locks a file, see [store.Owned]; a database only has to answer.
func (l *Lab) lockRecords(wait time.Duration) error {
	if l.file != nil {
		return l.file.Lock(wait)
	}
	return l.lookAtRecords()
}

// lookAtRecords returns the error of a database that cannot be used.
func (l *Lab) lookAtRecords() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return l.store.View(ctx, func(store.Reader) error { return nil })
}

// InDatabase is the address of the database that the records are in, without its password; empty
// when they are in a file.
func (l *Lab) InDatabase() string {
	if l.file != nil {
		return ""
	}
	return database.Shown(l.Config.Store)
}

// Shared is what there is of the records as shared with other processes, nil when they are in a
// file.
func (l *Lab) Shared() store.Shared {
	shared, _ := l.store.(store.Shared)
	return shared
}

// Close ends the use of the records. The Labs of all actors are closed with it.
func (l *Lab) Close() error { return errors.Join(l.keys.Close(), l.store.Close()) }
