package ca

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/igc-lab/igc/profiles"
)

// ListState is what is known of an authority's CRLs without reading them.
type ListState struct {
	Revision uint64 `json:"-"` // count of the changes of status of its certificates

	Number uint64  `json:"number"` // the last one given to a list
	Full   ListRun `json:"full"`
	Delta  ListRun `json:"delta"`
	Base   ListRun `json:"base"` // the full CRL that deltas are relative to: the last one that was due

	// Scheduled is when the last full CRL that was due was begun; zero in a lab whose last one an earlier version made.
	Scheduled time.Time `json:"scheduled,omitzero"`
}

// ListRun is the making of a list: the number it got, and the revision and form of what it holds. It is written before the
// list is: whether the list was finished is for the reader of its file to see.
type ListRun struct {
	Number   uint64   `json:"number"`
	Revision uint64   `json:"revision"` // it holds at least the changes up to this one
	Form     ListForm `json:"form"`
}

// ListForm is how a CRL is encoded.
type ListForm string

// The forms.
const (
	FaithfulList ListForm = "faithful" // as the real CRLs: entries are serial number and date
	RichList     ListForm = "rich"     // with reasons, invalidity dates and the extensions of RFC 5280
)

// ListContent is what an authority's CRLs are made of, as of one moment. The entries are slices of the store's memory:
// they are only there, and only to be read, during the call that they are given to.
type ListContent struct {
	Number   uint64
	Revision uint64
	Base     uint64      // number of the full CRL that the delta is relative to
	Entries  int         // on the full list
	Full     []ListChunk // entries of the full list
	Changed  int         // on the delta CRL
	Changes  []byte      // entries of the delta CRL, DER
}

// ListChunk is a part of a list's entries. Two of the same ID and length are the same, as long as the form is.
type ListChunk struct {
	ID  [24]byte // key and revision, see entries.go
	DER []byte
}

// ListOrder says which lists are to be made.
type ListOrder struct {
	Full bool // the full CRL too, and not the delta only
	Due  bool // the full CRL is one of the schedule: the deltas that follow are relative to it
	Form ListForm
	// DropExpired takes expired certificates off a list that is due, once they were on a list that was due after they expired
	// (RFC 5280 §3.3). It is the time of the last list published; zero keeps them. Their status stays.
	DropExpired time.Time
	// Restore puts back, on a list that is due, what left it before and by DropExpired would not have: the clock was ahead
	// then, or expired certificates were not listed.
	Restore bool
}

// ListState tells the state of an authority's CRLs.
func (l *Lab) ListState(ctx context.Context, a profiles.Authority) (state ListState, err error) {
	err = l.view(ctx, func(tx *bolt.Tx) error {
		b := bucket(tx, a.ID())
		if b == nil {
			return fail(NotFound, "the lab has no authority %s", a.ID())
		}
		state, err = readListState(b)
		return err
	})
	return state, err
}

func readListState(b *bolt.Bucket) (s ListState, err error) {
	if v := b.Get(kLists); v != nil {
		s, err = parseListState(v)
	}
	s.Revision = number(b, kRevision)
	return s, err
}

// The state is stored as JSON and a checksum of it, in hexadecimal; without one, where it was written before.
func parseListState(v []byte) (s ListState, err error) {
	data, sum, checked := bytes.Cut(v, []byte("\n"))
	if checked && string(sum) != fmt.Sprintf("%08x", checksum(data)) || json.Unmarshal(data, &s) != nil {
		return s, damage("the state of a CRL")
	}
	return s, nil
}

func putListState(b *bolt.Bucket, s ListState) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return b.Put(kLists, fmt.Appendf(data, "\n%08x", checksum(data)))
}

