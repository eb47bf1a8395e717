package ca

import (
	"context"

	"github.com/igc-lab/igc/ca/store"
)

// GetDocument implements [store.DocumentStore].
func (ca *CA) GetDocument(ctx context.Context, kind store.DocumentKind, key string) (store.Document, error) {
	return store.DocumentsOf(ca.store, ca.actor).GetDocument(ctx, kind, key)
}

// ScanDocuments implements [store.DocumentStore].
func (ca *CA) ScanDocuments(ctx context.Context, kind store.DocumentKind, prefix string) ([]store.Document, error) {
	return store.DocumentsOf(ca.store, ca.actor).ScanDocuments(ctx, kind, prefix)
}

// PageDocuments implements [store.DocumentStore].
func (ca *CA) PageDocuments(ctx context.Context, kind store.DocumentKind, prefix, after string, limit int) (
	[]store.Document, error,
) {
	return store.DocumentsOf(ca.store, ca.actor).PageDocuments(ctx, kind, prefix, after, limit)
}

// WriteDocuments implements [store.DocumentStore].
func (ca *CA) WriteDocuments(ctx context.Context, actor string, writes ...store.DocumentWrite) ([]uint64, error) {
	return store.DocumentsOf(ca.store, ca.actor).WriteDocuments(ctx, actor, writes...)
}

// maxDropped is how many expired documents go in one transaction: others wait for it.
const maxDropped = 1000

// DropExpiredDocuments deletes the documents that expired and says how many. They count as absent
// before; their space is free for others after.
func (ca *CA) DropExpiredDocuments(ctx context.Context) (n int, err error) {
	for {
		dropped := 0
		err := ca.update(ctx, func(tx store.Tx) (err error) {
			dropped, err = tx.DropExpiredDocuments(maxDropped)
			return err
		})
		if err != nil {
			return n, err
		}
		if n += dropped; dropped < maxDropped {
			return n, nil
		}
	}
}
