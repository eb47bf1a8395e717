package inspect

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/ocsp"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/igc-lab/igc/internal/reference"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/profiles/certfile"
	"github.com/igc-lab/igc/profiles/lint"
)

var now = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

// read reads, and holds every result against the schema and the rule of two languages.
func read(t testing.TB, data []byte, passwords ...string) []Object {
	t.Helper()
	objects, err := Read(data, Options{Now: now, Passwords: passwords})
	if err != nil {
		t.Fatal(err)
	}
	inOrder(t, objects)
	return objects
}

func inOrder(t testing.TB, objects []Object) {
	t.Helper()
	if err := loadSchema(t).Check(objects); err != nil {
		t.Error(err)
	}
	for _, o := range objects {
		for _, f := range o.Facts() {
			if f.Label.FR == "" || f.Label.EN == "" || f.Value.FR == "" && f.Value.EN != "" || f.Value.EN == "" &&
				f.Value.FR != "" {
				t.Errorf("a line in one language only: %+v", f)
			}
		}
	}
}

func codes(findings []profiles.Finding) string {
	var all []string
	for _, f := range findings {
		all = append(all, f.Code)
	}
	return strings.Join(all, " ")
}

// What each of the real certificates is.
var known = map[string]string{
	"TEST-ACR-EL": "acr/root ACR-EL-TEST", "TEST-ACR-ST": "acr/root ACR-ST-TEST", "TEST-ACI-EL-ORG": "aci/issuing ACI-EL-ORG-TEST",
	"TEST-ACI-EL-PP": "aci/issuing ACI-EL-PP-TEST", "TEST-ACI-ST-PP": "aci/issuing ACI-ST-PP-TEST",
	"TEST-EL-ORG-auth-client-gen2023": "insi-manu/client", "TEST-EL-ORG-auth-client": "auth-cli/client", "TEST-EL-ORG-signature": "cachet/seal",
	"TEST-EL-ORG-ssl-serveur": "ssl-serv/server", "TEST-FO-PP-cps-signature-infirmier": "cps/signature",
	"TEST-ST-PP-cpe-authentification": "cpe/authentication", "TEST-ST-PP-cpa-authentification": "cpa/authentication",
	"TEST-EL-ORG-signature-gen2023": "cachet/seal", "TEST-EL-ORG-signature-2017-month-end": "cachet/seal",
	"TEST-EL-ORG-ssl-serveur-gen2023": "ssl-serv/server", "EL-ORG-auth-client-gen2023": "auth-cli/client",
}

// Every real certificate is explained: TEST ones have their profile, production authorities are
// known for what they are, and none has a finding, an extension without a name or a code without a
// label.
func TestReferenceCertificates(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(reference.Dir(t), "certificates", "*.pem"))
	if err != nil || len(files) != 25 {
		t.Fatalf("%d certificates, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".pem")
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		objects := read(t, data)
		c := objects[0].(*Certificate)
		if len(objects) != 1 || len(c.Findings) > 0 || c.PKI == nil || c.Key == nil ||
			strings.Contains(codes(c.Notes), "UNKNOWN") {
			t.Errorf("%s: %d objects, findings %v, notes %s, PKI %v", name, len(objects), c.Findings,
				codes(c.Notes), c.PKI)
		}
		for _, e := range c.Extensions {
			if e.Name == "" || e.Text == "" {
				t.Errorf("%s: %s is not explained", name, e.OID)
			}
		}
		if c.Status != profiles.Attested {
			t.Errorf("%s is said to be %q", name, c.Status)
		}
		if strings.HasSuffix(name, "gen2023") != (c.Generation == profiles.Gen2023) {
			t.Errorf("%s is of %q", name, c.Generation)
		}
		if strings.HasPrefix(name, "TEST-") {
			if got := strings.TrimSpace(c.Profile + " " + c.Authority); got != known[name] ||
				c.PKI.ID != "igc-sante-test" || !strings.Contains(codes(c.Notes), "ISSUER-REAL") {
				t.Errorf("%s is %q of %s, notes %s", name, got, c.PKI.ID, codes(c.Notes))
			}
		} else if known[name] != "" {
			if c.Profile != known[name] || c.PKI.ID != "igc-sante" ||
				codes(c.Notes) != "PKI-PRODUCTION ISSUER-REAL USAGE-AUTHENTICATION DATE-EXPIRED" {
				t.Errorf("%s is %q of %s, notes %s", name, c.Profile, c.PKI.ID, codes(c.Notes))
			}
		} else if c.Authority != name || c.PKI.ID != "igc-sante" || c.Holder.Service != "" &&
			strings.Contains(c.Holder.Service, "TEST") ||
			codes(c.Notes) != "PKI-PRODUCTION ISSUER-REAL" {
			t.Errorf("%s is %q of %s, profile %q, notes %s", name, c.Authority, c.PKI.ID, c.Profile, codes(c.Notes))
		}
	}
}

