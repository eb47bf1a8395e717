// Package p12 writes PKCS#12 files in the forms that the programs of the sector read.
package p12

import (
	"crypto"
	"crypto/x509"
	"errors"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/igc-lab/igc/internal/i18n"
)

// Form is how a PKCS#12 file protects what it holds. It decides which programs read the file.
type Form string

// The forms. Each holds a private key, its certificate and the chain, and is opened with one
// password.
const (
	Modern Form = "modern" // PBES2 with AES-256, HMAC-SHA-256: OpenSSL 1.1.1, Java 12, Windows Server 2019 and later
	Legacy Form = "legacy" // 3DES for everything, HMAC-SHA-1: older Java, Windows 7 to Server 2016, macOS, Android
	ANS    Form = "ans"    // EncodeANS
)

// Encode writes a PKCS#12 in that form: the key, its certificate, and the certificates above it,
// the nearest first.
func Encode(form Form, key crypto.Signer, cert *x509.Certificate, chain []*x509.Certificate, password string) ([]byte, error) {
	if password == "" { // programs differ on what an empty one means
		return nil, errors.New("a PKCS#12 wants a password: the given one is empty")
	}
	switch form {
	case Modern:
		return pkcs12.Modern2023.Encode(key, cert, chain, password)
	case Legacy:
		return pkcs12.LegacyDES.Encode(key, cert, chain, password)
	case ANS:
		return EncodeANS(key, cert, chain, password)
	}
	return nil, i18n.Errorf("PKCS#12 form %q: choose among %s, %s, %s", form, Modern, Legacy, ANS)
}
