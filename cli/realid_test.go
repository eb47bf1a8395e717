package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/igc-lab/igc/internal/labtest"
)

// A number that may be a real person's is refused wherever it comes from, with the same words, and
// nothing is issued; --allow-real-id accepts it.
func TestRealNumbers(t *testing.T) {
	l := labtest.New(t, "--key", "p256", "--gamme", "FO")
	const real, test = "10001234562", "99700075064"
	person := func(rpps string) []string {
		return []string{"issue", "--profession", "10", "--given-name", "ALAIN", "--surname", "DODO", "--rpps", rpps}
	}
	folder := filepath.Join(t.TempDir(), "real")
	fresh := func() *labtest.Lab { // a copy, in which the number of the card is free
		c := &labtest.Lab{T: t, Home: filepath.Join(t.TempDir(), "lab")}
		if err := os.CopyFS(c.Home, os.DirFS(l.Home)); err != nil {
			t.Fatal(err)
		}
		return c
	}
	other := fresh()
	other.Must(append(person(real), "--allow-real-id", "--out", folder)...)
	like := filepath.Join(folder, "authentication.pem")

	requests := func(rpps string) string { // a card has two keys
		subject := "/title=Médecin/GN=ALAIN/SN=DODO/CN=8" + rpps
		var both []byte
		for range 2 {
			both = append(both, labtest.Read(t, opensslRequest(t, "-utf8", "-subj", subject))...)
		}
		file := filepath.Join(t.TempDir(), "both.csr")
		labtest.Write(t, file, both)
		return file
	}
	batch := func(row map[string]string) string {
		data, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "row.jsonl")
		if err := os.WriteFile(file, append(data, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	request := requests(real)
	for name, args := range map[string][]string{
		"a number":        person(real),
		"a whole number":  {"issue", "--fixture", "alain", "--id-nat", "8" + real},
		"a certificate":   {"issue", "--like", like},
		"of another name": {"issue", "--like", like, "--surname", "DUPONT"},
		"a PKCS#12":       {"issue", "--like", filepath.Join(folder, "authentication.p12")},
		"requests":        {"issue", "--card", "cps", "--csr", request},
		"a row": {"issue", "--batch", batch(map[string]string{"card": "cps", "profession": "10", "given-name": "A",
			"surname": "B", "rpps": real})},
		"a certificate in a row": {"issue", "--batch", batch(map[string]string{"like": like})},
		"a request in a row": {"issue", "--batch", batch(map[string]string{"card": "cps",
			"csr": labtest.Read(t, request)})},
		"a row that is checked": {"issue", "--check", "--batch", batch(map[string]string{"like": like})},
	} {
		before := len(l.List())
		_, errOut, err := l.Run(args...)
		if err == nil || !strings.Contains(errOut, "RPPS number "+real+" is outside the test ranges (997…, 999…)") ||
			!strings.Contains(errOut, "--allow-real-id accepts this one") {
			t.Errorf("%s: %v, %s", name, err, errOut)
		}
		if n := len(l.List()); n != before {
			t.Errorf("%s: %d certificates were issued", name, n-before)
		}
		if _, errOut, err := fresh().Run(append(args, "--allow-real-id")...); err != nil {
			t.Errorf("%s, allowed: %v, %s", name, err, errOut)
		}
	}
	// numbers of tests are taken, also in the place of one that is not
	for name, args := range map[string][]string{
		"a certificate with another number": {"issue", "--like", like, "--rpps", test},
		"requests":                          {"issue", "--card", "cps", "--csr", requests(test)},
		"requests and a number":             {"issue", "--card", "cps", "--csr", requests(real), "--rpps", test},
	} {
		if _, errOut, err := l.Run(args...); err != nil {
			t.Errorf("%s: %v, %s", name, err, errOut)
		}
	}
	other.Must("renew", like) // it was accepted before
}
