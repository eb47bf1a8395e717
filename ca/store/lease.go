package store

import (
	"context"
	"crypto/rand"
	"time"
)

// Lease is the right to do something that one process at a time may do, such as making an
// authority's CRLs. It ends by itself, so that a process that died does not keep it.
type Lease struct {
	store   Store
	name    string
	owner   string
	ttl     time.Duration
	fence   uint64
	expires time.Time
}

var leases = DocumentKind{Name: "lease"}

// Acquire takes the lease of that name for a time, ErrLeaseHeld when another has it.
func Acquire(ctx context.Context, s Store, name string, ttl time.Duration) (*Lease, error) {
	l := &Lease{store: s, name: name, owner: rand.Text(), ttl: max(ttl, time.Second)}
	if err := l.write(ctx, func(tx Tx) error {
		_, err := tx.Document(leases.Name, name)
		if err == nil {
			return ErrLeaseHeld
		}
		if KindOf(err) != NotFound {
			return err
		}
		return nil
	}); err != nil {
		return nil, err
	}
	return l, nil
}

// LeaseHeld tells whether somebody has the lease of that name, without waiting for a writer.
func LeaseHeld(ctx context.Context, documents DocumentStore, name string) (bool, error) {
	_, err := documents.GetDocument(ctx, leases, name)
	if KindOf(err) == NotFound {
		return false, nil
	}
	return err == nil, err
}

// write writes the lease unless check refuses. It changes l only when the write is acknowledged: a
// renewal that failed prolongs nothing.
func (l *Lease) write(ctx context.Context, check func(Tx) error) error {
	var expires time.Time
	var fence uint64
	err := l.store.Update(ctx, "system", func(tx Tx) (err error) {
		if err := check(tx); err != nil {
			return err
		}
		expires = tx.Now().Add(l.ttl + time.Second) // times are whole seconds: never shorter than asked for
		fence, err = tx.PutDocument(leases, l.name, []byte(l.owner), expires, nil)
		return err
	})
	if err == nil {
		l.expires, l.fence = expires, fence
	}
	return err
}

// Fence is a number that grows with each acquisition and renewal. What a holder writes elsewhere
// carries it, so that what a former holder writes late can be refused.
func (l *Lease) Fence() uint64 { return l.fence }

// Expires is when the lease ends unless it is renewed, by the clock of the store.
func (l *Lease) Expires() time.Time { return l.expires }

// Renew prolongs the lease, ErrLeaseHeld when it had ended and another has it now.
func (l *Lease) Renew(ctx context.Context) error {
	return l.write(ctx, func(tx Tx) error {
		doc, err := tx.Document(leases.Name, l.name)
		switch {
		case KindOf(err) == NotFound: // it ended, and nobody has taken it
			return nil
		case err == nil && string(doc.Value) != l.owner:
			return ErrLeaseHeld
		}
		return err
	})
}

// Release ends the lease. One that had ended already is left to its new holder.
func (l *Lease) Release(ctx context.Context) error {
	return l.store.Update(ctx, "system", func(tx Tx) error {
		doc, err := tx.Document(leases.Name, l.name)
		switch {
		case KindOf(err) == NotFound:
			return nil
		case err != nil:
			return err
		case string(doc.Value) != l.owner:
			return nil
		}
		return tx.DeleteDocument(leases, l.name, nil)
	})
}
