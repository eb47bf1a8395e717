package profiles

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"math/big"
	"testing"
	"time"

	"github.com/igc-lab/igc/internal/reference"
)

// The real TEST certificates whose profile the table holds: decoding each and building it again, with another key, gives
// a certificate that differs in nothing but what must.
var twins = []string{"TEST-FO-PP-cps-signature-infirmier", "TEST-ST-PP-cpe-authentification", "TEST-EL-ORG-ssl-serveur",
	"TEST-EL-ORG-auth-client", "TEST-EL-ORG-auth-client-gen2023", "TEST-EL-ORG-signature",
	"TEST-ACR-EL", "TEST-ACR-ST", "TEST-ACI-EL-PP", "TEST-ACI-EL-ORG", "TEST-ACI-ST-PP"}

func TestTwinsOfRealCertificates(t *testing.T) {
	ca, err := rsa.GenerateKey(rand.Reader, 4096)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range twins {
		t.Run(file, func(t *testing.T) {
			real := reference.Read(t, "certificates/"+file+".pem")
			d, err := Decode(real)
			if err != nil {
				t.Fatal(err)
			}
			if len(d.Findings) > 0 {
				t.Errorf("a real certificate departs from its profile: %v", d.Findings)
			}
			r, err := d.Request()
			if err != nil {
				t.Fatal(err)
			}
			// what must differ, differs
			var key *rsa.PrivateKey
			if r.PublicKey.(*rsa.PublicKey).N.BitLen() == 4096 {
				key = ca
			} else if key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
				t.Fatal(err)
			}
			r.PublicKey = &key.PublicKey
			r.Serial = new(big.Int).Add(r.Serial, big.NewInt(1))
			r.NotBefore, r.NotAfter = r.NotBefore.Add(time.Hour), r.NotAfter.Add(time.Hour)
			r.URLs = RealURLs
			if r.AuthorityKeyID != nil {
				r.AuthorityKeyID = make([]byte, 20)
			}
			template, err := Build(r)
			if err != nil {
				t.Fatal(err)
			}
			issuer, err := d.Authority.Name().Marshal()
			if err != nil {
				t.Fatal(err)
			}
			parent := &x509.Certificate{RawSubject: issuer}
			der, err := x509.CreateCertificate(rand.Reader, template, parent, r.PublicKey, ca)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range Diff(real, der) {
				t.Error(line)
			}
		})
	}
}
