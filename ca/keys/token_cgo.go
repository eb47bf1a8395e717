//go:build cgo && !nopkcs11

package keys

import (
	"context"

	kmsapi "go.step.sm/crypto/kms/apiv1"
	"go.step.sm/crypto/kms/pkcs11"
)

// openToken logs in to a token, which cgo calls.
func openToken(address, pin string) (tokenManager, error) {
	manager, err := pkcs11.New(context.Background(), kmsapi.Options{URI: address, Pin: pin})
	if err != nil {
		return nil, err // not a nil *PKCS11 in an interface
	}
	return manager, nil
}
