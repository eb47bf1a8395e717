//go:build !cgo || nopkcs11

package keys

import "github.com/igc-lab/igc/internal/i18n"

// openToken fails: a library of C cannot be called. The usual build is one file that runs anywhere.
func openToken(string, string) (tokenManager, error) {
	return nil, i18n.Errorf("this igc was built without cgo, which PKCS#11 needs: build it with make build CGO=1")
}
