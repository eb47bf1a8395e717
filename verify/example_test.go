package verify_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/revocation"
	"github.com/igc-lab/igc/revocation/crl"
	"github.com/igc-lab/igc/verify"
)

// A card is checked, revoked, and checked again.
func Example() {
	ctx := context.Background()
	lab, remove := exampleLab()
	defer remove()
	responder, err := revocation.NewResponder(ctx, lab, time.Now)
	if err != nil {
		log.Fatal(err)
	}
	verifier := verify.New(verify.Options{
		Authorities: lab,
		CRLs:        crl.NewIssuer(lab, time.Now),
		OCSP:        responder,
		Now:         time.Now,
	})

	leaf := exampleCard(lab)
	state := &tls.ConnectionState{Version: tls.VersionTLS12, PeerCertificates: []*x509.Certificate{leaf}} // a server has the request's
	report, err := verifier.Check(ctx, state)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Verdict)
	for _, check := range report.Checks {
		fmt.Println("-", check.ID, check.Code)
	}

	if _, err := lab.Revoke(ctx, fmt.Sprintf("%X", leaf.SerialNumber), "keyCompromise"); err != nil {
		log.Fatal(err)
	}
	if report, err = verifier.Check(ctx, state); err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Verdict)
	fmt.Println(report.Failed().Means.EN)
	// Output:
	// OK
	// - tls TLS-12
	// - chain CHAIN-OK
	// - signature SIG-OK
	// - dates DATE-OK
	// - usage USAGE-OK
	// - crl REV-CRL-GOOD
	// - ocsp REV-OCSP-GOOD
	// - profile PROFILE-OK
	// REV-CRL-REVOKED
	// The certificate is on the CRL: the card is revoked.
}

// exampleLab makes a lab with fast keys in a temporary folder, and a function that removes it.
func exampleLab() (l *lab.Lab, remove func()) {
	folder, err := os.MkdirTemp("", "igc-example")
	if err != nil {
		log.Fatal(err)
	}
	config := lab.DefaultConfig()
	config.Key = ca.P256
	l, err = lab.Create(filepath.Join(folder, "lab"), config, lab.Options{})
	if err != nil {
		log.Fatal(err)
	}
	if err := l.Lock(); err != nil {
		log.Fatal(err)
	}
	return l, func() {
		l.Unlock()
		os.RemoveAll(folder)
	}
}

// exampleCard issues a CPS and returns its authentication certificate.
func exampleCard(l *lab.Lab) *x509.Certificate {
	identity, err := fixtures.Find("alain")
	if err != nil {
		log.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		log.Fatal(err)
	}
	issued, err := l.Issue(context.Background(), ca.IssueRequest{Product: "cps", Holder: identity.Holder,
		PublicKeys: map[string][]byte{"authentication": public, "signature": public}})
	if err != nil {
		log.Fatal(err)
	}
	leaf, err := issued.Records[0].Certificate()
	if err != nil {
		log.Fatal(err)
	}
	return leaf
}