func TestReferenceCRLs(t *testing.T) {
	for file, want := range map[string]struct {
		authority, number string
		count             int
		order             []string
	}{
		"TEST-ACI-EL-ORG":      {"ACI-EL-ORG-TEST", "1287", 1013, []string{"authorityKeyIdentifier", "cRLNumber"}},
		"TEST-ACI-EL-ORG-2069": {"ACI-EL-ORG-TEST", "2069", 480, []string{"authorityKeyIdentifier", "cRLNumber"}},
		"TEST-ACR-EL":          {"ACR-EL-TEST", "73", 0, []string{"cRLNumber", "authorityKeyIdentifier"}},
	} {
		l := read(t, reference.Read(t, "crl/"+file+".crl.pem"))[0].(*CRL)
		var order []string
		for _, e := range l.Extensions {
			order = append(order, e.Name)
		}
		if l.Authority != want.authority || l.Number != want.number || l.Count != want.count ||
			len(l.Entries) != min(want.count, shownEntries) ||
			len(l.Findings) > 0 || codes(l.Notes) != "CRL-STALE" || !slices.Equal(order, want.order) ||
			l.Signature != "sha256WithRSAEncryption" {
			t.Errorf("%s: %+v", file, l)
		}
	}
}

// --- certificates made for the tests

func key(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// cps makes an authentication certificate of a CPS under a lab's authority, changed.
func cps(t testing.TB, k *ecdsa.PrivateKey, change func(c *x509.Certificate)) []byte {
	t.Helper()
	profile, err := profiles.FindProfile("cps/authentication")
	if err != nil {
		t.Fatal(err)
	}
	a := profiles.Authority{Gamme: profiles.Fort, Domaine: profiles.Personnes}
	template, err := profiles.Build(profiles.Request{Profile: profile, Issuer: a, URLs: profiles.RealURLs,
		NotBefore: now.AddDate(-1, 0, 0),
		Serial:    big.NewInt(77), PublicKey: &k.PublicKey, AuthorityKeyID: make([]byte, 20),
		Holder: profiles.Holder{GivenName: "ALAIN", Surname: "DODO0020981", IdNat: "899700209812",
			Profession: "10", Specialities: []string{"SM26"}, CardNumber: "2800000001"}})
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(template)
	}
	issuer, err := a.Name().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, &x509.Certificate{RawSubject: issuer}, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// What people trip over is said under its own code.
func TestNotes(t *testing.T) {
	k := key(t)
	extension := func(id string, value []byte) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			i := slices.IndexFunc(c.ExtraExtensions, func(e pkix.Extension) bool { return e.Id.String() == id })
			c.ExtraExtensions[i].Value = value
		}
	}
	for name, tc := range map[string]struct {
		change         func(*x509.Certificate)
		notes, finding string
	}{
		"nothing": {nil, "ISSUER-LAB USAGE-AUTHENTICATION KEY-NOT-RSA", ""},
		"production category": {extension("1.2.250.1.71.1.2.5", []byte{4, 1, 0}), "CATEGORY-PRODUCTION",
			profiles.DifferentValue},
		"unknown code": {extension("1.2.250.1.71.1.2.7", []byte{2, 1, 99}), "CODE-UNKNOWN",
			profiles.HolderWrong},
		"empty GN": {func(c *x509.Certificate) {
			c.RawSubject = bytes.Replace(c.RawSubject, []byte("ALAIN"), []byte("     "), 1)
		}, "NAME-EMPTY", profiles.HolderWrong},
		"RDN not sorted": {swapFirstTwo, "NAME-ORDER", ""},
		"string type": {func(c *x509.Certificate) {
			c.RawSubject = bytes.Replace(c.RawSubject, []byte("\x0c\x05ALAIN"), []byte("\x14\x05ALAIN"), 1)
		}, "NAME-STRING", profiles.NameEncoding},
		"expired":       {func(c *x509.Certificate) { c.NotAfter = now.AddDate(0, 0, -1) }, "DATE-EXPIRED", ""},
		"not yet valid": {func(c *x509.Certificate) { c.NotBefore = now.AddDate(0, 0, 1) }, "DATE-NOT-YET", ""},
		"signature": {func(c *x509.Certificate) {
			extension("2.5.29.15", []byte{3, 2, 6, 0x40})(c)
			extension("2.5.29.37", []byte{0x30, 10, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 4})(c)
		}, "USAGE-SIGNATURE", profiles.ExtraExtension},
		"SHA-1": {func(c *x509.Certificate) { c.SignatureAlgorithm = x509.ECDSAWithSHA1 }, "SIGNATURE-WEAK", ""},
	} {
		c := read(t, cps(t, k, tc.change))[0].(*Certificate)
		if !strings.Contains(codes(c.Notes), tc.notes) || !strings.Contains(codes(c.Findings), tc.finding) {
			t.Errorf("%s: notes %s, findings %v; want %s and %s", name, codes(c.Notes), c.Findings, tc.notes,
				tc.finding)
		}
	}

	// cards without a name, and profiles that are modelled
	service, _ := profiles.FindProfile("carte-service/authentication")
	a := profiles.Authority{Gamme: profiles.Elementaire, Domaine: profiles.Personnes}
	template, err := profiles.Build(profiles.Request{Profile: service, Issuer: a, URLs: profiles.RealURLs,
		NotBefore: now, Serial: big.NewInt(7),
		PublicKey: &k.PublicKey, AuthorityKeyID: make([]byte,
			20), Holder: profiles.Holder{Department: "Paris (75)", Organisation: "CABINET INFIRMIER84876",
			Structure: "00B608876500", Pseudonym: "ASSISTINFIRM88760001", IdNat: "10B608876500/CPET0001", CardNumber: "2800811368"}})
	if err != nil {
		t.Fatal(err)
	}
	issuer, _ := a.Name().Marshal()
	der, err := x509.CreateCertificate(rand.Reader, template, &x509.Certificate{RawSubject: issuer}, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	c := read(t, der)[0].(*Certificate)
	if got := codes(c.Notes); !strings.Contains(got, "PROFILE-MODELLED") || !strings.Contains(got,
		"NAME-NO-PERSON") || len(c.Findings) > 0 {
		t.Errorf("service card: notes %s, findings %v", got, c.Findings)
	}

	// a certificate of production is not made, not even here: what would be said of one
	production := &Certificate{PKI: &pkis[2], Codes: []Code{}, decoded: &profiles.Decoded{Category: "83"}}
	production.explainOrigin()
	production.explainCodes()
	if codes(production.Notes) != "PKI-PRODUCTION CATEGORY-TEST" {
		t.Errorf("production: %s", codes(production.Notes))
	}
}

