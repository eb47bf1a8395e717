package revocation_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation/crl"
)

// A revocation is in the CRL as soon as it is recorded: the CRL that Get gives afterwards names the
// certificate.
func Example_crl() {
	dir, err := os.MkdirTemp("", "igc")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	config := lab.DefaultConfig()
	config.Key = ca.P256
	lab, err := lab.Create(filepath.Join(dir, "lab"), config, lab.Options{})
	if err != nil {
		log.Fatal(err)
	}
	issued := issueServer(ctx, lab)
	if _, err := lab.Revoke(ctx, issued.Records[0].Serial, "superseded"); err != nil {
		log.Fatal(err)
	}
	issuer, err := x509.ParseCertificate(issued.Chain[0])
	if err != nil {
		log.Fatal(err)
	}

	authority := profiles.Authority{Gamme: profiles.Elementaire, Domaine: profiles.Organisations}
	crl, err := crl.NewIssuer(lab, time.Now).Get(ctx, authority)
	if err != nil {
		log.Fatal(err)
	}
	der, err := crl.DER()
	if err != nil {
		log.Fatal(err)
	}
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(list.Issuer.CommonName)
	fmt.Println("signed by its issuer:", list.CheckSignatureFrom(issuer) == nil)
	for _, e := range list.RevokedCertificateEntries {
		fmt.Println("the revoked certificate:", fmt.Sprintf("%X", e.SerialNumber) == issued.Records[0].Serial)
	}
	// Output:
	// TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS
	// signed by its issuer: true
	// the revoked certificate: true
}

func issueServer(ctx context.Context, lab *lab.Lab) *ca.Issued {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		log.Fatal(err)
	}
	issued, err := lab.Issue(ctx, ca.IssueRequest{
		Product: "ssl-serv",
		Holder: profiles.Holder{Service: "server.localhost", Organisation: "HOPITAL GENERIQUE0057",
			Structure: "10B0057881", Department: "Paris (75)"},
		PublicKeys: map[string][]byte{"server": spki},
	})
	if err != nil {
		log.Fatal(err)
	}
	return issued
}
