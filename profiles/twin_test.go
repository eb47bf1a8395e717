package profiles

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/internal/reference"
)

// Every real TEST certificate: decoding it and building it again, with another key, gives a
// certificate that differs in nothing but what must, and ends when it does.
func TestTwinsOfRealCertificates(t *testing.T) {
	ca, err := rsa.GenerateKey(rand.Reader, 4096)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(reference.Dir(t), "certificates", "TEST-*.pem"))
	if err != nil || len(files) != 15 {
		t.Fatalf("%d TEST certificates in the reference, %v: 15 are known", len(files), err)
	}
	for _, file := range files {
		file := strings.TrimSuffix(filepath.Base(file), ".pem")
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
			if !d.IsAuthority && (d.Profile.StatusIn(d.Generation) != Attested || !d.Profile.Expiry(d.Generation, d.NotBefore).Equal(d.NotAfter)) {
				t.Errorf("%s of %s is said to be %s and to end on %s, not on %s", d.Profile.ID(), d.Generation,
					d.Profile.StatusIn(d.Generation), d.Profile.Expiry(d.Generation, d.NotBefore), d.NotAfter)
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

// The production authorities, put in TEST form (their names and addresses), are the twins of what
// the lab makes.
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

// A real certificate of production departs from nothing but its issuer's environment, and each
// thing in it that is not its profile's is found as in a TEST one. What is made of it is a request
// for no certificate of production.
func TestRealProductionCertificates(t *testing.T) {
	for file, want := range map[string]string{"EL-ORG-auth-client-gen2023": "auth-cli/client", "ACI-EL-ORG": "aci/issuing", "ACR-FO": "acr/root"} {
		der := reference.Read(t, "certificates/"+file+".pem")
		d, err := Decode(der)
		if err != nil {
			t.Fatal(err)
		}
		if len(d.Findings) != 1 || d.Findings[0].Code != UnknownIssuer || d.Profile == nil || d.Profile.ID() != want ||
			d.Environment != Production || d.Authority != (Authority{}) {
			t.Errorf("%s: %+v of %s, %+v", file, d.Profile, d.Environment, d.Findings)
			continue
		}
		if !d.IsAuthority && d.Generation != Gen2023 {
			t.Errorf("%s is of %q", file, d.Generation)
		}
		if r, err := d.Request(); err == nil {
			if c, err := Build(r); err == nil && !d.IsAuthority {
				t.Errorf("%s: %+v can be built", file, c.Subject)
			}
		}
		for name, change := range map[string][2]string{"another CRL": {"/CRL/", "/CRM/"}, "TEST policy": {"\x81\x55\x01\x07\x01", "\x81\x55\x01\x07\x02"},
			"TEST category": {"\x04\x03\x04\x01\x03", "\x04\x03\x04\x01\x83"}} {
			bent := []byte(strings.ReplaceAll(string(der), change[0], change[1]))
			if string(bent) == string(der) {
				continue // an authority has neither
			}
			if d, err := Decode(bent); err != nil || len(d.Findings) != 2 || d.Findings[1].Code != DifferentValue {
				t.Errorf("%s with %s: %v, %v", file, name, d.Findings, err)
			}
		}
	}
}
