package profiles

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/internal/i18n"
)

// What people write for a host is a host name, an IP address, or an error that gives the right one.
func TestHostNames(t *testing.T) {
	for text, want := range map[string]string{
		"hopital.test": "hopital.test", "Hopital.Test": "Hopital.Test", "localhost": "localhost",
		"*.hopital.test": "*.hopital.test",
		"hôpital.test":   "xn--hpital-ixa.test", "xn--hpital-ixa.test": "xn--hpital-ixa.test",
		"*.hôpital.fr":       "*.xn--hpital-ixa.fr",
		"ho\u0302pital.test": "xn--hpital-ixa.test", " hopital.test\u200e": "hopital.test",
		"1.hopital.test": "1.hopital.test",
		"10.0.0.5":       "10.0.0.5", "::1": "::1", "[::1]": "::1", "FE80::0:1": "fe80::1",
		"::ffff:10.0.0.5": "10.0.0.5",
	} {
		if got, err := hostName("service", text); got != want || err != nil {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"https://hopital.test/": `give "hopital.test"`, "hopital.test:443": `give "hopital.test"`,
		"hopital.test/dpi":   `give "hopital.test"`,
		"ldap://[::1]:389/x": `give "::1"`, "[::1]:443": `give "::1"`, "10.0.0.0/8": `give "10.0.0.0"`,
		"//hopital.test":                       `give "hopital.test"`,
		"HTTPS://user@hopital.test:8443/a?b#c": `give "hopital.test"`,
		"hopital.test.":                        `ends with a dot: give "hopital.test"`,
		"a.test, b.test":                       "several names", "a.test;b.test": "several names",
		"a.test b.test":      "several names",
		"a.test\tb.test":     "several names",
		"admin@hopital.test": "is an e-mail address", "*": "a star", "*.test": "a star", "a*.test.fr": "a star",
		"a.*.test": "a star", "**.a.test": "a star",
		"srv_dpi.test": "is not a DNS name", "-a.test": "hyphen", "a-.test": "hyphen", "a..test": "a part is empty",
		".test": "a part is empty",
		strings.Repeat("a", 64) +
			".test": "63 characters", "10.0.0.256": "ends with a number", "10.0.5": "ends with a number",
		"1":            "ends with a number",
		"fe80::1%eth0": "is not a DNS name", "xn--0.test": "xn--", "hôpital_.test": "xn--", "{}": "is not a DNS name",
		strings.Repeat("a.", 130) + "test": "253 characters",
	} {
		if got, err := hostName("dns", text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestEmailAddresses(t *testing.T) {
	for text, want := range map[string]string{
		"a@b.test": "a@b.test", " cecile@example.fr ": "cecile@example.fr",
		"prenom.nom+cps@hopital.mssante.fr": "prenom.nom+cps@hopital.mssante.fr",
		"O'Brien@example.fr":                "O'Brien@example.fr", "a@hôpital.fr": "a@xn--hpital-ixa.fr",
		"\u200ea@b.fr": "a@b.fr",
	} {
		if got, err := emailAddress(text); got != want || err != nil {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"mailto:a@b.test": "give the address alone, a@b.test", "MAILTO:a@b.test?subject=x": "alone, a@b.test",
		"Alain <a@b.fr>": "alone, a@b.fr",
		"<a@b.fr>":       "alone, a@b.fr", "a@b.fr;c@d.fr": "several", "a@b.fr, c@d.fr": "several",
		"a@b@c.fr": "several",
		"a@b.fr.":  "ends with a dot",
		"A@B":      "not an e-mail address", "a.b.fr": "not an e-mail address", "@b.fr": "not an e-mail address",
		"a@":      "not an e-mail address",
		".a@b.fr": "not an e-mail", "a.@b.fr": "not an e-mail", "a..b@c.fr": "not an e-mail", "a b@c.fr": "not an " +
			"e-mail", "é@c.fr": "not an e-mail",
		"a@[10.0.0.5]": "not an e-mail", "a@10.0.0.5": "not an e-mail", "a@b_c.fr": "not an e-mail",
		"a@-b.fr":                         "not an e-mail",
		strings.Repeat("a", 65) + "@b.fr": "not an e-mail", "a@b..fr": "not an e-mail", "a(x)@b.fr": "not an e-mail",
	} {
		if got, err := emailAddress(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestFindDepartment(t *testing.T) {
	for want, texts := range map[string][]string{
		"Ain (01)": {"01", "1", "001", "Ain", "ain", "AIN", "01 - Ain", "1 Ain", "Ain (01)", "ain (1)",
			"l'Ain", "01-ain", " 01\u00a0"},
		"Corse-du-Sud (2A)": {"2A", "2a", "02a", "Corse-du-Sud", "corse du sud", "2A - Corse-du-Sud", "2a corse-du-sud",
			"CORSE-DU-SUD (2a)"},
		"Paris (75)":      {"75", "075", "paris", "Paris (75)", "75 – Paris"},
		"Val d'Oise (95)": {"95", "Val-d'Oise", "val d’oise"},
		"Réunion (974)":   {"974", "La Réunion", "la reunion", "re\u0301union", "974 - La Réunion"},
		"Mayotte (976)":   {"976", "Mayotte"}, "Mayotte (985 - Ancien Code)": {"985", "Mayotte (985 - Ancien Code)"},
		"Seine-Saint-Denis (93)": {"93", "Seine St Denis", "SEINE-SAINT-DENIS"}, "Monaco (98000)": {"98000",
			"Monaco (98000)"},
		"Yonne (89)": {"Département de l'Yonne"}, "Creuse (23)": {"département de la Creuse"},
		"Côte-d'Or (21)": {"cote d'or"},
	} {
		for _, text := range texts {
			if got, err := FindDepartment(text); got != want || err != nil {
				t.Errorf("%q: %q, %v; want %q", text, got, err, want)
			}
		}
	}
	for text, want := range map[string]string{
		"01 - Aisne": "contradicts itself", "Aisne (01)": "contradicts itself", "20": "2A (Corse-du-Sud) or 2B",
		"75013": "postal code: its department is Paris (75)",
		"97400": "its department is Réunion (974)", "Monaco": "98000 or 99138", "Parris": "did you mean Paris (75)",
		"": "is missing", " ": "is missing",
		"00": "unknown department", "99": "unknown department", "0": "unknown department", "75 - Pariss": "unknown " +
			"department", "Île-de-France": "unknown department",
	} {
		if got, err := FindDepartment(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestFindCode(t *testing.T) {
	for text, want := range map[string]string{"sm26": "SM26", " SM26 ": "SM26", "10": "10", "10 - Médecin": "10",
		"10 (médecin)": "10", "10 medecin": "10",
		"10 - Pharmacien": "10 - Pharmacien", "medecin": "medecin", "": "", "101": "101"} {
		table := "G15"
		if strings.HasPrefix(strings.ToUpper(strings.TrimSpace(text)), "SM") {
			table = "R01"
		}
		if got := FindCode(table, text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// Identifiers are read as people write them, and an error names what is wrong.
func TestNumbersAsWritten(t *testing.T) {
	finess, siren, siret := StructureKinds[0], StructureKinds[1], StructureKinds[2]
	for _, c := range []struct {
		read func(string) (string, error)
		want string
		ways []string
	}{
		{IdNatFromRPPS, "899700209812", []string{"99700209812", " 99700209812 ", "997 002 098 12", "99.700.209.812",
			"99\u202f700\u202f209\u202f812",
			"'99700209812", "\ufeff99700209812\r", "899700209812", "8 99700209812"}},
		{IdNatFromADELI, "00B6077602", []string{"0B6077602", "0b6077602", "0B 607 760 2", "00B6077602",
			"\u200e0B6077602"}},
		{finess.ID, "10B0057881", []string{"0B0057881", "0b0057881", "0B 005 788 1", "0B.005.788.1", "10B0057881",
			"'0B0057881"}},
		{siren.ID, "2187512751", []string{"187512751", "187 512 751", "187\u00a0512\u00a0751", "187.512.751",
			"2187512751"}},
		{siret.ID, "318751275100020", []string{"18751275100020", "187 512 751 00020", "187.512.751.00020",
			"187\u2009512\u2009751\u200900020"}},
	} {
		for _, way := range c.ways {
			if got, err := c.read(way); got != c.want || err != nil {
				t.Errorf("%q: %q, %v; want %s", way, got, err, c.want)
			}
		}
	}
	for _, c := range []struct {
		read       func(string) (string, error)
		text, want string
	}{
		{finess.ID, "0C0057881", `holds "C": its first two characters are a department`}, {finess.ID, "0B005788X",
			`holds "X" in the place of a digit`},
		{finess.ID, "0B005788", "is not 9 characters such as 0B0057881: it has 8"}, {siren.ID, "18751275100020",
			"it has 14"},
		{IdNatFromRPPS, "9970020981", "not eleven digits (it has 10"}, {IdNatFromRPPS, "99700209 81X",
			"not eleven digits"}, {IdNatFromADELI, "0X6077602", "nine characters"},
		{siret.ID, "1875127510002O", `holds "O" in the place of a digit`}, {siret.ID, "", "it has 0"},
	} {
		if got, err := c.read(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %q, %v; want %q", c.text, got, err, c.want)
		} else if i18n.TextOf(err).FR == err.Error() {
			t.Errorf("%q: no French message: %v", c.text, err)
		}
	}
	if got := NormalizeIdNat(" 3 0b0057881/cpet.0002 "); got != "30B0057881/cpet.0002" {
		t.Errorf("%q", got)
	}
}

// An IP address goes into an iPAddress, is read back from it, and is warned of.
func TestServerAddress(t *testing.T) {
	p, err := FindProfile("ssl-serv/server")
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := p.Product.IssuingAuthority()
	if err != nil {
		t.Fatal(err)
	}
	h := Holder{Service: "10.0.0.5", DNSNames: []string{"hôpital.test", "[::1]", "b.test"}, Organisation: "H",
		Structure: "10B0057881", Department: "Paris (75)"}
	der := sign(t, Request{Profile: p, Holder: h, Issuer: issuer, Generation: Gen2016, URLs: RealURLs,
		NotBefore: time.Now(),
		Serial:    big.NewInt(1 << 40), PublicKey: &key.PublicKey, AuthorityKeyID: []byte{1}}, key)
	c, err := x509.ParseCertificate(der)
	if err != nil || len(c.IPAddresses) != 2 || !slices.Equal(c.DNSNames, []string{"xn--hpital-ixa.test", "b.test"}) {
		t.Fatalf("%v %v, %v", c.IPAddresses, c.DNSNames, err)
	}
	d, err := Decode(der)
	if err != nil || len(d.Findings) > 0 || !slices.Equal(d.Holder.DNSNames,
		[]string{"xn--hpital-ixa.test", "::1", "b.test"}) {
		t.Errorf("%v, %+v, %v", d.Findings, d.Holder, err)
	}
	if w := p.Product.Warnings(h); len(w) != 2 || !strings.Contains(w[0].EN, "10.0.0.5 goes into an iPAddress") {
		t.Errorf("%q", w)
	}
	if h.DNSNames[0] != "hôpital.test" {
		t.Error("the asker's holder was changed")
	}
	cps, _ := FindProduct("auth-cli")
	if _, err := cps.Complete(Holder{Service: "dpi", DNSNames: []string{"a.test"}, Organisation: "H",
		Structure: "10B0057881", Department: "Paris (75)"}); err == nil ||
		!strings.Contains(err.Error(), "names no host") {
		t.Errorf("%v", err)
	}
}

// Every error of a holder names its field and has both languages.
func TestFieldErrors(t *testing.T) {
	for _, p := range Products() {
		_, err := p.Complete(Holder{})
		joined, ok := err.(interface{ Unwrap() []error })
		if !ok {
			t.Errorf("%s: %v", p.ID, err)
			continue
		}
		for _, e := range joined.Unwrap() {
			f, ok := e.(*FieldError)
			if !ok || f.Field == "" {
				t.Errorf("%s: %T %v has no field", p.ID, e, e)
			} else if text := f.Text(); text.FR == text.EN {
				t.Errorf("%s: %s is in one language", p.ID, text.EN)
			}
		}
	}
}
