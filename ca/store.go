package ca

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/profiles"
)

// The store is one bbolt file. Buckets:
//
//	authorities/ID/certificate     DER of the authority's certificate
//	authorities/ID/crl-number      number of the last CRL begun
//	authorities/ID/revision        count of changes to the revoked ones: a CRL is stale when it moved
//	authorities/ID/certs           sequence (8 bytes)          -> record
//	authorities/ID/serials         serial number               -> sequence, status (40 bytes)
//	authorities/ID/revoked         time, sequence (8+8 bytes)  -> length of the bare entry, bare entry, entry with reason
//	cards                          card number, 0, ID, 0, serial -> nothing
//
// The entries of a CRL are stored as it will carry them, in the order of the real CRLs (by date), so that making one is
// reading a bucket. A commit is on the disk (fdatasync) when the caller hears of it.
//
// bbolt lets one process have the file. The store opens it at the first use and closes it after the last one; a server
// holds one use for its whole life. Concurrent updates are put in one commit.
type store struct {
	path string

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
		db, err := bolt.Open(s.path, 0o600, &bolt.Options{Timeout: patience, FreelistType: bolt.FreelistMapType})
		switch {
		case errors.Is(err, berrors.ErrTimeout):
			return errHeld
		case err != nil:
			return fail(Unwritable, "cannot open the lab's records %s: %w", s.path, err)
		}
		s.db, s.ops = db, make(chan *storeOp, 256)
		go write(db, s.ops)
	}
	s.users++
	return nil
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
	bAuthorities = []byte("authorities")
	bCerts       = []byte("certs")
	bSerials     = []byte("serials")
	bRevoked     = []byte("revoked")
	bCards       = []byte("cards")
	kCertificate = []byte("certificate")
	kCRLNumber   = []byte("crl-number")
	kRevision    = []byte("revision")
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
	for _, name := range [][]byte{bCerts, bSerials, bRevoked} {
		if _, err := b.CreateBucket(name); err != nil {
			return err
		}
	}
	return b.Put(kCertificate, der)
}

// --- certificates

