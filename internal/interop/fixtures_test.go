package interop

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/youmark/pkcs8"

	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
	"github.com/igc-lab/igc/profiles"
)

// Every fixture ends where its manifest says: on TestSSL, and with third-party verifiers. With fast
// keys and with RSA ones; made beside a server, and without one.
func TestFixtures(t *testing.T) {
	for _, key := range []string{"p256", "rsa2048"} {
		t.Run(key, func(t *testing.T) {
			l := labtest.New(t, "--key", key)
			dir := filepath.Join(t.TempDir(), "set")
			var s labtest.FixtureSet
			if key == "p256" {
				s = l.MakeFixtures(dir)
			}
			server := l.Serve()
			if key != "p256" {
				s = l.MakeFixtures(dir)
			}
			if want := len(fixtures.Catalogue()); len(s.Fixtures) < want-1 {
				t.Fatalf("%d fixtures of %d", len(s.Fixtures), want)
			}
			t.Run("testssl", func(t *testing.T) { visitAll(t, s, server.URLs) })
			verifyAll(t, s, strings.TrimSuffix(server.URLs["publication"], "/"))
			server.Stop(t) // it is still there to be stopped
			if log := server.Log.String(); strings.Contains(log, "panic") {
				t.Errorf("the server's log: %s", log)
			}
		})
	}
}

// visitAll presents every fixture to TestSSL, alone as browsers do and with its chain as most other
// clients do. It ends as the manifest says, and the server lives on. The strict port takes those
// that are in order, and no other.
func visitAll(t *testing.T, s labtest.FixtureSet, urls map[string]string) {
	for _, e := range s.Fixtures {
		for _, withChain := range []bool{false, true} {
			verdict, page := visit(t, s, e, urls["testssl"], withChain)
			want := e.Expect.TestSSL
			if withChain {
				want = e.Expect.TestSSLWithChain
			}
			if verdict != want {
				t.Errorf("%s (with its chain: %t): TestSSL says %s, the manifest %s", e.ID, withChain, verdict, want)
			}
			if verdict != fixtures.Refused && verdict != "OK" && !strings.Contains(page, want) {
				t.Errorf("%s: the page does not name %s", e.ID, want)
			}
			if strings.Contains(page, "<script>alert") {
				t.Errorf("%s: the page runs what stands in a certificate", e.ID)
			}
		}
		want := fixtures.Refused
		if e.Expect.TestSSL == "OK" {
			want = "OK"
		}
		if verdict, _ := visit(t, s, e, urls["strict"], true); verdict != want {
			t.Errorf("%s: the strict port says %s, want %s", e.ID, verdict, want)
		}
	}
}

// visit presents a fixture, and returns the verdict and the page; the verdict is TLS-REFUSED when
// the server ends the handshake with an alert.
func visit(t *testing.T, s labtest.FixtureSet, e fixtures.Entry, url string, withChain bool) (verdict, page string) {
	t.Helper()
	key, err := pkcs8.ParsePKCS8PrivateKey(labtest.DER(t, s.File(e.Files.Key))[0], []byte(e.PIN))
	if err != nil {
		t.Fatalf("%s: %v", e.ID, err)
	}
	card := tls.Certificate{Certificate: labtest.DER(t, s.File(e.Files.Certificate)), PrivateKey: key.(crypto.Signer)}
	if withChain {
		card.Certificate = append(card.Certificate, labtest.DER(t, s.File(e.Files.Chain))...)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{
		InsecureSkipVerify:   true, // the server is not what is tried
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &card, nil },
	}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: labtest.Patience}
	get := func(path string) ([]byte, error) {
		resp, err := client.Get(url + path)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		return io.ReadAll(resp.Body)
	}
	data, err := get("api/v1/card")
	var alert *net.OpError
	if errors.As(err, &alert) && alert.Op == "remote error" {
		return fixtures.Refused, ""
	}
	var report struct{ Verdict string }
	if err == nil {
		err = json.Unmarshal(data, &report)
	}
	if err != nil {
		t.Fatalf("%s: %v", e.ID, err)
	}
	html, err := get("")
	if err != nil {
		t.Fatalf("%s: %v", e.ID, err)
	}
	return report.Verdict, string(html)
}

