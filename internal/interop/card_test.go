//go:build cgo

package interop

import (
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ThalesGroup/crypto11"

	vcard "github.com/igc-lab/igc/card"
	"github.com/igc-lab/igc/internal/cardtest"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
)

// cardUser is someone whose machine igc card install has set up; their programs are told nothing of
// the lab.
type cardUser struct {
	t      *testing.T
	l      *labtest.Lab
	home   string
	folder string // of the module
	root   string // of the server
}

// try runs a program with something on its stdin, and returns what it wrote.
func (u *cardUser) try(t *testing.T, env []string, in, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), peer.Need(t, program), args...)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "IGC_") }), append(env, "HOME="+u.home)...)
	// stdin stays open: some hang up at its end, before the server has answered
	stdin, feed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	defer feed.Close()
	if _, err := feed.WriteString(in); err != nil {
		t.Fatal(err)
	}
	cmd.Stdin = stdin
	out, _ := cmd.CombinedOutput() // what it wrote is looked at, and some fail when the server hangs up
	return string(out)
}

// TestCardPeers has third-party programs log in, list, sign and pass mutual TLS with a card,
// over TLS 1.2 with either chip and over TLS 1.3 with a CPS4, or with the keys of a fast lab.
func TestCardPeers(t *testing.T) {
	l := labtest.New(t, "--key", "rsa2048")
	issue := func(args ...string) *vcard.Card {
		t.Helper()
		c, err := vcard.Read(l.Issue(args...).Folder)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	faithful, fast := issue("--fixture", "alain"), issue("--fixture", "guy", "--key", "p256")
	c := faithful
	urls := l.Serve().URLs
	u := &cardUser{t: t, l: l, home: t.TempDir(), folder: filepath.Join(l.Home, "module"), root: filepath.Join(t.TempDir(), "root.pem")}
	labtest.Write(t, u.root, []byte(l.Must("show", "--pem", "ACR-EL")))
	igc := func(args ...string) {
		t.Helper()
		cmd := l.Command(args...)
		cmd.Env = append(cmd.Env, "HOME="+u.home)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("igc %q: %v\n%s", args, err, out)
		}
	}
	igc("card", "install", "--module", cardtest.Module(t), "--only", "nss,java,openssl")
	library := filepath.Join(u.folder, "libigc-cps.so")
	database := "sql:" + filepath.Join(u.home, ".pki", "nssdb")

	const certificate, key = "pkcs11:object=Certificat%20d%27Authentification%20CPS;type=cert", "pkcs11:object=CPS_PRIV_AUT;type=private;pin-value=1234"
	request := func(at *url.URL) string { return "GET " + at.Path + " HTTP/1.0\r\nHost: localhost\r\n\r\n" }
	openssl := "" // the configuration
	clients := map[string]func(t *testing.T, at *url.URL) string{
		"curl": func(t *testing.T, at *url.URL) string {
			return u.try(t, []string{"OPENSSL_CONF=" + openssl}, "", "curl", "-sS", "--engine", "pkcs11", "--cacert", u.root,
				"--cert-type", "ENG", "--key-type", "ENG", "--cert", certificate, "--key", key, at.String())
		},
		"openssl": func(t *testing.T, at *url.URL) string {
			return u.try(t, []string{"OPENSSL_CONF=" + openssl}, request(at), "openssl", "s_client", "-quiet", "-connect", at.Host,
				"-servername", "localhost", "-CAfile", u.root, "-cert", filepath.Join(c.Dir, "authentication.pem"), "-engine", "pkcs11", "-keyform", "engine", "-key", key)
		},
		"gnutls": func(t *testing.T, at *url.URL) string {
			return u.try(t, nil, request(at), "gnutls-cli", "--provider="+library, "--x509cafile", u.root, "--x509certfile", certificate, "--x509keyfile", key,
				"-p", at.Port(), "localhost")
		},
		"NSS": func(t *testing.T, at *url.URL) string {
			nickname := c.Label("cps3") + ":Certificat d'Authentification CPS"
			if strings.Contains(u.try(t, nil, "", "modutil", "-dbdir", database, "-list"), "CPS4v1") {
				nickname = c.Label("cps4") + ":Certificat d'Authentification CPS"
			}
			ask := filepath.Join(t.TempDir(), "request")
			labtest.Write(t, ask, []byte(request(at)))
			return u.try(t, nil, "", "tstclnt", "-h", "127.0.0.1", "-a", "localhost", "-p", at.Port(), "-d", database, "-n", nickname, "-w", "1234",
				"-V", "tls1.2:tls1.3", "-A", ask)
		},
		"java": func(t *testing.T, at *url.URL) string {
			return u.try(t, nil, "", "java", "-Djava.security.properties="+filepath.Join(u.folder, "java.security"), filepath.Join("testdata", "CardClient.java"),
				u.root, "1234", at.String())
		},
		"crypto11": func(t *testing.T, at *url.URL) string {
			t.Setenv("IGC_HOME", l.Home)
			report, err := throughCrypto11(library, c, u.root, at.String())
			if err != nil {
				return err.Error()
			}
			return report
		},
	}
	for _, test := range []struct {
		name, chip string
		card       *vcard.Card
		openssl    string
		tls13      bool
	}{
		{"CPS3", "cps3", faithful, "openssl-cps3.cnf", false},
		{"CPS4", "cps4", faithful, "openssl.cnf", true},
		{"P-256", "cps3", fast, "openssl.cnf", true}, // no padding to choose
	} {
		c, openssl = test.card, filepath.Join(u.folder, test.openssl)
		igc("card", "insert", c.Number, "--as", test.chip)
		t.Run(test.name, func(t *testing.T) {
			for name, ask := range clients {
				for port, want := range map[string]string{"testssl": "TLS 1.2", "tls13": "TLS 1.3"} {
					t.Run(name+"/"+want, func(t *testing.T) {
						at, err := url.Parse(strings.TrimSuffix(urls[port], "/") + "/api/v1/card")
						if err != nil {
							t.Fatal(err)
						}
						out := ask(t, at)
						works := strings.Contains(out, `"verdict": "OK"`) && strings.Contains(out, `"version": "`+want) && strings.Contains(out, c.Holder.IdNat)
						if should := port == "testssl" || test.tls13; works != should {
							t.Errorf("works: %t, want %t\n%s", works, should, out)
						}
					})
				}
			}
			t.Run("NSS lists", func(t *testing.T) {
				pin := filepath.Join(t.TempDir(), "pin")
				labtest.Write(t, pin, []byte("1234\n"))
				out := u.try(t, nil, "", "certutil", "-d", database, "-K", "-h", "all", "-f", pin)
				if !strings.Contains(out, "CPS_PRIV_AUT") || !strings.Contains(out, "CPS_PRIV_SIG") {
					t.Errorf("certutil -K says %s", out)
				}
			})
			t.Run("Java lists", func(t *testing.T) {
				out := u.try(t, nil, "", "keytool", "-list", "-keystore", "NONE", "-storetype", "PKCS11", "-addprovider", "SunPKCS11", "-providerArg",
					filepath.Join(u.folder, "java.cfg"), "-storepass", "1234")
				if !strings.Contains(out, "Your keystore contains 2 entries") {
					t.Errorf("keytool says %s", out)
				}
			})
		})
		if s, err := c.Status(); err != nil || s.TriesLeft != 3 {
			t.Errorf("%d tries are left, %v", s.TriesLeft, err)
		}
		igc("card", "remove", c.Number)
	}
	igc("card", "uninstall")
	for _, left := range []string{u.folder, filepath.Join(u.home, ".pki")} {
		if _, err := os.Stat(left); !os.IsNotExist(err) {
			t.Errorf("%s is left (%v)", left, err)
		}
	}
}

