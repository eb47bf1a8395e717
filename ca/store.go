package ca

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/igc-lab/igc/profiles"
)

// The store is one bbolt file. Buckets:
//
//	lab/format                     version of this list
//	authorities/ID/certificate     DER of the authority's certificate
//	authorities/ID/revision        count of changes of status: a CRL is stale when it moved
//	authorities/ID/lists           state of the authority's CRLs (JSON), see crl.go
//	authorities/ID/form, listed    form and number of the entries below
//	authorities/ID/dropped         until when expired certificates left the list, see listdates.go
//	authorities/ID/certs           sequence (8 bytes)          -> record
//	authorities/ID/serials         serial number               -> sequence, status (40 bytes)
//	authorities/ID/entries         entries of the full CRL, see entries.go
//	authorities/ID/changes         revision                    -> serial number whose status changed
//	issued                         sequence of the whole lab   -> ID, 0, serial
//	cards                          card number, 0, ID, 0, serial -> nothing
//	holders                        identifier, 0, ID, 0, serial  -> nothing
//
// A commit is on the disk (fdatasync) when the caller hears of it.
//
// bbolt lets one process have the file. The store opens it at the first use and closes it after the last one; a server
// holds one use for its whole life. Concurrent updates are put in one commit.
type store struct {
	path     string
	readOnly bool

	mu    sync.Mutex
	db    *bolt.DB
	users int

	ops chan *storeOp // nil while closed
}

type storeOp struct {
	do   func(*bolt.Tx) error
	done chan error
}

var errHeld = errors.New("another process holds the lab")

// acquire opens the file, or joins those who have it open. It answers errHeld when another process still holds it after
// the patience. Every success needs a release.
func (s *store) acquire(patience time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		// bbolt makes the file when it opens it; a lab is made by Create, never by a look into an empty folder
		if _, err := os.Stat(filepath.Dir(s.path)); err != nil {
			return fail(NotFound, "no lab: %w", err)
		}
		db, err := bolt.Open(s.path, 0o600, &bolt.Options{Timeout: patience, FreelistType: bolt.FreelistMapType, ReadOnly: s.readOnly})
		switch {
		case errors.Is(err, berrors.ErrTimeout):
			return errHeld
		case errors.Is(err, fs.ErrNotExist):
			return fail(NotFound, "the lab has no records yet: %w", err)
		case err != nil:
			return fail(Unwritable, "cannot open the lab's records %s: %w", s.path, err)
		}
		if err := checkFormat(db); err != nil {
			return errors.Join(err, db.Close())
		}
		s.db, s.ops = db, make(chan *storeOp, 256)
		go write(db, s.ops)
	}
	s.users++
	return nil
}

// format is the version of what is written above.
const format = 2

// checkFormat refuses records that another version of igc wrote otherwise, and marks new ones.
func checkFormat(db *bolt.DB) error {
	var found uint64
	var empty bool
	if err := db.View(func(tx *bolt.Tx) error {
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
	case found == format:
		return nil
	case empty && db.IsReadOnly():
		return nil
	case !empty:
		return fail(Conflict, "the records in %s are of format %d, and this igc reads %d: use the igc that wrote them, or make a new lab in another folder", db.Path(), found, format)
	}
	return db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucket(bLab)
		if err != nil {
			return err
		}
		return b.Put(kFormat, u64(format))
	})
}

func (s *store) release() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users--; s.users > 0 {
		return nil
	}
	close(s.ops)
	err := s.db.Close() // waits for the transactions under way
	s.db, s.ops = nil, nil
	return err
}

// write is the one goroutine that commits. It takes what waits, as one commit; when an operation of it fails, each runs
// in a commit of its own, so that a failed one leaves nothing and harms no other.
func write(db *bolt.DB, ops <-chan *storeOp) {
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
		err := db.Update(func(tx *bolt.Tx) error {
			for _, op := range batch {
				if err := op.do(tx); err != nil {
					return err
				}
			}
			return nil
		})
		for _, op := range batch {
			if err != nil && len(batch) > 1 {
				op.done <- db.Update(op.do)
			} else {
				op.done <- err
			}
		}
	}
}

// update runs do in a transaction and returns when it is on the disk. do may run twice, and must not keep what tx gives.
func (s *store) update(do func(*bolt.Tx) error) error {
	s.mu.Lock()
	ops := s.ops
	s.mu.Unlock()
	op := &storeOp{do, make(chan error, 1)}
	ops <- op
	err := <-op.done
	var own *Error
	if err == nil || errors.As(err, &own) {
		return err
	}
	return fail(Unwritable, "cannot write the lab's records %s: %w", s.path, err)
}

func (s *store) view(do func(*bolt.Tx) error) error { return s.db.View(do) }

// --- names of buckets and keys

var (
	bLab         = []byte("lab")
	bAuthorities = []byte("authorities")
	bCerts       = []byte("certs")
	bSerials     = []byte("serials")
	bEntries     = []byte("entries")
	bChanges     = []byte("changes")
	bExpiries    = []byte("expiries")
	bIssued      = []byte("issued")
	bCards       = []byte("cards")
	bHolders     = []byte("holders")
	kFormat      = []byte("format")
	kCertificate = []byte("certificate")
	kRevision    = []byte("revision")
	kLists       = []byte("lists")
	kListed      = []byte("listed")
	kIndexed     = []byte("indexed")
	kForm        = []byte("form")
)

