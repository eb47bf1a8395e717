package logins

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/internal/labtest"
)

// selfSigned makes a certificate that its key signs itself, under those names.
func selfSigned(t testing.TB, key crypto.Signer, subject pkix.Name, extra func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: subject, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	if extra != nil {
		extra(c)
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// issuedFile is the certificate and the clear key of a role of what a lab issues.
func issuedFile(t testing.TB, l *labtest.Lab, role string, args ...string) tls.Certificate {
	t.Helper()
	folder := l.Issue(append(args, "--clear-keys")...).Folder
	return loadCard(t, filepath.Join(folder, role+".pem"), filepath.Join(folder, role+".clear.key"))
}

// factRow is a row of a page's list of facts.
var factRow = regexp.MustCompile(`<dt>([^<]+)</dt><dd>([^<]+)</dd>`)

// A certificate that logs nobody in ends on a page that says what is wrong and what to do, in the
// language of the person, with a way back to the service and one to another login; at the page of
// CIBA's requests too.
func TestWrongCards(t *testing.T) {
	l := labtest.New(t, "--key", "p256")
	elsewhere := labtest.New(t, "--key", "p256")
	s := l.Serve()
	p := newProvider(l, s)
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	alain := pkix.Name{CommonName: "899700209812", Country: []string{"FR"}}
	card := issuedFile(t, l, "authentication", "--fixture", "alain")
	leaf, err := x509.ParseCertificate(card.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, code string
		card       tls.Certificate
	}{
		{"no card", "TLS-NOCERT", tls.Certificate{}},
		{"another lab's card", "CHAIN-UNKNOWN-ROOT", issuedFile(t, elsewhere, "authentication", "--fixture", "alain")},
		{"another lab's organisation", "CHAIN-UNKNOWN-ROOT", issuedFile(t, elsewhere, "client", "--fixture",
			"hopital")},
		{"another CA's, EC", "CHAIN-UNKNOWN-ROOT", selfSigned(t, ecKey, alain, nil)},
		{"another CA's, RSA", "CHAIN-UNKNOWN-ROOT", selfSigned(t, rsaKey, alain, nil)},
		{"another CA's, Ed25519", "CHAIN-UNKNOWN-ROOT", selfSigned(t, edKey, alain, nil)},
		{"another CA's, an authority", "CHAIN-UNKNOWN-ROOT", selfSigned(t, ecKey, alain, func(c *x509.Certificate) {
			c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
		})},
		{"another CA's, under the name of the lab's", "SIG-BAD", selfSigned(t, ecKey, pkix.Name{},
			func(c *x509.Certificate) { c.RawSubject = leaf.RawIssuer })},
		{"another CA's, expired, without a name", "CHAIN-UNKNOWN-ROOT", selfSigned(t, ecKey, pkix.Name{},
			func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })},
		{"another CA's, of a text with markup", "CHAIN-UNKNOWN-ROOT", selfSigned(t, ecKey,
			pkix.Name{CommonName: "<b>8\u202e'\"&lt;"}, nil)},
		{"expired", "DATE-EXPIRED", issuedFile(t, l, "authentication", "--fixture", "guy", "--not-before",
			"2020-01-01")},
		{"expired, of an organisation", "DATE-EXPIRED", issuedFile(t, l, "client", "--fixture", "hopital",
			"--not-before", "2020-01-01")},
		{"not yet valid", "DATE-NOT-YET", issuedFile(t, l, "authentication", "--fixture", "cecile", "--not-before",
			"2029-01-01")},
		{"for signatures", "USAGE-NOT-AUTH", issuedFile(t, l, "signature", "--fixture", "julie")},
		{"an organisation's", "CARD-NOT-A-PERSON", issuedFile(t, l, "client", "--fixture", "centre")},
		{"an organisation's, for INSi", "CARD-NOT-A-PERSON", issuedFile(t, l, "client", "--card", "insi-auto",
			"--organisation", "HOPITAL", "--finess", "0B0057881", "--department", "75")},
		{"an organisation's seal", "USAGE-NOT-AUTH", issuedFile(t, l, "seal", "--card", "cachet",
			"--organisation", "HOPITAL", "--finess", "0B0057881", "--department", "75", "--service", "x")},
		{"a server's", "CARD-NOT-A-PERSON", issuedFile(t, l, "server", "--fixture", "serveur")},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := p.browser(test.card)
			defer b.close()
			got, err := b.byCard(t.Context(), "lang", "fr")
			if err != nil {
				t.Fatal(err)
			}
			refusedWith(t, b, got, test.code)
			says(t, got, test.code, "fr")
			for _, link := range []*regexp.Regexp{otherWay, backLink} {
				if to := link.FindString(got.body); !strings.Contains(to, "lang=fr") {
					t.Errorf("the language is lost: %s", to)
				}
			}
			for _, lang := range []string{"fr", "en"} {
				got, err := b.do(t.Context(), "GET", b.card+"/cps-gestion?lang="+lang, nil)
				if err != nil {
					t.Fatal(err)
				}
				says(t, got, test.code, lang)
			}
		})
	}
}

// problemText is the text of a problem below its title.
var problemText = regexp.MustCompile(`(?s)</strong>\s*<p>([^<]+)</p><p>([^<]+)</p>`)

// says wants a page to say, in a language, what was wrong and what to do, and nothing that is not
// text.
func says(t testing.TB, got *page, code, lang string) {
	t.Helper()
	if got.status != http.StatusForbidden || !strings.Contains(got.body, "<code>"+code+"</code>") ||
		!strings.Contains(got.body, `<html lang="`+lang+`"`) {
		t.Errorf("%d in %s, without %s", got.status, lang, code)
	}
	if strings.ContainsAny(got.body, "\u202e") || strings.Contains(got.body, "<b>8") {
		t.Error("a text of the certificate is written as it is")
	}
	if strings.HasPrefix(code, "CARD-") {
		if !problemText.MatchString(got.body) {
			t.Errorf("nothing to do: %s", got.body)
		}
		return
	}
	rows := map[string]string{}
	for _, row := range factRow.FindAllStringSubmatch(got.body, -1) {
		rows[row[1]] = row[2]
	}
	want := []string{"Expected", "Seen", "To do"}
	if lang == "fr" {
		want = []string{"Attendu", "Vu", "À faire"}
	}
	for _, title := range want {
		if len(rows[title]) < 10 {
			t.Errorf("%s: %q", title, rows[title])
		}
	}
}
