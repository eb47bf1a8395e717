package revocation

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/igc-lab/igc/revocation/crl"
)

// metrics are what /metrics tells of a lab, in Prometheus's format. All of it is read when it is
// asked for, from what is counted anyway: a lab that nobody watches pays nothing.
type metrics struct{ *Health }

func newMetrics(h *Health) http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(metrics{h}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("igc_"+name, help, labels, nil)
}

var (
	mNumber     = desc("crl_number", "CRL number.", "authority", "kind")
	mThis       = desc("crl_this_update_timestamp_seconds", "When the CRL was made.", "authority", "kind")
	mNext       = desc("crl_next_update_timestamp_seconds", "Until when the CRL may be relied on.", "authority", "kind")
	mAge        = desc("crl_age_seconds", "Time since the CRL was made.", "authority", "kind")
	mSize       = desc("crl_size_bytes", "Size of the CRL.", "authority", "kind")
	mEntries    = desc("crl_entries", "Entries of the CRL.", "authority", "kind")
	mIssued     = desc("certificates_issued_total", "Certificates that the authority issued.", "authority")
	mRevoked    = desc("certificates_revoked", "Certificates of the authority that are revoked or on hold, and listed.", "authority")
	mEnd        = desc("authority_not_after_timestamp_seconds", "End of the authority.", "authority")
	mDays       = desc("authority_days_left", "Days until the authority ends.", "authority")
	mStore      = desc("store_size_bytes", "Size of the store.")
	mProblems   = desc("problems", "What /healthz tells of, by level.", "level")
	mAnswers    = desc("ocsp_answers_total", "Certificates that OCSP answered for, by status.", "status")
	mRefusals   = desc("ocsp_refusals_total", "OCSP requests refused, by status of the response.", "status")
	mSignatures = desc("ocsp_signatures_total", "OCSP responses signed.")
	mHits       = desc("ocsp_kept_hits_total", "OCSP requests answered without a signature of their own.")
	mKept       = desc("ocsp_kept_answers", "Signed OCSP responses kept.")
	mWaiting    = desc("ocsp_waiting", "OCSP signatures under way or waited for.")
	mResponder  = desc("ocsp_responder_not_after_timestamp_seconds", "End of the authority's OCSP responder.", "authority")
	mResponderD = desc("ocsp_responder_days_left", "Days until the authority's OCSP responder ends.", "authority")
)

// Describe implements [prometheus.Collector]: what there is depends on the lab.
func (m metrics) Describe(chan<- *prometheus.Desc) {}

// Collect implements [prometheus.Collector].
func (m metrics) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	emit := func(kind prometheus.ValueType) func(*prometheus.Desc, float64, ...string) {
		return func(d *prometheus.Desc, v float64, labels ...string) {
			out <- prometheus.MustNewConstMetric(d, kind, v, labels...)
		}
	}
	gauge, counter := emit(prometheus.GaugeValue), emit(prometheus.CounterValue)
	now, days := m.now(), func(d time.Duration) float64 { return d.Hours() / 24 }

	levels := map[Level]int{Warning: 0, Failing: 0}
	for _, p := range m.Problems(ctx) { // first: it has made what is due
		levels[p.Level]++
	}
	counts, err := m.lab.Counts(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(mStore, err)
		return
	}
	gauge(mStore, float64(counts.Size))
	for _, c := range counts.Authorities {
		id := c.Authority.ID()
		counter(mIssued, float64(c.Issued), id)
		gauge(mRevoked, float64(c.Revoked), id)
		gauge(mEnd, float64(c.NotAfter.Unix()), id)
		gauge(mDays, days(c.NotAfter.Sub(now)), id)
		full, delta := m.lists.Latest(c.Authority)
		for kind, l := range map[string]*crl.CRL{"full": full, "delta": delta} {
			if l == nil {
				continue
			}
			gauge(mNumber, float64(l.Number), id, kind)
			gauge(mThis, float64(l.ThisUpdate.Unix()), id, kind)
			gauge(mNext, float64(l.NextUpdate.Unix()), id, kind)
			gauge(mAge, now.Sub(l.ThisUpdate).Seconds(), id, kind)
			gauge(mSize, float64(l.Size), id, kind)
			gauge(mEntries, float64(l.Entries), id, kind)
		}
	}
	for level, n := range levels {
		gauge(mProblems, float64(n), string(level))
	}
	o := m.counts()
	for status, n := range map[string]uint64{"good": o.Good, "revoked": o.Revoked, "unknown": o.Unknown} {
		counter(mAnswers, float64(n), status)
	}
	for status, n := range map[string]uint64{"malformedRequest": o.Malformed, "internalError": o.InternalError, "tryLater": o.TryLater,
		"unauthorized": o.Unauthorized} {
		counter(mRefusals, float64(n), status)
	}
	counter(mSignatures, float64(o.Signatures))
	counter(mHits, float64(o.Hits))
	gauge(mKept, float64(o.Kept))
	gauge(mWaiting, float64(o.Waiting))
	for _, r := range o.Responders {
		if r.NotAfter.IsZero() { // it could not be made
			continue
		}
		gauge(mResponder, float64(r.NotAfter.Unix()), r.Authority.ID())
		gauge(mResponderD, days(r.NotAfter.Sub(now)), r.Authority.ID())
	}
}
