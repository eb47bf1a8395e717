package p12

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/igc-lab/igc/internal/peer"
)

// holder is a key with its certificate, of an authority.
type holder struct {
	key   crypto.Signer
	cert  *x509.Certificate
	chain []*x509.Certificate
}

func newHolder(t *testing.T, key crypto.Signer) holder {
	t.Helper()
	authority, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "TEST authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0), KeyUsage: x509.KeyUsageCertSign}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "TEST holder"},
		NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, KeyUsage: x509.KeyUsageDigitalSignature}
	make := func(template *x509.Certificate, public any) *x509.Certificate {
		der, err := x509.CreateCertificate(rand.Reader, template, ca, public, authority)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return cert
	}
	return holder{key, make(leaf, key.Public()), []*x509.Certificate{make(ca, authority.Public())}}
}

func keys(t *testing.T) map[string]crypto.Signer {
	t.Helper()
	small, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	large, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]crypto.Signer{"P-256": small, "RSA": large}
}

var passwords = []string{"1234", "M0t de passe $é long", strings.Repeat("soixante-quatre octets et plus ", 5), "x"}

// Each form is read back by the library that reads them in the lab, with that password and no
// other.
func TestEncode(t *testing.T) {
	for name, key := range keys(t) {
		h := newHolder(t, key)
		for _, form := range []Form{Modern, Legacy, ANS} {
			for _, password := range passwords {
				data, err := Encode(form, h.key, h.cert, h.chain, "TEST holder", password)
				if err != nil {
					t.Fatalf("%s, %s, %q: %v", form, name, password, err)
				}
				key, cert, chain, err := pkcs12.DecodeChain(data, password)
				if err != nil || !cert.Equal(h.cert) || len(chain) != 1 || !chain[0].Equal(h.chain[0]) ||
					!h.key.(interface{ Equal(crypto.PrivateKey) bool }).Equal(key) {
					t.Errorf("%s, %s, %q: read back as %v, %v, %v", form, name, password, cert, chain, err)
				}
				if _, _, _, err := pkcs12.DecodeChain(data, "another"); err == nil {
					t.Errorf("%s, %s: opens with another password", form, name)
				}
			}
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	h := newHolder(t, keys(t)["P-256"])
	for _, test := range []struct {
		form            Form
		password, error string
	}{{ANS, "", "empty"}, {Modern, "", "empty"}, {Modern, "a\x00b", "NUL"}, {ANS, "\xff", "UTF-8"}, {"pem", "1234",
		"choose among"}} {
		if _, err := Encode(test.form, h.key, h.cert, h.chain, "", test.password); err == nil ||
			!strings.Contains(err.Error(), test.error) {
			t.Errorf("%s with %q: %v, want %s", test.form, test.password, err, test.error)
		}
	}
}

// Third-party programs open the ANS form, and find it to be what it should be.
func TestANSPeers(t *testing.T) {
	for name, key := range keys(t) {
		t.Run(name, func(t *testing.T) {
			h := newHolder(t, key)
			for i, password := range passwords[:2] {
				data, err := Encode(ANS, h.key, h.cert, h.chain, "", password)
				if err != nil {
					t.Fatal(err)
				}
				dir := t.TempDir()
				file := filepath.Join(dir, "ans.p12")
				if err := os.WriteFile(file, data, 0o600); err != nil {
					t.Fatal(err)
				}
				t.Run(fmt.Sprint("openssl ", i), func(t *testing.T) { checkOpenSSL(t, h, file, password) })
				t.Run(fmt.Sprint("GnuTLS ", i), func(t *testing.T) {
					out := peer.Run(t, "certtool", "--p12-info", "--inder", "--infile", file, "--password", password)
					for _, want := range []string{"SHA1", "-----BEGIN ENCRYPTED PRIVATE KEY", "-----BEGIN CERTIFICATE"} {
						if !strings.Contains(out, want) {
							t.Errorf("%s is missing:\n%s", want, out)
						}
					}
				})
				t.Run(fmt.Sprint("NSS ", i), func(t *testing.T) {
					db := filepath.Join(dir, "db")
					if err := os.Mkdir(db, 0o700); err != nil {
						t.Fatal(err)
					}
					peer.Run(t, "certutil", "-d", "sql:"+db, "-N", "--empty-password")
					peer.Run(t, "pk12util", "-d", "sql:"+db, "-i", file, "-W", password)
					if out := peer.Run(t, "certutil", "-d", "sql:"+db, "-K"); !strings.Contains(out, "< 0>") {
						t.Errorf("no key:\n%s", out)
					}
					if out := peer.Run(t, "certutil", "-d", "sql:"+db, "-L"); !strings.Contains(out, "u,u,u") {
						t.Errorf("the certificate is not tied to the key:\n%s", out)
					}
				})
				if i == 0 { // keytool reads its arguments in the encoding of the locale
					t.Run("Java", func(t *testing.T) {
						out := peer.Run(t, "keytool", "-J-Duser.language=en", "-list", "-v", "-keystore", file, "-storetype", "PKCS12", "-storepass", password)
						for _, want := range []string{"PrivateKeyEntry", "Certificate chain length: 2", "CN=TEST holder"} {
							if !strings.Contains(out, want) {
								t.Errorf("%s is missing:\n%s", want, out)
							}
						}
					})
				}
			}
		})
	}
}

// checkOpenSSL has OpenSSL say the form, which is the same as of its own file with the options of
// that form, and sign with the key.
func checkOpenSSL(t *testing.T, h holder, file, password string) {
	dir := t.TempDir()
	info := func(file string) string { // OpenSSL 3 needs its legacy provider for RC2 only; 3DES is in the default one
		t.Helper()
		out := peer.Run(t, "openssl", "pkcs12", "-info", "-in", file, "-passin", "pass:"+password, "-nodes")
		return strings.Join(regexp.MustCompile(`(?m)^(MAC|PKCS7|Shrouded|Certificate bag| *localKeyID).*$`).FindAllString(out, -1), "\n")
	}
	ours := info(file)
	for _, want := range []string{"MAC: sha1, Iteration 2048", "MAC length: 20, salt length: 8", "PKCS7 Data",
		"Shrouded Keybag: pbeWithSHA1And3-KeyTripleDES-CBC, Iteration 2048", "localKeyID"} {
		if !strings.Contains(ours, want) {
			t.Errorf("%s is missing:\n%s", want, ours)
		}
	}
	if strings.Contains(ours, "Encrypted data") {
		t.Errorf("certificates are not in clear:\n%s", ours)
	}
	pem := filepath.Join(dir, "all.pem")
	peer.Run(t, "openssl", "pkcs12", "-in", file, "-passin", "pass:"+password, "-nodes", "-out", pem)
	theirs := filepath.Join(dir, "theirs.p12")
	peer.Run(t, "openssl", "pkcs12", "-export", "-in", pem, "-out", theirs, "-passout", "pass:"+password,
		"-certpbe", "NONE", "-keypbe", "PBE-SHA1-3DES", "-macalg", "sha1")
	if want := info(theirs); ours != want {
		t.Errorf("the form is\n%s\nOpenSSL's own is\n%s", ours, want)
	}
	if mine, other := structure(t, file), structure(t, theirs); mine != other {
		t.Errorf("nodes are\n%s\nOpenSSL's own are\n%s", mine, other)
	}
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("à signer"), 0o600); err != nil {
		t.Fatal(err)
	}
	signature := filepath.Join(dir, "signature")
	peer.Run(t, "openssl", "dgst", "-sha256", "-sign", pem, "-out", signature, text)
	signed, err := os.ReadFile(signature)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("à signer"))
	switch public := h.cert.PublicKey.(type) {
	case *rsa.PublicKey:
		err = rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signed)
	case *ecdsa.PublicKey:
		if !ecdsa.VerifyASN1(public, digest[:], signed) {
			err = fmt.Errorf("wrong signature")
		}
	}
	if err != nil {
		t.Errorf("the key is not that of the certificate: %v", err)
	}
}

