package revocation

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation/crl"
	"github.com/igc-lab/igc/revocation/ocsp"
)

// inBothLanguages checks the text of a problem.
func inBothLanguages(t testing.TB, p Problem) {
	t.Helper()
	if p.Text.FR == p.Text.EN || strings.Contains(p.Text.FR+p.Text.EN, "%!") {
		t.Errorf("%s: %q, %q", p.What, p.Text.FR, p.Text.EN)
	}
}

// What expires is warned of before it does, and fails after.
func TestHealth(t *testing.T) {
	l := newTestLab(t, 1)
	begin := l.Now
	crls := crl.NewIssuer(l.Lab, l.Clock())
	responder := newResponder(t, l.Lab, l.Clock())
	handler := NewPublication(l.Lab, crls, responder, quiet)
	health := func() (code int, status string, problems []string) {
		t.Helper()
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
		var answer struct {
			Status   string
			Problems []Problem
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
		for _, p := range answer.Problems {
			problems = append(problems, string(p.Level)+" "+p.What+" "+p.Authority)
			inBothLanguages(t, p)
		}
		return w.Code, answer.Status, problems
	}
	l.blockCRLs(t, true)
	if code, status, problems := health(); code != http.StatusServiceUnavailable || status != "failing" || !slices.Contains(problems, "failing crl ACR-FO") {
		t.Errorf("before the first list: %d %s %q", code, status, problems)
	}
	l.blockCRLs(t, false)
	if err := crls.Publish(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	counts, err := l.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var end time.Time
	for _, c := range counts.Authorities {
		if c.Authority.ID() == "ACI-FO-PP" {
			end = c.NotAfter
		}
	}
	const day = 24 * time.Hour
	for _, test := range []struct {
		what    string
		at      time.Time
		publish bool // crls can be written then
		code    int
		status  string
		has     []string
		not     string
	}{
		{"at once", begin, false, 200, "ok", nil, " "},
		{"soon after midnight", begin.Add(11*time.Hour + 5*time.Minute), false, 200, "ok", nil, " "},
		{"a list is missing", begin.Add(36 * time.Hour), false, 200, "warning", []string{"warning crl ACI-FO-PP", "warning delta_crl ACI-FO-PP"}, "ACR-FO"},
		{"deltas ended", begin.Add(3 * day), false, 503, "failing", []string{"warning crl ACI-FO-PP", "failing delta_crl ACI-FO-PP"}, "failing crl"},
		{"all ended", begin.Add(50 * day), false, 503, "failing", []string{"failing crl ACI-FO-PP", "failing crl ACR-FO"}, "authority"},
		{"made again", begin.Add(50*day + 2*time.Minute), true, 200, "ok", nil, " "},
		{"an authority ends", end.Add(-29 * day), true, 200, "warning", []string{"warning authority ACI-FO-PP"}, "crl"},
		{"an authority ended", end.Add(time.Second), true, 503, "failing", []string{"failing authority ACI-FO-PP"}, "crl"},
	} {
		l.Now = test.at
		l.blockCRLs(t, !test.publish)
		code, status, problems := health()
		if code != test.code || status != test.status {
			t.Errorf("%s: %d %s, want %d %s: %q", test.what, code, status, test.code, test.status, problems)
		}
		for _, want := range test.has {
			if !slices.Contains(problems, want) {
				t.Errorf("%s: %q, want %q", test.what, problems, want)
			}
		}
		if test.not != "" && slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, test.not) }) {
			t.Errorf("%s: %q", test.what, problems)
		}
	}
}

