package revocation

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

// What an answer that is kept costs, without HTTP.
func BenchmarkAnswerKept(b *testing.B) {
	l := newTestLab(b, 1)
	r := NewResponder(l.Lab, time.Now)
	l.now = time.Now()
	leaf, issuer := l.certificates(b, l.cards[0])
	request, err := ocsp.CreateRequest(leaf, issuer, nil)
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

// Answers with a nonce, each of which costs a signature, against the signatures alone, with the same key on as many
// goroutines. "of-raw" is the part of the key's speed that the responder makes use of; both are measured in turns.
func BenchmarkAnswerNonce(b *testing.B) {
	for _, key := range []string{"rsa2048", "p256"} {
		b.Run(key, func(b *testing.B) {
			l := newTestLab(b, 1)
			l.Config.OCSP.Key = key
			l.now = time.Now()
			r := NewResponder(l.Lab, time.Now)
			leaf, issuer := l.certificates(b, l.cards[0])
			plain, err := ocsp.CreateRequest(leaf, issuer, nil)
			if err != nil {
				b.Fatal(err)
			}
			request := withNonce(b, plain, append([]byte{4, 32}, make([]byte, 32)...))
			if err := r.Warm(b.Context(), l.issuing()); err != nil {
				b.Fatal(err)
			}
			signer := r.authorities.byID[l.issuing().ID()].delegate.Load().signer
			var raw, ours time.Duration
			var n int
			for b.Loop() {
				n += 500
				raw += onEveryCore(500, func() {
					digest := sha256.Sum256(request)
					if _, err := signer.Sign(rand.Reader, digest[:], crypto.SHA256); err != nil {
						b.Error(err)
					}
				})
				ours += onEveryCore(500, func() {
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
