package lab

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
)

// benchCards is how many cards the benchmark makes: IGC_CARDS, else a few.
func benchCards(b *testing.B) int {
	if s := os.Getenv("IGC_CARDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			b.Fatal(err)
		}
		return n
	}
	return 50
}

// Cards with faithful keys, against the floor: the same number of RSA 2048 keys and RSA 4096
// signatures on all cores and nothing else, in the same run. "of-floor" is the floor's time over
// ours: 1 would be no cost at all. The two take turns, block after block, so that a machine that
// slows down slows both.
func BenchmarkCards(b *testing.B) {
	n := benchCards(b)
	lab, err := Create(b.TempDir(), DefaultConfig(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	if err := lab.Lock(); err != nil {
		b.Fatal(err)
	}
	defer lab.Unlock()
	order := ca.CardOrder{IssueRequest: ca.IssueRequest{Product: "cps", Holder: alain}, Key: ca.Faithful, PIN: "1234"}
	if _, _, err := ca.MakeCard(b.Context(), lab, lab.Home, order); err != nil { // authorities made, key open
		b.Fatal(err)
	}
	authority, err := rsa.GenerateKey(rand.Reader, 4096)
	if err != nil {
		b.Fatal(err)
	}
	bare := func(n int) {
		work := make(chan struct{})
		var wg sync.WaitGroup
		for range runtime.GOMAXPROCS(0) {
			wg.Go(func() {
				for range work {
					if _, err := rsa.GenerateKey(rand.Reader, 2048); err != nil {
						b.Error(err)
					}
					digest := sha256.Sum256(nil)
					if _, err := rsa.SignPKCS1v15(rand.Reader, authority, crypto.SHA256, digest[:]); err != nil {
						b.Error(err)
					}
				}
			})
		}
		for range 2 * n {
			work <- struct{}{}
		}
		close(work)
		wg.Wait()
	}
	cards := func(n int) {
		orders := make([]ca.CardOrder, n)
		for i := range orders {
			orders[i] = order
		}
		if err := ca.MakeCards(b.Context(), lab, lab.Home, orders, func(int, *ca.CardFile, string) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	var floor, ours, floorCPU, oursCPU time.Duration
	timed := func(n int, do func(int), wall, cpu *time.Duration) {
		start, used := time.Now(), processTime()
		do(n)
		*wall, *cpu = *wall+time.Since(start), *cpu+processTime()-used
	}
	for b.Loop() {
		for done, swap := 0, false; done < n; swap = !swap {
			block := min(100, n-done)
			if done += block; swap {
				timed(block, cards, &ours, &oursCPU)
			}
			timed(block, bare, &floor, &floorCPU)
			if !swap {
				timed(block, cards, &ours, &oursCPU)
			}
		}
	}
	b.ReportMetric(float64(floor)/float64(ours), "of-floor")
	b.ReportMetric(float64(floorCPU)/float64(oursCPU), "of-floor-cpu")
	b.ReportMetric(float64(oursCPU-floorCPU)/float64(n*b.N)/1e6, "beyond-ms/card")
	b.ReportMetric(float64(2*n*b.N)/ours.Seconds(), "certificates/s")
}

// processTime is the processor time that this process has used.
func processTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// What one card costs beyond its keys and signatures: all but those is measured by giving the keys
// and a fast authority.
func BenchmarkIssueP256(b *testing.B) {
	lab, err := Create(b.TempDir(), fastConfig(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	if err := lab.Lock(); err != nil {
		b.Fatal(err)
	}
	defer lab.Unlock()
	req := cps(b)
	if _, err := lab.Issue(b.Context(), req); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := lab.Issue(b.Context(), req); err != nil {
			b.Fatal(err)
		}
	}
}
