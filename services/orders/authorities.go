package orders

import (
	"context"
	"crypto/x509"
	"slices"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/profiles"
)

// Issuers are the certificates of the authorities that a usage's certificates chain to, the issuing
// one first and its root after it. They are made if the lab does not have them yet.
func (d *Desk) Issuers(ctx context.Context, u *Usage) ([]*x509.Certificate, error) {
	product, err := profiles.FindProduct(u.Product)
	if err != nil {
		return nil, err
	}
	a, err := product.IssuingAuthority()
	if err != nil {
		return nil, err
	}
	infos, err := d.Service("").Authorities(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(infos, func(info ca.AuthorityInfo) bool { return info.ID == a.ID() }) {
		if _, err := d.Service("").Ensure(ctx, []profiles.Authority{a}); err != nil {
			return nil, err
		}
	}
	return d.chain(ctx, &ca.Record{Authority: a.ID()})
}

// Authorities are the lab's authorities.
func (d *Desk) Authorities(ctx context.Context) ([]ca.AuthorityInfo, error) {
	return d.Service("").Authorities(ctx)
}
