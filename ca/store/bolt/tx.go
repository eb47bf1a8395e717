package bolt

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"iter"
	"math/big"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/profiles"
)

// tx is a transaction of bbolt as a [store.Tx] or, without an actor, as a [store.Reader]. What it
// reads of the file is copied where it may be kept. Damage is thrown as a panic, which the store
// turns into an error.
type tx struct {
	*bbolt.Tx
	store    *Store
	now      time.Time // read when it is first asked for
	actor    string
	appended uint64 // the last change that it appended
}

var _ store.Tx = (*tx)(nil)

func (t *tx) Now() time.Time {
	if t.now.IsZero() {
		t.now = t.store.second()
	}
	return t.now
}

// authority returns the bucket of an authority.
func (t *tx) authority(id string) (*bbolt.Bucket, error) {
	b := bucket(t.Tx, id)
	if b == nil {
		return nil, store.Errorf(store.NotFound, "the lab has no authority %s", id)
	}
	return b, nil
}

func (t *tx) Authority(id string) ([]byte, bool) {
	b := bucket(t.Tx, id)
	if b == nil {
		return nil, false
	}
	return bytes.Clone(certificateOf(b)), true
}

func (t *tx) AddAuthority(id string, der []byte) error {
	if err := addAuthority(t.Tx, id, der); err != nil {
		return err
	}
	return t.Append(store.Change{Kind: store.AuthorityMade, Authority: id})
}

func (t *tx) Certificate(k store.Key) (*store.Record, error) {
	b, err := t.authority(k.Authority)
	if err != nil {
		return nil, err
	}
	return readRecord(b, k.Authority, k.Serial)
}

func (t *tx) Status(k store.Key) store.CertificateStatus {
	b := bucket(t.Tx, k.Authority)
	if b == nil {
		return store.CertificateStatus{}
	}
	seq, s, ok := statusOf(b, k.Serial)
	return s.domain(seq, ok)
}

func (s *status) domain(seq uint64, issued bool) store.CertificateStatus {
	if !issued {
		return store.CertificateStatus{}
	}
	return store.CertificateStatus{Issued: true, Revoked: s.revocation(), NotAfter: s.time(10), Certificate: seq != 0}
}

func (t *tx) BySerialPrefix(digits string, limit int) (found []store.Key, err error) {
	whole, err := hex.DecodeString(digits[:len(digits)/2*2])
	if err != nil {
		return nil, store.Errorf(store.Invalid, "%q is not a serial number: give its hexadecimal digits, as igc list shows them", digits)
	}
	digits = strings.ToUpper(digits)
	for _, a := range profiles.Authorities() {
		b := bucket(t.Tx, a.ID())
		if b == nil {
			continue
		}
		c := b.Bucket(bSerials).Cursor()
		for k, _ := c.Seek(whole); bytes.HasPrefix(k, whole) && len(found) < limit; k, _ = c.Next() {
			if strings.HasPrefix(profiles.SerialHex(new(big.Int).SetBytes(k)), digits) {
				found = append(found, store.Key{Authority: a.ID(), Serial: bytes.Clone(k)})
			}
		}
	}
	return found, nil
}

func (t *tx) ByCard(number string) []store.Key       { return t.indexed(bCards, number) }
func (t *tx) ByHolder(identifier string) []store.Key { return t.indexed(bHolders, identifier) }

// indexed lists the certificates that an index has under a word.
func (t *tx) indexed(index []byte, word string) (found []store.Key) {
	b := t.Bucket(index)
	if b == nil {
		return nil
	}
	prefix := []byte(word + "\x00")
	c := b.Cursor()
	for k, v := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, v = c.Next() {
		if err := checkIndexed(k, v); err != nil {
			panic(err)
		}
		if authority, serial, ok := bytes.Cut(k[len(prefix):], []byte{0}); ok {
			found = append(found, store.Key{Authority: string(authority), Serial: bytes.Clone(serial)})
		}
	}
	return found
}

func (t *tx) List(f store.Filter) iter.Seq2[*store.Record, error] {
	return func(yield func(*store.Record, error) bool) {
		one := func(n uint64, k store.Key) bool {
			r, err := t.issuedRecord(k)
			if err != nil {
				yield(nil, err)
				return false
			}
			r.Number = n
			return !f.Passes(r) || yield(r, nil)
		}
		if f.Indexed() {
			keys := t.ByCard(f.Card)
			if f.Card == "" {
				for _, id := range f.Holders() {
					keys = append(keys, t.ByHolder(id)...)
				}
			}
			for _, k := range keys {
				if !one(0, k) {
					return
				}
			}
			return
		}
		b := t.Bucket(bIssued)
		if b == nil {
			return
		}
		c := b.Cursor()
		step := c.Next
		k, v := c.Seek(u64(f.After + 1))
		if f.Newest {
			step = c.Prev
			if k, _ = c.Seek(u64(f.Before)); f.Before == 0 || k == nil {
				k, v = c.Last()
			} else {
				k, v = c.Prev()
			}
		}
		for ; k != nil; k, v = step() {
			if len(k) != 8 {
				yield(nil, damage("the order of what was issued, at %X", k))
				return
			}
			n := binary.BigEndian.Uint64(k)
			authority, serial, _ := bytes.Cut(v, []byte{0})
			if n <= f.After || f.Before > 0 && n >= f.Before || !one(n, store.Key{Authority: string(authority), Serial: serial}) {
				return
			}
		}
	}
}

// issuedRecord reads a certificate that an index names.
func (t *tx) issuedRecord(k store.Key) (*store.Record, error) {
	r, err := t.Certificate(k)
	if store.KindOf(err) == store.NotFound {
		return nil, damage("an index names %s, which is not there", k)
	}
	return r, err
}

