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

// WriteDocuments implements [store.DocumentStore].
func (ca *CA) WriteDocuments(ctx context.Context, actor string, writes ...store.DocumentWrite) ([]uint64, error) {
	return store.DocumentsOf(ca.store, ca.actor).WriteDocuments(ctx, actor, writes...)
}
