package ca

import (
	"context"
	"slices"
	"strings"

	"github.com/igc-lab/igc/card"
	"github.com/igc-lab/igc/profiles"
)

// Named is what a user means by a word: a card with its certificates, or one certificate.
type Named struct {
	Card    string // number of the card; empty when one certificate is meant
	Records []*Record
	Partial bool // found by a part of a name or of a number: enough to show it, not to revoke it
}

// Resolve finds what a word means: the number of a card or its beginning; a serial number, its
// beginning, its ending or the ten digits that igc list shows of it; the name or the identifier of
// a holder who has one card; "last". What means several things is an error that lists them.
func Resolve(ctx context.Context, s Service, what string) (Named, error) {
	if card.IsLast(what) {
		newest, err := s.List(ctx, Filter{EndEntities: true, Newest: true, Limit: mostCandidates})
		if err != nil {
			return Named{}, err
		}
		newest = slices.DeleteFunc(newest, OfServer)
		if len(newest) == 0 {
			return Named{}, fail(NotFound, "the lab has issued nothing yet: igc issue --fixture alain issues a card")
		}
		return whole(ctx, s, newest[len(newest)-1])
	}
	if number := profiles.NormalizeNumber(what); len(number) == 10 {
		records, err := s.List(ctx, Filter{Card: number, EndEntities: true})
		if err != nil || len(records) > 0 {
			return Named{Card: number, Records: records}, err
		}
	}
	r, notFound := s.Find(ctx, what)
	if notFound == nil {
		return Named{Records: []*Record{r}}, nil
	}
	if kind := KindOf(notFound); strings.TrimSpace(what) == "" || kind != NotFound && kind != Invalid {
		return Named{}, notFound
	}
	candidates, err := s.List(ctx, Filter{Named: what, EndEntities: true, Newest: true, Limit: mostCandidates})
	if err != nil {
		return Named{}, err
	}
	var found []*Record // one for each card
	seen := map[string]bool{}
	for _, r := range candidates {
		if name := r.ShortName(); !seen[name] {
			seen[name] = true
			found = append(found, r)
		}
	}
	switch len(found) {
	case 0:
		return Named{}, notFound
	case 1:
		named, err := whole(ctx, s, found[0])
		named.Partial = true
		return named, err
	}
	var names []string
	for _, r := range found {
		names = append(names, r.ShortName()+" "+r.Holder.DisplayName())
	}
	return Named{}, Invalidate(card.Ambiguous(what, names))
}

// mostCandidates is how many certificates are looked at when a word means several.
const mostCandidates = 200

// whole is a record with those of the same card.
func whole(ctx context.Context, s Service, r *Record) (Named, error) {
	number := r.Holder.CardNumber
	if number == "" {
		return Named{Records: []*Record{r}}, nil
	}
	records, err := s.List(ctx, Filter{Card: number, EndEntities: true})
	return Named{Card: number, Records: records}, err
}
