package cli

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/peer"
	"github.com/igc-lab/igc/profiles"
)

// court is what judges need beside a fixture: the roots that they trust and the CRLs that they know.
type court struct {
	set
	dir   string
	crls  [][]byte // DER
	lists string   // the same, PEM, one file
}

// verdict is what a judge said.
type verdict struct {
	accept bool
	words  string
}

// judgeAll has every judge look at every fixture, and holds them to the manifest.
func judgeAll(t *testing.T, s set, base string) {
	c := &court{set: s, dir: t.TempDir()}
	c.lists = filepath.Join(c.dir, "lists.pem")
	var all []byte
	for _, a := range profiles.Authorities() {
		file := filepath.Join(c.dir, a.File()+".crl")
		fetch(t, base+"/CRL/"+a.File()+".crl", file)
		c.crls = append(c.crls, []byte(read(t, file)))
		all = append(all, pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: []byte(read(t, file))})...)
	}
	write(t, c.lists, all)
	t.Run("openssl", func(t *testing.T) {
		peer.Need(t, "openssl")
		c.each(t, c.openssl, func(e fixtures.Expected) fixtures.Judgement { return e.OpenSSL })
	})
	t.Run("pkcs12", func(t *testing.T) {
		peer.Need(t, "openssl")
		c.each(t, c.pkcs12, func(e fixtures.Expected) fixtures.Judgement { return e.PKCS12 })
	})
	t.Run("gnutls", func(t *testing.T) {
		peer.Need(t, "certtool")
		c.each(t, c.gnutls, func(e fixtures.Expected) fixtures.Judgement { return e.GnuTLS })
	})
	t.Run("NSS", func(t *testing.T) {
		peer.Need(t, "vfychain")
		db := c.nssDatabase(t)
		c.each(t, func(e fixtures.Entry) verdict { return c.nss(db, e) }, func(e fixtures.Expected) fixtures.Judgement { return e.NSS })
	})
	t.Run("java", func(t *testing.T) {
		verdicts := c.java(t)
		c.each(t, func(e fixtures.Entry) verdict { return verdicts[e.ID] }, func(e fixtures.Expected) fixtures.Judgement { return e.Java })
	})
	t.Run("go", func(t *testing.T) {
		c.each(t, c.golang, func(e fixtures.Expected) fixtures.Judgement { return e.Go })
	})
}

// each asks a judge about every fixture.
func (c *court) each(t *testing.T, ask func(fixtures.Entry) verdict, expected func(fixtures.Expected) fixtures.Judgement) {
	var wg sync.WaitGroup
	slots := make(chan bool, runtime.GOMAXPROCS(0))
	for _, e := range c.Fixtures {
		slots <- true
		wg.Go(func() {
			defer func() { <-slots }()
			want := expected(e.Expect)
			got := ask(e)
			if got.accept != (want == fixtures.Accept) || !strings.Contains(got.words, want.Words()) {
				t.Errorf("%s: the manifest says %q, the judge accept: %t, %s", e.ID, want, got.accept, got.words)
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
	return ask("openssl", "verify", "-auth_level", "2", "-purpose", purpose, "-crl_check_all", "-CAfile", c.file(c.Roots), "-untrusted", c.file(e.Files.Chain),
		"-CRLfile", c.lists, c.file(e.Files.Certificate))
}

func (c *court) pkcs12(e fixtures.Entry) verdict {
	return ask("openssl", "pkcs12", "-in", c.file(e.Files.PKCS12), "-passin", "pass:"+e.PIN, "-noenc")
}

func (c *court) gnutls(e fixtures.Entry) verdict {
	purpose := map[fixtures.Purpose]string{fixtures.Client: "1.3.6.1.5.5.7.3.2", fixtures.Signing: "1.3.6.1.5.5.7.3.4"}[e.Purpose]
	cmd := exec.Command("certtool", "--verify", "--verify-purpose", purpose, "--load-ca-certificate", c.file(c.Roots), "--load-crl", c.lists)
	var in bytes.Buffer
	for _, name := range []string{e.Files.Certificate, e.Files.Chain} {
		data, err := os.ReadFile(c.file(name))
		if err != nil {
			return verdict{words: err.Error()}
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
	for n, der := range ders(t, c.file(c.Roots)) {
		name := fmt.Sprintf("root-%d", n)
		write(t, filepath.Join(c.dir, name), der)
		peer.Run(t, "certutil", "-d", db, "-A", "-n", name, "-t", "CT,C,C", "-i", filepath.Join(c.dir, name))
	}
	for _, a := range profiles.Authorities() {
		peer.Run(t, "crlutil", "-d", db, "-I", "-B", "-t", "1", "-i", filepath.Join(c.dir, a.File()+".crl"))
	}
	return db
}

func (c *court) nss(db string, e fixtures.Entry) verdict {
	usage := map[fixtures.Purpose]string{fixtures.Client: "0", fixtures.Signing: "4"}[e.Purpose]
	return ask("vfychain", "-d", db, "-u", usage, "-v", "-a", c.file(e.Files.Certificate), c.file(e.Files.Chain))
}

// java judges all fixtures in one process: its machine takes a second to start.
func (c *court) java(t *testing.T) map[string]verdict {
	t.Helper()
	peer.Need(t, "javac") // a runtime alone does not run sources
	cmd := exec.Command(peer.Need(t, "java"), filepath.Join("testdata", "Judge.java"), c.file(c.Roots), c.lists)
	var in, errOut bytes.Buffer
	for _, e := range c.Fixtures {
		fmt.Fprintf(&in, "%s\t%s\t%s\n", e.Purpose, c.file(e.Files.Certificate), c.file(e.Files.Chain))
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

// golang judges as a server in Go does, and looks the serial number up in the CRLs.
func (c *court) golang(e fixtures.Entry) verdict {
	err := func() error {
		read := func(name string) []byte {
			data, _ := os.ReadFile(c.file(name))
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
