package store

import (
	"cmp"
	"context"
	"time"
)

// DocumentKind is a kind of documents: small keyed state that a service keeps, such as sessions,
// activations, orders.
type DocumentKind struct {
	Name string `json:"name"` // "psc.session": letters, digits, dots
	// Audited kinds have each write in the feed (clients, roles, orders); others do not (sessions),
	// and so must be such that no other node keeps a copy of them.
	Audited bool `json:"audited,omitempty"`
}

// Document is one document, a copy.
type Document struct {
	Key     string    `json:"key"`
	Value   []byte    `json:"value,omitempty"`  // of the service's own encoding, JSON by custom
	Version uint64    `json:"version"`          // grows with each write, also over a deletion
	Expires time.Time `json:"expires,omitzero"` // zero for never; whole seconds
}

// DocumentStore is what services keep their state in. [DocumentsOf] makes one of a Store; a command
// has one that reaches the server through its socket.
type DocumentStore interface {
	// GetDocument returns a document, an error of kind NotFound when there is none, or it expired.
	GetDocument(ctx context.Context, kind DocumentKind, key string) (Document, error)
	// ScanDocuments returns the documents whose key begins with a prefix, in the order of their
	// keys.
	ScanDocuments(ctx context.Context, kind DocumentKind, prefix string) ([]Document, error)
	// PageDocuments returns at most limit of the documents whose key begins with a prefix and comes
	// after another key, in the order of their keys: a list of any length is read in pages.
	PageDocuments(ctx context.Context, kind DocumentKind, prefix, after string, limit int) ([]Document, error)
	// WriteDocuments makes all the writes or, when one of them fails, none. It returns the version
	// of each document written, 0 for one deleted; ErrSwap when a version is not the one expected.
	// An empty actor is the owner of the store's: the user of a command, the system in a server.
	WriteDocuments(ctx context.Context, actor string, writes ...DocumentWrite) (versions []uint64, err error)
}

// DocumentReader is what a [Store] may implement beside, where a read of one document needs no
// View.
type DocumentReader interface {
	Document(ctx context.Context, kind, key string) (Document, error)
}

// DocumentWrite is a write of one document.
type DocumentWrite struct {
	Kind    DocumentKind `json:"kind"`
	Key     string       `json:"key"`
	Value   []byte       `json:"value,omitempty"`
	Expires time.Time    `json:"expires,omitzero"` // zero for never
	Delete  bool         `json:"delete,omitempty"`
	// IfVersion is the version that the caller read, 0 for a document that must not be there; nil
	// for any.
	IfVersion *uint64 `json:"if_version,omitempty"`
}

// DocumentsOf is the documents of a store; actor is who writes where a call names nobody.
func DocumentsOf(s Store, actor string) DocumentStore { return documentsOf{s, actor} }

type documentsOf struct {
	store Store
	actor string
}

func (d documentsOf) GetDocument(ctx context.Context, kind DocumentKind, key string) (doc Document, err error) {
	if direct, ok := d.store.(DocumentReader); ok {
		return direct.Document(ctx, kind.Name, key)
	}
	err = d.store.View(ctx, func(r Reader) error {
		doc, err = r.Document(kind.Name, key)
		return err
	})
	return doc, err
}

func (d documentsOf) ScanDocuments(ctx context.Context, kind DocumentKind, prefix string) (docs []Document, err error) {
	err = d.store.View(ctx, func(r Reader) error {
		docs = nil
		for doc, err := range r.Documents(kind.Name, prefix) {
			if err != nil {
				return err
			}
			docs = append(docs, doc)
		}
		return nil
	})
	return docs, err
}

func (d documentsOf) PageDocuments(ctx context.Context, kind DocumentKind, prefix, after string, limit int) (
	docs []Document, err error,
) {
	err = d.store.View(ctx, func(r Reader) error {
		docs = nil
		for doc, err := range r.DocumentsAfter(kind.Name, prefix, after) {
			if err != nil {
				return err
			}
			if len(docs) >= limit {
				break
			}
			docs = append(docs, doc)
		}
		return nil
	})
	return docs, err
}

func (d documentsOf) WriteDocuments(ctx context.Context, actor string, writes ...DocumentWrite) (
	versions []uint64, err error,
) {
	err = d.store.Update(ctx, cmp.Or(actor, d.actor), func(tx Tx) error {
		versions = make([]uint64, len(writes))
		for i, w := range writes {
			if w.Delete {
				err = tx.DeleteDocument(w.Kind, w.Key, w.IfVersion)
			} else {
				versions[i], err = tx.PutDocument(w.Kind, w.Key, w.Value, w.Expires, w.IfVersion)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return versions, err
}

// Documents are those of one kind. Each call is a transaction of its own; documents that change
// together are written by [DocumentStore.WriteDocuments], and those that change together with
// something else by the methods of [Tx].
type Documents struct {
	Store DocumentStore
	Kind  DocumentKind
}

// Get returns a document, an error of kind NotFound when there is none, or it expired.
func (d Documents) Get(ctx context.Context, key string) (Document, error) {
	return d.Store.GetDocument(ctx, d.Kind, key)
}

// Put writes a document, whether there is one or not, and returns its version.
func (d Documents) Put(ctx context.Context, actor, key string, value []byte, expires time.Time) (version uint64, err error) {
	return d.write(ctx, actor, DocumentWrite{Key: key, Value: value, Expires: expires})
}

// Swap writes a document if its version is still that which the caller read, 0 for one that must
// not be there; otherwise it writes nothing and returns ErrSwap.
func (d Documents) Swap(ctx context.Context, actor, key string, version uint64, value []byte, expires time.Time) (next uint64, err error) {
	return d.write(ctx, actor, DocumentWrite{Key: key, Value: value, Expires: expires, IfVersion: &version})
}

// Delete deletes a document. One that is not there is not an error.
func (d Documents) Delete(ctx context.Context, actor, key string) error {
	_, err := d.write(ctx, actor, DocumentWrite{Key: key, Delete: true})
	return err
}

// Scan returns the documents whose key begins with a prefix, in the order of their keys.
func (d Documents) Scan(ctx context.Context, prefix string) ([]Document, error) {
	return d.Store.ScanDocuments(ctx, d.Kind, prefix)
}

// Page returns at most limit of the documents whose key begins with a prefix and comes after
// another key.
func (d Documents) Page(ctx context.Context, prefix, after string, limit int) ([]Document, error) {
	return d.Store.PageDocuments(ctx, d.Kind, prefix, after, limit)
}

func (d Documents) write(ctx context.Context, actor string, w DocumentWrite) (version uint64, err error) {
	w.Kind = d.Kind
	versions, err := d.Store.WriteDocuments(ctx, actor, w)
	if err != nil {
		return 0, err
	}
	return versions[0], nil
}
