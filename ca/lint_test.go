package ca

import (
	"crypto/x509"
	"fmt"
	"math/big"
	"strings"
	"testing"

	casapi "github.com/smallstep/certificates/cas/apiv1"

	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/profiles/lint"
)

// An authority refuses what breaks a rule, by the rule's name, and records nothing of it. A warning
// it signs.
func TestLintBeforeSigning(t *testing.T) {
	lab := newCA(t, Options{})
	a := profiles.Authority{Gamme: profiles.Fort, Domaine: profiles.Personnes}
	if _, err := lab.Ensure(t.Context(), []profiles.Authority{a}); err != nil {
		t.Fatal(err)
	}
	issuer, err := lab.Issuer(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	auth, err := profiles.FindProfile("cps/authentication")
	if err != nil {
		t.Fatal(err)
	}
	key, err := P256.Generate()
	if err != nil {
		t.Fatal(err)
	}
	holder := alain
	holder.CardNumber = "2000000001"
	set := func(name string, value ...byte) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			for i := range c.ExtraExtensions {
				if c.ExtraExtensions[i].Id.String() == name {
					c.ExtraExtensions[i].Value = value
				}
			}
		}
	}
	before, _ := lab.List(t.Context(), Filter{})
	for rule, change := range map[string]func(*x509.Certificate){
		"igc_category_test":                     set("1.2.250.1.71.1.2.5", 4, 1, 0),
		"igc_key_usage":                         set("2.5.29.15", 3, 2, 6, 0xc0),
		"igc_serial_prefix":                     func(c *x509.Certificate) { c.SerialNumber = new(big.Int).Lsh(big.NewInt(0x1234), 112) },
		"igc_extension_order":                   func(c *x509.Certificate) { e := c.ExtraExtensions; e[4], e[5] = e[5], e[4] },
		"e_ext_subject_key_identifier_critical": func(c *x509.Certificate) { c.ExtraExtensions[1].Critical = true },
		"":                                      func(c *x509.Certificate) { c.NotAfter = c.NotAfter.AddDate(-1, 0, 0) }, // igc_validity, a warning
	} {
		template, err := profiles.Build(profiles.Request{Profile: auth, Holder: holder, Issuer: a, URLs: lab.URLs, NotBefore: lab.now(),
			Serial: newSerial(a, profiles.Gen2016), PublicKey: key.Public(), AuthorityKeyID: issuer.Certificate.SubjectKeyId})
		if err != nil {
			t.Fatal(err)
		}
		change(template)
		made, err := issuer.CreateCertificate(&casapi.CreateCertificateRequest{Template: template})
		switch {
		case rule != "":
			wantKind(t, err, Invalid)
			if err == nil || !strings.Contains(err.Error(), rule+": ") {
				t.Errorf("error %v, want one that names %s", err, rule)
			}
		case err != nil:
			t.Error(err)
		default:
			if found := lint.Certificate(made.Certificate.Raw); len(found) == 0 || found[0].Rule != "igc_validity" {
				t.Errorf("found %+v", found)
			}
		}
	}
	if after, _ := lab.List(t.Context(), Filter{}); len(after) != len(before)+1 {
		t.Errorf("%d certificates recorded, want one", len(after)-len(before))
	}
}

// The nine authorities are linted before they are signed like anything else, and nothing is found
// in them but that fast keys are not faithful.
func TestLintAuthorities(t *testing.T) {
	lab := newCA(t, Options{})
	if _, err := lab.Ensure(t.Context(), profiles.Authorities()); err != nil {
		t.Fatal(err)
	}
	list, err := lab.Authorities(t.Context())
	if err != nil || len(list) != 9 {
		t.Fatal(list, err)
	}
	for _, a := range list {
		for _, f := range lint.Certificate(a.DER) {
			if f.Level != lint.Notice {
				t.Errorf("%s: %+v", a.ID, f)
			}
		}
	}
}

// The key that the linted copy is signed with is of the authority's type, and made once.
func TestLintWithTheIssuersAlgorithm(t *testing.T) {
	for _, policy := range []KeyPolicy{RSA2048, P256} {
		key, err := policy.Generate()
		if err != nil {
			t.Fatal(err)
		}
		algorithm := signatureAlgorithm(key.Public())
		throwaway, err := throwawayKeys[algorithm]()
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := throwawayKeys[algorithm](); again != throwaway {
			t.Errorf("%s: a second throwaway key was made", policy)
		}
		if got, want := fmt.Sprintf("%T", throwaway.Public()), fmt.Sprintf("%T", key.Public()); got != want {
			t.Errorf("%s: the throwaway key is a %s, and the authority's a %s", policy, got, want)
		}
	}
}
