package bolt

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/atomicfile"
)

// format is the version of the layout that the package's documentation describes. Version 2 had no
// feed and no documents: audit.log, beside the file, had a line for each thing done.
const format = 3

// checkFormat marks a new file with the format, migrates a file of the format before, and refuses
// others. A file that is opened to be read only is read as it is.
func (s *Store) checkFormat(db *bbolt.DB) error {
	var found uint64
	var empty bool
	if err := db.View(func(tx *bbolt.Tx) error {
		k, _ := tx.Cursor().First()
		empty = k == nil
		if b := tx.Bucket(bLab); b != nil {
			found = number(b, kFormat)
		}
		return nil
	}); err != nil {
		return err
	}
	switch {
	case found == format && !s.readOnly:
		return s.finishMigration()
	case found == format, empty && s.readOnly, found == format-1 && s.readOnly:
		return nil
	case found == format-1:
		return s.migrate(db)
	case !empty:
		return store.Errorf(store.Conflict, "the records in %s are of format %d, and this igc reads %d and %d: use the igc that wrote them, or make a new lab in another folder",
			db.Path(), found, format-1, format)
	}
	return db.Update(func(tx *bbolt.Tx) error { return putFormat(tx) })
}

func putFormat(tx *bbolt.Tx) error {
	b, err := tx.CreateBucketIfNotExists(bLab)
	if err != nil {
		return err
	}
	return putNumber(b, kFormat, format)
}

// migrate brings a file of format 2 to the present one, in one transaction. A copy of it stands
// beside until that is on the disk; after an interruption it starts over.
func (s *Store) migrate(db *bbolt.DB) error {
	if err := copyFile(db, s.backup()); err != nil {
		return store.Errorf(store.Unwritable, "the lab's records %s are of format %d and must be copied before they are migrated: %w", s.path, format-1, err)
	}
	old := filepath.Join(filepath.Dir(s.path), "audit.log")
	err := db.Update(func(b *bbolt.Tx) error {
		t := &tx{Tx: b, store: s, actor: "system"}
		lines, err := importAuditLog(t, old)
		if err != nil {
			return err
		}
		if err := t.Append(store.Change{Kind: store.LabMigrated, Note: fmt.Sprintf("format %d to %d, %d entries from audit.log", format-1, format, lines)}); err != nil {
			return err
		}
		return putFormat(b)
	})
	if err != nil {
		return store.Errorf(store.Unwritable, "the lab's records %s could not be migrated to format %d and are as they were (%w): "+
			"free some disk space, or end the program that uses the file, and try again", s.path, format, err)
	}
	return s.finishMigration()
}

// backup is the copy that stands beside the file while it is migrated.
func (s *Store) backup() string { return s.path + fmt.Sprintf(".format-%d", format-1) }

// finishMigration removes the copy, and renames audit.log, whose lines are in the feed: it is kept
// as evidence for igc recover. A process may die between the migration and this, so it is done at
// the next opening as well.
func (s *Store) finishMigration() error {
	if _, err := os.Lstat(s.backup()); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	log := filepath.Join(filepath.Dir(s.path), "audit.log")
	if err := os.Rename(log, log+".imported"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return store.Errorf(store.Unwritable,
			"the records are migrated, and audit.log cannot be renamed to audit.log.imported: %w", err)
	}
	if err := os.Remove(s.backup()); err != nil {
		return store.Errorf(store.Unwritable,
			"the records are migrated, and the copy of the former ones cannot be removed: %w", err)
	}
	return nil
}

// copyFile copies the database, as of one transaction, to a file that is whole or not there.
func copyFile(db *bbolt.DB, path string) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".igc-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	err = db.View(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(tmp)
		return err
	})
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(path))
}

// importAuditLog appends what the audit.log of format 2 says to the feed. A line that was torn is
// left out.
func importAuditLog(t *tx, path string) (lines int, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for r := bufio.NewReader(f); ; lines++ {
		data, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return lines, err
		}
		var line struct {
			At        time.Time         `json:"at"`
			Event     string            `json:"event"`
			Authority string            `json:"authority"`
			Serial    string            `json:"serial"`
			Profile   string            `json:"profile"`
			Holder    string            `json:"holder"`
			Revoked   *store.Revocation `json:"revocation"`
		}
		if json.Unmarshal(data, &line) != nil {
			lines--
			continue
		}
		c := store.Change{At: line.At.UTC(), Actor: "audit.log", Kind: store.StatusChanged, Authority: line.Authority, Serial: line.Serial, Profile: line.Profile, Holder: line.Holder}
		record := store.Record{}
		record.SetRevocation(line.Revoked)
		c.Status, c.Revoked = record.Status, line.Revoked
		if line.Event == "issue" {
			c.Kind = store.CertificateIssued
		}
		if err := t.Append(c); err != nil {
			return lines, err
		}
	}
}
