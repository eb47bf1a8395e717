package certfile

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/youmark/pkcs8"
	"golang.org/x/crypto/ocsp"
)

// made is a certificate made for a test, with its key.
type made struct {
	der  []byte
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

// makeCertificate makes a certificate under another, or a self-signed one under nil.
func makeCertificate(t testing.TB, cn string, authority bool, under *made, change func(*x509.Certificate)) *made {
	t.Helper()
	m := &made{key: key(t)}
	template := &x509.Certificate{SerialNumber: big.NewInt(int64(0x10000 + len(cn))),
		Subject: pkix.Name{CommonName: cn}, NotBefore: time.Now(),
		NotAfter: time.Now().Add(time.Hour), IsCA: authority, BasicConstraintsValid: authority}
	if change != nil {
		change(template)
	}
	parent, signer := template, m.key
	if under != nil {
		parent, signer = under.cert, under.key
	}
	var err error
	if m.der, err = x509.CreateCertificate(rand.Reader, template, parent, m.key.Public(), signer); err != nil {
		t.Fatal(err)
	}
	if m.cert, err = x509.ParseCertificate(m.der); err != nil {
		t.Fatal(err)
	}
	return m
}

// permutations are all orders of the items.
func permutations[T any](items []T) (all [][]T) {
	if len(items) == 0 {
		return [][]T{nil}
	}
	for i := range items {
		for _, rest := range permutations(slices.Delete(slices.Clone(items), i, i+1)) {
			all = append(all, append([]T{items[i]}, rest...))
		}
	}
	return all
}

// Which certificate a file means, in every order of what it holds.
func TestMainCertificate(t *testing.T) {
	noIDs := func(c *x509.Certificate) { c.SubjectKeyId = nil }
	root := makeCertificate(t, "root", true, nil, nil)
	aci := makeCertificate(t, "aci", true, root, nil)
	leaf := makeCertificate(t, "leaf", false, aci, nil)
	second := makeCertificate(t, "second leaf", false, aci, nil)
	other := makeCertificate(t, "other root", true, nil, nil)
	namesake := makeCertificate(t, "aci", true, other, nil) // another authority of that name
	sameKey := makeCertificate(t, "leaf, renewed", false, aci, nil)
	der, err := x509.CreateCertificate(rand.Reader, sameKey.cert, aci.cert, leaf.key.Public(), aci.key)
	if err != nil {
		t.Fatal(err)
	}
	sameKey.der = der
	bare := makeCertificate(t, "bare authority", true, nil, noIDs)
	plain := makeCertificate(t, "of the bare one", false, bare, noIDs)
	// two authorities that certify each other
	cross := makeCertificate(t, "root", true, other, nil)
	back := makeCertificate(t, "other root", true, root, nil)

	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	cert := func(m *made) []byte { return block("CERTIFICATE", m.der) }
	private := func(m *made) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(m.key)
		if err != nil {
			t.Fatal(err)
		}
		return block("PRIVATE KEY", der)
	}
	sec1 := func(m *made) []byte {
		der, err := x509.MarshalECPrivateKey(m.key)
		if err != nil {
			t.Fatal(err)
		}
		return block("EC PRIVATE KEY", der)
	}
	encrypted := func(m *made, password string) []byte {
		der, err := pkcs8.MarshalPrivateKey(m.key, []byte(password), nil)
		if err != nil {
			t.Fatal(err)
		}
		return block("ENCRYPTED PRIVATE KEY", der)
	}
	for name, tc := range map[string]struct {
		parts [][]byte
		want  string // its CN, or several that an error names
	}{
		"one":                     {[][]byte{cert(leaf)}, "leaf"},
		"an authority alone":      {[][]byte{cert(aci)}, "aci"},
		"chain":                   {[][]byte{cert(root), cert(aci), cert(leaf)}, "leaf"},
		"chain, twice":            {[][]byte{cert(aci), cert(leaf), cert(leaf), cert(aci)}, "leaf"},
		"authorities":             {[][]byte{cert(root), cert(aci)}, "aci"},
		"with its key":            {[][]byte{cert(aci), private(leaf), cert(leaf)}, "leaf"},
		"two, and the key of one": {[][]byte{cert(second), sec1(leaf), cert(leaf), cert(aci)}, "leaf"},
		"two, and an encrypted key": {[][]byte{cert(second), encrypted(second, "1234"), cert(leaf)},
			"second leaf"},
		"two, and a key that stays shut": {[][]byte{cert(second), encrypted(second, "other"), cert(leaf)},
			"second leaf|leaf"},
		"two": {[][]byte{cert(second), cert(leaf), cert(aci)}, "second leaf|leaf"},
		"two with their keys": {[][]byte{cert(second), cert(leaf), private(leaf), private(second)},
			"second leaf|leaf"},
		"two of one key": {[][]byte{cert(leaf), block("CERTIFICATE", sameKey.der), private(leaf)},
			"leaf|leaf, renewed"},
		"the authority's key too":             {[][]byte{cert(leaf), cert(aci), private(leaf), private(aci)}, "leaf"},
		"the authority's key":                 {[][]byte{cert(leaf), cert(aci), private(aci)}, "aci"},
		"a key of none":                       {[][]byte{cert(leaf), cert(aci), private(second)}, "leaf"},
		"another authority of that name":      {[][]byte{cert(leaf), cert(namesake)}, "leaf"},
		"authorities of elsewhere beside":     {[][]byte{cert(leaf), cert(other), cert(aci), cert(root)}, "leaf"},
		"authorities without a leaf":          {[][]byte{cert(aci), cert(other)}, "aci|other root"},
		"no key identifiers":                  {[][]byte{cert(plain), cert(bare)}, "of the bare one"},
		"authorities that certify each other": {[][]byte{cert(cross), cert(back)}, "root|other root"},
	} {
		for _, order := range permutations(tc.parts) {
			c, err := read(t, slices.Concat(order...)).Main()
			var several *AmbiguousError
			switch want := strings.Split(tc.want, "|"); {
			case len(want) == 1 && (err != nil || c.Certificate.Subject.String() != "CN="+tc.want):
				t.Errorf("%s: %v, %v", name, c, err)
			case len(want) > 1 && !errors.As(err, &several):
				t.Errorf("%s: %v, %v; want a question", name, c, err)
			case len(want) > 1:
				for _, cn := range want {
					if len(several.Certificates) != len(want) || !slices.ContainsFunc(several.Certificates,
						func(c *Item) bool { return c.Certificate.Subject.Get("CN") == cn }) {
						t.Errorf("%s: %v does not name %s", name, err, cn)
					}
				}
			}
		}
	}
	if _, err := read(t, private(leaf)).Main(); err == nil {
		t.Error("a key alone means a certificate")
	}

	answer, err := ocsp.CreateResponse(aci.cert, leaf.cert, ocsp.Response{Status: ocsp.Good,
		SerialNumber: second.cert.SerialNumber, ThisUpdate: time.Now(), Certificate: leaf.cert}, leaf.key)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := read(t, answer).Main(); err == nil {
		t.Errorf("an OCSP response means its responder: %v", c)
	}
}

// A file of very many certificates of one name means none of them, at once.
func TestMainCertificateOfMany(t *testing.T) {
	var file File
	root := makeCertificate(t, "root", true, nil, nil)
	for range maxMain + 1 {
		item, err := newCertificate(makeCertificate(t, "leaf", false, root, nil).der, "DER")
		if err != nil {
			t.Fatal(err)
		}
		file.Items = append(file.Items, item)
	}
	if c, err := file.Main(); err == nil {
		t.Errorf("it means %v", c)
	}
}

// read reads what has to be readable.
func read(t testing.TB, data []byte, passwords ...string) *File {
	t.Helper()
	file, err := Read(data, Options{Passwords: passwords})
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func key(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}
