package web

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/igc-lab/igc/ca/store"
)

// A database that does not answer is 503 with when to come back, in both languages, without where
// it is; no other error is.
func TestErrorAway(t *testing.T) {
	cause := errors.New("dial tcp 10.0.0.1:5432: connection refused")
	for kind, want := range map[store.Kind]bool{store.Unavailable: true, store.Unanswered: true, store.Busy: false,
		store.Internal: false, store.Damaged: false, store.Unwritable: false, store.NotFound: false,
		store.Invalid: false, store.Conflict: false} {
		w := httptest.NewRecorder()
		err := fmt.Errorf("card 2: %w", &store.Error{Kind: kind, Err: cause})
		if got := ErrorAway(w, err); got != want {
			t.Errorf("%s: %v, want %v", kind, got, want)
		}
		body := w.Body.String()
		if !want {
			continue
		}
		if w.Code != 503 || w.Header().Get("Retry-After") != "5" || strings.Contains(body, "10.0.0.1") ||
			!strings.Contains(body, "base de données") || !strings.Contains(body, "database") {
			t.Errorf("%s: %d %v %s", kind, w.Code, w.Header(), body)
		}
	}
	if _, away := Away(nil); away {
		t.Error("no error is one")
	}
}
