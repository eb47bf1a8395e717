package cli

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/cardtest"
	"github.com/igc-lab/igc/profiles"
)

// part is what a file is made of: a certificate or a private key.
type part struct {
	name string
	kind string // of its PEM block
	der  []byte
	key  crypto.Signer
	cert *x509.Certificate
}

// revokeFiles are the parts of files in a lab, and the lab.
type revokeFiles struct {
	*testing.T
	lab   *cardtest.Lab
	parts []part // leaf, issuing authority, root, then their keys
	leaf  string // serial number
}

func newRevokeFiles(t *testing.T) *revokeFiles {
	t.Setenv("IGC_LANG", "en")
	inEnglish(t)
	f := &revokeFiles{T: t, lab: cardtest.New(t)}
	t.Setenv("IGC_HOME", f.lab.Home)
	dir := f.lab.Issue(ca.P256, "1234")
	infos, err := f.lab.Authorities(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "authentication.p12"))
	if err != nil {
		t.Fatal(err)
	}
	key, leaf, _, err := pkcs12.DecodeChain(data, "1234")
	if err != nil {
		t.Fatal(err)
	}
	f.leaf = profiles.SerialHex(leaf.SerialNumber)
	certificates, keys := []*x509.Certificate{leaf}, []crypto.Signer{key.(crypto.Signer)}
	for _, id := range []string{"ACI-FO-PP", "ACR-FO"} {
		i := slices.IndexFunc(infos, func(info ca.AuthorityInfo) bool { return info.ID == id })
		c, err := x509.ParseCertificate(infos[i].DER)
		if err != nil {
			t.Fatal(err)
		}
		a, _ := profiles.ParseAuthority(id)
		signer, err := f.lab.Lab.Signer(a, c)
		if err != nil {
			t.Fatal(err)
		}
		certificates, keys = append(certificates, c), append(keys, signer)
	}
	names := []string{"leaf", "ACI", "ACR"}
	for i, c := range certificates {
		f.parts = append(f.parts, part{names[i], "CERTIFICATE", c.Raw, nil, c})
	}
	for i, k := range keys {
		der, err := x509.MarshalPKCS8PrivateKey(k)
		if err != nil {
			t.Fatal(err)
		}
		f.parts = append(f.parts, part{names[i] + " key", "PRIVATE KEY", der, k, nil})
	}
	return f
}

// revoke runs igc revoke on a file of these bytes, in two ways: as a trial with the reason that
// only authorities have, and for good. It returns how the second ended, and fails when any of it
// means an authority.
func (f *revokeFiles) revoke(name string, data []byte) int {
	f.Helper()
	path := filepath.Join(f.TempDir(), "file")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		f.Fatal(err)
	}
	var code int
	for _, flags := range [][]string{{"--reason", "cACompromise", "--dry-run"}, {"--reason", "keyCompromise"}} {
		var out, errOut bytes.Buffer
		code = Main(slices.Concat([]string{"igc", "revoke", "--json"}, flags, []string{path}), strings.NewReader(""), &out, &errOut)
		var changed []struct{ Serial, Profile string }
		if code == 0 {
			if err := json.Unmarshal(out.Bytes(), &changed); err != nil {
				f.Fatalf("%s: %v in %s", name, err, &out)
			}
		}
		for _, one := range changed {
			if one.Serial != f.leaf {
				f.Errorf("%s: igc revoke %s changes %s, %s", name, strings.Join(flags, " "), one.Serial, one.Profile)
			}
		}
	}
	list, err := f.lab.List(f.Context(), ca.Filter{})
	if err != nil {
		f.Fatal(err)
	}
	for _, r := range list {
		if r.Serial != f.leaf && r.Revoked != nil {
			f.Fatalf("%s: %s %s is revoked", name, r.Profile, r.Holder.DisplayName())
		}
	}
	return code
}

// describe names the parts of a file, and tells whether the holder's certificate has to be found in
// it: when it is there, and no key but its own.
func describeParts(parts []part) (name string, meansLeaf bool) {
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	name = strings.Join(names, ", ")
	return name, slices.Contains(names, "leaf") &&
		(slices.Contains(names, "leaf key") || !slices.Contains(names, "ACI key") && !slices.Contains(names, "ACR key"))
}