// A certificate of the acceptance tree is known for one, with its product, and departs from nothing
// (reference §1.1): its issuer has an OU more, its strings are PrintableStrings, its serial number
// is short.
func TestAcceptanceCertificate(t *testing.T) {
	k := key(t)
	der := cps(t, k, func(c *x509.Certificate) {
		subject, err := profiles.ParseName(c.RawSubject)
		if err != nil {
			t.Fatal(err)
		}
		for _, rdn := range subject {
			for i := range rdn {
				if rdn[i].Value != "Médecin" {
					rdn[i].Tag = cbasn1.PrintableString
				}
			}
		}
		c.RawSubject, _ = subject.Marshal()
		c.SerialNumber = new(big.Int).SetUint64(0xa4846f4cff35b3de)
	})
	a := profiles.Authority{Gamme: profiles.Fort, Domaine: profiles.Personnes}
	name := slices.Clone(a.Name())
	unit := name[3][0]
	unit.Value = "RECETTE"
	name = slices.Insert(name, 4, profiles.RDN{unit})
	issuer, err := name.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	template, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	template.ExtraExtensions = template.Extensions
	if der, err = x509.CreateCertificate(rand.Reader, template, &x509.Certificate{RawSubject: issuer},
		&k.PublicKey, k); err != nil {
		t.Fatal(err)
	}
	c := read(t, der)[0].(*Certificate)
	if c.PKI == nil || c.PKI.ID != "igc-sante-recette" || c.Profile != "cps/authentication" ||
		c.Status != profiles.Attested || len(c.Findings) > 0 ||
		!strings.HasPrefix(codes(c.Notes), "PKI-RECETTE USAGE-AUTHENTICATION") {
		t.Errorf("%s, PKI %v, findings %v, notes %s", c.Profile, c.PKI, c.Findings, codes(c.Notes))
	}
	for _, f := range lint.Certificate(der) {
		if strings.HasPrefix(f.Rule, "igc_") && f.Level != lint.Notice {
			t.Errorf("%+v", f)
		}
	}
}

// swapFirstTwo puts the first two attributes of the last RDN the other way round.
func swapFirstTwo(c *x509.Certificate) {
	in, rdns := cryptobyte.String(c.RawSubject), cryptobyte.String(nil)
	in.ReadASN1(&rdns, cbasn1.SEQUENCE)
	var set, one, two cryptobyte.String
	for !rdns.Empty() {
		rdns.ReadASN1(&set, cbasn1.SET)
	}
	set.ReadASN1Element(&one, cbasn1.SEQUENCE)
	set.ReadASN1Element(&two, cbasn1.SEQUENCE)
	c.RawSubject = bytes.Replace(c.RawSubject, append(slices.Clone(one), two...), append(slices.Clone(two), one...), 1)
}

// --- the predecessors, made as the reference describes them (§1.6)

