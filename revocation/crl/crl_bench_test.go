package crl

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/der"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
)

// A CRL of many entries, made by the lab, by Go's x509.CreateRevocationList and by openssl ca
// -gencrl, each in a process of its own so that its memory can be told, with the same entries and
// an RSA 4096 key. "floor" is one signature and one SHA-256 of the bytes. IGC_SCALE names other
// sizes than 100,000.
func BenchmarkCRL(b *testing.B) {
	sizes := []int{100_000}
	if s := os.Getenv("IGC_SCALE"); s != "" {
		sizes = nil
		for _, f := range strings.Split(s, ",") {
			n, err := strconv.Atoi(f)
			if err != nil {
				b.Fatal(err)
			}
			sizes = append(sizes, n)
		}
	}
	for _, n := range sizes {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			home := filepath.Join(b.TempDir(), "lab")
			seed(b, home, n)
			for b.Loop() {
				ours := bear(b, "lab", home, n)
				firsts := []float64{ours.First}
				for range 4 { // each process has one first CRL
					if err := os.RemoveAll(filepath.Join(home, "publication", "CRL")); err != nil {
						b.Fatal(err)
					}
					ours = bear(b, "lab", home, n)
					firsts = append(firsts, ours.First)
				}
				slices.Sort(firsts)
				ours.First = firsts[len(firsts)/2]
				list := filepath.Join(home, "publication", "CRL", "ACI-FO-PP-TEST.crl")
				theirs := bear(b, "x509", list, n)
				openssl := gencrl(b, list, n)
				b.ReportMetric(ours.First, "first-ms")
				b.ReportMetric(ours.Again, "again-ms")
				b.ReportMetric(ours.Floor, "floor-ms")
				b.ReportMetric(ours.Again/ours.Floor, "again/floor")
				b.ReportMetric(ours.First/ours.Floor, "first/floor")
				b.ReportMetric(theirs.First, "x509-ms")
				b.ReportMetric(openssl.First, "openssl-ms")
				b.ReportMetric(ours.Heap, "heap-MB")
				b.ReportMetric(ours.Memory, "MB")
				b.ReportMetric(theirs.Memory, "x509-MB")
				b.ReportMetric(openssl.Memory, "openssl-MB")
				b.ReportMetric(ours.Size, "list-MB")
				b.ReportMetric(0, "ns/op")
			}
		})
	}
}

// born is what a process reports of the CRLs that it made: milliseconds and megabytes.
type born struct {
	First, Again, Floor float64
	Heap                float64 // of Go alone: the map of the store's file is shared with the page cache
	Size, Memory        float64
}

// bear makes CRLs in another process of this test binary.
func bear(b *testing.B, by, path string, n int) (r born) {
	b.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestBearer$", "-test.v")
	cmd.Env = append(os.Environ(), "IGC_BEAR="+by, "IGC_BEAR_PATH="+path, fmt.Sprint("IGC_BEAR_SIZE=", n))
	out, err := cmd.CombinedOutput()
	_, report, ok := strings.Cut(string(out), "BORN ")
	if err != nil || !ok {
		b.Fatalf("%s: %v\n%s", by, err, out)
	}
	if err := json.NewDecoder(strings.NewReader(report)).Decode(&r); err != nil {
		b.Fatal(err)
	}
	return r
}

// peak is the most memory that a process has had, in megabytes. The maximum that wait4 tells is of
// no use: a process is born with its parent's.
func peak(pid string) float64 {
	data, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(data), "VmHWM:")
	fields := strings.Fields(after)
	if len(fields) == 0 {
		return 0
	}
	kB, _ := strconv.ParseFloat(fields[0], 64)
	return kB * 1024 / 1e6
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// TestBearer is what bear runs; by itself it is nothing.
func TestBearer(t *testing.T) {
	path := os.Getenv("IGC_BEAR_PATH")
	var r born
	switch by := os.Getenv("IGC_BEAR"); by {
	case "":
		t.Skip("run by BenchmarkCRL only")
	case "lab":
		r = bearLab(t, path)
	case "x509":
		r = bearX509(t, path)
	}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("BORN %s\n", data)
}