// structure is the tree of a DER file, without what differs from one file to the next: lengths and
// content.
func structure(t *testing.T, file string) string {
	t.Helper()
	out := peer.Run(t, "openssl", "asn1parse", "-inform", "DER", "-in", file)
	return regexp.MustCompile(`(?m)^ *\d+:(d=\d+) +hl=\d+ l= *\d+ (.*?)(:.*)?$`).ReplaceAllString(out, "$1 $2")
}

// Key derivation gives what OpenSSL's own gives, also where it takes more than one block and a long
// password.
func TestDeriveKey(t *testing.T) {
	for _, purpose := range []byte{encryptionKey, initialVector, macKey} {
		for _, password := range passwords {
			p, err := newPassword(password)
			if err != nil {
				t.Fatal(err)
			}
			secret := p.bmp
			salt := []byte{1, 2, 3, 4, 5, 6, 7, byte(len(password))}
			out := peer.Run(t, "openssl", "kdf", "-keylen", "50", "-kdfopt", "digest:SHA1", "-kdfopt", fmt.Sprintf("hexpass:%x", secret),
				"-kdfopt", fmt.Sprintf("hexsalt:%x", salt), "-kdfopt", "iter:2048", "-kdfopt", fmt.Sprintf("id:%d", purpose), "-provider", "legacy",
				"-provider", "default", "PKCS12KDF")
			want := strings.ToLower(strings.ReplaceAll(strings.TrimSpace(out), ":", ""))
			if got := fmt.Sprintf("%x", deriveKey(sha1.New, purpose, 50, secret, salt, 2048)); got != want {
				t.Errorf("purpose %d, %q: %s, OpenSSL %s", purpose, password, got, want)
			}
		}
	}
}

