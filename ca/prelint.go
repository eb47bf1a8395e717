package ca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"sync"
	"time"

	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/profiles/lint"
)

// preIssuanceLint signs a copy of the template with a throwaway key and lints the result, as
// Boulder does, and returns its TBSCertificate: what breaks a rule at the level of an error, or
// departs from its profile, is never signed by the authority. The copy is what the authority would
// sign, but for the signature: its signature algorithm is the authority's.
func preIssuanceLint(a profiles.Authority, algorithm x509.SignatureAlgorithm, template x509.Certificate,
	now time.Time) (tbs []byte, err error) {
	throwaway, err := throwawayKeys[algorithm]()
	if err != nil {
		return nil, err
	}
	issuer, err := a.Name().Marshal()
	if err != nil {
		return nil, err
	}
	template.SignatureAlgorithm = algorithm
	der, err := x509.CreateCertificate(rand.Reader, &template, &x509.Certificate{RawSubject: issuer}, template.PublicKey, throwaway)
	if err != nil {
		return nil, fail(Invalid, "%s cannot issue this: %w", a.ID(), err)
	}
	if err := lint.Refusal(lint.Certificate(der)); err != nil {
		return nil, fail(Invalid, "%s does not sign what breaks a rule of the IGC-Santé: %w", a.ID(), err)
	}
	if _, err = NewRecord(a, der, now); err != nil {
		return nil, Invalidate(err)
	}
	linted, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, Invalidate(err)
	}
	return linted.RawTBSCertificate, nil
}

// throwawayKeys are keys of each type that authorities have, made at their first use and kept for
// the process. They protect nothing, so the RSA one is as short as the library allows: it takes 10
// ms to make, and not a second.
var throwawayKeys = map[x509.SignatureAlgorithm]func() (crypto.Signer, error){
	x509.SHA256WithRSA: sync.OnceValues(func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 1024) }),
	x509.ECDSAWithSHA256: sync.OnceValues(func() (crypto.Signer, error) {
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}),
}

// signatureAlgorithm is what an authority with that public key signs with: SHA-256 with its kind of
// key.
func signatureAlgorithm(public crypto.PublicKey) x509.SignatureAlgorithm {
	if _, ok := public.(*rsa.PublicKey); ok {
		return x509.SHA256WithRSA
	}
	return x509.ECDSAWithSHA256
}
