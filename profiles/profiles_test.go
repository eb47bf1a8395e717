package profiles

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/internal/reference"
)

func TestTable(t *testing.T) {
	if _, err := loadTable(productsYAML); err != nil {
		t.Fatal(err)
	}
	for _, a := range Authorities() {
		if n := a.Name(); !strings.HasPrefix(n.Get("CN"), "TEST ") || a.Profile().Status != Attested {
			t.Errorf("%s: %s", a.ID(), n)
		}
		if len(a.SerialPrefix()) != 8 && !a.IsRoot() {
			t.Errorf("%s has no serial prefix", a.ID())
		}
		if back, ok := authorityOf(a.Name()); !ok || back != a {
			t.Errorf("%s is read back as %v", a.ID(), back)
		}
	}
	for _, table := range CodeTables() {
		if len(table.Codes) == 0 || table.NameFR == "" || table.NameEN == "" {
			t.Errorf("table %s is empty or has no name", table.ID)
		}
	}
}

// A table with a mistake is refused with words that lead to it.
func TestTableMistakes(t *testing.T) {
	for old, tc := range map[string]struct{ new, want string }{
		"subject: professional": {"subject: profesional", `no subject layout "profesional"`},
		"key: [nonRepudiation]": {"key: [nonRepudation]", `"nonRepudation" is not a key usage`},
		`card_type: "00"`:       {`card_type: "77"`, `"77" is not a code of table G02`},
		"issuer: ACI-FO-PP":     {"issuer: ACI-XX-PP", `unknown authority "ACI-XX-PP"`},
		"status: modelled":      {"status: guessed", `status "guessed"`},
		"upn: dotted":           {"upn: doted", `upn "doted"`},
		"GN+CN:id+SN":           {"GN+CN:id+XX", `"XX" is not an attribute`},
		"ocspNoCheck]":          {"ocspNoChek]", `"ocspNoChek" is not an extension`},
		"profession: G15":       {"profesion: G15", "profesion"},
	} {
		data := bytes.Replace(productsYAML, []byte(old), []byte(tc.new), 1)
		if bytes.Equal(data, productsYAML) {
			t.Errorf("the table no longer holds %q", old)
		}
		if _, err := loadTable(data); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one with %s", tc.new, err, tc.want)
		}
	}
}

// request makes a request that random numbers decide.
func randomRequest(t testing.TB, r *mathrand.Rand, key *ecdsa.PrivateKey) Request {
	pick := func(table string) string { c := Codes(table); return c[r.IntN(len(c))].Code }
	word := func() string {
		letters := []rune("ABCDEFGHIJKLMNOPQRSTUVWXYZÉÈÇŒ -'0123456789𝒜")
		out := []rune{'A'}
		for range r.IntN(20) {
			out = append(out, letters[r.IntN(len(letters))])
		}
		return strings.TrimSpace(string(out))
	}
	number := func(n int) string { return fmt.Sprintf("%0*d", n, r.Int64N(int64(pow10(n)))) }
	product := Products()[r.IntN(len(Products()))]
	var h Holder
	for _, rdn := range table().subjects[product.Subject] {
		for _, el := range rdn {
			if el.constant == "" {
				*el.attribute.field(&h) = word()
			}
		}
	}
	if h.IdNat != "" {
		h.IdNat = []string{"8" + number(11), "00B" + number(7), "3" + number(9) + "/CPET" + number(4)}[r.IntN(3)]
	}
	if h.Structure != "" {
		k := StructureKinds[r.IntN(len(StructureKinds))]
		h.Structure = string(k.prefix) + number(k.length)
	}
	if product.Title != "" {
		h.Title = product.Title
	}
	if product.Service != "" {
		h.Service = product.Service
	}
	if product.Email || product.UsesEmail() && r.IntN(2) == 0 {
		h.Email = "a" + number(5) + "@example.fr"
	}
	if product.Profession != "" {
		h.Profession = pick(product.Profession)
		h.Title, _ = Label(product.Profession, h.Profession)
		for range r.IntN(3) {
			h.Specialities = append(h.Specialities, pick("R01"))
		}
	}
	if product.CardType != "" {
		h.CardNumber = number(10)
	}
	profile := product.Certificates[r.IntN(len(product.Certificates))]
	if profile.usage.SAN == "dns" {
		h.Service = "a" + number(3) + ".example"
		for i := range r.IntN(3) {
			h.DNSNames = append(h.DNSNames, fmt.Sprintf("b%d.example", i))
		}
	}
	issuer, err := product.IssuingAuthority()
	if err != nil {
		t.Fatal(err)
	}
	serial := make([]byte, 16)
	for i := range serial {
		serial[i] = byte(r.Uint32())
	}
	return Request{Profile: profile, Holder: h, Issuer: issuer, Generation: []Generation{Gen2016, Gen2023}[r.IntN(2)],
		URLs:      []URLs{RealURLs, {"http://localhost:8080", "http://localhost:8080/ocsp", "ldap://localhost:1389"}}[r.IntN(2)],
		NotBefore: time.Unix(1.4e9+r.Int64N(8e8), 0).UTC(), Serial: new(big.Int).SetBytes(serial),
		PublicKey: &key.PublicKey, AuthorityKeyID: serial}
}

