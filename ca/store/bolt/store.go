package bolt

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/ca/store/followers"
)

// Options say how a store is opened.
type Options struct {
	Now      func() time.Time // nil for the clock
	ReadOnly bool             // the file is only looked at: neither made nor marked nor migrated, and never written

	// Evidence names a file that shows that there were records, empty when there is none: a store
	// that is empty, or not there, is then refused as damaged, and not made anew. Nil for none.
	Evidence func() string
}

// Store keeps a lab's records in one bbolt file, see the package's documentation. It implements
// [store.Store] and [store.Owned].
type Store struct {
	path     string
	readOnly bool
	now      func() time.Time
	evidence func() string
	whole    int64 // size up to which the file is looked at whole when it is opened

	mu    sync.Mutex
	db    *bbolt.DB
	file  *os.File // of db
	users int
	left  []byte // the meta pages as they were when this process closed the file: it was whole

	ops chan *storeOp // nil while closed

	damage atomic.Pointer[error] // the first that was found: nothing is written any more
	broken atomic.Bool           // bbolt failed in beginning or ending a transaction: nothing is read any more

	followers followers.Set
	copies    copies
}

var (
	_ store.Store          = (*Store)(nil)
	_ store.Owned          = (*Store)(nil)
	_ store.DocumentReader = (*Store)(nil)
)

type storeOp struct {
	do   func(*bbolt.Tx) error
	err  error // of do
	done chan error
}

// turn is how long a call waits for another process that has the file open: making nine authorities
// takes a while.
const turn = 2 * time.Minute

// Open returns the store of a file. It reads nothing: the file is opened, and made if it is not
// there, when it is needed.
func Open(path string, opts Options) *Store {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Evidence == nil {
		opts.Evidence = func() string { return "" }
	}
	return &Store{path: path, readOnly: opts.ReadOnly, now: opts.Now, evidence: opts.Evidence, whole: wholeCheck}
}

// Path is the file.
func (s *Store) Path() string { return s.path }

// Lock implements [store.Owned].
func (s *Store) Lock(wait time.Duration) error { return s.acquire(wait) }

// Unlock implements [store.Owned].
func (s *Store) Unlock() error { return s.release() }

// Close implements [store.Store]. It has nothing to do: the file is open only during a call, or
// until Unlock.
func (s *Store) Close() error { return nil }

// View implements [store.Store].
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	return s.using(ctx, func() error {
		return s.view(func(b *bbolt.Tx) error { return fn(&tx{Tx: b, store: s}) })
	})
}

// Update implements [store.Store].
func (s *Store) Update(ctx context.Context, actor string, fn func(store.Tx) error) error {
	return s.updateAs(ctx, actor, func(t *tx) error { return fn(t) })
}

// Restore implements [store.Store].
func (s *Store) Restore(ctx context.Context, actor string, fn func(store.RestoreTx) error) error {
	return s.updateAs(ctx, actor, func(t *tx) error { return fn(t) })
}

func (s *Store) updateAs(ctx context.Context, actor string, fn func(*tx) error) error {
	if actor == "" {
		return store.Errorf(store.Internal, "a change without an actor")
	}
	if s.readOnly {
		return store.Errorf(store.Unwritable, "the lab's records %s were opened to be read only", s.path)
	}
	return s.using(ctx, func() error {
		var last uint64
		err := s.update(func(b *bbolt.Tx) error {
			t := &tx{Tx: b, store: s, actor: actor}
			err := fn(t)
			last = t.appended
			return err
		})
		if err == nil && last > 0 {
			s.wake(ctx, last)
		}
		return err
	})
}

// using runs do with the file open.
func (s *Store) using(ctx context.Context, do func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := s.acquire(turn)
	if errors.Is(err, store.ErrLocked) {
		return store.Errorf(store.Busy, "another process has held the lab in %s for %s: end it, or try again", filepath.Dir(s.path), turn)
	}
	if err != nil {
		return err
	}
	return errors.Join(do(), s.release())
}

// second is the present second: certificates, CRLs and documents count in seconds.
func (s *Store) second() time.Time { return s.now().UTC().Truncate(time.Second) }

// acquire opens the file, or joins those who have it open. It returns [store.ErrLocked] when
// another process still has it after that time. Every success needs a release.
func (s *Store) acquire(patience time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		if err := s.open(patience); err != nil {
			return s.damaged(err)
		}
	}
	s.users++
	return nil
}

