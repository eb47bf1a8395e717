// Package transfer copies a lab's records from one driver of the store to another, and compares the
// copy with what it was made of.
//
// A copy that was interrupted goes on where it was, as long as the lab that is copied has not
// changed. Until it is whole, nobody else can open it.
package transfer

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"hash"
	"strings"
	"sync"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/ca/store/bolt"
	"github.com/igc-lab/igc/ca/store/database"
	"github.com/igc-lab/igc/internal/i18n"
)

// Report is what was copied.
type Report struct {
	From         string     `json:"from"`
	To           string     `json:"to"`
	Authorities  int        `json:"authorities"`
	Certificates uint64     `json:"certificates"`
	Listed       uint64     `json:"listed"` // entries of the full CRLs
	Changes      uint64     `json:"changes"`
	Documents    int        `json:"documents"`
	Resumed      uint64     `json:"resumed,omitempty"` // certificates that an interrupted copy had brought
	Head         store.Hash `json:"head"`              // of the feed
	Records      store.Hash `json:"records"`           // SHA-256 over every record: equal labs have the same
}

// Progress is told how far a copy has come, in certificates and entries of the feed.
type Progress func(done, total uint64)

// file is how an address names a file.
const file = "bbolt:"

// Copy copies a lab, and verifies the copy. Addresses are bbolt:PATH, of an igc.db, and
// postgres://USER@HOST/DATABASE; nothing may be at the second. Nobody may write the lab meanwhile.
func Copy(ctx context.Context, from, to string, progress Progress) (*Report, error) {
	source, err := openSource(from)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	target, err := openTarget(ctx, to)
	if err != nil {
		return nil, err
	}
	r := &Report{From: shown(from), To: shown(to)}
	err = copyAll(ctx, source, target, r, progress)
	return r, errors.Join(err, target.Close())
}

// lockedFile is a file that is open for its whole life.
type lockedFile struct{ *bolt.Store }

func (f lockedFile) Close() error { return f.Unlock() }

func openSource(address string) (store.Exporter, error) {
	path, ok := strings.CutPrefix(address, file)
	switch {
	case database.IsAddress(address):
		return database.OpenExport(address)
	case !ok:
		return nil, badAddress(address)
	}
	s := bolt.Open(path, bolt.Options{ReadOnly: true})
	switch err := s.Lock(2 * time.Second); {
	case errors.Is(err, store.ErrLocked):
		return nil, store.Errorf(store.Busy, "another process holds %s: end igc serve first", path)
	case err != nil:
		return nil, err
	}
	return lockedFile{s}, nil
}

func openTarget(ctx context.Context, address string) (store.Importer, error) {
	path, ok := strings.CutPrefix(address, file)
	switch {
	case database.IsAddress(address):
		return database.OpenImport(ctx, address)
	case !ok:
		return nil, badAddress(address)
	}
	return bolt.OpenImport(path)
}

func badAddress(address string) error {
	return store.Errorf(store.Invalid, "%q is neither bbolt:PATH nor postgres://USER@HOST/DATABASE", address)
}

// shown is an address without a password.
func shown(address string) string {
	if database.IsAddress(address) {
		return database.Shown(address)
	}
	return address
}

func copyAll(ctx context.Context, source store.Exporter, target store.Importer, r *Report, progress Progress) error {
	total, err := size(ctx, source)
	if err != nil {
		return err
	}
	var done uint64
	err = pass(ctx, source, func(head store.Head) (from store.Progress, err error) {
		from, err = target.Begin(ctx, head)
		r.Resumed, done = from.Certificates, from.Certificates+from.Changes
		return from, err
	}, func(p store.Page) error {
		done += uint64(len(p.Certificates) + len(p.Changes))
		r.Documents += len(p.Documents)
		if progress != nil {
			progress(min(done, total), total)
		}
		return target.Import(ctx, p)
	})
	if err != nil {
		return err
	}
	if err := target.Finish(ctx); err != nil {
		return err
	}
	if err := Compare(ctx, source, target, r); err != nil {
		_, begun := target.Begin(ctx, store.Head{}) // the next copy begins anew
		return errors.Join(err, begun)
	}
	return target.Done(ctx)
}