// court is what verifiers need beside a fixture: the roots that they trust and the CRLs that they
// know.
type court struct {
	labtest.FixtureSet
	dir   string
	crls  [][]byte // DER
	lists string   // the same, PEM, one file
}

// verdict is what a verifier said.
type verdict struct {
	accept  bool
	message string
}

// verifyAll has every verifier look at every fixture, and holds them to the manifest.
func verifyAll(t *testing.T, s labtest.FixtureSet, base string) {
	c := &court{FixtureSet: s, dir: t.TempDir()}
	c.lists = filepath.Join(c.dir, "lists.pem")
	var all []byte
	for _, a := range profiles.Authorities() {
		file := filepath.Join(c.dir, a.File()+".crl")
		labtest.Fetch(t, base+"/CRL/"+a.File()+".crl", file)
		c.crls = append(c.crls, []byte(labtest.Read(t, file)))
		all = append(all, pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: []byte(labtest.Read(t, file))})...)
	}
	labtest.Write(t, c.lists, all)
	t.Run("openssl", func(t *testing.T) {
		peer.Need(t, "openssl")
		c.each(t, c.openssl, func(e fixtures.Expected) fixtures.Expectation { return e.OpenSSL })
	})
	t.Run("pkcs12", func(t *testing.T) {
		peer.Need(t, "openssl")
		c.each(t, c.pkcs12, func(e fixtures.Expected) fixtures.Expectation { return e.PKCS12 })
	})
	t.Run("gnutls", func(t *testing.T) {
		peer.Need(t, "certtool")
		c.each(t, c.gnutls, func(e fixtures.Expected) fixtures.Expectation { return e.GnuTLS })
	})
	t.Run("NSS", func(t *testing.T) {
		peer.Need(t, "vfychain")
		db := c.nssDatabase(t)
		c.each(t, func(e fixtures.Entry) verdict { return c.nss(db, e) }, func(e fixtures.Expected) fixtures.Expectation { return e.NSS })
	})
	t.Run("java", func(t *testing.T) {
		verdicts := c.java(t)
		c.each(t, func(e fixtures.Entry) verdict { return verdicts[e.ID] }, func(e fixtures.Expected) fixtures.Expectation { return e.Java })
	})
	t.Run("go", func(t *testing.T) {
		c.each(t, c.golang, func(e fixtures.Expected) fixtures.Expectation { return e.Go })
	})
}

// each asks a verifier about every fixture.
func (c *court) each(t *testing.T, ask func(fixtures.Entry) verdict, expected func(fixtures.Expected) fixtures.Expectation) {
	var wg sync.WaitGroup
	slots := make(chan bool, runtime.GOMAXPROCS(0))
	for _, e := range c.Fixtures {
		slots <- true
		wg.Go(func() {
			defer func() { <-slots }()
			want := expected(e.Expect)
			got := ask(e)
			if got.accept != (want == fixtures.Accept) || !strings.Contains(got.message, want.Message()) {
				t.Errorf("%s: the manifest says %q, the verifier accept: %t, %s", e.ID, want, got.accept, got.message)
			}
		})
	}
	wg.Wait()
}

func ask(program string, args ...string) verdict {
	out, err := exec.Command(program, args...).CombinedOutput()
	return verdict{err == nil, string(out)}
}

func (c *court) openssl(e fixtures.Entry) verdict {
	purpose := map[fixtures.Purpose]string{fixtures.Client: "sslclient", fixtures.Signing: "smimesign"}[e.Purpose]
	return ask("openssl", "verify", "-auth_level", "2", "-purpose", purpose, "-crl_check_all", "-CAfile", c.File(c.Roots), "-untrusted", c.File(e.Files.Chain),
		"-CRLfile", c.lists, c.File(e.Files.Certificate))
}

func (c *court) pkcs12(e fixtures.Entry) verdict {
	return ask("openssl", "pkcs12", "-in", c.File(e.Files.PKCS12), "-passin", "pass:"+e.PIN, "-noenc")
}

