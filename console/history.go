package console

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/igc-lab/igc/ca/store"
)

// How many entries of the change feed a page shows, how many are read at once for it, and how many
// are looked at for one page.
const (
	entriesOfPage  = 50
	feedAtOnce     = 250
	mostFeedLooked = 2000
)

// history is a page of the change feed, the latest entry first.
type history struct {
	Entries []store.Change
	Next    uint64 // where the next page goes on: entries before that number; 0 when there is none
	More    bool   // it stopped for the bound, and not because the page is full
}

// readFeed goes backwards through the feed, from before a number, or from its end for 0.
func (c *Console) readFeed(ctx context.Context, before uint64, passes func(*store.Change) bool) (h history, err error) {
	head, err := c.Lab.Head(ctx)
	if err != nil {
		return h, err
	}
	if before == 0 || before > head.Seq {
		before = head.Seq + 1
	}
	for looked := 0; before > 1; {
		after := before - 1 - min(before-1, feedAtOnce)
		changes, err := c.Lab.Changes(ctx, after, int(before-1-after))
		if err != nil {
			return h, err
		}
		slices.Reverse(changes)
		for i := range changes {
			if len(h.Entries) == entriesOfPage {
				h.Next = changes[i].Seq + 1
				return h, nil
			}
			if passes(&changes[i]) {
				h.Entries = append(h.Entries, changes[i])
			}
		}
		before = after + 1
		if looked += len(changes); looked >= mostFeedLooked && before > 1 {
			h.Next, h.More = before, true
			return h, nil
		}
	}
	return h, nil
}

// historyOf is what the feed has of a card: what became of its certificates, and of the documents
// about it.
func (c *Console) historyOf(ctx context.Context, one *issued, before string) (history, error) {
	from, _ := strconv.ParseUint(before, 10, 64)
	return c.readFeed(ctx, from, func(change *store.Change) bool {
		if one.IsCard && strings.HasSuffix(change.Document, "/"+one.Name) {
			return true
		}
		for _, r := range one.Records {
			if change.Serial == r.Serial && change.Authority == r.Authority {
				return true
			}
		}
		return false
	})
}
