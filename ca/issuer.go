package ca

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"iter"
	"math/big"
	"sync"
	"time"

	casapi "github.com/smallstep/certificates/cas/apiv1"
	"github.com/smallstep/certificates/cas/softcas"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/der"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/profiles/lint"
)

// Issuer is one authority at work: smallstep's software CA service, with the IGC-Santé's serial
// numbers and the lab's records. Whatever is issued through it is recorded first, also when a front
// such as step-ca does the asking.
//
// It shows neither its key nor smallstep's service: what it signs is either a certificate, which is
// linted and recorded first, or a CRL of its own.
type Issuer struct {
	cas         *softcas.SoftCAS
	Authority   profiles.Authority
	Certificate *x509.Certificate
	ca          *CA
	chain       []*x509.Certificate
}

var _ casapi.CertificateAuthorityService = (*Issuer)(nil)

// Issuer returns the authority, NotFound when the lab does not have it yet. Its key is opened at
// the first signature.
func (ca *CA) Issuer(ctx context.Context, a profiles.Authority) (*Issuer, error) {
	ca.mu.Lock()
	i := ca.issuers[a]
	ca.mu.Unlock()
	if i != nil {
		return i, nil
	}
	path := []profiles.Authority{a}
	if !a.IsRoot() {
		path = append(path, a.Root())
	}
	var chain []*x509.Certificate
	err := ca.store.View(ctx, func(r store.Reader) error {
		chain = nil
		for _, a := range path {
			der, ok := r.Authority(a.ID())
			if !ok {
				return fail(NotFound, "the lab has no authority %s: igc init makes all nine", a.ID())
			}
			c, err := x509.ParseCertificate(der)
			if err != nil {
				return i18n.Errorf("certificate of %s: %w", a.ID(), err)
			}
			chain = append(chain, c)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ca.cacheIssuer(a, chain), nil
}

// cacheIssuer makes the authority with that chain the lab's, unless another goroutine was first.
func (ca *CA) cacheIssuer(a profiles.Authority, chain []*x509.Certificate) *Issuer {
	i := &Issuer{Authority: a, Certificate: chain[0], ca: ca, chain: chain}
	signer := sync.OnceValues(func() (crypto.Signer, error) { return ca.Signer(a, chain[0]) })
	i.cas = &softcas.SoftCAS{KeyManager: ca.keys, CertificateSigner: func() ([]*x509.Certificate, crypto.Signer, error) {
		s, err := signer()
		return chain, s, err
	}}
	ca.mu.Lock()
	defer ca.mu.Unlock()
	if first := ca.issuers[a]; first != nil {
		return first
	}
	ca.issuers[a] = i
	return i
}

// Type implements [casapi.CertificateAuthorityService].
func (i *Issuer) Type() casapi.Type { return i.cas.Type() }

// SignCRL signs a TBSCertList (RFC 5280 §5.1.2), given in parts, of which the first reaches to the
// issuer's name at least. It refuses what is not a CRL of this authority: a key that signed
// anything else would issue what is recorded nowhere.
func (i *Issuer) SignCRL(parts iter.Seq[[]byte]) (signature []byte, err error) {
	h := sha256.New()
	first := true
	for part := range parts {
		if first && !isOwnTBSCertList(part, i.Certificate.RawSubject) {
			return nil, fail(Internal, "%s was given something else than a TBSCertList of its own to sign",
				i.Authority.ID())
		}
		first = false
		h.Write(part)
	}
	if first {
		return nil, fail(Internal, "%s received an empty TBSCertList to sign", i.Authority.ID())
	}
	signer, err := i.cas.GetSigner()
	if err != nil {
		return nil, err
	}
	return signer.Sign(rand.Reader, h.Sum(nil), crypto.SHA256)
}

// isOwnTBSCertList tells whether the beginning of a TBSCertList, whose end is not there yet, names
// that issuer. A TBSCertificate does not begin so: its version is [0].
func isOwnTBSCertList(begin, issuer []byte) bool {
	header, _ := der.ReadHeader(begin)
	if header == 0 || begin[0] != byte(cbasn1.SEQUENCE) {
		return false
	}
	rest := cryptobyte.String(begin[header:])
	var version int
	return rest.ReadASN1Integer(&version) && version == 1 && rest.SkipASN1(cbasn1.SEQUENCE) && bytes.HasPrefix(rest, issuer)
}

// Chain is the authority's certificate and, unless it is one, its root's.
func (i *Issuer) Chain() []*x509.Certificate { return i.chain }

// SignatureAlgorithm is what the authority signs with: SHA-256 with its kind of key.
func (i *Issuer) SignatureAlgorithm() x509.SignatureAlgorithm {
	return signatureAlgorithm(i.Certificate.PublicKey)
}

// newSerial draws a serial number: the authority's prefix and 64 random bits, or, in the layout of
// 2023 and where there is no prefix, under a root, 127 random bits (reference §2.1).
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

// newAuthoritySerial draws that of an authority as the real ones have it: 1120 and 128 random bits
// (reference §1.1).
func newAuthoritySerial() *big.Int {
	random := make([]byte, 18)
	rand.Read(random) // never fails
	random[0], random[1] = 0x11, 0x20
	return new(big.Int).SetBytes(random)
}

// sign lints the template before it signs it, and what it signed once more; it reads the result
// back.
func (i *Issuer) sign(template *x509.Certificate) (*Record, error) {
	if template.NotBefore.Before(i.Certificate.NotBefore) || template.NotAfter.After(i.Certificate.NotAfter) {
		return nil, fail(Invalid,
			"validity from %s to %s is not within that of %s, from %s to %s: choose another beginning",
			template.NotBefore.Format(time.DateOnly), template.NotAfter.Format(time.DateOnly), i.Authority.ID(),
			i.Certificate.NotBefore.Format(time.DateOnly), i.Certificate.NotAfter.Format(time.DateOnly))
	}
	linted, err := preIssuanceLint(i.Authority, i.SignatureAlgorithm(), *template, i.ca.now())
	if err != nil {
		return nil, err
	}
	template.SignatureAlgorithm = i.SignatureAlgorithm()
	made, err := i.cas.CreateCertificate(&casapi.CreateCertificateRequest{Template: template, Lifetime: template.NotAfter.Sub(template.NotBefore)})
	if err != nil {
		var own *Error
		if errors.As(err, &own) {
			return nil, own
		}
		return nil, i18n.Errorf("%s cannot sign: %w", i.Authority.ID(), err)
	}
	if err := lint.Refusal(lint.Certificate(made.Certificate.Raw)); err != nil { // it passed before it was signed
		return nil, i18n.Errorf("%s signed what breaks a rule of the IGC-Santé, and does not give it out: %w",
			i.Authority.ID(), err)
	}
	if !bytes.Equal(linted, made.Certificate.RawTBSCertificate) {
		return nil, i18n.Errorf("%s signed something else than what was linted, and does not give it out", i.Authority.ID())
	}
	return NewRecord(i.Authority, made.Certificate.Raw, i.ca.now())
}

// CreateCertificate signs a certificate and records it before it answers. The template must be one
// of the IGC-Santé's profiles: what departs from its profile is refused.
func (i *Issuer) CreateCertificate(req *casapi.CreateCertificateRequest) (*casapi.CreateCertificateResponse, error) {
	if req.Template == nil {
		return nil, fail(Invalid, "a certificate needs a template")
	}
	template := *req.Template
	if template.SerialNumber == nil {
		if template.SerialNumber = newSerial(i.Authority, i.ca.Generation); template.IsCA {
			template.SerialNumber = newAuthoritySerial()
		}
	}
	issuable := func(tx store.Reader) error { return checkIssuable(tx, i.Authority) }
	if err := i.ca.store.View(context.Background(), issuable); err != nil {
		return nil, err
	}
	r, err := i.sign(&template)
	if err != nil {
		return nil, err
	}
	if err := i.ca.record(context.Background(), []*Record{r}, func(tx store.Tx) error { return issuable(tx) }); err != nil {
		return nil, err
	}
	cert, err := r.Certificate()
	return &casapi.CreateCertificateResponse{Certificate: cert, CertificateChain: i.Chain()}, err
}

// RenewCertificate issues the template anew: another serial number, the profile's validity from now
// on.
func (i *Issuer) RenewCertificate(req *casapi.RenewCertificateRequest) (*casapi.RenewCertificateResponse, error) {
	if req.Template == nil {
		return nil, fail(Invalid, "a renewal needs a template")
	}
	template := *req.Template
	template.SerialNumber = nil
	template.NotBefore = i.ca.now()
	template.NotAfter = template.NotBefore.Add(req.Lifetime)
	made, err := i.CreateCertificate(&casapi.CreateCertificateRequest{Template: &template})
	if err != nil {
		return nil, err
	}
	return &casapi.RenewCertificateResponse{Certificate: made.Certificate, CertificateChain: made.CertificateChain}, nil
}

// RevokeCertificate records the revocation of the certificate given or, without one, of the one
// that this authority issued under that serial number, in decimal as smallstep writes it, or in
// hexadecimal. An authority is not revoked so: see [StatusChange].
func (i *Issuer) RevokeCertificate(req *casapi.RevokeCertificateRequest) (*casapi.RevokeCertificateResponse, error) {
	ctx := context.Background()
	change := StatusChange{Reason: ReasonOf(req.ReasonCode), Release: req.ReasonCode == store.RemoveFromCRL}
	if req.Certificate != nil {
		change.Certificate = req.Certificate.Raw
	} else {
		n, ok := new(big.Int).SetString(req.SerialNumber, 10)
		if !ok {
			if n, ok = new(big.Int).SetString(req.SerialNumber, 16); !ok {
				return nil, fail(Invalid, "%q is not a serial number", req.SerialNumber)
			}
		}
		r, err := i.ca.Lookup(ctx, i.Authority, n.Bytes())
		if err != nil {
			return nil, err
		}
		change.Certificate = r.DER
	}
	r, err := first(i.ca.SetStatus(ctx, change))
	if err != nil {
		return nil, err
	}
	cert, err := r.Certificate()
	return &casapi.RevokeCertificateResponse{Certificate: cert, CertificateChain: i.Chain()}, err
}
