package est_test

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/ordertest"
	"github.com/igc-lab/igc/internal/peer"
)

// serverCertificate writes the certificate by which clients know the server.
func (f *front) serverCertificate(dir string) string {
	file := filepath.Join(dir, "server.pem")
	labtest.Write(f, file, []byte(ordertest.PEM("CERTIFICATE", f.server.Certificate().Raw)))
	return file
}

// BouncyCastle's EST client reads authorities and attributes, enrols with a token, and enrols again
// with the certificate that it got.
func TestBouncyCastle(t *testing.T) {
	peer.Need(t, "javac") // a runtime alone does not run sources
	var jars []string
	for _, name := range []string{"bcprov", "bcutil", "bcpkix"} {
		jar := "/usr/share/java/" + name + ".jar"
		if _, err := os.Stat(jar); err != nil {
			peer.Missing(t, "libbcpkix-java")
		}
		jars = append(jars, jar)
	}
	f := newFront(t)
	dir := t.TempDir()
	got := peer.Run(t, "java", "-cp", strings.Join(jars, ":"), filepath.Join("testdata", "EstClient.java"),
		strings.TrimPrefix(f.server.URL, "https://"), f.serverCertificate(dir), f.token, "srv.test",
		filepath.Join(dir, "first.der"))
	want := "authorities: 2\n" +
		"attributes: [1.2.840.113549.1.9.14]\n" +
		"enrolled: CN=srv.test,OU=10B0057881,O=HOPITAL TEST,ST=Paris (75),C=FR\n" +
		"again: true, another key: true\n" +
		"another name: 400\n" +
		"a wrong token: 401\n"
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

// strongSwan's pki reads the authorities, enrols with a token, and enrols again by mutual TLS with
// the old certificate, until that is revoked.
func TestStrongSwan(t *testing.T) {
	peer.Need(t, "pki")
	f := newFront(t)
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	labtest.Write(t, in("strongswan.conf"), []byte("pki { load = random drbg sha1 sha2 hmac aes gmp pkcs1 pkcs7 pkcs8 "+
		"pem x509 curl nonce openssl pubkey mgf1 constraints revocation }\n"))
	t.Setenv("STRONGSWAN_CONF", in("strongswan.conf"))
	server := f.serverCertificate(dir)
	pki := func(args ...string) string {
		t.Helper()
		return peer.Run(t, "pki", args...)
	}
	refused := func(words string, args ...string) {
		t.Helper()
		if out, err := peer.Try(t, "pki", args...); err == nil || !strings.Contains(out, words) {
			t.Errorf("pki %q: %v\n%s", args, err, out)
		}
	}
	key := func(name string) string {
		labtest.Write(t, in(name), []byte(pki("--gen", "--type", "ecdsa", "--size", "256", "--outform", "pem")))
		return in(name)
	}
	request := func(key, dn, name string) string {
		labtest.Write(t, in(name), []byte(pki("--req", "--type", "ecdsa", "--in", key, "--dn", dn, "--san", "srv.test",
			"--outform", "pem")))
		return in(name)
	}
	url := f.server.URL
	pki("--estca", "--url", url, "--cacert", server, "--caout", in("ca.pem"), "--outform", "pem")
	authorities, err := filepath.Glob(in("ca*.pem"))
	if err != nil || len(authorities) == 0 {
		t.Fatalf("%q, %v", authorities, err)
	}
	trust := []string{"--cacert", server}
	for _, a := range authorities {
		trust = append(trust, "--cacert", a)
	}
	first, firstKey := in("first.pem"), key("first.key")
	asked := request(firstKey, "CN=srv.test", "first.csr")
	enrol := func(credentials, in string) []string {
		return append([]string{"--est", "--url", url, "--in", in, "--userpass",
			"anybody:" + credentials, "--outform", "pem"}, trust...)
	}
	refused("401", enrol("igc_ci_wrong", asked)...)
	labtest.Write(t, first, []byte(pki(enrol(f.token, asked)...)))
	cert := parse(t, first)
	if cert.Subject.CommonName != "srv.test" || len(cert.DNSNames) == 0 {
		t.Errorf("%v, %q", cert.Subject, cert.DNSNames)
	}

	dn := "C=FR, ST=Paris (75), O=HOPITAL TEST, OU=" + ordertest.Hospital + ", CN=srv.test"
	again := request(key("second.key"), dn, "second.csr")
	reenrol := append([]string{"--est", "--url", url, "--in", again, "--cert", first, "--key",
		firstKey, "--outform", "pem"}, trust...)
	labtest.Write(t, in("second.pem"), []byte(pki(reenrol...)))
	if renewed := parse(t, in("second.pem")); renewed.Subject.String() != cert.Subject.String() {
		t.Errorf("%v, %v", renewed.Subject, cert.Subject)
	}
	f.Lab.Change(t, ca.StatusChange{Serial: strings.ToUpper(cert.SerialNumber.Text(16)), Reason: "keyCompromise"})
	refused("403", reenrol...)
}

func parse(t *testing.T, file string) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode([]byte(labtest.Read(t, file)))
	if block == nil {
		t.Fatalf("%s has no certificate", file)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}
