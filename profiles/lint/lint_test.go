package lint

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"math/big"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/zmap/zlint/v3/lint"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/reference"
	"github.com/igc-lab/igc/profiles"
)

// keys are made once: an authority's, a holder's, and others than the real ones.
var keys = sync.OnceValue(func() map[string]crypto.Signer {
	m := map[string]crypto.Signer{}
	for name, bits := range map[string]int{"authority": 4096, "holder": 2048, "other": 3072, "weak": 1024} {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			panic(err)
		}
		m[name] = key
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	m["p256"] = key
	return m
})

func sign(t testing.TB, template *x509.Certificate, issuer profiles.Authority, public crypto.PublicKey,
	key crypto.Signer) []byte {
	t.Helper()
	name, err := issuer.Name().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, &x509.Certificate{RawSubject: name}, public, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// request asks for a certificate of a fixture's product, or for an authority's ("ACI-FO-PP") or its
// responder's ("ocsp ACI-FO-PP").
func request(t testing.TB, who, role string, g profiles.Generation, public crypto.PublicKey) profiles.Request {
	t.Helper()
	r := profiles.Request{Generation: g, URLs: profiles.RealURLs, NotBefore: time.Date(2026, 3, 1, 9, 30, 17, 0,
		time.UTC),
		Serial: new(big.Int).Lsh(big.NewInt(0x1120), 128), PublicKey: public, AuthorityKeyID: make([]byte, 20)}
	var err error
	if a, err := profiles.ParseAuthority(strings.TrimPrefix(who, "ocsp ")); err == nil {
		r.Profile, r.Holder, r.Issuer = a.Profile(), a.Holder(), a.Root()
		r.NotBefore, r.NotAfter = profiles.AuthorityValidity(a, r.NotBefore)
		if a.IsRoot() {
			r.AuthorityKeyID = nil
		}
		if !strings.HasPrefix(who, "ocsp ") {
			return r
		}
		r.Holder, r.Issuer, r.NotAfter = a.ResponderHolder(), a, time.Time{}
		if r.Profile, err = profiles.FindProfile("ocsp/responder"); err != nil {
			t.Fatal(err)
		}
	} else {
		identity, err := fixtures.Find(who)
		if err != nil {
			t.Fatal(err)
		}
		product, err := profiles.FindProduct(identity.Product)
		if err != nil {
			t.Fatal(err)
		}
		r.Holder = identity.Holder
		if product.CardType != "" && r.Holder.CardNumber == "" {
			r.Holder.CardNumber = "2000000001"
		}
		if r.Profile, err = product.Profile(role); err != nil {
			t.Fatal(err)
		}
		if r.Issuer, err = product.IssuingAuthority(); err != nil {
			t.Fatal(err)
		}
	}
	serial := make([]byte, 16)
	copy(serial, r.Issuer.SerialPrefix())
	serial[15] = 1
	r.Serial = new(big.Int).SetBytes(serial)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func rulesAt(level Level, all []Finding) (rules []string) {
	for _, f := range all {
		if f.Level == level {
			rules = append(rules, f.Rule)
		}
	}
	return rules
}

// No real certificate breaks a rule, of ours or of the RFCs: not even one that is a warning. Of one
// rulesAt production, notices name what only production has.
func TestLintRealCertificates(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(reference.Dir(t), "certificates", "*.pem"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		found := Certificate(reference.Read(t, "certificates/"+name))
		switch {
		case strings.HasPrefix(name, "TEST-"):
			for _, f := range found {
				t.Errorf("%s: %+v", name, f)
			}
		default:
			want := []string{"igc_issuer", "igc_authority_test"}
			if name == "EL-ORG-auth-client-gen2023.pem" {
				want = []string{"igc_issuer", "igc_policy_test", "igc_category_test"}
			}
			if rules := rulesAt(Notice, found); len(rules) != len(found) || !slices.Equal(rules, want) {
				t.Errorf("%s is of production: %v", name, found)
			}
		}
	}
}

// A certificate that names an authority of production above another key than its own is not one of
// production: the rules of TEST stay errors.
func TestLintFalseProduction(t *testing.T) {
	der := reference.Read(t, "certificates/EL-ORG-auth-client-gen2023.pem")
	key, _ := hex.DecodeString("d7fbfadcd5027fe7c153864d4be8a44a1e0bbb63")
	if rules := rulesAt(Error, Certificate(bytes.Replace(der, key, make([]byte, 20),
		1))); !slices.Contains(rules, "igc_issuer") || !slices.Contains(rules, "igc_category_test") {
		t.Errorf("errors: %v", rules)
	}
	// and what one of production has wrong is an error in it as well
	if rules := rulesAt(Error, Certificate(bytes.Replace(der, []byte("/CRL/"), []byte("/CRM/"),
		1))); !slices.Equal(rules, []string{"igc_crl"}) {
		t.Errorf("errors: %v", rules)
	}
}

// Whatever the lab can issue breaks no rule, with the real keys not even a notice; and each known
// deviation is one that something the lab issues has.
func TestLintWhatTheLabIssues(t *testing.T) {
	deviating := map[string]bool{}
	check := func(r profiles.Request, signer crypto.Signer) {
		t.Helper()
		template, err := profiles.Build(r)
		if err != nil {
			t.Fatalf("%s: %v", r.Profile.ID(), err)
		}
		for _, f := range Certificate(sign(t, template, r.Issuer, r.PublicKey, signer)) {
			if strings.Contains(f.Text().EN, "known deviation") {
				deviating[f.Rule] = true
			}
			fast := signer == keys()["p256"] && f.Level == Notice
			if !fast {
				t.Errorf("%s, %s, from %s: %+v", r.Profile.ID(), r.Generation, r.NotBefore, f)
			}
		}
	}
	for _, fast := range []bool{false, true} {
		authority, holder := keys()["authority"], keys()["holder"]
		if fast {
			authority, holder = keys()["p256"], keys()["p256"]
		}
		for _, g := range []profiles.Generation{profiles.Gen2016, profiles.Gen2023} {
			for _, name := range fixtures.Names() {
				identity, _ := fixtures.Find(name)
				product, _ := profiles.FindProduct(identity.Product)
				for _, p := range product.Certificates {
					r := request(t, name, p.Role, g, holder.Public())
					for _, year := range []int{2016, 2026, 2048} { // early validity, now, and an end after 2049
						r.NotBefore = time.Date(year, 3, 1, 0, 0, 0, 0, time.UTC)
						check(r, authority)
					}
				}
			}
		}
		for _, a := range profiles.Authorities() {
			for _, year := range []int{2026, 2036} {
				r := request(t, a.ID(), "", "", authority.Public())
				r.NotBefore, r.NotAfter = profiles.AuthorityValidity(a, time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC))
				check(r, authority)
			}
			if !a.IsRoot() {
				check(request(t, "ocsp "+a.ID(), "", "", holder.Public()), authority)
			}
		}
	}
	for _, d := range deviations {
		if !deviating[d.lint] {
			t.Errorf("nothing deviates from %s: take it off the table", d.lint)
		}
		if lint.GlobalRegistry().CertificateLints().ByName(d.lint) == nil {
			t.Errorf("zlint has no lint %s", d.lint)
		}
	}
}

// bend rewrites the parts of a certificate: version, serial number, algorithm, issuer, validity,
// subject, key and extensions. The signature is not made anew: no rule looks at it.
func bend(t testing.TB, der []byte, change func(parts [][]byte)) []byte {
	in := cryptobyte.String(der)
	var cert, tbs cryptobyte.String
	if !in.ReadASN1(&cert, cbasn1.SEQUENCE) || !cert.ReadASN1(&tbs, cbasn1.SEQUENCE) {
		t.Fatal("not a certificate")
	}
	var parts [][]byte
	for !tbs.Empty() {
		var part cryptobyte.String
		var tag cbasn1.Tag
		if !tbs.ReadAnyASN1Element(&part, &tag) {
			t.Fatal("not a certificate")
		}
		parts = append(parts, part)
	}
	change(parts)
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(bytes.Join(parts, nil)) })
		b.AddBytes(cert)
	})
	return b.BytesOrPanic()
}

