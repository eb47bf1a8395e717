package ca

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

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
//	authorities/ID/serials         serial number               -> sequence (0: the certificate is not here), status (40 bytes)
//	authorities/ID/entries         entries of the full CRL, see entries.go
//	authorities/ID/changes         revision                    -> serial number whose status changed
//	issued                         sequence of the whole lab   -> ID, 0, serial
//	cards                          card number, 0, ID, 0, serial -> checksum of the key
//	holders                        identifier, 0, ID, 0, serial  -> checksum of the key
//
// Values hold checksums of their own, since bbolt has none but in its meta pages: see damage.go.
//
// A commit is on the disk (fdatasync) when the caller hears of it.
//
// bbolt lets one process have the file. The store opens it at the first use and closes it after the last one; a server
// holds one use for its whole life. Concurrent updates are put in one commit.
type store struct {
	path     string
	readOnly bool
	whole    int64 // size up to which the file is looked at whole when it is opened

	mu    sync.Mutex
	db    *bolt.DB
	file  *os.File // of db
	users int
	left  []byte // the meta pages as they were when this process closed the file: it was whole

	ops chan *storeOp // nil while closed

	damage atomic.Pointer[error] // the first that was found: nothing is written any more
	broken atomic.Bool           // bbolt was left in the middle of something: nothing is read, either
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
		if err := s.open(patience); err != nil {
			return s.damaged(err)
		}
	}
	s.users++
	return nil
}

func (s *store) open(patience time.Duration) error {
	// bbolt makes the file when it opens it; a lab is made by Create, never by a look into an empty folder
	if _, err := os.Stat(filepath.Dir(s.path)); err != nil {
		return fail(NotFound, "no lab: %w", err)
	}
	if err := s.present(); err != nil {
		return err
	}
	if err := s.check(patience); err != nil {
		return err
	}
	db, file, err := openBolt(s.path, &bolt.Options{Timeout: patience, FreelistType: bolt.FreelistMapType, ReadOnly: s.readOnly})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return errHeld
	case errors.Is(err, fs.ErrNotExist):
		return fail(NotFound, "the lab has no records yet: %w", err)
	case KindOf(err) != Internal, errors.As(err, new(*damageError)):
		return err
	case err != nil:
		return fail(Unwritable, "cannot open the lab's records %s: %w", s.path, err)
	}
	err = s.notEmptied(db)
	if err == nil {
		err = guard(func() error { return checkFormat(db) })
	}
	if err != nil {
		return errors.Join(err, closeBolt(db, file, true))
	}
	s.db, s.file, s.ops = db, file, make(chan *storeOp, 256)
	go s.write(db, s.ops)
	return nil
}

// openBolt opens a database, and returns the file with it, which a damaged one is closed by.
func openBolt(path string, options *bolt.Options) (db *bolt.DB, file *os.File, err error) {
	options.OpenFile = func(name string, flag int, mode fs.FileMode) (*os.File, error) {
		var err error
		file, err = os.OpenFile(name, flag, mode)
		return file, err
	}
	failed := guard(func() error {
		db, err = bolt.Open(path, 0o600, options)
		return nil
	})
	if failed != nil {
		file.Close() // which bbolt, as it panicked, did not
		return nil, nil, failed
	}
	return db, file, err
}

