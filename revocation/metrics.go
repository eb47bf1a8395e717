package revocation

import (
	"bytes"
	"context"
	"net/http"
	"runtime"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/revocation/crl"
)

// metricsHandler serves /metrics, in Prometheus's text format (version 0.0.4). All of it is read
// when it is asked for, from what is counted anyway: a lab that nobody watches pays nothing.
//
// The format is written here: Prometheus's client library, with protobuf below it, is seven modules
// and 2 MB, and keeps counters that the lab has already.
type metricsHandler struct {
	*Health
	busy chan struct{} // a place for each request that is served
}

func newMetrics(h *Health) http.Handler { return &metricsHandler{h, make(chan struct{}, 4)} }

// ServeHTTP implements [http.Handler].
func (m *metricsHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case m.busy <- struct{}{}:
		defer func() { <-m.busy }()
	default:
		http.Error(w, "too many requests at once", http.StatusServiceUnavailable)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 10*time.Second)
	defer cancel()
	families := map[*metric][]string{}
	if err := m.collect(ctx, families); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Write(exposition(families))
}

// metric is a family of samples of one name.
type metric struct {
	name   string
	help   string
	kind   string // gauge or counter
	labels []string
}

func desc(name, help string, labels ...string) *metric {
	kind := "gauge"
	if strings.HasSuffix(name, "_total") {
		kind = "counter"
	}
	return &metric{"igc_" + name, help, kind, labels}
}

var labelEscapes = strings.NewReplacer("\\", "\\\\", "\"", "\\\"", "\n", "\\n")

// sample is a line of the family, with values for its labels.
func (m *metric) sample(v float64, values []string) string {
	var b strings.Builder
	b.WriteString(m.name)
	for i, value := range values {
		sep := ","
		if i == 0 {
			sep = "{"
		}
		b.WriteString(sep + m.labels[i] + `="` + labelEscapes.Replace(value) + `"`)
	}
	if len(values) > 0 {
		b.WriteByte('}')
	}
	return b.String() + " " + strconv.FormatFloat(v, 'g', -1, 64) + "\n"
}

// exposition writes the families in the order of their names.
func exposition(families map[*metric][]string) []byte {
	order := make([]*metric, 0, len(families))
	for m := range families {
		order = append(order, m)
	}
	slices.SortFunc(order, func(a, b *metric) int { return strings.Compare(a.name, b.name) })
	var b bytes.Buffer
	for _, m := range order {
		b.WriteString("# HELP " + m.name + " " + m.help + "\n# TYPE " + m.name + " " + m.kind + "\n")
		samples := families[m]
		slices.Sort(samples)
		for _, line := range samples {
			b.WriteString(line)
		}
	}
	return b.Bytes()
}

var (
	mNumber  = desc("crl_number", "CRL number.", "authority", "kind")
	mThis    = desc("crl_this_update_timestamp_seconds", "When the CRL was made.", "authority", "kind")
	mNext    = desc("crl_next_update_timestamp_seconds", "Until when the CRL may be relied on.", "authority", "kind")
	mAge     = desc("crl_age_seconds", "Time since the CRL was made.", "authority", "kind")
	mSize    = desc("crl_size_bytes", "Size of the CRL.", "authority", "kind")
	mEntries = desc("crl_entries", "Entries of the CRL.", "authority", "kind")
	mIssued  = desc("certificates_issued_total", "Certificates that the authority issued.", "authority")
	mRevoked = desc("certificates_revoked", "Certificates of the authority that are revoked or on hold, and "+
		"listed.", "authority")
	mNotAfter   = desc("authority_not_after_timestamp_seconds", "End of the authority.", "authority")
	mDays       = desc("authority_days_left", "Days until the authority ends.", "authority")
	mStore      = desc("store_size_bytes", "Size of the store.")
	mProblems   = desc("problems", "What /healthz tells of, by level.", "level")
	mAnswers    = desc("ocsp_answers_total", "Certificates that OCSP answered for, by status.", "status")
	mRefusals   = desc("ocsp_refusals_total", "OCSP requests refused, by status of the response.", "status")
	mSignatures = desc("ocsp_signatures_total", "OCSP responses signed.")
	mHits       = desc("ocsp_kept_hits_total", "OCSP requests answered without a signature of their own.")
	mKept       = desc("ocsp_kept_answers", "Signed OCSP responses kept.")
	mWaiting    = desc("ocsp_waiting", "OCSP signatures under way or waited for.")
	mResponder  = desc("ocsp_responder_not_after_timestamp_seconds", "End of the authority's OCSP responder.",
		"authority")
	mResponderD = desc("ocsp_responder_days_left", "Days until the authority's OCSP responder ends.", "authority")
)

