package lint_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"log"
	"math/big"
	"strings"
	"time"

	"github.com/igc-lab/igc/profiles/lint"
)

// A certificate that claims to be a card of the IGC-Santé and lacks what the profile has: each rule
// that it breaks is named, the errors first.
func ExampleCertificate() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	name := pkix.Name{Country: []string{"FR"}, Organization: []string{"ASIP-SANTE"},
		OrganizationalUnit: []string{"0002 187512751", "IGC-SANTE TEST"},
		CommonName:         "TEST AC IGC-SANTE FORT PERSONNES"}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2029, 11, 2, 0, 0, 0, 0, time.UTC),
		Subject:      pkix.Name{Country: []string{"FR"}, CommonName: "899700209812"},
	}, &x509.Certificate{Subject: name}, key.Public(), key)
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range lint.Certificate(der) {
		if f.Level == lint.Error && strings.HasPrefix(f.Rule, "igc_") {
			fmt.Println(f.Rule)
		}
	}
	// Output:
	// igc_serial
	// igc_issuer
	// igc_subject
	// igc_name_strings
}
