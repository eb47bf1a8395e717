package annuaire

import (
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkSearch compares searches among a thousand people and among IGC_PEOPLE (a million). Each
// finds about as many in both: what differs is how many there are to search among.
func BenchmarkSearch(b *testing.B) {
	many := 100_000
	if text := os.Getenv("IGC_PEOPLE"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			b.Fatal(err)
		}
		many = n
	}
	for _, size := range []int{1000, many} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		w := newWorld(b, size)
		for i := range 500 {
			w.card(w.people.population.Person(i*(size/500)).ID, fmt.Sprintf("28000%05d", i))
		}
		names := map[string]int{}
		for range 20_000 {
			p := w.people.population.Person(rand.IntN(size))
			names[p.FamilyName+"|"+p.GivenName]++
		}
		handler := w.Handler()
		get := func(b *testing.B, target string) {
			r := httptest.NewRequest("GET", "https://localhost/fhir/v2/"+target, nil)
			a := httptest.NewRecorder()
			handler.ServeHTTP(a, r)
			if a.Code != 200 {
				b.Fatalf("%s: %d %.200s", target, a.Code, a.Body)
			}
		}
		get(b, "Practitioner?name=zzz&_lastUpdated=gt2030") // makes the indexes
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.Logf("%d people: %d MB", size, (after.HeapAlloc-before.HeapAlloc)>>20)
		for _, s := range []struct {
			name   string
			target func() string
		}{
			{"number-smartcard", func() string {
				return fmt.Sprintf("Practitioner?number-smartcard=28000%05d",
					rand.IntN(500))
			}},
			{"identifier", func() string {
				return "Practitioner?identifier=" + w.people.population.Person(rand.IntN(size)).ID
			}},
			{"name", func() string { // a prefix that few have, with the given name
				p := w.people.population.Person(rand.IntN(size))
				return "Practitioner?_count=1&family=" + escaped(p.FamilyName) + "&given=" + escaped(p.GivenName)
			}},
			{"name-prefix", func() string {
				p := w.people.population.Person(rand.IntN(size))
				r := []rune(p.FamilyName)
				return "Practitioner?_count=1&name=" + escaped(strings.TrimSpace(string(r[:min(len(r), 4)])))
			}},
			{"lastUpdated", func() string { return "Practitioner?_count=20&_lastUpdated=ge2026-11-26T12:00:00Z" }},
		} {
			b.Run(fmt.Sprintf("%s/%d", s.name, size), func(b *testing.B) {
				var took []time.Duration
				for b.Loop() {
					began := time.Now()
					get(b, s.target())
					took = append(took, time.Since(began))
				}
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "ns/median")
			})
		}
	}
}
