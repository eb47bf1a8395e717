package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// The rate of long work has the decimal mark of the reader's language.
func TestProgressInBothLanguages(t *testing.T) {
	for language, want := range map[string]string{"fr": "cartes : 5/10, 2,5/s, encore 2s",
		"en": "cartes: 5/10, 2.5/s, left: 2s"} {
		t.Setenv("IGC_LANG", language)
		var out bytes.Buffer
		b := newBar(&out)
		b.start = time.Now().Add(-2 * time.Second)
		b.last = b.start
		b.show("cartes", 5, 10)
		if got := strings.TrimSpace(out.String()); got != want {
			t.Errorf("%s: %q, want %q", language, got, want)
		}
	}
}
