package cli

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
	"github.com/igc-lab/igc/internal/reference"
	"github.com/igc-lab/igc/profiles"
)

// igc inspect host:port shows what a server presents and whom it asks for, whether or not the
// server likes a visitor without a certificate; nothing hangs on a server that does not speak.
func TestInspectServer(t *testing.T) {
	t.Parallel()
	l := labtest.New(t, "--key", "p256")
	card := l.Issue("--card", "ssl-serv", "--service", "localhost", "--department", "Paris (75)", "--organisation", "HOPITAL DES 3 DAMES", "--structure", "10B0057881")
	pair := keyPair(t, card.File("server.p12"))
	pool := x509.NewCertPool()
	anchor, err := x509.ParseCertificate(reference.Read(t, "certificates/ACI-FO-PP.pem"))
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(anchor)
	for name, config := range map[string]*tls.Config{
		"asks nobody":     {},
		"asks for a card": {ClientAuth: tls.RequestClientCert, ClientCAs: pool},
		"insists, 1.2":    {ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MaxVersion: tls.VersionTLS12},
		"insists, 1.3":    {ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: tls.VersionTLS13},
	} {
		config.Certificates = []tls.Certificate{pair}
		address := serveTLS(t, config)
		out := l.Must("inspect", "--json", "https://"+address+"/page")
		if plain := l.Must("inspect", "--json", "--servername", "localhost", address); plain != out {
			t.Errorf("%s: the URL gives %s, the address %s", name, out, plain)
		}
		var objects []struct {
			Kind, Version, Subject string
			Asks                   bool     `json:"asks_client_certificate"`
			Authorities            []string `json:"acceptable_authorities"`
		}
		if err := json.Unmarshal([]byte(out), &objects); err != nil {
			t.Fatal(err)
		}
		asks := config.ClientAuth != tls.NoClientCert
		if len(objects) != 2 || objects[0].Kind != "tls" || !strings.HasPrefix(objects[0].Version, "TLS 1.") || objects[0].Asks != asks ||
			asks && (len(objects[0].Authorities) != 1 || !strings.HasSuffix(objects[0].Authorities[0], "CN=AC IGC-SANTE FORT PERSONNES")) ||
			!strings.Contains(objects[1].Subject, "localhost") {
			t.Errorf("%s: %s", name, out)
		}
	}

	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	labtest.Refused(t, l.Command("inspect", silent.Addr().String()), 2, "completes no TLS handshake")
	silent.Close()
	labtest.Refused(t, l.Command("inspect", silent.Addr().String()), 3, "does not answer")
	labtest.Refused(t, l.Command("inspect", "no-such-file:x"), 3, "no such file")
	labtest.Refused(t, l.Command("inspect", "www.example.fr"), 3, "for a server, give host:port")
	labtest.Refused(t, l.Command("inspect", "http://localhost/"), 2, "without TLS")
	labtest.Refused(t, l.Command("inspect", "--starttls", "telnet", "localhost:23"), 2, "choose among")
}

// serveTLS serves TLS until the test ends, as a server that reads what its visitor sends.
func serveTLS(t testing.TB, config *tls.Config) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(30 * time.Second))
				io.Copy(io.Discard, c)
			}()
		}
	}()
	return l.Addr().String()
}

// keyPair is the key and certificate of a PKCS#12 that igc issue wrote.
func keyPair(t testing.TB, file string) tls.Certificate {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	key, leaf, _, err := pkcs12.DecodeChain(data, "1234")
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key}
}

// Inspect names the certificates that the lab itself asks for: its nine authorities or as many as
// it has.
func TestInspectTheLab(t *testing.T) {
	l := labtest.New(t, "--key", "p256")
	l.Issue("--fixture", "alain")
	s := l.Serve()
	address := strings.TrimSuffix(strings.TrimPrefix(s.URLs["testssl"], "https://"), "/")
	out := l.Must("inspect", address)
	for _, want := range []string{"TLS 1.2", "asked for, of one of these authorities:", "CN=TEST AC IGC-SANTE FORT PERSONNES", "subject"} {
		if !strings.Contains(out, want) {
			t.Errorf("nothing says %q:\n%s", want, out)
		}
	}
	// and what it publishes is read too: the chains, and a CRL
	for path, want := range map[string]string{profiles.ChainPath: "ACI-FO-PP-TEST", "/CRL/ACI-FO-PP-TEST.crl": "certificate revocation list"} {
		resp, err := http.Get(strings.TrimSuffix(s.URLs["publication"], "/") + strings.ReplaceAll(path, " ", "%20"))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		cmd := l.Command("inspect", "-")
		cmd.Stdin = resp.Body
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), want) || strings.Contains(string(out), "deviation") {
			t.Errorf("%s: %v\n%s", path, err, out)
		}
	}
}

