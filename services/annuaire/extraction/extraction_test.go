package extraction

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"crypto/x509"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/people"
)

var update = flag.Bool("update", false, "write the golden files anew")

func request(name string) *http.Request { return httptest.NewRequest(http.MethodGet, Path+name, nil) }

// writerOf keeps what is answered.
type writerOf struct {
	header http.Header
	body   bytes.Buffer
}

func (w *writerOf) Header() http.Header {
	if w.header == nil {
		w.header = http.Header{}
	}
	return w.header
}
func (w *writerOf) WriteHeader(int)                   {}
func (w *writerOf) Write(b []byte) (n int, err error) { return w.body.Write(b) }

// testLab is a lab with a few cards, whose numbers are always the same.
func testLab(t testing.TB) (*labtest.CardLab, *Extractions) {
	config := lab.DefaultConfig()
	config.Key = ca.P256
	l := labtest.NewEmptyLab(t, config)
	for i, name := range []string{"alain", "robert", "interne", "guy", "charles"} {
		who, err := fixtures.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		keys := map[string][]byte{}
		for _, role := range []string{"authentication", "signature"} {
			key, err := ca.P256.Generate()
			if err != nil {
				t.Fatal(err)
			}
			if keys[role], err = x509.MarshalPKIXPublicKey(key.Public()); err != nil {
				t.Fatal(err)
			}
		}
		who.Holder.CardNumber = fmt.Sprintf("28000000%02d", i+1)
		if _, err := l.Issue(t.Context(), ca.IssueRequest{Product: who.Product, Holder: who.Holder,
			PublicKeys: keys}); err != nil {
			t.Fatal(err)
		}
	}
	directory := people.New(people.Options{Records: l.Lab, Documents: l.Lab})
	return l, New(Options{People: directory, Population: populationOf(hospital()), Records: l.Lab, Now: l.Clock()})
}

// What a small lab has in its extractions is always the same.
func TestGolden(t *testing.T) {
	l, x := testLab(t)
	l.Now = l.Now.AddDate(0, 0, 1)
	l.Change(t, ca.StatusChange{Card: "2800000002", Reason: "keyCompromise"})
	l.Change(t, ca.StatusChange{Card: "2800000003", Reason: "certificateHold"})
	l.Now = testNow
	files := map[string]string{}
	for name := range extractions {
		maps.Copy(files, get(t, x, name))
	}
	if len(files) != 5 {
		t.Errorf("%d files", len(files))
	}
	for name, got := range files {
		path := filepath.Join("testdata", name+".txt")
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s differs from the golden file (-update writes it):\n%s", name, got)
		}
	}
}

// A revocation is in the very next extraction.
func TestOppositionAtOnce(t *testing.T) {
	l, x := testLab(t)
	opposition := func() string {
		all := lines(t, get(t, x, "Porteurs_CPS_CPF")["Porteurs_CPS_CPF"])
		for _, line := range all[1:] {
			if v := valuesOf(all[0], line); v["Numéro carte"] == "2800000001" {
				return v["Date opposition"]
			}
		}
		return "no card"
	}
	if got := opposition(); got != "" {
		t.Errorf("before: %q", got)
	}
	l.Change(t, ca.StatusChange{Card: "2800000001", Reason: "keyCompromise"})
	if got := opposition(); got != "22/11/2026" {
		t.Errorf("after: %q", got)
	}
}

// The names follow the day in Paris, and change once a day.
func TestDailyName(t *testing.T) {
	for now, want := range map[string]string{
		"2026-11-22T12:00:00Z": "_202611220830",
		"2026-11-22T07:30:00Z": "_202611220830",
		"2026-11-22T07:29:59Z": "_202611210830",
		"2026-11-22T23:30:00Z": "_202611220830",
		"2026-07-01T06:30:00Z": "_202607010830", // in summer
		"2026-07-01T06:29:59Z": "_202606300830",
		"2027-01-01T00:00:00Z": "_202612310830",
		"2026-03-29T08:00:00Z": "_202603290830", // the day on which summer begins
	} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		if got := stamp(madeAt(at)); got != want {
			t.Errorf("%s: %s, want %s", now, got, want)
		}
	}
}

// A HEAD has the headers of a GET, and makes nothing; other requests are refused.
func TestRequests(t *testing.T) {
	asked := 0
	source := manyPeople{count: 3, person: somebody, each: func(int) error { asked++; return nil }}
	server := httptest.NewServer(newTest(source, records()))
	defer server.Close()
	call := func(method, path string) (*http.Response, string) {
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer, string(body)
	}
	head, body := call(http.MethodHead, Path+"PS_LibreAcces")
	if body != "" || asked != 0 {
		t.Errorf("HEAD: %d bytes, %d people were asked for", len(body), asked)
	}
	full, body := call(http.MethodGet, Path+"PS_LibreAcces")
	if asked != 9 || !strings.HasPrefix(body, "PK") {
		t.Errorf("GET: %d people were asked for, the answer begins with %q", asked, body[:min(4, len(body))])
	}
	for name, want := range map[string]string{"Content-Type": "application/zip",
		"Content-Disposition": "attachment; filename=PS_LibreAcces_202611220830.zip",
		"Last-Modified":       "Sun, 22 Nov 2026 07:30:00 GMT", "Cache-Control": "no-store"} {
		if h, f := head.Header.Get(name), full.Header.Get(name); h != want || f != want {
			t.Errorf("%s: %q of HEAD, %q of GET, want %q", name, h, f, want)
		}
	}
	for _, tc := range []struct {
		method, path string
		status       int
	}{
		{http.MethodGet, Path, 404},
		{http.MethodGet, Path + "PS_Libre", 404},
		{http.MethodGet, Path + "PS_LibreAcces/", 404},
		{http.MethodGet, Path + "ps_libreacces", 404},
		{http.MethodHead, Path + "x", 404},
		{http.MethodPost, Path + "PS_LibreAcces", 405},
		{http.MethodPut, Path + "Porteurs_CPS_CPF", 405},
		{http.MethodGet, Path + "PS_LibreAcces?x=y", 200},
		{http.MethodGet, Path + "Porteurs_CPS_CPF", 200},
		{http.MethodGet, Path + "Extraction_Correspondance_MSSante", 200},
	} {
		if answer, body := call(tc.method, tc.path); answer.StatusCode != tc.status {
			t.Errorf("%s %s: status %d, want %d: %s", tc.method, tc.path, answer.StatusCode, tc.status, body)
		}
	}
}