// Ways to break a certificate: its template before it is signed, or its bytes after.

func oid(s string) (o asn1.ObjectIdentifier) {
	for _, part := range strings.Split(s, ".") {
		n := 0
		fmt.Sscan(part, &n)
		o = append(o, n)
	}
	return o
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

func mark(id string, is bool) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		for i := range c.ExtraExtensions {
			if c.ExtraExtensions[i].Id.String() == id {
				c.ExtraExtensions[i].Critical = is
			}
		}
	}
}

// in replaces bytes of an extension's value.
func in(id string, old, new string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		for i := range c.ExtraExtensions {
			if e := &c.ExtraExtensions[i]; e.Id.String() == id {
				if !strings.Contains(string(e.Value), old) {
					panic(id + " holds no " + old)
				}
				e.Value = []byte(strings.Replace(string(e.Value), old, new, 1))
			}
		}
	}
}

// name changes the subject.
func name(change func(n profiles.Name) profiles.Name) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		n, err := profiles.ParseName(c.RawSubject)
		if err == nil {
			c.RawSubject, err = change(n).Marshal()
		}
		if err != nil {
			panic(err)
		}
	}
}

// attribute gives an attribute of the subject another value.
func attribute(id, value string) func(*x509.Certificate) {
	return name(func(n profiles.Name) profiles.Name {
		for _, rdn := range n {
			for i := range rdn {
				if rdn[i].Type.String() == id {
					rdn[i].Value = value
				}
			}
		}
		return n
	})
}

