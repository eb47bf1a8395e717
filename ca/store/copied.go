package store

import (
	"context"
	"time"
)

// This file is what passes between two drivers when a lab is copied from one to the other, see
// package transfer: all that a driver must keep, and nothing of how it keeps it.

// Page is a part of a lab. A copy is a sequence of pages, each with one of the fields: authorities,
// then certificates in the order of issue, revocations, changes, and documents.
type Page struct {
	Authorities  []CopiedAuthority   `json:"authorities,omitempty"`
	Certificates []CopiedCertificate `json:"certificates,omitempty"`
	Revocations  []CopiedStatus      `json:"revocations,omitempty"` // of certificates that are not recorded
	Changes      []Change            `json:"changes,omitempty"`
	Kinds        []CopiedKind        `json:"kinds,omitempty"`
	Documents    []CopiedDocument    `json:"documents,omitempty"`
}

// CopiedAuthority is an authority and the state of its CRLs. Their entries follow from the
// statuses.
type CopiedAuthority struct {
	ID          string        `json:"id"`
	Certificate []byte        `json:"certificate"`
	Revision    uint64        `json:"revision"`
	CRL         CRLState      `json:"crl"`
	Form        CRLForm       `json:"form"`
	Dropped     time.Time     `json:"dropped,omitzero"` // up to which end of validity expired certificates left the CRL
	Delta       []CopiedDelta `json:"delta,omitempty"`
}

// CopiedDelta is a change of status since the base of the delta CRLs.
type CopiedDelta struct {
	Revision uint64 `json:"revision"`
	Serial   []byte `json:"serial"`
}

// CopiedCertificate is a certificate, with its number, and its status.
type CopiedCertificate struct {
	Record Record       `json:"record"`
	Status CopiedStatus `json:"status"`
}

// CopiedStatus is what is known of a serial number.
type CopiedStatus struct {
	Key
	NotAfter   time.Time `json:"not_after"`
	Revoked    bool      `json:"revoked,omitempty"`
	RevokedAt  time.Time `json:"revoked_at,omitzero"` // also of a hold that ended
	Reason     int       `json:"reason,omitempty"`    // RemoveFromCRL for a hold that ended
	Invalidity time.Time `json:"invalidity,omitzero"`
	ListedBy   uint64    `json:"listed_by,omitempty"` // the revision that put it on the CRL
	Listed     bool      `json:"listed,omitempty"`    // it is on the full CRL
}

// CopiedKind is a kind of documents and the last version that it gave.
type CopiedKind struct {
	Name    string `json:"name"`
	Version uint64 `json:"version"`
}

// CopiedDocument is a document, expired or not.
type CopiedDocument struct {
	Kind string `json:"kind"`
	Document
}

// Progress is how far a copy has come.
type Progress struct {
	Certificates uint64 // the number of the last one
	Changes      uint64
}

// Exporter is implemented by a driver from which labs are copied.
type Exporter interface {
	Store
	// Export calls fn with all that is stored, as of one moment, in pages. begin is called first,
	// with the head of the feed, and says which certificates and changes are left out.
	Export(ctx context.Context, begin func(Head) (Progress, error), fn func(Page) error) error
}

// Importer is a store that is being filled by a copy. Nobody else can open it before Done.
type Importer interface {
	Exporter
	// Begin begins a copy of a lab with that head of its feed, or tells how far one has come that
	// was interrupted. A store with other records is refused.
	Begin(ctx context.Context, source Head) (Progress, error)
	// Import adds a page.
	Import(ctx context.Context, p Page) error
	// Finish makes what follows from the pages: the entries of the CRLs.
	Finish(ctx context.Context) error
	// Done makes the store a lab's.
	Done(ctx context.Context) error
}
