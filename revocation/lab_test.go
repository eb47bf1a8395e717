package revocation

import (
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	xocsp "golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation/crl"
	"github.com/igc-lab/igc/revocation/ldap"
	"github.com/igc-lab/igc/revocation/ocsp"
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

// blockCRLs puts a file in the place of the folder of CRLs, so that none can be written there, or
// the folder back.
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

var quiet = slog.New(slog.DiscardHandler)

// newPublication serves what the lab publishes over HTTP.
func newPublication(t testing.TB, l *testLab) *httptest.Server {
	server := httptest.NewServer(NewPublication(l.Lab, crl.NewIssuer(l.Lab, l.Clock()), newResponder(t, l.Lab, l.Clock()), quiet))
	t.Cleanup(server.Close)
	return server
}

// status asks the responder about a certificate, and verifies the answer.
func status(t testing.TB, r *ocsp.Responder, leaf, issuer *x509.Certificate) *xocsp.Response {
	t.Helper()
	request, err := xocsp.CreateRequest(leaf, issuer, nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := r.Answer(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := xocsp.ParseResponseForCert(der, leaf, issuer)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// directory serves the lab's LDAP directory, and returns its address.
func (l *testLab) directory(t testing.TB, crls *crl.Issuer) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go ldap.NewServer(l.Lab, crls, quiet).Serve(t.Context(), listener)
	return listener.Addr().String()
}

// newResponder makes a responder that follows the lab's changes of status.
func newResponder(t testing.TB, lab *lab.Lab, now func() time.Time) *ocsp.Responder {
	t.Helper()
	r, err := NewResponder(t.Context(), lab, now)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
