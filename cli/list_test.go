package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/igc-lab/igc/internal/labtest"
)

// The table of igc list has what its user ordered: test cards and the certificates of the lab's own
// servers are left out, counted, and shown when they are asked for.
func TestListLeavesAside(t *testing.T) {
	l := labtest.New(t, "--key", "p256")
	list := func(args ...string) (rows int, table, notes string) {
		t.Helper()
		out, notes, err := l.Run(append([]string{"list"}, args...)...)
		if err != nil {
			t.Fatal(err, notes)
		}
		return max(0, strings.Count(out, "\n")-1), out, notes
	}
	serve := func() { l.Serve().Stop(t) }

	serve()
	if _, out, notes := list(); !strings.Contains(out, "No certificate issued yet") ||
		!strings.Contains(notes, "left out: certificates of the lab's own servers: 1 (--all)") {
		t.Errorf("nothing ordered: %s%s", out, notes)
	}
	serve()
	alain := l.Issue("--fixture", "alain")
	// a server that the user ordered, on the same host
	server := []string{"--card", "ssl-serv", "--service", "localhost", "--department", "75", "--organisation",
		"HOPITAL", "--structure", "10B0057881"}
	l.Issue(server...)
	test := l.Issue("--fixture", "max") // as igc fixtures make leaves it
	folder := filepath.Join(l.Home, "fixtures", "max")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	labtest.Write(t, filepath.Join(folder, "card.json"), []byte(labtest.Read(t, test.File("card.json"))))

	const both = "left out: test cards: 1 (--fixtures), certificates of the lab's own servers: 2 (--all)"
	const servers = "left out: certificates of the lab's own servers: 2 (--all)"
	for name, tc := range map[string]struct {
		args  []string
		rows  int
		notes string // empty: nothing is left out
	}{
		"by itself":          {nil, 2, both},
		"newest":             {[]string{"--limit", "1"}, 1, "left out: test cards: 1"},
		"all rows":           {[]string{"--limit", "0"}, 2, both},
		"with test cards":    {[]string{"--fixtures"}, 3, servers},
		"a certificate each": {[]string{"--certificates"}, 3, both},
		"of a product":       {[]string{"--product", "ssl-serv"}, 1, servers},
		"of another product": {[]string{"--product", "auth-cli"}, 0, ""},
		"of a holder":        {[]string{"--holder", "laboratoire de test"}, 2, ""},
		"of a test card":     {[]string{"--card", test.CardNumber}, 1, ""},
		"of a card":          {[]string{"--card", alain.CardNumber}, 1, ""},
	} {
		rows, table, notes := list(tc.args...)
		if rows != tc.rows || !strings.Contains(notes, tc.notes) ||
			tc.notes == "" && strings.Contains(notes, "left out") {
			t.Errorf("%s: %d rows, want %d\n%s%s", name, rows, tc.rows, table, notes)
		}
	}
	if rows, table, notes := list("--all"); rows < 7 || strings.Contains(notes, "left out") ||
		strings.Count(table, "ssl-serv/server") != 3 {
		t.Errorf("everything: %d rows\n%s%s", rows, table, notes)
	}
}
