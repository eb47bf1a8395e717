package testssl

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/profiles/inspect"
	"github.com/igc-lab/igc/revocation/crl"
)

// Lists is where CRLs come from: [crl.Issuer], or one that is wrong on purpose.
type Lists interface {
	Get(ctx context.Context, a profiles.Authority) (*crl.CRL, error)
}

// Responder is where OCSP answers come from: [ocsp.Responder], or one that is down.
type Responder interface {
	Answer(ctx context.Context, request []byte) ([]byte, error)
}

// checker holds what reports are made from.
type checker struct {
	lab       *ca.Lab
	lists     Lists
	responder Responder
	now       func() time.Time

	mu      sync.Mutex
	known   *authorities
	crls    map[profiles.Authority]*readCRL
	answers map[string]*ocsp.Response
}

// report looks at what a TLS client presented. When the server itself fails, or the context ends before the checks do,
// there is no verdict: err says so, and the rest is not to be shown.
func (c *checker) report(ctx context.Context, state *tls.ConnectionState) *Report {
	r := &Report{At: c.now().UTC(), TLS: TLS{tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite), len(state.PeerCertificates)},
		Checks: []Check{}, Headers: []Header{}}
	if len(state.PeerCertificates) == 0 {
		r.add("TLS-NOCERT", "aucun certificat, en "+r.TLS.words(), "no certificate, over "+r.TLS.words())
		r.conclude()
		return r
	}
	for _, p := range state.PeerCertificates {
		r.presented = append(r.presented, p.Raw)
	}
	leaf := state.PeerCertificates[0]
	r.PEM = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}))
	known, err := c.authorities(ctx)
	if err != nil {
		r.err = err
		return r
	}
	f, err := c.facts(known, state.PeerCertificates)
	if err != nil {
		r.add("CERT-UNREADABLE", err.Error(), err.Error())
		r.conclude()
		return r
	}
	code := Code("TLS-12")
	if state.Version == tls.VersionTLS13 {
		code = "TLS-13"
	}
	sent := len(r.presented)
	r.add(code, fmt.Sprintf("%s ; certificats envoyés : %d", r.TLS.words(), sent), fmt.Sprintf("%s; certificates sent: %d", r.TLS.words(), sent))
	r.Checks = append(r.Checks, f.checks...)
	r.issuer = f.issuer
	c.dates(r, leaf)
	usage(r, f.cert)
	c.revocation(ctx, r, leaf, r.issuer)
	if r.err = ctx.Err(); r.err != nil { // a check that was cut short says nothing of the certificate
		return r
	}
	profile(r, f.cert)
	r.conclude()
	r.Card = f.card
	r.show(f.issuerName, f.subject, f.cert)
	r.Headers = headers(r, leaf, c.now())
	return r
}

// facts are what is the same whenever the same certificates are presented, as long as the lab has the same authorities:
// a visitor's page, live line and reloads are about one card.
type facts struct {
	cert                *inspect.Certificate
	card                *Card
	issuerName, subject profiles.Name
	checks              []Check // of the chain and the signature
	issuer              *ca.Issuer
}

// maxFacts bounds the cards whose facts are kept.
const maxFacts = 1000

func (c *checker) facts(known *authorities, presented []*x509.Certificate) (f *facts, err error) {
	sum := sha256.New()
	for _, p := range presented {
		sum.Write(p.Raw) // DER says its own length
	}
	key := [sha256.Size]byte(sum.Sum(nil))
	c.mu.Lock()
	f = known.cards[key]
	c.mu.Unlock()
	if f != nil {
		return f, nil
	}
	f = &facts{}
	leaf := presented[0]
	if f.cert, err = inspect.NewCertificate(leaf.Raw, "TLS", c.now()); err != nil {
		return nil, err
	}
	f.issuerName, _ = profiles.ParseName(leaf.RawIssuer) // read once already
	f.subject, _ = profiles.ParseName(leaf.RawSubject)
	f.card = takeApart(f.cert, leaf)
	var r Report
	f.issuer = known.chain(&r, leaf, presented[1:], f.cert, c.now())
	f.checks = r.Checks
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(known.cards) >= maxFacts {
		clear(known.cards)
	}
	known.cards[key] = f
	return f, nil
}