// An extraction that cannot be made is an error; one that breaks off later does not look whole.
func TestSourceFails(t *testing.T) {
	for name, at := range map[string]int{"at once": 0, "late": 12_000} {
		source := manyPeople{count: 20_000, person: somebody, each: func(i int) error {
			if i == at {
				return errSource
			}
			return nil
		}}
		server := httptest.NewServer(newTest(source, records()))
		answer, err := http.Get(server.URL + Path + "PS_LibreAcces")
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		switch {
		case at == 0 && (err != nil || answer.StatusCode != 500 || answer.Header.Get("Content-Disposition") != ""):
			t.Errorf("%s: status %d, %v", name, answer.StatusCode, err)
		case at > 0 && err == nil:
			t.Errorf("%s: the answer looks whole", name)
		}
		server.Close()
	}
}

// A client that goes away ends the work.
func TestClientGoesAway(t *testing.T) {
	var asked atomic.Int64
	stopped := make(chan struct{})
	x := newTest(manyPeople{count: 1 << 30, person: somebody, each: func(int) error { asked.Add(1); return nil }},
		records())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(stopped)
		x.ServeHTTP(w, r)
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+Path+"PS_LibreAcces", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := io.ReadFull(answer.Body, make([]byte, 10_000)); err != nil {
		t.Fatal(err)
	}
	cancel()
	select {
	case <-stopped:
	case <-time.After(labtest.Patience):
		t.Fatalf("still at work after %d people", asked.Load())
	}
}

// A client receives the beginning of an extraction that has no rows yet.
func TestSilence(t *testing.T) {
	was := silence
	silence = 0
	defer func() { silence = was }()
	received := make(chan struct{})
	server := httptest.NewServer(newTest(manyPeople{count: 3, person: somebody, each: func(i int) error {
		if i == 2 {
			select {
			case <-received:
			case <-time.After(labtest.Patience):
				return errSource
			}
		}
		return nil
	}}, records()))
	defer server.Close()
	answer, err := http.Get(server.URL + Path + "Extraction_Correspondance_MSSante")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := io.ReadFull(answer.Body, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	close(received)
	if _, err := io.ReadAll(answer.Body); err != nil {
		t.Error(err)
	}
}

// Several clients at once each get all of it, more than are served at a time.
func TestSeveralClients(t *testing.T) {
	server := httptest.NewServer(newTest(manyPeople{count: 300, person: somebody}, records()))
	defer server.Close()
	var clients sync.WaitGroup
	for range 3 * maxUnderWay {
		clients.Go(func() {
			answer, err := http.Get(server.URL + Path + "PS_LibreAcces")
			if err != nil {
				t.Error(err)
				return
			}
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			if err != nil {
				t.Error(err)
				return
			}
			if n := strings.Count(unzip(t, body)["PS_LibreAcces_Personne_activite"], "\n"); n != 601 {
				t.Errorf("%d lines", n)
			}
		})
	}
	clients.Wait()
}

// manyCards are cards with two certificates each.
func manyCards(count int) manyRecords {
	return manyRecords{2 * count, func(n int) *ca.Record {
		role := []string{"authentication", "signature"}[n%2]
		return card(fmt.Sprintf("%010d", (n-1)/2), "cps", role, fmt.Sprintf("8997%08d", (n-1)/2))
	}}
}

// Extractions of 50,000 people, 29 MB of text, take no more memory than a few megabytes.
func TestConstantMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("50,000 people")
	}
	const count, bound = 50_000, 8 << 20
	var before, most runtime.MemStats
	look := func(i int) error {
		if i%10_000 == 5_000 {
			var m runtime.MemStats
			runtime.GC()
			if runtime.ReadMemStats(&m); m.HeapAlloc > most.HeapAlloc {
				most = m
			}
		}
		return nil
	}
	cards := manyCards(count)
	server := httptest.NewServer(newTest(manyPeople{count: count, person: somebody, each: look},
		manyRecords{cards.count, func(n int) *ca.Record { look(n); return cards.record(n) }}))
	defer server.Close()
	runtime.GC()
	runtime.ReadMemStats(&before)
	for name := range extractions {
		answer, err := http.Get(server.URL + Path + name)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		if err != nil || n < 150_000 {
			t.Errorf("%s: %d bytes, %v", name, n, err)
		}
		t.Logf("%s: %d bytes", name, n)
	}
	grown := int64(most.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("heap: %d kB before, at most %d kB more", before.HeapAlloc>>10, grown>>10)
	if grown > bound {
		t.Errorf("the heap grew by %d bytes", grown)
	}
}

func BenchmarkExtraction(b *testing.B) {
	const count = 10_000
	x := newTest(manyPeople{count: count, person: somebody}, manyCards(count))
	for name := range extractions {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := x.write(b.Context(), io.Discard, extractions[name], testNow); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*count), "µs/person")
		})
	}
}
