package bolt

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/atomicfile"
)

// importer fills a file beside the one that it becomes.
type importer struct {
	*Store
	path string
}

var _ store.Importer = (*importer)(nil)

// bCopied holds the head of the lab that is copied to the file, until that is done.
var bCopied = []byte("copied")

// OpenImport opens the file for a copy that becomes path, where nothing may be.
func OpenImport(path string) (store.Importer, error) {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil, store.Errorf(store.Conflict, "%s is there already: nothing is copied over it", path)
	}
	i := &importer{Open(path+".copying", Options{}), path}
	return i, i.Lock(turn)
}

// Close implements [store.Store].
func (i *importer) Close() error { return i.Unlock() }

func (i *importer) Begin(ctx context.Context, source store.Head) (p store.Progress, err error) {
	name := []byte(fmt.Sprintf("%d %s", source.Seq, source.Hash))
	err = i.update(func(b *bbolt.Tx) error {
		// what is there may be a copy of another lab, or of this one before it changed
		if copied := b.Bucket(bCopied); copied == nil || copied.Get(name) == nil {
			for name, _ := b.Cursor().First(); name != nil; name, _ = b.Cursor().First() {
				if err := b.DeleteBucket(slices.Clone(name)); err != nil {
					return err
				}
			}
			if err := putFormat(b); err != nil {
				return err
			}
			copied, err := b.CreateBucket(bCopied)
			if err != nil {
				return err
			}
			if err := copied.Put(name, []byte{1}); err != nil {
				return err
			}
		}
		for _, name := range [][]byte{bDocuments, bEnds} { // these are copied whole
			if b.Bucket(name) != nil {
				if err := b.DeleteBucket(name); err != nil {
					return err
				}
			}
		}
		p = store.Progress{Changes: (&tx{Tx: b, store: i.Store}).Head().Seq}
		if issued := b.Bucket(bIssued); issued != nil {
			p.Certificates = issued.Sequence()
		}
		return nil
	})
	return p, err
}

func (i *importer) Import(ctx context.Context, p store.Page) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return i.update(func(b *bbolt.Tx) error {
		t := &tx{Tx: b, store: i.Store, actor: "system"}
		for _, a := range p.Authorities {
			if err := t.importAuthority(a); err != nil {
				return err
			}
		}
		for _, c := range p.Certificates {
			if err := addRecord(b, &c.Record); err != nil {
				return err
			}
			if n := b.Bucket(bIssued).Sequence(); n != c.Record.Number {
				return store.Errorf(store.Damaged, "certificate %d comes as number %d of the copy", c.Record.Number, n)
			}
			seq, _, _ := statusOf(bucket(b, c.Record.Authority), c.Status.Serial)
			if err := t.importStatus(c.Status, seq); err != nil {
				return err
			}
		}
		for _, s := range p.Revocations {
			if err := t.importStatus(s, 0); err != nil {
				return err
			}
		}
		for _, c := range p.Changes {
			if err := t.Append(c); err != nil {
				return err
			}
		}
		return t.importDocuments(p)
	})
}

// importStatus records a status. The index of expiries holds which certificates are on the CRL,
// until Finish makes the entries.
func (t *tx) importStatus(c store.CopiedStatus, seq uint64) error {
	b, s := bucket(t.Tx, c.Authority), copiedStatus(c)
	if b == nil {
		return store.Errorf(store.NotFound, "the lab has no authority %s", c.Authority)
	}
	if c.Listed {
		if err := b.Bucket(bExpiries).Put(expiryKey(c.Serial, &s), nil); err != nil {
			return err
		}
	}
	return putStatus(b, c.Serial, seq, s)
}

// copiedStatus is the status as it is stored.
func copiedStatus(c store.CopiedStatus) status {
	s := newStatus(c.NotAfter)
	if c.Revoked {
		s[0] = 1
	}
	s[1] = byte(c.Reason)
	if !c.RevokedAt.IsZero() {
		binary.BigEndian.PutUint64(s[2:], uint64(c.RevokedAt.Unix()))
	}
	if !c.Invalidity.IsZero() {
		binary.BigEndian.PutUint64(s[18:], uint64(c.Invalidity.Unix()))
	}
	binary.BigEndian.PutUint64(s[26:], c.ListedBy)
	return s
}

