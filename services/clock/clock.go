// Package clock is the time of the lab's services (Pro Santé Connect, the e-CPS): the system's,
// moved forward by what a user asked for, so that what ends after half an hour can be tried in a
// second. Certificates, CRLs and OCSP keep the system's time.
//
// The offset is a document of the lab, so that all nodes and commands have one time. It only grows:
// what has expired would come back otherwise.
package clock

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/igc-lab/igc/ca/store"
)

var kind = store.DocumentKind{Name: "services.clock", Audited: true}

const key = "clock"

// MaxOffset bounds how far the clock can be moved in all.
const MaxOffset = 10 * 365 * 24 * time.Hour

// refresh is how often the offset is read, in the system's time.
const refresh = 100 * time.Millisecond

type document struct {
	Offset time.Duration `json:"offset"` // in nanoseconds
}

// Clock is the time of the services of one lab.
type Clock struct {
	documents store.Documents
	system    func() time.Time

	mu     sync.Mutex
	read   time.Time // the last time that the offset was read
	offset time.Duration
}

// New returns the clock of a lab, over a system's clock.
func New(documents store.DocumentStore, system func() time.Time) *Clock {
	return &Clock{documents: store.Documents{Store: documents, Kind: kind}, system: system}
}

// Now is the time of the services. When the offset cannot be read the last one is kept.
func (c *Clock) Now() time.Time {
	now := c.system()
	c.mu.Lock()
	defer c.mu.Unlock()
	if since := now.Sub(c.read); since >= refresh || since < 0 {
		if offset, _, err := c.get(context.Background()); err == nil {
			c.offset, c.read = offset, now
		}
	}
	return now.Add(c.offset)
}

// Offset is how far the clock is ahead of the system's.
func (c *Clock) Offset(ctx context.Context) (time.Duration, error) {
	offset, _, err := c.get(ctx)
	return offset, err
}

// Forward moves the clock forward and returns the offset in all.
func (c *Clock) Forward(ctx context.Context, actor string, by time.Duration) (time.Duration, error) {
	if by <= 0 {
		return 0, store.Errorf(store.Invalid, "the clock of the services moves forward only: %s is not more than zero",
			by)
	}
	for {
		offset, version, err := c.get(ctx)
		if err != nil {
			return 0, err
		}
		if by > MaxOffset-offset {
			return 0, store.Errorf(store.Invalid, "the clock of the services would be %s ahead: at most ten years are",
				offset+by)
		}
		value, err := json.Marshal(document{offset + by})
		if err != nil {
			return 0, err
		}
		_, err = c.documents.Swap(ctx, actor, key, version, value, time.Time{})
		switch {
		case errors.Is(err, store.ErrSwap):
			continue
		case err != nil:
			return 0, err
		}
		c.mu.Lock()
		c.read = time.Time{}
		c.mu.Unlock()
		return offset + by, nil
	}
}

func (c *Clock) get(ctx context.Context) (offset time.Duration, version uint64, err error) {
	doc, err := c.documents.Get(ctx, key)
	if store.KindOf(err) == store.NotFound {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, err
	}
	var d document
	if err := json.Unmarshal(doc.Value, &d); err != nil {
		return 0, 0, store.Errorf(store.Damaged, "the document %s/%s: %w", kind.Name, key, err)
	}
	return d.Offset, doc.Version, nil
}