// What other programs write is read: openssl's PKCS#12 of both ages, PKCS#7 and keys; a store
// without a key too.
func TestInspectWhatOpenSSLWrites(t *testing.T) {
	l := labtest.New(t, "--key", "p256")
	card := l.Issue("--fixture", "alain")
	dir := t.TempDir()
	pemFile, key := card.File("authentication.pem"), filepath.Join(dir, "key.pem")
	peer.Run(t, "openssl", "pkcs8", "-in", card.File("authentication.key"), "-passin", "pass:1234", "-out", key)
	for name, tc := range map[string]struct {
		args  []string
		words string
	}{
		"new.p12": {[]string{"pkcs12", "-export", "-inkey", key, "-in", pemFile, "-passout", "pass:1234"}, "private key of the certificate above"},
		"old.p12": {[]string{"pkcs12", "-export", "-legacy", "-inkey", key, "-in", pemFile, "-passout", "pass:"}, "private key of the certificate above"},
		"c.p7b":   {[]string{"crl2pkcs7", "-nocrl", "-certfile", pemFile}, "cps/authentication"},
		"t.pem":   {[]string{"x509", "-in", pemFile, "-trustout", "-addtrust", "clientAuth"}, "cps/authentication"},
		"k.der":   {[]string{"pkcs8", "-topk8", "-nocrypt", "-in", key, "-outform", "DER"}, "private key in clear: it is not shown"},
	} {
		file := filepath.Join(dir, name)
		peer.Run(t, "openssl", append(tc.args, "-out", file)...)
		if out := l.Must("inspect", file); !strings.Contains(out, tc.words) {
			t.Errorf("%s:\n%s", name, out)
		}
	}
	file := filepath.Join(dir, "nokey.p12")
	peer.Run(t, "openssl", "pkcs12", "-export", "-nokeys", "-in", pemFile, "-passout", "pass:1234", "-out", file)
	if out := l.Must("inspect", file); !strings.Contains(out, "cps/authentication") {
		t.Errorf("certificates only:\n%s", out)
	}
}

// In JSON, each thing names what it was read from: a file as it was given, "-" or a server's
// address.
func TestInspectNamesFiles(t *testing.T) {
	l := labtest.New(t, "--key", "p256")
	card := l.Issue("--card", "ssl-serv", "--service", "localhost", "--department", "75", "--organisation", "HOPITAL",
		"--structure", "10B0057881")
	address := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{keyPair(t, card.File("server.p12"))}})
	certificate, store, bundle := card.File("server.pem"), card.File("server.p12"), card.File("chain.pem")
	key := card.File("server.key")
	l.Must("publish")
	crl := filepath.Join(l.Home, "publication", "CRL", "ACI-FO-PP-TEST.crl")
	if _, err := os.Stat(crl); err != nil {
		all, _ := filepath.Glob(filepath.Join(l.Home, "publication", "CRL", "*.crl"))
		crl = all[0]
	}
	for name, tc := range map[string]struct {
		args []string
		want string // kinds with the files that they name
	}{
		"one file":  {[]string{certificate}, "certificate " + certificate},
		"two files": {[]string{crl, key}, "crl " + crl + ", private-key " + key},
		"a bundle": {[]string{bundle, certificate}, strings.Repeat("certificate "+bundle+", ", 2) +
			"certificate " + certificate},
		"a PKCS#12": {[]string{store}, "certificate " + store + ", private-key " + store +
			strings.Repeat(", certificate "+store, 2)},
		"a server": {[]string{"https://" + address + "/", crl}, "tls " + address + ", certificate " + address +
			", crl " + crl},
		"the same one": {[]string{key, key}, "private-key " + key + ", private-key " + key},
	} {
		var objects []struct{ Kind, File string }
		out := l.Must(append([]string{"inspect", "--json"}, tc.args...)...)
		if err := json.Unmarshal([]byte(out), &objects); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, o := range objects {
			got = append(got, o.Kind+" "+o.File)
		}
		if strings.Join(got, ", ") != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
	cmd := l.Command("inspect", "--json", "-")
	cmd.Stdin = strings.NewReader(labtest.Read(t, certificate))
	if out, err := cmd.Output(); err != nil || !strings.Contains(string(out), `"file": "-"`) {
		t.Errorf("standard input: %v\n%s", err, out)
	}
}
