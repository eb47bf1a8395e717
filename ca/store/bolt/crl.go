package bolt

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/igc-lab/igc/ca/store"
)

func readCRLState(b *bbolt.Bucket) (s store.CRLState, err error) {
	if v := b.Get(kLists); v != nil {
		s, err = parseCRLState(v)
	}
	s.Revision = number(b, kRevision)
	return s, err
}

// The state is stored as JSON and a checksum of it, in hexadecimal; without one, where it was
// written before.
func parseCRLState(v []byte) (s store.CRLState, err error) {
	data, sum, checked := bytes.Cut(v, []byte("\n"))
	if checked && string(sum) != fmt.Sprintf("%08x", checksum(data)) || json.Unmarshal(data, &s) != nil {
		return s, damage("the state of a CRL")
	}
	return s, nil
}

func putCRLState(b *bbolt.Bucket, s store.CRLState) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return b.Put(kLists, fmt.Appendf(data, "\n%08x", checksum(data)))
}

// dropAsDue takes expired certificates off the CRL that were on the last one that was due, and were
// expired then; and first, where the request says so, puts others back.
func dropAsDue(b *bbolt.Bucket, req store.CRLRequest) error {
	state, err := readCRLState(b)
	if err != nil {
		return err
	}
	var before time.Time // none
	if !req.DropExpired.IsZero() && !state.Scheduled.IsZero() {
		if before = state.Scheduled; req.DropExpired.Before(before) { // the last scheduled CRL was not published
			before = req.DropExpired
		}
	}
	if req.Restore {
		if err := restore(b, req.Form, before, state.Base.Revision); err != nil {
			return err
		}
	}
	if before.IsZero() {
		return nil
	}
	entries := number(b, kListed)
	if err := dropExpired(b, before, state.Base.Revision, number(b, kRevision)); err != nil {
		return err
	}
	if number(b, kListed) == entries {
		return nil
	}
	return putNumber(b, kDropped, uint64(before.Unix()))
}

// maxDelta bounds the changes that a delta CRL holds: after more, the next full list is the new
// base.
const maxDelta = 10000

func nextCRL(b *bbolt.Bucket, req store.CRLRequest, now time.Time) (store.CRLState, error) {
	state, err := readCRLState(b)
	if err != nil {
		return state, err
	}
	state.Number++
	run := store.CRLIssue{Number: state.Number, Revision: state.Revision, Form: req.Form}
	state.Delta = run
	if req.Full {
		state.Full = run
	}
	if req.Full && (req.Due || state.Base.Number == 0 || state.Revision-state.Base.Revision > maxDelta) {
		// The new base holds every change made so far.
		if err := b.DeleteBucket(bChanges); err != nil {
			return state, err
		}
		if _, err := b.CreateBucket(bChanges); err != nil {
			return state, err
		}
		state.Base = run
		if req.Due {
			state.Scheduled = now.UTC().Truncate(time.Second)
		}
	}
	return state, putCRLState(b, state)
}

// readCRL collects what CRLs hold. More may have been revoked since the number was given: it goes
// with it.
func readCRL(b *bbolt.Bucket, full bool) (c store.CRLContent, err error) {
	state, err := readCRLState(b)
	if err != nil {
		return c, err
	}
	c.Number, c.Base, c.Revision = state.Number, state.Base.Number, state.Revision
	if full {
		c.Entries = int(number(b, kListed))
		c.Full = make([]store.CRLChunk, 0, c.Entries/64)
		cursor := b.Bucket(bEntries).Cursor()
		for k, v := cursor.First(); k != nil; k, v = cursor.Next() {
			der, err := parseChunk(k, v)
			if err != nil {
				return c, err
			}
			chunk := store.CRLChunk{DER: der}
			copy(chunk.ID[copy(chunk.ID[:], k):], v)
			c.Full = append(c.Full, chunk)
		}
	}
	// Of a certificate that changed more than once, only the last change counts.
	last := map[string]uint64{}
	changes := b.Bucket(bChanges)
	if err := changes.ForEach(func(k, serial []byte) error {
		if len(k) != 8 {
			return damage("a change of status at %X", k)
		}
		last[string(serial)] = binary.BigEndian.Uint64(k)
		return nil
	}); err != nil {
		return c, err
	}
	faithful := crlForm(b) == store.FaithfulCRL
	return c, changes.ForEach(func(k, serial []byte) error {
		if last[string(serial)] != binary.BigEndian.Uint64(k) {
			return nil
		}
		_, s, ok := statusOf(b, serial)
		if !ok {
			return damage("a change of status of %X", serial)
		}
		at, reason, invalidity, bare := s.time(2), store.RemoveFromCRL, time.Time{}, false // of a hold that ended
		if v := s.revocation(); v != nil {
			reason, invalidity, bare = v.Reason.Code(), v.Invalidity, faithful
		}
		entry, err := store.EncodeEntry(serial, at, reason, invalidity, bare)
		c.Changed++
		c.Changes = append(c.Changes, entry...)
		return err
	})
}
