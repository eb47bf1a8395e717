package bolt

import (
	"context"
	"io"

	"go.etcd.io/bbolt"

	"github.com/igc-lab/igc/ca/store"
)

// Snapshot writes the file as of one moment, and returns the end of its feed. Writers go on, but
// one that has to make the file larger waits: w should be quick.
func (s *Store) Snapshot(ctx context.Context, w io.Writer) (head store.Head, err error) {
	err = s.using(ctx, func() error {
		return s.view(func(b *bbolt.Tx) error {
			head = (&tx{Tx: b, store: s}).Head()
			_, err := b.WriteTo(w)
			return err
		})
	})
	return head, err
}
