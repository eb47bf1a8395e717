package store

import (
	"context"
	"time"
)

// DocumentKind is a kind of documents: small keyed state that a service keeps, such as sessions,
// activations, orders.
type DocumentKind struct {
	Name string // "psc.session": letters, digits, dots
	// Audited kinds have each write in the feed (clients, roles, orders); others do not (sessions),
	// and so must be such that no other node keeps a copy of them.
	Audited bool
}

// Document is one document, a copy.
type Document struct {
	Key     string
	Value   []byte    // of the service's own encoding, JSON by custom
	Version uint64    // grows with each write; a document deleted and written again has a version of its own
	Expires time.Time // zero for never; whole seconds
}

// Documents are those of one kind. Each call is a transaction of its own; where a document changes
// together with something else, the methods of [Tx] do it.
type Documents struct {
	Store Store
	Kind  DocumentKind
}

// Get returns a document, an error of kind NotFound when there is none, or it expired.
func (d Documents) Get(ctx context.Context, key string) (doc Document, err error) {
	err = d.Store.View(ctx, func(r Reader) error {
		doc, err = r.Document(d.Kind.Name, key)
		return err
	})
	return doc, err
}

// Put writes a document, whether there is one or not, and returns its version.
func (d Documents) Put(ctx context.Context, actor, key string, value []byte, expires time.Time) (version uint64, err error) {
	err = d.Store.Update(ctx, actor, func(tx Tx) error {
		version, err = tx.PutDocument(d.Kind, key, value, expires, nil)
		return err
	})
	return version, err
}

// Swap writes a document if its version is still that which the caller read, 0 for one that must
// not be there; otherwise it writes nothing and returns ErrSwap.
func (d Documents) Swap(ctx context.Context, actor, key string, version uint64, value []byte, expires time.Time) (next uint64, err error) {
	err = d.Store.Update(ctx, actor, func(tx Tx) error {
		next, err = tx.PutDocument(d.Kind, key, value, expires, &version)
		return err
	})
	return next, err
}

// Delete deletes a document.
func (d Documents) Delete(ctx context.Context, actor, key string) error {
	return d.Store.Update(ctx, actor, func(tx Tx) error { return tx.DeleteDocument(d.Kind, key, nil) })
}

// Scan returns the documents whose key begins with a prefix, in the order of their keys.
func (d Documents) Scan(ctx context.Context, prefix string) (docs []Document, err error) {
	err = d.Store.View(ctx, func(r Reader) error {
		docs = nil
		for doc, err := range r.Documents(d.Kind.Name, prefix) {
			if err != nil {
				return err
			}
			docs = append(docs, doc)
		}
		return nil
	})
	return docs, err
}
