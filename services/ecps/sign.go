package ecps

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"time"
)

// Approval is a device's signature of what its person approved.
type Approval struct {
	Credential []byte `json:"credential"` // sealed: the device's public key
	Signature  []byte `json:"signature"`  // ECDSA, SHA-256, DER
}

// approve approves a request with the key of its device.
func (s *Service) approve(r *Request, d *device, at time.Time) error {
	var secrets deviceSecrets
	if err := s.unseal(secretsPurpose(d.ID), d.Secrets, &secrets); err != nil {
		return err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(secrets.Key)
	if err != nil {
		return err
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return refuse(BadSignature, r.ID, r.Person)
	}
	r.end(StateApproved, "", at)
	sum := sha256.Sum256(r.signed())
	signature, err := ecdsa.SignASN1(s.options.Rand, key, sum[:])
	r.Approval = &Approval{d.Credential, signature}
	return err
}

// verify verifies the approval of a request: by a device of the person, of all that the person saw,
// in time.
func (s *Service) verify(r *Request) error {
	wrong := refuse(BadSignature, r.ID, r.Person)
	var c credential
	if r.Approval == nil || s.unseal(credentialPurpose, r.Approval.Credential, &c) != nil ||
		c.Device != r.Device || c.Person != r.Person {
		return wrong
	}
	parsed, err := x509.ParsePKIXPublicKey(c.Public)
	if err != nil {
		return wrong
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	sum := sha256.Sum256(r.signed())
	if !ok || !ecdsa.VerifyASN1(key, sum[:], r.Approval.Signature) ||
		r.Answered.Before(r.Created) || !r.Answered.Before(r.Expires) {
		return wrong
	}
	return nil
}

// signed is what a device signs.
func (r *Request) signed() []byte {
	return fmt.Appendf(nil, "igc e-CPS approval, version 1\nrequest %q\nnumber %q\nperson %q\nclient %q\nclient "+
		"name %q\n"+
		"message %q\ncreated %d\nexpires %d\nanswered %d\ndevice %q\n", r.ID, r.Number, r.Person, r.ClientID,
		r.ClientName,
		r.Message, r.Created.UnixMilli(), r.Expires.UnixMilli(), r.Answered.UnixMilli(), r.Device)
}
