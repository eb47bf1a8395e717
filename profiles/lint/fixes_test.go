package lint

import (
	"strings"
	"testing"
)

// Every rule has a fix in both languages, and every fix a rule; no text names a document that users
// do not have.
func TestFixes(t *testing.T) {
	known := map[string]bool{"igc_certificate": true}
	for _, r := range rules {
		known[r.id] = true
		fix := r.fix()
		if fix.FR == "" || fix.EN == "" || fix.FR == fix.EN {
			t.Errorf("%s: %+v", r.id, fix)
		}
		for _, text := range []string{r.fr, r.en, fix.FR, fix.EN} {
			if strings.Contains(text, "§") || strings.Contains(text, "reference") {
				t.Errorf("%s: %s", r.id, text)
			}
		}
	}
	for id := range fixes {
		if !known[id] {
			t.Errorf("there is no rule %s", id)
		}
	}
}
