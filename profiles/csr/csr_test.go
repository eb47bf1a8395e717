package csr

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

func p256(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// request makes a request with that key.
func request(t testing.TB, key crypto.Signer, template x509.CertificateRequest) []byte {
	t.Helper()
	if template.Subject.CommonName == "" && template.RawSubject == nil {
		template.Subject.CommonName = "srv.hopital.test"
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &template, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func pemBlock(label string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
}

// inUTF16 is a text as Windows programs save it.
func inUTF16(s string, big bool) []byte {
	out := []byte{0xFF, 0xFE}
	if big {
		out = []byte{0xFE, 0xFF}
	}
	for _, u := range utf16.Encode([]rune(s)) {
		if big {
			out = append(out, byte(u>>8), byte(u))
		} else {
			out = append(out, byte(u), byte(u>>8))
		}
	}
	return out
}

// Every form in which a request is handed in is read as the same request.
func TestRead(t *testing.T) {
	der := request(t, p256(t), x509.CertificateRequest{DNSNames: []string{"srv.hopital.test"}})
	text := pemBlock("CERTIFICATE REQUEST", der)
	quoted, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	key := pemBlock("PRIVATE KEY", []byte("a key"))
	for name, data := range map[string][]byte{
		"PEM":                   []byte(text),
		"NEW":                   []byte(pemBlock("NEW CERTIFICATE REQUEST", der)),
		"CRLF":                  []byte(strings.ReplaceAll(text, "\n", "\r\n")),
		"CR":                    []byte(strings.ReplaceAll(text, "\n", "\r")),
		"BOM":                   []byte("\ufeff" + text),
		"UTF-16 little":         inUTF16(text, false),
		"UTF-16 big":            inUTF16(text, true),
		"indented":              []byte("  " + strings.ReplaceAll(text, "\n", "\n  ")),
		"quoted mail":           []byte("> " + strings.ReplaceAll(text, "\n", "\n> ")),
		"one line of spaces":    []byte(strings.ReplaceAll(text, "\n", " ")),
		"escapes":               []byte(strings.ReplaceAll(text, "\n", `\n`)),
		"JSON":                  []byte(`{"csr":` + string(quoted) + `}`),
		"YAML":                  []byte("csr: |\n  " + strings.ReplaceAll(text, "\n", "\n  ")),
		"percent":               []byte(url.PathEscape(text)),
		"text before and after": []byte("Certificate Request:\n    Data:\n" + text + "\nMerci !\n"),
		"key before":            []byte(key + text),
		"64 and 76 columns": []byte("-----BEGIN CERTIFICATE " +
			"REQUEST-----\n" + chunks(base64.StdEncoding.EncodeToString(der),
			76) + "-----END CERTIFICATE REQUEST-----"),
		"no last newline":   []byte(strings.TrimSpace(text)),
		"DER":               der,
		"DER and a newline": append(bytes.Clone(der), '\n'),
		"DER and CRLF":      append(bytes.Clone(der), '\r', '\n'),
		"base64":            []byte(base64.StdEncoding.EncodeToString(der)),
		"base64 in lines":   []byte(chunks(base64.StdEncoding.EncodeToString(der), 64)),
		"base64, URL":       []byte(base64.RawURLEncoding.EncodeToString(der)),
	} {
		requests, err := Read(data)
		if err != nil || len(requests) != 1 || !bytes.Equal(requests[0].Raw, der) {
			t.Errorf("%s: %d requests, %v", name, len(requests), err)
			continue
		}
		if _, err := requests[0].Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := request(t, p256(t), x509.CertificateRequest{})
	requests, err := Read([]byte(text + pemBlock("NEW CERTIFICATE REQUEST", other)))
	if err != nil || len(requests) != 2 || !bytes.Equal(requests[1].Raw, other) {
		t.Errorf("two: %d requests, %v", len(requests), err)
	}
}

func chunks(s string, n int) string {
	var b strings.Builder
	for part := range slices.Chunk([]byte(s), n) {
		b.Write(append(part, '\n'))
	}
	return b.String()
}

// What is not a request is refused with what it is, in both languages.
func TestNotRequests(t *testing.T) {
	der := request(t, p256(t), x509.CertificateRequest{})
	text := pemBlock("CERTIFICATE REQUEST", der)
	for name, tc := range map[string]struct {
		data   []byte
		fr, en string
	}{
		"nothing":           {nil, "vide", "empty"},
		"blanks":            {[]byte(" \n\t"), "vide", "empty"},
		"words":             {[]byte("bonjour"), "ni PEM", "neither PEM"},
		"a certificate":     {[]byte(pemBlock("CERTIFICATE", der)), "contient CERTIFICATE", "holds CERTIFICATE"},
		"a key":             {[]byte(pemBlock("PRIVATE KEY", der)), "contient PRIVATE KEY", "holds PRIVATE KEY"},
		"cut in the middle": {[]byte(text[:len(text)/2]), "coupée", "cut short"},
		"half its bytes":    {der[:len(der)/2], "pas du DER", "not DER"},
		"not base64": {[]byte("-----BEGIN CERTIFICATE REQUEST-----\n$$$$\n-----END CERTIFICATE " +
			"REQUEST-----"), "pas du base64", "not base64"},
		"empty block": {[]byte("-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----"),
			"rien entre", "nothing between"},
		"bytes after":      {append(bytes.Clone(der), 'x'), "suivent sa fin", "follow its end"},
		"a sequence":       {[]byte{0x30, 0x00}, "CertificationRequest", "CertificationRequest"},
		"second is broken": {[]byte(text + pemBlock("CERTIFICATE REQUEST", []byte("x"))), "demande 2", "request 2"},
		"too large":        {bytes.Repeat([]byte(" "), MaxFile+1), "4 Mo", "4 MB"},
	} {
		_, err := Read(tc.data)
		if err == nil {
			t.Errorf("%s is read", name)
			continue
		}
		message := i18n.TextOf(err)
		if !strings.Contains(message.FR, tc.fr) || !strings.Contains(message.EN, tc.en) {
			t.Errorf("%s: %q, %q", name, message.FR, message.EN)
		}
	}
}

// tamper changes a byte of a name.
func tamper(der []byte) []byte {
	out := bytes.Clone(der)
	i := bytes.Index(out, []byte("srv.hopital.test"))
	out[i] = 'S'
	return out
}

// Keys and proofs: what is taken, and why the rest is not.
func TestCheck(t *testing.T) {
	rsaKey := func(bits int) *rsa.PrivateKey {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	curve := func(c elliptic.Curve) *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(c, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := rsaKey(2048)
	for name, tc := range map[string]struct {
		der  []byte
		note string
		code string
	}{
		"RSA 2048": {der: request(t, good, x509.CertificateRequest{})},
		"RSA 3072": {der: request(t, rsaKey(3072),
			x509.CertificateRequest{SignatureAlgorithm: x509.SHA512WithRSA})},
		"RSA-PSS": {der: request(t, good, x509.CertificateRequest{SignatureAlgorithm: x509.SHA256WithRSAPSS})},
		"P-256":   {der: request(t, p256(t), x509.CertificateRequest{})},
		"P-384":   {der: request(t, curve(elliptic.P384()), x509.CertificateRequest{})},
		"SHA-1": {der: request(t, good, x509.CertificateRequest{SignatureAlgorithm: x509.SHA1WithRSA}),
			note: "SHA-1"},
		"ECDSA SHA-1": {der: request(t, p256(t), x509.CertificateRequest{SignatureAlgorithm: x509.ECDSAWithSHA1}),
			note: "SHA-1"},
		"RSA 1024":      {der: request(t, rsaKey(1024), x509.CertificateRequest{}), code: "csr-key-short"},
		"RSA 2040":      {der: request(t, rsaKey(2040), x509.CertificateRequest{}), code: "csr-key-short"},
		"P-521":         {der: request(t, curve(elliptic.P521()), x509.CertificateRequest{}), code: "csr-key-kind"},
		"P-224":         {der: request(t, curve(elliptic.P224()), x509.CertificateRequest{}), code: "csr-key-kind"},
		"Ed25519":       {der: request(t, edwards, x509.CertificateRequest{}), code: "csr-key-kind"},
		"changed":       {der: tamper(request(t, good, x509.CertificateRequest{})), code: "csr-proof"},
		"changed, EC":   {der: tamper(request(t, p256(t), x509.CertificateRequest{})), code: "csr-proof"},
		"another's key": {der: forged(t), code: "csr-proof"},
	} {
		r, err := Parse(tc.der)
		var notes []i18n.Text
		if err == nil {
			notes, err = r.Check()
		}
		code := ""
		if e, ok := err.(*i18n.Error); ok {
			code = e.Code
		} else if err != nil {
			code = err.Error()
		}
		if code != tc.code {
			t.Errorf("%s: %q, want %q (%v)", name, code, tc.code, err)
		}
		if (tc.note != "") != (len(notes) > 0) || len(notes) > 0 && !strings.Contains(notes[0].FR, tc.note) {
			t.Errorf("%s: notes %v", name, notes)
		}
	}
}

// forged is a request with the public key of another in the place of the requester's.
func forged(t *testing.T) []byte {
	t.Helper()
	mine, other := p256(t), p256(t)
	from, err := x509.MarshalPKIXPublicKey(mine.Public())
	if err != nil {
		t.Fatal(err)
	}
	to, err := x509.MarshalPKIXPublicKey(other.Public())
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Replace(request(t, mine, x509.CertificateRequest{}), from, to, 1)
}

// Known weak keys are refused, and ordinary ones are not.
func TestWeakKeys(t *testing.T) {
	prime := func(bits int) *big.Int {
		p, err := rand.Prime(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := prime(1024)
	near := new(big.Int).Add(p, big.NewInt(2))
	for !near.ProbablyPrime(20) {
		near.Add(near, big.NewInt(2))
	}
	// A modulus of the form of ROCA's: a power of 65537 modulo the product of the primes.
	product := big.NewInt(1)
	for _, q := range primes {
		if q > 2 && q <= 167 {
			product.Mul(product, big.NewInt(q))
		}
	}
	roca := new(big.Int).Exp(big.NewInt(65537), big.NewInt(123456789), product)
	for roca.Add(roca, new(big.Int).Mul(product, prime(2048-product.BitLen()))); roca.Bit(0) == 0; {
		roca.Add(roca, product)
	}
	for name, key := range map[string]*rsa.PublicKey{
		"close primes":   {N: new(big.Int).Mul(p, near), E: 65537},
		"a square":       {N: new(big.Int).Mul(p, p), E: 65537},
		"a small factor": {N: new(big.Int).Mul(prime(2043), big.NewInt(31)), E: 65537},
		"ROCA":           {N: roca, E: 65537},
		"exponent 3":     {N: new(big.Int).Mul(p, prime(1024)), E: 3},
		"exponent 1":     {N: new(big.Int).Mul(p, prime(1024)), E: 1},
		"exponent 17":    {N: new(big.Int).Mul(p, prime(1024)), E: 17},
		"even exponent":  {N: new(big.Int).Mul(p, prime(1024)), E: 65538},
	} {
		if key.N.BitLen() < minRSA {
			key.N.Mul(key.N, prime(minRSA+1-key.N.BitLen()))
		}
		if err := CheckKey(key); err == nil {
			t.Errorf("%s is taken", name)
		} else if text := i18n.TextOf(err); text.FR == text.EN {
			t.Errorf("%s: %v in one language only", name, err)
		}
	}
	for range 5 {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		if err := CheckKey(&key.PublicKey); err != nil {
			t.Error(err)
		}
	}
}

// certificate is one that a CA could issue for the request: it has the names of the template alone.
func certificate(t *testing.T, r *Request, template x509.Certificate) []byte {
	t.Helper()
	template.SerialNumber, template.NotAfter = big.NewInt(1), time.Now().Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, &template, &x509.Certificate{}, r.PublicKey, p256(t))
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// What is asked beyond the certificate is named item by item, and nothing else is.
func TestLeftAside(t *testing.T) {
	microsoft := func(arc ...int) asn1.ObjectIdentifier {
		return append(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311}, arc...)
	}
	null := []byte{5, 0}
	r, err := Parse(request(t, p256(t), x509.CertificateRequest{
		Subject: pkix.Name{CommonName: "srv.hopital.test", OrganizationalUnit: []string{"DSI"},
			Country: []string{"FR"}},
		DNSNames: []string{"srv.hopital.test", "autre.hopital.test"}, IPAddresses: []net.IP{net.IPv4(10, 0, 0, 1)},
		EmailAddresses: []string{"dsi@hopital.test"}, URIs: []*url.URL{{Scheme: "https", Host: "hopital.test"}},
		ExtraExtensions: []pkix.Extension{
			{Id: oidKeyUsage, Value: []byte{3, 2, 1, 0x86}}, // digitalSignature, keyCertSign, cRLSign
			{Id: oidExtendedKeyUsage, Value: []byte{0x30, 0x14, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 1, 6, 8, 0x2b, 6, 1,
				5, 5, 7, 3, 3}},
			{Id: oidBasicConstraints, Value: []byte{0x30, 3, 1, 1, 0xFF}},
			{Id: microsoft(20, 2), Value: null}, {Id: microsoft(21, 7), Value: null},
			{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Value: null},
		}}))
	if err != nil {
		t.Fatal(err)
	}
	der := certificate(t, r, x509.Certificate{Subject: pkix.Name{CommonName: "srv.hopital.test",
		Country: []string{"FR"}},
		DNSNames: []string{"SRV.hopital.test"}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}})
	var got []string
	for _, item := range r.LeftAside(der) {
		got = append(got, item.EN)
	}
	want := []string{"subject, OU=DSI", "subjectAltName, DNS:autre.hopital.test",
		"subjectAltName, email:dsi@hopital.test",
		"subjectAltName, IP:10.0.0.1", "subjectAltName, URI:https://hopital.test", "keyUsage, keyCertSign",
		"keyUsage, cRLSign",
		"extKeyUsage, codeSigning", "basicConstraints, CA:TRUE", "extension certificateTemplateName (Microsoft)",
		"extension certificateTemplate (Microsoft)", "extension 1.2.3.4"}
	if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("left aside: %q", got)
	}
	plain, err := Parse(request(t, p256(t), x509.CertificateRequest{DNSNames: []string{"srv.hopital.test"}}))
	if err != nil {
		t.Fatal(err)
	}
	der = certificate(t, plain, x509.Certificate{Subject: pkix.Name{CommonName: "srv.hopital.test"},
		DNSNames: []string{"srv.hopital.test"}})
	if aside := plain.LeftAside(der); len(aside) != 0 {
		t.Errorf("nothing is left aside, but %v", aside)
	}
}

// What fits the product is taken from the request, where the user gave nothing.
func TestFill(t *testing.T) {
	product := func(id string) *profiles.Product {
		p, err := profiles.FindProduct(id)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	name := func(cn string, parts ...string) pkix.Name {
		n := pkix.Name{CommonName: cn}
		for _, part := range parts {
			key, value, _ := strings.Cut(part, "=")
			switch key {
			case "O":
				n.Organization = append(n.Organization, value)
			case "OU":
				n.OrganizationalUnit = append(n.OrganizationalUnit, value)
			case "ST":
				n.Province = append(n.Province, value)
			}
		}
		return n
	}
	for label, tc := range map[string]struct {
		product  string
		template x509.CertificateRequest
		given    profiles.Holder
		want     profiles.Holder
	}{
		"CN alone": {"ssl-serv", x509.CertificateRequest{Subject: name("srv.test")}, profiles.Holder{},
			profiles.Holder{Service: "srv.test"}},
		"CN and names": {"ssl-serv", x509.CertificateRequest{Subject: name("srv.test"),
			DNSNames: []string{"SRV.test", "b.test", "b.test"}},
			profiles.Holder{}, profiles.Holder{Service: "srv.test", DNSNames: []string{"b.test"}}},
		"names alone": {"ssl-serv", x509.CertificateRequest{RawSubject: []byte{0x30, 0},
			DNSNames: []string{"a.test", "b.test"}},
			profiles.Holder{}, profiles.Holder{Service: "a.test", DNSNames: []string{"b.test"}}},
		"CN that is not a host": {"ssl-serv", x509.CertificateRequest{Subject: name("Mon serveur"),
			DNSNames: []string{"a.test"}},
			profiles.Holder{}, profiles.Holder{Service: "a.test"}},
		"bad names": {"ssl-serv", x509.CertificateRequest{Subject: name("https://a.test/x"),
			DNSNames: []string{"b.test:443", "a b.test", "ok.test"}},
			profiles.Holder{}, profiles.Holder{Service: "ok.test"}},
		"whole": {"ssl-serv", x509.CertificateRequest{Subject: name("a.test", "O=HOPITAL", "OU=DSI",
			"OU=10B0057881", "ST=Paris")},
			profiles.Holder{}, profiles.Holder{Service: "a.test", Organisation: "HOPITAL", Structure: "10B0057881",
				Department: "Paris (75)"}},
		"OU of a SIREN": {"ssl-serv", x509.CertificateRequest{Subject: name("a.test", "OU=0002 187512751", "ST=75")},
			profiles.Holder{}, profiles.Holder{Service: "a.test", Structure: "2187512751", Department: "Paris (75)"}},
		"OU of a SIRET": {"ssl-serv", x509.CertificateRequest{Subject: name("a.test", "OU=0002 18751275100020")},
			profiles.Holder{}, profiles.Holder{Service: "a.test", Structure: "318751275100020"}},
		"ST unknown": {"ssl-serv", x509.CertificateRequest{Subject: name("a.test", "ST=Some-State")},
			profiles.Holder{}, profiles.Holder{Service: "a.test"}},
		"given wins": {"ssl-serv", x509.CertificateRequest{Subject: name("a.test", "O=X"),
			DNSNames: []string{"c.test"}},
			profiles.Holder{Service: "b.test", Organisation: "Y", DNSNames: []string{"d.test"}},
			profiles.Holder{Service: "b.test", Organisation: "Y", DNSNames: []string{"d.test"}}},
		"a service": {"auth-cli", x509.CertificateRequest{Subject: name("DPI du CHU"), DNSNames: []string{"a.test"}},
			profiles.Holder{}, profiles.Holder{Service: "DPI du CHU"}},
		"constant service": {"insi-auto", x509.CertificateRequest{Subject: name("DPI")}, profiles.Holder{},
			profiles.Holder{}},
		"a person": {"ps-logiciel", x509.CertificateRequest{Subject: name("899700209812"),
			EmailAddresses: []string{"a@b.test"}},
			profiles.Holder{}, profiles.Holder{IdNat: "899700209812", Email: "a@b.test"}},
	} {
		r, err := Parse(request(t, p256(t), tc.template))
		if err != nil {
			t.Fatal(label, err)
		}
		got, taken := r.Fill(product(tc.product), tc.given)
		if !equalJSON(got, tc.want) {
			t.Errorf("%s: %+v, want %+v", label, got, tc.want)
		}
		if equalJSON(tc.given, tc.want) != (len(taken) == 0) {
			t.Errorf("%s: taken %v", label, taken)
		}
	}
}

func equalJSON(a, b any) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return bytes.Equal(x, y)
}

// No input makes the reader panic, and what it reads can be checked and compared.
func FuzzRead(f *testing.F) {
	der := request(f, p256(f), x509.CertificateRequest{DNSNames: []string{"srv.hopital.test"},
		IPAddresses: []net.IP{net.IPv6loopback},
		ExtraExtensions: []pkix.Extension{{Id: oidKeyUsage, Value: []byte{3, 2, 1, 0x86}}, {Id: oidExtendedKeyUsage,
			Value: []byte{0x30, 0}}}})
	text := pemBlock("CERTIFICATE REQUEST", der)
	template := x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a.test"}}
	issued, err := x509.CreateCertificate(rand.Reader, &template, &x509.Certificate{}, p256(f).Public(), p256(f))
	if err != nil {
		f.Fatal(err)
	}
	product, err := profiles.FindProduct("ssl-serv")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range [][]byte{der, []byte(text), []byte(strings.ReplaceAll(text, "\n", `\n`)), inUTF16(text,
		true), certreq(f),
		[]byte(base64.StdEncoding.EncodeToString(der)), []byte(url.PathEscape(text)), []byte(text + text), {0x30,
			0x80}, {0xFF, 0xFE}, nil} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		requests, err := Read(data)
		if err != nil {
			if text := i18n.TextOf(err); text.FR == "" || text.EN == "" {
				t.Fatal("an error without words")
			}
			return
		}
		for _, r := range requests {
			r.Check()
			r.Fill(product, profiles.Holder{})
			r.LeftAside(issued)
			again, err := Parse(r.Raw)
			if err != nil || !bytes.Equal(again.Raw, r.Raw) {
				t.Fatalf("the request is not read again: %v", err)
			}
		}
	})
}
