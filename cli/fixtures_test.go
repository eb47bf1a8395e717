package cli

import (
	"crypto"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/youmark/pkcs8"

	"github.com/igc-lab/igc/fixtures"
)

// set is a set of fixtures on the disk.
type set struct {
	*fixtures.Manifest
	dir string
}

func (s set) file(name string) string { return filepath.Join(s.dir, name) }

// makeSet makes a set through the command line, and reads its manifest as its users do.
func (l *testLab) makeSet(dir string) set {
	l.t.Helper()
	l.must("fixtures", "make", dir)
	s := set{&fixtures.Manifest{}, dir}
	if err := json.Unmarshal([]byte(read(l.t, s.file(fixtures.ManifestFile))), s.Manifest); err != nil {
		l.t.Fatal(err)
	}
	return s
}

func read(t testing.TB, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// ders are the contents of the PEM blocks of a file.
func ders(t testing.TB, file string) (all [][]byte) {
	t.Helper()
	rest := []byte(read(t, file))
	for {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			return all
		}
		all = append(all, b.Bytes)
	}
}

// Every fixture ends where its manifest says: on TestSSL, and before the judges. With fast keys and with RSA ones; made
// beside a server, and without one.
func TestFixtures(t *testing.T) {
	for _, key := range []string{"p256", "rsa2048"} {
		t.Run(key, func(t *testing.T) {
			l := newLab(t, "--key", key)
			dir := filepath.Join(t.TempDir(), "set")
			var s set
			if key == "p256" {
				s = l.makeSet(dir)
			}
			server := l.serve()
			if key != "p256" {
				s = l.makeSet(dir)
			}
			if want := len(fixtures.Catalogue()); len(s.Fixtures) < want-1 {
				t.Fatalf("%d fixtures of %d", len(s.Fixtures), want)
			}
			t.Run("testssl", func(t *testing.T) { visitAll(t, s, server.urls) })
			judgeAll(t, s, strings.TrimSuffix(server.urls["publication"], "/"))
			server.stop(t) // it is still there to be stopped
			if log := server.log.String(); strings.Contains(log, "panic") {
				t.Errorf("the server's log: %s", log)
			}
		})
	}
}

// visitAll presents every fixture to TestSSL, alone as browsers do and with its chain as most other clients do. It ends as
// the manifest says, and the server lives on. The strict port takes those that are in order, and no other.
func visitAll(t *testing.T, s set, urls map[string]string) {
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

// visit presents a fixture, and returns the verdict and the page; the verdict is TLS-REFUSED when the server ends the
// handshake with an alert.
func visit(t *testing.T, s set, e fixtures.Entry, url string, withChain bool) (verdict, page string) {
	t.Helper()
	key, err := pkcs8.ParsePKCS8PrivateKey(ders(t, s.file(e.Files.Key))[0], []byte(e.PIN))
	if err != nil {
		t.Fatalf("%s: %v", e.ID, err)
	}
	card := tls.Certificate{Certificate: ders(t, s.file(e.Files.Certificate)), PrivateKey: key.(crypto.Signer)}
	if withChain {
		card.Certificate = append(card.Certificate, ders(t, s.file(e.Files.Chain))...)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{
		InsecureSkipVerify:   true, // the server is not what is tried
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &card, nil },
	}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 20 * time.Second}
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

// The set is replaced whole, and nothing else is. What the lab issued is in its records, what was made by hand is not.
func TestFixturesFolder(t *testing.T) {
	l := newLab(t, "--key", "p256")
	dir := filepath.Join(t.TempDir(), "set")
	before := read(t, l.makeSet(dir).file("cps-2016/authentication.pem"))
	s := l.makeSet(dir)
	if read(t, s.file("cps-2016/authentication.pem")) == before {
		t.Error("the set was not made again")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(s.Fixtures)+2 {
		t.Errorf("%d entries for %d fixtures, the manifest and the roots: %v", len(entries), len(s.Fixtures), err)
	}
	if siblings, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(siblings) != 1 {
		t.Errorf("left behind: %v, %v", siblings, err)
	}
	recorded := map[string]bool{}
	for _, r := range l.list() {
		recorded[string(r.DER)] = true
	}
	for _, e := range s.Fixtures {
		if e.Recorded != recorded[string(ders(t, s.file(e.Files.Certificate))[0])] || e.Recorded != (e.Files.Card != "") {
			t.Errorf("%s: recorded %t, says the manifest; card.json %q", e.ID, e.Recorded, e.Files.Card)
		}
		for _, name := range []string{e.Files.Key, e.Files.Chain, e.Files.PKCS12} {
			if read(t, s.file(name)) == "" {
				t.Errorf("%s is empty", name)
			}
		}
	}

	untouched := snapshot(t, dir)
	write(t, filepath.Join(dir, "mine.txt"), []byte("mine"))
	refused(t, l.command("fixtures", "make", dir), 4, "holds mine.txt")
	os.Remove(filepath.Join(dir, "mine.txt"))
	refused(t, l.command("fixtures", "make", dir, "more"), 2, "unexpected argument")
	refused(t, l.command("fixtures", "make", filepath.Join(dir, fixtures.ManifestFile)), 7, "not a directory")
	if snapshot(t, dir) != untouched {
		t.Error("the set changed")
	}
	other := t.TempDir()
	write(t, filepath.Join(other, fixtures.ManifestFile), []byte(`{"name": "a browser's extension"}`))
	refused(t, l.command("fixtures", "make", other), 4, "holds manifest.json")
}

// Without the keys nothing is made, and nothing is issued either.
func TestFixturesPassphrase(t *testing.T) {
	t.Setenv("IGC_PASSPHRASE", "of mine")
	l := newLab(t, "--key", "p256")
	t.Setenv("IGC_PASSPHRASE", "")
	before := snapshot(t, l.home)
	refused(t, l.command("fixtures", "make"), 5, "give it with --passphrase-file")
	if snapshot(t, l.home) != before {
		t.Error("the lab changed")
	}
}

// The catalogue can be read without a lab.
func TestFixturesList(t *testing.T) {
	l := &testLab{t, filepath.Join(t.TempDir(), "none")}
	var listed []fixtures.Entry
	if err := json.Unmarshal([]byte(l.must("fixtures", "list", "--json")), &listed); err != nil || len(listed) != len(fixtures.Catalogue()) {
		t.Errorf("%d listed: %v", len(listed), err)
	}
	if out := l.must("fixtures", "list"); !strings.Contains(out, "REV-CRL-REVOKED") {
		t.Errorf("list says %s", out)
	}
}
