package ca

import (
	"context"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/profiles"
)

// CRLState tells the state of an authority's CRLs.
func (ca *CA) CRLState(ctx context.Context, a profiles.Authority) (state CRLState, err error) {
	err = ca.store.View(ctx, func(r store.Reader) error {
		state, err = r.CRLState(a.ID())
		return err
	})
	return state, err
}

// IssueCRLs gives the authority's next CRLs their number and content; do signs and publishes them.
// The number is used up on the disk before do is called, so numbers only grow, whatever crashes; no
// other process makes a CRL of the lab meanwhile, so what is published later has the higher number.
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
			content.Number, content.Base = state.Number, state.Base.Number // others may have been numbered since
			return do(content)
		})
	})
}