type ava struct {
	oid, value string
	tag        cbasn1.Tag
}

func oid(s string) asn1.ObjectIdentifier {
	var o asn1.ObjectIdentifier
	for _, part := range strings.Split(s, ".") {
		n, _ := new(big.Int).SetString(part, 10)
		o = append(o, int(n.Int64()))
	}
	return o
}

func name(rdns ...[]ava) []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, rdn := range rdns {
			b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) {
				for _, a := range rdn {
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1ObjectIdentifier(oid(a.oid))
						b.AddASN1(a.tag, func(b *cryptobyte.Builder) { b.AddBytes([]byte(a.value)) })
					})
				}
			})
		}
	})
	return b.BytesOrPanic()
}

func printable(oid, value string) []ava { return []ava{{oid, value, cbasn1.PrintableString}} }

// old makes a certificate with an RSA key of 1024 bits and SHA-1; extensions are pairs of OID and
// value in hexadecimal, "!" before a critical one's OID.
func old(t testing.TB, issuer, subject []byte, serial int64, extensions ...string) *Certificate {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), RawSubject: subject,
		SignatureAlgorithm: x509.SHA1WithRSA,
		NotBefore:          time.Date(2013, 5, 1, 0, 0, 1, 0, time.UTC), NotAfter: time.Date(2016, 5, 31, 21, 59, 59, 0,
			time.UTC)}
	for ; len(extensions) >= 2; extensions = extensions[2:] {
		id, critical := strings.CutPrefix(extensions[0], "!")
		value, err := hex.DecodeString(extensions[1])
		if err != nil {
			t.Fatal(err)
		}
		template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: oid(id),
			Critical: critical, Value: value})
	}
	der, err := x509.CreateCertificate(rand.Reader, template, &x509.Certificate{RawSubject: issuer}, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, der)[0].(*Certificate)
}

func TestPredecessors(t *testing.T) {
	const c, o, ou, cn, l, sn, gn = "2.5.4.6", "2.5.4.10", "2.5.4.11", "2.5.4.3", "2.5.4.7", "2.5.4.4", "2.5.4.42"
	var upn cryptobyte.Builder
	upn.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oid("1.3.6.1.4.1.311.20.2.3"))
			b.AddASN1(cbasn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.UTF8String,
					func(b *cryptobyte.Builder) { b.AddBytes([]byte("0.0B1058110@carte-cps.fr")) })
			})
		})
	})
	card := old(t, name(printable(c, "FR"), printable(o, "TEST"), printable(ou, "TEST PROFESSIONNEL"),
		printable(cn, "TEST CLASSE-1")),
		name(printable(c, "FR"), printable(o, "TEST"), []ava{{ou, "M\xe9decin", cbasn1.T61String}},
			[]ava{{sn, "MUMUMU", cbasn1.T61String}, {gn, "MAXIMAX", cbasn1.T61String}, {cn, "00B1058110",
				cbasn1.PrintableString}}), 0x4C9717,
		"2.5.29.35", "30168014"+strings.Repeat("11", 20), "2.5.29.14", "0414"+strings.Repeat("22",
			20), "!2.5.29.15", "03020780",
		"2.5.29.37", "301606082b06010505070302060a2b060104018237140202", "2.5.29.32", "3010300e060c2a817a014703070901010101", "2.5.29.19", "3000",
		"2.5.29.17", hex.EncodeToString(upn.BytesOrPanic()), "2.16.840.1.113730.1.1", "03020780", "1.2.250.1.71.1.2.3", "1315"+hex.EncodeToString([]byte("8025000001/2400241472")),
		"1.2.250.1.71.1.2.5", "040180", "1.2.250.1.71.1.2.2", "020100", "1.2.250.1.71.1.2.7", "02010a", "1.2.250.1.71.4.2.5", "30060c04534d3336")
	if card.PKI == nil || card.PKI.ID != "igc-cps2ter-test" || card.Serial != "4C9717" ||
		card.Holder.Title != "Médecin" || card.Holder.Surname != "MUMUMU" ||
		card.Holder.IdNat != "00B1058110" || card.Holder.CardNumber != "2400241472" ||
		card.decoded.UPN != "0.0B1058110@carte-cps.fr" {
		t.Errorf("CPS3: %+v, holder %+v", card.PKI, card.Holder)
	}
	want := "PKI-PREDECESSOR USAGE-AUTHENTICATION NAME-T61 NAME-T61 NAME-T61 SIGNATURE-WEAK KEY-SHORT DATE-EXPIRED"
	if got := codes(card.Notes); got != want || len(card.Findings) > 0 {
		t.Errorf("CPS3: notes %s, findings %v", got, card.Findings)
	}
	said := textOf(card)
	for _, line := range []string{"Carte de Professionnel de Santé (CPS)", "10 Médecin", "SM36", "SSL client",
		"IGC-CPS2ter, CPS3", "0 N° ADELI", "RSA 1024", "sha1WithRSAEncryption"} {
		if !strings.Contains(said, line) {
			t.Errorf("CPS3: nothing says %q:\n%s", line, said)
		}
	}

	class4 := name(printable(c, "FR"), printable(o, "GIP-CPS-TEST"), printable(ou, "AC-CLASSE-4-TEST"))
	server := old(t, class4, name(printable(c, "FR"), printable(o, "TEST"), []ava{{l, "Paris (75)",
		cbasn1.T61String}}, printable(ou, "318751275100020"), printable(cn, "www.example.fr")), 7,
		"!2.5.29.15", "030205a0", "2.5.29.37", "301406082b0601050507030106082b06010505070302", "2.16.840.1.113730.1.1", "030206c0",
		"2.5.29.17", "3010820e"+hex.EncodeToString([]byte("www.example.fr")), "1.2.250.1.71.1.2.5", "040182")
	if said := textOf(server); server.PKI.ID != "igc-cps2bis-test" || !strings.Contains(server.Subject,
		"L=Paris (75)") || len(server.Findings) > 0 ||
		!strings.Contains(said, "Module de Sécurité de TEST") || !strings.Contains(said,
		"SSL client, SSL server") || !strings.Contains(said, "3 SIRET") ||
		!strings.Contains(codes(server.Notes), "PKI-PREDECESSOR USAGE-SERVER NAME-T61") {
		t.Errorf("class 4 server: %s %v\n%s", codes(server.Notes), server.Findings, said)
	}

	authority := old(t, name(printable(c, "FR"), printable(o, "GIP-CPS-TEST")), class4, 7, "!2.5.29.19",
		"30060101ff020100", "!2.5.29.15", "03020106",
		"2.16.840.1.113730.1.1", "03020106", "2.5.29.32", "300c300a06082a817a0147030704")
	if said := textOf(authority); authority.PKI.ID != "igc-cps2bis-test" || len(authority.Findings) > 0 ||
		!strings.Contains(said, "SSL CA, S/MIME CA") {
		t.Errorf("class 4 authority: %v %v\n%s", authority.PKI, authority.Findings, said)
	}

	for issuer, want := range map[string]string{"AC-CLASSE-5": "igc-cps2bis",
		"GIP-CPS PROFESSIONNEL": "igc-cps2ter", "STRUCTURE": "igc-cps2ter", "AC-CLASSE-7": ""} {
		n, err := profiles.ParseName(name(printable(c, "FR"), printable(o, "GIP-CPS"), printable(ou, issuer)))
		if err != nil {
			t.Fatal(err)
		}
		if pki := pkiOf(n); (pki == nil) != (want == "") || pki != nil && pki.ID != want {
			t.Errorf("%s is of %v, want %s", issuer, pki, want)
		}
	}
}

