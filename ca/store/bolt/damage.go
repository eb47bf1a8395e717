package bolt

import (
	"errors"
	"hash/crc32"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
)

// What is detected of a damaged igc.db, and when:
//
//   - at every opening, before bbolt reads anything: both meta pages, the list of free pages, every
//     page that holds buckets and every branch page (pages.go). A tree without cycles, of pages
//     that are there, is what bbolt needs in order not to run for ever, nor out of memory. In a
//     file of up to [wholeCheck] bytes every page and every value too;
//   - when it is read: a record, a status, a chunk of CRL entries and an entry of the indexes of
//     cards and holders whose checksum is wrong, a bucket or a record that is missing, an assertion
//     of bbolt, a fault of memory;
//   - by igc doctor and igc recover: every page and every value, however large the file is.
//
// All of it ends in one error of kind Damaged. Checksums were added to values in use: one that has
// none was written before, and is taken as it is.

// damageError says what is damaged, in words that [Store.damaged] puts into a sentence with the
// file's name.
type damageError struct{ what error }

func (e *damageError) Error() string { return e.what.Error() }

// Text is the message in both languages.
func (e *damageError) Text() i18n.Text { return i18n.TextOf(e.what) }

func damage(format string, args ...any) error { return &damageError{i18n.Errorf(format, args...)} }

// damaged makes the error that a user sees of damage; another error stays as it is.
func (s *Store) damaged(err error) error {
	var d *damageError
	if !errors.As(err, &d) {
		return err
	}
	return store.Errorf(store.Damaged,
		"the lab's records %s are damaged (%w): igc recover rebuilds them from what is on disk, or put a copy of %s back",
		s.path, d, filepath.Base(s.path))
}

// lost is the error of records that are no more, while something on disk shows that there were
// some.
func (s *Store) lost(how error, evidence string) error {
	return store.Errorf(store.Damaged,
		"the lab's records %s are %s, and %s shows that there were some: igc recover rebuilds them from what is on disk, or put a copy of %s back",
		s.path, how, evidence, filepath.Base(s.path))
}

// guard runs code that reads the database. A fault of memory (the file is mapped, and may have been
// cut), a panic of bbolt's and a damage that our code throws become errors; a panic of our own code
// stays one.
func guard(do func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch why := recover().(type) {
		case nil:
		case *damageError:
			err = why
		default:
			if !ofDatabase(why) {
				panic(why)
			}
			err = damage("%v", why)
		}
	}()
	return do()
}

// ofDatabase tells whether a panic comes from what the file holds: it was a fault at an address, or
// bbolt's own code.
func ofDatabase(why any) bool {
	if fault, ok := why.(interface{ Addr() uintptr }); ok && fault.Addr() >= 4096 {
		return true
	}
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	panicked := false
	for {
		frame, more := frames.Next()
		switch {
		case strings.HasPrefix(frame.Function, "runtime."):
			panicked = panicked || frame.Function == "runtime.gopanic" || frame.Function == "runtime.sigpanic"
		case panicked:
			return strings.HasPrefix(frame.Function, "go.etcd.io/bbolt")
		}
		if !more {
			return false
		}
	}
}

// --- checksums

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is that of parts in a row. It is never 0, which stands for none.
func checksum(parts ...[]byte) uint32 {
	sum := uint32(0)
	for _, p := range parts {
		sum = crc32.Update(sum, castagnoli, p)
	}
	if sum == 0 {
		return 1
	}
	return sum
}

// noteDamage keeps the first damage that was found, and makes it the error that users see.
func (s *Store) noteDamage(err error) error {
	seen := s.damaged(err)
	if seen != err {
		s.damage.CompareAndSwap(nil, &seen)
	}
	return seen
}

// foundDamage is the damage that was found, nil when none was.
func (s *Store) foundDamage() error {
	if found := s.damage.Load(); found != nil {
		return *found
	}
	return nil
}
