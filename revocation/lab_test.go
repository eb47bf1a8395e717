package revocation

import (
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation/crl"
)

// testLab is a lab with cards.
type testLab struct{ *labtest.CardLab }

func newTestLab(t testing.TB, cards int) *testLab { return &testLab{labtest.NewCardLab(t, cards)} }

// fullCRL is an authority's full CRL, as a client reads it.
func (l *testLab) fullCRL(t testing.TB, crls *crl.Issuer, id string) *x509.RevocationList {
	t.Helper()
	a, err := profiles.ParseAuthority(id)
	if err != nil {
		t.Fatal(err)
	}
	full, err := crls.Get(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	der, err := full.DER()
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseRevocationList(der)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// blockCRLs puts a file in the place of the folder of CRLs, so that none can be written there, or the folder back.
func (l *testLab) blockCRLs(t testing.TB, block bool) {
	t.Helper()
	folder := filepath.Join(l.Home, "publication")
	aside := folder + ".aside"
	info, err := os.Stat(folder)
	blocked := err == nil && !info.IsDir()
	if blocked == block {
		return
	}
	if block {
		if err != nil {
			err = os.Mkdir(folder, 0o700)
		}
		err = errors.Join(err, os.Rename(folder, aside), os.WriteFile(folder, nil, 0o600))
	} else {
		err = errors.Join(os.Remove(folder), os.Rename(aside, folder))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func bytesOf(t testing.TB, c *crl.CRL) []byte {
	t.Helper()
	der, err := c.DER()
	if err != nil {
		t.Fatal(err)
	}
	return der
}
