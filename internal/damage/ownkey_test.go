package damage

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/igc-lab/igc/internal/labtest"
)

// What recover brings back is still of a key that the holder made, as far as a card's folder says
// so; elsewhere it says that it does not know.
func TestRecoverOwnKeys(t *testing.T) {
	t.Setenv("IGC_LANG", "en")
	l := labtest.New(t, "--key", "p256", "--gamme", "EL")
	dir := t.TempDir()
	server := func(name string, more ...string) labtest.Card {
		t.Helper()
		request := filepath.Join(dir, name+".csr")
		l.Must("csr", "--cn", name+".hopital.test", "--key", "p256", "--key-out", filepath.Join(dir, name+".key"),
			"--clear-keys", "--out", request)
		return l.Issue(append([]string{"--csr", request}, more...)...)
	}
	edit := func(c labtest.Card, old, with string) {
		t.Helper()
		text := labtest.Read(t, c.File("card.json"))
		if !strings.Contains(text, old) {
			t.Fatalf("no %s in %s", old, text)
		}
		labtest.Write(t, c.File("card.json"), []byte(strings.Replace(text, old, with, 1)))
	}
	remove := func(path string) {
		t.Helper()
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}

	whole := server("a")
	unmarked := server("b") // no mark, and no key either
	edit(unmarked, `  "own_key": true,`+"\n", "")
	away := server("c", "--out", filepath.Join(t.TempDir(), "away"))
	bare := server("d") // only its certificate is left
	remove(bare.File("card.json"))
	torn := server("e")
	edit(torn, "{", "")
	made := l.Issue("--fixture", "serveur")
	lost := l.Issue("--fixture", "serveur")
	remove(lost.File("server.key")) // the lab made it all the same

	remove(filepath.Join(l.Home, "igc.db"))
	out := l.Must("recover", "--dry-run", away.Folder)
	for _, words := range []string{"key is the holder's own: 3", "made the key of 2 certificates: no card.json"} {
		if !strings.Contains(out, words) {
			t.Errorf("it does not say %q:\n%s", words, out)
		}
	}
	l.Must("recover", away.Folder)
	records := l.List()
	for name, tc := range map[string]struct {
		card labtest.Card
		own  bool
	}{
		"marked": {whole, true}, "without a mark or key": {unmarked, true}, "kept elsewhere": {away, true},
		"certificate alone": {bare, false}, "card.json torn": {torn, false},
		"made by the lab": {made, false}, "made by the lab, key lost": {lost, false},
	} {
		r := records[tc.card.Certificates[0].Serial]
		if r == nil || r.OwnKey != tc.own {
			t.Errorf("%s: %+v", name, r)
		}
	}
	labtest.Refused(t, l.Command("renew", whole.Certificates[0].Serial), 2, "give a request (--csr)")
	// and a key is still certified for one holder only
	if _, errOut, err := l.Run("issue", "--csr", filepath.Join(dir, "c.csr"), "--organisation", "X", "--siren",
		"187512751", "--department", "75"); err == nil || !strings.Contains(errOut, "for one holder only") {
		t.Errorf("another holder: %v, %s", err, errOut)
	}
	l.Must("issue", "--csr", filepath.Join(dir, "c.csr"))
	if out := l.Must("recover"); !strings.Contains(out, "nothing to do") {
		t.Errorf("a second time: %s", out)
	}
}