// textOf is everything that is said of an object, in both languages.
func textOf(o Object) string {
	var b strings.Builder
	for _, f := range o.Facts() {
		b.WriteString(f.Label.FR + "|" + f.Label.EN + ": " + f.Value.FR + "|" + f.Value.EN + "\n")
	}
	return b.String()
}

// --- containers, keys, lists, answers

func TestContainers(t *testing.T) {
	k := key(t)
	der := cps(t, k, nil)
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	root := reference.Read(t, "certificates/TEST-ACR-EL.pem")
	anchor, err := x509.ParseCertificate(root)
	if err != nil {
		t.Fatal(err)
	}
	list := reference.Read(t, "crl/TEST-ACR-EL.crl.pem")
	must := func(data []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	pkcs8 := must(x509.MarshalPKCS8PrivateKey(k))
	sec1 := must(x509.MarshalECPrivateKey(k))
	spki := must(x509.MarshalPKIXPublicKey(&k.PublicKey))
	csr := must(x509.CreateCertificateRequest(rand.Reader,
		&x509.CertificateRequest{Subject: pkix.Name{CommonName: "INSI-AUTO"}}, k))
	block := func(kind string, data []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}) }
	answer := must(ocsp.CreateResponse(leaf, leaf, ocsp.Response{Status: ocsp.Revoked,
		SerialNumber: big.NewInt(0x1234), ThisUpdate: now, NextUpdate: now.Add(-time.Hour),
		RevokedAt: now, RevocationReason: ocsp.KeyCompromise, Certificate: leaf}, k))
	for name, tc := range map[string]struct {
		data []byte
		want string // kinds and where they were found
		says string
	}{
		"PEM with text around": {append([]byte("Bag Attributes\n  friendlyName: x\n"),
			append(block("CERTIFICATE", der), block("X509 CRL", list)...)...), "certificate in PEM, crl in PEM", "DODO0020981"},
		"DER in a row": {slices.Concat(der, root, list),
			"certificate in DER, certificate in DER, crl in DER", ""},
		"base64 alone": {[]byte(base64.StdEncoding.EncodeToString(der)), "certificate in DER", ""},
		"OpenSSL's trusted": {block("TRUSTED CERTIFICATE", append(slices.Clone(der), 0x30, 0)),
			"certificate in PEM", ""},
		"PKCS#7": {pkcs7(der, root, list),
			"certificate in PKCS#7, certificate in PKCS#7, crl in PKCS#7", ""},
		"PKCS#12": {must(pkcs12.Modern2023.Encode(k, leaf, []*x509.Certificate{anchor}, "1234")),
			"certificate in PKCS#12, private-key in PKCS#12, certificate in PKCS#12", "private key of the certificate above"},
		"PKCS#12, old": {must(pkcs12.LegacyDES.Encode(k, leaf, nil, "1234")),
			"certificate in PKCS#12, private-key in PKCS#12", ""},
		"PKCS#12, open": {must(pkcs12.Passwordless.Encode(k, leaf, nil, "")),
			"certificate in PKCS#12, private-key in PKCS#12", ""},
		"PKCS#12, Java's": {must(pkcs12.Modern2023.EncodeTrustStore([]*x509.Certificate{anchor}, "1234")),
			"certificate in PKCS#12", "ACR-EL-TEST"},
		"PKCS#12, wrong key": {must(pkcs12.Modern2023.Encode(key(t), leaf, nil, "1234")),
			"certificate in PKCS#12, private-key in PKCS#12", "is NOT that of the certificate"},
		"PKCS#8": {pkcs8, "private-key in DER", "not shown"},
		"SEC 1":  {sec1, "private-key in DER", "in clear"},
		"encrypted PKCS#8": {block("ENCRYPTED PRIVATE KEY", []byte{0x30, 0}), "private-key in PEM",
			"encrypted private key"},
		"encrypted PKCS#1": {[]byte("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"), "private-key in PEM", "encrypted private key"},
		"key and certificate": {append(block("EC PARAMETERS", []byte{6, 1, 1}), append(block("PRIVATE KEY",
			pkcs8), block("CERTIFICATE", der)...)...), "parameters in PEM, private-key in PEM, certificate in PEM", ""},
		"public key":   {block("PUBLIC KEY", spki), "public-key in PEM", "EC P-256\n"},
		"request":      {csr, "certificate-request in DER", "CN=INSI-AUTO"},
		"OCSP":         {answer, "ocsp-response in DER, certificate in OCSP", "keyCompromise"},
		"OCSP refusal": {[]byte{0x30, 3, 0x0a, 1, 6}, "ocsp-response in DER", "unauthorized"},
	} {
		objects := read(t, tc.data)
		var kinds []string
		said := ""
		for _, o := range objects {
			data, _ := json.Marshal(o)
			var s Source
			json.Unmarshal(data, &s)
			kinds = append(kinds, string(s.Kind)+" in "+s.In)
			said += textOf(o) + string(data)
		}
		if got := strings.Join(kinds, ", "); got != tc.want || !strings.Contains(said, tc.says) {
			t.Errorf("%s: %s; want %s that says %q in\n%s", name, got, tc.want, tc.says, said)
		}
		// no byte of the key comes out, in any writing of it
		secret := must(k.Bytes())
		for _, form := range []string{hex.EncodeToString(secret), strings.ToUpper(hex.EncodeToString(secret)),
			base64.StdEncoding.EncodeToString(secret), new(big.Int).SetBytes(secret).String()} {
			if strings.Contains(said, form) {
				t.Errorf("%s shows the key", name)
			}
		}
	}
	revoked := read(t, answer)[0].(*OCSPResponse)
	if revoked.Status != "revoked" || revoked.Serial != "1234" || revoked.Signature != "ecdsa-with-SHA256" ||
		codes(revoked.Notes) != "OCSP-STALE" || !strings.Contains(revoked.Responder, "ALAIN") {
		t.Errorf("%+v", revoked)
	}

	// passwords
	p12 := must(pkcs12.Modern2023.Encode(k, leaf, nil, "other"))
	if _, err := Read(p12, Options{Now: now}); !errors.Is(err, ErrPassword) {
		t.Errorf("a PKCS#12 of another password: %v", err)
	}
	if len(read(t, p12, "other")) != 2 {
		t.Error("the password given was not tried")
	}
	if _, err := Read(must(pkcs12.Modern2023.WithIterations(2_000_001).Encode(k, leaf, nil, "1234")),
		Options{}); err == nil || !strings.Contains(err.Error(), "iterations") {
		t.Errorf("a PKCS#12 that asks for too much: %v", err)
	}
}

