package ca

import (
	"context"

	bolt "go.etcd.io/bbolt"

	"github.com/igc-lab/igc/profiles"
)

// Status is what [Lab.Lookup] says of a certificate's status, without reading the certificate: whether the authority issued
// it, and its revocation, nil when it has none.
func (l *Lab) Status(ctx context.Context, a profiles.Authority, serial []byte) (revoked *Revocation, issued bool, err error) {
	err = l.view(ctx, func(tx *bolt.Tx) error {
		b := bucket(tx, a.ID())
		if b == nil {
			return fail(NotFound, "the lab has no authority %s", a.ID())
		}
		var s status
		if _, s, issued = statusOf(b, serial); issued {
			revoked = s.revocation()
		}
		return nil
	})
	return revoked, issued, err
}
