package crl

import (
	"context"
	"crypto/x509"
	"net/http"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/web"
)

// MaxSize bounds a CRL that is fetched: one of three million entries.
const MaxSize = 100 << 20

// Fetch gets the CRL that is published at the address, and verifies that the issuer signed it.
func Fetch(ctx context.Context, url string, issuer *x509.Certificate) (*CRL, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	der, err := web.Fetch(req, MaxSize)
	if err != nil {
		return nil, err
	}
	c, err := Parse(der, issuer)
	if err != nil {
		return nil, i18n.Errorf("%s: %w", url, err)
	}
	return c, nil
}
