package storetest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca/store"
)

// placeEnv makes a process of the test the one to be killed: it writes to the store of that place,
// from a number on.
const placeEnv, fromEnv = "IGC_STORETEST_PLACE", "IGC_STORETEST_FROM"

// Main runs a driver's tests or, in the process that [Kills] or [Frozen] starts, what that does.
func Main(m *testing.M, d Driver) {
	if place := os.Getenv(placeEnv); place != "" {
		do := write
		if os.Getenv(holderEnv) != "" {
			do = hold
		}
		if err := do(d, place); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// write writes for ever, four at a time, and prints each write that the store has confirmed.
func write(d Driver, place string) error {
	var from uint64
	fmt.Sscan(os.Getenv(fromEnv), &from)
	s, err := d.Open(place, nil)
	if err != nil {
		return err
	}
	var next atomic.Uint64
	next.Store(from)
	var mu sync.Mutex
	confirm := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Printf(format+"\n", args...) // one write: a line is whole or not there
	}
	errs := make(chan error)
	for range 4 {
		go func() {
			for {
				if err := writeOne(s, next.Add(1), confirm); err != nil {
					errs <- err
				}
			}
		}()
	}
	return <-errs
}

// writeOne writes one of each kind.
func writeOne(s store.Store, n uint64, confirm func(string, ...any)) error {
	ctx := context.Background()
	if err := s.Update(ctx, actor, func(tx store.Tx) error { return tx.AddCertificate(record(n)) }); err != nil {
		return err
	}
	confirm("certificate %d", n)
	if n%2 == 0 {
		v := &store.Revocation{At: time.Now(), Reason: "superseded"}
		if err := s.Update(ctx, actor, func(tx store.Tx) error { return tx.SetStatus(record(n).Key(), v) }); err != nil {
			return err
		}
		confirm("revoked %d", n)
	}
	var state store.CRLState
	if err := s.Update(ctx, actor, func(tx store.Tx) (err error) {
		state, err = tx.NextCRL(authority, store.CRLRequest{Full: true, Due: n%5 == 0, Form: store.FaithfulCRL})
		return err
	}); err != nil {
		return err
	}
	confirm("crl %d", state.Number)
	d := store.Documents{Store: store.DocumentsOf(s, "test"),
		Kind: store.DocumentKind{Name: "written", Audited: n%3 == 0}}
	version, err := d.Put(ctx, actor, fmt.Sprint(n), fmt.Append(nil, n), time.Time{})
	if err != nil {
		return err
	}
	confirm("document %d %d", n, version)
	return nil
}

// confirmed is what the killed processes were told is written.
type confirmed struct {
	certificates, revoked map[uint64]bool
	documents             map[uint64]uint64
	crl, last             uint64
}

func (c *confirmed) line(text string) {
	var n, version uint64
	switch {
	case strings.HasPrefix(text, "certificate "):
		fmt.Sscanf(text, "certificate %d", &n)
		c.certificates[n], c.last = true, max(c.last, n)
	case strings.HasPrefix(text, "revoked "):
		fmt.Sscanf(text, "revoked %d", &n)
		c.revoked[n] = true
	case strings.HasPrefix(text, "crl "):
		fmt.Sscanf(text, "crl %d", &n)
		c.crl = max(c.crl, n)
	case strings.HasPrefix(text, "document "):
		fmt.Sscanf(text, "document %d %d", &n, &version)
		c.documents[n] = version
	}
}

// Kills kills a process that writes, so many times, each time at another moment, and then looks
// whether all that was confirmed is there, and whether the feed is whole.
func Kills(t *testing.T, d Driver, kills int) {
	place := filepath.Join(t.TempDir(), "store")
	s, err := d.Open(place, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Update(t.Context(), actor, func(tx store.Tx) error { return tx.AddAuthority(authority, record(0).DER) }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	c := &confirmed{certificates: map[uint64]bool{}, revoked: map[uint64]bool{}, documents: map[uint64]uint64{}}
	for range kills {
		killOnce(t, place, c)
		verify(t, d, place, c)
	}
	if len(c.certificates) < kills {
		t.Errorf("%d certificates in %d runs: the test saw too little", len(c.certificates), kills)
	}
	t.Logf("%d kills: %d certificates, %d revocations, %d documents, CRL number %d", kills, len(c.certificates), len(c.revoked), len(c.documents), c.crl)
}

// killOnce kills a writer after some hundred lines at most, at a random one.
func killOnce(t *testing.T, place string, c *confirmed) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), placeEnv+"="+place, fmt.Sprintf("%s=%d", fromEnv, c.last+100))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines, end := bufio.NewReader(out), 1+rand.IntN(100)
	for i := 0; ; i++ {
		if i == end {
			time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond) // not at the line's own moment
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		text, err := lines.ReadString('\n') // what was printed before the kill is read to its end
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		c.line(strings.TrimSuffix(text, "\n"))
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the writer ended by itself")
	}
}

func verify(t *testing.T, d Driver, place string, c *confirmed) {
	t.Helper()
	s, err := d.Open(place, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	changes, err := readFeed(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	issued, crl := map[string]bool{}, uint64(0)
	for _, change := range changes {
		switch change.Kind {
		case store.CertificateIssued:
			if issued[change.Serial] {
				t.Fatalf("%s was issued twice", change.Serial)
			}
			issued[change.Serial] = true
		case store.CRLIssued:
			if change.CRL <= crl {
				t.Fatalf("CRL number %d after %d", change.CRL, crl)
			}
			crl = change.CRL
		}
	}
	err = s.View(t.Context(), func(r store.Reader) error {
		for n := range c.certificates {
			if _, err := r.Certificate(record(n).Key()); err != nil || !issued[record(n).Serial] {
				t.Errorf("certificate %d was confirmed: %v, in the feed %v", n, err, issued[record(n).Serial])
			}
		}
		recorded := 0
		for serial, st := range r.Statuses(authority) {
			recorded++
			if key := (store.Key{Authority: authority, Serial: serial}); !issued[fmt.Sprintf("%X", serial)] || !st.Certificate {
				t.Errorf("%s is recorded and not in the feed", key)
			}
		}
		if recorded != len(issued) {
			t.Errorf("%d certificates are recorded, and %d in the feed", recorded, len(issued))
		}
		for n := range c.revoked {
			if r.Status(record(n).Key()).Revoked == nil {
				t.Errorf("the revocation of %d was confirmed", n)
			}
		}
		for n, version := range c.documents {
			if doc, err := r.Document("written", fmt.Sprint(n)); err != nil || doc.Version != version || string(doc.Value) != fmt.Sprint(n) {
				t.Errorf("document %d was confirmed with version %d: %+v, %v", n, version, doc, err)
			}
		}
		state, err := r.CRLState(authority)
		if state.Number < c.crl || state.Number != crl {
			t.Errorf("the last CRL number is %d; %d was confirmed, and the feed has %d", state.Number, c.crl, crl)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