func pemOf(parts []part) (data []byte) {
	for _, p := range parts {
		data = append(data, pem.EncodeToMemory(&pem.Block{Type: p.kind, Bytes: p.der})...)
	}
	return data
}

// arrangements are all orders of all subsets.
func arrangements(parts []part) (all [][]part) {
	all = append(all, nil)
	for i, p := range parts {
		for _, rest := range arrangements(slices.Delete(slices.Clone(parts), i, i+1)) {
			all = append(all, append([]part{p}, rest...))
		}
	}
	return all
}

// No file made of a holder's certificate, those of its authorities and their keys, in any order and
// number, ever has igc revoke touch an authority; and where the holder's certificate is meant it is
// the one that is revoked.
func TestRevokeFileNeverAnAuthority(t *testing.T) {
	f := newRevokeFiles(t)
	check := func(name string, parts []part, data []byte) {
		t.Helper()
		what, meansLeaf := describeParts(parts)
		if code := f.revoke(name+" of "+what, data); meansLeaf && code != 0 {
			t.Errorf("%s of %s: exit code %d", name, what, code)
		} else if !strings.Contains(what, "leaf") && code == 0 {
			t.Errorf("%s of %s: exit code 0", name, what)
		}
	}
	// PEM: 80 of the 1957, by a fixed seed, and all of those without a key
	random := mathrand.New(mathrand.NewPCG(11, 2026))
	for range 80 {
		parts := slices.Clone(f.parts)
		random.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		parts = parts[:1+random.IntN(len(parts))]
		check("PEM", parts, pemOf(parts))
	}
	for _, parts := range arrangements(f.parts[:3])[1:] {
		var certificates [][]byte
		var list []*x509.Certificate
		for _, p := range parts {
			certificates, list = append(certificates, p.der), append(list, p.cert)
		}
		check("PEM", parts, pemOf(parts))
		check("DER", parts, slices.Concat(certificates...))
		check("PKCS#7", parts, signedData(certificates))
		check("PKCS#7 in PEM", parts, pem.EncodeToMemory(&pem.Block{Type: "PKCS7", Bytes: signedData(certificates)}))
		store, err := pkcs12.Modern2023.EncodeTrustStore(list, "1234")
		if err != nil {
			t.Fatal(err)
		}
		check("trust store", parts, store)
		for _, k := range f.parts[3:] {
			p12, err := pkcs12.Modern2023.Encode(k.key, list[0], list[1:], "1234")
			if err != nil {
				t.Fatal(err)
			}
			check("PKCS#12", append(slices.Clone(parts), k), p12)
		}
	}
}

// signedData is a PKCS#7 of certificates alone.
func signedData(certificates [][]byte) []byte {
	explicit := cbasn1.Tag(0).ContextSpecific().Constructed()
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier([]int{1, 2, 840, 113549, 1, 7, 2})
		b.AddASN1(explicit, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(1)
				b.AddASN1(cbasn1.SET, func(*cryptobyte.Builder) {})
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier([]int{1, 2, 840, 113549, 1, 7, 1}) })
				b.AddASN1(explicit, func(b *cryptobyte.Builder) { b.AddBytes(slices.Concat(certificates...)) })
				b.AddASN1(cbasn1.SET, func(*cryptobyte.Builder) {})
			})
		})
	})
	return b.BytesOrPanic()
}

// A certificate of elsewhere means nothing in this lab, whatever its serial number is: that of an
// authority, or one that an authority's begins with.
func TestRevokeForeignSerial(t *testing.T) {
	f := newRevokeFiles(t)
	whole := f.parts[1].cert.SerialNumber
	short := new(big.Int).Rsh(whole, uint(whole.BitLen()+7)/8*8-24)
	leaf := f.parts[0].cert.SerialNumber
	for _, serial := range []*big.Int{whole, short, leaf, new(big.Int).Rsh(leaf, 64)} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "elsewhere"}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		if code := f.revoke(fmt.Sprintf("serial number %X", serial), der); code != exitCodes[ca.NotFound] {
			t.Errorf("serial number %X: exit code %d", serial, code)
		}
		if r, err := f.lab.Find(t.Context(), f.leaf); err != nil || r.Revoked != nil {
			t.Fatalf("the card is revoked by a certificate of elsewhere: %v, %v", r, err)
		}
	}
}