func bearLab(t *testing.T, home string) (r born) {
	var memory runtime.MemStats
	lab, err := lab.Open(home, lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := lab.Lock(); err != nil {
		t.Fatal(err)
	}
	defer lab.Unlock()
	a, err := profiles.ParseAuthority("ACI-FO-PP")
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := lab.Issuer(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := lab.Signer(a, issuer.Certificate) // opening the key is not what is measured
	if err != nil {
		t.Fatal(err)
	}
	crls := NewIssuer(lab, time.Now)
	start := time.Now()
	if _, _, err := crls.current(t.Context(), a, true); err != nil {
		t.Fatal(err)
	}
	r.First = milliseconds(time.Since(start))
	records, err := lab.List(t.Context(), ca.Filter{Status: ca.Good, EndEntities: true, Limit: 9})
	if err != nil {
		t.Fatal(err)
	}
	var again, floor []time.Duration
	for _, one := range records {
		if _, err := lab.Revoke(t.Context(), one.Serial, "keyCompromise"); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		list, err := crls.Get(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		again = append(again, time.Since(start))
		r.Size = float64(list.Size) / 1e6
	}
	runtime.ReadMemStats(&memory)
	r.Heap = float64(memory.Sys) / 1e6
	r.Memory = peak("self")
	if err := crls.Flush(); err != nil {
		t.Fatal(err)
	}
	list, err := crls.Get(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	der, err := list.DER()
	if err != nil {
		t.Fatal(err)
	}
	for range records {
		start := time.Now()
		digest := sha256.Sum256(der)
		if _, err := signer.Sign(rand.Reader, digest[:], crypto.SHA256); err != nil {
			t.Fatal(err)
		}
		floor = append(floor, time.Since(start))
	}
	slices.Sort(again)
	slices.Sort(floor)
	r.Again, r.Floor = milliseconds(again[len(again)/2]), milliseconds(floor[len(floor)/2])
	return r
}

// bearX509 makes the CRL that is in the file with Go's own function.
func bearX509(t *testing.T, path string) (r born) {
	entries := readEntries(t, path)
	key, err := rsa.GenerateKey(rand.Reader, 4096)
	if err != nil {
		t.Fatal(err)
	}
	issuer := &x509.Certificate{RawSubject: []byte{0x30, 0}, SubjectKeyId: make([]byte, 20), KeyUsage: x509.KeyUsageCRLSign}
	template := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now(), NextUpdate: time.Now().Add(time.Hour), RevokedCertificateEntries: entries}
	start := time.Now()
	if _, err := x509.CreateRevocationList(rand.Reader, template, issuer, key); err != nil {
		t.Fatal(err)
	}
	r.First, r.Memory = milliseconds(time.Since(start)), peak("self")
	return r
}

// readEntries reads a CRL's entries one by one.
func readEntries(t testing.TB, path string) (entries []x509.RevocationListEntry) {
	list, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse(list, nil)
	if err != nil {
		t.Fatal(err)
	}
	for rest := cryptobyte.String(c.chunks[0].DER); !rest.Empty(); {
		var entry cryptobyte.String
		one := x509.RevocationListEntry{SerialNumber: new(big.Int)}
		if !rest.ReadASN1(&entry, cbasn1.SEQUENCE) || !entry.ReadASN1Integer(one.SerialNumber) || !der.ReadTime(&entry, &one.RevocationTime) {
			t.Fatal(errNotLabCRL)
		}
		entries = append(entries, one)
	}
	return entries
}

// gencrl has openssl make the CRL that is in the file.
func gencrl(b *testing.B, path string, n int) (r born) {
	b.Helper()
	dir := b.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	index, err := os.Create(in("index.txt"))
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriter(index)
	for i, e := range readEntries(b, path) {
		fmt.Fprintf(w, "R\t330101000000Z\t%s\t%s\tunknown\t/CN=%d\n", e.RevocationTime.UTC().Format("060102150405Z"), strings.ToUpper(hex.EncodeToString(e.SerialNumber.Bytes())), i)
	}
	if err := errors.Join(w.Flush(), index.Close()); err != nil {
		b.Fatal(err)
	}
	for name, content := range map[string]string{"crlnumber": "01\n", "ca.cnf": fmt.Sprintf("[ca]\ndefault_ca = d\n[d]\ndatabase = %s\ncrlnumber = %s\ncertificate = %s\nprivate_key = %s\ndefault_md = sha256\ndefault_crl_days = 6\nunique_subject = no\n",
		in("index.txt"), in("crlnumber"), in("ca.crt"), in("ca.key"))} {
		if err := os.WriteFile(in(name), []byte(content), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	run := func(args ...string) (took time.Duration, memory float64) {
		cmd := exec.Command("openssl", args...)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		start := time.Now()
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		for {
			select {
			case err := <-ended:
				if err != nil {
					b.Fatalf("%q: %v\n%s", args, err, out.Bytes())
				}
				return time.Since(start), memory
			case <-time.After(5 * time.Millisecond):
				memory = max(memory, peak(strconv.Itoa(cmd.Process.Pid)))
			}
		}
	}
	run("req", "-x509", "-newkey", "rsa:4096", "-nodes", "-keyout", in("ca.key"), "-out", in("ca.crt"), "-subj", "/CN=CA")
	took, memory := run("ca", "-gencrl", "-config", in("ca.cnf"), "-out", in("crl.pem"))
	return born{First: milliseconds(took), Memory: memory}
}

// seed makes a lab with RSA keys and n revoked certificates.
func seed(b *testing.B, home string, n int) {
	b.Helper()
	lab, err := lab.Create(home, lab.DefaultConfig(), lab.Options{})
	if err != nil {
		b.Fatal(err)
	}
	if err := lab.Lock(); err != nil {
		b.Fatal(err)
	}
	defer lab.Unlock()
	alain, err := fixtures.Find("alain")
	if err != nil {
		b.Fatal(err)
	}
	if err := lab.Seed(b.Context(), ca.IssueRequest{Product: alain.Product, Holder: alain.Holder}, n+1000, n); err != nil {
		b.Fatal(err)
	}
	if err := exec.Command("sync").Run(); err != nil { // what seeding has left to write is not what is measured
		b.Fatal(err)
	}
}