// pass is Export of a source, which reads the next page while fn works on the one before.
func pass(
	ctx context.Context, source store.Exporter,
	begin func(store.Head) (store.Progress, error), fn func(store.Page) error,
) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pages := make(chan store.Page)
	var exported error
	go func() {
		defer close(pages)
		exported = source.Export(ctx, begin, func(p store.Page) error {
			select {
			case pages <- p:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	for p := range pages {
		if err := fn(p); err != nil {
			cancel()
			for range pages { // until Export has ended
			}
			return err
		}
	}
	return exported
}

// size is the number of certificates and entries of the feed.
func size(ctx context.Context, s store.Store) (n uint64, err error) {
	err = s.View(ctx, func(r store.Reader) error {
		n = r.Head().Seq
		for _, c := range r.Counts().Authorities {
			n += c.Issued
		}
		return nil
	})
	return n, err
}

// summary is what is compared of two labs.
type summary struct {
	counts map[string]store.AuthorityCounts
	head   store.Head
	crls   map[string][3][sha256.Size]byte // state, full CRL, delta
	all    [sha256.Size]byte               // of every record
}

// Compare returns an error of kind Damaged when two stores do not hold the same lab: by their
// counts, the feed with its hashes, what the CRLs hold, and each record.
func Compare(ctx context.Context, a, b store.Exporter, r *Report) error {
	var other summary
	var failed error
	var reading sync.WaitGroup
	reading.Go(func() { other, failed = summarize(ctx, b) })
	one, err := summarize(ctx, a)
	reading.Wait()
	if err := cmp.Or(err, failed); err != nil {
		return err
	}
	differ := func(what string) error {
		return store.Errorf(
			store.Damaged,
			"the copy differs in %s from what it was made of: was the lab written meanwhile? "+
				"End what writes it, and copy it again",
			what,
		)
	}
	if one.head != other.head {
		return differ("the change feed")
	}
	if len(one.counts) != len(other.counts) {
		return differ("the authorities")
	}
	for id, n := range one.counts {
		if n != other.counts[id] {
			return differ("the counts of " + id)
		}
		if one.crls[id] != other.crls[id] {
			return differ("the CRLs of " + id)
		}
		r.Certificates, r.Listed = r.Certificates+n.Issued, r.Listed+n.Listed
	}
	if one.all != other.all {
		return differ("a record")
	}
	r.Authorities, r.Changes, r.Head, r.Records = len(one.counts), one.head.Seq, one.head.Hash, one.all
	return nil
}

func summarize(ctx context.Context, s store.Exporter) (sum summary, err error) {
	records := sha256.New()
	encode := json.NewEncoder(records)
	var head store.Head
	whole := func(store.Head) (store.Progress, error) { return store.Progress{}, nil }
	if err := s.Export(ctx, whole, func(p store.Page) error {
		for _, c := range p.Changes { // the chain is whole
			data, err := c.Encode()
			if err != nil {
				return err
			}
			_, hash, err := store.ParseChange(data)
			if err != nil {
				return err
			}
			if err := head.Next(c, hash); err != nil {
				return err
			}
		}
		return encodePage(encode, p)
	}); err != nil {
		return sum, err
	}
	sum.all = [sha256.Size]byte(records.Sum(nil))
	err = s.View(ctx, func(r store.Reader) error {
		sum.counts, sum.head, sum.crls = r.Counts().Authorities, r.Head(), map[string][3][sha256.Size]byte{}
		if head != sum.head {
			return i18n.Errorf("the feed ends at entry %d with %s, and its head is entry %d with %s",
				head.Seq, head.Hash, sum.head.Seq, sum.head.Hash)
		}
		for id := range sum.counts {
			if sum.crls[id], err = summarizeCRLs(r, id); err != nil {
				return err
			}
		}
		return nil
	})
	return sum, err
}

// encodePage encodes the records of a page one by one: pages may be cut differently.
func encodePage(encode *json.Encoder, p store.Page) error {
	return errors.Join(
		encodeAll(encode, p.Authorities),
		encodeAll(encode, p.Certificates),
		encodeAll(encode, p.Revocations),
		encodeAll(encode, p.Changes),
		encodeAll(encode, p.Kinds),
		encodeAll(encode, p.Documents),
	)
}

func encodeAll[T any](encode *json.Encoder, all []T) error {
	for _, one := range all {
		if err := encode.Encode(one); err != nil {
			return err
		}
	}
	return nil
}

func summarizeCRLs(r store.Reader, id string) (sums [3][sha256.Size]byte, err error) {
	state, err := r.CRLState(id)
	if err != nil {
		return sums, err
	}
	content, err := r.CRLContent(id, true)
	if err != nil {
		return sums, err
	}
	h := [3]hash.Hash{sha256.New(), sha256.New(), sha256.New()}
	if err := json.NewEncoder(h[0]).Encode(struct {
		store.CRLState
		Revision                         uint64
		Number, Content, Base            uint64
		Entries, Changed, LengthOfChange int
	}{state, state.Revision, content.Number, content.Revision, content.Base, content.Entries, content.Changed,
		len(content.Changes)}); err != nil {
		return sums, err
	}
	for _, c := range content.Full {
		h[1].Write(c.DER)
	}
	h[2].Write(bytes.Clone(content.Changes))
	for i := range h {
		sums[i] = [sha256.Size]byte(h[i].Sum(nil))
	}
	return sums, nil
}
