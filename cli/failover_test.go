package cli

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/postgrestest"
)

// The primary of a lab's database is killed while certificates are revoked, and its standby takes
// over: two servers go on without a restart, and no revocation that was acknowledged is lost.
func TestFailover(t *testing.T) {
	pair := postgrestest.StartPair(t)
	l := labtest.New(t, "--key", "p256", "--gamme", "FO", "--store", pair.URL)
	l.Serve().Stop(t) // what a server makes for itself is made
	other := newNode(t, l)
	servers := []*labtest.Server{l.Serve(), other.Serve()}
	var serials []string
	for range 4 {
		for _, c := range l.Issue("--fixture", "alain").Certificates {
			serials = append(serials, c.Serial)
		}
	}
	records := l.List()
	issuer := issuerOf(t, records, records[serials[0]])

	// Revocations go on by both, again when the database does not answer, one after the other.
	var mu sync.Mutex
	var revoked []string
	var revoking sync.WaitGroup
	for i, by := range []*labtest.Lab{l, other} {
		revoking.Go(func() {
			for n := i; n < len(serials); n += 2 {
				for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
					_, errOut, err := by.Run("revoke", serials[n], "--reason", "keyCompromise")
					if err == nil || strings.Contains(errOut, "revoked already") {
						mu.Lock()
						revoked = append(revoked, serials[n])
						mu.Unlock()
						break
					}
					if time.Since(start) > 30*time.Second {
						t.Errorf("revoking %s: %s", serials[n], errOut)
						return
					}
				}
			}
		})
	}
	labtest.Until(t, "a revocation", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(revoked) > 0
	})
	killed := time.Now()
	if err := pair.KillPrimary(); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	before := slices.Clone(revoked)
	mu.Unlock()
	time.Sleep(1500 * time.Millisecond)
	if err := pair.Promote(); err != nil {
		t.Fatal(err)
	}
	promoted := time.Now()
	for i, s := range servers {
		for {
			status, _, body := get(t, s.URLs["publication"], "/healthz/ready")
			if status == http.StatusOK {
				break
			}
			if time.Since(promoted) > 10*time.Second {
				t.Fatalf("server %d is not ready: %s", i, body)
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Logf("server %d is ready %s after the kill, %s after the promotion", i,
			time.Since(killed).Round(time.Millisecond), time.Since(promoted).Round(time.Millisecond))
	}
	for i, s := range servers {
		for _, serial := range before {
			if got := ocspStatus(t, s, records[serial], issuer); got != ocsp.Revoked {
				t.Errorf("server %d: %s, whose revocation was acknowledged, has status %d", i, serial, got)
			}
		}
	}
	revoking.Wait()
	t.Logf("%d revocations before the kill, %d in all", len(before), len(revoked))
	after := other.List()
	for _, serial := range serials {
		if r := after[serial]; r == nil || r.Status != ca.Revoked {
			t.Errorf("%s is %+v", serial, r)
		}
	}
	l.Issue("--fixture", "alain")
	l.Must("audit", "verify")
}
