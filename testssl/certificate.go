package testssl

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/profiles"
)

// ownCertificate is the server's own: an SSL_SERV of the lab, its key in memory only, with the OCSP answer about it.
type ownCertificate struct {
	mu      sync.Mutex
	current *tls.Certificate
	renew   time.Time // when a new one is made
	restale time.Time // when a new OCSP answer is asked for
}

// changed has the next handshake ask OCSP again, when it is this certificate whose status changed.
func (o *ownCertificate) changed(r ca.Record) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.current != nil && profiles.SerialHex(o.current.Leaf.SerialNumber) == r.Serial {
		o.restale = time.Time{}
	}
}

var ownHolder = profiles.Holder{Department: "Paris (75)", Organisation: "LABORATOIRE DE TEST", Structure: "10B0000000", Service: Names[0], DNSNames: Names[1:]}

// OwnAuthority is the authority of the server's own certificate.
func OwnAuthority() profiles.Authority {
	product, err := profiles.FindProduct(ownProduct)
	if err != nil {
		panic(err) // the table is embedded
	}
	a, err := product.IssuingAuthority()
	if err != nil {
		panic(err)
	}
	return a
}

const ownProduct = "ssl-serv"

// Prepare makes the server's own certificate, and the authorities that it needs. Where its authority is revoked it is a
// [ca.RevokedAuthorityError], and TestSSL has nothing to present.
func (s *Server) Prepare(ctx context.Context) error {
	s.own.mu.Lock()
	defer s.own.mu.Unlock()
	return s.makeOwn(ctx)
}

func (s *Server) makeOwn(ctx context.Context) error {
	key, err := s.lab.Config.Key.Generate()
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	issued, err := s.lab.Issue(ctx, ca.IssueRequest{Product: ownProduct, PublicKeys: map[string][]byte{"server": public}, Holder: ownHolder})
	if err != nil {
		return fmt.Errorf("certificate of the TestSSL server: %w", err)
	}
	leaf, err := issued.Records[0].Certificate()
	if err != nil {
		return err
	}
	s.own.current = &tls.Certificate{Certificate: [][]byte{leaf.Raw, issued.Chain[0]}, PrivateKey: key, Leaf: leaf}
	s.own.renew = leaf.NotBefore.Add(leaf.NotAfter.Sub(leaf.NotBefore) / 3 * 2)
	if soonest := s.now().Add(retry); s.own.renew.Before(soonest) { // a clock that is wrong
		s.own.renew = soonest
	}
	s.own.restale = time.Time{}
	return nil
}

// retry is how soon what failed is tried again.
const retry = time.Minute

// certificate is the server's own, renewed when two thirds of its validity are over, with an OCSP answer that has half of
// its own left at least. What fails is logged; the old one is presented until it is tried again.
func (s *Server) certificate(ctx context.Context) tls.Certificate {
	s.own.mu.Lock()
	defer s.own.mu.Unlock()
	now := s.now()
	if now.After(s.own.renew) {
		if err := s.makeOwn(ctx); err != nil {
			s.log.Error("own certificate", "err", err)
			s.own.renew = now.Add(retry)
		}
	}
	if !now.Before(s.own.restale) {
		staple, until, err := s.staple(ctx, s.own.current)
		if err != nil {
			s.log.Error("OCSP stapling", "err", err)
			staple, until = nil, now.Add(retry)
		}
		renewed := *s.own.current // handshakes under way have the old one
		renewed.OCSPStaple = staple
		s.own.current, s.own.restale = &renewed, until
	}
	return *s.own.current
}

// staple asks for the answer about the certificate, and tells when to ask again.
func (s *Server) staple(ctx context.Context, c *tls.Certificate) (der []byte, until time.Time, err error) {
	issuer, err := x509.ParseCertificate(c.Certificate[1])
	if err != nil {
		return nil, until, err
	}
	request, err := ocsp.CreateRequest(c.Leaf, issuer, nil)
	if err != nil {
		return nil, until, err
	}
	if der, err = s.responder.Answer(ctx, request); err != nil {
		return nil, until, err
	}
	answer, err := ocsp.ParseResponseForCert(der, c.Leaf, issuer)
	if err != nil {
		return nil, until, err
	}
	if answer.NextUpdate.IsZero() {
		return nil, until, errors.New("the answer does not say until when it holds")
	}
	return der, answer.ThisUpdate.Add(answer.NextUpdate.Sub(answer.ThisUpdate) / 2), nil
}