// collect reads all there is. It waits for what is due to be made first.
func (m *metricsHandler) collect(ctx context.Context, families map[*metric][]string) error {
	add := func(d *metric, v float64, labels ...string) { families[d] = append(families[d], d.sample(v, labels)) }
	now, days := m.now(), func(d time.Duration) float64 { return d.Hours() / 24 }

	levels := map[Level]int{Warning: 0, Failing: 0}
	for _, p := range m.Problems(ctx) { // first: it has made what is due
		levels[p.Level]++
	}
	if shared := m.lab.Shared(); shared != nil {
		collectNode(shared.Link(), add)
	}
	counts, err := m.lab.Counts(ctx)
	_, away := web.Away(err)
	switch {
	case away: // the rest is told all the same
		add(mUp, 0)
	case err != nil:
		return err
	default:
		add(mUp, 1)
		add(mStore, float64(counts.Size))
	}
	for _, c := range counts.Authorities {
		id := c.Authority.ID()
		add(mIssued, float64(c.Issued), id)
		add(mRevoked, float64(c.Revoked), id)
		add(mNotAfter, float64(c.NotAfter.Unix()), id)
		add(mDays, days(c.NotAfter.Sub(now)), id)
		full, delta := m.crls.Latest(c.Authority)
		for kind, l := range map[string]*crl.CRL{"full": full, "delta": delta} {
			if l == nil {
				continue
			}
			add(mNumber, float64(l.Number), id, kind)
			add(mThis, float64(l.ThisUpdate.Unix()), id, kind)
			add(mNext, float64(l.NextUpdate.Unix()), id, kind)
			add(mAge, now.Sub(l.ThisUpdate).Seconds(), id, kind)
			add(mSize, float64(l.Size), id, kind)
			add(mEntries, float64(l.Entries), id, kind)
		}
	}
	for level, n := range levels {
		add(mProblems, float64(n), string(level))
	}
	o := m.counts()
	for status, n := range map[string]uint64{"good": o.Good, "revoked": o.Revoked, "unknown": o.Unknown} {
		add(mAnswers, float64(n), status)
	}
	for status, n := range map[string]uint64{"malformedRequest": o.Malformed, "internalError": o.InternalError,
		"tryLater":     o.TryLater,
		"unauthorized": o.Unauthorized} {
		add(mRefusals, float64(n), status)
	}
	add(mSignatures, float64(o.Signatures))
	add(mHits, float64(o.Hits))
	add(mKept, float64(o.Kept))
	add(mWaiting, float64(o.Waiting))
	for _, r := range o.Responders {
		if r.NotAfter.IsZero() { // it could not be made
			continue
		}
		add(mResponder, float64(r.NotAfter.Unix()), r.Authority.ID())
		add(mResponderD, days(r.NotAfter.Sub(now)), r.Authority.ID())
	}
	add(goroutines, float64(runtime.NumGoroutine()))
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(heap)
	add(heapBytes, float64(heap[0].Value.Uint64()))
	return nil
}

// Two of the process itself, by the names that Prometheus's libraries give them.
var (
	goroutines = &metric{name: "go_goroutines", help: "Goroutines that exist.", kind: "gauge"}
	heapBytes  = &metric{name: "go_memstats_heap_alloc_bytes", help: "Bytes of heap objects.", kind: "gauge"}
)