// MakeLists gives the authority's next CRLs their number and content; do signs and publishes them. The number is used up on
// the disk before do is called, so numbers only grow, whatever crashes; no other process makes a list of the lab meanwhile,
// so what is published later has the higher number.
func (l *Lab) MakeLists(ctx context.Context, a profiles.Authority, order ListOrder, do func(ListContent) error) error {
	return l.using(ctx, func() error {
		var content ListContent
		err := l.store.update(func(tx *bolt.Tx) error {
			b := bucket(tx, a.ID())
			if b == nil {
				return fail(NotFound, "the lab has no authority %s", a.ID())
			}
			if order.Form != listForm(b) {
				if err := relist(b, order.Form); err != nil {
					return err
				}
			}
			if order.Due {
				if err := leaveExpired(b, order); err != nil {
					return err
				}
			}
			state, err := beginLists(b, order, l.now())
			content.Number, content.Base = state.Number, state.Base.Number
			return err
		})
		if err != nil {
			return err
		}
		return l.store.view(func(tx *bolt.Tx) error {
			if err := content.read(bucket(tx, a.ID()), order); err != nil {
				return err
			}
			return do(content)
		})
	})
}

// leaveExpired takes expired certificates off the list that were on the last one that was due, and were expired then; and
// first, where the order says so, puts others back.
func leaveExpired(b *bolt.Bucket, order ListOrder) error {
	state, err := readListState(b)
	if err != nil {
		return err
	}
	var before time.Time // none
	if !order.DropExpired.IsZero() && !state.Scheduled.IsZero() {
		if before = state.Scheduled; order.DropExpired.Before(before) { // begun and not published
			before = order.DropExpired
		}
	}
	if order.Restore {
		if err := restore(b, order.Form, before, state.Base.Revision); err != nil {
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

// maxDelta bounds the changes that a delta CRL holds: after more, the next full list is the new base.
const maxDelta = 10000

func beginLists(b *bolt.Bucket, order ListOrder, now time.Time) (ListState, error) {
	state, err := readListState(b)
	if err != nil {
		return state, err
	}
	state.Number++
	run := ListRun{state.Number, state.Revision, order.Form}
	state.Delta = run
	if order.Full {
		state.Full = run
	}
	if order.Full && (order.Due || state.Base.Number == 0 || state.Revision-state.Base.Revision > maxDelta) {
		// The new base holds every change made so far.
		if err := b.DeleteBucket(bChanges); err != nil {
			return state, err
		}
		if _, err := b.CreateBucket(bChanges); err != nil {
			return state, err
		}
		state.Base = run
		if order.Due {
			state.Scheduled = now.UTC().Truncate(time.Second)
		}
	}
	return state, putListState(b, state)
}

// read collects the content. More may have been revoked since the number was given: it goes with it.
func (c *ListContent) read(b *bolt.Bucket, order ListOrder) error {
	state, err := readListState(b)
	if err != nil {
		return err
	}
	c.Revision = state.Revision
	if order.Full {
		c.Entries = int(number(b, kListed))
		c.Full = make([]ListChunk, 0, c.Entries/64)
		cursor := b.Bucket(bEntries).Cursor()
		for k, v := cursor.First(); k != nil; k, v = cursor.Next() {
			der, err := parseChunk(k, v)
			if err != nil {
				return err
			}
			chunk := ListChunk{DER: der}
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
		return err
	}
	return changes.ForEach(func(k, serial []byte) error {
		if last[string(serial)] != binary.BigEndian.Uint64(k) {
			return nil
		}
		_, s, ok := statusOf(b, serial)
		if !ok {
			return damage("a change of status of %X", serial)
		}
		at, reason, invalidity, bare := s.time(2), removeFromCRL, time.Time{}, false // of a hold that ended
		if v := s.revocation(); v != nil {
			reason, invalidity, bare = v.Reason.Code(), v.Invalidity, order.Form == FaithfulList
		}
		entry, err := encodeEntry(serial, at, reason, invalidity, bare)
		c.Changed++
		c.Changes = append(c.Changes, entry...)
		return err
	})
}
