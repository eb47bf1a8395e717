package interop

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
	"github.com/igc-lab/igc/internal/reference"
	"github.com/igc-lab/igc/profiles"
)

// says runs a verifier and wants its words, whatever its exit code.
func says(t testing.TB, words, program string, args ...string) {
	t.Helper()
	if out, _ := peer.Try(t, program, args...); !strings.Contains(out, words) {
		t.Errorf("%s %q\nsays\n%s\nwant %q", program, args, out, words)
	}
}

// openssl, gnutls and NSS verify a good card and a revoked one, over the lab's own publication, CRL
// and OCSP. With RSA keys, as the real ones, and with the fast ones.
func TestPeers(t *testing.T) {
	for _, key := range []string{"faithful", "p256"} {
		t.Run(key, func(t *testing.T) { testPeers(t, key) })
	}
}

func testPeers(t *testing.T, key string) {
	l := labtest.New(t, "--key", key, "--gamme", "FO")
	good, bad := l.Issue("--fixture", "alain"), l.Issue("--fixture", "guy")
	s := l.Serve()
	l.Must("revoke", bad.Certificates[0].Serial, "--reason", "keyCompromise")

	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	base := strings.TrimSuffix(s.URLs["publication"], "/")
	root, issuing, crl, rootCRL := in("root.pem"), in("issuing.pem"), in("issuing.crl"), in("root.crl")
	labtest.Write(t, root, []byte(l.Must("show", "--pem", "ACR-FO")))
	labtest.Fetch(t, base+"/AC%20TEST/ACI-FO-PP-TEST.cer", in("issuing.der"))
	peer.Run(t, "openssl", "x509", "-inform", "DER", "-in", in("issuing.der"), "-out", issuing)
	for name, file := range map[string]string{"ACI-FO-PP": crl, "ACR-FO": rootCRL} {
		labtest.Fetch(t, base+"/CRL/"+name+"-TEST.crl", file+".der")
		peer.Run(t, "openssl", "crl", "-inform", "DER", "-in", file+".der", "-out", file)
	}

	t.Run("openssl", func(t *testing.T) {
		verify := []string{"verify", "-x509_strict", "-crl_check_all", "-CAfile", root, "-untrusted", issuing, "-CRLfile", crl, "-CRLfile", rootCRL}
		says(t, ": OK", "openssl", append(verify, "-purpose", "sslclient", good.File("authentication.pem"))...)
		says(t, ": OK", "openssl", append(verify, good.File("signature.pem"))...)
		says(t, "certificate revoked", "openssl", append(verify, bad.File("authentication.pem"))...)
		// the signature certificate is none for TLS
		says(t, "unsuitable certificate purpose", "openssl", append(verify, "-purpose", "sslclient", good.File("signature.pem"))...)
		ocsp := []string{"ocsp", "-issuer", issuing, "-CAfile", root, "-verify_other", issuing, "-url", base + "/ocsp", "-cert"}
		says(t, "Response verify OK", "openssl", append(ocsp, good.File("authentication.pem"))...)
		says(t, "authentication.pem: good", "openssl", append(ocsp, good.File("authentication.pem"))...)
		says(t, "Reason: keyCompromise", "openssl", append(ocsp, bad.File("authentication.pem"))...)
		says(t, "Response verify OK", "openssl", append(ocsp, bad.File("authentication.pem"), "-no_nonce")...)
		// never issued
		says(t, "0x0102030405060708: unknown", "openssl", "ocsp", "-issuer", issuing, "-CAfile", root, "-url", base+"/ocsp", "-serial", "0x0102030405060708")
		labtest.Fetch(t, base+"/AC%20TEST/Chaine_de_certification-IGC-Sante-TEST.p7b", in("chain.p7b"))
		says(t, "TEST AC RACINE IGC-SANTE FORT", "openssl", "pkcs7", "-in", in("chain.p7b"), "-print_certs", "-noout")
		says(t, "TEST AC IGC-SANTE FORT PERSONNES", "openssl", "pkcs12", "-in", good.File("authentication.p12"), "-passin", "pass:"+good.PIN, "-nokeys", "-info")
		peer.Run(t, "openssl", "pkey", "-in", good.File("authentication.key"), "-passin", "pass:"+good.PIN, "-noout", "-check")
	})
	t.Run("gnutls", func(t *testing.T) {
		chain := in("chain.pem")
		for file, want := range map[string]string{good.File("authentication.pem"): "Chain verification output: Verified",
			bad.File("authentication.pem"): "revoked"} {
			leaf, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			middle, err := os.ReadFile(issuing)
			if err != nil {
				t.Fatal(err)
			}
			labtest.Write(t, chain, append(leaf, middle...))
			lists := in("lists.pem")
			a, _ := os.ReadFile(crl)
			b, _ := os.ReadFile(rootCRL)
			labtest.Write(t, lists, append(a, b...))
			says(t, want, "certtool", "--verify", "--infile", chain, "--load-ca-certificate", root, "--load-crl", lists)
		}
		ask := []string{"--ask=" + base + "/ocsp", "--load-issuer=" + issuing, "--load-trust=" + issuing, "--load-cert"}
		says(t, "Certificate Status: good", "ocsptool", append(ask, good.File("authentication.pem"))...)
		says(t, "Verifying OCSP Response: Success", "ocsptool", append(ask, good.File("authentication.pem"))...)
		says(t, "Certificate Status: revoked", "ocsptool", append(ask, bad.File("authentication.pem"))...)
		says(t, "Elements: 3", "certtool", "--p12-info", "--inder", "--infile", good.File("authentication.p12"), "--password", good.PIN)
	})
	t.Run("NSS", func(t *testing.T) {
		db := "sql:" + in("nss")
		if err := os.MkdirAll(in("nss"), 0o700); err != nil {
			t.Fatal(err)
		}
		peer.Run(t, "certutil", "-d", db, "-N", "--empty-password")
		peer.Run(t, "certutil", "-d", db, "-A", "-n", "root", "-t", "CT,C,C", "-i", root)
		peer.Run(t, "certutil", "-d", db, "-A", "-n", "issuing", "-t", ",,", "-i", issuing)
		for name, c := range map[string]labtest.Card{"good": good, "bad": bad} {
			peer.Run(t, "certutil", "-d", db, "-A", "-n", name, "-t", ",,", "-i", c.File("authentication.pem"))
		}
		peer.Run(t, "pk12util", "-d", db, "-i", good.File("authentication.p12"), "-W", good.PIN)
		says(t, "< 0>", "certutil", "-d", db, "-K") // a private key is there
		says(t, "certificate is valid", "certutil", "-d", db, "-V", "-u", "C", "-n", "good")
		says(t, "certificate is valid", "certutil", "-d", db, "-V", "-u", "L", "-n", "root")
		peer.Run(t, "crlutil", "-d", db, "-I", "-t", "1", "-i", crl+".der")
		peer.Run(t, "crlutil", "-d", db, "-I", "-t", "1", "-i", rootCRL+".der")
		says(t, "certificate is valid", "certutil", "-d", db, "-V", "-u", "C", "-n", "good", "-e")
		says(t, "revoked", "certutil", "-d", db, "-V", "-u", "C", "-n", "bad", "-e")
		says(t, "Signature Algorithm", "crlutil", "-d", db, "-L", "-n", "issuing")
	})
	t.Run("java", func(t *testing.T) {
		says(t, "Certificate chain length: 3", "keytool", "-list", "-v", "-keystore", good.File("authentication.p12"), "-storepass", good.PIN, "-storetype", "PKCS12")
		says(t, "Your keystore contains 1 entry", "keytool", "-list", "-keystore", l.Issue("--fixture", "olivier", "--p12-legacy").File("signature.p12"), "-storepass", "1234", "-storetype", "PKCS12")
	})
	t.Run("go", func(t *testing.T) {
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM([]byte(l.Must("show", "--pem", "ACR-FO")))
		middle := x509.NewCertPool()
		middle.AppendCertsFromPEM([]byte(l.Must("show", "--pem", "ACI-FO-PP")))
		data, err := os.ReadFile(good.File("authentication.pem"))
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(data)
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Verify(x509.VerifyOptions{Roots: pool, Intermediates: middle, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
			t.Error(err)
		}
	})
}

// The twin test, from the command line to the file: a card issued for the holder of a real
// certificate, with the real addresses, differs from it in nothing but serial number, dates, key
// and signature. So do the authorities.
func TestTwins(t *testing.T) {
	reference.Dir(t)
	l := &labtest.Lab{T: t, Home: filepath.Join(t.TempDir(), "lab")}
	l.Must("init", "--urls", "real") // faithful keys
	twin := func(file string, der []byte) {
		t.Helper()
		for _, line := range profiles.Diff(reference.Read(t, "certificates/"+file+".pem"), der) {
			t.Errorf("%s: %s", file, line)
		}
	}
	decode := func(data []byte) []byte {
		block, _ := pem.Decode(data)
		if block == nil {
			t.Fatalf("no PEM: %s", data)
		}
		return block.Bytes
	}
	out := filepath.Join(t.TempDir(), "card")
	l.Must("issue", "--card", "cps", "--profession", "60", "--given-name", "OLIVIER", "--surname", "INFIRMCS ADELI8751", "--adeli", "0B6087510",
		"--card-number", "2800636234", "--urls", "real", "--out", out)
	data, err := os.ReadFile(filepath.Join(out, "signature.pem"))
	if err != nil {
		t.Fatal(err)
	}
	twin("TEST-FO-PP-cps-signature-infirmier", decode(data))
	for _, id := range []string{"ACR-EL", "ACR-ST", "ACI-EL-PP", "ACI-EL-ORG", "ACI-ST-PP"} {
		twin("TEST-"+id, decode([]byte(l.Must("show", "--pem", id))))
	}
	// and for every real TEST certificate, without a flag typed by hand
	files, err := filepath.Glob(filepath.Join(reference.Dir(t), "certificates", "TEST-*.pem"))
	if err != nil {
		t.Fatal(err)
	}
	var issued []string
	like := 0
	for i, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".pem")
		d, err := profiles.Decode(reference.Read(t, "certificates/"+name+".pem"))
		if err != nil {
			t.Fatal(err)
		}
		if d.Profile == nil || d.Profile.IsAuthority() {
			continue
		}
		like++
		into := filepath.Join(t.TempDir(), strconv.Itoa(i))
		if d.Holder.CardNumber == "2800636234" { // issued above: in another lab it is free
			other := &labtest.Lab{T: t, Home: filepath.Join(t.TempDir(), "other")}
			other.Must("issue", "--like", file, "--urls", "real", "--out", into)
		} else {
			l.Must("issue", "--like", file, "--urls", "real", "--out", into)
			issued = append(issued, filepath.Join(into, d.Profile.Role+".pem"))
		}
		data, err := os.ReadFile(filepath.Join(into, d.Profile.Role+".pem"))
		if err != nil {
			t.Fatal(err)
		}
		twin(name, decode(data))
		if out := l.Must("inspect", "--diff", file, filepath.Join(into, d.Profile.Role+".pem")); !strings.HasPrefix(out, "twins") {
			t.Errorf("igc inspect --diff, of %s, says %s", name, out)
		}
	}
	if like < 10 {
		t.Errorf("%d real certificates, the reference had ten", like)
	}
	// and the CRLs, once something is on them
	for _, file := range issued {
		l.Must("revoke", file, "--reason", "superseded")
	}
	published := filepath.Join(t.TempDir(), "www")
	l.Must("publish", published)
	for _, file := range []string{"ACI-EL-ORG", "ACI-EL-ORG-2069", "ACR-EL"} {
		list := filepath.Join(published, "CRL", strings.TrimSuffix(file, "-2069")+"-TEST.crl")
		der, err := os.ReadFile(list)
		if err != nil {
			t.Fatal(err)
		}
		real := "crl/TEST-" + file + ".crl.pem"
		for _, line := range profiles.Diff(reference.Read(t, real), der) {
			t.Errorf("%s: %s", real, line)
		}
		if out := l.Must("inspect", "--diff", filepath.Join(reference.Dir(t), real), list); !strings.HasPrefix(out, "twins") {
			t.Errorf("igc inspect --diff, of %s, says %s", real, out)
		}
	}
	delta := labtest.Read(t, filepath.Join(published, "CRL", "ACI-EL-ORG-TEST-delta.crl"))
	if len(profiles.Diff(reference.Read(t, "crl/TEST-ACI-EL-ORG.crl.pem"), []byte(delta))) == 0 {
		t.Error("a delta CRL passes for the twin")
	}
	// the test can fail: another holder is not the twin
	l.Must("issue", "--fixture", "guy", "--urls", "real", "--out", out+"2")
	if data, err = os.ReadFile(filepath.Join(out+"2", "signature.pem")); err != nil {
		t.Fatal(err)
	}
	if len(profiles.Diff(reference.Read(t, "certificates/TEST-FO-PP-cps-signature-infirmier.pem"), decode(data))) == 0 {
		t.Error("another holder's certificate passes for the twin")
	}
}
