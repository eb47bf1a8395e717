package orders

import (
	"context"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/internal/i18n"
)

// MaxBatch bounds the orders of one batch.
const MaxBatch = 1000

// RowError is what is wrong with a row of a batch.
type RowError struct {
	Row int // from 0
	Err error
}

// PlaceAll asks for several at once. Every row is checked before the first is written: when one is
// wrong, none is, and all that is wrong is returned. done is called after each order.
func (d *Desk) PlaceAll(ctx context.Context, caller *access.Caller, requests []Request, done func(*Order)) (
	placed []*Order, faults []RowError, err error) {
	if len(requests) > MaxBatch {
		return nil, nil, fail(CodeBatch, len(requests), MaxBatch)
	}
	docs := make([]*document, len(requests))
	for i, r := range requests {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		doc, err := d.prepare(ctx, caller, r)
		if err != nil {
			faults = append(faults, RowError{i, err})
			continue
		}
		docs[i] = doc
	}
	if faults != nil {
		return nil, faults, fail(CodeRow, faults[0].Row+1, i18n.TextOf(faults[0].Err))
	}
	for _, doc := range docs {
		o, err := d.place(ctx, doc)
		if err != nil {
			return placed, nil, err
		}
		placed = append(placed, o)
		if done != nil {
			done(o)
		}
	}
	return placed, nil, nil
}
