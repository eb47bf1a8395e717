package revocation

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	xocsp "golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/lab"
)

// filledLab is a lab with n certificates of ACI-FO-PP, P-256 keys for all but the responder, whose
// answers are those of a faithful lab, and a request for each certificate.
func filledLab(b *testing.B, n int) (l *testLab, requests [][]byte) {
	b.Helper()
	config := lab.DefaultConfig()
	config.Key, config.OCSP.Key = ca.P256, "rsa2048"
	lab, err := lab.Create(filepath.Join(b.TempDir(), "lab"), config, lab.Options{})
	if err != nil {
		b.Fatal(err)
	}
	if err := lab.Lock(); err != nil {
		b.Fatal(err)
	}
	l = &testLab{&labtest.CardLab{Lab: lab, Now: time.Now()}}
	alain, err := fixtures.Find("alain")
	if err != nil {
		b.Fatal(err)
	}
	key, err := ca.P256.Generate()
	if err != nil {
		b.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		b.Fatal(err)
	}
	order := ca.IssueRequest{Product: alain.Product, Holder: alain.Holder, PublicKeys: map[string][]byte{"authentication": public, "signature": public}}
	if _, err := lab.Issue(b.Context(), order); err != nil { // authorities made
		b.Fatal(err)
	}
	var wg sync.WaitGroup
	var left atomic.Int64
	left.Store(int64(n/2 - 1))
	for range 64 { // their records go in one commit
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if _, err := lab.Issue(context.Background(), order); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	records, err := lab.List(b.Context(), ca.Filter{EndEntities: true})
	if err != nil {
		b.Fatal(err)
	}
	issuer, err := lab.Issuer(b.Context(), l.Issuing())
	if err != nil {
		b.Fatal(err)
	}
	for _, r := range records {
		leaf, err := r.Certificate()
		if err != nil {
			b.Fatal(err)
		}
		request, err := xocsp.CreateRequest(leaf, issuer.Certificate, nil)
		if err != nil {
			b.Fatal(err)
		}
		requests = append(requests, request)
	}
	return l, requests
}

// seconds is how long each server is measured: IGC_SECONDS, else 2.
func seconds(b *testing.B) time.Duration {
	return time.Duration(number(b, "IGC_SECONDS", 2)) * time.Second
}

// Requests per second about IGC_SERIALS certificates (10,000) over HTTP on loopback: the lab, a
// server that does nothing but send as many bytes, cfssl with the same signed answers, and openssl,
// which signs each one. The load is the same for all, from this process; each server is a process
// of its own, and they take turns. "of-bare", "x-cfssl" and "x-openssl" compare rates, and with
// "-cpu" rates for each second of the server's processor time.
func BenchmarkOCSPServers(b *testing.B) {
	l, requests := filledLab(b, number(b, "IGC_SERIALS", 10000))
	var gets [][]byte
	for _, r := range requests {
		if get := labtest.OCSPGet(r); !bytes.Contains(get, []byte("%2F%2F")) { // which cfssl redirects, as any mux would
			gets = append(gets, get)
		}
	}
	dir := b.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	size := peerFiles(b, l, requests, in)
	if err := l.Unlock(); err != nil {
		b.Fatal(err)
	}

	type contender struct {
		name  string
		start func() *process
		*process
		all figures
	}
	contenders := []*contender{
		{name: "igc", start: func() *process { return startServer(b, "publication", l.Home) }},
		{name: "bare", start: func() *process { return startServer(b, strconv.Itoa(size), "") }},
	}
	cfssl := os.Getenv("IGC_CFSSL")
	if cfssl == "" {
		cfssl, _ = exec.LookPath("cfssl")
	}
	if cfssl != "" {
		contenders = append(contenders, &contender{name: "cfssl", start: func() *process {
			return startPeer(b, gets[0], cfssl, "ocspserve", "-address", "127.0.0.1", "-port", "{port}", "-responses", in("responses"), "-loglevel", "5")
		}})
	} else {
		b.Log("SKIPPED: cfssl is neither in the PATH nor in IGC_CFSSL")
	}
	if openssl, err := exec.LookPath("openssl"); err == nil {
		contenders = append(contenders, &contender{name: "openssl", start: func() *process {
			return startPeer(b, gets[0], openssl, "ocsp", "-port", "{port}", "-index", in("index.txt"), "-CA", in("issuing.pem"),
				"-rsigner", in("responder.pem"), "-rkey", in("responder.key"), "-ndays", "1")
		}})
	} else {
		b.Log("SKIPPED: openssl is not in the PATH")
	}
	for _, c := range contenders {
		c.process = c.start()
		defer c.stop()
		if c.name != "openssl" {
			c.askAll(b, gets) // every answer signed
		}
	}
	for b.Loop() {
		const turns = 8
		for range turns { // short ones: what else the machine does harms all alike
			for _, c := range contenders {
				connections := 16
				if c.name == "openssl" { // it takes one at a time, for one request
					connections = 2
				}
				c.all = c.all.plus(c.load(b, gets, connections, seconds(b)/turns))
			}
		}
	}
	ours := contenders[0].all
	for _, c := range contenders {
		b.Logf("%-8s %s", c.name, c.all)
		if c.all.errors > 0 || c.all.answers == 0 {
			b.Errorf("%s: %d answers, %d errors", c.name, c.all.answers, c.all.errors)
		}
		metric := map[string]string{"igc": "", "bare": "of-bare", "cfssl": "x-cfssl", "openssl": "x-openssl"}[c.name]
		if metric == "" {
			b.ReportMetric(ours.rate(), "answers/s")
			b.ReportMetric(ours.rateOfCPU(), "answers/cpu-s")
			continue
		}
		b.ReportMetric(ours.rate()/c.all.rate(), metric)
		b.ReportMetric(ours.rateOfCPU()/c.all.rateOfCPU(), metric+"-cpu")
	}
}

// askAll asks everything once.
func (p *process) askAll(b *testing.B, requests [][]byte) {
	b.Helper()
	c := &client{address: p.address}
	defer c.close()
	for _, r := range requests {
		if status, err := c.do(r); err != nil || status != 200 {
			b.Fatalf("%s: %d, %v: %q", r, status, err, c.body)
		}
	}
}

// plus adds a further measurement, of which the latencies are the newest's.
func (f figures) plus(g figures) figures {
	g.answers, g.bytes, g.errors, g.took, g.cpu = g.answers+f.answers, g.bytes+f.bytes, g.errors+f.errors, g.took+f.took, g.cpu+f.cpu
	return g
}

// peerFiles writes what the other servers need: signed answers for cfssl, and for openssl an index
// with an RSA key of a responder's. It returns the length of an answer.
func peerFiles(b *testing.B, l *testLab, requests [][]byte, in func(string) string) int {
	b.Helper()
	r := newResponder(b, l.Lab, time.Now)
	var responses, index bytes.Buffer
	size := 0
	for _, request := range requests {
		der, err := r.Answer(b.Context(), request)
		if err != nil {
			b.Fatal(err)
		}
		size = len(der)
		responses.WriteString(base64.StdEncoding.EncodeToString(der) + "\n")
		asked, err := xocsp.ParseRequest(request)
		if err != nil {
			b.Fatal(err)
		}
		serial := asked.SerialNumber.Bytes()
		fmt.Fprintf(&index, "V\t361231235959Z\t\t%X\tunknown\t/CN=%X\n", serial, serial)
	}
	issuer, err := l.Issuer(b.Context(), l.Issuing())
	if err != nil {
		b.Fatal(err)
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		b.Fatal(err)
	}
	issued, err := l.IssueResponder(b.Context(), l.Issuing(), public)
	if err != nil {
		b.Fatal(err)
	}
	responder, err := issued.Records[0].Certificate()
	if err != nil {
		b.Fatal(err)
	}
	certificate := func(c *x509.Certificate) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	for name, data := range map[string][]byte{"responses": responses.Bytes(), "index.txt": index.Bytes(), "issuing.pem": certificate(issuer.Certificate),
		"responder.pem": certificate(responder),
		"responder.key": pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})} {
		if err := os.WriteFile(in(name), data, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	return size
}

// Latency while nothing else happens, and while certificates are revoked and the CRL, of half of
// them at the start, is made anew after each, one upon the other.
func BenchmarkOCSPWhileListsAreMade(b *testing.B) {
	l, requests := filledLab(b, number(b, "IGC_SERIALS", 10000))
	var gets [][]byte
	records, err := l.List(b.Context(), ca.Filter{EndEntities: true})
	if err != nil {
		b.Fatal(err)
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(records)/2); i = next.Add(1) - 1 {
				if _, err := l.Revoke(context.Background(), records[i].Serial, "superseded"); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, r := range requests {
		gets = append(gets, labtest.OCSPGet(r))
	}
	if err := l.Unlock(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		for _, what := range []string{"publication", "publication, CRLs"} {
			p := startServer(b, what, l.Home)
			p.askAll(b, gets)
			f := p.load(b, gets, 4, seconds(b))
			report := p.stop()
			b.Logf("%-18s %s", what, f)
			name := "p99-us"
			if what != "publication" {
				b.Logf("%s of %d entries and more", report, len(records)/2)
				name = "p99-us-with-CRLs"
			}
			b.ReportMetric(float64(f.latencies[len(f.latencies)*99/100].Nanoseconds())/1000, name)
			if f.errors > 0 || !strings.HasPrefix(report, "{") && strings.HasPrefix(report, "0 ") {
				b.Errorf("%d errors; %s", f.errors, report)
			}
		}
	}
}
