package ca

import (
	"crypto"
	"crypto/x509"

	kmsapi "go.step.sm/crypto/kms/apiv1"

	"github.com/igc-lab/igc/profiles"
)

// Signer opens the key of an authority, which has that certificate. It reads the key's file and no
// record, so a command may call it while a server holds the lab: whoever has the lab's folder and
// passphrase has its keys, and needs no server to sign for it. What is signed this way is not
// issued: it is in no record, and OCSP does not know it.
func (ca *CA) Signer(a profiles.Authority, certificate *x509.Certificate) (crypto.Signer, error) {
	s, err := ca.keys.CreateSigner(&kmsapi.CreateSignerRequest{SigningKey: a.ID()})
	if err != nil {
		return nil, err
	}
	if pub, ok := s.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !pub.Equal(certificate.PublicKey) {
		return nil, fail(Conflict, "%s is not the key of the certificate of %s: restore it from a copy of the lab", ca.keys.Path(a.ID()), a.ID())
	}
	return s, nil
}
