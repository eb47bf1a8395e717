package store

import (
	"context"
	"crypto/rand"
	"errors"
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
	err := s.Update(ctx, "system", func(tx Tx) error {
		switch _, err := tx.Document(leases.Name, name); {
		case err == nil:
			return ErrLeaseHeld
		case KindOf(err) != NotFound:
			return err
		}
		return l.put(tx, nil)
	})
	if err != nil {
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

func (l *Lease) put(tx Tx, ifVersion *uint64) (err error) {
	l.expires = tx.Now().Add(l.ttl + time.Second) // times are whole seconds: never shorter than asked for
	l.fence, err = tx.PutDocument(leases, l.name, []byte(l.owner), l.expires, ifVersion)
	return err
}

// Fence is a number that grows with each acquisition and renewal. What a holder writes elsewhere
// carries it, so that what a former holder writes late can be refused.
func (l *Lease) Fence() uint64 { return l.fence }

// Expires is when the lease ends unless it is renewed.
func (l *Lease) Expires() time.Time { return l.expires }

// Renew prolongs the lease, ErrLeaseHeld when it had ended and another has it now.
func (l *Lease) Renew(ctx context.Context) error {
	fence := l.fence
	err := l.store.Update(ctx, "system", func(tx Tx) error {
		doc, err := tx.Document(leases.Name, l.name)
		switch {
		case err == nil && string(doc.Value) != l.owner:
			return ErrLeaseHeld
		case err != nil && KindOf(err) != NotFound: // ended, and nobody has taken it
			return err
		case err != nil:
			return l.put(tx, nil)
		}
		return l.put(tx, &fence)
	})
	if errors.Is(err, ErrSwap) {
		return ErrLeaseHeld
	}
	return err
}

// Release ends the lease. One that had ended already is left to its new holder.
func (l *Lease) Release(ctx context.Context) error {
	fence := l.fence
	err := l.store.Update(ctx, "system", func(tx Tx) error { return tx.DeleteDocument(leases, l.name, &fence) })
	if errors.Is(err, ErrSwap) {
		return nil
	}
	return err
}
