package revocation

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	xocsp "golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation/crl"
	"github.com/igc-lab/igc/revocation/ldap"
	"github.com/igc-lab/igc/revocation/ocsp"
)

// What a client of the lab fetches is what is served, and another authority's signature is not
// taken for the issuer's.
func TestFetch(t *testing.T) {
	l := newTestLab(t, 1)
	server, a := newPublication(t, l), l.Issuing()
	leaf, issuer := l.Certificates(t, l.Cards[0])
	rootRecord, err := l.Issuer(t.Context(), a.Root())
	if err != nil {
		t.Fatal(err)
	}
	root := rootRecord.Certificate
	directory := l.directory(t, crl.NewIssuer(l.Lab, l.Clock()))
	l.Change(t, ca.StatusChange{Serial: l.Cards[0].Serial, Reason: "keyCompromise"})

	list, err := crl.Fetch(t.Context(), server.URL+a.CRLPath(), issuer)
	if err != nil || list.Entries != 1 || !list.ThisUpdate.Equal(l.Now) {
		t.Fatalf("the list over HTTP: %+v, %v", list, err)
	}
	same, err := ldap.Fetch(t.Context(), directory, a, issuer)
	if err != nil || same.Entries != 1 {
		t.Errorf("the list in the directory: %+v, %v", same, err)
	}
	for _, c := range []struct{ of, status string }{{"card", "revoked"}, {"authority", "good"}} {
		certificate, by := leaf, issuer
		if c.of == "authority" {
			certificate, by = issuer, root
		}
		answer, err := ocsp.Fetch(t.Context(), server.URL+"/ocsp", certificate, by)
		if err != nil || map[int]string{xocsp.Good: "good", xocsp.Revoked: "revoked"}[answer.Status] != c.status {
			t.Errorf("status of the %s: %+v, %v", c.of, answer, err)
		}
	}
	if problems, err := FetchProblems(t.Context(), server.URL+"/healthz"); err != nil {
		t.Errorf("problems: %v, %v", problems, err)
	}

	for what, fetch := range map[string]func() error{
		"another's signature": func() error { _, err := crl.Fetch(t.Context(), server.URL+a.CRLPath(), root); return err },
		"another's signature in the directory": func() error {
			_, err := ldap.Fetch(t.Context(), directory, a, root)
			return err
		},
		"no list": func() error { _, err := crl.Fetch(t.Context(), server.URL+"/nowhere.crl", issuer); return err },
		"no authority": func() error {
			_, err := ldap.Fetch(t.Context(), directory, profiles.Authority{Gamme: profiles.Standard}, issuer)
			return err
		},
		"not a directory": func() error {
			_, err := ldap.Fetch(t.Context(), strings.TrimPrefix(server.URL, "http://"), a, issuer)
			return err
		},
	} {
		if err := fetch(); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

// One who takes the connection and says nothing is left when the context ends.
func TestFetchBounded(t *testing.T) {
	l := newTestLab(t, 1)
	_, issuer := l.Certificates(t, l.Cards[0])
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := crl.Fetch(ctx, "http://"+silent.Addr().String()+"/", issuer); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("HTTP: %v", err)
	}
	if _, err := ldap.Fetch(ctx, silent.Addr().String(), l.Issuing(), issuer); err == nil {
		t.Error("LDAP: no error")
	}
}
