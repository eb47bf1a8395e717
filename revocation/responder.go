package revocation

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"sync"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/profiles"
)

// answerValidity is how long an OCSP answer holds for who keeps it.
const answerValidity = time.Hour

// Responder answers OCSP requests for every issuing authority of a lab, each with a delegated responder of its own
// (RFC 6960 §2.6). A responder's key lives in memory only: a new one, with a certificate of a week, is made by each
// process, and again when half the week is over.
type Responder struct {
	lab *ca.Lab
	now func() time.Time

	mu        sync.Mutex
	delegates map[profiles.Authority]*delegate
}

type delegate struct {
	sync.Mutex
	certificate *x509.Certificate
	signer      crypto.Signer
}

// NewResponder makes the responder of a lab that this process holds.
func NewResponder(lab *ca.Lab, now func() time.Time) *Responder {
	return &Responder{lab: lab, now: now, delegates: map[profiles.Authority]*delegate{}}
}

// delegate returns the authority's delegated responder, and makes it when there is none or it is half over.
func (r *Responder) delegate(ctx context.Context, a profiles.Authority) (*x509.Certificate, crypto.Signer, error) {
	r.mu.Lock()
	d := r.delegates[a]
	if d == nil {
		d = &delegate{}
		r.delegates[a] = d
	}
	r.mu.Unlock()
	d.Lock()
	defer d.Unlock()
	if c := d.certificate; c != nil && r.now().Before(c.NotBefore.Add(c.NotAfter.Sub(c.NotBefore)/2)) {
		return c, d.signer, nil
	}
	signer, err := r.lab.Config.Key.Generate()
	if err != nil {
		return nil, nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(signer.Public())
	if err != nil {
		return nil, nil, err
	}
	issued, err := r.lab.IssueResponder(ctx, a, public)
	if err != nil {
		return nil, nil, fmt.Errorf("OCSP responder of %s: %w", a.ID(), err)
	}
	certificate, err := issued.Records[0].Certificate()
	if err != nil {
		return nil, nil, err
	}
	d.certificate, d.signer = certificate, signer
	return certificate, signer, nil
}

// Warm makes the delegated responder of an authority before the first request asks for it.
func (r *Responder) Warm(ctx context.Context, a profiles.Authority) error {
	_, _, err := r.delegate(ctx, a)
	return err
}

// Answer is the OCSPResponse to an OCSPRequest, both in DER. There always is one: an error is only for the log.
func (r *Responder) Answer(ctx context.Context, der []byte) ([]byte, error) {
	req, err := parseRequest(der)
	if err != nil {
		return malformedRequest.refusal(), nil // the sender's fault: nothing to log
	}
	issuer, err := r.issuerOf(ctx, req.ids)
	if err != nil {
		return internalError.refusal(), err
	}
	if issuer == nil {
		return unauthorized.refusal(), nil
	}
	certificate, signer, err := r.delegate(ctx, issuer.Authority)
	if err != nil {
		return internalError.refusal(), err
	}
	now := r.now().UTC().Truncate(time.Second)
	resp := &response{responder: certificate, thisUpdate: now, nextUpdate: now.Add(answerValidity), nonce: req.nonce}
	for _, id := range req.ids {
		one := single{id: id, status: unknown}
		if id.names(issuer.Certificate) { // one signature cannot speak for two authorities
			record, err := r.lab.Lookup(ctx, issuer.Authority, id.serial.Bytes())
			switch {
			case err == nil && record.Revoked != nil:
				one.status, one.revoked = revoked, record.Revoked
			case err == nil:
				one.status = good
			case ca.KindOf(err) != ca.NotFound:
				return internalError.refusal(), err
			}
		}
		resp.answers = append(resp.answers, one)
	}
	algorithm := x509.ECDSAWithSHA256
	if _, ok := signer.Public().(*rsa.PublicKey); ok {
		algorithm = x509.SHA256WithRSA
	}
	out, err := resp.sign(signer, algorithm)
	if err != nil {
		return internalError.refusal(), err
	}
	return out, nil
}

// issuerOf finds the issuing authority that the request is about: that of the first certificate that one of the lab
// issued. nil when there is none.
func (r *Responder) issuerOf(ctx context.Context, ids []certID) (*ca.Issuer, error) {
	for _, id := range ids {
		for _, a := range profiles.Authorities() {
			if a.IsRoot() { // the roots of the IGC-Santé have no responder: their certificates name none
				continue
			}
			issuer, err := r.lab.Issuer(ctx, a)
			if ca.KindOf(err) == ca.NotFound {
				continue
			}
			if err != nil {
				return nil, err
			}
			if id.names(issuer.Certificate) {
				return issuer, nil
			}
		}
	}
	return nil, nil
}
