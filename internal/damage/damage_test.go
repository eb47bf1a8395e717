package damage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/cli"
	"github.com/igc-lab/igc/internal/labtest"
)

// runHere runs a command in this process, and fails when it does not end.
func runHere(t testing.TB, home string, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	done := make(chan int, 1)
	go func() {
		done <- cli.Main(append([]string{"igc", "--home", home}, args...), strings.NewReader(""), &o, &e)
	}()
	select {
	case code = <-done:
	case <-time.After(labtest.Patience):
		t.Fatalf("igc %q does not end", args)
	}
	return code, o.String(), e.String()
}

// damageFile changes a database as a bad disk, a bad copy or a bad program does, and says how.
func damageFile(r *rand.Rand, data []byte, pageSize int) ([]byte, string) {
	data = bytes.Clone(data)
	page := func() (int, []byte) {
		n := r.IntN(len(data) / pageSize)
		return n, data[n*pageSize:][:pageSize]
	}
	noise := func(b []byte) {
		for i := range b {
			b[i] = byte(r.Uint32())
		}
	}
	switch r.IntN(8) {
	case 0:
		n, p := page()
		noise(p)
		return data, fmt.Sprintf("noise in page %d", n)
	case 1:
		n, p := page()
		fill := []byte{0, 0xFF, 'A'}[r.IntN(3)]
		copy(p, bytes.Repeat([]byte{fill}, pageSize))
		return data, fmt.Sprintf("page %d of %02X", n, fill)
	case 2:
		n, p := page()
		from, q := page()
		copy(p, q)
		return data, fmt.Sprintf("page %d is page %d", n, from)
	case 3: // the head of a page and its first entries: what bbolt goes by
		n, p := page()
		at := r.IntN(64)
		p[at] ^= 1 << r.IntN(8)
		return data, fmt.Sprintf("a bit of byte %d of page %d", at, n)
	case 4:
		n, p := page()
		at := r.IntN(pageSize - 64)
		noise(p[at : at+1+r.IntN(63)])
		return data, fmt.Sprintf("noise from byte %d of page %d on", at, n)
	case 5:
		n := r.IntN(len(data))
		return data[:n], fmt.Sprintf("cut to %d bytes", n)
	case 6:
		n := r.IntN(len(data)/pageSize) * pageSize
		return data[:n], fmt.Sprintf("cut to %d pages", n/pageSize)
	}
	var at []int
	for range 1 + r.IntN(8) {
		n := r.IntN(len(data))
		data[n] ^= 1 << r.IntN(8)
		at = append(at, n)
	}
	return data, fmt.Sprintf("a bit of bytes %v", at)
}

// Databases that are damaged at random, and every command that reads: each gives the answer that it
// gave before, or one line and the exit code 7; igc doctor finds what any of them finds.
// IGC_DAMAGED says how many.
func TestDamagedDatabase(t *testing.T) {
	t.Setenv("IGC_LANG", "en")
	wanted := 60
	if s := os.Getenv("IGC_DAMAGED"); s != "" {
		var err error
		if wanted, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	const seed = 11
	r := rand.New(rand.NewPCG(seed, 0))
	t.Logf("%d databases, seed %d", wanted, seed)
	l := labtest.New(t, "--key", "p256", "--gamme", "FO")
	revoked := l.Issue("--fixture", "alain")
	held := l.Issue("--fixture", "guy")
	l.Must("revoke", revoked.Certificates[0].Serial, "--reason", "keyCompromise")
	l.Must("revoke", "--card", held.CardNumber, "--reason", "certificateHold")
	l.Must("publish")
	small := []byte(labtest.Read(t, filepath.Join(l.Home, "igc.db")))
	l.Must("bench", "seed", "--certificates", "1500", "--revoked", "700") // trees of several pages
	large := []byte(labtest.Read(t, filepath.Join(l.Home, "igc.db")))

	commands := [][]string{
		{"list"}, {"list", "--json", "--all"}, {"list", "--card", revoked.CardNumber}, {"list", "--status", "revoked", "--limit", "5"},
		{"show", revoked.Certificates[0].Serial}, {"show", held.Certificates[0].Serial, "--json"}, {"show", "ACI-FO-PP"}, {"show", "ACR-FO", "--pem"},
		{"revoke", revoked.Certificates[0].Serial, "--reason", "keyCompromise", "--dry-run"}, {"unhold", "--card", held.CardNumber, "--dry-run"},
		{"doctor", "--json"},
	}
	answers := func(n int) (all []string) {
		damaged := 0
		for _, args := range commands {
			code, out, errOut := runHere(t, l.Home, args...)
			if args[0] == "doctor" {
				var findings []struct{ Remedy string }
				if err := json.Unmarshal([]byte(out), &findings); err != nil {
					t.Fatalf("%d: igc doctor: %v: %s%s", n, err, out, errOut)
				}
				records := slices.IndexFunc(findings, func(f struct{ Remedy string }) bool { return strings.Contains(f.Remedy, "recover") })
				if (code == 7) != (records >= 0) || damaged > 0 && code != 7 {
					t.Errorf("%d: igc doctor: exit code %d, and %d commands found damage: %s", n, code, damaged, out)
				}
				all = append(all, map[bool]string{true: "damaged", false: "well"}[code == 7])
				continue
			}
			if code == 7 {
				damaged++
				if strings.Count(errOut, "\n") != 1 || !strings.Contains(errOut, "igc recover") || !strings.Contains(errOut, "igc.db") {
					t.Errorf("%d: igc %q: %s", n, args, errOut)
				}
			}
			all = append(all, fmt.Sprintf("%d\n%s%s", code, out, errOut))
		}
		return all
	}
	path := filepath.Join(l.Home, "igc.db")
	put := func(data []byte) {
		t.Helper()
		if err := os.Remove(path); err != nil { // another file: the one before may be mapped still
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bases := [][]byte{small, large}
	var before [2][]string
	for i, data := range bases {
		put(data)
		before[i] = answers(-1)
		for k, a := range before[i] {
			if strings.HasPrefix(a, "7") || a == "damaged" {
				t.Fatalf("igc %q on a whole database: %s", commands[k], a)
			}
		}
	}
	found, harmless := 0, 0
	for n := range wanted {
		base := n % len(bases)
		data, how := damageFile(r, bases[base], os.Getpagesize())
		put(data)
		after := answers(n)
		same := true
		for i, a := range after {
			if a == before[base][i] {
				continue
			}
			same = false
			if !strings.HasPrefix(a, "7\n") && a != "damaged" {
				t.Errorf("%d, %s: igc %q answered\n%.300s\nbefore\n%.300s", n, how, commands[i], a, before[base][i])
			}
		}
		if same {
			harmless++
		} else {
			found++
		}
	}
	t.Logf("%d were refused; of %d every answer was that of before", found, harmless)
	if found < wanted/2 {
		t.Error("the test saw little")
	}
}