// importAuthority makes an authority, or gives the one that is there its state.
func (t *tx) importAuthority(a store.CopiedAuthority) error {
	if bucket(t.Tx, a.ID) == nil {
		if err := addAuthority(t.Tx, a.ID, a.Certificate); err != nil {
			return err
		}
	}
	b := bucket(t.Tx, a.ID)
	dropped := uint64(0)
	if !a.Dropped.IsZero() {
		dropped = uint64(a.Dropped.Unix())
	}
	if err := errors.Join(putCRLState(b, a.CRL), putNumber(b, kRevision, a.Revision), b.Put(kForm, []byte(a.Form)),
		putNumber(b, kDropped, dropped), emptyBucket(b, bChanges)); err != nil {
		return err
	}
	for _, d := range a.Delta {
		if err := b.Bucket(bChanges).Put(u64(d.Revision), d.Serial); err != nil {
			return err
		}
	}
	// The certificates that are on the CRL are known when all have come: see Finish.
	return emptyBucket(b, bEntries)
}

func (t *tx) importDocuments(p store.Page) error {
	if len(p.Kinds)+len(p.Documents) == 0 {
		return nil
	}
	all, err := t.CreateBucketIfNotExists(bDocuments)
	if err != nil {
		return err
	}
	ends, err := t.CreateBucketIfNotExists(bEnds)
	if err != nil {
		return err
	}
	for _, kind := range p.Kinds {
		b, err := all.CreateBucketIfNotExists([]byte(kind.Name))
		if err != nil {
			return err
		}
		if err := b.SetSequence(kind.Version); err != nil {
			return err
		}
	}
	for _, d := range p.Documents {
		if err := all.Bucket([]byte(d.Kind)).Put([]byte(d.Key), encodeDocument(d.Document)); err != nil {
			return err
		}
		if d.Expires.IsZero() {
			continue
		}
		k := endKey(d.Kind, d.Document)
		if err := ends.Put(k, binary.BigEndian.AppendUint32(nil, checksum(k))); err != nil {
			return err
		}
	}
	return nil
}

func (i *importer) Finish(ctx context.Context) error {
	var ids []string
	if err := i.view(func(b *bbolt.Tx) error {
		all := b.Bucket(bAuthorities)
		if all == nil {
			return nil
		}
		return all.ForEachBucket(func(id []byte) error {
			ids = append(ids, string(id))
			return nil
		})
	}); err != nil {
		return err
	}
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := i.update(func(b *bbolt.Tx) error { return finishAuthority(bucket(b, id)) }); err != nil {
			return err
		}
	}
	return nil
}

// finishAuthority makes the entries of an authority's CRL.
func finishAuthority(b *bbolt.Bucket) error {
	var on []listedCertificate
	if err := b.Bucket(bExpiries).ForEach(func(k, _ []byte) error {
		_, s, _ := statusOf(b, k[8:])
		on = append(on, listedCertificate{slices.Clone(k[8:]), s})
		return nil
	}); err != nil {
		return err
	}
	slices.SortFunc(on, func(a, b listedCertificate) int {
		return cmp.Or(a.status.time(2).Compare(b.status.time(2)), cmp.Compare(a.status.order(), b.status.order()))
	})
	return errors.Join(writeEntries(b, crlForm(b), on), putNumber(b, kIndexed, uint64(len(on))))
}

// Done gives the file its name.
func (i *importer) Done(ctx context.Context) error {
	if err := i.update(func(b *bbolt.Tx) error { return b.DeleteBucket(bCopied) }); err != nil {
		return err
	}
	if err := os.Link(i.Path(), i.path); err != nil { // never over another file
		return store.Errorf(store.Unwritable, "the copy %s is whole, and cannot be named %s: %w", i.Path(), i.path, err)
	}
	if err := errors.Join(os.Remove(i.Path()), atomicfile.SyncDir(filepath.Dir(i.path))); err != nil {
		return &store.Error{Kind: store.Unwritable, Err: err}
	}
	return nil
}
