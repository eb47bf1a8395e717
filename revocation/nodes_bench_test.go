package revocation

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	xocsp "golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/postgrestest"
	"github.com/igc-lab/igc/lab"
)

// largeLab is a lab with so many certificates that nobody signed, in a file or, with an address, in
// a database. The records are some good certificates from all over it.
func largeLab(b *testing.B, store string, certificates, wanted int) (l *testLab, records []*ca.Record) {
	b.Helper()
	config := lab.DefaultConfig()
	if config.Key = ca.P256; store != "" {
		config.Store = store
	}
	made, err := lab.Create(filepath.Join(b.TempDir(), "lab"), config, lab.Options{})
	if err != nil {
		b.Fatal(err)
	}
	if err := made.Lock(); err != nil {
		b.Fatal(err)
	}
	l = &testLab{&labtest.CardLab{Lab: made, Now: time.Now()}}
	alain, err := fixtures.Find("alain")
	if err != nil {
		b.Fatal(err)
	}
	request := ca.IssueRequest{Product: alain.Product, Holder: alain.Holder}
	if err := made.Seed(b.Context(), request, certificates, certificates/10); err != nil {
		b.Fatal(err)
	}
	const each = 100
	for i := range wanted / each {
		some, err := made.List(b.Context(), ca.Filter{Status: ca.Good, EndEntities: true, Limit: each,
			After: 10 + uint64(certificates/(wanted/each)*i)})
		if err != nil {
			b.Fatal(err)
		}
		records = append(records, some...)
	}
	return l, records
}

// nodeHome makes the home of another machine of a lab.
func nodeHome(b *testing.B, l *testLab) string {
	b.Helper()
	home := filepath.Join(b.TempDir(), "node")
	if err := os.Mkdir(home, 0o700); err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"igc.yaml", "passphrase"} {
		labtest.Write(b, filepath.Join(home, name), []byte(labtest.Read(b, filepath.Join(l.Home, name))))
	}
	return home
}

// getsOf are requests for the status of certificates.
func getsOf(b *testing.B, l *testLab, records []*ca.Record) (gets [][]byte) {
	b.Helper()
	_, issuer := l.Certificates(b, records[0])
	for _, r := range records {
		leaf, err := r.Certificate()
		if err != nil {
			b.Fatal(err)
		}
		id := labtest.CertID(b, leaf, issuer)
		gets = append(gets, labtest.OCSPGet(labtest.OCSPRequest(nil, [][]byte{id}, nil, nil)))
	}
	return gets
}

// One, two and three nodes on PostgreSQL beside one on a file, with IGC_SCALE certificates each
// (10,000). They take turns under the same load, over loopback, of kept OCSP answers and of the
// CRL. All servers share one core, and the load has another: that k nodes have the rate "of-file"
// of one says that a node costs the others nothing, so that one on a machine of its own adds what
// the first one gives. "-cpu" compares answers for each second of the servers' processor time.
func BenchmarkNodes(b *testing.B) {
	scale := number(b, "IGC_SCALE", 10_000)
	file, records := largeLab(b, "", scale, 1000)
	fileGets := getsOf(b, file, records)
	fileCRL := crlGet(file)
	if err := file.Unlock(); err != nil {
		b.Fatal(err)
	}
	shared, records := largeLab(b, postgrestest.Database(b), scale, 1000)
	defer shared.Unlock()
	sharedGets, sharedCRL := getsOf(b, shared, records), crlGet(shared)

	single := startServer(b, "publication", file.Home)
	defer single.stop()
	nodes := make([]*process, 3)
	for i := range nodes {
		nodes[i] = startServer(b, "publication", nodeHome(b, shared))
		defer nodes[i].stop()
	}
	share(b, append([]*process{single}, nodes...)...)

	for _, work := range []struct {
		name         string
		file, shared [][]byte
	}{{"OCSP", fileGets, sharedGets}, {"CRL", [][]byte{fileCRL}, [][]byte{sharedCRL}}} {
		b.Run(work.name, func(b *testing.B) {
			single.askAll(b, work.file)
			for _, n := range nodes {
				n.askAll(b, work.shared)
			}
			var all [4]figures // the file, and one to three nodes
			for b.Loop() {
				const turns = 4
				for range turns {
					all[0] = all[0].plus(single.load(b, work.file, 12, seconds(b)/turns))
					for k := 1; k <= len(nodes); k++ {
						all[k] = all[k].plus(loadAll(b, nodes[:k], work.shared, 12/k, seconds(b)/turns))
					}
				}
			}
			b.ReportMetric(0, "ns/op")
			for k, f := range all {
				name := "file"
				if k > 0 {
					name = fmt.Sprintf("%d-nodes", k)
				}
				b.Logf("%-8s %s", name, f)
				if f.errors > 0 || f.answers == 0 {
					b.Errorf("%s: %d answers, %d errors", name, f.answers, f.errors)
				}
				if k > 0 {
					b.ReportMetric(f.rate()/all[0].rate(), name+"-of-file")
					b.ReportMetric(f.rateOfCPU()/all[0].rateOfCPU(), name+"-of-file-cpu")
				}
			}
		})
	}
}

