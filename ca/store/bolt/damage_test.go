package bolt_test

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store/bolt"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
)

var alain = profiles.Holder{GivenName: "ALAIN", Surname: "DODO0020981", IdNat: "899700209812", Profession: "10"}

func newLab(t *testing.T) *lab.Lab {
	t.Helper()
	config := lab.DefaultConfig()
	config.Key = ca.P256
	l, err := lab.Create(filepath.Join(t.TempDir(), "lab"), config, lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func file(l *lab.Lab) string { return filepath.Join(l.Home, "igc.db") }

// damageLab is a lab of some thousand certificates: its trees have branches.
func damageLab(t *testing.T) (l *lab.Lab, serials map[string]bool) {
	t.Helper()
	l = newLab(t)
	if err := l.Seed(t.Context(), ca.IssueRequest{Product: "cps", Holder: alain}, 3000, 1000); err != nil {
		t.Fatal(err)
	}
	serials = map[string]bool{}
	records, err := l.List(t.Context(), ca.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		serials[r.Authority+" "+r.Serial] = r.Revoked != nil
	}
	return l, serials
}

// ends fails a test that does not end.
func ends(t *testing.T, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); do() }()
	select {
	case <-done:
	case <-time.After(2 * time.Minute):
		t.Fatal("it does not end")
	}
}

// A branch that leads back to itself, or to a branch above, would keep bbolt busy until the memory
// is used up.
func TestCyclicPages(t *testing.T) {
	l, _ := damageLab(t)
	data, err := os.ReadFile(file(l))
	if err != nil {
		t.Fatal(err)
	}
	size := os.Getpagesize()
	cycles := 0
	for id := 2; id < len(data)/size; id++ {
		page := data[id*size:][:size]
		if binary.NativeEndian.Uint16(page[8:]) != bolt.BranchPage || binary.NativeEndian.Uint64(page) != uint64(id) {
			continue
		}
		harmed := append([]byte(nil), data...)
		for i := range int(binary.NativeEndian.Uint16(page[10:])) {
			binary.NativeEndian.PutUint64(harmed[id*size+bolt.PageHeader+i*bolt.ElementSize+8:], uint64(id))
		}
		if err := os.WriteFile(file(l), harmed, 0o600); err != nil {
			t.Fatal(err)
		}
		ends(t, func() {
			fresh, err := lab.Open(l.Home, lab.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			_, err = fresh.List(t.Context(), ca.Filter{})
			if err != nil && ca.KindOf(err) != ca.Damaged {
				t.Errorf("page %d: %v", id, err)
			}
			if err != nil {
				cycles++
			}
		})
	}
	if cycles < 3 {
		t.Errorf("%d cycles: the test saw nothing", cycles)
	}
}

// In a file that is too large to be looked at whole, leaves are first seen when they are read: an
// answer is that of before or an error, and never is a certificate good that is revoked.
func TestDamagedLeaves(t *testing.T) {
	l, serials := damageLab(t)
	data, err := os.ReadFile(file(l))
	if err != nil {
		t.Fatal(err)
	}
	defer bolt.SetWholeCheck(-1)()
	r := rand.New(rand.NewPCG(11, 1))
	size := os.Getpagesize()
	var refusals, asked int
	for range 30 {
		harmed := append([]byte(nil), data...)
		for range 1 + r.IntN(20) {
			page := harmed[r.IntN(len(harmed)/size)*size:][:size]
			if r.IntN(2) == 0 {
				page[r.IntN(size)] ^= 1 << r.IntN(8)
			} else {
				page[8+r.IntN(200)] ^= 1 << r.IntN(8)
			}
		}
		if err := os.WriteFile(file(l), harmed, 0o600); err != nil {
			t.Fatal(err)
		}
		ends(t, func() {
			fresh, err := lab.Open(l.Home, lab.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			if err := fresh.Lock(); err != nil {
				if ca.KindOf(err) != ca.Damaged {
					t.Error(err)
				}
				return
			}
			defer fresh.Unlock()
			for name, revoked := range serials {
				authority, serial, _ := strings.Cut(name, " ")
				a, _ := profiles.ParseAuthority(authority)
				b, _ := hex.DecodeString(serial)
				v, issued, err := fresh.Status(t.Context(), a, b)
				switch asked++; {
				case err != nil:
					if refusals++; ca.KindOf(err) != ca.Damaged {
						t.Errorf("%v", err)
					}
				case issued && (v != nil) != revoked:
					t.Errorf("%s: revoked %v, was %v", name, v != nil, revoked)
				}
			}
			if _, err := fresh.List(t.Context(), ca.Filter{}); err != nil && ca.KindOf(err) != ca.Damaged {
				t.Error(err)
			}
		})
	}
	t.Logf("%d asked, %d refused", asked, refusals)
	if refusals == 0 || asked == 0 {
		t.Error("the test saw nothing")
	}
}

// A server whose file is cut while it runs goes on: with errors, and not well.
func TestDamageWhileRunning(t *testing.T) {
	l, serials := damageLab(t)
	if err := l.Lock(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Counts(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file(l), 4*int64(os.Getpagesize())); err != nil {
		t.Fatal(err)
	}
	ends(t, func() {
		failed := 0
		for name := range serials {
			authority, serial, _ := strings.Cut(name, " ")
			a, _ := profiles.ParseAuthority(authority)
			b, _ := hex.DecodeString(serial)
			if _, _, err := l.Status(t.Context(), a, b); ca.KindOf(err) == ca.Damaged && err != nil {
				failed++
			}
		}
		if failed == 0 {
			t.Error("nothing failed")
		}
		if _, err := l.Counts(t.Context()); ca.KindOf(err) != ca.Damaged {
			t.Errorf("counts: %v", err)
		}
		if _, err := l.SetStatus(t.Context(), ca.StatusChange{Card: "1000000001", Reason: "superseded"}); ca.KindOf(err) != ca.Damaged {
			t.Errorf("a damaged file is written: %v", err)
		}
		_ = l.Unlock()
	})
}
