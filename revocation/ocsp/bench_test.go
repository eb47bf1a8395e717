package ocsp

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	xocsp "golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/internal/labtest"
)

// What an answer that is kept costs, without HTTP.
func BenchmarkAnswerKept(b *testing.B) {
	l := newTestLab(b, 1)
	r := newResponder(b, l.Lab, time.Now)
	l.Now = time.Now()
	leaf, issuer := l.Certificates(b, l.Cards[0])
	request, err := xocsp.CreateRequest(leaf, issuer, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Answer(b.Context(), request); err != nil {
			b.Fatal(err)
		}
	}
	if c := r.Counts(); c.Signatures != 1 || c.Hits < uint64(b.N-1) {
		b.Errorf("%d signatures, %d hits", c.Signatures, c.Hits)
	}
}

// Answers with a nonce, each of which costs a signature, against the signatures alone, with the
// same key on as many goroutines. "of-raw" is the part of the key's speed that the responder makes
// use of; both are measured in turns.
func BenchmarkAnswerNonce(b *testing.B) {
	for key, turn := range map[string]int{"rsa2048": 50, "p256": 2000} { // short turns: what else the machine does harms both alike
		b.Run(key, func(b *testing.B) {
			l := newTestLab(b, 1)
			l.Config.OCSP.Key = key
			l.Now = time.Now()
			r := newResponder(b, l.Lab, time.Now)
			leaf, issuer := l.Certificates(b, l.Cards[0])
			plain, err := xocsp.CreateRequest(leaf, issuer, nil)
			if err != nil {
				b.Fatal(err)
			}
			request := labtest.WithNonce(b, plain, append([]byte{4, 32}, make([]byte, 32)...))
			if err := r.Warm(b.Context(), l.Issuing()); err != nil {
				b.Fatal(err)
			}
			signer := r.authorities.byID[l.Issuing().ID()].delegate.Load().signer
			var raw, ours time.Duration
			var n int
			for b.Loop() {
				n += turn
				raw += onEveryCore(turn, func() {
					digest := sha256.Sum256(request)
					if _, err := signer.Sign(rand.Reader, digest[:], crypto.SHA256); err != nil {
						b.Error(err)
					}
				})
				ours += onEveryCore(turn, func() {
					if _, err := r.Answer(b.Context(), request); err != nil {
						b.Error(err)
					}
				})
			}
			b.ReportMetric(float64(n)/raw.Seconds(), "raw/s")
			b.ReportMetric(float64(n)/ours.Seconds(), "answers/s")
			b.ReportMetric(raw.Seconds()/ours.Seconds(), "of-raw")
		})
	}
}

// onEveryCore does it n times on as many goroutines as there are cores.
func onEveryCore(n int, do func()) time.Duration {
	start := time.Now()
	var left atomic.Int64
	left.Store(int64(n))
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				do()
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}
