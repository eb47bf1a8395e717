// Package store is what the lab remembers, as an interface: its authorities, the certificates that
// they issued and their status, what its CRLs are made of, the documents of its services, and the
// feed of every change to all of these.
//
// A driver keeps it: package bolt in one file for one process. Package storetest is what every
// driver must pass.
//
// # Reading and writing
//
// [Store.View] and [Store.Update] run a function with a [Reader] or a [Tx] as of one moment. A
// function given to Update may run more than once, so it has no effect beside the transaction.
// Nothing that a Reader gives is kept after its function has returned, but for records and
// documents, which are copies. When Update returns nil, the change is durable: it outlives the
// process and the machine's power.
//
// # The change feed
//
// Each write but those that [RestoreTx] adds appends to the feed, in its own transaction: who wrote
// (the actor), when, what. The feed is the audit log of the lab. Entries are numbered from 1
// without a gap, and each holds the SHA-256 of the one before ([Change.Prev]), so that none can be
// changed or taken out without a trace; what is cut off at the end shows against a signed head
// ([Head]). [Store.Follow] hands the changes to whoever keeps something that depends on them, such
// as signed OCSP answers.
//
// # Errors, cancellation, concurrency
//
// A driver runs the function of an Update again after a conflict with another writer and after a
// fault that passes, such as a lost connection; it returns the errors that trying again would not
// end. When Update returns an error of its function, nothing is written. After another error, of
// the disk or of a connection, it may be written or not: whoever must know looks. ctx bounds the
// wait for a transaction to begin; one that has begun ends, but a View of a database fails at the
// deadline of ctx, as [Unavailable]. A Reader or Tx belongs to the
// goroutine that it was given to, and Updates and Views are not nested. Methods of a Reader that
// return no error end the whole transaction with an error when what they read is damaged.
//
// Errors that a user can do something about have a [Kind]. Damage of what is stored is an error of
// kind [Damaged], never a panic.
package store

import (
	"context"
	"iter"
	"time"
)

// Store is what a driver implements. Its methods may be called from several goroutines.
type Store interface {
	// View runs fn with the state as of one moment. Writers do not wait for it.
	View(ctx context.Context, fn func(Reader) error) error

	// Update runs fn in a transaction on behalf of the actor ("cli:alain"), which stands in every
	// change that it makes. When fn returns an error, nothing is written. When Update returns nil,
	// the change is durable, has its numbers in the feed, every later View sees it, and every
	// follower was given it, or has not taken it within a second.
	Update(ctx context.Context, actor string, fn func(Tx) error) error

	// Restore is Update for what was not issued in the ordinary way: what recovery has found, and
	// the copies that fill a large lab.
	Restore(ctx context.Context, actor string, fn func(RestoreTx) error) error

	// Follow calls fn with the changes after a sequence number, in order, as they come, until ctx
	// ends, whose error it returns, or fn fails. The first call is made at once, with no change if
	// there is none: from then on, an Update waits for fn. fn must not write. After a failure, a
	// change may be given again.
	Follow(ctx context.Context, after uint64, fn func([]Change) error) error

	// Close ends the use of the store.
	Close() error
}

// Owned is implemented by drivers whose data one process at a time can have open. Calls of View and
// Update open it for their duration, waiting their turn.
type Owned interface {
	// Lock opens the data and keeps it open until the matching Unlock. It returns ErrLocked when
	// another process still has it after that time.
	Lock(wait time.Duration) error
	Unlock() error
}

