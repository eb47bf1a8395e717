package ca

import (
	"context"
	"crypto/x509"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/igc-lab/igc/profiles"
)

// Counts is what the store holds, as it is counted while it is written: reading it costs the same in a large lab.
type Counts struct {
	Size        int64 // bytes of the store
	Authorities []AuthorityCounts
}

// AuthorityCounts is what the store holds of an authority.
type AuthorityCounts struct {
	Authority profiles.Authority
	NotBefore time.Time
	NotAfter  time.Time // end of the authority
	Issued    uint64    // certificates, responders' among them
	Revoked   uint64    // of them, those on its CRL

	Revocation *Revocation // of the authority itself, nil when it is not revoked
}

// Counts counts. It is also where a server learns that damage was found, by whatever call.
func (l *Lab) Counts(ctx context.Context) (c Counts, err error) {
	if err := l.store.foundDamage(); err != nil {
		return c, err
	}
	err = l.view(ctx, func(tx *bolt.Tx) error {
		c = Counts{Size: tx.Size()}
		for _, a := range profiles.Authorities() {
			b := bucket(tx, a.ID())
			if b == nil {
				continue
			}
			certificate, err := x509.ParseCertificate(certificateOf(b))
			if err != nil {
				return fmt.Errorf("%s: %w", a.ID(), err)
			}
			c.Authorities = append(c.Authorities, AuthorityCounts{a, certificate.NotBefore, certificate.NotAfter, b.Bucket(bCerts).Sequence(), number(b, kListed), revocationOf(tx, a)})
		}
		return nil
	})
	return c, err
}
