package orders_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/services/orders"
)

// csrOf makes a certification request with a subject and host names.
func csrOf(t testing.TB, subject []byte, names ...string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{RawSubject: subject,
		DNSNames: names}, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

func certOf(t testing.TB, o *orders.Order) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode([]byte(o.Certificates[0].PEM))
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// An order in one step: the structure is the request's, or the caller's only one; it is refused to
// whom either step is refused, and nothing is written then.
func TestEnrol(t *testing.T) {
	s, ctx := newStand(t), t.Context()
	o, err := s.Enrol(ctx, technical, orders.Request{Usage: "SSL_SERV", CSR: request(t)})
	if err != nil {
		t.Fatal(err)
	}
	if o.State != orders.Withdrawn || o.Structure != hospital || o.Holder.Service != "srv.test" ||
		o.Withdrawn.Actor != technical.Actor || len(o.Certificates) != 1 {
		t.Errorf("%+v", o)
	}
	_, err = s.Revoke(ctx, technical, o.Number, orders.Revocation{Code: code, Reason: "superseded"})
	withCode(t, err, orders.CodeNoCode)

	keyed, err := s.Enrol(ctx, technical, orders.Request{Usage: "AUTH_CLI", Service: "DMP", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Download(ctx, technical, keyed.Number, "", "", password); err != nil {
		t.Error(err)
	}
	before, err := s.List(ctx, access.Owner("cli:test"), orders.Query{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Enrol(ctx, technical, orders.Request{Usage: "AUTH_CLI", Service: "DMP"})
	withCode(t, err, orders.CodeKeyChoice)
	_, err = s.Enrol(ctx, agent, orders.Request{Usage: "CPE", CSR: request(t)})
	if err == nil {
		t.Error("a card was enrolled")
	}
	_, err = s.Enrol(ctx, technical, orders.Request{Usage: "S/MIME", CSR: request(t)})
	withCode(t, err, orders.CodeRequest)
	_, err = s.Enrol(ctx, foreign, orders.Request{Usage: "SSL_SERV", Structure: hospital, CSR: request(t)})
	refusedAs(t, err, access.RefusedStructure)
	_, err = s.Enrol(ctx, holding(access.Holder, "899700209812", ""), orders.Request{Usage: "SSL_SERV",
		Structure: hospital, CSR: request(t)})
	refusedAs(t, err, access.RefusedRole)
	_, err = s.Enrol(ctx, holding(access.Holder, "899700209812", ""), orders.Request{Usage: "SSL_SERV",
		CSR: request(t)})
	refusedAs(t, err, access.RefusedRole)
	_, err = s.Enrol(ctx, access.Owner("cli:test"), orders.Request{Usage: "SSL_SERV", CSR: request(t)})
	withCode(t, err, orders.CodeStructure)
	after, err := s.List(ctx, access.Owner("cli:test"), orders.Query{})
	if err != nil || len(after.Orders) != len(before.Orders) {
		t.Errorf("%d orders, %d after refusals, %v", len(before.Orders), len(after.Orders), err)
	}
}

// A key of another holder is refused, and leaves neither an order nor a place in a list.
func TestEnrolKeyOfAnother(t *testing.T) {
	s, ctx := newStand(t), t.Context()
	csr := request(t)
	if _, err := s.Enrol(ctx, technical, orders.Request{Usage: "SSL_SERV", CSR: csr}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err := s.Enrol(ctx, foreign, orders.Request{Usage: "SSL_SERV", CSR: csr})
		if store.KindOf(err) != store.Conflict {
			t.Errorf("a key of another holder: %v", err)
		}
	}
	list, err := s.List(ctx, access.Owner("cli:test"), orders.Query{})
	if err != nil || len(list.Orders) != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	for _, kind := range []string{"orders.order", "orders.index"} {
		docs, err := s.lab.ScanDocuments(ctx, store.DocumentKind{Name: kind}, "")
		if want := map[string]int{"orders.order": 1, "orders.index": 3}[kind]; err != nil || len(docs) != want {
			t.Errorf("%d documents of %s, %v", len(docs), kind, err)
		}
	}
}

// A certificate is authority for another with the same names, and for nothing else.
func TestReenrol(t *testing.T) {
	s, ctx := newStand(t), t.Context()
	enrol := func() *x509.Certificate {
		t.Helper()
		o, err := s.Enrol(ctx, technical, orders.Request{Usage: "SSL_SERV", CSR: csrOf(t, nil, "srv.test",
			"two.test")})
		if err != nil {
			t.Fatal(err)
		}
		return certOf(t, o)
	}
	cert := enrol()
	o, err := s.Reenrol(ctx, nil, cert.Raw, csrOf(t, cert.RawSubject, "two.test", "srv.test"))
	if err != nil {
		t.Fatal(err)
	}
	renewed := certOf(t, o)
	if string(renewed.RawSubject) != string(cert.RawSubject) || renewed.SerialNumber.Cmp(cert.SerialNumber) == 0 ||
		o.Asked.Actor != "certificate:"+hospital+"/srv.test" || o.Usage != "SSL_SERV" {
		t.Errorf("%v, %+v", renewed.Subject, o)
	}
	if o, err := s.Get(ctx, agent, o.Number); err != nil || o.State != orders.Withdrawn {
		t.Errorf("%+v, %v", o, err)
	}

	other := *cert
	other.Subject.CommonName = "else.test"
	elsewhere, err := asn1.Marshal(other.Subject.ToRDNSequence())
	if err != nil {
		t.Fatal(err)
	}
	for name, csr := range map[string]string{
		"another subject": csrOf(t, elsewhere, "srv.test", "two.test"),
		"no subject":      csrOf(t, nil, "srv.test", "two.test"),
		"one name less":   csrOf(t, cert.RawSubject, "srv.test"),
		"one name more":   csrOf(t, cert.RawSubject, "srv.test", "two.test", "three.test"),
		"no names":        csrOf(t, cert.RawSubject),
	} {
		if _, err := s.Reenrol(ctx, nil, cert.Raw, csr); orders.CodeOf(err) != orders.CodeRenewNames {
			t.Errorf("%s: %v", name, err)
		}
	}
	good := csrOf(t, cert.RawSubject, "srv.test", "two.test")
	_, err = s.Reenrol(ctx, nil, cert.Raw, good[:len(good)/2])
	withCode(t, err, orders.CodeRequest)
	forged := append([]byte{}, cert.Raw...)
	forged[len(forged)-1] ^= 1
	_, err = s.Reenrol(ctx, nil, forged, good)
	withCode(t, err, orders.CodeRenewCertificate)
	_, err = s.Reenrol(ctx, nil, []byte("not a certificate"), good)
	withCode(t, err, orders.CodeRenewCertificate)

	s.lab.IssueCard(t, "alain", "authentication", "signature")
	card, err := s.lab.Cards[0].Certificate()
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Reenrol(ctx, nil, card.Raw, csrOf(t, card.RawSubject))
	withCode(t, err, orders.CodeRenewProduct)

	if _, err := s.RevokeSerial(ctx, agent, fmt.Sprintf("%X", renewed.SerialNumber), "superseded"); err != nil {
		t.Fatal(err)
	}
	_, err = s.Reenrol(ctx, nil, renewed.Raw, good)
	withCode(t, err, orders.CodeRenewStatus)
	held := enrol()
	s.lab.Change(t, ca.StatusChange{Serial: fmt.Sprintf("%X", held.SerialNumber), Reason: "certificateHold"})
	_, err = s.Reenrol(ctx, nil, held.Raw, good)
	withCode(t, err, orders.CodeRenewStatus)
	s.lab.Now = cert.NotAfter.Add(time.Second)
	_, err = s.Reenrol(ctx, nil, cert.Raw, good)
	withCode(t, err, orders.CodeRenewStatus)
}

// A process that dies before or after any write of an order in one step: who reads the order next
// has its certificate, or there is no order and no certificate.
func TestEnrolInterrupted(t *testing.T) {
	for _, after := range []bool{false, true} {
		for n := 0; ; n++ {
			s, ctx := newStand(t), t.Context()
			s.lab.Ensure(ctx, nil)
			dies := &dying{Service: s.lab, left: n, after: after}
			options := s.options
			options.Documents, options.Mails = dies, nil
			options.Service = func(string) ca.Service { return dies }
			_, err := orders.New(options).Enrol(ctx, technical, orders.Request{Usage: "SSL_SERV", CSR: request(t)})
			if err == nil {
				if n < 2 {
					t.Errorf("an order in one step has %d writes", n)
				}
				break
			}
			if !errors.Is(err, errDied) {
				t.Fatal(err)
			}
			list, err := s.List(ctx, technical, orders.Query{})
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range list.Orders {
				if o, err = s.Get(ctx, technical, o.Number); err != nil || o.State != orders.Withdrawn ||
					len(o.Certificates) != 1 {
					t.Errorf("write %d, after %v: %+v, %v", n, after, o, err)
				}
			}
			records, err := s.lab.List(ctx, ca.Filter{EndEntities: true})
			if err != nil || len(records) != len(list.Orders) {
				t.Errorf("write %d, after %v: %d orders, %d certificates, %v", n, after, len(list.Orders), len(records),
					err)
			}
		}
	}
}
