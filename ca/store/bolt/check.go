package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"math"
	"os"
	"slices"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
)

// present refuses a lab whose records are no more: there is no file, or nothing in it, and there
// was.
func (s *Store) present() error {
	var how error
	switch info, err := os.Stat(s.path); {
	case errors.Is(err, fs.ErrNotExist):
		how = i18n.Errorf("missing")
	case err == nil && info.Size() == 0:
		how = i18n.Errorf("empty")
	default:
		return nil
	}
	if evidence := s.evidence(); evidence != "" {
		return s.lost(how, evidence)
	}
	return nil
}

// notEmptied refuses records without an authority, where there were some.
func (s *Store) notEmptied(db *bbolt.DB) error {
	var some bool
	err := guard(func() error {
		return db.View(func(tx *bbolt.Tx) error {
			if b := tx.Bucket(bAuthorities); b != nil {
				k, _ := b.Cursor().First()
				some = k != nil
			}
			return nil
		})
	})
	if some || err != nil {
		return err
	}
	if evidence := s.evidence(); evidence != "" {
		return s.lost(i18n.Errorf("without any authority"), evidence)
	}
	return nil
}

// Check reads the file whole, page by page and value by value, and holds its parts to each other.
// It returns an error of kind Damaged when something in it cannot be true, and [store.ErrLocked]
// when another process still has the file after that time. It reads a gigabyte in some seconds.
func (s *Store) Check(wait time.Duration) error {
	err := s.present()
	if err == nil {
		err = s.checkAs(wait, math.MaxInt64)
	}
	if err == nil {
		if err = s.acquire(wait); err == nil {
			err = errors.Join(s.view(crossCheck), s.release())
		}
	}
	return s.damaged(err)
}

// FoundDamage is the damage that this process found, nil when it found none.
func (s *Store) FoundDamage() error { return s.foundDamage() }

// wholeCheck is the size up to which a file is looked at whole when it is opened: some 10,000
// certificates, 40 ms.
var wholeCheck int64 = 32 << 20

// check looks at the file before bbolt does, unless nobody changed it since this process closed it.
func (s *Store) check(patience time.Duration) error {
	if s.left != nil && bytes.Equal(s.left, metaBytes(s.path)) {
		return nil
	}
	return s.checkAs(patience, s.whole)
}

// checkAs looks at every page and value of a file up to that size. The lock of a reader is held
// meanwhile.
func (s *Store) checkAs(patience time.Duration, whole int64) error {
	if info, err := os.Stat(s.path); err != nil || info.Size() == 0 {
		return nil // a new one
	}
	db, file, err := openBolt(s.path, &bbolt.Options{Timeout: patience, ReadOnly: true})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return store.ErrLocked
	case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist):
		return store.Errorf(store.Unwritable, "cannot open the lab's records %s: %w", s.path, err)
	case errors.As(err, new(syscall.Errno)):
		return store.Errorf(store.Unwritable, "cannot open the lab's records %s: %w", s.path, err)
	case err != nil:
		return damage("%v", err)
	}
	info, err := file.Stat()
	if err == nil {
		err = checkPages(file, info.Size(), info.Size() <= whole, checkValue)
	}
	return errors.Join(err, closeBolt(db, file, err != nil))
}

// metaBytes are those of both meta pages, nil when they cannot be read. A transaction changes them.
func metaBytes(path string) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	b := make([]byte, 2*os.Getpagesize())
	if _, err := f.ReadAt(b, 0); err != nil {
		return nil
	}
	return b
}

// checkValue checks a value by what it holds itself: its form, and its checksum.
func checkValue(path []string, key, value []byte) (err error) {
	name := ""
	if len(path) > 0 {
		name = path[len(path)-1]
	}
	switch {
	case len(path) == 1 && (name == string(bCards) || name == string(bHolders)):
		return checkIndexed(key, value)
	case len(path) == 3 && name == string(bCerts):
		if len(key) != 8 {
			return damage("a record's number has %d bytes", len(key))
		}
		_, _, err = splitRecord(binary.BigEndian.Uint64(key), value)
	case len(path) == 3 && name == string(bSerials):
		_, _, err = parseStatus(key, value)
	case len(path) == 3 && name == string(bEntries):
		_, err = parseChunk(key, value)
	case len(path) == 2 && string(key) == string(kLists):
		_, err = parseCRLState(value)
	case len(path) == 2 && string(key) == string(kCertificate):
		_, err = parseAuthority(value)
	case len(path) == 1 && name == string(bFeed):
		_, err = splitChange(key, value)
	case len(path) == 2 && path[0] == string(bDocuments):
		_, err = parseDocument(key, value)
	case len(path) == 1 && name == string(bEnds):
		err = checkIndexed(key, value)
	case len(path) == 1 && name == string(bLab), len(path) == 2 && slices.ContainsFunc([][]byte{kRevision, kListed, kIndexed, kDropped}, func(k []byte) bool { return bytes.Equal(k, key) }):
		err = checkNumber(key, value)
	}
	return err
}

// checkIndexed checks an entry of the indexes of cards and holders.
func checkIndexed(key, value []byte) error {
	if len(value) != 0 && (len(value) != 4 || binary.BigEndian.Uint32(value) != checksum(key)) {
		return damage("an index at %q", key)
	}
	return nil
}
