package ecps

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"log/slog"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/ca/store/bolt"
)

// The persons of the tests.
const (
	alain   = "899700209812"
	cecile  = "899700075064"
	silent  = "899700041983" // no mail, no telephone
	charles = "30B0057881/CPET0002"
)

type testPeople map[string]Contact

func (p testPeople) Contact(_ context.Context, id string) (Contact, error) {
	c, ok := p[id]
	if !ok {
		return c, store.Errorf(store.NotFound, "no %s %q", "person", id)
	}
	return c, nil
}

type message struct{ To, Subject, Text string }

type outbox struct {
	mu   sync.Mutex
	sent []message
	fail error
}

func (o *outbox) add(m message) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fail != nil {
		return o.fail
	}
	o.sent = append(o.sent, m)
	return nil
}

func (o *outbox) Mail(_ context.Context, to, subject, text string) error {
	return o.add(message{to, subject, text})
}
func (o *outbox) SMS(_ context.Context, to, text string) error { return o.add(message{to, "", text}) }

// last is the last message.
func (o *outbox) last(t testing.TB) message {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.sent) == 0 {
		t.Fatal("nothing was sent")
	}
	return o.sent[len(o.sent)-1]
}

func (o *outbox) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.sent)
}

var (
	linkIn = regexp.MustCompile(`https://\S+`)
	codeIn = regexp.MustCompile(`\d{6}`)
)

// testSealer seals with AES-GCM.
type testSealer struct{ key [32]byte }

func (s testSealer) aead(purpose string) cipher.AEAD {
	key := sha256.Sum256(append(s.key[:], purpose...))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return aead
}

func (s testSealer) Seal(purpose string, plain []byte) ([]byte, error) {
	return s.aead(purpose).Seal(nil, nil, plain, nil), nil
}

func (s testSealer) Unseal(purpose string, sealed []byte) ([]byte, error) {
	if len(sealed) < 28 {
		return nil, errors.New("too short")
	}
	return s.aead(purpose).Open(nil, nil, sealed, nil)
}

// testLab is a service whose clock the test moves.
type testLab struct {
	*Service
	t      testing.TB
	ctx    context.Context
	outbox *outbox
	log    *bytes.Buffer
	mu     sync.Mutex
	clock  time.Time
}

func (l *testLab) now() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.clock
}

// move moves the clock forward.
func (l *testLab) move(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clock = l.clock.Add(d)
}

func newTestLab(t testing.TB, settings ...Settings) *testLab {
	t.Helper()
	l := &testLab{t: t, ctx: t.Context(), outbox: &outbox{}, log: &bytes.Buffer{},
		clock: time.Now().Truncate(time.Second)}
	records := bolt.Open(filepath.Join(t.TempDir(), "igc.db"), bolt.Options{})
	if err := records.Lock(time.Minute); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { records.Unlock() })
	var seal testSealer
	rand.Read(seal.key[:])
	options := Options{Documents: store.DocumentsOf(records, "test"), Messages: l.outbox, Seal: seal, Now: l.now,
		URL: func() string { return "https://localhost:8454/telephone/" },
		Log: slog.New(slog.NewTextHandler(l.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		People: testPeople{
			alain:   {alain, "ALAIN", "DODO0020981", "alain@medecin.example.fr", "+33 6 12 34 56 78"},
			cecile:  {cecile, "CECILE", "SAGECH0007506", "cecile@sf.example.fr", "06 98 76 54 32"},
			silent:  {ID: silent, GivenName: "GERALDINE", FamilyName: "DENTISTE"},
			charles: {charles, "CHARLES", "ADMINISTRATIF", "charles@hopital.example.fr", "0611223344"},
		}}
	if len(settings) > 0 {
		options.Settings = settings[0]
	}
	l.Service = New(options)
	return l
}

// active gives a person an e-CPS with the PIN 1234.
func (l *testLab) active(person string) *Device {
	l.t.Helper()
	d, err := l.Activate(l.ctx, "test", person, "1234")
	if err != nil {
		l.t.Fatal(err)
	}
	return d
}

func (l *testLab) ask(person string) *Request {
	l.t.Helper()
	r, err := l.Ask(l.ctx, Asked{Person: person, ClientID: "lgc", ClientName: "Mon logiciel"})
	if err != nil {
		l.t.Fatal(err)
	}
	return r
}

func (l *testLab) get(id string) *Request {
	l.t.Helper()
	r, err := l.Get(l.ctx, id)
	if err != nil {
		l.t.Fatal(err)
	}
	return r
}

// must fails the test on an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wants fails the test unless the error has that code.
func wants(t testing.TB, code Code, err error) {
	t.Helper()
	if CodeOf(err) != code {
		t.Fatalf("%v (%s), not %s", err, CodeOf(err), code)
	}
}

// wrongChoice is a choice that is not the number.
func wrongChoice(r *Request) string {
	for _, n := range r.Choices {
		if n != r.Number {
			return n
		}
	}
	return ""
}

// token is the content of the QR code of an address.
func token(address string) string {
	_, t, _ := strings.Cut(address, "jeton=")
	return t
}
