package card_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/card"
	"github.com/igc-lab/igc/internal/cardtest"
	"github.com/igc-lab/igc/profiles"
)

// A card is found by what its user has at hand: the holder as people write names, the number, the
// folder, the last one. What several cards have in common lists them.
func TestFindByHolder(t *testing.T) {
	t.Setenv("IGC_LANG", "en")
	lab := cardtest.New(t)
	issue := func(number string, h profiles.Holder) string {
		h.CardNumber = number
		order := ca.CardOrder{IssueRequest: ca.IssueRequest{Product: "cps", Holder: h}, Key: ca.P256, PIN: "1234"}
		_, dir, err := ca.MakeCard(t.Context(), lab.Client, lab.Home, order)
		if err != nil {
			t.Fatal(err)
		}
		return dir
	}
	helene := profiles.Holder{GivenName: "HÉLÈNE", Surname: "D'ARC-NOËL", IdNat: "899700075064", Profession: "10"}
	jean := profiles.Holder{GivenName: "JEAN", Surname: "PETIT", IdNat: "899700209812", Profession: "10"}
	other := profiles.Holder{GivenName: "JEAN PIERRE", Surname: "PETIT", IdNat: "899700075072", Profession: "10"}
	first, second, third := issue("2800000001", helene), issue("2800000002", jean), issue("2900000003", other)
	for n, dir := range []string{second, third, first} { // the card of HÉLÈNE was written last
		at := time.Now().Add(time.Duration(n-10) * time.Minute)
		if err := os.Chtimes(filepath.Join(dir, "authentication.pem"), at, at); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := lab.SetStatus(t.Context(), ca.StatusChange{Card: "2900000003", Reason: "keyCompromise"}); err != nil {
		t.Fatal(err)
	}
	away := filepath.Join(t.TempDir(), "away")
	if err := os.CopyFS(away, os.DirFS(second)); err != nil {
		t.Fatal(err)
	}
	for what, want := range map[string]string{
		// with and without accents and case, in either order, in part
		"HÉLÈNE D'ARC-NOËL": "2800000001", "helene": "2800000001", "Hélène": "2800000001",
		"he\u0301le\u0300ne": "2800000001",
		"d'arc-noel":         "2800000001", "D’ARC": "2800000001",
		"arc-noël hélène": "nobody", "noel": "nobody", "hél": "2800000001",
		" helene  d'arc-noel ": "2800000001", "d'arc-noel helene": "2800000001",
		// numbers
		"99700075064": "2800000001", "899700075064": "2800000001", "9970 0075 064": "2800000001",
		"2800000002": "2800000002", "28 0000 0002": "2800000002", "29": "2900000003",
		// several
		"jean": "2 cards or certificates have a holder jean, give the number of one: 2800000002 JEAN PETIT, " +
			"2900000003 JEAN PIERRE PETIT",
		"Petit": "2 cards or certificates have a holder Petit", "petit jean": "2 cards",
		"28": "2 cards begin with 28: ",
		"2":  "3 cards begin with 2: ",
		// a revoked card is found too: its user wants to see it refused
		"jean pierre": "2900000003", "2900000003": "2900000003",
		// the last
		"last": "2800000001", "Dernière": "2800000001", "LATEST": "2800000001", "dernier": "2800000001",
		// folders
		first: "2800000001", first + "/": "2800000001", away: "2800000002",
		t.TempDir(): "not a card",
		// nobody
		"": "no number and no folder given", "je": "nobody", "ean": "nobody",
		"dupont": "nobody", "2700000000": "nobody",
		"899700075063": "nobody", filepath.Join(lab.Home, "cards", "none"): "nobody",
	} {
		c, err := card.Find(lab.Home, what)
		switch {
		case err == nil && c.Number != want:
			t.Errorf("%q: card %s, want %s", what, c.Number, want)
		case err != nil && want == "nobody":
			if !errors.Is(err, card.ErrNotFound) || !strings.Contains(err.Error(), "is neither the number of a card") {
				t.Errorf("%q: %v", what, err)
			}
		case err != nil && !strings.Contains(err.Error(), want):
			t.Errorf("%q: %v, want %s", what, err, want)
		}
	}
}
