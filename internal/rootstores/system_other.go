//go:build !linux

package rootstores

import (
	"crypto/sha1"
	"crypto/x509"
	"errors"
	"fmt"
	"runtime"

	"github.com/smallstep/truststore"
)

// system is the store of macOS or Windows, which the library of smallstep changes and the
// platform's verifier is asked about.
type system struct{}

func systemStore() (Store, bool) { return system{}, true }

func (system) Kind() string { return "system" }

func (system) Path() string {
	if runtime.GOOS == "windows" {
		return "Cert:\\CurrentUser\\Root"
	}
	return "/Library/Keychains/System.keychain"
}

func (system) Install(root *x509.Certificate) (bool, error) {
	if platformTrusts(root) {
		return false, nil
	}
	return true, truststore.Install(root)
}

func (system) Uninstall(root *x509.Certificate) (bool, error) {
	if !platformTrusts(root) {
		return false, nil
	}
	if err := truststore.Uninstall(root); err != nil {
		return false, err
	}
	if platformTrusts(root) {
		return true, errors.New("the system still trusts the root")
	}
	return true, nil
}

func (system) Command(root *x509.Certificate) []string {
	fingerprint := fmt.Sprintf("%X", sha1.Sum(root.Raw))
	if runtime.GOOS == "windows" {
		return []string{"certutil", "-user", "-delstore", "Root", fingerprint}
	}
	return []string{"sudo", "security", "delete-certificate", "-Z", fingerprint, "-t", "/Library/Keychains/System.keychain"}
}

// platformTrusts asks the verifier of macOS or Windows.
func platformTrusts(root *x509.Certificate) bool {
	_, err := root.Verify(x509.VerifyOptions{KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	return err == nil
}
