package ocsp

import (
	"bytes"
	"context"
	"crypto/x509"
	"net/http"

	xocsp "golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/web"
)

// Fetch asks an OCSP responder about a certificate, and verifies that it may answer for the issuer.
func Fetch(ctx context.Context, url string, certificate, issuer *x509.Certificate) (*xocsp.Response, error) {
	der, err := xocsp.CreateRequest(certificate, issuer, nil)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(der))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", requestType)
	body, err := web.Fetch(req, 1<<20)
	if err != nil {
		return nil, err
	}
	answer, err := xocsp.ParseResponseForCert(body, certificate, issuer)
	if err != nil {
		return nil, i18n.Errorf("%s: %w", url, err)
	}
	return answer, nil
}
