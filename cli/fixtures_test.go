package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/labtest"
)

// The set is replaced whole, and nothing else is. What the lab issued is in its records, what was
// made by hand is not.
func TestFixturesFolder(t *testing.T) {
	t.Parallel()
	l := labtest.New(t, "--key", "p256")
	dir := filepath.Join(t.TempDir(), "set")
	before := labtest.Read(t, l.MakeFixtures(dir).File("cps-2016/authentication.pem"))
	s := l.MakeFixtures(dir)
	if labtest.Read(t, s.File("cps-2016/authentication.pem")) == before {
		t.Error("the set was not made again")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(s.Fixtures)+2 {
		t.Errorf("%d entries for %d fixtures, the manifest and the roots: %v", len(entries), len(s.Fixtures), err)
	}
	if siblings, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(siblings) != 1 {
		t.Errorf("left behind: %v, %v", siblings, err)
	}
	recorded := map[string]bool{}
	for _, r := range l.List() {
		recorded[string(r.DER)] = true
	}
	for _, e := range s.Fixtures {
		if e.Recorded != recorded[string(labtest.DER(t, s.File(e.Files.Certificate))[0])] || e.Recorded != (e.Files.Card != "") {
			t.Errorf("%s: recorded %t, says the manifest; card.json %q", e.ID, e.Recorded, e.Files.Card)
		}
		for _, name := range []string{e.Files.Key, e.Files.Chain, e.Files.PKCS12} {
			if labtest.Read(t, s.File(name)) == "" {
				t.Errorf("%s is empty", name)
			}
		}
	}

	untouched := labtest.Snapshot(t, dir)
	labtest.Write(t, filepath.Join(dir, "mine.txt"), []byte("mine"))
	labtest.Refused(t, l.Command("fixtures", "make", dir), 4, "holds mine.txt")
	os.Remove(filepath.Join(dir, "mine.txt"))
	labtest.Refused(t, l.Command("fixtures", "make", dir, "more"), 2, "unexpected argument")
	labtest.Refused(t, l.Command("fixtures", "make", filepath.Join(dir, fixtures.ManifestFile)), 7, "not a directory")
	if labtest.Snapshot(t, dir) != untouched {
		t.Error("the set changed")
	}
	other := t.TempDir()
	labtest.Write(t, filepath.Join(other, fixtures.ManifestFile), []byte(`{"name": "a browser's extension"}`))
	labtest.Refused(t, l.Command("fixtures", "make", other), 4, "holds manifest.json")
}

// Without the keys nothing is made, and nothing is issued either.
func TestFixturesPassphrase(t *testing.T) {
	t.Setenv("IGC_PASSPHRASE", "of mine")
	l := labtest.New(t, "--key", "p256")
	t.Setenv("IGC_PASSPHRASE", "")
	before := labtest.Snapshot(t, l.Home)
	labtest.Refused(t, l.Command("fixtures", "make"), 5, "give it with --passphrase-file")
	if labtest.Snapshot(t, l.Home) != before {
		t.Error("the lab changed")
	}
}

// The catalogue can be read without a lab.
func TestFixturesList(t *testing.T) {
	l := &labtest.Lab{T: t, Home: filepath.Join(t.TempDir(), "none")}
	var listed []fixtures.Entry
	if err := json.Unmarshal([]byte(l.Must("fixtures", "list", "--json")), &listed); err != nil || len(listed) != len(fixtures.Catalogue()) {
		t.Errorf("%d listed: %v", len(listed), err)
	}
	if out := l.Must("fixtures", "list"); !strings.Contains(out, "REV-CRL-REVOKED") {
		t.Errorf("list says %s", out)
	}
}