func (s *Store) open(patience time.Duration) error {
	// bbolt makes the file when it opens it; a lab is made by Create, never by a look into an empty
	// folder
	if _, err := os.Stat(filepath.Dir(s.path)); err != nil {
		return store.Errorf(store.NotFound, "no lab: %w", err)
	}
	if err := s.present(); err != nil {
		return err
	}
	if err := s.check(patience); err != nil {
		return err
	}
	db, file, err := openBolt(s.path, &bbolt.Options{Timeout: patience, FreelistType: bbolt.FreelistMapType, ReadOnly: s.readOnly})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return store.ErrLocked
	case errors.Is(err, fs.ErrNotExist):
		return store.Errorf(store.NotFound, "the lab has no records yet: %w", err)
	case store.KindOf(err) != store.Internal, errors.As(err, new(*damageError)):
		return err
	case err != nil:
		return store.Errorf(store.Unwritable, "cannot open the lab's records %s: %w", s.path, err)
	}
	err = s.notEmptied(db)
	if err == nil {
		err = guard(func() error { return s.checkFormat(db) })
	}
	if err != nil {
		return errors.Join(err, closeBolt(db, file, true))
	}
	s.db, s.file, s.ops = db, file, make(chan *storeOp, 256)
	s.copies.clear()
	go s.write(db, s.ops)
	return nil
}

// openBolt opens a database, and returns the file with it, which a damaged one is closed by.
func openBolt(path string, options *bbolt.Options) (db *bbolt.DB, file *os.File, err error) {
	options.OpenFile = func(name string, flag int, mode fs.FileMode) (*os.File, error) {
		var err error
		file, err = os.OpenFile(name, flag, mode)
		return file, err
	}
	failed := guard(func() error {
		db, err = bbolt.Open(path, 0o600, options)
		return nil
	})
	if failed != nil {
		file.Close() // which bbolt, as it panicked, did not
		return nil, nil, failed
	}
	return db, file, err
}

// closeBolt closes a database. One that is damaged may hold its own locks for ever: its file is
// closed all the same.
func closeBolt(db *bbolt.DB, file *os.File, damaged bool) error {
	if !damaged {
		return db.Close() // waits for the transactions under way
	}
	done := make(chan error, 1)
	go func() { done <- guard(db.Close) }()
	select {
	case err := <-done:
		return err
	case <-time.After(time.Second):
		return file.Close()
	}
}

func (s *Store) release() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users--; s.users > 0 {
		return nil
	}
	close(s.ops)
	damaged := s.foundDamage() != nil
	err := closeBolt(s.db, s.file, damaged)
	s.db, s.file, s.ops, s.left = nil, nil, nil, nil
	if err == nil && !damaged {
		s.left = metaBytes(s.path)
	}
	s.damage.Store(nil)
	s.broken.Store(false)
	return err
}

// write is the one goroutine that commits. It takes what waits, as one commit; when an operation of
// it fails, each runs in a commit of its own, so that a failed one leaves nothing and harms no
// other.
func (s *Store) write(db *bbolt.DB, ops <-chan *storeOp) {
	commit := func(batch ...*storeOp) error {
		if found := s.foundDamage(); found != nil {
			return found
		}
		s.copies.begin()
		defer s.copies.end()
		done := true // what was asked for, and not what bbolt does around it
		err := guard(func() error {
			return db.Update(func(tx *bbolt.Tx) error {
				done = false
				for _, op := range batch {
					op.err = nil
					if op.err = guard(func() error { return op.do(tx) }); op.err != nil {
						return op.err
					}
				}
				done = true
				return nil
			})
		})
		if errors.As(err, new(*damageError)) && done {
			s.broken.Store(true)
		}
		return s.noteDamage(err)
	}
	for op := range ops {
		batch := []*storeOp{op}
		for more := true; more && len(batch) < 256; {
			select {
			case next, ok := <-ops:
				if more = ok; ok {
					batch = append(batch, next)
				}
			default:
				more = false
			}
		}
		err := commit(batch...)
		for _, op := range batch {
			if err != nil && len(batch) > 1 {
				op.done <- commit(op)
			} else {
				op.done <- err
			}
		}
	}
}

// update runs do in a transaction and returns when it is on the disk. do may run twice, and must
// not keep what tx gives.
func (s *Store) update(do func(*bbolt.Tx) error) error {
	s.mu.Lock()
	ops := s.ops
	s.mu.Unlock()
	op := &storeOp{do: do, done: make(chan error, 1)}
	ops <- op
	err := <-op.done
	var own *store.Error
	if err == nil || errors.As(err, &own) || op.err != nil {
		return err
	}
	return store.Errorf(store.Unwritable, "cannot write the lab's records %s: %w", s.path, err)
}

func (s *Store) view(do func(*bbolt.Tx) error) error {
	if s.broken.Load() {
		return s.foundDamage()
	}
	begun := false
	err := guard(func() error {
		return s.db.View(func(tx *bbolt.Tx) error {
			begun = true
			return do(tx)
		})
	})
	err = s.noteDamage(err)
	if !begun && s.foundDamage() != nil {
		s.broken.Store(true)
	}
	return err
}