// pkcs7 makes a certs-only signedData, the last element a CRL.
func pkcs7(elements ...[]byte) []byte {
	explicit := func(n uint8) cbasn1.Tag { return cbasn1.Tag(n).ContextSpecific().Constructed() }
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oid("1.2.840.113549.1.7.2"))
		b.AddASN1(explicit(0), func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(1)
				b.AddASN1(cbasn1.SET, func(*cryptobyte.Builder) {})
				b.AddASN1(cbasn1.SEQUENCE,
					func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oid("1.2.840.113549.1.7.1")) })
				b.AddASN1(explicit(0), func(b *cryptobyte.Builder) { b.AddBytes(slices.Concat(elements[:len(elements)-1]...)) })
				b.AddASN1(explicit(1), func(b *cryptobyte.Builder) { b.AddBytes(elements[len(elements)-1]) })
				b.AddASN1(cbasn1.SET, func(*cryptobyte.Builder) {})
			})
		})
	})
	return b.BytesOrPanic()
}

// Differences are in words where a value has some, and node by node where only the encoding
// differs.
func TestCompareInWords(t *testing.T) {
	k := key(t)
	for name, tc := range map[string]struct {
		change func(*x509.Certificate)
		want   []string // lines that begin like this, and no others
	}{
		"nothing": {func(*x509.Certificate) {}, nil},
		"key usage": {put("2.5.29.15", "03020640"),
			[]string{"keyUsage: digitalSignature (critical) -> nonRepudiation (critical)"}},
		"key usages": {put("2.5.29.15", "030206c0"),
			[]string{"keyUsage: digitalSignature (critical) -> digitalSignature, nonRepudiation (critical)"}},
		"padding":    {put("2.5.29.15", "03020080"), []string{"keyUsage:", "-", "+"}}, // seven unused bits, or none
		"removed":    {put("2.5.29.37", ""), []string{"- extKeyUsage: "}},
		"an unknown": {put("1.2.3.4", "0500"), []string{"1.2.3.4:", "+", "+", "+", "+"}},
		"category":   {put("1.2.250.1.71.1.2.5", "040181"), []string{"categorieProduit: 80"}},
		"order": {func(c *x509.Certificate) {
			c.ExtraExtensions[0], c.ExtraExtensions[1] = c.ExtraExtensions[1], c.ExtraExtensions[0]
		}, []string{"order:", "- ", "+ "}},
	} {
		a, b := read(t, cps(t, k, nil)), read(t, cps(t, k, tc.change))
		found, err := Compare(a, b)
		if err != nil || found.Twins != (tc.want == nil) || len(found.Lines) != len(tc.want) {
			t.Errorf("%s: %+v, %v", name, found, err)
			continue
		}
		for i, want := range tc.want {
			if !strings.HasPrefix(found.Lines[i], want) {
				t.Errorf("%s: %q, want %q", name, found.Lines[i], want)
			}
		}
	}
}

