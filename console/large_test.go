package console

import (
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/fixtures"
)

// seeded is a console over a lab with so many certificates, of which a few are revoked.
func seeded(t *testing.T, certificates int) *world {
	t.Helper()
	w := newWorld(t)
	who, err := fixtures.Find("alain")
	if err != nil {
		t.Fatal(err)
	}
	request := ca.IssueRequest{Product: who.Product, Holder: who.Holder}
	if err := w.lab.Seed(t.Context(), request, certificates, certificates/1000); err != nil {
		t.Fatal(err)
	}
	return w
}

// cost is what a page allocates, in bytes, and how long it takes, the least of several times: other
// tests run beside.
func (w *world) cost(target string) (bytes uint64, took time.Duration) {
	w.Helper()
	for i := range 7 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		a, begin := httptest.NewRecorder(), time.Now()
		w.handler.ServeHTTP(a, httptest.NewRequest("GET", target, nil))
		last := time.Since(begin)
		if a.Code != http.StatusOK {
			w.Fatalf("%s: %d", target, a.Code)
		}
		runtime.ReadMemStats(&after)
		n := after.TotalAlloc - before.TotalAlloc
		if i == 0 || n < bytes {
			bytes = n
		}
		if i == 0 || last < took {
			took = last
		}
	}
	return bytes, took
}

// Pages of a large lab cost what those of a small one do: they look at a bounded part of it. What
// they allocate says how much they looked at, whatever the machine does beside. IGC_LARGE_LAB says
// how many certificates the large one has: make soak takes a million, and holds times too.
func TestLargeLab(t *testing.T) {
	if testing.Short() {
		t.Skip("it fills a lab with 30,000 certificates")
	}
	certificates := 30_000
	if text := os.Getenv("IGC_LARGE_LAB"); text != "" {
		var err error
		if certificates, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	small, large := seeded(t, 6000), seeded(t, certificates)
	for _, target := range []string{"/console/", "/console/cartes/", "/console/cartes/?avant=3000",
		"/console/cartes/?etat=revoquee", "/console/cartes/?etat=suspendue", "/console/cartes/?q=nobody",
		"/console/cartes/?produit=cpe", "/console/sante/", "/console/sante/?par=nobody", "/console/autorites/"} {
		of, tookOf := small.cost(target)
		with, took := large.cost(target)
		t.Logf("%-40s %8d kB, %8d kB; %8.1f ms, %8.1f ms", target, of>>10, with>>10, tookOf.Seconds()*1000,
			took.Seconds()*1000)
		if with > 2*of+1<<20 {
			t.Errorf("%s costs %d bytes in a large lab, %d in a small one", target, with, of)
		}
		if os.Getenv("IGC_LARGE_LAB") != "" && took > 3*tookOf+20*time.Millisecond {
			t.Errorf("%s takes %s in a large lab, %s in a small one", target, took, tookOf)
		}
	}
}
