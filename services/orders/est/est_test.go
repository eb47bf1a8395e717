package est_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/ordertest"
	"github.com/igc-lab/igc/profiles/certfile"
	"github.com/igc-lab/igc/services/orders/est"
)

// front is the EST of a platform, over TLS.
type front struct {
	testing.TB
	*ordertest.Stand
	server *httptest.Server
	token  string // of a technical administrator of the hospital
}

func newFront(t testing.TB) *front {
	t.Helper()
	s := ordertest.New(t)
	f := &front{TB: t, Stand: s, token: s.Token(t, "ci", access.Technical)}
	f.server = s.Serve(t, est.New(est.Options{Desk: s.Desk, Caller: s.Gate.Caller, Limit: s.Gate.Limit}))
	return f
}

// ask sends a request and returns its answer; the token is the password of HTTP Basic when it is
// not empty.
func (f *front) ask(client *http.Client, method, path, contentType string, body []byte, token string) (*http.Response,
	string) {
	f.Helper()
	r, err := http.NewRequestWithContext(f.Context(), method, f.server.URL+path, bytes.NewReader(body))
	if err != nil {
		f.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if token != "" {
		r.SetBasicAuth("anybody", token)
	}
	answer, err := client.Do(r)
	if err != nil {
		f.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		f.Fatal(err)
	}
	return answer, string(text)
}

// certificates are those of an answer, which is held to the form of RFC 8951.
func (f *front) certificates(answer *http.Response, body string) []*x509.Certificate {
	f.Helper()
	if answer.StatusCode != http.StatusOK || !strings.HasPrefix(answer.Header.Get("Content-Type"),
		"application/pkcs7-mime") {
		f.Fatalf("%s, %v\n%s", answer.Status, answer.Header, body)
	}
	bag, err := base64.StdEncoding.Strict().DecodeString(body)
	if err != nil || strings.ContainsAny(body, "\r\n") {
		f.Fatalf("not base64 in one line: %v\n%s", err, body)
	}
	found, err := certfile.Read(bag, certfile.Options{})
	if err != nil {
		f.Fatal(err)
	}
	var certs []*x509.Certificate
	for _, item := range found.Items {
		cert, err := x509.ParseCertificate(item.DER)
		if err != nil {
			f.Fatal(err)
		}
		certs = append(certs, cert)
	}
	return certs
}

func base64Of(der []byte) []byte { return []byte(base64.StdEncoding.EncodeToString(der)) }

const pkcs10 = "application/pkcs10"

func request(t testing.TB, names ...string) []byte {
	return ordertest.Request(t, ordertest.Key(t), &x509.CertificateRequest{DNSNames: names})
}

// Anybody learns the authorities, of one usage and of all.
func TestAuthorities(t *testing.T) {
	f := newFront(t)
	for _, label := range []string{"", "SSL_SERV/", "auth-cli/", "ssl_serv/"} {
		answer, body := f.ask(ordertest.Client(f.server), "GET", est.Path+label+"cacerts", "", nil, "")
		certs := f.certificates(answer, body)
		if len(certs) != 2 || answer.Header.Get("Content-Type") != "application/pkcs7-mime" {
			t.Errorf("%q: %d certificates, %v", label, len(certs), answer.Header)
		}
	}
	for label, want := range map[string]int{"": 204, "SSL_SERV/": 200, "AUTH_CLI/": 204, "VPN/": 404} {
		answer, body := f.ask(ordertest.Client(f.server), "GET", est.Path+label+"csrattrs", "", nil, "")
		if answer.StatusCode != want {
			t.Errorf("csrattrs of %q: %s\n%s", label, answer.Status, body)
		}
		if want == http.StatusOK {
			der, err := base64.StdEncoding.DecodeString(body)
			if err != nil || hex.EncodeToString(der) != "300b06092a864886f70d01090e" ||
				answer.Header.Get("Content-Type") != "application/csrattrs" {
				t.Errorf("%s, %v", body, answer.Header)
			}
		}
	}
}

// Every form in which clients send a request is read, and a usage follows from it.
func TestForms(t *testing.T) {
	f := newFront(t)
	wrapped := func(der []byte, end string) []byte {
		var b strings.Builder
		for line := base64.StdEncoding.EncodeToString(der); line != ""; {
			n := min(76, len(line))
			b.WriteString(line[:n] + end)
			line = line[n:]
		}
		return []byte(b.String())
	}
	for name, form := range map[string]func([]byte) []byte{
		"one line":          base64Of,
		"lines of MIME":     func(der []byte) []byte { return wrapped(der, "\r\n") },
		"lines of Unix":     func(der []byte) []byte { return wrapped(der, "\n") },
		"spaces":            func(der []byte) []byte { return wrapped(der, " \t\r\n") },
		"no padding":        func(der []byte) []byte { return bytes.TrimRight(base64Of(der), "=") },
		"PEM":               func(der []byte) []byte { return []byte(ordertest.PEM("CERTIFICATE REQUEST", der)) },
		"PEM of keytool":    func(der []byte) []byte { return []byte(ordertest.PEM("NEW CERTIFICATE REQUEST", der)) },
		"DER":               func(der []byte) []byte { return der },
		"byte order mark":   func(der []byte) []byte { return append([]byte("\xef\xbb\xbf"), base64Of(der)...) },
		"newline at begin":  func(der []byte) []byte { return append([]byte("\r\n"), base64Of(der)...) },
		"DER and a newline": func(der []byte) []byte { return append(bytes.Clone(der), '\n') },
	} {
		answer, body := f.ask(ordertest.Client(f.server), "POST", est.Path+"simpleenroll", pkcs10,
			form(request(t, "srv.test")), f.token)
		if answer.StatusCode != http.StatusOK {
			t.Errorf("%s: %s\n%s", name, answer.Status, body)
			continue
		}
		certs := f.certificates(answer, body)
		if len(certs) != 1 || certs[0].Subject.CommonName != "srv.test" ||
			answer.Header.Get("Content-Type") != "application/pkcs7-mime; smime-type=certs-only" {
			t.Errorf("%s: %v, %v", name, certs, answer.Header)
		}
	}
	for _, test := range []struct{ label, cn, want string }{
		{"", "DMP", "auth-cli/client"}, {"", "srv.hopital.test", "ssl-serv/server"},
		{"SIGN/", "DMP", "cachet/seal"}, {"CONF/", "DMP", "conf/encryption"}, {"ssl-serv/", "srv.test",
			"ssl-serv/server"},
		{"", "INSI-AUTO", "insi-auto/client"},
	} {
		der := ordertest.Request(t, ordertest.Key(t), &x509.CertificateRequest{Subject: pkix.Name{CommonName: test.cn,
			OrganizationalUnit: []string{ordertest.Hospital}}})
		answer, body := f.ask(ordertest.Client(f.server), "POST", est.Path+test.label+"simpleenroll",
			"Application/PKCS10; x=y", base64Of(der), f.token)
		serial := strings.ToUpper(f.certificates(answer, body)[0].SerialNumber.Text(16))
		record, err := f.Lab.Find(t.Context(), serial)
		if err != nil || record.Profile != test.want {
			t.Errorf("%+v: %+v, %v", test, record, err)
		}
	}
}

// What is refused has its status, in both languages, and changes nothing.
func TestRefused(t *testing.T) {
	f := newFront(t)
	key := ordertest.Key(t)
	good := ordertest.Request(t, key, &x509.CertificateRequest{DNSNames: []string{"srv.test"}})
	forged := bytes.Clone(good)
	forged[len(forged)-1] ^= 1
	foreign := ordertest.Request(t, key, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "DMP",
		OrganizationalUnit: []string{ordertest.Clinic}}})
	enrol := est.Path + "simpleenroll"
	for name, test := range map[string]struct {
		method, path, kind string
		body               []byte
		token              string
		status             int
	}{
		"nobody":            {"POST", enrol, pkcs10, base64Of(good), "", 401},
		"a wrong token":     {"POST", enrol, pkcs10, base64Of(good), f.token + "x", 401},
		"a form":            {"POST", enrol, "application/x-www-form-urlencoded", base64Of(good), f.token, 415},
		"no type":           {"POST", enrol, "", base64Of(good), f.token, 415},
		"a wrong signature": {"POST", enrol, pkcs10, base64Of(forged), f.token, 400},
		"nothing":           {"POST", enrol, pkcs10, nil, f.token, 400},
		"not base64":        {"POST", enrol, pkcs10, []byte("a certificate, please"), f.token, 400},
		"cut":               {"POST", enrol, pkcs10, base64Of(good[:len(good)/2]), f.token, 400},
		"a certificate":     {"POST", enrol, pkcs10, base64Of(f.server.Certificate().Raw), f.token, 400},
		"two requests": {"POST", enrol, pkcs10, bytes.Repeat([]byte(ordertest.PEM("CERTIFICATE REQUEST", good)), 2),
			f.token, 400},
		"a megabyte":          {"POST", enrol, pkcs10, bytes.Repeat([]byte("MIIC"), 1<<18), f.token, 413},
		"a foreign structure": {"POST", enrol, pkcs10, base64Of(foreign), f.token, 403},
		"an unknown usage":    {"POST", est.Path + "VPN/simpleenroll", pkcs10, base64Of(good), f.token, 404},
		"a card":              {"POST", est.Path + "CPE/simpleenroll", pkcs10, base64Of(good), f.token, 404},
		"a pair":              {"POST", est.Path + "SMIME/simpleenroll", pkcs10, base64Of(good), f.token, 404},
		"fullcmc":             {"POST", est.Path + "fullcmc", "application/pkcs7-mime", nil, f.token, 501},
		"serverkeygen":        {"POST", est.Path + "SSL_SERV/serverkeygen", pkcs10, nil, f.token, 501},
		"another path":        {"GET", est.Path + "SSL_SERV/x/cacerts", "", nil, "", 404},
		"another method":      {"GET", enrol, "", nil, f.token, 405},
		"renewal, by a token": {"POST", est.Path + "simplereenroll", pkcs10, base64Of(good), f.token, 403},
		"renewal, by nobody":  {"POST", est.Path + "simplereenroll", pkcs10, base64Of(good), "", 401},
		"no host name": {"POST", est.Path + "SSL_SERV/simpleenroll", pkcs10, base64Of(request(t)), f.token,
			400},
		"a host name with a *": {"POST", enrol, pkcs10, base64Of(request(t, "*.hopital.test\x00")), f.token, 400},
	} {
		answer, body := f.ask(ordertest.Client(f.server), test.method, test.path, test.kind, test.body, test.token)
		if answer.StatusCode != test.status || strings.Count(body, "\n") != 2 ||
			answer.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%s: %s, %v\n%s", name, answer.Status, answer.Header, body)
		}
		if challenge := answer.Header.Get("WWW-Authenticate"); (challenge != "") != (test.status == 401) {
			t.Errorf("%s: WWW-Authenticate: %q", name, challenge)
		}
	}
	records, err := f.Lab.List(t.Context(), ca.Filter{EndEntities: true})
	if err != nil || len(records) != 0 {
		t.Errorf("%d certificates were issued, %v", len(records), err)
	}
}

