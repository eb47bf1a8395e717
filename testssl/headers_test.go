package testssl

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/peer"
	"github.com/igc-lab/igc/profiles"
)

// Names are written as OpenSSL writes them for nginx and for Apache: those of every fixture, the wrong ones too.
func TestNamesAsOpenSSL(t *testing.T) {
	peer.Need(t, "openssl")
	maker := &fixtures.Maker{URLs: profiles.RealURLs, Generation: profiles.Gen2016, Now: time.Now(),
		Key: func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }}
	seen := map[string]bool{}
	file := filepath.Join(t.TempDir(), "one.pem")
	for _, f := range fixtures.Catalogue() {
		plain := *f
		if plain.Issuer == "" || plain.Issuer == "card" || plain.Issuer == "unpublished" || plain.Issuer == "other-gamme" {
			plain.Issuer = "foreign"
		}
		if plain.Fault == "" {
			plain.Fault = "no-fault"
		}
		if plain.Needs == "rsa" {
			continue
		}
		bundle, err := maker.Make(&plain)
		if err != nil {
			t.Fatalf("%s: %v", f.ID, err)
		}
		subject, issuer := namesOf(bundle.Certificate)
		if subject == nil || seen[string(subject)] {
			continue
		}
		seen[string(subject)] = true
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: bundle.Certificate}), 0o600); err != nil {
			t.Fatal(err)
		}
		for options, ascii := range map[string]bool{"RFC2253": true, "RFC2253,-esc_msb": false} {
			out, err := peer.Try(t, "openssl", "x509", "-in", file, "-noout", "-subject", "-issuer", "-nameopt", options)
			if err != nil { // it is none to OpenSSL: der-truncated and such
				continue
			}
			want := "subject=" + rfc2253(subject, ascii) + "\nissuer=" + rfc2253(issuer, ascii) + "\n"
			if out != want {
				t.Errorf("%s, %s: OpenSSL writes\n%sand we\n%s", f.ID, options, out, want)
			}
		}
	}
	if len(seen) < 20 {
		t.Errorf("%d names", len(seen))
	}
}

// namesOf takes subject and issuer out of a certificate that crypto/x509 might refuse.
func namesOf(der []byte) (subject, issuer []byte) {
	in := cryptobyte.String(der)
	var cert, tbs, from, to cryptobyte.String
	if !in.ReadASN1(&cert, cbasn1.SEQUENCE) || !cert.ReadASN1(&tbs, cbasn1.SEQUENCE) || !tbs.SkipOptionalASN1(cbasn1.Tag(0).ContextSpecific().Constructed()) ||
		!tbs.SkipASN1(cbasn1.INTEGER) || !tbs.SkipASN1(cbasn1.SEQUENCE) || !tbs.ReadASN1Element(&from, cbasn1.SEQUENCE) || !tbs.SkipASN1(cbasn1.SEQUENCE) ||
		!tbs.ReadASN1Element(&to, cbasn1.SEQUENCE) {
		return nil, nil
	}
	return to, from
}

