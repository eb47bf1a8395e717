// Package rootstores puts root certificates into the places where a machine's software keeps those
// that it trusts, and takes them out again. A root is found by its bytes, under whatever name it is
// kept, and each change is verified by a new look at the place.
package rootstores

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"runtime"

	"github.com/igc-lab/igc/internal/nss"
)

// Store is a place that keeps trusted roots.
type Store interface {
	Kind() string // system, NSS or Java
	Path() string // file or folder
	// Install has the store trust the root. It changes nothing when it does already.
	Install(root *x509.Certificate) (changed bool, err error)
	// Uninstall takes the root out, under every name, and verifies that it is gone.
	Uninstall(root *x509.Certificate) (changed bool, err error)
	// Command is what a person types to do what Uninstall could not, as words.
	Command(root *x509.Certificate) []string
}

// Missing is a kind of software of which this machine has no store.
type Missing struct{ Software, Looked string }

// Find lists the stores that this user has, and the software that was looked for in vain.
func Find(home string, withSystem bool) (found []Store, missing []Missing) {
	if withSystem {
		if s, ok := systemStore(); ok {
			found = append(found, s)
		} else {
			missing = append(missing, Missing{runtime.GOOS, "update-ca-certificates, update-ca-trust, trust"})
		}
	}
	for _, browser := range browsers(home) {
		some := false
		for _, pattern := range browser.folders {
			folders, _ := filepath.Glob(pattern)
			for _, folder := range folders {
				if db := nss.Database(folder); db.Exists() {
					found, some = append(found, nssStore{db}), true
				}
			}
		}
		if !some && len(browser.folders) > 0 {
			missing = append(missing, Missing{browser.name, browser.folders[0]})
		}
	}
	if s, ok := javaStore(); ok {
		found = append(found, s)
	} else {
		missing = append(missing, Missing{"Java", "JAVA_HOME"})
	}
	return found, missing
}

type browser struct {
	name    string
	folders []string // patterns; the usual one first
}

// browsers are those that keep roots in NSS databases: on macOS and Windows, Chromium trusts what
// the system trusts.
func browsers(home string) []browser {
	in := func(parts ...string) string { return filepath.Join(append([]string{home}, parts...)...) }
	switch runtime.GOOS {
	case "linux", "freebsd":
		return []browser{
			{"Chromium", []string{in(".pki", "nssdb"), in(".local", "share", "pki", "nssdb"), in("snap", "chromium", "current", ".pki", "nssdb")}},
			{"Firefox", []string{in(".mozilla", "firefox", "*"), in(".config", "mozilla", "firefox", "*"),
				in("snap", "firefox", "common", ".mozilla", "firefox", "*"), in(".var", "app", "org.mozilla.firefox", ".mozilla", "firefox", "*")}},
		}
	case "darwin":
		return []browser{{"Firefox", []string{in("Library", "Application Support", "Firefox", "Profiles", "*")}}}
	}
	return nil
}

// rootName is the name under which a root goes into a store that has it under none: that of earlier
// versions of igc.
func rootName(root *x509.Certificate) string {
	return root.Subject.CommonName + " " + root.SerialNumber.String()
}

type nssStore struct{ db nss.Database }

func (s nssStore) Kind() string { return "NSS" }
func (s nssStore) Path() string { return string(s.db) }

func (s nssStore) Install(root *x509.Certificate) (bool, error) {
	if trusted, err := s.db.Trusts(root); trusted || err != nil {
		return false, err
	}
	return true, s.db.Trust(root, rootName(root))
}

func (s nssStore) Uninstall(root *x509.Certificate) (bool, error) {
	removed, err := s.db.Remove(root)
	return len(removed) > 0, err
}

func (s nssStore) Command(root *x509.Certificate) []string { return s.db.RemovalCommand(root) }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
