package inspect

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/igc-lab/igc/internal/peer"
)

// A PKCS#12 shows the certificate of its key first, and the key below it; a key of none is told.
func TestPKCS12Order(t *testing.T) {
	make := func(cn string, under *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		k := key(t)
		template := &x509.Certificate{SerialNumber: big.NewInt(int64(len(cn))), Subject: pkix.Name{CommonName: cn},
			NotBefore: time.Now(),
			NotAfter:  time.Now().Add(time.Hour), IsCA: cn != "leaf", BasicConstraintsValid: cn != "leaf"}
		if under == nil {
			under, signer = template, k
		}
		der, err := x509.CreateCertificate(rand.Reader, template, under, k.Public(), signer)
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return c, k
	}
	root, rootKey := make("root", nil, nil)
	aci, aciKey := make("aci", root, rootKey)
	leaf, leafKey := make("leaf", aci, aciKey)
	for _, order := range [][]*x509.Certificate{{leaf, aci, root}, {leaf, root, aci}, {aci, leaf, root}, {aci, root,
		leaf}, {root, leaf, aci}, {root, aci, leaf}} {
		data, err := pkcs12.Modern2023.Encode(leafKey, order[0], order[1:], "1234")
		if err != nil {
			t.Fatal(err)
		}
		objects := read(t, data)
		first, ok := objects[0].(*Certificate)
		if !ok || len(objects) != 4 || first.Subject != "CN=leaf" || !strings.Contains(textOf(objects[1]),
			"private key of the certificate above") {
			t.Errorf("%d objects, %s, %s", len(objects), textOf(objects[0]), textOf(objects[1]))
		}
	}
	data, err := pkcs12.Modern2023.Encode(rootKey, leaf, []*x509.Certificate{aci}, "1234")
	if err != nil {
		t.Fatal(err)
	}
	if objects := read(t, data); !strings.Contains(textOf(objects[1]), "that of NONE of the certificates") {
		t.Errorf("a wrong key: %s", textOf(objects[1]))
	}
}

// A key that nothing here computes with is named, in certificates, requests and public keys, with
// its signature.
func TestRareKeys(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	peer.Run(t, "openssl", "genpkey", "-genparam", "-algorithm", "DSA", "-pkeyopt", "dsa_paramgen_bits:2048",
		"-out", file("dsa"))
	for want, args := range map[string][]string{
		"RSA-PSS 2048|rsassaPss": {"-newkey", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"},
		"EC brainpoolP256r1|ecdsa-with-SHA256": {"-newkey", "ec", "-pkeyopt",
			"ec_paramgen_curve:brainpoolP256r1"},
		"EC brainpoolP512t1|ecdsa-with-SHA256": {"-newkey", "ec", "-pkeyopt",
			"ec_paramgen_curve:brainpoolP512t1"},
		"EC secp256k1|ecdsa-with-SHA256": {"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"},
		"EC sect283r1|ecdsa-with-SHA256": {"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:sect283r1"},
		"EC (explicit, 384 bits)|ecdsa-with-SHA256": {"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384",
			"-pkeyopt", "ec_param_enc:explicit"},
		"Ed448|Ed448":              {"-newkey", "ed448"},
		"DSA 2048|dsa-with-SHA256": {"-newkey", "dsa:" + file("dsa")},
	} {
		peer.Run(t, "openssl", append([]string{"req", "-x509", "-nodes", "-keyout", file("k"), "-out", file("c"),
			"-days", "5", "-subj", "/CN=x"}, args...)...)
		peer.Run(t, "openssl", "req", "-new", "-key", file("k"), "-subj", "/CN=x", "-out", file("r"))
		peer.Run(t, "openssl", "pkey", "-in", file("k"), "-pubout", "-out", file("p"))
		name, signature, _ := strings.Cut(want, "|")
		for _, f := range []string{"c", "r", "p", "k"} {
			data, err := os.ReadFile(file(f))
			if err != nil {
				t.Fatal(err)
			}
			objects := read(t, data)
			said := textOf(objects[len(objects)-1])
			if !strings.Contains(said, "clé|key: "+name+"|") && !strings.HasPrefix(said, "clé|key: "+name+"|") {
				t.Errorf("%s, %s: %s", want, f, said)
			}
			if f == "c" && (!strings.Contains(said, "signature|signature: "+signature+"|") || strings.Contains(said,
				"neither") ||
				!strings.Contains(said, "Key "+name+": named and no more") || !strings.Contains(said, "Clé "+name)) {
				t.Errorf("%s: %s", want, said)
			}
		}
	}
}
