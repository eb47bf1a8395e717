package card_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/card"
	"github.com/igc-lab/igc/internal/cardtest"
	"github.com/igc-lab/igc/profiles"
)

// verified tells whether the keys sign for the card's certificates.
func verified(t *testing.T, c *card.Card, keys map[string]crypto.Signer) {
	t.Helper()
	if len(keys) != 2 {
		t.Fatalf("%d keys, want those of authentication and signature", len(keys))
	}
	digest := sha256.Sum256([]byte("to be signed"))
	for _, cert := range c.Certificates {
		signature, err := keys[cert.Role].Sign(rand.Reader, digest[:], crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		if !cardtest.Verifies(cert.Public, digest[:], signature) {
			t.Errorf("the %s key is not that of the certificate", cert.Role)
		}
	}
}

func left(t *testing.T, c *card.Card) [2]int {
	t.Helper()
	s, err := c.Status()
	if err != nil {
		t.Fatal(err)
	}
	return [2]int{s.TriesLeft, s.UnblockingsLeft}
}

// What a holder lives through, each step under the eyes of a process that reads the folder afresh.
func TestPIN(t *testing.T) {
	lab := cardtest.New(t)
	for _, test := range []struct {
		name   string
		g      card.ChipType
		strict bool
		codes  int // wrong unblocking codes that the card takes
	}{{"CPS3", card.CPS3, false, 10}, {"CPS4", card.CPS4, false, 3}, {"CPS3 with a strict PIN", card.CPS3, true, 3}} {
		t.Run(test.name, func(t *testing.T) {
			dir := lab.Issue(ca.P256, "1234")
			c, err := card.Read(dir)
			if err == nil {
				err = errors.Join(c.SetChipType(test.g), c.SetStrictPIN(test.strict))
			}
			if err != nil {
				t.Fatal(err)
			}
			testPIN(t, dir, test.codes)
		})
	}
}

func testPIN(t *testing.T, dir string, codes int) {
	read := func() *card.Card {
		t.Helper()
		c, err := card.Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	var wrong *card.WrongCode
	step := func(name string, err error, want [2]int, is error) {
		t.Helper()
		switch {
		case is == nil && err != nil, is != nil && !errors.Is(err, is) && !(errors.As(err, &wrong) && errors.As(is, new(*card.WrongCode))):
			t.Errorf("%s: %v, want %v", name, err, is)
		}
		if got := left(t, read()); got != want {
			t.Errorf("%s leaves %v tries, want %v", name, got, want)
		}
	}
	open := func(pin string) error {
		c := read()
		keys, err := c.Open(pin)
		if err == nil {
			verified(t, c, keys)
		}
		return err
	}
	aWrongOne := &card.WrongCode{}
	step("wrong before any right one", open("0000"), [2]int{2, codes}, aWrongOne)
	step("right", open("1234"), [2]int{3, codes}, nil)
	step("empty", open(""), [2]int{2, codes}, aWrongOne)
	step("wrong", open("12345"), [2]int{1, codes}, aWrongOne)
	step("right again, which forgives", open("1234"), [2]int{3, codes}, nil)
	step("a new PIN that is none", read().ChangePIN("1234", "12a4"), [2]int{3, codes}, card.ErrForm)
	step("a new PIN by a wrong one", read().ChangePIN("9999", "4321"), [2]int{2, codes}, aWrongOne)
	step("a new PIN", read().ChangePIN("1234", "4321"), [2]int{3, codes}, nil)
	step("the old one", open("1234"), [2]int{2, codes}, aWrongOne)
	step("the new one", open("4321"), [2]int{3, codes}, nil)
	for _, n := range []int{2, 1} {
		step("wrong", open("0000"), [2]int{n, codes}, aWrongOne)
	}
	step("the third wrong one", open("0000"), [2]int{0, codes}, card.ErrBlocked)
	step("right, too late", open("4321"), [2]int{0, codes}, card.ErrBlocked)
	step("no change either", read().ChangePIN("4321", "1111"), [2]int{0, codes}, card.ErrBlocked)
	step("wrong unblocking code", read().Unblock("00000000", "5555"), [2]int{0, codes - 1}, aWrongOne)
	step("a PIN that is none", read().Unblock(card.DefaultUnblockingCode, "5"), [2]int{0, codes - 1}, card.ErrForm)
	step("unblocked", read().Unblock(card.DefaultUnblockingCode, "55555555"), [2]int{3, codes}, nil)
	step("the PIN of before", open("4321"), [2]int{2, codes}, aWrongOne)
	step("the PIN since", open("55555555"), [2]int{3, codes}, nil)
	for n := codes - 1; n > 0; n-- {
		step("wrong unblocking code", read().CheckCode("87654321"), [2]int{3, n}, aWrongOne)
	}
	step("the last", read().CheckCode("87654321"), [2]int{3, 0}, card.ErrDead)
	step("right, too late", read().Unblock(card.DefaultUnblockingCode, "1234"), [2]int{3, 0}, card.ErrDead)
	step("the PIN is as it was", open("55555555"), [2]int{3, 0}, nil)

	for _, secret := range []string{"55555555", "4321", card.DefaultUnblockingCode} {
		data, err := os.ReadFile(filepath.Join(dir, "state.json"))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), secret) {
			t.Errorf("state.json holds %s in clear", secret)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "state.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("state.json: %v %v", info.Mode(), err)
	}
}

// The tries of the unblocking code follow the chip that the card plays. What an older igc left of
// three is what is left, and a card that is lost stays so.
func TestUnblockingTries(t *testing.T) {
	lab := cardtest.New(t)
	c, err := card.Read(lab.Issue(ca.P256, "1234"))
	if err != nil {
		t.Fatal(err)
	}
	is := func(what string, want int) {
		t.Helper()
		if got := left(t, c)[1]; got != want {
			t.Errorf("%s: %d tries of the unblocking code, want %d", what, got, want)
		}
	}
	play := func(g card.ChipType, strict bool) {
		t.Helper()
		if err := errors.Join(c.SetChipType(g), c.SetStrictPIN(strict)); err != nil {
			t.Fatal(err)
		}
	}
	is("a new CPS3", 10)
	play(card.CPS4, false)
	is("as a CPS4", 3)
	play(card.CPS3, true)
	is("as a CPS3 with a strict PIN", 3)
	play(card.CPS3, false)
	is("as a CPS3 again", 10)
	c.CheckCode("00000000")
	c.CheckCode("00000000")
	is("after two wrong ones", 8)
	play(card.CPS4, false)
	for range 3 {
		c.CheckCode("00000000")
	}
	is("lost as a CPS4", 0)
	play(card.CPS3, false)
	is("and as a CPS3", 0)

	for state, want := range map[string]int{
		`{"version":1,"tries_left":3,"unblockings_left":3}`: 10,
		`{"version":1,"tries_left":3,"unblockings_left":2}`: 2,
		`{"version":1,"tries_left":3,"unblockings_left":0}`: 0,
	} {
		if err := os.WriteFile(filepath.Join(c.Dir, "state.json"), []byte(state), 0o600); err != nil {
			t.Fatal(err)
		}
		is("an older igc's "+state, want)
	}
}

// A card blocked before its first right PIN can be unblocked too, and a folder may name another
// code.
func TestUnblockingCode(t *testing.T) {
	lab := cardtest.New(t)
	dir := lab.Issue(ca.P256, "4444")
	if err := os.WriteFile(filepath.Join(dir, "unblocking-code"), []byte("31415926\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := card.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Unblock("31415926", "1111"); err == nil || left(t, c)[0] != card.Tries {
		t.Fatalf("never opened and not blocked, and another PIN than that of the files: %v, %v", err, left(t, c))
	}
	for range card.Tries {
		c.Open("0000")
	}
	if _, err := c.Open("4444"); !errors.Is(err, card.ErrBlocked) {
		t.Fatalf("three wrong ones: %v", err)
	}
	if err := c.Unblock(card.DefaultUnblockingCode, "4444"); err == nil {
		t.Fatal("the default code unblocks a card that has another")
	}
	if err := c.Unblock("31415926", "1111"); err == nil || left(t, c)[0] != 0 {
		t.Fatalf("never opened, and another PIN than that of the files: %v, %v", err, left(t, c))
	}
	if err := c.Unblock("31415926", "4444"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Open("4444"); err != nil {
		t.Fatal(err)
	}
	if err := c.Unblock("31415926", "1111"); err != nil {
		t.Fatal(err)
	}
	keys, err := c.Open("1111")
	if err != nil {
		t.Fatal(err)
	}
	verified(t, c, keys)
}

// Wrong PINs of many processes at once are each counted, none twice.
func TestProcesses(t *testing.T) {
	if dir := os.Getenv("CARD_TEST_DIR"); dir != "" { // one of the processes
		c, err := card.Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Open("0000")
		if !errors.Is(err, card.ErrBlocked) && !errors.As(err, new(*card.WrongCode)) {
			t.Fatal(err)
		}
		return
	}
	dir := cardtest.New(t).Issue(ca.P256, "1234")
	c, err := card.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				cmd := exec.Command(os.Args[0], "-test.run", "^TestProcesses$")
				cmd.Env = append(os.Environ(), "CARD_TEST_DIR="+dir)
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
		wg.Wait()
		if got := left(t, c)[0]; got != 1 {
			t.Fatalf("round %d: two wrong PINs at once leave %d tries, want 1", round, got)
		}
		if _, err := c.Open("1234"); err != nil {
			t.Fatal(err)
		}
	}
}

// Files that someone or something has damaged are refused in words; none is changed, and no try is
// lost.
func TestDamage(t *testing.T) {
	lab := cardtest.New(t)
	issued := lab.Issue(ca.P256, "1234")
	for name, test := range map[string]struct {
		file    string
		content string
		want    string
	}{
		"state of no version":     {"state.json", "{}", "version 0"},
		"state that is not JSON":  {"state.json", "\x00", "damaged"},
		"state of the wrong keys": {"state.json", `{"version":1,"tries_left":3,"unblockings_left":3,"by_pin":{"iterations":0}}`, "damaged"},
		"no key":                  {"authentication.key", "", "not an encrypted private key"},
		"a broken key":            {"authentication.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n", "damaged"},
		"no unblocking code":      {"unblocking-code", "12", "not eight digits"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := lab.Copy(issued)
			if err := os.WriteFile(filepath.Join(dir, test.file), []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := card.Read(dir)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Open("1234"); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %s", err, test.want)
			}
			if data, _ := os.ReadFile(filepath.Join(dir, test.file)); string(data) != test.content {
				t.Errorf("the file is now %q", data)
			}
			if _, err := os.Stat(filepath.Join(dir, "state.json")); test.file != "state.json" && err == nil {
				t.Error("a state was written")
			}
		})
	}
}

func TestReaders(t *testing.T) {
	lab := cardtest.New(t)
	readers := card.NewReaders(lab.Home)
	var cards []*card.Card
	dir := lab.Issue(ca.P256, "1234")
	for range 3 {
		c, err := card.Read(lab.Copy(dir))
		if err != nil {
			t.Fatal(err)
		}
		cards = append(cards, c)
	}
	if err := readers.Remove(cards[0]); !errors.Is(err, card.ErrNotInserted) {
		t.Errorf("removed from nowhere: %v", err)
	}
	at := map[*card.Card]int{}
	for _, c := range cards {
		in, err := readers.Insert(c)
		if err != nil {
			t.Fatal(err)
		}
		at[c] = in.Reader
	}
	if at[cards[0]] != 1 || at[cards[1]] != 2 || at[cards[2]] != 3 {
		t.Errorf("readers %v", at)
	}
	if in, err := readers.Insert(cards[1]); !errors.Is(err, card.ErrInserted) || in.Reader != 2 {
		t.Errorf("inserted twice: %v, %v", in, err)
	}
	if err := readers.Remove(cards[0]); err != nil {
		t.Fatal(err)
	}
	before, _ := readers.In(1)
	in, err := readers.Insert(cards[0])
	if err != nil || in.Reader != 1 || before.Dir != "" {
		t.Errorf("the reader that was left free: %v, %v, %v", before, in, err)
	}
	// a lab is moved by copying its folder
	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.CopyFS(moved, os.DirFS(lab.Home)); err != nil {
		t.Fatal(err)
	}
	list, err := card.NewReaders(moved).Inserted()
	if err != nil || len(list) != 3 || !strings.HasPrefix(list[0].Dir, moved) {
		t.Errorf("moved: %v, %v", list, err)
	}
	// six at once find six readers
	for _, c := range cards {
		if err := readers.Remove(c); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for range 6 {
		c, err := card.Read(lab.Copy(dir))
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			if _, err := readers.Insert(c); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if list, err := readers.Inserted(); err != nil || len(list) != 6 || list[5].Reader != 6 {
		t.Errorf("six at once: %v, %v", list, err)
	}
}

func TestFind(t *testing.T) {
	lab := cardtest.New(t)
	dir := lab.Issue(ca.P256, "1234")
	number := filepath.Base(dir)
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.CopyFS(elsewhere, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	for what, want := range map[string]string{number: dir, number[:5]: dir, dir: dir, elsewhere: elsewhere, "": "", "nothing": "", "0000000000": ""} {
		c, err := card.Find(lab.Home, what)
		if want == "" {
			if !errors.Is(err, card.ErrNotFound) {
				t.Errorf("%q: %v", what, err)
			}
			continue
		}
		if err != nil || c.Dir != want || c.Number != number {
			t.Errorf("%q: %+v, %v", what, c, err)
		}
	}
	if _, err := card.Find(lab.Home, t.TempDir()); !errors.Is(err, card.ErrNotCard) {
		t.Errorf("an empty folder: %v", err)
	}
	software := filepath.Join(t.TempDir(), "software")
	holder := profiles.Holder{GivenName: "CECILE", Surname: "SAGECH", IdNat: "899700075064", Profession: "50", Email: "cecile@exemple.fr"}
	order := ca.CardOrder{IssueRequest: ca.IssueRequest{Product: "ps-logiciel", Holder: holder}, Key: ca.P256, PIN: "1234", Out: software}
	if _, _, err := ca.MakeCard(context.Background(), lab.Client, lab.Home, order); err != nil {
		t.Fatal(err)
	}
	if _, err := card.Read(software); !errors.Is(err, card.ErrNotCard) {
		t.Errorf("software certificates: %v", err)
	}
}

// The chip is that of the certificates' time, until someone says another.
func TestGeneration(t *testing.T) {
	lab := cardtest.New(t)
	for g, want := range map[profiles.Generation]card.ChipType{profiles.Gen2016: card.CPS3, profiles.Gen2023: card.CPS4} {
		c, err := card.Read(lab.IssueGeneration(ca.P256, "1234", g))
		if err != nil {
			t.Fatal(err)
		}
		s, err := c.Status()
		if err != nil || s.ChipType != want {
			t.Errorf("%s: %s, %v", g, s.ChipType, err)
		}
		other := map[card.ChipType]card.ChipType{card.CPS3: card.CPS4, card.CPS4: card.CPS3}[want]
		if err := c.SetChipType(other); err != nil {
			t.Fatal(err)
		}
		if s, _ = c.Status(); s.ChipType != other || !strings.HasSuffix(c.Label(other), "-"+c.Number) {
			t.Errorf("told %s: %s, %s", other, s.ChipType, c.Label(other))
		}
	}
}

// Both PINs in one, as a card command brings them: wherever the old one ends, a wrong one is one
// try, and the code gives tries back without a new PIN.
func TestJoinedPIN(t *testing.T) {
	c, err := card.Read(cardtest.New(t).Issue(ca.P256, "1234"))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		codes string
		left  int
		opens string
	}{
		{"1234567890", 3, "567890"}, {"56789012345678", 3, "12345678"}, {"123456784321", 3, "4321"},
		{"12345678", 2, ""}, {"123", 2, ""}, {"4321x321", 2, ""}, {"9999999999999999", 1, ""}, {"43215555", 3, "5555"},
		{"00000000", 2, ""}, {"0000000000", 1, ""}, {"000000000000", 0, ""}, {"55551234", 0, ""},
	} {
		err := c.ChangeJoinedPIN(step.codes)
		if (err == nil) != (step.opens != "") || left(t, c)[0] != step.left {
			t.Errorf("%s: %v, %d tries left, want %d", step.codes, err, left(t, c)[0], step.left)
		}
		if step.opens != "" {
			if _, err := c.Open(step.opens); err != nil {
				t.Errorf("%s, then %s: %v", step.codes, step.opens, err)
			}
		}
	}
	if err := c.ResetTries("00000000"); err == nil || left(t, c) != [2]int{0, 9} {
		t.Errorf("a wrong unblocking code: %v, %v left", err, left(t, c))
	}
	if err := c.ResetTries(card.DefaultUnblockingCode); err != nil || left(t, c) != [2]int{3, 10} {
		t.Errorf("the right one: %v, %v left", err, left(t, c))
	}
	if _, err := c.Open("5555"); err != nil {
		t.Errorf("the PIN that it had: %v", err)
	}
}