func crlGet(l *testLab) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", l.Issuing().CRLPath())
}

// loadAll is load of several servers at once.
func loadAll(b *testing.B, servers []*process, requests [][]byte, connections int, d time.Duration) (sum figures) {
	b.Helper()
	all := make(chan figures)
	for _, p := range servers {
		go func() { all <- p.load(b, requests, connections, d) }()
	}
	for range servers {
		f := <-all
		took, latencies := max(sum.took, f.took), append(sum.latencies, f.latencies...)
		sum = sum.plus(f)
		sum.took, sum.latencies = took, latencies
	}
	slices.Sort(sum.latencies)
	return sum
}

// How long a revocation takes with three nodes on PostgreSQL that keep answers of all
// certificates: until it is acknowledged, and until each of them says revoked. In a lab of
// IGC_SCALE certificates (10,000), and in one of 1,000, which take turns.
func BenchmarkRevocationSeen(b *testing.B) {
	type side struct {
		lab     *testLab
		records []*ca.Record
		gets    [][]byte
		nodes   []*process
		took    [2][]time.Duration
	}
	var sides [2]side
	for i, n := range []int{1000, number(b, "IGC_SCALE", 10_000)} {
		s := &sides[i]
		s.lab, s.records = largeLab(b, postgrestest.Database(b), n, 400)
		defer s.lab.Unlock()
		s.gets = getsOf(b, s.lab, s.records)
		for range 3 {
			p := startServer(b, "publication", nodeHome(b, s.lab))
			defer p.stop()
			p.askAll(b, s.gets)
			s.nodes = append(s.nodes, p)
		}
	}
	done := 0
	for b.Loop() {
		for turn := range 2 {
			s := &sides[(turn+done)%2]
			if done >= len(s.records) {
				b.Fatalf("nothing is left to revoke: give -benchtime %dx", len(s.records))
			}
			begun := time.Now()
			if _, err := s.lab.Revoke(b.Context(), s.records[done].Serial, "keyCompromise"); err != nil {
				b.Fatal(err)
			}
			s.took[0] = append(s.took[0], time.Since(begun))
			for _, p := range s.nodes {
				for !saysRevoked(b, p, s.gets[done]) {
				}
			}
			s.took[1] = append(s.took[1], time.Since(begun))
		}
		done++
	}
	b.ReportMetric(0, "ns/op")
	for k, name := range []string{"acknowledged", "seen"} {
		small, large := median(sides[0].took[k]), median(sides[1].took[k])
		b.ReportMetric(float64(large.Microseconds())/1000, name+"-ms")
		b.ReportMetric(float64(large)/float64(small), name+"-large/small")
	}
}

func median(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2]
}

// saysRevoked asks a node for the status of a certificate.
func saysRevoked(b *testing.B, p *process, get []byte) bool {
	b.Helper()
	c := &client{address: p.address}
	defer c.close()
	if status, err := c.do(get); err != nil || status != 200 {
		b.Fatalf("%d, %v", status, err)
	}
	answer, err := xocsp.ParseResponse(c.body, nil)
	if err != nil {
		b.Fatal(err)
	}
	return answer.Status == xocsp.Revoked
}

// share gives the servers the machine's first core and the load the second, where there are two.
func share(b *testing.B, servers ...*process) {
	b.Helper()
	taskset, err := exec.LookPath("taskset")
	if runtime.NumCPU() < 2 || err != nil {
		b.Log("SKIPPED: servers and load are not on cores of their own: that takes taskset and two cores")
		return
	}
	pin := func(core string, pid int) {
		if out, err := exec.Command(taskset, "-a", "-p", "-c", core, strconv.Itoa(pid)).CombinedOutput(); err != nil {
			b.Fatalf("taskset: %v: %s", err, out)
		}
	}
	for _, p := range servers {
		pin("0", p.cmd.Process.Pid)
	}
	pin("1", os.Getpid())
	b.Cleanup(func() { pin(fmt.Sprintf("0-%d", runtime.NumCPU()-1), os.Getpid()) })
}
