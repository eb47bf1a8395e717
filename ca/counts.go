package ca

import (
	"context"
	"crypto/x509"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// Counts holds numbers that the store keeps up to date with each write, so that reading them costs
// the same in a large lab as in a small one.
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

// Counts counts.
func (ca *CA) Counts(ctx context.Context) (c Counts, err error) {
	err = ca.store.View(ctx, func(r store.Reader) error {
		counts := r.Counts()
		c = Counts{Size: counts.Size}
		for _, a := range profiles.Authorities() {
			der, ok := r.Authority(a.ID())
			if !ok {
				continue
			}
			certificate, err := x509.ParseCertificate(der)
			if err != nil {
				return i18n.Errorf("%s: %w", a.ID(), err)
			}
			n := counts.Authorities[a.ID()]
			c.Authorities = append(c.Authorities, AuthorityCounts{a, certificate.NotBefore, certificate.NotAfter, n.Issued, n.Listed, revocationOf(r, a)})
		}
		return nil
	})
	return c, err
}
