package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/igc-lab/igc/internal/labtest"
)

// What igc show takes for a card or a certificate, and what revoke takes for what it changes: the
// same, but that a part of a name changes nothing.
func TestNamed(t *testing.T) {
	l := labtest.New(t, "--key", "p256", "--gamme", "FO")
	person := func(given, surname, rpps, number string) labtest.Card {
		return l.Issue("--profession", "10", "--given-name", given, "--surname", surname, "--rpps", rpps,
			"--card-number", number)
	}
	helene := person("HÉLÈNE", "LEBRUN", "99700075064", "2800000001")
	jean := person("JEAN", "PETIT", "99700209812", "2800000002")
	gone := person("JEAN PIERRE", "PETIT", "99700075072", "2900000003")
	l.Must("revoke", "--card", gone.CardNumber, "--reason", "keyCompromise")
	empty := t.TempDir()
	torn := filepath.Join(t.TempDir(), "torn")
	if err := os.CopyFS(torn, os.DirFS(helene.Folder)); err != nil {
		t.Fatal(err)
	}
	labtest.Write(t, filepath.Join(torn, "card.json"), []byte("{"))
	serial := helene.Certificates[0].Serial

	const several, none = "2 cards or certificates have a holder", "nor the name of a card or holder"
	for what, tc := range map[string]struct {
		show   string // what it shows, or the error
		revoke string // of a dry run: the certificates that would change, or the error
	}{
		"2800000001":                       {"/2800000001", "cps/signature, HÉLÈNE"},
		"28 0000 0001":                     {"/2800000001", "cps/signature, HÉLÈNE"},
		serial:                             {"/2800000001", serial},
		serial[16:26]:                      {"/2800000001", serial},
		helene.Folder:                      {"/2800000001", "cps/signature, HÉLÈNE"},
		helene.File("authentication.pem"):  {"/2800000001", serial},
		"helene":                           {"/2800000001", "give the whole number, 2800000001"},
		"Lebrun hélène":                    {"/2800000001", "give the whole number, 2800000001"},
		"99700075064":                      {"/2800000001", "give the whole number, 2800000001"},
		"29":                               {"/2900000003", "give the whole number, 2900000003"},
		"jean pierre":                      {"/2900000003", "give the whole number, 2900000003"},
		gone.Folder:                        {"/2900000003", "revoked already"},
		"jean":                             {several, several},
		"PETIT":                            {several, several},
		"28":                               {"2 cards begin with 28", "2 cards begin with 28"},
		"last":                             {"/2900000003", "revoked already"},
		"dupont":                           {none, none},
		"je":                               {none, none},
		"2700000000":                       {"no certificate has the serial", "no certificate has the serial"},
		empty:                              {"is not a card's folder", "is not a card's folder"},
		torn:                               {"is not a card's folder", "is not a card's folder"},
		filepath.Join(l.Home, "igc.yaml"):  {"not a certificate", "not a certificate"},
		filepath.Join(jean.Folder, "none"): {none, ""}, // another message for a file that is not there
	} {
		out, errOut, _ := l.Run("show", what)
		if !strings.Contains(out+errOut, tc.show) {
			t.Errorf("show %q: %s%s, want %s", what, out, errOut, tc.show)
		}
		out, errOut, _ = l.Run("revoke", what, "--reason", "superseded", "--dry-run")
		if !strings.Contains(out+errOut, tc.revoke) {
			t.Errorf("revoke %q: %s%s, want %s", what, out, errOut, tc.revoke)
		}
	}
}