func (t *tx) Statuses(authority string) iter.Seq2[[]byte, store.CertificateStatus] {
	return func(yield func([]byte, store.CertificateStatus) bool) {
		b := bucket(t.Tx, authority)
		if b == nil {
			return
		}
		c := b.Bucket(bSerials).Cursor()
		for serial, v := c.First(); serial != nil; serial, v = c.Next() {
			seq, s, err := parseStatus(serial, v)
			if err != nil {
				panic(err)
			}
			if !yield(bytes.Clone(serial), s.domain(seq, true)) {
				return
			}
		}
	}
}

func (t *tx) Counts() store.Counts {
	c := store.Counts{Size: t.Size(), Authorities: map[string]store.AuthorityCounts{}}
	for _, a := range profiles.Authorities() {
		if b := bucket(t.Tx, a.ID()); b != nil {
			c.Authorities[a.ID()] = store.AuthorityCounts{Issued: b.Bucket(bCerts).Sequence(), Listed: number(b, kListed)}
		}
	}
	return c
}

func (t *tx) AddCertificate(r *store.Record) error {
	if err := addRecord(t.Tx, r); err != nil {
		return err
	}
	return t.Append(store.Change{Kind: store.CertificateIssued, Authority: r.Authority, Serial: r.Serial, Profile: r.Profile,
		Holder: r.Holder.DisplayName(), Status: store.Good})
}

func (t *tx) SetStatus(k store.Key, v *store.Revocation) error {
	b, err := t.authority(k.Authority)
	if err != nil {
		return err
	}
	r, err := readRecord(b, k.Authority, k.Serial)
	if err != nil {
		return err
	}
	if v == nil && r.Revoked == nil {
		return nil
	}
	revision, err := setStatus(b, k.Serial, v)
	if err != nil {
		return err
	}
	if err := b.Bucket(bChanges).Put(u64(revision), k.Serial); err != nil {
		return err
	}
	r.SetRevocation(v)
	return t.Append(store.Change{Kind: store.StatusChanged, Authority: r.Authority, Serial: r.Serial, Profile: r.Profile,
		Holder: r.Holder.DisplayName(), Status: r.Status, Revoked: v, Revision: revision})
}

// setStatus writes the status of a serial number that was issued, and the entry of the CRL that it
// has or had.
func setStatus(b *bbolt.Bucket, serial []byte, v *store.Revocation) (revision uint64, err error) {
	seq, s, _ := statusOf(b, serial)
	if revision, err = increment(b, kRevision); err != nil {
		return 0, err
	}
	if s.revocation() != nil {
		if err := removeEntry(b, serial, &s, revision); err != nil {
			return 0, err
		}
	}
	if v == nil {
		s.release()
	} else {
		clear(s[18:26]) // the invalidity date of a revocation before
		s.revoke(*v, revision)
		if err := addEntry(b, serial, &s); err != nil {
			return 0, err
		}
	}
	return revision, putStatus(b, serial, seq, s)
}

func (t *tx) CRLState(authority string) (store.CRLState, error) {
	b, err := t.authority(authority)
	if err != nil {
		return store.CRLState{}, err
	}
	return readCRLState(b)
}

func (t *tx) CRLContent(authority string, full bool) (store.CRLContent, error) {
	b, err := t.authority(authority)
	if err != nil {
		return store.CRLContent{}, err
	}
	return readCRL(b, full)
}

func (t *tx) NextCRL(authority string, req store.CRLRequest) (state store.CRLState, err error) {
	b, err := t.authority(authority)
	if err != nil {
		return state, err
	}
	if req.Form != crlForm(b) {
		if err := rebuildEntries(b, req.Form); err != nil {
			return state, err
		}
	}
	if req.Due {
		if err := dropAsDue(b, req); err != nil {
			return state, err
		}
	}
	if state, err = nextCRL(b, req, t.Now()); err != nil {
		return state, err
	}
	return state, t.Append(store.Change{Kind: store.CRLIssued, Authority: authority, CRL: state.Number, Revision: state.Revision})
}

func (t *tx) RestoreCertificate(r *store.Record) error {
	b, err := t.authority(r.Authority)
	if err != nil {
		return err
	}
	serial := r.Key().Serial
	seq, former, known := statusOf(b, serial)
	if !known || seq != 0 {
		return addRecord(t.Tx, r)
	}
	if err := b.Bucket(bSerials).Delete(serial); err != nil {
		return err
	}
	if err := addRecord(t.Tx, r); err != nil {
		return err
	}
	seq, fresh, _ := statusOf(b, serial)
	copy(former[10:18], fresh[10:18]) // the end of its validity
	return putStatus(b, serial, seq, former)
}

func (t *tx) RestoreRevocation(k store.Key, v store.Revocation, end time.Time) error {
	b, err := t.authority(k.Authority)
	if err != nil {
		return err
	}
	if _, _, known := statusOf(b, k.Serial); !known {
		if err := putStatus(b, k.Serial, 0, newStatus(end)); err != nil {
			return err
		}
	}
	revision, err := setStatus(b, k.Serial, &v)
	if err != nil {
		return err
	}
	// Without a base, the next full CRL is one, and holds all.
	if state, err := readCRLState(b); err != nil || state.Base.Number == 0 {
		return err
	}
	return b.Bucket(bChanges).Put(u64(revision), k.Serial)
}

func (t *tx) RestoreCRLNumber(authority string, number uint64) error {
	b, err := t.authority(authority)
	if err != nil {
		return err
	}
	return putCRLState(b, store.CRLState{Number: number})
}
