package ejbca_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/ordertest"
	"github.com/igc-lab/igc/internal/peer"
	"github.com/igc-lab/igc/internal/yamlfile"
	"github.com/igc-lab/igc/services/orders/ejbca"
)

const issuer = "CN=TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS,OU=IGC-SANTE TEST,OU=0002 187512751,O=ASIP-SANTE,C=FR"

// front is the API of a platform, over TLS.
type front struct {
	testing.TB
	*ordertest.Stand
	server *httptest.Server
	tokens map[string]string
	host   string
}

func newFront(t testing.TB) *front {
	t.Helper()
	s := ordertest.New(t)
	f := &front{TB: t, Stand: s, tokens: map[string]string{"technical": s.Token(t, "technical", access.Technical),
		"agent": s.Token(t, "agent", access.Agent)}}
	_, foreign, err := s.Roles.AddToken(t.Context(), access.Owner("cli:test"), access.Bearer{Name: "foreign",
		Scopes: []access.Scope{access.ReadOrders}, Grants: []access.Grant{{Role: access.Technical,
			Structure: ordertest.Clinic}}})
	if err != nil {
		t.Fatal(err)
	}
	f.tokens["foreign"] = foreign
	f.server = s.Serve(t, ejbca.New(ejbca.Options{Desk: s.Desk, Caller: s.Gate.Caller}))
	f.host = strings.TrimPrefix(f.server.URL, "https://")
	return f
}

// ask sends a request of somebody who has a token; of nobody without one.
func (f *front) ask(client *http.Client, as, method, path, body string) (*http.Response, []byte) {
	f.Helper()
	r, err := http.NewRequestWithContext(f.Context(), method, f.server.URL+strings.TrimSuffix(ejbca.Path, "/")+path,
		strings.NewReader(body))
	if err != nil {
		f.Fatal(err)
	}
	if token := f.tokens[as]; token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
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
	return answer, text
}

// request is a certification request as JSON has it.
func (f *front) request() string {
	der := ordertest.Request(f, ordertest.Key(f), &x509.CertificateRequest{DNSNames: []string{"srv.test"}})
	return strings.ReplaceAll(ordertest.PEM("CERTIFICATE REQUEST", der), "\n", `\n`)
}

// golden is a request of EJBCA's API and its answer.
type golden struct {
	Name    string `yaml:"name"`
	As      string `yaml:"as"`
	Request string `yaml:"request"`
	Body    string `yaml:"body"`
	Status  int    `yaml:"status"`
	Answer  string `yaml:"answer"`
}

// The golden requests are answered to the byte.
func TestGolden(t *testing.T) {
	data, err := os.ReadFile("testdata/golden.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var all []golden
	if err := yamlfile.Decode(data, &all); err != nil {
		t.Fatal(err)
	}
	f := newFront(t)
	_, record := f.Issue(t, "ssl-serv", "two.test")
	values := strings.NewReplacer(`\{base64\}`, `[A-Za-z0-9+/]+={0,2}`, `\{hex\}`, `[0-9A-F]+`, `\{time\}`,
		`20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ`, `\{dn\}`, regexp.QuoteMeta(issuer), `\{host\}`, regexp.QuoteMeta(f.host))
	for _, g := range all {
		method, path, _ := strings.Cut(g.Request, " ")
		csr := f.request()
		bare := strings.NewReplacer("-----BEGIN CERTIFICATE REQUEST-----", "", "-----END CERTIFICATE REQUEST-----", "",
			`\n`, "").Replace(csr)
		given := strings.NewReplacer("{issuer}", url.PathEscape(issuer), "{serial}", record.Serial, "{csr}", csr,
			"{csr in base64}", bare)
		answer, body := f.ask(ordertest.Client(f.server), g.As, method, given.Replace(path), given.Replace(g.Body))
		want := regexp.MustCompile("^" + values.Replace(regexp.QuoteMeta(g.Answer)) + "$")
		if answer.StatusCode != g.Status || !want.Match(body) ||
			answer.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %s, %v\n%s\nwant %d\n%s", g.Name, answer.Status, answer.Header, body, g.Status, g.Answer)
		}
	}
	if len(all) < 25 {
		t.Errorf("%d golden requests", len(all))
	}
}

