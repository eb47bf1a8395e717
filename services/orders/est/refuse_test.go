package est

import (
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/igc-lab/igc/ca/store"
)

// A database that does not answer is not a fault of igc: 503, when to come back, in both languages,
// and not where it is.
func TestAway(t *testing.T) {
	s := &server{Options{Log: slog.New(slog.DiscardHandler)}}
	for kind, want := range map[store.Kind]int{store.Unavailable: 503, store.Unanswered: 503, store.Internal: 500,
		store.Damaged: 500, store.Unwritable: 500, store.Invalid: 400, store.NotFound: 404, store.Conflict: 409} {
		w := httptest.NewRecorder()
		s.refuse(w, httptest.NewRequest("GET", "/", nil), &store.Error{Kind: kind, Err: errors.New("of 10.0.0.1")})
		if w.Code != want || (w.Header().Get("Retry-After") != "") != (want == 503) {
			t.Errorf("%s: %d %v, want %d", kind, w.Code, w.Header(), want)
		}
		if body := w.Body.String(); want == 503 &&
			(strings.Contains(body, "10.0.0.1") || !strings.Contains(body, "base de données") ||
				!strings.Contains(body, "the lab's database")) {
			t.Errorf("%s: %s", kind, body)
		}
	}
}
