package web

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// CertificateOptions are what a server's certificate is made from. All are required.
type CertificateOptions struct {
	Server string // the server's name in messages, such as TestSSL
	CA     *ca.CA
	Holder profiles.Holder // [Names] are its DNS names
	OCSP   Responder
	Now    func() time.Time
	Log    *slog.Logger
}

// Responder is where OCSP answers come from. Requests and answers are DER.
type Responder interface {
	Answer(ctx context.Context, request []byte) ([]byte, error)
}

// Certificate is a TLS server's own certificate: an SSL_SERV of the lab, with its key in memory
// only, and the OCSP answer about it. Dates are compared with the present one at each handshake, so
// that both stay right when the clock was moved.
type Certificate struct {
	CertificateOptions

	mu      sync.Mutex
	current *tls.Certificate
	made    attempt
	staple  staple
	stapled attempt
}

// NewCertificate returns a certificate that [Certificate.Prepare] makes.
func NewCertificate(options CertificateOptions) *Certificate {
	return &Certificate{CertificateOptions: options}
}

// attempt is when something was last made, and why that failed; err is nil when it did not.
type attempt struct {
	at  time.Time
	err error
}

// recent reports whether it was less than [retry] ago. A time in the future is of a clock that was
// moved.
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

// valid reports whether clients accept the answer.
func (s staple) valid(now time.Time) bool {
	return s.der != nil && !now.Before(s.thisUpdate) && now.Before(s.nextUpdate)
}

// due reports whether another answer is to be asked for: half of the validity is over, or it has
// not begun.
func (s staple) due(now time.Time) bool {
	return !s.valid(now) || !now.Before(s.thisUpdate.Add(s.nextUpdate.Sub(s.thisUpdate)/2))
}

// StatusChanged has the next handshake ask OCSP again, when the changed status is this
// certificate's. It is for
// [ca.CA.WatchStatus].
func (c *Certificate) StatusChanged(change store.Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil && profiles.SerialHex(c.current.Leaf.SerialNumber) == change.Serial {
		c.staple, c.stapled = staple{}, attempt{}
	}
}

// renewable reports whether a new certificate is to be made: two thirds of the validity are over,
// or it has not begun.
func renewable(leaf *x509.Certificate, now time.Time) bool {
	return now.Before(leaf.NotBefore) || now.After(leaf.NotBefore.Add(leaf.NotAfter.Sub(leaf.NotBefore)/3*2))
}

// longest is the longest validity that macOS and iOS accept of a server's certificate, also below a
// root that the user added: 825 days, of which the certificate's last second is a part.
const longest = 825*24*time.Hour - time.Second

// serverProduct is the product of servers' certificates.
const serverProduct = "ssl-serv"

// ServerAuthority is the authority that issues servers' certificates.
func ServerAuthority() profiles.Authority {
	product, err := profiles.FindProduct(serverProduct)
	if err != nil {
		panic(err) // the table is embedded
	}
	a, err := product.IssuingAuthority()
	if err != nil {
		panic(err)
	}
	return a
}

// Prepare issues the certificate, and the authorities that it needs. When its authority is revoked
// the error is a [ca.RevokedAuthorityError], and the server has nothing to present.
func (c *Certificate) Prepare(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.issue(ctx)
}

// issue issues the certificate, in the layout of 2023, whose SSL_SERV are valid for two years.
func (c *Certificate) issue(ctx context.Context) error {
	key, err := c.CA.Policy.Generate()
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	issued, err := c.CA.Issue(ctx, ca.IssueRequest{Product: serverProduct, Generation: profiles.Gen2023, Longest: longest,
		PublicKeys: map[string][]byte{"server": public}, Holder: c.Holder})
	if err != nil {
		return i18n.Errorf("certificate of the %s server: %w", c.Server, err)
	}
	leaf, err := issued.Records[0].Certificate()
	if err != nil {
		return err
	}
	c.current = &tls.Certificate{Certificate: [][]byte{leaf.Raw, issued.Chain[0]}, PrivateKey: key, Leaf: leaf}
	c.made = attempt{at: c.Now()}
	c.staple, c.stapled = staple{}, attempt{}
	return nil
}

// retry is how soon a failed attempt is repeated, and how long a certificate is kept that a wrong
// clock finds ended.
const retry = time.Minute

