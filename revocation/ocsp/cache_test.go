package ocsp

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	xocsp "golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/der"
	"github.com/igc-lab/igc/internal/labtest"
)

// slow is a responder's key that signs when it is told to.
type slow struct {
	crypto.Signer
	begun chan struct{} // one for each signature begun
	sign  chan error    // one for each signature to be made, or to fail
}

func (s *slow) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	s.begun <- struct{}{}
	if err := <-s.sign; err != nil {
		return nil, err
	}
	return s.Signer.Sign(rand, digest, opts)
}

// slowResponder is a responder of the cards whose signatures wait for the test, as many of them at
// once as may be.
func slowResponder(t testing.TB, l *testLab) (*Responder, *slow) {
	t.Helper()
	r := newResponder(t, l.Lab, l.Clock())
	r.slots = make(chan struct{}, 100)
	if err := r.Warm(t.Context(), l.Issuing()); err != nil {
		t.Fatal(err)
	}
	a := r.authorities.byID[l.Issuing().ID()]
	d := *a.delegate.Load()
	s := &slow{d.signer, make(chan struct{}, 100), make(chan error, 100)}
	d.signer = s
	a.delegate.Store(&d)
	return r, s
}

// What is kept: an answer about one certificate without a nonce, for half of its hour, until its
// status changes.
func TestKept(t *testing.T) {
	l := newTestLab(t, 2)
	r := newResponder(t, l.Lab, l.Clock())
	leaf, issuer := l.Certificates(t, l.Cards[0])
	other, _ := l.Certificates(t, l.Cards[1])
	plain := labtest.OCSPRequest(nil, [][]byte{l.CertID(t, 0)}, nil, nil)
	named := labtest.OCSPRequest(der.Element(der.Explicit(1), der.Element(0x82, []byte("me"))), [][]byte{l.CertID(t, 0)}, nil, nil)
	nonce := labtest.WithNonce(t, plain, labtest.Nonce(32))
	both := labtest.OCSPRequest(nil, [][]byte{l.CertID(t, 0), l.CertID(t, 1)}, nil, nil)
	never := *leaf
	never.SerialNumber = big.NewInt(7)
	askAll := func() {
		for _, hash := range []crypto.Hash{crypto.SHA1, crypto.SHA256} {
			l.ask(t, r, leaf, issuer, hash)
			l.ask(t, r, other, issuer, hash)
		}
	}
	for _, step := range []struct {
		name                   string
		do                     func()
		signatures, hits, kept int
	}{
		{"asked for the first time", func() { r.Answer(t.Context(), plain) }, 1, 0, 1},
		{"asked again", func() { r.Answer(t.Context(), plain) }, 0, 1, 1},
		{"asked by one who says its name", func() { r.Answer(t.Context(), named) }, 0, 1, 1},
		{"with a nonce, twice", func() { r.Answer(t.Context(), nonce); r.Answer(t.Context(), nonce) }, 2, 0, 1},
		{"two at once, twice", func() { r.Answer(t.Context(), both); r.Answer(t.Context(), both) }, 2, 0, 1},
		{"never issued, twice", func() { l.ask(t, r, &never, issuer, crypto.SHA1); l.ask(t, r, &never, issuer, crypto.SHA1) }, 2, 0, 1},
		{"malformed", func() { r.Answer(t.Context(), plain[:9]) }, 0, 0, 1},
		{"two certificates by two hashes", askAll, 3, 1, 4},
		{"a moment before half of the hour", func() { l.Now = l.Now.Add(30*time.Minute - time.Second); askAll() }, 0, 4, 4},
		{"half of the hour", func() { l.Now = l.Now.Add(time.Second); askAll() }, 4, 0, 4},
		{"the clock set back", func() { l.Now = l.Now.Add(-time.Second); askAll() }, 4, 0, 4},
		{"one revoked, by both hashes", func() {
			if _, err := l.Revoke(t.Context(), l.Cards[0].Serial, "superseded"); err != nil {
				t.Fatal(err)
			}
		}, 0, 0, 2},
		{"asked after it", askAll, 2, 2, 4},
	} {
		before := r.Counts()
		step.do()
		after := r.Counts()
		if n := int(after.Signatures - before.Signatures); n != step.signatures {
			t.Errorf("%s: %d signatures, want %d", step.name, n, step.signatures)
		}
		if n := int(after.Hits - before.Hits); n != step.hits {
			t.Errorf("%s: %d hits, want %d", step.name, n, step.hits)
		}
		if after.Kept != step.kept {
			t.Errorf("%s: %d kept, want %d", step.name, after.Kept, step.kept)
		}
	}
	if c := r.Counts(); c.Good != 27 || c.Revoked != 2 || c.Unknown != 2 || c.Malformed != 1 || c.TryLater+c.InternalError+c.Unauthorized != 0 {
		t.Errorf("%+v", c)
	}
}

