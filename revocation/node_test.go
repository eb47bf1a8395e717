package revocation

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/revocation/crl"
)

// What is wrong with a node: changes that come late, a clock that is not the database's.
func TestNodeProblems(t *testing.T) {
	now := time.Now()
	for name, test := range map[string]struct {
		link store.Link
		want []string
	}{
		"well":           {store.Link{Confirmed: now}, nil},
		"a little ahead": {store.Link{Confirmed: now, Ahead: 4 * time.Second}, nil},
		"ahead":          {store.Link{Confirmed: now, Ahead: 10 * time.Minute}, []string{"clock"}},
		"behind":         {store.Link{Confirmed: now, Ahead: -6 * time.Second}, []string{"clock"}},
		"late":           {store.Link{Confirmed: now.Add(-time.Minute), Behind: 7}, []string{"feed"}},
		"late and behind": {store.Link{Confirmed: now.Add(-4 * time.Second), Ahead: -time.Hour},
			[]string{"feed", "clock"}},
		"never": {store.Link{}, []string{"feed"}},
	} {
		got := nodeProblems(test.link)
		if len(got) > 0 && strings.Contains(got[0].Text.EN, "2562047h") {
			t.Errorf("%s: %s", name, got[0].Text.EN)
		}
		same := len(got) == len(test.want)
		for i := 0; same && i < len(got); i++ {
			same = got[i].What == test.want[i] && got[i].Level == Warning
			inBothLanguages(t, got[i])
		}
		if !same {
			t.Errorf("%s: %+v, want %v", name, got, test.want)
		}
	}
}

// Load balancers are told whether the process lives and is ready, of a lab in a file too.
func TestReady(t *testing.T) {
	l := labtest.NewCardLab(t, 0)
	crls := crl.NewIssuer(l.Lab, l.Clock())
	p := NewPublication(l.Lab, crls, newResponder(t, l.Lab, l.Clock()), quiet)
	labtest.Until(t, "the node", func() bool {
		w := httptest.NewRecorder()
		p.ServeHTTP(w, httptest.NewRequest("GET", "/healthz/ready", nil))
		return w.Code == 200
	})
	for _, path := range []string{"/healthz/live", "/healthz/ready"} {
		for _, method := range []string{"GET", "HEAD"} {
			w := httptest.NewRecorder()
			p.ServeHTTP(w, httptest.NewRequest(method, path, nil))
			if w.Code != 200 || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%s %s: %d %v", method, path, w.Code, w.Header())
			}
			var answer readiness
			if path == "/healthz/ready" && (json.Unmarshal(w.Body.Bytes(), &answer) != nil || !answer.Ready) {
				t.Errorf("%s %s: %s", method, path, w.Body)
			}
		}
	}
}
