package keys

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/hkdf"
	"crypto/sha256"

	kmsapi "go.step.sm/crypto/kms/apiv1"

	"github.com/igc-lab/igc/ca/store"
)

// sealName is the name of the key that what services seal is encrypted under.
const sealName = "seal"

// Seal encrypts a secret that a service keeps in the lab's records, such as the key of a device:
// AES-256-GCM with a random nonce, under a key derived (HKDF, RFC 5869) for that purpose from one
// of the ring's.
func (k *Ring) Seal(purpose string, plain []byte) ([]byte, error) {
	aead, err := k.aead(purpose)
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, plain, nil), nil
}

// Unseal decrypts what Seal made for the same purpose. What was changed, or sealed by another lab,
// is an error of kind Damaged.
func (k *Ring) Unseal(purpose string, sealed []byte) ([]byte, error) {
	aead, err := k.aead(purpose)
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, nil, sealed, nil)
	if err != nil {
		return nil, store.Errorf(store.Damaged,
			"a secret of %s does not open with the key %s: it was changed, or another lab's key is there",
			purpose, k.Path(sealName))
	}
	return plain, nil
}

func (k *Ring) aead(purpose string) (cipher.AEAD, error) {
	k.mu.Lock()
	aead, ok := k.aeads[purpose]
	k.mu.Unlock()
	if ok {
		return aead, nil
	}
	made, err := k.CreateKey(&kmsapi.CreateKeyRequest{Name: sealName, SignatureAlgorithm: kmsapi.ECDSAWithSHA256})
	if err != nil {
		return nil, err
	}
	private, ok := made.CreateSignerRequest.Signer.(*ecdsa.PrivateKey)
	if !ok {
		return nil, store.Errorf(store.Damaged,
			"%s is not an EC key: restore it from a copy of the lab", k.Path(sealName))
	}
	secret, err := private.Bytes()
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "igc seal: "+purpose, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	if aead, err = cipher.NewGCMWithRandomNonce(block); err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.aeads[purpose] = aead
	return aead, nil
}