// The recipes work as they are copied: the commands in them are run, the servers accept the card, refuse it once it is
// revoked, and pass on what the page says they would.
func TestRecipes(t *testing.T) {
	s := newSite(t)
	s.now = time.Now() // the servers have no other clock
	cards := issue(t, s.lab, time.Time{})
	gone := issue(t, s.lab, time.Time{})["authentication"]
	if _, err := s.lab.Revoke(t.Context(), serial(t, gone), "keyCompromise"); err != nil {
		t.Fatal(err)
	}
	card := cards["authentication"]
	leaf, err := x509.ParseCertificate(card.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	r := s.server.report(t.Context(), &tls.ConnectionState{Version: tls.VersionTLS12, PeerCertificates: []*x509.Certificate{leaf}})
	recipes := map[string]string{}
	list, err := s.server.recipesOf(profiles.Authority{Gamme: profiles.Fort, Domaine: profiles.Personnes})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range list {
		recipes[one.Server] = one.Text
	}
	value := map[string]string{}
	for _, h := range r.Headers {
		value[h.Nginx], value[h.Apache] = h.Value, h.Value
	}
	for name, server := range map[string]struct {
		program string
		start   func(dir, recipe string) []string // writes the configuration and tells the command
		want    map[string]string
	}{
		"nginx": {"nginx", func(dir, recipe string) []string {
			put(t, filepath.Join(dir, "nginx.conf"), "daemon off; master_process off; pid nginx.pid; error_log stderr; events {} http { access_log off; "+
				"client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;\n"+recipe+"\n}")
			return []string{"-p", dir, "-c", "nginx.conf", "-e", "stderr"}
		}, map[string]string{"Verify": value["$ssl_client_verify"], "S-Dn": value["$ssl_client_s_dn"], "Serial": value["$ssl_client_serial"],
			"Cert": value["$ssl_client_escaped_cert"]}},
		"Apache httpd": {"apache2", func(dir, recipe string) []string {
			config := "ServerRoot " + dir + "\nPidFile apache.pid\nErrorLog /dev/stderr\nDefaultRuntimeDir " + dir + "\nServerName localhost\n"
			for _, m := range []string{"mpm_event", "authz_core", "ssl", "headers", "proxy", "proxy_http"} {
				config += "LoadModule " + m + "_module /usr/lib/apache2/modules/mod_" + m + ".so\n"
			}
			put(t, filepath.Join(dir, "apache.conf"), config+recipe)
			return []string{"-X", "-f", filepath.Join(dir, "apache.conf")}
		}, map[string]string{"Verify": value["SSL_CLIENT_VERIFY"], "S-Dn": value["SSL_CLIENT_S_DN"], "Serial": value["SSL_CLIENT_M_SERIAL"]}},
		"HAProxy": {"haproxy", func(dir, recipe string) []string {
			put(t, filepath.Join(dir, "haproxy.cfg"), recipe+"\n")
			return []string{"-C", dir, "-f", "haproxy.cfg"}
		}, map[string]string{"Verify": "0", "Serial": value["$ssl_client_serial"]}},
	} {
		t.Run(name, func(t *testing.T) {
			peer.Need(t, server.program)
			dir := t.TempDir()
			got := http.Header{}
			application := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got = r.Header.Clone() }))
			defer application.Close()
			own := s.server.certificate(t.Context())
			keyDER, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
			if err != nil {
				t.Fatal(err)
			}
			var certs bytes.Buffer
			for _, der := range own.Certificate {
				pem.Encode(&certs, &pem.Block{Type: "CERTIFICATE", Bytes: der})
			}
			key := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
			put(t, filepath.Join(dir, "server.pem"), certs.String())
			put(t, filepath.Join(dir, "server.key"), key)
			put(t, filepath.Join(dir, "server-and-key.pem"), certs.String()+key)
			recipe := recipes[name]
			for line := range strings.Lines(recipe) {
				if command, ok := strings.CutPrefix(line, "# "); ok {
					cmd := exec.Command("bash", "-c", command)
					cmd.Dir = dir
					if out, err := cmd.CombinedOutput(); err != nil {
						t.Fatalf("%s: %v\n%s", command, err, out)
					}
				}
			}
			free := listen(t)
			address := free.Addr().String()
			free.Close()
			recipe = strings.NewReplacer("listen 443", "listen "+address, "<VirtualHost *:443>", "Listen "+address+"\n<VirtualHost *:*>", "bind :443", "bind "+address,
				"127.0.0.1:3000", application.Listener.Addr().String()).Replace(recipe)
			cmd := exec.Command(server.program, server.start(dir, recipe)...)
			var log bytes.Buffer
			cmd.Stderr, cmd.Dir = &log, dir
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				cmd.Process.Kill()
				cmd.Wait()
				if t.Failed() {
					t.Logf("%s: %s", server.program, log.String())
				}
			}()
			get := func(c *tls.Certificate) (*http.Response, error) {
				client := s.client(c)
				defer client.CloseIdleConnections()
				resp, err := client.Get("https://localhost:" + portOf(address) + "/")
				if err == nil {
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				return resp, err
			}
			resp, err := get(card)
			for start := time.Now(); err != nil && time.Since(start) < 10*time.Second; resp, err = get(card) {
				time.Sleep(50 * time.Millisecond)
			}
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Fatalf("the card is not accepted: %v, %v", resp, err)
			}
			for header, want := range server.want {
				if have := got.Get("X-SSL-Client-" + header); have != want {
					t.Errorf("%s passes on X-SSL-Client-%s: %s\nthe page says %s", name, header, have, want)
				}
			}
			if resp, err := get(gone); err == nil && resp.StatusCode == http.StatusOK {
				t.Error("a revoked card is accepted")
			}
			if resp, err := get(nil); err == nil && resp.StatusCode == http.StatusOK {
				t.Error("no card is accepted")
			}
		})
	}
}

// The trust store that the recipe for Java makes holds the authority and its root.
func TestJavaRecipe(t *testing.T) {
	peer.Need(t, "keytool")
	s := newSite(t)
	issue(t, s.lab, time.Time{}) // makes the authority
	list, err := s.server.recipesOf(profiles.Authority{Gamme: profiles.Fort, Domaine: profiles.Personnes})
	if err != nil {
		t.Fatal(err)
	}
	commands, _, ok := strings.Cut(list[len(list)-1].Text, "\ndone\n")
	if !ok {
		t.Fatal("the recipe has another form")
	}
	cmd := exec.Command("bash", "-c", commands+"\ndone")
	cmd.Dir = t.TempDir()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out := peer.Run(t, "keytool", "-list", "-keystore", filepath.Join(cmd.Dir, "igc.p12"), "-storepass", "changeit")
	for _, alias := range []string{"acr-fo-test, ", "aci-fo-pp-test, "} {
		if !strings.Contains(out, alias) {
			t.Errorf("no %s in %s", alias, out)
		}
	}
}

func put(t testing.TB, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
