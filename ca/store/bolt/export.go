package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"time"

	"go.etcd.io/bbolt"

	"github.com/igc-lab/igc/ca/store"
)

var _ store.Exporter = (*Store)(nil)

// exportPage is how many certificates, changes or documents a page holds.
const exportPage = 2000

// Export implements [store.Exporter].
func (s *Store) Export(
	ctx context.Context, begin func(store.Head) (store.Progress, error), fn func(store.Page) error,
) error {
	return s.using(ctx, func() error {
		return s.view(func(b *bbolt.Tx) error {
			t := &tx{Tx: b, store: s}
			from, err := begin(t.Head())
			if err != nil {
				return err
			}
			e := &export{tx: t, fn: func(p store.Page) error {
				if err := ctx.Err(); err != nil {
					return err
				}
				return fn(p)
			}}
			for _, step := range []func(store.Progress) error{
				e.authorities, e.certificates, e.revocations, e.changes, e.documents,
			} {
				if err := step(from); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// export is an Export under way.
type export struct {
	*tx
	fn     func(store.Page) error
	ids    []string                   // of the authorities, in order
	listed map[string]map[string]bool // by authority: the serial numbers on its CRL
}

func (e *export) authorities(store.Progress) error {
	e.listed = map[string]map[string]bool{}
	all := e.Bucket(bAuthorities)
	if all == nil {
		return nil
	}
	var p store.Page
	if err := all.ForEachBucket(func(id []byte) error {
		b := bucket(e.Tx, string(id))
		state, err := readCRLState(b)
		if err != nil {
			return err
		}
		a := store.CopiedAuthority{ID: string(id), Certificate: bytes.Clone(certificateOf(b)), Revision: state.Revision,
			Form: crlForm(b), CRL: state}
		a.CRL.Revision = 0
		if n := number(b, kDropped); n > 0 {
			a.Dropped = time.Unix(int64(n), 0).UTC()
		}
		if err := b.Bucket(bChanges).ForEach(func(k, serial []byte) error {
			change := store.CopiedDelta{Revision: binary.BigEndian.Uint64(k), Serial: bytes.Clone(serial)}
			a.Delta = append(a.Delta, change)
			return nil
		}); err != nil {
			return err
		}
		on := map[string]bool{}
		e.ids, e.listed[a.ID] = append(e.ids, a.ID), on
		p.Authorities = append(p.Authorities, a)
		return eachEntry(b, func(serial []byte, _ *status) error {
			on[string(serial)] = true
			return nil
		})
	}); err != nil {
		return err
	}
	return e.fn(p)
}

// status is the status of a serial number as it is copied.
func (e *export) status(k store.Key, s *status) store.CopiedStatus {
	c := store.CopiedStatus{Key: k, NotAfter: s.time(10), Revoked: s[0] == 1, Reason: int(s[1]), ListedBy: s.order(),
		Listed: e.listed[k.Authority][string(k.Serial)]}
	if c.Revoked || c.Reason == store.RemoveFromCRL {
		c.RevokedAt = s.time(2)
	}
	if t := s.time(18); t.Unix() != 0 {
		c.Invalidity = t
	}
	return c
}

func (e *export) certificates(from store.Progress) error {
	var p store.Page
	for r, err := range e.List(store.Filter{After: from.Certificates}) {
		if err != nil {
			return err
		}
		_, s, _ := statusOf(bucket(e.Tx, r.Authority), r.Key().Serial)
		p.Certificates = append(p.Certificates, store.CopiedCertificate{Record: *r, Status: e.status(r.Key(), &s)})
		if len(p.Certificates) == exportPage {
			if err := e.fn(p); err != nil {
				return err
			}
			p = store.Page{}
		}
	}
	return e.last(p, len(p.Certificates))
}

// last gives the last page, unless it is empty.
func (e *export) last(p store.Page, n int) error {
	if n == 0 {
		return nil
	}
	return e.fn(p)
}

func (e *export) revocations(store.Progress) error {
	var p store.Page
	for _, id := range e.ids {
		if err := bucket(e.Tx, id).Bucket(bSerials).ForEach(func(serial, v []byte) error {
			seq, s, err := parseStatus(serial, v)
			if err == nil && seq == 0 {
				key := store.Key{Authority: id, Serial: bytes.Clone(serial)}
				p.Revocations = append(p.Revocations, e.status(key, &s))
			}
			return err
		}); err != nil {
			return err
		}
	}
	return e.last(p, len(p.Revocations))
}

func (e *export) changes(from store.Progress) error {
	for after := from.Changes; ; {
		changes, err := e.Changes(after, exportPage)
		if err != nil || len(changes) == 0 {
			return err
		}
		if err := e.fn(store.Page{Changes: changes}); err != nil {
			return err
		}
		after = changes[len(changes)-1].Seq
	}
}

func (e *export) documents(store.Progress) error {
	all := e.Bucket(bDocuments)
	if all == nil {
		return nil
	}
	var kinds, p store.Page
	if err := all.ForEachBucket(func(kind []byte) error {
		kinds.Kinds = append(kinds.Kinds, store.CopiedKind{Name: string(kind), Version: all.Bucket(kind).Sequence()})
		return nil
	}); err != nil {
		return err
	}
	if err := e.last(kinds, len(kinds.Kinds)); err != nil {
		return err
	}
	for _, kind := range kinds.Kinds {
		if err := all.Bucket([]byte(kind.Name)).ForEach(func(k, v []byte) error {
			d, err := parseDocument(k, v)
			if err != nil {
				return err
			}
			p.Documents = append(p.Documents, store.CopiedDocument{Kind: kind.Name, Document: d})
			if len(p.Documents) < exportPage {
				return nil
			}
			err = e.fn(p)
			p = store.Page{}
			return err
		}); err != nil {
			return err
		}
	}
	return e.last(p, len(p.Documents))
}
