// Package p12 writes PKCS#12 files (RFC 7292) in the forms that the programs of the sector read.
//
// go-pkcs12, with which the lab reads them, writes no friendlyName, no certificates in clear and no
// password with characters above U+FFFF.
package p12

import (
	"crypto"
	"crypto/x509"

	"github.com/igc-lab/igc/internal/i18n"
)

// Form is how a PKCS#12 file protects what it holds. It decides which programs read the file.
type Form string

// The forms. Each holds a private key, its certificate and the chain, and is opened with one
// password.
//
// ANS is as the ordering platform of the ANS hands out software certificates: the certificates are
// in clear. It is modelled on the one real file that was seen; that it goes for every product is an
// assumption. Everyone who has the file reads the certificates without the password, and 3DES with
// 2,048 rounds resists no attacker for long: the form is for software that must open what the real
// platform gives.
const (
	Modern Form = "modern" // PBES2 with AES-256, HMAC-SHA-256: OpenSSL 1.1.1, Java 12, Windows Server 2019 and later
	Legacy Form = "legacy" // 3DES for everything, HMAC-SHA-1: older Java, Windows 7 to Server 2016, macOS, Android
	ANS    Form = "ans"    // certificates in clear, the key in 3DES, HMAC-SHA-1
)

// Encode writes a PKCS#12 in that form: the key, its certificate, and the certificates above it,
// the nearest first. name is the friendlyName, by which programs list key and certificate; empty
// for none. The password is any text that is not empty.
func Encode(form Form, key crypto.Signer, cert *x509.Certificate, chain []*x509.Certificate,
	name, password string) ([]byte, error) {
	if _, ok := protections[form]; !ok {
		return nil, i18n.Errorf("PKCS#12 form %q: choose among %s, %s, %s", form, Modern, Legacy, ANS)
	}
	return encode(form, key, cert, chain, name, password)
}
