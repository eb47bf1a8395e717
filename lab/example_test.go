package lab_test

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

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
)

// A lab that is not there yet is created; the first card makes the two authorities that it needs.
// Private keys stay with the caller.
func ExampleLab_Issue() {
	dir, err := os.MkdirTemp("", "igc")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	config := lab.DefaultConfig()
	config.Key = ca.P256 // fast; without it, keys are RSA as in the IGC-Santé
	l, err := lab.Create(filepath.Join(dir, "lab"), config, lab.Options{})
	if err != nil {
		log.Fatal(err)
	}
	keys := map[string][]byte{}
	for _, role := range []string{"authentication", "signature"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			log.Fatal(err)
		}
		if keys[role], err = x509.MarshalPKIXPublicKey(key.Public()); err != nil {
			log.Fatal(err)
		}
	}
	issued, err := l.Issue(context.Background(), ca.IssueRequest{
		Product: "cps",
		Holder: profiles.Holder{GivenName: "ALAIN", Surname: "DODO0020981",
			IdNat: "899700209812", Profession: "10"},
		PublicKeys: keys,
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range issued.Records {
		fmt.Println(r.Profile, r.Holder.DisplayName(), r.Status)
	}
	for _, der := range issued.Chain {
		authority, err := x509.ParseCertificate(der)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(authority.Subject.CommonName)
	}
	// Output:
	// cps/authentication ALAIN DODO0020981 good
	// cps/signature ALAIN DODO0020981 good
	// TEST AC IGC-SANTE FORT PERSONNES
	// TEST AC RACINE IGC-SANTE FORT
}
