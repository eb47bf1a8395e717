package logins

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/serve"
	"github.com/igc-lab/igc/services/ecps"
	"github.com/igc-lab/igc/services/psc"
)

// memory is what this process holds after a collection, in bytes. The records' file, which is
// mapped, is counted apart: it keeps its size, and the system takes its pages when it wants them.
type memory struct{ heap, resident, mapped uint64 }

func (m memory) String() string {
	return fmt.Sprintf("heap %.2f MB, resident %.1f MB, of files %.1f MB", float64(m.heap)/1e6, float64(m.resident)/1e6,
		float64(m.mapped)/1e6)
}

func measure(t testing.TB) (m memory) {
	t.Helper()
	runtime.GC()
	debug.FreeOSMemory()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	m.heap = stats.HeapAlloc
	for line := bufio.NewScanner(strings.NewReader(labtest.Read(t, "/proc/self/status"))); line.Scan(); {
		name, value, _ := strings.Cut(line.Text(), ":")
		into := map[string]*uint64{"RssAnon": &m.resident, "RssFile": &m.mapped}[name]
		if into == nil {
			continue
		}
		n, err := strconv.ParseUint(strings.Fields(value)[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		*into = n << 10
	}
	return m
}

// Logins that are begun and left, half of them with the phone asked, and CIBA requests that are
// polled once: when their time is over by igc psc clock, the records hold nothing of them and
// memory is back within a tenth, half of them after the other half. IGC_ABANDONED says how many;
// make soak leaves 10,000.
func TestAbandonedLogins(t *testing.T) {
	abandoned := 400
	if s := os.Getenv("IGC_ABANDONED"); s != "" {
		var err error
		if abandoned, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	if runtime.GOOS != "linux" {
		t.Skip("the memory of a process is read from /proc")
	}
	home := labtest.New(t, "--key", "p256")
	l, err := lab.Open(home.Home, lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	opened, ended := make(chan serve.Started, 1), make(chan error, 1)
	go func() {
		ended <- serve.Run(ctx, l, serve.Options{Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
			Started: func(s serve.Started) { opened <- s }})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	s := &labtest.Server{URLs: map[string]string{}}
	for _, e := range (<-opened).Endpoints {
		s.URLs[e.Name] = e.URL
	}
	p := newProvider(home, s)
	home.Must("psc", "set", "ciba_interval=1")
	documents := func() (all []string) {
		for _, kind := range append(psc.Passing(), ecps.Passing()...) {
			docs, err := l.ScanDocuments(t.Context(), kind, "")
			if err != nil {
				t.Fatal(err)
			}
			for _, doc := range docs {
				all = append(all, kind.Name+"/"+doc.Key)
			}
		}
		return all
	}
	leave := func(n int) {
		t.Helper()
		work := make(chan int)
		var workers sync.WaitGroup
		for range 4 {
			workers.Go(func() {
				server := p.browser()
				defer server.close()
				for i := range work {
					b := *server // a browser without cookies, over the same connections
					b.http = p.browser().http
					b.http.Transport = server.http.Transport
					_, field, err := b.begin(t.Context())
					if err == nil && i%2 == 0 {
						var got *page
						if got, err = b.do(t.Context(), "POST", b.wallet+"/auth/e-cps", url.Values{"login": {field},
							"identifiant": {doctor}}); err == nil && got.status != 200 {
							t.Errorf("the phone: %d", got.status)
						}
					}
					if err == nil && i%10 == 0 {
						var a *answer
						if a, err = server.call(t.Context(), "/ext/ciba/auth", "scope", "openid scope_all",
							"acr_values", "eidas1", "login_hint", doctor); err == nil {
							_, err = server.call(t.Context(), "/token", "grant_type", grantCIBA, "auth_req_id",
								a.AuthReqID)
						}
					}
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		for i := range n {
			work <- i
		}
		close(work)
		workers.Wait()
	}
	pass := func() {
		t.Helper()
		for range 2 { // the second time few logins, by which what is kept in memory for a while goes
			home.Must("psc", "clock", "+26h")
			labtest.Until(t, "the records hold nothing of them", func() bool { return len(documents()) == 0 })
			leave(10)
		}
		home.Must("psc", "clock", "+26h")
		labtest.Until(t, "the records hold nothing of them", func() bool { return len(documents()) == 0 })
	}
	home.Must("ecps", "policy", "ignore")
	leave(max(200, abandoned/10)) // what is kept for good is there afterwards: pages, certificates, the last calls
	pass()
	states := []memory{measure(t)}
	for range 2 {
		begun := time.Now()
		leave(abandoned / 2)
		held, during := len(documents()), measure(t)
		if held < abandoned/4 {
			t.Errorf("%d documents of %d logins: the phone was not asked", held, abandoned/2)
		}
		took := time.Since(begun)
		pass()
		states = append(states, measure(t))
		t.Logf("%d logins left in %s, %d documents\nbefore %s\nwhile  %s\nafter  %s", abandoned/2,
			took.Round(time.Second), held, states[len(states)-2], during, states[len(states)-1])
	}
	within := func(when, what string, after, before, more uint64) {
		if after > before+before/10+more {
			t.Errorf("%s is not back within a tenth after %s", what, when)
		}
	}
	// What stays of the first ones is the store's list of free pages, a few hundred bytes for each
	// ten logins, and pieces between what lives: Go gives back whole pages. As many again find that
	// place.
	const pieces = 2 << 20
	before, first, second := states[0], states[1], states[2]
	within("the first half", "the heap", first.heap, before.heap, 0)
	within("the first half", "resident memory", first.resident, before.resident, pieces)
	within("the second half", "the heap", second.heap, first.heap, 0)
	within("the second half", "resident memory", second.resident, first.resident, 0)
	for kind, want := range map[string]int{"psc.client": 2, "ecps.device": 1} { // one is the demo portal
		docs, err := l.ScanDocuments(t.Context(), store.DocumentKind{Name: kind}, "")
		if err != nil || len(docs) != want {
			t.Errorf("%s: %d documents, %v", kind, len(docs), err)
		}
	}
}
