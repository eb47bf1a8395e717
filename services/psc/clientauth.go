package psc

import (
	"crypto/sha256"
	"net/http"
	"net/url"
	"strings"
)

const invalidClient = "Invalid client or Invalid client credentials"

// authenticate finds the client of a call and checks that it is the one: by its secret, or by the
// certificate of the TLS connection (RFC 8705 §2.1). The thumbprint is that of the certificate, nil
// without one.
func (p *Provider) authenticate(r *http.Request, call *Call) (c *Client, thumbprint []byte, err error) {
	deny := func(code Code, seen string) error {
		return fault(401, "unauthorized_client", invalidClient, code, seen)
	}
	id, secret, basic := r.BasicAuth()
	if basic { // both are form-encoded (RFC 6749 §2.3.1)
		if decoded, err := url.QueryUnescape(id); err == nil {
			id = decoded
		}
		if decoded, err := url.QueryUnescape(secret); err == nil {
			secret = decoded
		}
		if given := r.PostForm.Get("client_id"); given != "" && given != id {
			return nil, nil, deny("PSC-CLIENT-METHOD", "client_id="+given+", Basic "+id)
		}
	} else {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	call.Client = id
	if r.PostForm.Get("client_assertion") != "" {
		return nil, nil, deny("PSC-CLIENT-METHOD", "client_assertion")
	}
	if id == "" {
		return nil, nil, deny("PSC-CLIENT-MISSING", "")
	}
	if c, err = p.client(r.Context(), id); err != nil {
		return nil, nil, err
	}
	if c == nil {
		return nil, nil, deny("PSC-CLIENT-UNKNOWN", id)
	}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		sum := sha256.Sum256(r.TLS.PeerCertificates[0].Raw)
		thumbprint = sum[:]
	}
	if !c.MutualTLS {
		switch {
		case secret == "":
			return nil, nil, deny("PSC-CLIENT-SECRET", "")
		case !c.SecretIs(secret):
			return nil, nil, deny("PSC-CLIENT-SECRET", "***")
		}
		return c, thumbprint, nil
	}
	if thumbprint == nil {
		return nil, nil, deny("PSC-CLIENT-NOCERT", "")
	}
	report, err := p.Verifier.Check(r.Context(), r.TLS)
	switch {
	case err != nil:
		return nil, nil, err
	case !report.OK:
		return nil, nil, deny("PSC-CLIENT-CERT", string(report.Verdict))
	case report.Card == nil || !strings.HasPrefix(report.Card.Profile, "auth-cli/"):
		seen := ""
		if report.Card != nil {
			seen = report.Card.Profile + " " + report.Card.Subject
		}
		return nil, nil, deny("PSC-CLIENT-CERT", seen)
	case r.TLS.PeerCertificates[0].Subject.CommonName != c.ID:
		return nil, nil, deny("PSC-CLIENT-CN", "CN="+r.TLS.PeerCertificates[0].Subject.CommonName)
	}
	return c, thumbprint, nil
}