// A certificate of the connection renews itself, whether it opens a way in or not.
func TestReenroll(t *testing.T) {
	f := newFront(t)
	names := func(cert *x509.Certificate) *x509.CertificateRequest {
		return &x509.CertificateRequest{RawSubject: cert.RawSubject, DNSNames: cert.DNSNames}
	}
	reenroll := func(presented tls.Certificate, template *x509.CertificateRequest) (*http.Response, string) {
		return f.ask(ordertest.Client(f.server, presented), "POST", est.Path+"simplereenroll", pkcs10,
			base64Of(ordertest.Request(t, ordertest.Key(t), template)), "")
	}
	for _, product := range []string{"auth-cli", "cachet", "conf", "insi-manu", "ssl-serv"} {
		service := map[string]string{"ssl-serv": "srv.test", "insi-manu": "INSI-MANU"}[product]
		if service == "" {
			service = "DMP-" + product
		}
		presented, record := f.Issue(t, product, service)
		cert, err := x509.ParseCertificate(presented.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		answer, body := reenroll(presented, names(cert))
		renewed := f.certificates(answer, body)
		if len(renewed) != 1 || !bytes.Equal(renewed[0].RawSubject, cert.RawSubject) {
			t.Errorf("%s: %v", product, renewed)
		}
		if answer, body := reenroll(presented, &x509.CertificateRequest{Subject: pkix.Name{
			CommonName: "else.test"}}); answer.StatusCode != http.StatusBadRequest ||
			!strings.Contains(body, "else.test") {
			t.Errorf("%s with other names: %s\n%s", product, answer.Status, body)
		}
		f.Lab.Change(t, ca.StatusChange{Serial: record.Serial, Reason: "keyCompromise"})
		if answer, body := reenroll(presented, names(cert)); answer.StatusCode != http.StatusForbidden ||
			!strings.Contains(body, "révoqué") {
			t.Errorf("%s, revoked: %s\n%s", product, answer.Status, body)
		}
	}

	// A certificate of nobody, with the names and the serial number of one of the lab's.
	presented, record := f.Issue(t, "ssl-serv", "two.test")
	serial, _ := new(big.Int).SetString(record.Serial, 16)
	cert, err := x509.ParseCertificate(presented.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	own := ordertest.Key(t).(*ecdsa.PrivateKey)
	self, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: serial,
		RawSubject: cert.RawSubject, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: cert.DNSNames},
		&x509.Certificate{RawSubject: cert.RawIssuer}, own.Public(), own)
	if err != nil {
		t.Fatal(err)
	}
	answer, body := reenroll(tls.Certificate{Certificate: [][]byte{self}, PrivateKey: own}, names(cert))
	if answer.StatusCode != http.StatusForbidden {
		t.Errorf("a forged certificate: %s\n%s", answer.Status, body)
	}
	rates := access.DefaultRates()
	rates.Writes.PerSecond = 0.001 // however slow this machine is
	f.Gate.Limiter = access.NewLimiter(rates)
	limited := false
	for range rates.Writes.Burst + 1 {
		answer, body := reenroll(presented, &x509.CertificateRequest{})
		if answer.StatusCode == http.StatusTooManyRequests {
			limited = answer.Header.Get("Retry-After") != ""
			break
		}
		if answer.StatusCode != http.StatusBadRequest {
			t.Fatalf("%s\n%s", answer.Status, body)
		}
	}
	if !limited {
		t.Error("more renewals at once than the limit are let through")
	}
}

// A card of a technical administrator, and an organisation's AUTH_CLI with that role, enrol.
func TestByCertificate(t *testing.T) {
	f := newFront(t)
	presented, _ := f.Issue(t, "auth-cli", "GUICHET")
	body := base64Of(request(t, "srv.test"))
	answer, text := f.ask(ordertest.Client(f.server, presented), "POST", est.Path+"simpleenroll", pkcs10, body, "")
	if answer.StatusCode != http.StatusForbidden {
		t.Errorf("without a role: %s\n%s", answer.Status, text)
	}
	f.Grant(t, ordertest.Hospital+"/GUICHET", access.Technical)
	answer, text = f.ask(ordertest.Client(f.server, presented), "POST", est.Path+"simpleenroll", pkcs10, body, "")
	if len(f.certificates(answer, text)) != 1 {
		t.Error(text)
	}
	server, _ := f.Issue(t, "ssl-serv", "srv.test")
	answer, text = f.ask(ordertest.Client(f.server, server), "POST", est.Path+"simpleenroll", pkcs10, body, "")
	if answer.StatusCode != http.StatusForbidden {
		t.Errorf("a server's certificate: %s\n%s", answer.Status, text)
	}
}