func (c *court) gnutls(e fixtures.Entry) verdict {
	purpose := map[fixtures.Purpose]string{fixtures.Client: "1.3.6.1.5.5.7.3.2", fixtures.Signing: "1.3.6.1.5.5.7.3.4"}[e.Purpose]
	cmd := exec.Command("certtool", "--verify", "--verify-purpose", purpose, "--load-ca-certificate", c.File(c.Roots), "--load-crl", c.lists)
	var in bytes.Buffer
	for _, name := range []string{e.Files.Certificate, e.Files.Chain} {
		data, err := os.ReadFile(c.File(name))
		if err != nil {
			return verdict{message: err.Error()}
		}
		in.Write(data)
	}
	cmd.Stdin = &in
	out, err := cmd.CombinedOutput()
	return verdict{err == nil, string(out)}
}

// nssDatabase makes a database that trusts the roots and holds the CRLs.
func (c *court) nssDatabase(t *testing.T) string {
	t.Helper()
	db := "sql:" + c.dir
	peer.Run(t, "certutil", "-d", db, "-N", "--empty-password")
	for n, der := range labtest.DER(t, c.File(c.Roots)) {
		name := fmt.Sprintf("root-%d", n)
		labtest.Write(t, filepath.Join(c.dir, name), der)
		peer.Run(t, "certutil", "-d", db, "-A", "-n", name, "-t", "CT,C,C", "-i", filepath.Join(c.dir, name))
	}
	for _, a := range profiles.Authorities() {
		peer.Run(t, "crlutil", "-d", db, "-I", "-B", "-t", "1", "-i", filepath.Join(c.dir, a.File()+".crl"))
	}
	return db
}

func (c *court) nss(db string, e fixtures.Entry) verdict {
	usage := map[fixtures.Purpose]string{fixtures.Client: "0", fixtures.Signing: "4"}[e.Purpose]
	return ask("vfychain", "-d", db, "-u", usage, "-v", "-a", c.File(e.Files.Certificate), c.File(e.Files.Chain))
}

// java verifies all fixtures in one process: its machine takes a second to start.
func (c *court) java(t *testing.T) map[string]verdict {
	t.Helper()
	peer.Need(t, "javac") // a runtime alone does not run sources
	cmd := exec.Command(peer.Need(t, "java"), filepath.Join("testdata", "Verifier.java"), c.File(c.Roots), c.lists)
	var in, errOut bytes.Buffer
	for _, e := range c.Fixtures {
		fmt.Fprintf(&in, "%s\t%s\t%s\n", e.Purpose, c.File(e.Files.Certificate), c.File(e.Files.Chain))
	}
	cmd.Stdin, cmd.Stderr = &in, &errOut
	out, err := cmd.Output()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil || len(lines) != len(c.Fixtures) {
		t.Fatalf("java: %v, %d answers to %d questions\n%s", err, len(lines), len(c.Fixtures), errOut.String())
	}
	verdicts := map[string]verdict{}
	for i, e := range c.Fixtures {
		verdicts[e.ID] = verdict{lines[i] == "accept", lines[i]}
	}
	return verdicts
}

// golang verifies as a server in Go does, and looks the serial number up in the CRLs.
func (c *court) golang(e fixtures.Entry) verdict {
	err := func() error {
		read := func(name string) []byte {
			data, _ := os.ReadFile(c.File(name))
			return data
		}
		b, _ := pem.Decode(read(e.Files.Certificate))
		leaf, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return err
		}
		roots, middle := x509.NewCertPool(), x509.NewCertPool()
		roots.AppendCertsFromPEM(read(c.Roots))
		middle.AppendCertsFromPEM(read(e.Files.Chain))
		usage := map[fixtures.Purpose]x509.ExtKeyUsage{fixtures.Client: x509.ExtKeyUsageClientAuth, fixtures.Signing: x509.ExtKeyUsageEmailProtection}[e.Purpose]
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: middle, KeyUsages: []x509.ExtKeyUsage{usage}}); err != nil {
			return err
		}
		for _, der := range c.crls {
			list, err := x509.ParseRevocationList(der)
			if err != nil {
				return err
			}
			for _, entry := range list.RevokedCertificateEntries {
				if bytes.Equal(list.RawIssuer, leaf.RawIssuer) && entry.SerialNumber.Cmp(leaf.SerialNumber) == 0 {
					return errors.New("revoked")
				}
			}
		}
		return nil
	}()
	return verdict{err == nil, fmt.Sprint(err)}
}
