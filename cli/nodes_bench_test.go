package cli

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/postgrestest"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
)

// How long another machine takes from the start of igc serve, in a home that has igc.yaml and the
// passphrase only, until /healthz says ok: in a lab of IGC_SCALE certificates (10,000) and in one
// of 1,000, which take turns. Each node makes its own keys of OCSP responders and TLS.
func BenchmarkNodeReady(b *testing.B) {
	scale := 10_000
	if text := os.Getenv("IGC_SCALE"); text != "" {
		var err error
		if scale, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	var labs [2]*labtest.Lab
	for i, n := range []int{1000, scale} {
		labs[i] = labtest.New(b, "--key", "p256", "--gamme", "FO", "--store", postgrestest.Database(b))
		labs[i].Must("bench", "seed", "--certificates", strconv.Itoa(n), "--revoked", strconv.Itoa(n/10))
	}
	var took [2][]time.Duration
	for round := 0; b.Loop(); round++ {
		for turn := range labs {
			i := (turn + round) % 2
			node := newNode(b, labs[i])
			begun := time.Now()
			cmd := exec.Command(labtest.Program(), "serve")
			cmd.Env = append(os.Environ(), "IGC_HOME="+node.Home)
			if err := cmd.Start(); err != nil {
				b.Fatal(err)
			}
			for !healthy(node) {
				if time.Since(begun) > time.Minute {
					b.Fatal("the node is not ready after a minute")
				}
				time.Sleep(5 * time.Millisecond)
			}
			took[i] = append(took[i], time.Since(begun))
			cmd.Process.Signal(os.Interrupt)
			cmd.Wait()
		}
	}
	small, large := middle(took[0]), middle(took[1])
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(large.Seconds(), "s")
	b.ReportMetric(float64(large)/float64(small), "large/small")
}

func middle(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

func healthy(l *labtest.Lab) bool {
	l.T.Helper()
	config, err := lab.Open(l.Home, lab.Options{})
	if err != nil {
		l.T.Fatal(err)
	}
	defer config.Close()
	a, err := http.Get("http://" + config.Config.Listen.Publication + "/healthz")
	if err != nil {
		return false
	}
	defer a.Body.Close()
	return a.StatusCode == http.StatusOK
}

// Certificates issued and revoked one by one by a server on PostgreSQL: igc serve, called through
// its socket, and step-ca (IGC_STEP_CA, or in the PATH), called over HTTPS on a kept connection
// with a token for each, on the same database server. All keys are P-256; igc lints what it signs
// and waits until every node knows of a change. They take turns; "x-step-ca" is the time of step-ca
// over that of igc, and with "-cpu" the servers' processor time.
func BenchmarkBesideStepCA(b *testing.B) {
	database := postgrestest.Database(b)
	program := os.Getenv("IGC_STEP_CA")
	if program == "" {
		var err error
		if program, err = exec.LookPath("step-ca"); err != nil {
			b.Skip("SKIPPED: step-ca is neither in the PATH nor in IGC_STEP_CA")
		}
	}
	step := newStepCA(b, program, database)
	l := labtest.New(b, "--key", "p256", "--store", database)
	cmd := exec.Command(labtest.Program(), "serve")
	cmd.Env = append(os.Environ(), "IGC_HOME="+l.Home)
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
	})
	for !healthy(l) {
		time.Sleep(50 * time.Millisecond)
	}
	client, err := lab.Connect(l.Home, lab.Options{})
	if err != nil {
		b.Fatal(err)
	}
	server, err := fixtures.Find("serveur")
	if err != nil {
		b.Fatal(err)
	}
	key := benchKey(b)
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		b.Fatal(err)
	}
	product, err := profiles.FindProduct(server.Product)
	if err != nil {
		b.Fatal(err)
	}
	request := ca.IssueRequest{Product: server.Product, Holder: server.Holder,
		PublicKeys: map[string][]byte{product.Certificates[0].Role: public}}

	var igcSerials, stepSerials []string
	type contender struct {
		pid           int
		issue, revoke func()
		took          [2][]time.Duration
		cpu           [2]time.Duration
	}
	igc := &contender{pid: cmd.Process.Pid, issue: func() {
		issued, err := client.Issue(b.Context(), request)
		if err != nil {
			b.Fatal(err)
		}
		igcSerials = append(igcSerials, issued.Records[0].Serial)
	}, revoke: func() {
		change := ca.StatusChange{Serial: igcSerials[0], Reason: "superseded"}
		if _, err := client.SetStatus(b.Context(), change); err != nil {
			b.Fatal(err)
		}
		igcSerials = igcSerials[1:]
	}}
	other := &contender{pid: step.pid, issue: func() {
		stepSerials = append(stepSerials, step.issue(key))
	}, revoke: func() {
		step.revoke(stepSerials[0])
		stepSerials = stepSerials[1:]
	}}
	for _, c := range []*contender{igc, other} {
		c.issue()
		c.revoke()
	}
	const each = 20
	for b.Loop() {
		for _, c := range []*contender{igc, other} {
			for k, do := range []func(){c.issue, c.revoke} {
				before := cpuOf(b, c.pid)
				for range each {
					begun := time.Now()
					do()
					c.took[k] = append(c.took[k], time.Since(begun))
				}
				c.cpu[k] += cpuOf(b, c.pid) - before
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	for k, name := range []string{"issue", "revoke"} {
		ours, theirs := middle(igc.took[k]), middle(other.took[k])
		n := time.Duration(len(igc.took[k]))
		b.Logf("%-6s igc %s, %s of processor time; step-ca %s, %s", name, ours, igc.cpu[k]/n, theirs, other.cpu[k]/n)
		b.ReportMetric(float64(theirs)/float64(ours), name+"-x-step-ca")
		b.ReportMetric(float64(other.cpu[k])/float64(max(igc.cpu[k], 1)), name+"-x-step-ca-cpu")
	}
}

func benchKey(b *testing.B) *ecdsa.PrivateKey {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	return key
}

// cpuOf is the processor time that a process has used (proc(5)).
func cpuOf(b *testing.B, pid int) time.Duration {
	b.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// stepCA is a server of step-ca, with a root and an issuing authority.
type stepCA struct {
	b       *testing.B
	pid     int
	address string
	client  *http.Client
	signer  jose.Signer
	calls   int
}

func newStepCA(b *testing.B, program, database string) *stepCA {
	b.Helper()
	dir := b.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	authority := func(name string, parent *x509.Certificate, by crypto.Signer) (*x509.Certificate, *ecdsa.PrivateKey) {
		key := benchKey(b)
		template := &x509.Certificate{
			SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(5, 0, 0), IsCA: true,
			BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
		if parent == nil {
			parent, by = template, key
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
		if err != nil {
			b.Fatal(err)
		}
		private, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			b.Fatal(err)
		}
		labtest.Write(b, in(name+".crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
		labtest.Write(b, in(name+".key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
		c, err := x509.ParseCertificate(der)
		if err != nil {
			b.Fatal(err)
		}
		return c, key
	}
	root, rootKey := authority("root", nil, nil)
	authority("issuing", root, rootKey)
	provisioner := benchKey(b)
	jwk := jose.JSONWebKey{Key: provisioner.Public(), KeyID: "bench", Algorithm: "ES256", Use: "sig"}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	at, err := url.Parse(database)
	if err != nil {
		b.Fatal(err)
	}
	at.Path = "/"
	config, err := json.Marshal(map[string]any{
		"root": in("root.crt"), "crt": in("issuing.crt"), "key": in("issuing.key"), "address": address,
		"dnsNames": []string{"127.0.0.1"}, "logger": map[string]any{"format": "text"},
		"db": map[string]any{"type": "postgresql", "dataSource": at.String(), "database": "stepca"},
		"authority": map[string]any{"provisioners": []any{
			map[string]any{"type": "JWK", "name": "bench", "key": jwk}}},
	})
	if err != nil {
		b.Fatal(err)
	}
	labtest.Write(b, in("ca.json"), config)
	cmd := exec.Command(program, in("ca.json"))
	cmd.Env = append(os.Environ(), "STEPPATH="+dir, "HOME="+dir)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: provisioner,
		KeyID: "bench"}}, nil)
	if err != nil {
		b.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(root)
	s := &stepCA{b: b, pid: cmd.Process.Pid, address: "https://" + address, signer: signer, client: &http.Client{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}, Timeout: 20 * time.Second}}
	for begun := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		a, err := s.client.Get(s.address + "/health")
		if err == nil {
			a.Body.Close()
			return s
		}
		if time.Since(begun) > 20*time.Second {
			b.Fatalf("step-ca does not answer: %v\n%s", err, out.String())
		}
	}
}

// call posts a request with a token for its path.
func (s *stepCA) call(path, subject string, body map[string]any, answer any) {
	s.b.Helper()
	s.calls++
	now := time.Now()
	token, err := jwt.Signed(s.signer).Claims(map[string]any{"iss": "bench", "aud": s.address + path, "sub": subject,
		"sans": []string{subject}, "jti": fmt.Sprintf("%d-%d", now.UnixNano(), s.calls), "iat": now.Unix(),
		"nbf": now.Add(-time.Minute).Unix(), "exp": now.Add(4 * time.Minute).Unix()}).Serialize()
	if err != nil {
		s.b.Fatal(err)
	}
	body["ott"] = token
	data, err := json.Marshal(body)
	if err != nil {
		s.b.Fatal(err)
	}
	a, err := s.client.Post(s.address+path, "application/json", bytes.NewReader(data))
	if err != nil {
		s.b.Fatal(err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil || a.StatusCode > 299 {
		s.b.Fatalf("step-ca, %s: %d, %v: %s", path, a.StatusCode, err, text)
	}
	if err := json.Unmarshal(text, answer); err != nil {
		s.b.Fatal(err)
	}
}

func (s *stepCA) issue(key crypto.Signer) (serial string) {
	s.b.Helper()
	const name = "server.example.test"
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}}, key)
	if err != nil {
		s.b.Fatal(err)
	}
	var answer struct{ CRT string }
	s.call("/1.0/sign", name, map[string]any{
		"csr": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr}))}, &answer)
	block, _ := pem.Decode([]byte(answer.CRT))
	if block == nil {
		s.b.Fatalf("step-ca gives no certificate: %q", answer.CRT)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		s.b.Fatal(err)
	}
	return c.SerialNumber.String()
}

func (s *stepCA) revoke(serial string) {
	s.b.Helper()
	var answer struct{ Status string }
	s.call("/1.0/revoke", serial, map[string]any{"serial": serial, "reasonCode": 4, "passive": true}, &answer)
}