func cardKey(card, authority string, serial []byte) []byte {
	return append([]byte(card+"\x00"+authority+"\x00"), serial...)
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
	if r.Holder.CardNumber == "" {
		return nil
	}
	cards, err := tx.CreateBucketIfNotExists(bCards)
	if err != nil {
		return err
	}
	return cards.Put(cardKey(r.Holder.CardNumber, r.Authority, serial), nil)
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

// findRecords returns the certificates whose serial number begins with the hexadecimal digits, at most max of them.
func findRecords(tx *bolt.Tx, prefix string, max int) ([]*Record, error) {
	prefix = strings.ToUpper(prefix)
	whole, err := hex.DecodeString(prefix[:len(prefix)/2*2])
	if err != nil {
		return nil, fail(Invalid, "%q is not a serial number: give its hexadecimal digits, as igc list shows them", prefix)
	}
	var found []*Record
	for _, a := range profiles.Authorities() {
		b := bucket(tx, a.ID())
		if b == nil {
			continue
		}
		c := b.Bucket(bSerials).Cursor()
		for k, _ := c.Seek(whole); k != nil && bytes.HasPrefix(k, whole) && len(found) < max; k, _ = c.Next() {
			if !strings.HasPrefix(strings.ToUpper(hex.EncodeToString(k)), prefix) {
				continue
			}
			r, err := readRecord(b, a.ID(), k)
			if err != nil {
				return nil, err
			}
			found = append(found, r)
		}
	}
	return found, nil
}

// eachRecord calls do for every certificate, by authority and then in the order of issue, until it returns false.
func eachRecord(ctx context.Context, tx *bolt.Tx, do func(*Record) bool) error {
	for _, a := range profiles.Authorities() {
		b := bucket(tx, a.ID())
		if b == nil {
			continue
		}
		certs := b.Bucket(bCerts).Cursor()
		for k, v := certs.First(); k != nil; k, v = certs.Next() {
			if err := ctx.Err(); err != nil {
				return err
			}
			r := &Record{Authority: a.ID()}
			if err := r.decode(v); err != nil {
				return fmt.Errorf("%s, certificate %d: %w", a.ID(), binary.BigEndian.Uint64(k), err)
			}
			serial, err := hex.DecodeString(r.Serial)
			if err != nil {
				return err
			}
			_, s, _ := statusOf(b, serial)
			r.setStatus(s)
			if !do(r) {
				return nil
			}
		}
	}
	return nil
}

// --- revocation

// revokeRecord records a revocation and appends its CRL entry. The same revocation again changes nothing; one for
// another reason is refused, since a CRL that was published cannot be taken back.
func revokeRecord(tx *bolt.Tx, authority string, serial []byte, v Revocation) (*Record, error) {
	b := bucket(tx, authority)
	if b == nil {
		return nil, fail(NotFound, "the lab has no authority %s", authority)
	}
	seq, s, ok := statusOf(b, serial)
	if !ok {
		return nil, fail(NotFound, "%s issued no certificate %X", authority, serial)
	}
	if was := s.revocation(); was != nil {
		if was.Reason != v.Reason {
			return nil, fail(Conflict, "%X was revoked on %s for %s: the reason stays, %s is refused", serial,
				was.At.Format(time.RFC3339), was.Reason, v.Reason)
		}
		return readRecord(b, authority, serial)
	}
	s.revoke(v)
	if err := b.Bucket(bSerials).Put(serial, append(u64(seq), s[:]...)); err != nil {
		return nil, err
	}
	entry, err := crlEntries(serial, v)
	if err != nil {
		return nil, err
	}
	revoked := b.Bucket(bRevoked)
	if err := revoked.Put(append(u64(uint64(v.At.Unix())), u64(seq)...), entry); err != nil {
		return nil, err
	}
	if _, err := increment(b, kRevision); err != nil {
		return nil, err
	}
	return readRecord(b, authority, serial)
}

// crlEntries encodes the two forms of a CRL entry (RFC 5280 §5.1.2.6): bare, as the real CRLs have it, and with its
// reasonCode; before them, the length of the first.
func crlEntries(serial []byte, v Revocation) ([]byte, error) {
	form := func(withReason bool) ([]byte, error) {
		var b cryptobyte.Builder
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1BigInt(new(big.Int).SetBytes(serial))
			if at := v.At.UTC(); at.Year() < 2050 {
				b.AddASN1UTCTime(at)
			} else {
				b.AddASN1GeneralizedTime(at)
			}
			if withReason && v.Reason.Code() != 0 { // unspecified is said by saying nothing
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1ObjectIdentifier([]int{2, 5, 29, 21})
						b.AddASN1(cbasn1.OCTET_STRING, func(b *cryptobyte.Builder) { b.AddASN1Enum(int64(v.Reason.Code())) })
					})
				})
			}
		})
		return b.Bytes()
	}
	bare, err := form(false)
	if err != nil {
		return nil, err
	}
	rich, err := form(true)
	if err != nil {
		return nil, err
	}
	return append(append([]byte{byte(len(bare))}, bare...), rich...), nil
}

// CRLContent is what a CRL is made of: the entries, encoded one after the other, and the number given to it.
type CRLContent struct {
	Number   uint64
	Revision uint64 // of the revocations it holds
	Entries  []byte
}

// beginCRL gives the next CRL of the authority its number and its entries, as of one moment. The number is used up on
// the disk before the CRL exists, so numbers only grow, whatever crashes.
func beginCRL(tx *bolt.Tx, authority string, reasons bool) (CRLContent, error) {
	b := bucket(tx, authority)
	if b == nil {
		return CRLContent{}, fail(NotFound, "the lab has no authority %s", authority)
	}
	n, err := increment(b, kCRLNumber)
	if err != nil {
		return CRLContent{}, err
	}
	content := CRLContent{Number: n, Revision: number(b, kRevision)}
	return content, b.Bucket(bRevoked).ForEach(func(_, v []byte) error {
		bare := 1 + int(v[0])
		if reasons {
			content.Entries = append(content.Entries, v[bare:]...)
		} else {
			content.Entries = append(content.Entries, v[1:bare]...)
		}
		return nil
	})
}
