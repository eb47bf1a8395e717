package revocation

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/revocation/crl"
)

// healthz is what /healthz answers.
func healthz(t testing.TB, p *Publication) (code int, problems []Problem) {
	t.Helper()
	w := httptest.NewRecorder()
	p.ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
	var answer struct{ Problems []Problem }
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	return w.Code, answer.Problems
}

// A server that nobody asks for OCSP answers stays healthy: its delegates are renewed on schedule,
// also that of a root which answered once.
func TestDelegatesAreRenewedUnasked(t *testing.T) {
	t.Setenv("IGC_TEST_STORE", "") // see TestHealthLog
	synctest.Test(t, func(t *testing.T) {
		l := newTestLab(t, 1)
		later := time.Until(l.Now) // the bubble's clock begins in 2000
		now := func() time.Time { return time.Now().Add(later) }
		first := l.Lab // of a clock that stands still
		first.Unlock()
		t.Cleanup(func() { first.Lock() }) // for newTestLab, which releases it
		lab, err := lab.Open(l.Home, lab.Options{Now: now})
		if err == nil {
			err = lab.Lock()
		}
		if err != nil {
			t.Fatal(err)
		}
		defer lab.Unlock()
		crls, r := crl.NewIssuer(lab, now), newResponder(t, lab, now)
		p := NewPublication(lab, crls, r, quiet)
		if err := r.Warm(t.Context(), l.Issuing().Root()); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		failed := func(err error) { t.Error(err) }
		go RunCRLs(ctx, lab, crls, failed)
		go RunResponder(ctx, r, failed)
		serials := map[string]bool{}
		for range 8 * 24 {
			time.Sleep(time.Hour)
			synctest.Wait()
			for _, info := range r.Counts().Responders {
				serials[info.Serial] = true
			}
			if problems := p.health.problems(t.Context()); len(problems) > 0 { // what a report would have made first is not
				t.Errorf("after %s: %v", time.Now().Format(time.DateTime), problems)
				break
			}
		}
		stop()
		synctest.Wait()
		if len(serials) != 6 { // two authorities, thrice
			t.Errorf("%d delegates in eight days", len(serials))
		}
	})
}

// A renewal that fails is a warning as soon as it does, with the cause, and fails when the
// certificate has ended; all is well again a minute after the cause is gone.
func TestFailedRenewalIsTold(t *testing.T) {
	l := newTestLab(t, 1)
	now := l.Clock()
	crls, r := crl.NewIssuer(l.Lab, now), newResponder(t, l.Lab, now)
	p := NewPublication(l.Lab, crls, r, quiet)
	if err := r.Renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code, problems := healthz(t, p); code != http.StatusOK || len(problems) > 0 {
		t.Fatalf("at once: %d %v", code, problems)
	}
	begin := l.Now
	generation := l.CA.Generation
	l.CA.Generation = "gen1999"
	l.Now = begin.Add(4 * 24 * time.Hour)
	if err := r.Renew(t.Context()); err == nil {
		t.Error("the failure is not for the log")
	}
	for _, test := range []struct {
		days  int
		code  int
		level Level
		words []string
	}{
		{4, http.StatusOK, Warning, []string{"valid until 2026-11-29", "since 2026-11-26", "gen1999", "tried again"}},
		{6, http.StatusOK, Warning, []string{"valid until 2026-11-29", "since 2026-11-26"}},
		{8, http.StatusServiceUnavailable, Failing, []string{"expired on 2026-11-29", "since 2026-11-26", "gen1999"}},
	} {
		l.Now = begin.Add(time.Duration(test.days) * 24 * time.Hour)
		code, problems := healthz(t, p)
		i := slices.IndexFunc(problems, func(p Problem) bool { return p.What == "responder" && p.Authority == l.Issuing().ID() })
		if i < 0 || len(problems) != 1 || code != test.code || problems[i].Level != test.level {
			t.Errorf("after %d days: %d %+v", test.days, code, problems)
			continue
		}
		for _, words := range test.words {
			inBothLanguages(t, problems[i])
			if !strings.Contains(problems[i].Text.EN, words) {
				t.Errorf("after %d days: %q lacks %q", test.days, problems[i].Text.EN, words)
			}
		}
	}
	l.CA.Generation = generation
	l.Now = l.Now.Add(2 * time.Minute)
	if code, problems := healthz(t, p); code != http.StatusOK || len(problems) > 0 {
		t.Errorf("after it was put right: %d %v", code, problems)
	}
	leaf, issuer := l.Certificates(t, l.Cards[0])
	status(t, r, leaf, issuer)
}
