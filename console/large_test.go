package console

import (
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
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

// took is the median of how long a page takes.
func (w *world) took(target string) time.Duration {
	w.Helper()
	var all []time.Duration
	for range 7 {
		a, begin := httptest.NewRecorder(), time.Now()
		w.handler.ServeHTTP(a, httptest.NewRequest("GET", target, nil))
		if all = append(all, time.Since(begin)); a.Code != http.StatusOK {
			w.Fatalf("%s: %d", target, a.Code)
		}
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// Pages of a large lab take as long as those of a small one: they look at a bounded part of it.
// IGC_LARGE_LAB says how many certificates the large one has: make soak takes a million.
func TestLargeLab(t *testing.T) {
	if testing.Short() {
		t.Skip("it fills a lab with 100,000 certificates")
	}
	certificates := 100_000
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
		of, with := small.took(target), large.took(target)
		t.Logf("%-40s %8.1f ms, %8.1f ms", target, of.Seconds()*1000, with.Seconds()*1000)
		if with > 3*of+20*time.Millisecond {
			t.Errorf("%s takes %s in a large lab, %s in a small one", target, with, of)
		}
	}
}