// However many certificates are asked for, no more answers are kept than igc.yaml says; 0 keeps
// none.
func TestKeptIsBounded(t *testing.T) {
	for _, max := range []int{3, 0} {
		l := newTestLab(t, 8)
		l.Config.OCSP.Keep = max
		r := newResponder(t, l.Lab, l.Clock())
		for i := range l.Cards {
			leaf, issuer := l.Certificates(t, l.Cards[i])
			l.ask(t, r, leaf, issuer, crypto.SHA1)
			if kept := r.Counts().Kept; kept != min(i+1, max) {
				t.Errorf("%d kept after %d, at most %d", kept, i+1, max)
			}
			if before := r.Counts().Signatures; max > 0 {
				if l.ask(t, r, leaf, issuer, crypto.SHA1); r.Counts().Signatures != before {
					t.Error("the last one is not kept")
				}
			}
		}
	}
}

// Many who ask the same at once wait for one signature; when it fails all hear so, and the next one
// tries again.
func TestOneSignatureForMany(t *testing.T) {
	l := newTestLab(t, 1)
	r, key := slowResponder(t, l)
	request := labtest.OCSPRequest(nil, [][]byte{l.CertID(t, 0)}, nil, nil)
	for _, outcome := range []error{errors.New("the key broke"), nil} {
		const askers = 50
		var wg sync.WaitGroup
		var refused, answered, told atomic.Int64
		for range askers {
			wg.Go(func() {
				der, err := r.Answer(t.Context(), request)
				if err != nil {
					told.Add(1)
				}
				if bytes.Equal(der, internalError.refusal()) {
					refused.Add(1)
				} else if len(der) > 100 {
					answered.Add(1)
				}
			})
		}
		<-key.begun
		time.Sleep(20 * time.Millisecond) // most of them have come
		key.sign <- outcome
		if outcome != nil { // who came after the failure tries again
			done := make(chan struct{})
			go func() { wg.Wait(); close(done) }()
			for waiting := true; waiting; {
				select {
				case <-key.begun:
					key.sign <- outcome
				case <-done:
					waiting = false
				}
			}
			if refused.Load() != askers || told.Load() == 0 || r.Counts().Kept != 0 {
				t.Errorf("a failed signature: %d of %d refused, %d errors, %d kept", refused.Load(), askers, told.Load(), r.Counts().Kept)
			}
			continue
		}
		wg.Wait()
		if c := r.Counts(); answered.Load() != askers || c.Signatures != 1 || c.Hits != askers-1 {
			t.Errorf("%d answered, %d signatures, %d hits", answered.Load(), c.Signatures, c.Hits)
		}
	}
}

// When too many signatures wait, who comes next is told tryLater; what is kept is still given.
func TestTryLater(t *testing.T) {
	l := newTestLab(t, 2)
	r, key := slowResponder(t, l)
	keptRequest := labtest.OCSPRequest(nil, [][]byte{l.CertID(t, 0)}, nil, nil)
	key.sign <- nil
	if der, err := r.Answer(t.Context(), keptRequest); err != nil || len(der) < 100 {
		t.Fatal(der, err)
	}
	r.maxWaiting = 3
	request := labtest.WithNonce(t, labtest.OCSPRequest(nil, [][]byte{l.CertID(t, 1)}, nil, nil), labtest.Nonce(8))
	var wg sync.WaitGroup
	for range r.maxWaiting {
		wg.Go(func() {
			if der, err := r.Answer(t.Context(), request); err != nil || len(der) < 100 {
				t.Errorf("who waited in time: %x, %v", der, err)
			}
		})
	}
	for range r.maxWaiting + 1 { // the first is the kept one's
		<-key.begun
	}
	if der, err := r.Answer(t.Context(), request); err != nil || !bytes.Equal(der, tryLater.refusal()) {
		t.Errorf("one too many: %x, %v", der, err)
	}
	if der, err := r.Answer(t.Context(), keptRequest); err != nil || len(der) < 100 {
		t.Errorf("what is kept: %x, %v", der, err)
	}
	for range r.maxWaiting {
		key.sign <- nil
	}
	wg.Wait()
	if c := r.Counts(); c.TryLater != 1 || c.Waiting != 0 {
		t.Errorf("%+v", c)
	}
}

