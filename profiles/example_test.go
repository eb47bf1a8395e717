package profiles_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"log"
	"math/big"
	"time"

	"github.com/igc-lab/igc/profiles"
)

// A holder, a public key and the product's profile are enough for the certificate to sign: its
// subject, dates and extensions are final. The signature is the caller's; here it is of a key made
// for the example.
func ExampleBuild() {
	der := build()
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(certificate.Issuer.CommonName)
	fmt.Println(certificate.Subject.CommonName)
	fmt.Println("until", certificate.NotAfter.Format(time.DateOnly))
	fmt.Println(certificate.CRLDistributionPoints[0])
	// Output:
	// TEST AC IGC-SANTE FORT PERSONNES
	// 899700209812
	// until 2029-11-02
	// http://igc-sante.esante.gouv.fr/CRL/ACI-FO-PP-TEST.crl
}

// Decode finds the profile and the holder of a certificate, and what in it departs from the
// profile.
func ExampleDecode() {
	decoded, err := profiles.Decode(build())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(decoded.Profile.ID(), decoded.Environment)
	fmt.Println(decoded.Subject)
	fmt.Println(decoded.Holder.DisplayName(), decoded.Holder.Identifier())
	if label, ok := profiles.Label("G15", decoded.Holder.Profession); ok {
		fmt.Println(label)
	}
	fmt.Println("departs from the profile in", len(decoded.Findings), "points")
	// Output:
	// cps/authentication test
	// C=FR, title=Médecin, GN=ALAIN + SN=DODO0020981 + CN=899700209812
	// ALAIN DODO0020981 899700209812
	// Médecin
	// departs from the profile in 0 points
}

// build issues a CPS authentication certificate under the name of its TEST authority, with a key
// made on the spot.
func build() []byte {
	profile, err := profiles.FindProfile("cps/authentication")
	if err != nil {
		log.Fatal(err)
	}
	authority, err := profile.Product.IssuingAuthority()
	if err != nil {
		log.Fatal(err)
	}
	card, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	template, err := profiles.Build(profiles.Request{
		Profile: profile,
		Holder: profiles.Holder{GivenName: "ALAIN", Surname: "DODO0020981", IdNat: "899700209812", Profession: "10",
			CardNumber: "2000000001"},
		Issuer:         authority,
		URLs:           profiles.RealURLs,
		NotBefore:      time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC),
		Serial:         big.NewInt(0x63DAFFCF),
		PublicKey:      card.Public(),
		AuthorityKeyID: []byte("the issuer's key ID."),
	})
	if err != nil {
		log.Fatal(err)
	}
	issuerKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	name, err := authority.Name().Marshal()
	if err != nil {
		log.Fatal(err)
	}
	issuer := &x509.Certificate{RawSubject: name}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, card.Public(), issuerKey)
	if err != nil {
		log.Fatal(err)
	}
	return der
}
