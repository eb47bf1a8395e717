package verify

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/profiles/inspect"
	"github.com/igc-lab/igc/revocation/crl"
)

// Authorities is where the trusted authorities come from: [lab.Lab].
type Authorities interface {
	Authorities(ctx context.Context) ([]ca.AuthorityInfo, error)
}

// CRLs is where CRLs come from: [crl.Issuer].
type CRLs interface {
	Get(ctx context.Context, a profiles.Authority) (*crl.CRL, error)
}

// Responder is where OCSP answers come from: [ocsp.Responder]. Requests and answers are DER.
type Responder interface {
	Answer(ctx context.Context, request []byte) ([]byte, error)
}

// Options are what a verifier verifies with. All are required.
type Options struct {
	Authorities Authorities
	CRLs        CRLs
	OCSP        Responder
	Now         func() time.Time
}

// Verifier checks certificates. It keeps what it read from the authorities, CRLs and OCSP answers,
// in bounded memory, and serves any number of goroutines.
type Verifier struct {
	Options

	mu      sync.Mutex
	known   *authorities
	crls    map[profiles.Authority]*searchedCRL
	answers map[string]*ocsp.Response
}

// New makes a verifier.
func New(options Options) *Verifier {
	return &Verifier{Options: options, crls: map[profiles.Authority]*searchedCRL{},
		answers: map[string]*ocsp.Response{}}
}

// ClientCAs are the authorities to name when a TLS server asks for a certificate: roots and issuing
// authorities, since a browser offers a card only when its direct issuer is named.
func (v *Verifier) ClientCAs(ctx context.Context) (*x509.CertPool, error) {
	known, err := v.authorities(ctx)
	if err != nil {
		return nil, err
	}
	return known.all, nil
}

// Check reports on the certificates that a TLS client presented: state.PeerCertificates, the
// client's own first. An error is the verifier's own failure, or the end of the context; there is
// no verdict then.
func (v *Verifier) Check(ctx context.Context, state *tls.ConnectionState) (*Report, error) {
	presented := state.PeerCertificates
	r := &Report{At: v.Now().UTC(), Checks: []Check{}, Headers: []Header{},
		TLS: TLS{tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite), len(presented)}}
	if len(presented) == 0 {
		r.add("TLS-NOCERT", Text{FR: "aucun certificat, en %s", EN: "no certificate, over %s"}.Format(r.TLS))
		r.conclude()
		return r, nil
	}
	leaf := presented[0]
	r.PEM = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}))
	known, err := v.authorities(ctx)
	if err != nil {
		return nil, err
	}
	f, err := v.facts(known, presented)
	if err != nil {
		r.add("CERT-UNREADABLE", i18n.TextOf(err))
		r.conclude()
		return r, nil
	}
	code := Code("TLS-12")
	if state.Version == tls.VersionTLS13 {
		code = "TLS-13"
	}
	r.add(code, Text{FR: "%s ; certificats envoyés : %d",
		EN: "%s; certificates sent: %d"}.Format(r.TLS, len(presented)))
	r.Checks = append(r.Checks, f.checks...)
	r.issuer = f.issuer
	v.dates(r, leaf)
	usage(r, f.cert)
	v.revocation(ctx, r, leaf)
	if err := ctx.Err(); err != nil { // a check that was cut short says nothing about the certificate
		return nil, err
	}
	profile(r, f.cert)
	r.conclude()
	r.Card, r.holder = f.card, f.cert.Holder
	r.fillCommands(f.cert.Serial)
	r.Screen = screen(f.issuerName, f.subject, f.cert, r.verification())
	r.Headers = headers(r, leaf, v.Now())
	return r, nil
}

// facts are what is the same whenever the same certificates are presented, as long as the lab has
// the same authorities: a page, its events and its reloads are about one card.
type facts struct {
	cert                *inspect.Certificate
	card                *Card
	issuerName, subject profiles.Name
	checks              []Check // chain and signature
	issuer              *issuer
}

// maxFacts bounds the certificates whose facts are kept.
const maxFacts = 1000