// put gives an extension a value, in hexadecimal, and adds one that is not there; "" removes it.
func put(id, value string) func(*x509.Certificate) {
	der, err := hex.DecodeString(value)
	if err != nil {
		panic(err)
	}
	return func(c *x509.Certificate) {
		i := slices.IndexFunc(c.ExtraExtensions, func(e pkix.Extension) bool { return e.Id.String() == id })
		switch {
		case value == "":
			c.ExtraExtensions = slices.Delete(c.ExtraExtensions, i, i+1)
		case i < 0:
			c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: oid(id), Value: der})
		default:
			c.ExtraExtensions[i].Value = der
		}
	}
}

// A list with reasons and a delta say so.
func TestCRLNotAsTheRealOnes(t *testing.T) {
	k := key(t)
	name, _ := profiles.Authority{Gamme: profiles.Fort, Domaine: profiles.Personnes}.Name().Marshal()
	issuer := &x509.Certificate{RawSubject: name, SubjectKeyId: make([]byte, 20), KeyUsage: x509.KeyUsageCRLSign}
	template := &x509.RevocationList{Number: big.NewInt(9), ThisUpdate: now, NextUpdate: now.AddDate(0, 0, 6),
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(5), RevocationTime: now,
			ReasonCode: 1}}}
	der, err := x509.CreateRevocationList(rand.Reader, template, issuer, k)
	if err != nil {
		t.Fatal(err)
	}
	l := read(t, der)[0].(*CRL)
	if l.Authority != "ACI-FO-PP-TEST" || l.Entries[0].Reason != "keyCompromise" ||
		codes(l.Findings) != "CRL-REASONS" || len(l.Notes) > 0 {
		t.Errorf("%+v", l)
	}
	template.ExtraExtensions = []pkix.Extension{{Id: oid("2.5.29.27"), Critical: true, Value: []byte{2, 1, 8}}}
	if der, err = x509.CreateRevocationList(rand.Reader, template, issuer, k); err != nil {
		t.Fatal(err)
	}
	if l := read(t, der)[0].(*CRL); codes(l.Notes) != "CRL-DELTA" || !strings.Contains(l.Notes[0].EN, "number 8") {
		t.Errorf("%+v", l)
	}
}