// throughCrypto11 signs and asks for the card's report from Go. It is loaded into this process.
func throughCrypto11(library string, c *vcard.Card, root, address string) (string, error) {
	ctx, err := crypto11.Configure(&crypto11.Config{Path: library, TokenSerial: c.Serial(), Pin: "1234"})
	if err != nil {
		return "", err
	}
	defer ctx.Close()
	pairs, err := ctx.FindAllPairedCertificates()
	if err != nil || len(pairs) != 2 {
		return "", fmt.Errorf("%d certificates with a key: %w", len(pairs), err)
	}
	pair := pairs[slices.IndexFunc(pairs, func(c tls.Certificate) bool { return slices.Contains(c.Leaf.ExtKeyUsage, x509.ExtKeyUsageClientAuth) })]
	status, err := c.Status()
	if err != nil {
		return "", err
	}
	// Go prefers PSS, over TLS 1.2 too, and a signer cannot say that it makes none
	if pair.Leaf.PublicKeyAlgorithm == x509.RSA && !status.ChipType.PSS() {
		pair.SupportedSignatureAlgorithms = []tls.SignatureScheme{tls.PKCS1WithSHA256}
	}
	digest := sha256.Sum256([]byte("à signer"))
	signature, err := pair.PrivateKey.(crypto.Signer).Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		return "", err
	}
	if !cardtest.Verifies(pair.Leaf.PublicKey, digest[:], signature) {
		return "", fmt.Errorf("the signature is wrong")
	}
	roots := x509.NewCertPool()
	data, err := os.ReadFile(root)
	if err != nil {
		return "", err
	}
	roots.AppendCertsFromPEM(data)
	client := &http.Client{Timeout: labtest.Patience, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}}}
	defer client.CloseIdleConnections()
	answer, err := client.Get(address)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	report, err := io.ReadAll(answer.Body)
	if err == nil && !json.Valid(report) {
		err = fmt.Errorf("not JSON: %s", report)
	}
	return string(report), err
}