func (v *Verifier) facts(known *authorities, presented []*x509.Certificate) (f *facts, err error) {
	sum := sha256.New()
	for _, p := range presented {
		sum.Write(p.Raw) // DER contains its own length
	}
	key := [sha256.Size]byte(sum.Sum(nil))
	v.mu.Lock()
	f = known.facts[key]
	v.mu.Unlock()
	if f != nil {
		return f, nil
	}
	f = &facts{}
	leaf := presented[0]
	if f.cert, err = inspect.NewCertificate(leaf.Raw, "TLS", v.Now()); err != nil {
		return nil, err
	}
	f.issuerName, _ = profiles.ParseName(leaf.RawIssuer) // inspect has read both names already
	f.subject, _ = profiles.ParseName(leaf.RawSubject)
	f.card = describe(f.cert)
	var r Report
	f.issuer = known.chain(&r, leaf, presented[1:], f.cert, v.Now())
	f.checks = r.Checks
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(known.facts) >= maxFacts {
		clear(known.facts)
	}
	known.facts[key] = f
	return f, nil
}

// soon is how long before its end a certificate gets a note.
const soon = 30 * 24 * time.Hour

func (v *Verifier) dates(r *Report, leaf *x509.Certificate) {
	now, from, to := v.Now(), leaf.NotBefore, leaf.NotAfter
	days := func(d time.Duration) int { return int(d / (24 * time.Hour)) }
	left := days(to.Sub(now))
	var check *Check
	switch {
	case now.After(to):
		check = r.add("DATE-EXPIRED", Text{FR: "expiré depuis le %s (%d jours)", EN: "expired on %s (%d days ago)"}.
			Format(i18n.Date(to), days(now.Sub(to))))
	case now.Before(from):
		check = r.add("DATE-NOT-YET", Text{FR: "valable seulement à partir du %s (dans %d jours)",
			EN: "valid only from %s (in %d days)"}.
			Format(i18n.Date(from), days(from.Sub(now))))
	case to.Sub(now) < soon:
		check = r.add("DATE-SOON", Text{FR: "du %s au %s, encore %d jours seulement",
			EN: "from %s to %s, only %d days left"}.
			Format(i18n.Date(from), i18n.Date(to), left))
	default:
		check = r.add("DATE-OK", Text{FR: "du %s au %s, encore %d jours", EN: "from %s to %s, %d days left"}.
			Format(i18n.Date(from), i18n.Date(to), left))
	}
	check.Details = []Text{Text{FR: "horloge du serveur : %s", EN: "server's clock: %s"}.Format(i18n.Date(now))}
}

func usage(r *Report, c *inspect.Certificate) {
	seen := strings.Join(append(slices.Clone(c.KeyUsage), c.Purposes...), ", ")
	switch {
	case slices.Contains(c.KeyUsage, "digitalSignature") && slices.Contains(c.Purposes, "clientAuth"):
		r.add("USAGE-OK", Text{FR: "authentification (%s)", EN: "authentication (%s)"}.Format(seen))
	case slices.Contains(c.KeyUsage, "nonRepudiation"):
		r.add("USAGE-NOT-AUTH", Text{FR: "certificat de SIGNATURE (%s)", EN: "SIGNATURE certificate (%s)"}.Format(seen))
	case seen == "":
		r.add("USAGE-NOT-AUTH", Text{FR: "aucun usage n'est indiqué", EN: "no usage is stated"})
	default:
		r.add("USAGE-NOT-AUTH", Text{FR: "il n'authentifie pas (%s)", EN: "it does not authenticate (%s)"}.Format(seen))
	}
}

// profile reports the departures from the profile in the words of igc inspect.
func profile(r *Report, c *inspect.Certificate) {
	var check *Check
	switch {
	case c.Profile == "":
		check = r.add("PROFILE-UNKNOWN", Text{FR: "aucun profil connu", EN: "no known profile"})
	case len(c.Findings) > 0:
		check = r.add("PROFILE-DEVIATES", Text{FR: "%s ; écarts : %d",
			EN: "%s; departures: %d"}.Format(c.Profile, len(c.Findings)))
	default:
		status := Text{FR: map[profiles.Status]string{profiles.Attested: "attesté",
			profiles.Modelled: "modélisé"}[c.Status], EN: string(c.Status)}
		check = r.add("PROFILE-OK", Text{FR: "%s (%s)", EN: "%s (%s)"}.Format(c.Profile, status))
	}
	for _, f := range c.Findings {
		check.Details = append(check.Details, Text{FR: f.FR, EN: f.EN})
	}
	for _, n := range c.Notes {
		if !strings.HasPrefix(n.Code, "DATE-") && !strings.HasPrefix(n.Code, "USAGE-") { // checks of their own
			check.Details = append(check.Details, Text{FR: n.FR, EN: n.EN})
		}
	}
}

// weakKey reports whether the key is shorter than today's servers want.
func weakKey(leaf *x509.Certificate) bool {
	key, ok := leaf.PublicKey.(*rsa.PublicKey)
	return ok && key.N.BitLen() < 2048
}
