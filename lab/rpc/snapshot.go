package rpc

import (
	"context"

	"github.com/igc-lab/igc/ca/store"
)

// Snapshot is a copy of a lab's records as of one moment: a file in its home, which whoever asked
// for it removes.
type Snapshot struct {
	File string     `json:"file"` // its name
	Head store.Head `json:"head"` // of the feed
}

// Snapshot has the server copy the records.
func (r *Client) Snapshot(ctx context.Context) (out Snapshot, err error) {
	err = r.call(ctx, "snapshot", struct{}{}, &out)
	return out, err
}