// unsorted writes the last RDN of the subject the other way round.
func unsorted(c *x509.Certificate) {
	n, _ := profiles.ParseName(c.RawSubject)
	last := n[len(n)-1]
	var sorted, reversed []byte
	for _, ava := range last {
		der, _ := profiles.Name{{ava}}.Marshal() // SEQUENCE { SET { ... } }, two lengths of one byte each
		sorted, reversed = append(sorted, der[4:]...), append(slices.Clone(der[4:]), reversed...)
	}
	c.RawSubject = bytes.Replace(c.RawSubject, sorted, reversed, 1)
}

func part(i int, old, new string) func(parts [][]byte) {
	return func(parts [][]byte) {
		if !strings.Contains(string(parts[i]), old) {
			panic(fmt.Sprintf("%x holds no %x", parts[i], old))
		}
		parts[i] = []byte(strings.Replace(string(parts[i]), old, new, 1))
	}
}

// generalized makes the first date a GeneralizedTime.
func generalized(parts [][]byte) {
	validity := parts[4] // SEQUENCE, length, UTCTime, 13
	parts[4] = slices.Concat([]byte{0x30, validity[1] + 2, 0x18, 15}, []byte("20"), validity[4:])
}

// backwards reverses the members of an extension that is a SEQUENCE.
func backwards(id string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		for i := range c.ExtraExtensions {
			if e := &c.ExtraExtensions[i]; e.Id.String() == id {
				var members []asn1.RawValue
				if _, err := asn1.Unmarshal(e.Value, &members); err != nil {
					panic(err)
				}
				slices.Reverse(members)
				e.Value, _ = asn1.Marshal(members)
			}
		}
	}
}

func all(changes ...func(*x509.Certificate)) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		for _, change := range changes {
			change(c)
		}
	}
}

const (
	ski, keyUsage, san, basicConstraints = "2.5.29.14", "2.5.29.15", "2.5.29.17", "2.5.29.19"
	crlPoints, policies, aki, eku        = "2.5.29.31", "2.5.29.32", "2.5.29.35", "2.5.29.37"
	freshest, pkup                       = "2.5.29.46", "2.5.29.16"
	aia, noCheck                         = "1.3.6.1.5.5.7.1.1", "1.3.6.1.5.5.7.48.1.5"
	category, cardType, cardNum          = sector + "1.2.5", sector + "1.2.2", sector + "1.2.3"
	professionID, specialitiesID         = sector + "1.2.7", sector + "4.2.5"
	cn, sn, gn, o, titleID               = "2.5.4.3", "2.5.4.4", "2.5.4.42", "2.5.4.10", "2.5.4.12"
)

