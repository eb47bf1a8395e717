package verify

import (
	"strings"
	"testing"

	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/profiles/inspect"
)

// Remarks on a holder are in both languages.
func TestRemarks(t *testing.T) {
	for id, want := range map[string][2]string{
		"810001234562":  {"hors des plages de test", "outside the test ranges"},
		"899700209813":  {"clé de contrôle", "check digit"},
		"00B6087511":    {"", ""},
		"899700209812":  {"", ""},
		"8997002098120": {"", ""},
	} {
		h := profiles.Holder{GivenName: "ALAIN", Surname: "DODO", IdNat: id}
		var fr, en string
		for _, f := range describe(&inspect.Certificate{Holder: h}).Facts {
			if f.Key == "remark" {
				if f.Words == nil || f.Value != f.Words.EN || f.Words.FR == f.Words.EN {
					t.Errorf("%s: %+v", id, f)
					continue
				}
				fr, en = fr+f.Words.FR, en+f.Words.EN
			}
		}
		if !strings.Contains(fr, want[0]) || !strings.Contains(en, want[1]) {
			t.Errorf("%s: %q, %q, want %q", id, fr, en, want)
		}
		if warnings := h.Warnings(); len(warnings) > 0 && fr == "" {
			t.Errorf("%s: no remark says %q", id, warnings)
		}
	}
}