func u64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func number(b *bolt.Bucket, key []byte) uint64 {
	if v := b.Get(key); len(v) == 8 {
		return binary.BigEndian.Uint64(v)
	}
	return 0
}

func increment(b *bolt.Bucket, key []byte) (uint64, error) {
	n := number(b, key) + 1
	return n, b.Put(key, u64(n))
}

// bucket returns the authority's bucket, nil when the lab has no such authority.
func bucket(tx *bolt.Tx, authority string) *bolt.Bucket {
	b := tx.Bucket(bAuthorities)
	if b == nil {
		return nil
	}
	return b.Bucket([]byte(authority))
}

// --- authorities

// authorityCertificate returns the DER of an authority, nil when the lab does not have it.
func authorityCertificate(tx *bolt.Tx, a profiles.Authority) []byte {
	b := bucket(tx, a.ID())
	if b == nil {
		return nil
	}
	return append([]byte(nil), b.Get(kCertificate)...)
}

// addAuthority gives the lab an authority. It never replaces one.
func addAuthority(tx *bolt.Tx, a profiles.Authority, der []byte) error {
	all, err := tx.CreateBucketIfNotExists(bAuthorities)
	if err != nil {
		return err
	}
	b, err := all.CreateBucket([]byte(a.ID()))
	if err != nil {
		return fail(Conflict, "the lab has %s already", a.ID())
	}
	for _, name := range [][]byte{bCerts, bSerials, bEntries, bChanges, bExpiries} {
		if _, err := b.CreateBucket(name); err != nil {
			return err
		}
	}
	return b.Put(kCertificate, der)
}

// --- certificates

// indexKey is where an index that lies over all authorities names a certificate.
func indexKey(what, authority string, serial []byte) []byte {
	return append([]byte(what+"\x00"+authority+"\x00"), serial...)
}

var errSerialTaken = errors.New("serial number taken")

// addRecord records a certificate. It changes nothing when it fails.
func addRecord(tx *bolt.Tx, r *Record) error {
	b := bucket(tx, r.Authority)
	if b == nil {
		return fail(NotFound, "the lab has no authority %s", r.Authority)
	}
	serial, err := hex.DecodeString(r.Serial)
	if err != nil {
		return err
	}
	if b.Bucket(bSerials).Get(serial) != nil {
		return errSerialTaken
	}
	value, err := r.encode()
	if err != nil {
		return err
	}
	certs := b.Bucket(bCerts)
	certs.FillPercent = 0.95 // keys only grow
	n, err := certs.NextSequence()
	if err != nil {
		return err
	}
	if err := certs.Put(u64(n), value); err != nil {
		return err
	}
	status := newStatus(r.NotAfter)
	if err := b.Bucket(bSerials).Put(serial, append(u64(n), status[:]...)); err != nil {
		return err
	}
	issued, err := tx.CreateBucketIfNotExists(bIssued)
	if err != nil {
		return err
	}
	issued.FillPercent = 0.95
	if n, err = issued.NextSequence(); err != nil {
		return err
	}
	if err := issued.Put(u64(n), append([]byte(r.Authority+"\x00"), serial...)); err != nil {
		return err
	}
	for _, index := range []struct {
		bucket []byte
		what   string
	}{{bCards, r.Holder.CardNumber}, {bHolders, r.Holder.Identifier()}} {
		if index.what == "" {
			continue
		}
		b, err := tx.CreateBucketIfNotExists(index.bucket)
		if err != nil {
			return err
		}
		if err := b.Put(indexKey(index.what, r.Authority, serial), nil); err != nil {
			return err
		}
	}
	return nil
}

// hasCard tells whether a card of that number was issued.
func hasCard(tx *bolt.Tx, card string) bool {
	b := tx.Bucket(bCards)
	if b == nil {
		return false
	}
	prefix := []byte(card + "\x00")
	k, _ := b.Cursor().Seek(prefix)
	return bytes.HasPrefix(k, prefix)
}

// statusOf looks a serial number up: its sequence and status, false when the authority never issued it.
func statusOf(b *bolt.Bucket, serial []byte) (seq uint64, s status, ok bool) {
	v := b.Bucket(bSerials).Get(serial)
	if len(v) != 8+len(s) {
		return 0, s, false
	}
	copy(s[:], v[8:])
	return binary.BigEndian.Uint64(v), s, true
}

// readRecord reads the certificate of that serial number.
func readRecord(b *bolt.Bucket, authority string, serial []byte) (*Record, error) {
	seq, s, ok := statusOf(b, serial)
	if !ok {
		return nil, fail(NotFound, "%s issued no certificate %X", authority, serial)
	}
	r := &Record{Authority: authority}
	if err := r.decode(b.Bucket(bCerts).Get(u64(seq))); err != nil {
		return nil, fmt.Errorf("%s %X: %w", authority, serial, err)
	}
	r.setStatus(s)
	return r, nil
}