// Each rule is broken by a certificate that departs from a good one in one thing, and is named.
// Rules of ours that the same thing breaks too are listed: no other is found.
func TestLintRules(t *testing.T) {
	type certificate = x509.Certificate
	covered := map[string]bool{"igc_certificate": true} // TestLintGarbage
	for _, tc := range []struct {
		want     string // rules
		who      string // and the role after a slash; guy/authentication when empty
		template func(*x509.Certificate)
		parts    func([][]byte) // after signing
		issuer   string         // other than the product's
		signer   string         // other than "authority"
		holder   string         // key, other than "holder"
	}{
		{want: ""},
		{want: "igc_version", parts: part(0, "\x02\x01\x02", "\x02\x01\x01")},
		{want: "igc_signature igc_signature_faithful", parts: part(2, "\x01\x0b\x05", "\x01\x0c\x05")}, // SHA-384 inside, SHA-256 outside
		{want: "igc_signature_faithful", signer: "p256"},
		{want: "igc_key igc_key_faithful", parts: part(6, "\x86\xf7\x0d\x01\x01\x01", "\x86\xf7\x0d\x01\x01\x7f")},
		{want: "igc_key_weak igc_key_faithful", holder: "weak"},
		{want: "igc_key_faithful", holder: "other"},
		{want: "igc_key_faithful", who: "ACI-FO-PP", holder: "holder"}, // 2048 bits are for holders
		{want: "igc_serial", template: func(c *certificate) { c.SerialNumber = big.NewInt(1 << 40) }},
		{want: "igc_serial", parts: func(p [][]byte) { p[1][2] |= 0x80 }},
		{want: "igc_serial", who: "ACI-FO-PP",
			template: func(c *certificate) { c.SerialNumber = new(big.Int).Lsh(big.NewInt(0x1121), 128) }},
		{want: "igc_serial_prefix", template: func(c *certificate) { c.SerialNumber = new(big.Int).Lsh(big.NewInt(0x781C), 112) }},
		{want: "igc_time", parts: generalized},
		{want: "igc_validity_order igc_validity igc_holder", template: func(c *certificate) {
			c.NotBefore,
				c.NotAfter = c.NotAfter, c.NotBefore
		}},
		{want: "igc_validity", template: func(c *certificate) { c.NotAfter = c.NotAfter.AddDate(0, 0, -1) }},
		{want: "igc_validity", who: "ACR-FO",
			template: func(c *certificate) { c.NotAfter = c.NotAfter.AddDate(0, 0, -1) }},
		{want: "igc_issuer", parts: part(3, "SANTE TEST", "SANTE TOTO")},
		{want: "igc_authority_test", who: "ACI-FO-PP", template: attribute(cn, "AC IGC-SANTE FORT PERSONNES")},
		{want: "igc_gamme igc_serial_prefix igc_holder", issuer: "ACI-ST-PP"},
		{want: "igc_gamme igc_crl", who: "ACI-FO-PP", issuer: "ACR-ST"},
		{want: "igc_subject", template: name(func(n profiles.Name) profiles.Name {
			n[len(n)-1] = n[len(n)-1][:2]
			return n
		})},
		{want: "igc_name_order", template: unsorted},
		{want: "igc_name_strings", template: name(func(n profiles.Name) profiles.Name {
			n[1][0] = profiles.AVA{Type: n[1][0].Type, Tag: cbasn1.PrintableString, Value: n[1][0].Value}
			return n
		})},
		{want: "igc_organisation igc_holder", who: "ministere/seal", template: attribute(o, strings.Repeat("É", 41))},
		{want: "igc_title", template: attribute(titleID, "Infirmière")},
		{want: "igc_profession igc_holder", template: put(professionID, "02010b")},
		{want: "igc_profession igc_holder", template: put(professionID, "")},
		{want: "igc_profession igc_holder", who: "charles/authentication", template: put(professionID, "02010a")},
		{want: "igc_specialities igc_holder", who: "alain/authentication", template: in(specialitiesID, "SM26",
			"SM99")},
		{want: "igc_check_digit", who: "alain/signature", template: attribute(cn, "899700209813")},
		{want: "igc_netscape", template: put(netscapeCertType, "03020780")},
		{want: "igc_extension_known", template: put("1.2.250.1.71.99.1", "0500")},
		{want: "igc_extension_once igc_extension_order",
			template: func(c *certificate) { c.ExtraExtensions = append(c.ExtraExtensions, c.ExtraExtensions[0]) }},
		{want: "igc_extension_order", template: func(c *certificate) {
			e := c.ExtraExtensions
			e[3],
				e[4] = e[4], e[3]
		}},
		{want: "igc_critical igc_ext_key_usage", template: mark(eku, true)},
		{want: "igc_critical igc_key_usage", template: mark(keyUsage, false)},
		{want: "igc_critical igc_basic_constraints", who: "ACR-FO", template: mark(basicConstraints, false)},
		{want: "igc_private_critical igc_category", template: mark(category, true)},
		{want: "igc_basic_constraints", template: put(basicConstraints, "3003010100")},
		{want: "igc_ski", template: put(ski, "0414"+strings.Repeat("00", 20))},
		{want: "igc_aki", template: put(aki, "30198014"+strings.Repeat("00", 20)+"820107")},
		{want: "igc_key_usage", template: put(keyUsage, "030206c0")},
		{want: "igc_ext_key_usage", template: put(eku, "300a06082b06010505070302")},
		{want: "igc_policy", template: in(policies, "\x01\x01\x01\x01", "\x01\x01\x01\x02")},
		{want: "igc_private_key_period", who: "guy/signature", template: put(pkup, "")},
		{want: "igc_policy igc_policy_test", template: in(policies, "\x07\x02\x01\x01\x01\x01",
			"\x07\x01\x01\x02\x05\x01")},
		{want: "igc_upn_missing", who: "cecile/authentication", template: put(san, "")},
		{want: "igc_upn", template: in(san, "0.0B6077602", "0-0B6077602")},
		{want: "igc_san_dns", who: "serveur/server", template: put(san, "300782056e6f6f6e65")},
		{want: "igc_san_dns igc_san_ip", who: "serveur/server", template: put(san, "300d82056e6f6f6e6587040a000005")},
		{want: "igc_san", who: "ministere/seal", template: put(san, "30078105614062632e")},
		{want: "igc_crl", template: backwards(crlPoints)},
		{want: "igc_freshest_crl", template: in(freshest, "ldap://", "http://")},
		{want: "igc_aia", template: backwards(aia)},
		{want: "igc_nocheck", template: put(noCheck, "0500")},
		{want: "igc_category_test igc_category", template: put(category, "040100")},
		{want: "igc_category", template: put(category, "040183")},
		{want: "igc_card_type", template: put(cardType, "02020000")},
		{want: "igc_card_number igc_holder", template: in(cardNum, "8025000001", "8025000002")},
		{want: "igc_card_number igc_holder", who: "cecile/signature", template: put(cardNum,
			"131538303235303030303031"+"2f32383030323632343837")},
		{want: "igc_holder", who: "guy/signature", template: attribute(cn, "X0B6077602")},
		{want: "igc_product", template: all(put(keyUsage, "03020520"), put(eku, "300a06082b06010505070304"),
			put(category, "040182"))},
	} {
		t.Run(tc.want+" "+tc.who, func(t *testing.T) {
			who, role, _ := strings.Cut(tc.who, "/")
			if who == "" {
				who, role = "guy", "authentication"
			}
			choose := func(name, otherwise string) crypto.Signer {
				if name == "" {
					name = otherwise
				}
				return keys()[name]
			}
			holder := choose(tc.holder, "holder")
			if strings.HasPrefix(who, "AC") {
				holder = choose(tc.holder, "authority")
			}
			r := request(t, who, role, profiles.Gen2016, holder.Public())
			template, err := profiles.Build(r)
			if err != nil {
				t.Fatal(err)
			}
			if tc.template != nil {
				tc.template(template)
			}
			issuer := r.Issuer
			if tc.issuer != "" {
				if issuer, err = profiles.ParseAuthority(tc.issuer); err != nil {
					t.Fatal(err)
				}
			}
			der := sign(t, template, issuer, r.PublicKey, choose(tc.signer, "authority"))
			if tc.parts != nil {
				der = bend(t, der, tc.parts)
			}
			found := Certificate(der)
			var ours []string
			for _, f := range found {
				if strings.HasPrefix(f.Rule, "igc_") {
					ours = append(ours, f.Rule)
					covered[f.Rule] = true
				}
			}
			want := strings.Fields(tc.want)
			slices.Sort(ours)
			slices.Sort(want)
			if !slices.Equal(ours, want) {
				t.Errorf("found %q", ours)
				for _, f := range found {
					t.Logf("%+v", f)
				}
			}
			if err := Refusal(found); (err != nil) != (len(rulesAt(Error, found)) > 0) {
				t.Errorf("refusal %v for %v", err, found)
			}
		})
	}
	for _, r := range rules {
		if !covered[r.id] {
			t.Errorf("no certificate breaks %s", r.id)
		}
	}
}

