// Package ordertest is an ordering platform for tests: a desk over a lab of its own, with the gate
// that finds who comes, and a TLS server that asks for a certificate.
package ordertest

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/outbox"
	"github.com/igc-lab/igc/people"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation"
	"github.com/igc-lab/igc/revocation/crl"
	"github.com/igc-lab/igc/services/orders"
	"github.com/igc-lab/igc/verify"
)

// Hospital and Clinic are the structures that the platform knows.
const (
	Hospital = "10B0057881"
	Clinic   = "10B0037750"
)

// Stand is an ordering platform over a lab of its own, with P-256 keys.
type Stand struct {
	*orders.Desk
	Lab    *labtest.CardLab
	Roles  *access.Registry
	Gate   *access.Gate
	Outbox *outbox.Outbox
}

// New makes one. Its clock is the machine's, since programs of others come to it.
func New(t testing.TB) *Stand {
	t.Helper()
	config := lab.DefaultConfig()
	config.Key = ca.P256
	s := &Stand{Lab: labtest.NewEmptyLab(t, config)}
	s.Lab.Now = time.Now().Truncate(time.Second)
	s.Outbox = outbox.New(outbox.Options{Documents: s.Lab, Now: s.Lab.Clock()})
	s.Desk = orders.New(orders.Options{Documents: s.Lab, Key: ca.P256, Seal: s.Lab, Now: s.Lab.Clock(), Mails: s.Outbox,
		Service: func(actor string) ca.Service {
			if actor == "" {
				return s.Lab
			}
			return s.Lab.As(actor)
		},
		Cards:      func(string) orders.Cards { return maker{s.Lab} },
		People:     people.New(people.Options{Records: s.Lab, Documents: s.Lab}),
		Structures: structures{}, URL: "https://localhost:8455/commandes/"})
	s.Roles = access.New(access.Options{Service: s.Lab, Now: s.Lab.Clock()})
	responder, err := revocation.NewResponder(t.Context(), s.Lab.Lab, s.Lab.Clock())
	if err != nil {
		t.Fatal(err)
	}
	s.Gate = access.NewGate(access.GateOptions{Registry: s.Roles, Verifier: verify.New(verify.Options{
		Authorities: s.Lab.Lab, CRLs: crl.NewIssuer(s.Lab.Lab, s.Lab.Clock()), OCSP: responder, Now: s.Lab.Clock()})})
	return s
}

// maker makes cards without the card desk.
type maker struct{ lab *labtest.CardLab }

func (m maker) MakeCard(ctx context.Context, order ca.CardOrder) error {
	order.PIN = "1234"
	_, _, err := ca.MakeCard(ctx, m.lab, m.lab.Home, order)
	return err
}

type structures struct{}

func (structures) Structure(_ context.Context, id string) (orders.Structure, bool, error) {
	name := map[string]string{Hospital: "HOPITAL TEST", Clinic: "CLINIQUE TEST"}[id]
	return orders.Structure{ID: id, Name: name, Department: "Paris (75)"}, name != "", nil
}

func (structures) Search(context.Context, string, int) ([]orders.Structure, error) { return nil, nil }

// Token makes a token of a role in the hospital, for everything that orders take.
func (s *Stand) Token(t testing.TB, name string, role access.Role) string {
	t.Helper()
	_, token, err := s.Roles.AddToken(t.Context(), access.Owner("cli:test"), access.Bearer{Name: name,
		Scopes: []access.Scope{access.ReadOrders, access.WriteOrders, access.RevokeScope},
		Grants: []access.Grant{{Role: role, Structure: Hospital}}})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// Grant gives the organisation of a certificate a role in the hospital.
func (s *Stand) Grant(t testing.TB, holder string, role access.Role) {
	t.Helper()
	if _, _, err := s.Roles.Grant(t.Context(), access.Owner("cli:test"), access.Grant{Holder: holder, Role: role,
		Structure: Hospital}); err != nil {
		t.Fatal(err)
	}
}

// Issue issues a product of one certificate to a service of the hospital, and returns it with its
// key.
func (s *Stand) Issue(t testing.TB, product, service string) (tls.Certificate, *ca.Record) {
	t.Helper()
	p, err := profiles.FindProduct(product)
	if err != nil {
		t.Fatal(err)
	}
	key := Key(t)
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	issued, err := s.Lab.Issue(t.Context(), ca.IssueRequest{Product: product,
		Holder: profiles.Holder{Structure: Hospital, Organisation: "HOPITAL TEST", Department: "Paris (75)",
			Service: service},
		PublicKeys: map[string][]byte{p.Certificates[0].Role: public}})
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{issued.Records[0].DER}, PrivateKey: key}, issued.Records[0]
}

// Key makes a key.
func Key(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Request makes a certification request in DER.
func Request(t testing.TB, key crypto.Signer, template *x509.CertificateRequest) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, template, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// PEM writes a block.
func PEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// Serve serves a handler over TLS and asks for a certificate, as the desk by card does.
func (s *Stand) Serve(t testing.TB, h http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MaxVersion: tls.VersionTLS12,
		DynamicRecordSizingDisabled: true}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// Client is a client of a server, with a certificate or without one.
func Client(server *httptest.Server, certificates ...tls.Certificate) *http.Client {
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots,
		Certificates: certificates}}}
}