// closeBolt closes a database. One that is damaged may hold its own locks for ever: its file is closed all the same.
func closeBolt(db *bolt.DB, file *os.File, damaged bool) error {
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

// present refuses a lab whose records are no more: there is no file, or nothing in it, and there was.
func (s *store) present() error {
	how := ""
	switch info, err := os.Stat(s.path); {
	case errors.Is(err, fs.ErrNotExist):
		how = "missing"
	case err == nil && info.Size() == 0:
		how = "empty"
	default:
		return nil
	}
	if evidence := evidenceOfRecords(filepath.Dir(s.path)); evidence != "" {
		return s.lost(how, evidence)
	}
	return nil
}

// notEmptied refuses records without an authority, where there were some.
func (s *store) notEmptied(db *bolt.DB) error {
	var some bool
	err := guard(func() error {
		return db.View(func(tx *bolt.Tx) error {
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
	if evidence := evidenceOfRecords(filepath.Dir(s.path)); evidence != "" {
		return s.lost("without any authority", evidence)
	}
	return nil
}

// evidenceOfRecords names a file that there is only when certificates were recorded: that of an authority, written after
// its record; a CRL; a card. Keys alone prove nothing, since they are made before the first record.
func evidenceOfRecords(home string) string {
	for _, pattern := range []string{"keys/*.cer", "publication/CRL/*.crl", "cards/*/card.json"} {
		if found, _ := filepath.Glob(filepath.Join(escapeGlob(home), filepath.FromSlash(pattern))); len(found) > 0 {
			return found[0]
		}
	}
	return ""
}

// wholeCheck is the size up to which a file is looked at whole when it is opened: some 10,000 certificates, 40 ms.
const wholeCheck = 32 << 20

// check looks at the file before bbolt does, unless nobody changed it since this process closed it.
func (s *store) check(patience time.Duration) error {
	if s.left != nil && bytes.Equal(s.left, metaBytes(s.path)) {
		return nil
	}
	return s.checkAs(patience, s.whole)
}

// checkAs looks at every page and value of a file up to that size. The lock of a reader is held meanwhile.
func (s *store) checkAs(patience time.Duration, whole int64) error {
	if info, err := os.Stat(s.path); err != nil || info.Size() == 0 {
		return nil // a new one
	}
	db, file, err := openBolt(s.path, &bolt.Options{Timeout: patience, ReadOnly: true})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return errHeld
	case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist):
		return fail(Unwritable, "cannot open the lab's records %s: %w", s.path, err)
	case errors.As(err, new(syscall.Errno)):
		return fail(Unwritable, "cannot open the lab's records %s: %w", s.path, err)
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

// noteDamage keeps the first damage that was found, and makes it the error that users see.
func (s *store) noteDamage(err error) error {
	seen := s.damaged(err)
	if seen != err {
		s.damage.CompareAndSwap(nil, &seen)
	}
	return seen
}

// foundDamage is the damage that was found, nil when none was.
func (s *store) foundDamage() error {
	if found := s.damage.Load(); found != nil {
		return *found
	}
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
		return putNumber(b, kFormat, format)
	})
}

func (s *store) release() error {
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

// write is the one goroutine that commits. It takes what waits, as one commit; when an operation of it fails, each runs
// in a commit of its own, so that a failed one leaves nothing and harms no other.
func (s *store) write(db *bolt.DB, ops <-chan *storeOp) {
	commit := func(batch ...*storeOp) error {
		if found := s.foundDamage(); found != nil {
			return found
		}
		done := true // what was asked for, and not what bbolt does around it
		err := guard(func() error {
			return db.Update(func(tx *bolt.Tx) error {
				done = false
				for _, op := range batch {
					if err := guard(func() error { return op.do(tx) }); err != nil {
						return err
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

func (s *store) view(do func(*bolt.Tx) error) error {
	if s.broken.Load() {
		return s.foundDamage()
	}
	begun := false
	err := guard(func() error {
		return s.db.View(func(tx *bolt.Tx) error {
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

// number reads a number, 0 when there is none. Its checksum follows it, unless it was written before there were any.
func number(b *bolt.Bucket, key []byte) uint64 {
	v := b.Get(key)
	if err := checkNumber(key, v); err != nil {
		panic(err)
	}
	if v == nil {
		return 0
	}
	return binary.BigEndian.Uint64(v)
}

func checkNumber(key, v []byte) error {
	if len(v) == 0 || len(v) == 8 || len(v) == 12 && binary.BigEndian.Uint32(v[8:]) == checksum(key, v[:8]) {
		return nil
	}
	return damage("the number %q", key)
}

func putNumber(b *bolt.Bucket, key []byte, n uint64) error {
	v := u64(n)
	return b.Put(key, binary.BigEndian.AppendUint32(v, checksum(key, v)))
}

func increment(b *bolt.Bucket, key []byte) (uint64, error) {
	n := number(b, key) + 1
	return n, putNumber(b, key, n)
}

// bucket returns the authority's bucket, nil when the lab has no such authority. The four that addAuthority makes are in it.
func bucket(tx *bolt.Tx, authority string) *bolt.Bucket {
	all := tx.Bucket(bAuthorities)
	if all == nil {
		return nil
	}
	b := all.Bucket([]byte(authority))
	if b == nil {
		return nil
	}
	for _, name := range authorityBuckets {
		if b.Bucket(name) == nil {
			panic(damage("%s has no %s", authority, name))
		}
	}
	return b
}

var authorityBuckets = [][]byte{bCerts, bSerials, bEntries, bChanges}

// --- authorities

// authorityCertificate returns the DER of an authority, nil when the lab does not have it.
func authorityCertificate(tx *bolt.Tx, a profiles.Authority) []byte {
	b := bucket(tx, a.ID())
	if b == nil {
		return nil
	}
	return bytes.Clone(certificateOf(b))
}

// certificateOf is the certificate of the authority whose bucket it is.
func certificateOf(b *bolt.Bucket) []byte {
	der, err := parseAuthority(b.Get(kCertificate))
	if err != nil {
		panic(err)
	}
	return der
}

// parseAuthority takes the certificate of an authority from its value. A checksum follows it, unless it was written before
// there were any.
func parseAuthority(v []byte) ([]byte, error) {
	rest := cryptobyte.String(v)
	var der cryptobyte.String
	if !rest.ReadASN1Element(&der, cbasn1.SEQUENCE) || len(rest) != 0 && (len(rest) != 4 || binary.BigEndian.Uint32(rest) != checksum(der)) {
		return nil, damage("the certificate of an authority")
	}
	return der, nil
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
	for _, name := range append(slices.Clone(authorityBuckets), bExpiries) {
		if _, err := b.CreateBucket(name); err != nil {
			return err
		}
	}
	return b.Put(kCertificate, binary.BigEndian.AppendUint32(bytes.Clone(der), checksum(der)))
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
	certs := b.Bucket(bCerts)
	certs.FillPercent = 0.95 // keys only grow
	n, err := certs.NextSequence()
	if err != nil {
		return err
	}
	value, err := r.encode(n)
	if err != nil {
		return err
	}
	if certs.Get(u64(n)) != nil {
		return damage("the count of certificates of %s", r.Authority)
	}
	if err := certs.Put(u64(n), value); err != nil {
		return err
	}
	if err := putStatus(b, serial, n, newStatus(r.NotAfter)); err != nil {
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
	if issued.Get(u64(n)) != nil {
		return damage("the count of certificates")
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
		key := indexKey(index.what, r.Authority, serial)
		if err := b.Put(key, binary.BigEndian.AppendUint32(nil, checksum(key))); err != nil {
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
	if v == nil {
		return 0, s, false
	}
	seq, s, err := parseStatus(serial, v)
	if err != nil {
		panic(err)
	}
	return seq, s, true
}

func parseStatus(serial, v []byte) (seq uint64, s status, err error) {
	if len(v) != 8+len(s) {
		return 0, s, damage("the status of %X", serial)
	}
	copy(s[:], v[8:])
	if sum := s.checksum(); sum != 0 && sum != checksum(serial, v[:8], s[:statusChecksum]) || s[0] > 1 {
		return 0, s, damage("the status of %X", serial)
	}
	return binary.BigEndian.Uint64(v), s, nil
}

// putStatus puts the status of a certificate down, with its checksum.
func putStatus(b *bolt.Bucket, serial []byte, seq uint64, s status) error {
	v := u64(seq)
	binary.BigEndian.PutUint32(s[statusChecksum:], checksum(serial, v, s[:statusChecksum]))
	return b.Bucket(bSerials).Put(serial, append(v, s[:]...))
}

// readRecord reads the certificate of that serial number.
func readRecord(b *bolt.Bucket, authority string, serial []byte) (*Record, error) {
	seq, s, ok := statusOf(b, serial)
	switch {
	case !ok:
		return nil, fail(NotFound, "%s issued no certificate %X", authority, serial)
	case seq == 0:
		return nil, fail(NotFound, "of the certificate %X of %s nothing is known any more but that it was revoked, on %s: give igc recover the folder that holds it",
			serial, authority, s.time(2).Format(time.RFC3339))
	}
	r := &Record{Authority: authority}
	v := b.Bucket(bCerts).Get(u64(seq))
	if err := r.decode(seq, v); err != nil || !bytes.Equal(serialBytes(r.Serial), serial) {
		return nil, damage("the record of %X of %s", serial, authority)
	}
	r.setStatus(s)
	return r, nil
}

// issuedRecord reads a certificate that an index names.
func issuedRecord(tx *bolt.Tx, t target) (*Record, error) {
	b := bucket(tx, t.authority)
	if b == nil {
		return nil, damage("an index names %X of %q", t.serial, t.authority)
	}
	r, err := readRecord(b, t.authority, t.serial)
	if KindOf(err) == NotFound {
		return nil, damage("an index names %X of %s, which is not there", t.serial, t.authority)
	}
	return r, err
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
		return new(Record).check(binary.BigEndian.Uint64(key), value)
	case len(path) == 3 && name == string(bSerials):
		_, _, err = parseStatus(key, value)
	case len(path) == 3 && name == string(bEntries):
		_, err = parseChunk(key, value)
	case len(path) == 2 && string(key) == string(kLists):
		_, err = parseListState(value)
	case len(path) == 2 && string(key) == string(kCertificate):
		_, err = parseAuthority(value)
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
