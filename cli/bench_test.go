package cli

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/igc-lab/igc/internal/labtest"
)

// cost is what a command took.
type cost struct {
	wall, cpu time.Duration
	memory    int64 // peak resident, bytes
	certs     int
}

func (c *cost) run(b *testing.B, cmd *exec.Cmd) {
	b.Helper()
	start := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%q: %v\n%s", cmd.Args, err, out)
	}
	c.wall += time.Since(start)
	c.cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		c.memory = max(c.memory, usage.Maxrss<<10)
	}
}

func (c *cost) report(b *testing.B, of string) {
	n := time.Duration(c.certs)
	b.Logf("%-28s %4d certificates: %6.1f ms, %6.1f ms CPU each, %5.1f MB at most", of, c.certs,
		float64((c.wall/n).Microseconds())/1000, float64((c.cpu/n).Microseconds())/1000, float64(c.memory)/1e6)
	name := strings.ReplaceAll(of, " ", "-")
	b.ReportMetric(float64((c.cpu/n).Microseconds())/1000, name+"-cpu-ms/cert")
}

// The same output by others: RSA 2048 keys certified by an RSA 4096 authority, certificate and
// PKCS#12 in files, in one run. igc issue makes two of a card; openssl and step (where it is
// installed) one a call. IGC_CARDS says how many.
func BenchmarkBesideOthers(b *testing.B) {
	n := 10
	if s := os.Getenv("IGC_CARDS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	dir := b.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	l := &labtest.Lab{T: b, Home: in("lab")}
	l.Must("init", "--gamme", "FO")
	openssl := func(args ...string) *exec.Cmd { return exec.Command("openssl", args...) }
	var setup cost
	setup.run(b, openssl("req", "-x509", "-newkey", "rsa:4096", "-nodes", "-keyout", in("ca.key"), "-out", in("ca.crt"), "-subj", "/CN=CA", "-days", "3650"))
	for name, content := range map[string]string{"index.txt": "", "serial": "01\n", "ca.cnf": fmt.Sprintf(`[ca]
default_ca = d
[d]
database = %s
serial = %s
new_certs_dir = %s
certificate = %s
private_key = %s
default_md = sha256
default_days = 1095
policy = p
[p]
commonName = supplied
[e]
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
crlDistributionPoints = URI:http://localhost/crl
authorityInfoAccess = OCSP;URI:http://localhost/ocsp
`, in("index.txt"), in("serial"), dir, in("ca.crt"), in("ca.key"))} {
		labtest.Write(b, in(name), []byte(content))
	}
	for b.Loop() {
		var one, many, other, step cost
		for range (n + 1) / 2 {
			one.run(b, l.Command("issue", "--fixture", "alain"))
			one.certs += 2
		}
		batch := in("batch.jsonl")
		labtest.Write(b, batch, []byte(strings.Repeat(`{"fixture": "alain"}`+"\n", (n+1)/2)))
		many.run(b, l.Command("issue", "--batch", batch))
		many.certs = (n + 1) / 2 * 2
		for i := range n {
			key, csr, crt := in("k.pem"), in("r.pem"), in("c.pem")
			other.run(b, openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", csr, "-subj", fmt.Sprintf("/CN=%d", i)))
			other.run(b, openssl("ca", "-batch", "-notext", "-config", in("ca.cnf"), "-extensions", "e", "-in", csr, "-out", crt))
			other.run(b, openssl("pkcs12", "-export", "-inkey", key, "-in", crt, "-passout", "pass:1234", "-out", in("c.p12")))
			other.certs++
		}
		if path, err := exec.LookPath("step"); err == nil {
			for i := range n {
				step.run(b, exec.Command(path, "certificate", "create", strconv.Itoa(i), in("s.crt"), in("s.key"), "--ca", in("ca.crt"), "--ca-key", in("ca.key"),
					"--kty", "RSA", "--size", "2048", "--no-password", "--insecure", "--force", "--not-after", "26280h"))
				step.run(b, exec.Command(path, "certificate", "p12", in("s.p12"), in("s.crt"), in("s.key"), "--no-password", "--insecure", "--force"))
				step.certs++
			}
			step.report(b, "step")
		}
		one.report(b, "igc issue")
		many.report(b, "igc issue --batch")
		other.report(b, "openssl")
	}
}

// What a single igc issue costs beyond making keys, signing and opening the authority's key: in a
// lab of P-256 keys the first two are next to nothing, and the third is PBKDF2, which is measured
// beside it and taken off.
func BenchmarkIssueOverhead(b *testing.B) {
	l := &labtest.Lab{T: b, Home: filepath.Join(b.TempDir(), "lab")}
	l.Must("init", "--key", "p256", "--gamme", "FO")
	var all cost
	var opening time.Duration
	for b.Loop() {
		all.run(b, l.Command("issue", "--fixture", "alain"))
		all.certs++
		start := time.Now()
		if _, err := pbkdf2.Key(sha256.New, "passphrase", make([]byte, 16), 600000, 32); err != nil {
			b.Fatal(err)
		}
		opening += time.Since(start)
	}
	n := float64(all.certs) * 1e6
	b.ReportMetric(float64(all.cpu)/n, "cpu-ms/card")
	b.ReportMetric(float64(opening)/n, "opening-ms/card")
	b.ReportMetric(float64(all.cpu-opening)/n, "beyond-ms/card")
}