// Reader is the state as of one moment. Authorities are named by their ID. A missing authority or
// certificate is an error of kind NotFound where a method returns one.
type Reader interface {
	// Now is the time of the transaction, in whole seconds of UTC.
	Now() time.Time

	Authority(id string) (der []byte, ok bool)
	Certificate(Key) (*Record, error)
	// Status is what OCSP needs of a certificate; it reads less than Certificate. An unknown serial
	// number was not issued.
	Status(Key) CertificateStatus
	// BySerialPrefix finds certificates whose serial number begins with hexadecimal digits, at most
	// so many.
	BySerialPrefix(digits string, limit int) ([]Key, error)
	ByCard(number string) []Key
	ByHolder(identifier string) []Key // see profiles.Holder.Identifier
	// List goes over the certificates that pass a filter, in the order of issue or, for the newest,
	// against it. Filter.Limit is the caller's. It costs as much as it looks at: those of
	// a card or a holder, or the newest few, cost the same in a lab of a million.
	List(Filter) iter.Seq2[*Record, error]
	// Statuses goes over all that an authority issued.
	Statuses(authority string) iter.Seq2[[]byte, CertificateStatus]
	Counts() Counts

	CRLState(authority string) (CRLState, error)
	// CRLContent reads what the authority's CRLs hold, the entries of the full CRL only when asked
	// for.
	CRLContent(authority string, full bool) (CRLContent, error)

	// Changes reads at most limit entries of the feed, those after a sequence number.
	Changes(after uint64, limit int) ([]Change, error)
	// Head is the last entry of the feed: its number, and the SHA-256 of it.
	Head() Head

	// Document returns the present document of that key, NotFound when there is none or it expired.
	Document(kind, key string) (Document, error)
	// Documents goes over those of a kind whose key begins with a prefix, in the order of their
	// keys.
	Documents(kind, prefix string) iter.Seq2[Document, error]
	// DocumentsAfter are those of them whose key comes after another one, which need not be there.
	DocumentsAfter(kind, prefix, after string) iter.Seq2[Document, error]
}

// Tx is a transaction: a Reader that sees its own writes.
type Tx interface {
	Reader

	// AddAuthority gives the lab an authority. It never replaces one (Conflict).
	AddAuthority(id string, der []byte) error
	// AddCertificate records a certificate, good, with its indexes. ErrSerialTaken when its issuer
	// used that serial number.
	AddCertificate(*Record) error
	// SetStatus revokes a certificate, or changes the reason of its revocation, or with nil ends
	// its hold. What may follow upon what is the caller's to decide. The next CRL and OCSP answer
	// have it.
	SetStatus(Key, *Revocation) error
	// NextCRL gives the authority's next CRLs their number, which is used up once the transaction
	// is written: numbers only grow, whatever fails later. It brings what they hold into the form
	// asked for, and drops what has expired.
	NextCRL(authority string, req CRLRequest) (CRLState, error)

	// PutDocument writes a document and returns its new version: versions only grow. With
	// ifVersion, it fails with ErrSwap unless that is the present version, 0 meaning that there is
	// none.
	PutDocument(kind DocumentKind, key string, value []byte, expires time.Time, ifVersion *uint64) (version uint64, err error)
	// DeleteDocument deletes a document. One that is not there is not an error, unless a version is
	// asked for.
	DeleteDocument(kind DocumentKind, key string, ifVersion *uint64) error
	// DropExpiredDocuments deletes documents that expired, at most so many, and says how many.
	DropExpiredDocuments(limit int) (n int, err error)

	// Append adds an entry to the feed beside those that the other methods add. It sets Seq and
	// Prev, and At and Actor where they are empty.
	Append(Change) error
}

// RestoreTx is a transaction of [Store.Restore]. The methods that it adds append nothing to the
// feed: the caller appends one entry for all.
type RestoreTx interface {
	Tx

	// RestoreCertificate records a certificate. Where its serial number was known as revoked, it
	// stays revoked.
	RestoreCertificate(*Record) error
	// RestoreRevocation revokes; it also takes serial numbers of which nothing else is known, with
	// the end of validity until which they stand on the CRL.
	RestoreRevocation(k Key, v Revocation, end time.Time) error
	// RestoreCRLNumber raises the number of the last CRL. No CRL of before counts as present.
	RestoreCRLNumber(authority string, number uint64) error
}

// CertificateStatus is what OCSP and CRLs need of a certificate.
type CertificateStatus struct {
	Issued      bool        // the authority issued the serial number
	Revoked     *Revocation // nil for a good one
	NotAfter    time.Time
	Certificate bool // the certificate itself is recorded; false where recovery found a revocation only
}

// Counts holds numbers that the store keeps up to date with each write, so that reading them costs
// the same in a large lab as in a small one.
type Counts struct {
	Size        int64 // bytes of the store
	Authorities map[string]AuthorityCounts
}

// AuthorityCounts counts the certificates of an authority.
type AuthorityCounts struct {
	Issued uint64 // responders' among them
	Listed uint64 // of them, those on its CRL
}
