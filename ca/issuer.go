package ca

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"

	casapi "github.com/smallstep/certificates/cas/apiv1"
	"github.com/smallstep/certificates/cas/softcas"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/profiles/lint"
)

// Issuer is one authority at work: smallstep's software CA service, with the IGC-Santé's serial numbers and the lab's
// records. Whatever is issued through it is recorded first, also when a front such as step-ca does the asking.
type Issuer struct {
	*softcas.SoftCAS
	Authority   profiles.Authority
	Certificate *x509.Certificate
	lab         *Lab
	chain       []*x509.Certificate
}

var _ casapi.CertificateAuthorityService = (*Issuer)(nil)

// Issuer returns the authority, NotFound when the lab does not have it yet. Its key is opened at the first signature.
func (l *Lab) Issuer(ctx context.Context, a profiles.Authority) (*Issuer, error) {
	l.mu.Lock()
	i := l.issuers[a]
	l.mu.Unlock()
	if i != nil {
		return i, nil
	}
	path := []profiles.Authority{a}
	if !a.IsRoot() {
		path = append(path, a.Root())
	}
	var chain []*x509.Certificate
	err := l.store.View(ctx, func(r store.Reader) error {
		chain = nil
		for _, a := range path {
			der, ok := r.Authority(a.ID())
			if !ok {
				return fail(NotFound, "the lab has no authority %s: igc init makes all nine", a.ID())
			}
			c, err := x509.ParseCertificate(der)
			if err != nil {
				return fmt.Errorf("certificate of %s: %w", a.ID(), err)
			}
			chain = append(chain, c)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return l.keep(a, chain), nil
}

// keep makes the authority with that chain the lab's, unless another goroutine was first.
func (l *Lab) keep(a profiles.Authority, chain []*x509.Certificate) *Issuer {
	i := &Issuer{Authority: a, Certificate: chain[0], lab: l, chain: chain}
	signer := sync.OnceValues(func() (crypto.Signer, error) { return l.Signer(a, chain[0]) })
	i.SoftCAS = &softcas.SoftCAS{KeyManager: l.keys, CertificateSigner: func() ([]*x509.Certificate, crypto.Signer, error) {
		s, err := signer()
		return chain, s, err
	}}
	l.mu.Lock()
	defer l.mu.Unlock()
	if first := l.issuers[a]; first != nil {
		return first
	}
	l.issuers[a] = i
	return i
}

// Chain is the authority's certificate and, unless it is one, its root's.
func (i *Issuer) Chain() []*x509.Certificate { return i.chain }

// SignatureAlgorithm is what the authority signs with: SHA-256 with its kind of key.
func (i *Issuer) SignatureAlgorithm() x509.SignatureAlgorithm {
	return signatureAlgorithm(i.Certificate.PublicKey)
}

// newSerial draws a serial number: the authority's prefix and 64 random bits, or, in the layout of 2023 and where there is no
// prefix, under a root, 127 random bits (reference §2.1).
func newSerial(a profiles.Authority, g profiles.Generation) *big.Int {
	random := make([]byte, 16)
	rand.Read(random) // never fails
	if g == profiles.Gen2023 || a.IsRoot() {
		random[0] = random[0]&0x7f | 0x40 // always 16 bytes
	} else {
		copy(random, a.SerialPrefix())
	}
	return new(big.Int).SetBytes(random)
}

// newAuthoritySerial draws that of an authority as the real ones have it: 1120 and 128 random bits (reference §1.1).
func newAuthoritySerial() *big.Int {
	random := make([]byte, 18)
	rand.Read(random) // never fails
	random[0], random[1] = 0x11, 0x20
	return new(big.Int).SetBytes(random)
}

// sign lints the template before it signs it, and what it signed once more; it reads the result back.
func (i *Issuer) sign(template *x509.Certificate) (*Record, error) {
	if template.NotBefore.Before(i.Certificate.NotBefore) || template.NotAfter.After(i.Certificate.NotAfter) {
		return nil, fail(Invalid, "validity from %s to %s is not within that of %s, from %s to %s: choose another beginning",
			template.NotBefore.Format(time.DateOnly), template.NotAfter.Format(time.DateOnly), i.Authority.ID(),
			i.Certificate.NotBefore.Format(time.DateOnly), i.Certificate.NotAfter.Format(time.DateOnly))
	}
	if err := preIssuanceLint(i.Authority, i.SignatureAlgorithm(), *template, i.lab.now()); err != nil {
		return nil, err
	}
	template.SignatureAlgorithm = i.SignatureAlgorithm()
	made, err := i.SoftCAS.CreateCertificate(&casapi.CreateCertificateRequest{Template: template, Lifetime: template.NotAfter.Sub(template.NotBefore)})
	if err != nil {
		var own *Error
		if errors.As(err, &own) {
			return nil, own
		}
		return nil, fmt.Errorf("%s cannot sign: %w", i.Authority.ID(), err)
	}
	if err := lint.Refusal(lint.Certificate(made.Certificate.Raw)); err != nil { // it passed before it was signed
		return nil, fmt.Errorf("%s signed what breaks a rule of the IGC-Santé, and does not give it out: %w", i.Authority.ID(), err)
	}
	return newRecord(i.Authority, made.Certificate.Raw, i.lab.now())
}

// CreateCertificate signs a certificate and records it before it answers. The template must be one of the IGC-Santé's
// profiles: what departs from its profile is refused.
func (i *Issuer) CreateCertificate(req *casapi.CreateCertificateRequest) (*casapi.CreateCertificateResponse, error) {
	if req.Template == nil {
		return nil, fail(Invalid, "a certificate needs a template")
	}
	template := *req.Template
	if template.SerialNumber == nil {
		if template.SerialNumber = newSerial(i.Authority, i.lab.Config.Generation); template.IsCA {
			template.SerialNumber = newAuthoritySerial()
		}
	}
	issuable := func(tx store.Reader) error { return checkIssuable(tx, i.Authority) }
	if err := i.lab.store.View(context.Background(), issuable); err != nil {
		return nil, err
	}
	r, err := i.sign(&template)
	if err != nil {
		return nil, err
	}
	if err := i.lab.record(context.Background(), []*Record{r}, func(tx store.Tx) error { return issuable(tx) }); err != nil {
		return nil, err
	}
	cert, err := r.Certificate()
	return &casapi.CreateCertificateResponse{Certificate: cert, CertificateChain: i.Chain()}, err
}

// RenewCertificate issues the template anew: another serial number, the profile's validity from now on.
func (i *Issuer) RenewCertificate(req *casapi.RenewCertificateRequest) (*casapi.RenewCertificateResponse, error) {
	if req.Template == nil {
		return nil, fail(Invalid, "a renewal needs a template")
	}
	template := *req.Template
	template.SerialNumber = nil
	template.NotBefore = i.lab.now()
	template.NotAfter = template.NotBefore.Add(req.Lifetime)
	made, err := i.CreateCertificate(&casapi.CreateCertificateRequest{Template: &template})
	if err != nil {
		return nil, err
	}
	return &casapi.RenewCertificateResponse{Certificate: made.Certificate, CertificateChain: made.CertificateChain}, nil
}

// RevokeCertificate records the revocation. An authority is not revoked so: see [StatusChange].
func (i *Issuer) RevokeCertificate(req *casapi.RevokeCertificateRequest) (*casapi.RevokeCertificateResponse, error) {
	change := StatusChange{Serial: req.SerialNumber, Reason: ReasonOf(req.ReasonCode), Release: req.ReasonCode == store.RemoveFromCRL}
	if req.Certificate != nil {
		change.Serial, change.Certificate = "", req.Certificate.Raw
	} else if n, ok := new(big.Int).SetString(change.Serial, 10); ok { // the smallstep API writes serial numbers in decimal
		change.Serial = profiles.SerialHex(n)
	}
	r, err := first(i.lab.SetStatus(context.Background(), change))
	if err != nil {
		return nil, err
	}
	cert, err := r.Certificate()
	return &casapi.RevokeCertificateResponse{Certificate: cert, CertificateChain: i.Chain()}, err
}
