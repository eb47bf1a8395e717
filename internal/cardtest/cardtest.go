// Package cardtest issues cards for tests of what reads them.
package cardtest

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
)

// Lab is a lab in a folder of its own, with fast authorities.
type Lab struct {
	*lab.Client
	Home string
	t    testing.TB
}

// New makes one.
func New(t testing.TB) *Lab {
	t.Helper()
	config := lab.DefaultConfig()
	config.Key = ca.P256
	// the test's folder under its one name: what tests compare are paths
	home, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	lab, err := lab.Create(filepath.Join(home, "lab"), config, lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &Lab{lab.Client(), lab.Home, t}
}

// Issue issues a CPS and returns its folder.
func (l *Lab) Issue(key ca.KeyPolicy, pin string) string {
	l.t.Helper()
	return l.IssueGeneration(key, pin, profiles.Gen2016)
}

// IssueGeneration issues a CPS with certificates of that layout.
func (l *Lab) IssueGeneration(key ca.KeyPolicy, pin string, g profiles.Generation) string {
	l.t.Helper()
	identity, err := fixtures.Find("alain")
	if err != nil {
		l.t.Fatal(err)
	}
	order := ca.CardOrder{IssueRequest: ca.IssueRequest{Product: identity.Product, Holder: identity.Holder, Generation: g}, Key: key, PIN: pin}
	_, dir, err := ca.MakeCard(context.Background(), l.Client, l.Home, order)
	if err != nil {
		l.t.Fatal(err)
	}
	return dir
}

// Copy copies a card's folder to one beside it: a card more, for tests that want many and do not
// care whose.
func (l *Lab) Copy(dir string) string {
	l.t.Helper()
	for n := 2; ; n++ {
		to := fmt.Sprintf("%s-%d", dir, n)
		if _, err := os.Stat(to); err == nil {
			continue
		}
		if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
			l.t.Fatal(err)
		}
		return to
	}
}

// Verifies tells whether a signature of a SHA-256 hash, PKCS#1 v1.5 or ECDSA in DER, is good.
func Verifies(public any, digest, signature []byte) bool {
	switch key := public.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest, signature) == nil
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(key, digest, signature)
	}
	return false
}
