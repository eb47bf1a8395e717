package ca

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"
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

// Cards with faithful keys, against the floor: the same number of RSA 2048 keys and RSA 4096 signatures on all cores and
// nothing else, in the same run. "of-floor" is the floor's time over ours: 1 would be no cost at all.
func BenchmarkCards(b *testing.B) {
	n := benchCards(b)
	lab, err := Create(b.TempDir(), DefaultConfig(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	if err := lab.Hold(); err != nil {
		b.Fatal(err)
	}
	defer lab.Release()
	order := CardOrder{IssueRequest: IssueRequest{Product: "cps", Holder: alain}, Key: Faithful, PIN: "1234"}
	if _, _, err := MakeCard(b.Context(), lab, lab.Home, order); err != nil { // authorities made, key open
		b.Fatal(err)
	}
	authority, err := rsa.GenerateKey(rand.Reader, 4096)
	if err != nil {
		b.Fatal(err)
	}
	orders := make([]CardOrder, n)
	for i := range orders {
		orders[i] = order
	}
	var floor, ours time.Duration
	for b.Loop() {
		start := time.Now()
		work := make(chan struct{})
		var wg sync.WaitGroup
		for range runtime.GOMAXPROCS(0) {
			wg.Go(func() {
				for range work {
					for range 2 {
						if _, err := rsa.GenerateKey(rand.Reader, 2048); err != nil {
							b.Error(err)
						}
						digest := sha256.Sum256(nil)
						if _, err := rsa.SignPKCS1v15(rand.Reader, authority, crypto.SHA256, digest[:]); err != nil {
							b.Error(err)
						}
					}
				}
			})
		}
		for range n {
			work <- struct{}{}
		}
		close(work)
		wg.Wait()
		floor += time.Since(start)

		start = time.Now()
		if err := MakeCards(b.Context(), lab, lab.Home, orders, func(int, *CardFile, string) error { return nil }); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(start)
	}
	b.ReportMetric(float64(floor)/float64(ours), "of-floor")
	b.ReportMetric(float64(2*n*b.N)/ours.Seconds(), "certificates/s")
}

// What one card costs beyond its keys and signatures: all but those is measured by giving the keys and a fast authority.
func BenchmarkIssueP256(b *testing.B) {
	lab, err := Create(b.TempDir(), fastConfig(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	if err := lab.Hold(); err != nil {
		b.Fatal(err)
	}
	defer lab.Release()
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