func (t TLS) words() string { return t.Version + ", " + t.Suite }

// soon is when an end of validity is told beforehand.
const soon = 30 * 24 * time.Hour

func (c *checker) dates(r *Report, leaf *x509.Certificate) {
	now, from, to := c.now(), leaf.NotBefore, leaf.NotAfter
	days := func(d time.Duration) int { return int(d / (24 * time.Hour)) }
	fr, en := fmt.Sprintf("du %s au %s", inFrench(from), inFrench(to)), fmt.Sprintf("from %s to %s", inEnglish(from), inEnglish(to))
	left := days(to.Sub(now))
	var check *Check
	switch {
	case now.After(to):
		ago := days(now.Sub(to))
		check = r.add("DATE-EXPIRED", fmt.Sprintf("expiré depuis le %s (%d jours)", inFrench(to), ago), fmt.Sprintf("expired on %s (%d days ago)", inEnglish(to), ago))
	case now.Before(from):
		in := days(from.Sub(now))
		check = r.add("DATE-NOT-YET", fmt.Sprintf("valable seulement à partir du %s (dans %d jours)", inFrench(from), in),
			fmt.Sprintf("valid only from %s (in %d days)", inEnglish(from), in))
	case to.Sub(now) < soon:
		check = r.add("DATE-SOON", fmt.Sprintf("%s, encore %d jours seulement", fr, left), fmt.Sprintf("%s, only %d days left", en, left))
	default:
		check = r.add("DATE-OK", fmt.Sprintf("%s, encore %d jours", fr, left), fmt.Sprintf("%s, %d days left", en, left))
	}
	check.Details = []Text{{FR: "horloge du serveur : " + inFrench(now), EN: "server's clock: " + inEnglish(now)}}
}

func usage(r *Report, c *inspect.Certificate) {
	seen := strings.Join(append(slices.Clone(c.KeyUsage), c.Purposes...), ", ")
	switch {
	case slices.Contains(c.KeyUsage, "digitalSignature") && slices.Contains(c.Purposes, "clientAuth"):
		r.add("USAGE-OK", "authentification ("+seen+")", "authentication ("+seen+")")
	case slices.Contains(c.KeyUsage, "nonRepudiation"):
		r.add("USAGE-NOT-AUTH", "certificat de SIGNATURE ("+seen+")", "SIGNATURE certificate ("+seen+")")
	case seen == "":
		r.add("USAGE-NOT-AUTH", "aucun usage n'est indiqué", "no usage is stated")
	default:
		r.add("USAGE-NOT-AUTH", "il n'authentifie pas ("+seen+")", "it does not authenticate ("+seen+")")
	}
}

// profile tells the departures from the profile in the words of igc inspect.
func profile(r *Report, c *inspect.Certificate) {
	var check *Check
	switch {
	case c.Profile == "":
		check = r.add("PROFILE-UNKNOWN", "aucun profil connu", "no known profile")
	case len(c.Findings) > 0:
		check = r.add("PROFILE-DEVIATES", fmt.Sprintf("%s ; écarts : %d", c.Profile, len(c.Findings)), fmt.Sprintf("%s; departures: %d", c.Profile, len(c.Findings)))
	default:
		known := map[profiles.Status]string{profiles.Attested: "attesté", profiles.Modelled: "modélisé"}[c.Status]
		check = r.add("PROFILE-OK", c.Profile+" ("+known+")", c.Profile+" ("+string(c.Status)+")")
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

// weak tells whether the key is shorter than today's servers want.
func weak(leaf *x509.Certificate) bool {
	key, ok := leaf.PublicKey.(*rsa.PublicKey)
	return ok && key.N.BitLen() < 2048
}
