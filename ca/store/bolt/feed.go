package bolt

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/igc-lab/igc/ca/store"
)

// A change is stored as its JSON, which is hashed, and a checksum of that in hexadecimal, as damage
// of the file is told from a change that somebody made.

func encodeChange(c store.Change) ([]byte, error) {
	for _, text := range []*string{&c.Actor, &c.Holder, &c.Document, &c.Note, &c.Profile} {
		*text = strings.ToValidUTF8(*text, "\uFFFD") // as JSON has it: reading and writing it again changes nothing
	}
	data, err := c.Encode()
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(data, "\n%08x", checksum(data)), nil
}

// splitChange takes the JSON of a change from its value.
func splitChange(key, v []byte) ([]byte, error) {
	data, sum, ok := bytes.Cut(v, []byte("\n"))
	if len(key) != 8 || !ok || string(sum) != fmt.Sprintf("%08x", checksum(data)) {
		return nil, damage("the entry %X of the change feed", key)
	}
	return data, nil
}

func (t *tx) Head() (h store.Head) {
	b := t.Bucket(bFeed)
	if b == nil {
		return h
	}
	k, v := b.Cursor().Last()
	if k == nil {
		return h
	}
	data, err := splitChange(k, v)
	if err != nil {
		panic(err)
	}
	return store.Head{Seq: binary.BigEndian.Uint64(k), Hash: sha256.Sum256(data)}
}

func (t *tx) Append(c store.Change) error {
	b, err := t.CreateBucketIfNotExists(bFeed)
	if err != nil {
		return err
	}
	head := t.Head()
	c.Seq, c.Prev = head.Seq+1, head.Hash
	if c.Actor == "" {
		c.Actor = t.actor
	}
	if c.At.IsZero() {
		c.At = t.Now()
	}
	v, err := encodeChange(c)
	if err != nil {
		return err
	}
	b.FillPercent = 0.95 // keys only grow
	t.appended = c.Seq
	return b.Put(u64(c.Seq), v)
}

func (t *tx) Changes(after uint64, limit int) (changes []store.Change, err error) {
	b := t.Bucket(bFeed)
	if b == nil {
		return nil, nil
	}
	c := b.Cursor()
	for k, v := c.Seek(u64(after + 1)); k != nil && len(changes) < limit; k, v = c.Next() {
		data, err := splitChange(k, v)
		if err != nil {
			return nil, err
		}
		change, _, err := store.ParseChange(data)
		if err != nil {
			return nil, damage("%v", err)
		}
		changes = append(changes, change)
	}
	return changes, nil
}

// followBatch is how many changes a follower is given at once.
const followBatch = 500

// Follow implements [store.Store]. While this process has the file closed, others may write: it
// reads the feed again each second.
func (s *Store) Follow(ctx context.Context, after uint64, fn func([]store.Change) error) error {
	f := s.followers.Add(after)
	defer s.followers.Remove(f)
	for began := false; ; began = true {
		wake := s.followers.Wakeup()
		var changes []store.Change
		err := s.View(ctx, func(r store.Reader) (err error) {
			changes, err = r.Changes(after, followBatch)
			return err
		})
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return err
		}
		if len(changes) > 0 || !began {
			if err := fn(changes); err != nil {
				return err
			}
		}
		if len(changes) > 0 {
			after = changes[len(changes)-1].Seq
			s.followers.Reached(f, after)
			continue
		}
		select {
		case <-wake:
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// followerWait is how long an update waits for a follower.
const followerWait = time.Second

// wake wakes the followers, and waits until they have reached a change or are gone.
func (s *Store) wake(ctx context.Context, seq uint64) {
	ctx, cancel := context.WithTimeout(ctx, followerWait)
	defer cancel()
	s.followers.WakeAll()
	s.followers.Wait(seq, ctx.Done())
}
