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
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation"
)

// ownCertificate is the server's own: an SSL_SERV of the lab, its key in memory only, with the OCSP answer about it.
// Dates are compared with the present one at each handshake, so that it holds when the clock was moved.
type ownCertificate struct {
	mu      sync.Mutex
	current *tls.Certificate
	made    attempt
	staple  staple
	stapled attempt
}

// attempt is when something was last made, and why that failed; err is nil when it did not.
type attempt struct {
	at  time.Time
	err error
}

// recent tells whether it was less than [retry] ago. What is in the future was done by another clock.
func (a attempt) recent(now time.Time) bool {
	since := now.Sub(a.at)
	return since >= 0 && since < retry
}

// staple is an OCSP answer; the zero staple is none.
type staple struct {
	der        []byte
	thisUpdate time.Time
	nextUpdate time.Time
}

// valid tells whether clients take the answer.
func (s staple) valid(now time.Time) bool {
	return s.der != nil && !now.Before(s.thisUpdate) && now.Before(s.nextUpdate)
}

// due tells whether another answer is to be asked for: half of the validity is over, or the answer is of the future.
func (s staple) due(now time.Time) bool {
	return !s.valid(now) || !now.Before(s.thisUpdate.Add(s.nextUpdate.Sub(s.thisUpdate)/2))
}

// changed has the next handshake ask OCSP again, when it is this certificate whose status changed.
func (o *ownCertificate) changed(r ca.Record) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.current != nil && profiles.SerialHex(o.current.Leaf.SerialNumber) == r.Serial {
		o.staple, o.stapled = staple{}, attempt{}
	}
}

// renewable tells whether a new certificate is to be made: two thirds of the validity are over, or it has not begun.
func renewable(leaf *x509.Certificate, now time.Time) bool {
	return now.Before(leaf.NotBefore) || now.After(leaf.NotBefore.Add(leaf.NotAfter.Sub(leaf.NotBefore)/3*2))
}

// longest is the longest validity that macOS and iOS accept of a server's certificate, also below a root that the user
// added: 825 days, of which the certificate's last second is a part.
const longest = 825*24*time.Hour - time.Second

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

// makeOwn makes the server's own certificate, in the layout of 2023, whose SSL_SERV are valid for two years.
func (s *Server) makeOwn(ctx context.Context) error {
	key, err := s.lab.Config.Key.Generate()
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	issued, err := s.lab.Issue(ctx, ca.IssueRequest{Product: ownProduct, Generation: profiles.Gen2023, Longest: longest,
		PublicKeys: map[string][]byte{"server": public}, Holder: ownHolder})
	if err != nil {
		return fmt.Errorf("certificate of the TestSSL server: %w", err)
	}
	leaf, err := issued.Records[0].Certificate()
	if err != nil {
		return err
	}
	s.own.current = &tls.Certificate{Certificate: [][]byte{leaf.Raw, issued.Chain[0]}, PrivateKey: key, Leaf: leaf}
	s.own.made = attempt{at: s.now()}
	s.own.staple, s.own.stapled = staple{}, attempt{}
	return nil
}

// retry is how soon what failed is tried again, and how long a certificate is kept that a wrong clock finds ended.
const retry = time.Minute

// certificate is the server's own, renewed when two thirds of its validity are over, with an OCSP answer that has half of
// its own left at least. What fails is logged, and told by [Server.Problems]; the old one is presented until it is tried again.
func (s *Server) certificate(ctx context.Context) tls.Certificate {
	s.own.mu.Lock()
	defer s.own.mu.Unlock()
	now := s.now()
	if renewable(s.own.current.Leaf, now) && !s.own.made.recent(now) {
		if err := s.makeOwn(ctx); err != nil {
			s.log.Error("own certificate", "err", err)
			s.own.made = attempt{now, err}
		}
	}
	if s.own.staple.due(now) && !s.own.stapled.recent(now) {
		answer, err := s.askStaple(ctx, s.own.current)
		if err != nil {
			s.log.Error("OCSP stapling", "err", err)
		} else {
			s.own.staple = answer
		}
		s.own.stapled = attempt{now, err}
	}
	presented := *s.own.current // handshakes under way have the old one
	if presented.OCSPStaple = nil; s.own.staple.valid(now) {
		presented.OCSPStaple = s.own.staple.der
	}
	return presented
}

// askStaple asks for the answer about the certificate.
func (s *Server) askStaple(ctx context.Context, c *tls.Certificate) (staple, error) {
	issuer, err := x509.ParseCertificate(c.Certificate[1])
	if err != nil {
		return staple{}, err
	}
	request, err := ocsp.CreateRequest(c.Leaf, issuer, nil)
	if err != nil {
		return staple{}, err
	}
	der, err := s.responder.Answer(ctx, request)
	if err != nil {
		return staple{}, err
	}
	answer, err := ocsp.ParseResponseForCert(der, c.Leaf, issuer)
	if err != nil {
		return staple{}, err
	}
	if answer.NextUpdate.IsZero() {
		return staple{}, errors.New("the answer does not say until when it is valid")
	}
	return staple{der, answer.ThisUpdate, answer.NextUpdate}, nil
}

// Problems tells what is wrong with the server's own certificate and its stapled OCSP answer, as visitors meet them now.
func (s *Server) Problems(ctx context.Context) (problems []revocation.Problem) {
	ctx, cancel := web.Detach(ctx)
	defer cancel()
	s.certificate(ctx) // what is due is made, as in a handshake
	s.own.mu.Lock()
	defer s.own.mu.Unlock()
	now, leaf := s.now(), s.own.current.Leaf
	add := func(level revocation.Level, what, text string, at time.Time, err error) {
		if err != nil {
			text += fmt.Sprintf("; making a new one fails: %v; put that right, it is tried again every minute", err)
		}
		problems = append(problems, revocation.Problem{Level: level, What: what, Text: text, At: at})
	}
	until := leaf.NotAfter.UTC().Format(time.RFC3339)
	switch {
	case now.Before(leaf.NotBefore):
		add(revocation.Failing, "certificate", "TestSSL's certificate is of the future, "+leaf.NotBefore.UTC().Format(time.RFC3339), leaf.NotBefore, s.own.made.err)
	case !now.Before(leaf.NotAfter):
		add(revocation.Failing, "certificate", "TestSSL's certificate ended on "+until, leaf.NotAfter, s.own.made.err)
	case s.own.made.err != nil && renewable(leaf, now):
		add(revocation.Warning, "certificate", "TestSSL's certificate is valid until "+until, leaf.NotAfter, s.own.made.err)
	}
	if !s.own.staple.valid(now) {
		add(revocation.Warning, "staple", "TestSSL staples no OCSP answer: clients that require one refuse the connection", time.Time{}, s.own.stapled.err)
	}
	return problems
}
