package ca

import (
	"context"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/profiles"
)

// CRLState tells the state of an authority's CRLs, and the time by the clock of the records.
func (ca *CA) CRLState(ctx context.Context, a profiles.Authority) (state CRLState, at time.Time, err error) {
	err = ca.store.View(ctx, func(r store.Reader) error {
		at = r.Now()
		state, err = r.CRLState(a.ID())
		return err
	})
	return state, at, err
}

// WatchCRLs calls fn with each change after which an authority's CRLs may be others: those of a
// certificate's status, and the numbers given to CRLs. See [CA.WatchStatus].
func (ca *CA) WatchCRLs(ctx context.Context, fn func(store.Change)) error {
	return ca.watch(ctx, fn, store.StatusChanged, store.CRLIssued)
}

// IssueCRLs gives the authority's next CRLs their number and content; do signs and publishes them.
// The number is used up on the disk before do is called, so numbers only grow, whatever crashes.
// Where no other process has the records open, none makes a CRL of the lab meanwhile, so what is
// published later has the higher number.
func (ca *CA) IssueCRLs(ctx context.Context, a profiles.Authority, order CRLRequest, do func(CRLContent) error) error {
	return ca.using(ctx, func() error {
		var state store.CRLState
		err := ca.update(ctx, func(tx store.Tx) (err error) {
			state, err = tx.NextCRL(a.ID(), order)
			return err
		})
		if err != nil {
			return err
		}
		return ca.store.View(ctx, func(r store.Reader) error {
			content, err := r.CRLContent(a.ID(), order.Full)
			if err != nil {
				return err
			}
			content.At = r.Now()
			content.Number, content.Base = state.Number, state.Base.Number // others may have been numbered since
			return do(content)
		})
	})
}
