package ocsp

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"time"

	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/internal/der"
	"github.com/igc-lab/igc/internal/i18n"
)

// delegate is a delegated responder (RFC 6960 §2.6): its key, its certificate, and what each of its
// answers holds in DER.
type delegate struct {
	certificate *x509.Certificate
	signer      crypto.Signer
	id          []byte // ResponderID
	algorithm   []byte // AlgorithmIdentifier of its signatures
	certs       []byte // its certificate, as a BasicOCSPResponse encloses it
	renew       time.Time
}

// retry is how long a delegate whose renewal failed goes on before it is tried again.
const retry = time.Minute

// holds tells whether the delegate's certificate is valid: its answers are worth nothing when it is
// not.
func (d *delegate) holds(now time.Time) bool {
	return d != nil && !now.Before(d.certificate.NotBefore) && now.Before(d.certificate.NotAfter)
}

// delegateOf returns the authority's delegated responder. It makes a new one when there is none, or
// when half of its certificate's validity has passed. If that fails and the former one is still
// valid, it returns the former one together with the error, which the caller logs.
func (r *Responder) delegateOf(ctx context.Context, a *authority) (*delegate, error) {
	now := r.now()
	if d := a.delegate.Load(); d.holds(now) && now.Before(d.renew) {
		return d, nil
	}
	a.making.Lock()
	defer a.making.Unlock()
	old := a.delegate.Load()
	if old.holds(now) && now.Before(old.renew) {
		return old, nil
	}
	d, err := r.newDelegate(context.WithoutCancel(ctx), a) // it is for everybody, not for the client that waits
	a.noteRenewal(err, now)
	if err != nil {
		err = i18n.Errorf("OCSP responder of %s: %w", a.Authority.ID(), err)
		if !old.holds(now) {
			return nil, err
		}
		again := *old
		again.renew = now.Add(retry)
		d = &again
	}
	a.delegate.CompareAndSwap(old, d) // unless the old one was revoked meanwhile
	return d, err
}

func (r *Responder) newDelegate(ctx context.Context, a *authority) (*delegate, error) {
	config := r.lab.Config.OCSP
	signer, err := config.KeyPolicy(r.lab.Config.Key).Generate()
	if err != nil {
		return nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(signer.Public())
	if err != nil {
		return nil, err
	}
	issued, err := r.lab.IssueResponder(ctx, a.Authority, public)
	if err != nil {
		return nil, err
	}
	c, err := issued.Records[0].Certificate()
	if err != nil {
		return nil, err
	}
	d := &delegate{certificate: c, signer: signer, renew: c.NotBefore.Add(c.NotAfter.Sub(c.NotBefore) / 2)}
	algorithm := x509.ECDSAWithSHA256
	if _, ok := signer.Public().(*rsa.PublicKey); ok {
		algorithm = x509.SHA256WithRSA
	}
	if d.algorithm, err = der.AlgorithmIdentifier(algorithm); err != nil {
		return nil, err
	}
	d.id = der.Element(der.Explicit(2), der.Element(cbasn1.OCTET_STRING, c.SubjectKeyId))
	if config.ResponderID == "name" {
		d.id = der.Element(der.Explicit(1), c.RawSubject)
	}
	d.certs = der.Element(der.Explicit(0), der.Element(cbasn1.SEQUENCE, c.Raw))
	return d, nil
}
