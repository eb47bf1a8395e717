package orders

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/igc-lab/igc/access"
)

// Query is which orders to list: Suivre.
type Query struct {
	Structure string // empty for all that the caller may follow
	Offer     string // empty for all, like the rest
	Usage     string
	State     State
	Text      string // a number, a part of the holder's name, or of the service's
	After     string // [List].Next of the page before
	Limit     int    // 50 when it is 0, at most 200
}

// List is a page of orders, the newest first.
type List struct {
	Orders []*Order `json:"orders"`
	Next   string   `json:"next,omitempty"` // the place of the next page; empty at the end
}

// Bounds of a page. A filter that few orders pass ends its page early, and Next goes on.
const (
	defaultPage = 50
	maxPage     = 200
	maxLooked   = 1000
)

// List lists the orders that the caller may follow.
func (d *Desk) List(ctx context.Context, caller *access.Caller, q Query) (*List, error) {
	limit := min(cmp.Or(q.Limit, defaultPage), maxPage)
	lists := []string{"p/" + caller.ID + "/"}
	structures, all := caller.Structures(access.Follow)
	switch {
	case q.Structure != "":
		if err := caller.May(access.Follow, access.Target{Structure: q.Structure}); err != nil {
			return nil, err
		}
		lists = []string{"s/" + q.Structure + "/"}
	case all:
		lists = []string{"a/"}
	default:
		for _, s := range structures {
			lists = append(lists, "s/"+s+"/")
		}
	}
	page := &List{Orders: []*Order{}}
	after := q.After
	for looked := 0; ; {
		places, err := d.places(ctx, lists, after, limit)
		if err != nil || len(places) == 0 {
			page.Next = ""
			return page, err
		}
		for _, place := range places {
			if len(page.Orders) == limit || looked == maxLooked {
				page.Next = after
				return page, nil
			}
			after = place
			looked++
			_, number, _ := strings.Cut(place, "/")
			doc, err := d.read(ctx, number)
			if CodeOf(err) == CodeNone {
				continue
			}
			if err != nil {
				return nil, err
			}
			// The lists are kept by the desk; the right is looked at all the same.
			if caller.May(access.Follow, doc.Target()) != nil {
				continue
			}
			o, err := d.present(ctx, doc)
			if err != nil {
				return nil, err
			}
			if q.passes(o) {
				page.Orders = append(page.Orders, o)
			}
		}
	}
}

// places are the next places of several lists together, in their order, each once.
func (d *Desk) places(ctx context.Context, lists []string, after string, limit int) ([]string, error) {
	var places []string
	for _, list := range lists {
		from := ""
		if after != "" {
			from = list + after
		}
		docs, err := d.Documents.PageDocuments(ctx, indexKind, list, from, limit)
		if err != nil {
			return nil, err
		}
		for _, doc := range docs {
			places = append(places, strings.TrimPrefix(doc.Key, list))
		}
	}
	slices.Sort(places)
	places = slices.Compact(places)
	return places[:min(len(places), limit)], nil
}

// passes tells whether an order is among those asked for.
func (q *Query) passes(o *Order) bool {
	text := strings.ToLower(strings.TrimSpace(q.Text))
	switch {
	case q.Offer != "" && !strings.EqualFold(q.Offer, o.Offer), q.Usage != "" && !strings.EqualFold(q.Usage, o.Usage),
		q.State != "" && q.State != o.State:
		return false
	case text == "":
		return true
	}
	for _, s := range []string{o.Number, o.Holder.DisplayName(), o.Holder.Organisation, o.Holder.Service, o.Card} {
		if strings.Contains(strings.ToLower(s), text) {
			return true
		}
	}
	return false
}