// What is nothing of all this makes one error that says so.
func TestUnknown(t *testing.T) {
	der := cps(t, key(t), nil)
	for name, tc := range map[string]struct{ data, want string }{
		"nothing":        {"", "not a certificate"},
		"text":           {"1234\n", "not a certificate"},
		"cut off":        {string(der[:len(der)-9]), "not a certificate"},
		"trailing bytes": {string(der) + "xx", "2 bytes after the first 1 objects"},
		"PEM cut off":    {"-----BEGIN CERTIFICATE-----\nMIIB", "was the end cut off?"},
		"PEM of nonsense": {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
			"PEM block 1 (CERTIFICATE): not a certificate"},
		"BER":           {"\x30\x80\x06\x01", "indefinite length"},
		"CMS":           {"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03\x05\x00", "that is not signedData"},
		"broken PKCS#7": {"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\x05\x00", "signedData is broken"},
		"another OCSP":  {"\x30\x03\x0a\x01\x09", "unknown status 9"},
		"too many":      {strings.Repeat("\x30\x03\x0a\x01\x06", certfile.MaxItems+1), "more than 10000 objects"},
		"too large": {"\x30\x83\x05\x00\x04\x30\x83\x04\xff\xfd" + strings.Repeat("\x00",
			0x4fffd) + "\x30\x00", "are more than one has"},
		"SEQUENCEs": {"\x30\x04\x30\x00\x30\x00", "not a certificate"},
	} {
		objects, err := Read([]byte(tc.data), Options{Now: now})
		if tc.want == "that is not signedData" || tc.want == "signedData is broken" { // lengths as they are
			objects, err = Read(append([]byte{0x30, byte(len(tc.data) - 2)}, tc.data[2:]...), Options{Now: now})
		}
		if err == nil || objects != nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, %v; want %q", name, objects, err, tc.want)
		}
	}
}

func TestCompare(t *testing.T) {
	k := key(t)
	a, b := read(t, cps(t, k, nil)), read(t, cps(t, key(t),
		func(c *x509.Certificate) { c.SerialNumber = big.NewInt(78) }))
	twins, err := Compare(a, b)
	if err != nil || !twins.Twins || len(twins.Lines) > 0 {
		t.Errorf("%+v, %v", twins, err)
	}
	other := read(t, cps(t, k, func(c *x509.Certificate) { c.ExtraExtensions = c.ExtraExtensions[1:] }))
	differ, err := Compare(a, other)
	if err != nil || differ.Twins || len(differ.Lines) == 0 {
		t.Errorf("%+v, %v", differ, err)
	}
	s := loadSchema(t)
	for _, c := range []*Comparison{twins, differ} {
		if err := s.Check(c); err != nil {
			t.Error(err)
		}
	}
	list := read(t, reference.Read(t, "crl/TEST-ACR-EL.crl.pem"))
	if same, err := Compare(list, list); err != nil || !same.Twins {
		t.Errorf("%+v, %v", same, err)
	}
	for want, sides := range map[string][2][]Object{"two of a kind": {a, list}, "2 objects": {a,
		append(slices.Clone(a), b...)},
		"neither a certificate": {read(t, []byte{0x30, 3, 0x0a, 1, 6}), a}} {
		if _, err := Compare(sides[0], sides[1]); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// FuzzRead: no bytes make it panic, or say a thing in one language only, or depart from its schema.
func FuzzRead(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join(reference.Dir(f), "c*", "*.pem"))
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		block, _ := pem.Decode(data)
		f.Add(block.Bytes)
	}
	k := key(f)
	der := cps(f, k, nil)
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		f.Fatal(err)
	}
	for _, enc := range []*pkcs12.Encoder{pkcs12.Modern2023.WithIterations(1),
		pkcs12.LegacyDES.WithIterations(1), pkcs12.Modern2026.WithIterations(1)} {
		p12, err := enc.Encode(k, leaf, nil, "1234")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(p12)
	}
	f.Add(pkcs7(der, reference.Read(f, "crl/TEST-ACR-EL.crl.pem")))
	answer, err := ocsp.CreateResponse(leaf, leaf, ocsp.Response{SerialNumber: big.NewInt(1), ThisUpdate: now,
		NextUpdate: now}, k)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(answer)
	s := loadSchema(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		objects, err := Read(data, Options{Now: now})
		if err != nil {
			if objects != nil {
				t.Error("objects and an error")
			}
			return
		}
		if err := s.Check(objects); err != nil {
			t.Error(err)
		}
		for _, o := range objects {
			o.Facts()
		}
		Compare(objects, objects)
	})
}
