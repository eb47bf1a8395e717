package interop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
)

// Requests that other people's programs make are certified, and other people's programs verify what
// is issued for them.
func TestRequests(t *testing.T) {
	l := labtest.New(t, "--key", "p256")
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	subject := "/CN=srv.hopital.test"
	requests := map[string]func(t *testing.T, out string){
		"openssl, PEM": func(t *testing.T, out string) {
			peer.Run(t, "openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", out+".key", "-subj",
				subject, "-out", out)
		},
		"openssl, DER": func(t *testing.T, out string) {
			peer.Run(t, "openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-nodes",
				"-keyout", out+".key", "-subj", subject, "-outform", "DER", "-out", out)
		},
		"keytool": func(t *testing.T, out string) {
			peer.Run(t, "keytool", "-genkeypair", "-keyalg", "RSA", "-keysize", "2048", "-alias", "srv", "-dname",
				"CN=srv.hopital.test",
				"-keystore", out+".p12", "-storepass", "changeit")
			peer.Run(t, "keytool", "-certreq", "-alias", "srv", "-keystore", out+".p12", "-storepass", "changeit",
				"-file", out,
				"-ext", "SAN=dns:srv.hopital.test")
		},
		"certreq": func(t *testing.T, out string) {
			data, err := os.ReadFile("../../profiles/csr/testdata/certreq.req")
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(out, data, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"GnuTLS": func(t *testing.T, out string) {
			template := out + ".template"
			if err := os.WriteFile(template, []byte("cn = srv.hopital.test\ndns_name = srv.hopital.test\n"),
				0o600); err != nil {
				t.Fatal(err)
			}
			peer.Run(t, "certtool", "--generate-privkey", "--key-type", "ecdsa", "--curve", "secp256r1",
				"--outfile", out+".key")
			peer.Run(t, "certtool", "--generate-request", "--load-privkey", out+".key", "--template", template,
				"--outfile", out)
		},
		"NSS": func(t *testing.T, out string) {
			db := "sql:" + out + ".db"
			if err := os.Mkdir(out+".db", 0o700); err != nil {
				t.Fatal(err)
			}
			noise := out + ".noise"
			if err := os.WriteFile(noise, []byte("as many bytes of noise as certutil wants"), 0o600); err != nil {
				t.Fatal(err)
			}
			peer.Run(t, "certutil", "-d", db, "-N", "--empty-password")
			peer.Run(t, "certutil", "-d", db, "-R", "-s", "CN=srv.hopital.test", "-k", "rsa", "-g", "2048", "-z",
				noise, "-a", "-o", out)
		},
		"SoftHSM": softHSMRequest,
		"Go": func(t *testing.T, out string) {
			key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			der, err := x509.CreateCertificateRequest(rand.Reader,
				&x509.CertificateRequest{Subject: pkix.Name{CommonName: "srv.hopital.test"}}, key)
			if err != nil {
				t.Fatal(err)
			}
			text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
			if err := os.WriteFile(out, text, 0o600); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, make := range requests {
		t.Run(name, func(t *testing.T) {
			file := in(name)
			make(t, file)
			verifyServer(t, l.Issue("--csr", file))
		})
	}
}

// softHSMRequest makes a request with a key that pkcs11-tool made in SoftHSM and that never leaves
// it: OpenSSL signs through its PKCS#11 engine.
func softHSMRequest(t *testing.T, out string) {
	h := peer.NewSoftHSM(t, "hsm")
	t.Setenv("PKCS11_MODULE_PATH", h.Library)
	h.Tool(t, "--keypairgen", "--key-type", "rsa:2048", "--label", "srv", "--id", "01")
	peer.Run(t, "openssl", "req", "-new", "-engine", "pkcs11", "-keyform", "engine", "-subj", "/CN=srv.hopital.test",
		"-key", "pkcs11:token=hsm;object=srv;type=private;pin-value=1234", "-out", out)
}

// verifyServer has other people's programs verify a server's certificate with its chain.
func verifyServer(t *testing.T, card labtest.Card) {
	t.Helper()
	leaf, chain := card.File("server.pem"), card.File("chain.pem")
	peer.Run(t, "openssl", "verify", "-purpose", "sslserver", "-CAfile", chain, leaf)
	peer.Run(t, "certtool", "--verify", "--load-ca-certificate", chain, "--infile", leaf)
	data, err := os.ReadFile(chain)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	db := "sql:" + dir
	peer.Run(t, "certutil", "-d", db, "-N", "--empty-password")
	store := filepath.Join(dir, "store.p12")
	for i, trust := 0, []string{",,", "CT,C,C"}; i < 2; i++ {
		var block *pem.Block
		block, data = pem.Decode(data)
		file := filepath.Join(dir, trust[i][:1]+".pem")
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		peer.Run(t, "certutil", "-d", db, "-A", "-n", trust[i], "-t", trust[i], "-i", file)
		if i == 1 {
			peer.Run(t, "keytool", "-importcert", "-noprompt", "-alias", "root", "-file", file, "-keystore", store,
				"-storepass", "changeit")
		} else {
			peer.Run(t, "keytool", "-importcert", "-noprompt", "-alias", "issuing", "-file", file, "-keystore",
				store, "-storepass", "changeit")
		}
	}
	peer.Run(t, "certutil", "-d", db, "-A", "-n", "leaf", "-t", ",,", "-i", leaf)
	says(t, "certificate is valid", "certutil", "-d", db, "-V", "-u", "V", "-n", "leaf")
	// Without -noprompt or trust, keytool imports a certificate only whose chain it verified.
	says(t, "Certificate was added", "keytool", "-J-Duser.language=en", "-importcert", "-trustcacerts", "-alias",
		"leaf",
		"-file", leaf, "-keystore", store, "-storepass", "changeit")
}