// A password of any characters opens the file in the programs that people use, and they list key
// and certificate by their friendly name.
func TestPasswordsAndNames(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	h := newHolder(t, ec)
	const name = "CPS d'ALAIN DÔDÔ (authentication)"
	for _, form := range []Form{Modern, Legacy} {
		for label, password := range map[string]string{"spaces": " a b ", "accents": "M0t de passe $é long",
			"quotes":         `"'\$!`,
			"256 characters": strings.Repeat("0123456789abcdef", 16), "one": "x", "astral": "clé 🔑 𝔸",
			"Greek": "κωδικός", "emoji alone": "🔑"} {
			t.Run(string(form)+" "+label, func(t *testing.T) {
				data, err := Encode(form, h.key, h.cert, h.chain, name, password)
				if err != nil {
					t.Fatal(err)
				}
				dir := t.TempDir()
				file, secret := filepath.Join(dir, "own.p12"), filepath.Join(dir, "password")
				for path, content := range map[string][]byte{file: data, secret: []byte(password + "\n")} {
					if err := os.WriteFile(path, content, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				t.Setenv("LC_ALL", "C.UTF-8")
				out := peer.Run(t, "openssl", "pkcs12", "-in", file, "-passin", "file:"+secret, "-nodes")
				if !strings.Contains(out, "BEGIN PRIVATE KEY") || strings.Count(out, "friendlyName: CPS d'ALAIN") != 2 {
					t.Errorf("OpenSSL: %s", out)
				}
				db := filepath.Join(dir, "db")
				if err := os.Mkdir(db, 0o700); err != nil {
					t.Fatal(err)
				}
				peer.Run(t, "certutil", "-d", "sql:"+db, "-N", "--empty-password")
				if out, err := peer.Try(t, "pk12util", "-d", "sql:"+db, "-i", file, "-w", secret); err != nil {
					t.Errorf("NSS: %s", out)
				} else if out := peer.Run(t, "certutil", "-d", "sql:"+db, "-L"); !strings.Contains(out,
					"CPS d'ALAIN") || !strings.Contains(out, "u,u,u") {
					t.Errorf("NSS: %s", out)
				}
				if out, err := peer.Try(t, "certtool", "--p12-info", "--inder", "--infile", file, "--password",
					password); err != nil {
					t.Errorf("GnuTLS: %s", out)
				}
				if label != "spaces" && label != "quotes" &&
					label != "astral" { // a Java machine takes a second to start
					return
				}
				out, err = peer.Try(t, "keytool", "-J-Dfile.encoding=UTF-8", "-J-Duser.language=en",
					"-J-Dstdout.encoding=UTF-8", "-list", "-v",
					"-keystore", file, "-storetype", "PKCS12", "-storepass:file", secret)
				wanted := []string{"Alias name: cps d'alain dôdô (authentication)", "PrivateKeyEntry",
					"Certificate chain length: 2"}
				if strings.IndexFunc(password, func(r rune) bool { return r > '~' }) >= 0 {
					wanted = []string{"Password is not ASCII"} // a limit of Java
				} else if err != nil {
					t.Error("Java:", err)
				}
				for _, want := range wanted {
					if !strings.Contains(out, want) {
						t.Errorf("Java: %s is missing:\n%s", want, out)
					}
				}
			})
		}
	}
}