// The RFCs' lints are at work, under their own names.
func TestLintRFC(t *testing.T) {
	r := request(t, "guy", "authentication", profiles.Gen2016, keys()["holder"].Public())
	template, err := profiles.Build(r)
	if err != nil {
		t.Fatal(err)
	}
	all(mark(ski, true), mark(keyUsage, false))(template)
	found := Certificate(sign(t, template, r.Issuer, r.PublicKey, keys()["authority"]))
	if !slices.Contains(rulesAt(Error, found), "e_ext_subject_key_identifier_critical") ||
		!slices.Contains(rulesAt(Warning, found), "w_ext_key_usage_not_critical") {
		t.Errorf("found %+v", found)
	}
	put(san, "3005e503020101")(template) // a name that zcrypto cannot read
	found = Certificate(sign(t, template, r.Issuer, r.PublicKey, keys()["authority"]))
	i := slices.IndexFunc(found, func(f Finding) bool { return f.Rule == "zlint_parse" })
	if i < 0 || strings.Contains(found[i].Text().EN, "0x") {
		t.Errorf("found %+v", found)
	}
	if n := len(rfcLints()); n < 100 {
		t.Errorf("%d lints of RFCs: zlint has other names for its sources", n)
	}
}

// Bytes that are not a certificate have a finding that says so, fit for a terminal.
func TestLintGarbage(t *testing.T) {
	for _, der := range [][]byte{nil, {}, {0x30}, []byte("\x1b[31mred"), bytes.Repeat([]byte{0x30, 0x80}, 1<<16)} {
		found := Certificate(der)
		if len(found) != 1 || found[0].Rule != "igc_certificate" || Refusal(found) == nil {
			t.Errorf("%.20x: %+v", der, found)
		}
	}
	if got := clean("a\x1b[31m\u202eb\n" + strings.Repeat("é", 1000)); strings.ContainsAny(got, "\x1b\n\u202e") ||
		len([]rune(got)) != maxFound+1 {
		t.Errorf("%q", got)
	}
}

