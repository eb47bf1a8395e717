package profiles

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"math/big"
	"strings"
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

// The production authorities, put in TEST form (their names and addresses), are the twins of what the lab makes.
func TestTwinsOfProductionAuthorities(t *testing.T) {
	ca, err := rsa.GenerateKey(rand.Reader, 4096)
	if err != nil {
		t.Fatal(err)
	}
	inTestForm := strings.NewReplacer("AC RACINE", "TEST AC RACINE", "AC IGC-SANTE", "TEST AC IGC-SANTE", "CN=AC%20", "CN=TEST%20AC%20",
		"OU=IGC-SANTE,", "OU=IGC-SANTE%20TEST,", "/PC", "/PC%20TEST", ".crl", "-TEST.crl")
	for _, a := range Authorities() {
		t.Run(a.ID(), func(t *testing.T) {
			want := tree(reference.Read(t, "certificates/"+a.ID()+".pem"))
			for i, line := range want {
				kind, value, _ := strings.Cut(strings.TrimLeft(line, " "), " ")
				text, err := hex.DecodeString(value)
				if err != nil || kind != "UTF8String" && kind != "IA5String" && kind != "[86]" {
					continue
				}
				changed := inTestForm.Replace(string(text))
				if changed == "IGC-SANTE" {
					changed = "IGC-SANTE TEST"
				}
				want[i] = strings.Replace(line, value, hex.EncodeToString([]byte(changed)), 1)
			}
			r := Request{Profile: a.Profile(), Holder: a.Holder(), Issuer: a.Root(), URLs: RealURLs, Serial: big.NewInt(1), PublicKey: &ca.PublicKey}
			r.NotBefore, r.NotAfter = AuthorityValidity(a, time.Date(2013, 6, 25, 0, 0, 0, 0, time.UTC))
			if !a.IsRoot() {
				r.AuthorityKeyID = make([]byte, 20)
			}
			template, err := Build(r)
			if err != nil {
				t.Fatal(err)
			}
			issuer, err := a.Root().Name().Marshal()
			if err != nil {
				t.Fatal(err)
			}
			der, err := x509.CreateCertificate(rand.Reader, template, &x509.Certificate{RawSubject: issuer}, r.PublicKey, ca)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range diffLines(want, tree(der)) {
				t.Error(line)
			}
		})
	}
}