// What the lab refuses of its own is an error of EJBCA's form, in both languages, and nothing is
// issued.
func TestRefused(t *testing.T) {
	f := newFront(t)
	enrol := func(csr, profile string) string {
		return `{"certificate_request":"` + csr + `","certificate_profile_name":"` + profile +
			`","end_entity_profile_name":"EMPTY","certificate_authority_name":"ACI-EL-ORG"}`
	}
	if _, err := f.Lab.Ensure(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	_, record := f.Issue(t, "ssl-serv", "two.test")
	revoke := "/v1/certificate/" + url.PathEscape(issuer) + "/" + record.Serial + "/revoke?reason="
	good := f.request()
	f.tokens["wrong"] = "igc_technical_wrong"
	const enrolment, keyStores = "/v1/certificate/pkcs10enroll", "/v1/certificate/enrollkeystore"
	store := func(username, password, algorithm, spec string) string {
		return `{"username":"` + username + `","password":"` + password + `","key_alg":"` + algorithm +
			`","key_spec":"` + spec + `"}`
	}
	elsewhere := func(serial, path string) string { return strings.Replace(path, record.Serial, serial, 1) }
	for name, test := range map[string]struct {
		as, method, path, body string
		status                 int
	}{
		"a wrong token":         {"wrong", "POST", enrolment, enrol(good, "SERVER"), 403},
		"a token for reading":   {"foreign", "POST", enrolment, enrol(good, "SERVER"), 403},
		"a request that is cut": {"technical", "POST", enrolment, enrol(good[:200], "SERVER"), 400},
		"not a request":         {"technical", "POST", enrolment, enrol("MIIC", "SERVER"), 400},
		"a card":                {"technical", "POST", enrolment, enrol(good, "CPE"), 400},
		"a pair":                {"technical", "POST", enrolment, enrol(good, "S/MIME"), 400},
		"a megabyte":            {"technical", "POST", enrolment, `"` + strings.Repeat("x", 1<<20), 413},
		"a short password": {"technical", "POST", keyStores, store("AUTH_CLI/DMP", "foo123", "ECDSA",
			"secp256r1"), 400},
		"keys that are not made": {"technical", "POST", keyStores, store("AUTH_CLI/DMP", "foo12345", "RSA",
			"4096"), 422},
		"a foreign structure": {"technical", "POST", keyStores,
			store("AUTH_CLI/10B0037750/DMP", "foo12345", "ECDSA", "secp256r1"), 403},
		"a key store of a pair": {"technical", "POST", keyStores, store("SMIME/x", "foo12345", "ECDSA", "secp256r1"),
			400},
		"revocation, wrong role":   {"technical", "PUT", revoke + "SUPERSEDED", "", 403},
		"a hold":                   {"agent", "PUT", revoke + "CERTIFICATE_HOLD", "", 400},
		"a reason that nobody has": {"agent", "PUT", revoke + "WEATHER", "", 400},
		"a date that is not one":   {"agent", "PUT", revoke + "SUPERSEDED&date=yesterday", "", 400},
		"a certificate of nobody":  {"agent", "PUT", elsewhere("ABCD", revoke) + "SUPERSEDED", "", 404},
		"the beginning of a serial": {"agent", "PUT", elsewhere(record.Serial[:20], revoke) + "SUPERSEDED", "",
			404},
		"a serial of another issuer": {"agent", "PUT", strings.Replace(revoke, "ORGANISATIONS", "PERSONNES", 1) +
			"SUPERSEDED", "", 404},
	} {
		answer, body := f.ask(ordertest.Client(f.server), test.as, test.method, test.path, test.body)
		var e struct {
			Code    int    `json:"error_code"`
			Message string `json:"error_message"`
		}
		if err := json.Unmarshal(body, &e); err != nil || answer.StatusCode != test.status || e.Code != test.status ||
			e.Message == "" {
			t.Errorf("%s: %s\n%s", name, answer.Status, body)
		}
	}
	records, err := f.Lab.List(t.Context(), ca.Filter{EndEntities: true})
	if err != nil || len(records) != 1 || records[0].Status != ca.Good {
		t.Errorf("%d certificates, %v", len(records), err)
	}
}

// What is enrolled is what others read: DER, PKCS#7 by openssl, PKCS#12; by the certificate of the
// connection too.
func TestEnrolled(t *testing.T) {
	f := newFront(t)
	presented, _ := f.Issue(t, "auth-cli", "GUICHET")
	f.Grant(t, ordertest.Hospital+"/GUICHET", access.Technical)
	client := ordertest.Client(f.server, presented)
	type enrolled struct {
		Certificate, Serial string
		Chain               []string
	}
	enrol := func(path, body string) (answer enrolled) {
		t.Helper()
		response, text := f.ask(client, "", "POST", "/v1/certificate/"+path, body)
		var fields struct {
			Certificate string   `json:"certificate"`
			Serial      string   `json:"serial_number"`
			Chain       []string `json:"certificate_chain"`
		}
		if err := json.Unmarshal(text, &fields); err != nil || response.StatusCode != http.StatusCreated {
			t.Fatalf("%s, %v\n%s", response.Status, err, text)
		}
		return enrolled(fields)
	}
	decode := func(text string) []byte {
		t.Helper()
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	body := `{"certificate_request":"` + f.request() + `","certificate_profile_name":"SERVER",` +
		`"end_entity_profile_name":"EMPTY","certificate_authority_name":"ACI-EL-ORG","include_chain":true`
	plain := enrol("pkcs10enroll", body+"}")
	cert, err := x509.ParseCertificate(decode(plain.Certificate))
	if err != nil {
		t.Fatal(err)
	}
	above, err := x509.ParseCertificate(decode(plain.Chain[0]))
	if err != nil || cert.CheckSignatureFrom(above) != nil ||
		plain.Serial != strings.ToUpper(cert.SerialNumber.Text(16)) {
		t.Errorf("%v, %v", cert, err)
	}
	t.Run("PKCS#7", func(t *testing.T) {
		answer := enrol("pkcs10enroll", body+`,"response_format":"PKCS7"}`)
		for text, want := range map[string]int{answer.Certificate: 1, answer.Chain[0]: 2} {
			file := filepath.Join(t.TempDir(), "p7.pem")
			labtest.Write(t, file, decode(text))
			out := peer.Run(t, "openssl", "pkcs7", "-in", file, "-print_certs")
			if got := strings.Count(out, "BEGIN CERTIFICATE"); got != want {
				t.Errorf("%d certificates, want %d\n%s", got, want, out)
			}
		}
	})
	store := enrol("enrollkeystore",
		`{"username":"ENDUSER/DMP","password":"foo12345","key_alg":"ECDSA","key_spec":"secp256r1"}`)
	key, leaf, chain, err := pkcs12.DecodeChain(decode(store.Certificate), "foo12345")
	if err != nil || leaf.Subject.CommonName != "DMP" || len(chain) != 2 {
		t.Errorf("%v, %v", leaf, err)
	}
	if _, err := tls.X509KeyPair([]byte(ordertest.PEM("CERTIFICATE", leaf.Raw)), keyPEM(t, key)); err != nil {
		t.Error(err)
	}
}

func keyPEM(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(ordertest.PEM("PRIVATE KEY", der))
}

// The authorities are listed with Java's numbers of their names, and each has its chain.
func TestAuthorities(t *testing.T) {
	f := newFront(t)
	f.Issue(t, "ssl-serv", "srv.test")
	answer, body := f.ask(ordertest.Client(f.server), "technical", "GET", "/v1/ca?includeExternal=true", "")
	if answer.StatusCode != http.StatusOK || !bytes.Contains(body, []byte(`{"id":-1909969920,"name":"ACI-EL-ORG",`+
		`"subject_dn":"`+issuer+`","issuer_dn":"CN=TEST AC RACINE IGC-SANTE ELEMENTAIRE,`)) {
		t.Errorf("%s\n%s", answer.Status, body)
	}
	answer, body = f.ask(ordertest.Client(f.server), "technical", "GET", "/v1/ca/"+url.PathEscape(issuer)+
		"/certificate/download", "")
	if answer.StatusCode != http.StatusOK ||
		!bytes.HasPrefix(body, []byte("Subject: "+issuer+"\nIssuer: CN=TEST AC RACINE")) ||
		!strings.Contains(answer.Header.Get("Content-Disposition"), ".cacert.pem") {
		t.Errorf("%s, %v\n%s", answer.Status, answer.Header, body)
	}
	blocks := 0
	for rest := body; ; blocks++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
	}
	if blocks != 2 {
		t.Errorf("%d certificates in the chain", blocks)
	}
	answer, body = f.ask(ordertest.Client(f.server), "technical", "GET",
		"/v1/ca/CN%3DManagementCA/certificate/download", "")
	if answer.StatusCode != http.StatusNotFound {
		t.Errorf("%s\n%s", answer.Status, body)
	}
}