// Current is the certificate to present. It is renewed when two thirds of its validity are over,
// and its OCSP answer when half of the answer's is. A failure is logged and is among
// [Certificate.Problems]; the old one is presented until the next attempt.
func (c *Certificate) Current(ctx context.Context) tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.Now()
	if renewable(c.current.Leaf, now) && !c.made.recent(now) {
		if err := c.issue(ctx); err != nil {
			c.Log.Error("server certificate", "err", err)
			c.made = attempt{now, err}
		}
	}
	if c.staple.due(now) && !c.stapled.recent(now) {
		answer, err := c.askStaple(ctx)
		if err != nil {
			c.Log.Error("OCSP stapling", "err", err)
		} else {
			c.staple = answer
		}
		c.stapled = attempt{now, err}
	}
	presented := *c.current // handshakes under way have the old one
	if presented.OCSPStaple = nil; c.staple.valid(now) {
		presented.OCSPStaple = c.staple.der
	}
	return presented
}

// askStaple asks the responder about the certificate.
func (c *Certificate) askStaple(ctx context.Context) (staple, error) {
	issuer, err := x509.ParseCertificate(c.current.Certificate[1])
	if err != nil {
		return staple{}, err
	}
	request, err := ocsp.CreateRequest(c.current.Leaf, issuer, nil)
	if err != nil {
		return staple{}, err
	}
	der, err := c.OCSP.Answer(ctx, request)
	if err != nil {
		return staple{}, err
	}
	answer, err := ocsp.ParseResponseForCert(der, c.current.Leaf, issuer)
	if err != nil {
		return staple{}, err
	}
	if answer.NextUpdate.IsZero() {
		return staple{}, errors.New("the answer does not say until when it is valid")
	}
	return staple{der, answer.ThisUpdate, answer.NextUpdate}, nil
}

// Problem is something that is wrong with a server's certificate, or is going to be.
type Problem struct {
	Failing bool      // clients notice it
	What    string    // certificate or staple
	Text    i18n.Text // with what to do
	At      time.Time // the end of validity that it is about
}

// Problems lists what is wrong with the certificate and its stapled OCSP answer, as clients meet
// them now.
func (c *Certificate) Problems(ctx context.Context) (problems []Problem) {
	ctx, cancel := Detach(ctx)
	defer cancel()
	c.Current(ctx) // what is due is made, as in a handshake
	c.mu.Lock()
	defer c.mu.Unlock()
	now, leaf := c.Now(), c.current.Leaf
	add := func(failing bool, what string, at time.Time, err error, format i18n.Text, args ...any) {
		text := format.Format(args...)
		if err != nil {
			text = i18n.Text{
				FR: "%s ; en faire un nouveau échoue : %s ; remédiez-y, cela est retenté chaque minute",
				EN: "%s; making a new one fails: %s; put that right, it is tried again every minute",
			}.Format(text, err)
		}
		problems = append(problems, Problem{Failing: failing, What: what, Text: text, At: at})
	}
	switch {
	case now.Before(leaf.NotBefore):
		add(true, "certificate", leaf.NotBefore, c.made.err, i18n.Text{
			FR: "le certificat de %s n'est valide que depuis le %s",
			EN: "%s's certificate is valid only from %s"}, c.Server, i18n.Date(leaf.NotBefore))
	case !now.Before(leaf.NotAfter):
		add(true, "certificate", leaf.NotAfter, c.made.err, i18n.Text{
			FR: "le certificat de %s a expiré le %s",
			EN: "%s's certificate expired on %s"}, c.Server, i18n.Date(leaf.NotAfter))
	case c.made.err != nil && renewable(leaf, now):
		add(false, "certificate", leaf.NotAfter, c.made.err, i18n.Text{
			FR: "le certificat de %s est valide jusqu'au %s",
			EN: "%s's certificate is valid until %s"}, c.Server, i18n.Date(leaf.NotAfter))
	}
	if !c.staple.valid(now) {
		add(false, "staple", time.Time{}, c.stapled.err, i18n.Text{
			FR: "%s ne joint pas de réponse OCSP : les clients qui en exigent une refusent la connexion",
			EN: "%s staples no OCSP answer: clients that require one refuse the connection"}, c.Server)
	}
	return problems
}