// Whatever the bytes, linting ends, names the same rules twice (zlint's own words follow the order
// rulesAt its maps), and says nothing that a terminal obeys.
func FuzzLint(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join(reference.Dir(f), "certificates", "*.pem"))
	for _, file := range files {
		f.Add(reference.Read(f, "certificates/"+filepath.Base(file)))
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		found := Certificate(der)
		again := Certificate(der)
		if !slices.EqualFunc(found, again, func(a, b Finding) bool { return a.Level == b.Level && a.Rule == b.Rule }) {
			t.Errorf("%v, then %v", found, again)
		}
		for _, x := range found {
			if strings.ContainsFunc(x.Text().FR+x.Text().EN, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%+q", x)
			}
		}
	})
}

// What a certificate costs; BenchmarkLintRFC is zlint's part.
func BenchmarkLint(b *testing.B)    { bench(b, func(der []byte) { Certificate(der) }) }
func BenchmarkLintRFC(b *testing.B) { bench(b, func(der []byte) { rfc(der) }) }

func bench(b *testing.B, check func([]byte)) {
	r := request(b, "alain", "authentication", profiles.Gen2016, keys()["holder"].Public())
	template, err := profiles.Build(r)
	if err != nil {
		b.Fatal(err)
	}
	der := sign(b, template, r.Issuer, r.PublicKey, keys()["authority"])
	check(der) // the tables are read once
	b.ReportAllocs()
	for b.Loop() {
		check(der)
	}
}