// A problem is logged when it comes, once a day while it lasts, and when it is over.
func TestHealthLog(t *testing.T) {
	t.Setenv("IGC_TEST_STORE", "") // a bubble does not wait for a database's socket
	synctest.Test(t, func(t *testing.T) {
		l := newTestLab(t, 1)
		later := time.Until(l.Now) // the bubble's clock begins in 2000
		now := func() time.Time { return time.Now().Add(later) }
		crls := crl.NewIssuer(l.Lab, now)
		if err := crls.Publish(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		// nothing can be written while a file has the folder's place
		l.blockCRLs(t, true)
		heard := make(chan string, 100)
		log := slog.New(slog.NewTextHandler(writerFunc(func(b []byte) { heard <- string(b) }), nil))
		go NewHealth(l.Lab, crls, newResponder(t, l.Lab, now)).Watch(t.Context(), log)
		told := func(want map[string]int) {
			t.Helper()
			synctest.Wait()
			text := ""
			for len(heard) > 0 {
				text += <-heard
			}
			for words, n := range want {
				if got := strings.Count(text, words); got != n {
					t.Errorf("%q is told %d times, not %d:\n%s", words, got, n, text)
				}
			}
		}
		time.Sleep(10 * time.Hour)
		told(map[string]int{"health": 0})
		time.Sleep(24 * time.Hour)
		told(map[string]int{"level=WARN msg=health what=crl authority=ACI-FO-PP": 1, "what=crl authority=ACR-FO": 0})
		time.Sleep(24 * time.Hour)
		told(map[string]int{"level=WARN msg=health what=crl authority=ACI-FO-PP": 1})
		l.blockCRLs(t, false)
		time.Sleep(11 * time.Minute)
		told(map[string]int{"level=INFO msg=health what=crl authority=ACI-FO-PP problem=over": 1, "WARN": 0})
	})
}

// writerFunc is a function that is written to.
type writerFunc func([]byte)

func (f writerFunc) Write(b []byte) (int, error) { f(b); return len(b), nil }

func TestMetrics(t *testing.T) {
	l := newTestLab(t, 3)
	now := l.Clock()
	crls := crl.NewIssuer(l.Lab, now)
	if err := crls.Publish(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	l.Change(t, ca.StatusChange{Serial: l.Cards[0].Serial, Reason: "keyCompromise"})
	l.Change(t, ca.StatusChange{Serial: l.Cards[1].Serial, Reason: ca.Hold})
	if err := crls.Publish(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	l.Now = l.Now.Add(time.Minute)
	health := NewHealth(l.Lab, crls, newResponder(t, l.Lab, now))
	a, _ := profiles.ParseAuthority("ACI-FO-PP")
	health.counts = func() ocsp.Counts {
		return ocsp.Counts{Good: 5, Revoked: 2, TryLater: 1, Signatures: 3, Kept: 7,
			Responders: []ocsp.ResponderInfo{{Authority: a, NotAfter: l.Now.Add(36 * time.Hour), Renew: l.Now.Add(time.Hour)}}}
	}
	w := httptest.NewRecorder()
	newMetrics(health).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	value := func(name string, labels ...string) float64 {
		t.Helper()
		for _, m := range families[name].GetMetric() {
			var values []string
			for _, pair := range m.Label {
				values = append(values, pair.GetValue())
			}
			if slices.Equal(values, labels) {
				if families[name].GetType() == dto.MetricType_COUNTER {
					return m.Counter.GetValue()
				}
				return m.Gauge.GetValue()
			}
		}
		t.Errorf("no %s of %q", name, labels)
		return -1
	}
	full, delta := crls.Latest(a)
	for _, test := range []struct {
		want   float64
		name   string
		labels []string
	}{
		{2, "igc_crl_number", []string{"ACI-FO-PP", "full"}},
		{1, "igc_crl_number", []string{"ACR-FO", "full"}},
		{2, "igc_crl_entries", []string{"ACI-FO-PP", "full"}},
		{2, "igc_crl_entries", []string{"ACI-FO-PP", "delta"}},
		{float64(full.Size), "igc_crl_size_bytes", []string{"ACI-FO-PP", "full"}},
		{float64(delta.Size), "igc_crl_size_bytes", []string{"ACI-FO-PP", "delta"}},
		{60, "igc_crl_age_seconds", []string{"ACI-FO-PP", "full"}},
		{float64(full.NextUpdate.Unix()), "igc_crl_next_update_timestamp_seconds", []string{"ACI-FO-PP", "full"}},
		{6, "igc_certificates_issued_total", []string{"ACI-FO-PP"}},
		{2, "igc_certificates_revoked", []string{"ACI-FO-PP"}},
		{0, "igc_certificates_revoked", []string{"ACR-FO"}},
		{5, "igc_ocsp_answers_total", []string{"good"}},
		{1, "igc_ocsp_refusals_total", []string{"tryLater"}},
		{3, "igc_ocsp_signatures_total", nil},
		{7, "igc_ocsp_kept_answers", nil},
		{1.5, "igc_ocsp_responder_days_left", []string{"ACI-FO-PP"}},
		{0, "igc_problems", []string{"failing"}},
	} {
		if got := value(test.name, test.labels...); got != test.want {
			t.Errorf("%s of %q is %v, not %v", test.name, test.labels, got, test.want)
		}
	}
	if value("igc_store_size_bytes") < 1<<14 || value("igc_authority_days_left", "ACR-FO") < 365 {
		t.Error("the store has no size, or the root no time left")
	}
}