func pow10(n int) int {
	if n == 0 {
		return 1
	}
	return 10 * pow10(n-1)
}

func sign(t testing.TB, r Request, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	template, err := Build(r)
	if err != nil {
		t.Fatalf("%s, %+v: %v", r.Profile.ID(), r.Holder, err)
	}
	issuer, err := r.Issuer.Name().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, &x509.Certificate{RawSubject: issuer}, r.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// Decode(Build(x)) = x, without a finding, for holders of every kind.
func TestDecodeIsTheInverseOfBuild(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r := mathrand.New(mathrand.NewPCG(1, 2))
	for range 500 {
		req := randomRequest(t, r, key)
		d, err := Decode(sign(t, req, key))
		if err != nil {
			t.Fatal(err)
		}
		back, err := d.Request()
		if err != nil {
			t.Fatal(err)
		}
		req.NotAfter = req.Profile.Expiry(req.Generation, req.NotBefore)
		back.spki = nil
		if len(d.Findings) > 0 || !reflect.DeepEqual(back, req) {
			t.Fatalf("findings %v\nbuilt   %+v\ndecoded %+v", d.Findings, req, back)
		}
	}
}

// Each departure from the profile is found, under its own code.
func TestFindings(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cps, _ := FindProduct("cps")
	auth, _ := cps.Profile("authentication")
	req := Request{Profile: auth, Issuer: Authority{Fort, Personnes}, URLs: RealURLs, NotBefore: time.Unix(1.7e9, 0), Serial: big.NewInt(7),
		PublicKey: &key.PublicKey, AuthorityKeyID: make([]byte, 20),
		Holder: Holder{GivenName: "ALAIN", Surname: "DODO0020981", IdNat: "899700209812", Profession: "10", CardNumber: "2800000001"}}
	issuer, _ := req.Issuer.Name().Marshal()
	for name, tc := range map[string]struct {
		change func(c *x509.Certificate)
		want   string
	}{
		"nothing":           {func(c *x509.Certificate) {}, ""},
		"unknown extension": {func(c *x509.Certificate) { c.ExtraExtensions[0].Id = oid("1.2.3") }, UnknownExtension},
		"missing extension": {func(c *x509.Certificate) { c.ExtraExtensions = c.ExtraExtensions[1:] }, MissingExtension},
		"broken extension":  {func(c *x509.Certificate) { c.ExtraExtensions[len(c.ExtraExtensions)-1].Value = []byte{4, 1, 7} }, BrokenExtension},
		"other value":       {func(c *x509.Certificate) { c.ExtraExtensions[3].Value = []byte{3, 2, 6, 0x40} }, DifferentValue},
		"other criticality": {func(c *x509.Certificate) { c.ExtraExtensions[3].Critical = false }, DifferentValue},
		"other order":       {func(c *x509.Certificate) { e := c.ExtraExtensions; e[3], e[4] = e[4], e[3] }, DifferentOrder},
		"name not DER-sorted": {func(c *x509.Certificate) {
			// the attributes of the last RDN, the other way round
			n, _ := ParseName(c.RawSubject)
			last := n[len(n)-1]
			var sorted, reversed []byte
			for j := range last {
				der, _ := last[j].marshal()
				sorted = append(sorted, der...)
				der, _ = last[len(last)-1-j].marshal()
				reversed = append(reversed, der...)
			}
			c.RawSubject = bytes.Replace(c.RawSubject, sorted, reversed, 1)
		}, NameEncoding},
		"nobody's shape": {func(c *x509.Certificate) { c.RawSubject = issuer }, UnknownProfile},
	} {
		template, err := Build(req)
		if err != nil {
			t.Fatal(err)
		}
		tc.change(template)
		der, err := x509.CreateCertificate(rand.Reader, template, &x509.Certificate{RawSubject: issuer}, req.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		d, err := Decode(der)
		if err != nil {
			t.Fatal(name, err)
		}
		var codes []string
		for _, f := range d.Findings {
			codes = append(codes, f.Code)
		}
		if tc.want == "" && codes != nil || tc.want != "" && !strings.Contains(strings.Join(codes, " "), tc.want) {
			t.Errorf("%s: found %v, want %s", name, codes, tc.want)
		}
	}
}

// Wrong holders are refused, and the error names what is wrong.
func TestWrongHolders(t *testing.T) {
	cps, _ := FindProduct("cps")
	good := Holder{GivenName: "ALAIN", Surname: "DODO0020981", IdNat: "899700209812", Profession: "10", CardNumber: "2800000001"}
	if h, err := cps.Complete(good); err != nil || h.Title != "Médecin" {
		t.Fatalf("the good one: %v, title %q", err, h.Title)
	}
	for want, change := range map[string]func(*Holder){
		"given name is empty":             func(h *Holder) { h.GivenName = "" },
		"surname is empty":                func(h *Holder) { h.Surname = "  " },
		"200 characters":                  func(h *Holder) { h.Surname = strings.Repeat("É", 200) },
		"control character U+0007":        func(h *Holder) { h.Surname = "A\aB" },
		"control character U+202E":        func(h *Holder) { h.Surname = "A\u202eB" },
		"not valid UTF-8":                 func(h *Holder) { h.Surname = "A\xff" },
		"begins or ends with a space":     func(h *Holder) { h.Surname = " A" },
		"did you mean 10 Médecin":         func(h *Holder) { h.Profession = "medecin" },
		"profession is missing":           func(h *Holder) { h.Profession = "" },
		`unknown speciality "SM99"`:       func(h *Holder) { h.Specialities = []string{"SM99"} },
		"is not eleven digits":            func(h *Holder) { h.IdNat = "89970020981" },
		"is not nine characters":          func(h *Holder) { h.IdNat = "00B607760" },
		"not a type of table G08":         func(h *Holder) { h.IdNat = "X" },
		"is not ten digits":               func(h *Holder) { h.CardNumber = "12" },
		`has no organisation: remove "X"`: func(h *Holder) { h.Organisation = "X" },
	} {
		h := good
		change(&h)
		if _, err := cps.Complete(h); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestIdentifiers(t *testing.T) {
	// every real-shape number of the reference keeps its check digit
	for _, rpps := range []string{"99700209812", "99700041983", "99900063480", "99700523527", "99700075064", "99700218896"} {
		id, err := IdNatFromRPPS(rpps)
		if err != nil || id != "8"+rpps || len(IdNatWarnings(id)) != 0 {
			t.Errorf("%s: %s, %v, %v", rpps, id, err, IdNatWarnings(id))
		}
	}
	for _, adeli := range []string{"0B6077602", "0B6087510", "0B1058110"} {
		id, err := IdNatFromADELI(adeli)
		if err != nil || id != "0"+adeli || len(IdNatWarnings(id)) != 0 {
			t.Errorf("%s: %s, %v, %v", adeli, id, err, IdNatWarnings(id))
		}
	}
	for _, k := range StructureKinds {
		id, err := k.ID(k.Example)
		if err != nil || len(Holder{Structure: id}.Warnings()) != 0 {
			t.Errorf("%s: %s, %v, %v", k.Name, id, err, Holder{Structure: id}.Warnings())
		}
		if _, err := k.ID(k.Example[1:]); err == nil {
			t.Errorf("%s %s is taken for a number", k.Name, k.Example[1:])
		}
		if back, err := structureKindOf(id); err != nil || back != k {
			t.Errorf("%s is read back as %v, %v", id, back, err)
		}
	}
	if id, err := StaffIdNat("10B0057881", "CPET0002"); err != nil || id != "30B0057881/CPET0002" {
		t.Errorf("%s, %v", id, err)
	}
	if got := WithCheckDigit("0B007788"); !luhn(unlettered(got)) || WithCheckDigit("9970020981") != "99700209812" {
		t.Errorf("%s, %s", got, WithCheckDigit("9970020981"))
	}
	if w := (Holder{Structure: "10B0062640"}).Warnings(); len(w) != 1 {
		t.Errorf("warnings: %q", w)
	}
	if w := IdNatWarnings("810000929190"); len(w) != 2 { // a wrong check digit, and not in a test range
		t.Errorf("warnings: %q", w)
	}
}

// Validity is counted on the Paris calendar: three years across a change of summer time are an hour
// off in UTC.
func TestExpiry(t *testing.T) {
	for _, tc := range []struct {
		profile    string
		generation Generation
		from, to   string
	}{
		{"cps/authentication", Gen2016, "2020-09-15T12:20:00Z", "2023-09-15T12:20:00Z"},
		{"cps/authentication", Gen2016, "2019-03-28T10:00:00Z", "2022-03-28T09:00:00Z"}, // summer time
		{"cps/authentication", Gen2016, "2024-02-29T12:00:00Z", "2027-02-28T12:00:00Z"},
		{"cps/authentication", Gen2016, "2024-02-29T23:30:00Z", "2027-02-28T23:30:00Z"}, // 1 March in Paris
		{"cachet/seal", Gen2016, "2017-01-31T13:09:14Z", "2020-02-29T13:09:14Z"},        // as the real one
		{"cachet/seal", Gen2016, "2018-01-31T13:09:14Z", "2021-02-28T13:09:14Z"},
		{"cachet/seal", Gen2016, "2018-08-31T12:00:00Z", "2021-09-30T12:00:00Z"},
		{"cachet/seal", Gen2016, "2018-12-31T12:00:00Z", "2022-01-31T12:00:00Z"},
		{"cachet/seal", Gen2023, "2023-12-28T10:09:50Z", "2026-12-28T10:09:50Z"},
		{"ssl-serv/server", Gen2016, "2022-06-30T12:00:00Z", "2025-06-30T12:00:00Z"},
		{"ssl-serv/server", Gen2023, "2022-12-22T16:19:34Z", "2024-12-22T16:19:34Z"}, // as the real one
		{"ssl-serv/server", Gen2023, "2024-02-29T12:00:00Z", "2026-02-28T12:00:00Z"},
	} {
		profile, err := FindProfile(tc.profile)
		if err != nil {
			t.Fatal(err)
		}
		begin, _ := time.Parse(time.RFC3339, tc.from)
		if got := profile.Expiry(tc.generation, begin).Format(time.RFC3339); got != tc.to {
			t.Errorf("%s, %s, from %s to %s, want %s", tc.profile, tc.generation, tc.from, got, tc.to)
		}
	}
	for now, years := range map[string][2]int{"2026-11-22": {2013, 2033}, "2029-06-01": {2013, 2033}, "2029-07-01": {2023, 2043}, "2045-01-01": {2033, 2053}} {
		at, _ := time.Parse(time.DateOnly, now)
		if from, to := AuthorityValidity(Authority{Gamme: Fort}, at); from.Year() != years[0] || to.Year() != years[1] {
			t.Errorf("a lab made on %s: %d to %d", now, from.Year(), to.Year())
		}
	}
}

func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(reference.Dir(f), "certificates", "*.pem"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		f.Add(reference.Read(f, "certificates/"+filepath.Base(file)))
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		d, err := Decode(der)
		if err != nil {
			return
		}
		// a certificate without a finding is one that can be built again
		if r, err := d.Request(); err == nil && len(d.Findings) == 0 {
			if _, err := Build(r); err != nil {
				t.Errorf("no finding, and yet: %v", err)
			}
		}
		Diff(der, der)
		_ = d.Fingerprint()
	})
}

// Two lists that differ all over are told apart without a table of their product: CRLs of megabytes
// are compared too.
func TestDiffOfLargeLists(t *testing.T) {
	lines := func(prefix string) []string {
		all := []string{"same"}
		for i := range 100_000 {
			all = append(all, fmt.Sprint(prefix, i))
		}
		return all
	}
	if got := diffLines(lines("a"), lines("b")); len(got) != 200_000 || got[0] != "-a0" || got[199_999] != "+b99999" {
		t.Errorf("%d lines", len(got))
	}
}