// A signature that was under way when the certificate was revoked says what was true when it was
// asked for; it is neither kept nor given to anyone who asks after the revocation.
func TestRevokedWhileSigning(t *testing.T) {
	l := newTestLab(t, 1)
	r, key := slowResponder(t, l)
	leaf, issuer := l.Certificates(t, l.Cards[0])
	status := func() int { return l.ask(t, r, leaf, issuer, crypto.SHA1).Status }
	first := make(chan int)
	go func() { first <- status() }()
	<-key.begun // the status is read, and good
	if _, err := l.Revoke(t.Context(), l.Cards[0].Serial, "keyCompromise"); err != nil {
		t.Fatal(err)
	}
	second := make(chan int)
	go func() { second <- status() }()
	<-key.begun // it does not wait for the first
	key.sign <- nil
	key.sign <- nil
	if a, b := <-first, <-second; a != xocsp.Good || b != xocsp.Revoked {
		t.Errorf("asked before: status %d, asked after: status %d", a, b)
	}
	if again := status(); again != xocsp.Revoked || r.Counts().Hits != 1 {
		t.Errorf("asked again: status %d, %d hits", again, r.Counts().Hits)
	}
}

// Whoever asks after Revoke returned is told so, with many asking and many being revoked.
func TestRevocationsAtOnce(t *testing.T) {
	const cards = 24
	l := newTestLab(t, cards)
	r := newResponder(t, l.Lab, l.Clock())
	var done [cards]atomic.Bool
	var stop atomic.Bool
	var askers, revokers sync.WaitGroup
	var asked atomic.Int64
	for range 8 {
		askers.Go(func() {
			for !stop.Load() {
				i := rand.IntN(cards)
				leaf, issuer := l.Certificates(t, l.Cards[i])
				hash := []crypto.Hash{crypto.SHA1, crypto.SHA256}[rand.IntN(2)]
				was := done[i].Load()
				if got := l.ask(t, r, leaf, issuer, hash); was && got.Status != xocsp.Revoked {
					t.Errorf("card %d: status %d after it was revoked", i, got.Status)
				}
				asked.Add(1)
			}
		})
	}
	for i, card := range l.Cards {
		revokers.Go(func() {
			time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
			if _, err := l.Revoke(t.Context(), card.Serial, "keyCompromise"); err != nil {
				t.Error(err)
			}
			done[i].Store(true)
		})
	}
	revokers.Wait()
	time.Sleep(50 * time.Millisecond)
	stop.Store(true)
	askers.Wait()
	c := r.Counts()
	t.Logf("%d answers, %d signatures, %d hits", asked.Load(), c.Signatures, c.Hits)
	if c.Hits == 0 || c.Revoked == 0 || c.Good == 0 {
		t.Errorf("the test asked for nothing: %+v", c)
	}
}

// What an unknown becomes when it is issued is seen at once: it was never kept.
func TestIssuedAfterUnknown(t *testing.T) {
	l := newTestLab(t, 1)
	r := newResponder(t, l.Lab, l.Clock())
	_, issuer := l.Certificates(t, l.Cards[0])
	for _, known := range []bool{false, true} {
		l.Config.OCSP.NeverIssued = map[bool]string{false: "unknown", true: "revoked"}[known]
		never, _ := l.Certificates(t, l.Cards[0])
		never.SerialNumber = big.NewInt(0x1234567)
		for range 2 {
			l.ask(t, r, never, issuer, crypto.SHA1)
		}
		if c := r.Counts(); c.Kept != 0 || c.Hits != 0 {
			t.Errorf("%s is kept: %+v", fmt.Sprint(l.Config.OCSP.NeverIssued), c)
		}
	}
	// a record that comes from elsewhere, or makes no sense, harms nothing
	r.StatusChanged(store.Change{Authority: "ACI-FO-PP", Serial: "no number"})
	r.StatusChanged(store.Change{Authority: "nobody", Serial: "01"})
}
