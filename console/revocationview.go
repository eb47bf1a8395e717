package console

import (
	"context"
	"crypto/x509"
	"time"

	xocsp "golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation/crl"
	"github.com/igc-lab/igc/revocation/ocsp"
)

// clientPatience bounds what a page waits for an answer of the lab's own publication port.
const clientPatience = 5 * time.Second

// crlView is a CRL as a client gets it. Err is why it does not.
type crlView struct {
	URL string
	*crl.CRL
	Err i18n.Text
}

// ocspView is an OCSP answer as a client gets it. Err is why it does not.
type ocspView struct {
	URL    string
	State  state
	Answer *xocsp.Response
	Reason ca.Reason
	Err    i18n.Text
}

// revocationView is what clients see of the status of a certificate.
type revocationView struct {
	*ca.Record
	Name  i18n.Text
	CRL   crlView
	Entry *crl.Entry // nil when the CRL does not have it
	OCSP  ocspView
}

// asClientsSee asks for the status of certificates as clients do: over HTTP, by the code by which
// igc doctor is such a client.
func (c *Console) asClientsSee(ctx context.Context, records []*ca.Record) (views []revocationView) {
	ctx, cancel := context.WithTimeout(ctx, clientPatience)
	defer cancel()
	lists := map[string]crlView{}
	for _, r := range records {
		v := revocationView{Record: r, Name: profileName(r.Profile)}
		certificate, err := r.Certificate()
		issuer, err2 := c.authority(ctx, r.Authority)
		if err != nil || err2 != nil {
			continue
		}
		if _, ok := lists[r.Authority]; !ok {
			lists[r.Authority] = c.fetchCRL(ctx, r.Authority, issuer)
		}
		if v.CRL = lists[r.Authority]; v.CRL.CRL != nil {
			if v.Entry, err = v.CRL.Find(certificate.SerialNumber); err != nil {
				v.CRL.Err = i18n.TextOf(err)
			}
		}
		v.OCSP = c.askOCSP(ctx, certificate, issuer)
		views = append(views, v)
	}
	return views
}

// authority is the certificate of an authority of the lab.
func (c *Console) authority(ctx context.Context, id string) (*x509.Certificate, error) {
	infos, err := c.Lab.Authorities(ctx)
	if err != nil {
		return nil, err
	}
	for _, info := range infos {
		if info.ID == id {
			return x509.ParseCertificate(info.DER)
		}
	}
	return nil, errNoCertificate()
}

// fetchCRL gets the CRL of an authority.
func (c *Console) fetchCRL(ctx context.Context, id string, issuer *x509.Certificate) (v crlView) {
	a, err := profiles.ParseAuthority(id)
	if err == nil {
		v.URL = profiles.URLs{Publication: c.Publication}.CRL(a)
		v.CRL, err = crl.Fetch(ctx, v.URL, issuer)
	}
	if err != nil {
		v.Err = i18n.TextOf(err)
	}
	return v
}

// askOCSP asks for the status of a certificate.
func (c *Console) askOCSP(ctx context.Context, certificate, issuer *x509.Certificate) ocspView {
	v := ocspView{URL: c.Publication + "/ocsp"}
	var err error
	if v.Answer, err = ocsp.Fetch(ctx, v.URL, certificate, issuer); err != nil {
		v.Err = i18n.TextOf(err)
		return v
	}
	switch v.Answer.Status {
	case xocsp.Good:
		v.State = state{"good", i18n.Same("good")}
	case xocsp.Revoked:
		v.State, v.Reason = state{"bad", i18n.Same("revoked")}, ca.ReasonOf(v.Answer.RevocationReason)
	default:
		v.State = state{"note", i18n.Same("unknown")}
	}
	return v
}
