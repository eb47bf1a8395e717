package chip_test

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/card"
	"github.com/igc-lab/igc/card/chip"
	"github.com/igc-lab/igc/internal/cardtest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// fixed is a copy of the card of testdata, whose certificates and keys are always the same, as a
// chip. Its PIN is 1234.
func fixed(t testing.TB, g card.ChipType) (*card.Card, *chip.Chip) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "card"))); err != nil {
		t.Fatal(err)
	}
	c, err := card.Read(dir)
	if err == nil {
		err = c.SetChipType(g)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c, insert(t, c)
}

func insert(t testing.TB, c *card.Card) *chip.Chip {
	t.Helper()
	played, err := chip.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return played
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return b
}

// Under a strict PIN each signature of the signature key uses up a VERIFY, and the authentication
// key asks once.
func TestStrictPIN(t *testing.T) {
	c, _ := fixed(t, card.CPS3)
	verify, hash, sign := "002000010431323334", "002A90A00B90008007626F6E6A6F7572", "002A9E9A00"
	setUp := []string{"002241AA03800140", "002241B606800142840181"}
	for _, test := range []struct {
		strict bool
		second string
	}{{false, "9000"}, {true, "6982"}} {
		if err := c.SetStrictPIN(test.strict); err != nil {
			t.Fatal(err)
		}
		played := insert(t, c)
		signs := func(what, want string) {
			t.Helper()
			for _, command := range append(setUp, hash) {
				must(t, played, command)
			}
			if answer := played.Transmit(unhex(t, sign)); hex.EncodeToString(answer[len(answer)-2:]) != want && !(want == "9000" && answer[len(answer)-2] == 0x61) {
				t.Errorf("strict: %t, %s: answered %X, want %s", test.strict, what, answer[len(answer)-2:], want)
			}
		}
		must(t, played, verify)
		signs("the first signature", "9000")
		signs("the second", test.second)
		signs("the third", test.second)
		must(t, played, verify)
		signs("after the PIN", "9000")
		for range 2 {
			must(t, played, "002241A406800102840182")
			if answer := played.Transmit(unhex(t, "0088000002010200")); answer[len(answer)-2] != 0x61 && answer[len(answer)-2] != 0x90 {
				t.Errorf("strict: %t, the authentication key answers %X", test.strict, answer)
			}
		}
	}
}

// Dialogues with the card: lines "> command", and ">~ command" for one whose answer is never the
// same; "reset"; remarks. What the card answers is written below by -update.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			g := card.CPS3
			if strings.Contains(file, "cps4") {
				g = card.CPS4
			}
			_, played := fixed(t, g)
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for line := range strings.Lines(string(want)) {
				line = strings.TrimSuffix(line, "\n")
				kind, apdu, _ := strings.Cut(line, " ")
				if kind == "<" {
					continue
				}
				fmt.Fprintln(&got, line)
				switch kind {
				case "reset":
					played.Reset()
				case ">", ">~":
					fmt.Fprintln(&got, "<", brief(played.Transmit(unhex(t, apdu)), kind == ">~"))
					if err := played.Err(); err != nil {
						t.Errorf("%s: %v", line, err)
					}
				}
			}
			if *update {
				if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got.String() != string(want) {
				was, is := strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")
				for i := range min(len(was), len(is)) {
					if was[i] != is[i] {
						t.Fatalf("line %d, after %q:\n got %s\nwant %s\n(-update writes what the card answers now)", i+1, is[max(i-1, 0)], is[i], was[i])
					}
				}
				t.Fatal("there are answers more or less than before")
			}
		})
	}
}

// brief writes an answer: its data, which of long ones are the beginning and a hash, and SW1-SW2.
func brief(answer []byte, random bool) string {
	data, sw := answer[:len(answer)-2], answer[len(answer)-2:]
	switch {
	case random:
		return fmt.Sprintf("(%d bytes) %X", len(data), sw)
	case len(data) > 48:
		return fmt.Sprintf("%X... (%d bytes, SHA-256 %.8x) %X", data[:16], len(data), sha256.Sum256(data), sw)
	case len(data) > 0:
		return fmt.Sprintf("%X %X", data, sw)
	}
	return fmt.Sprintf("%X", sw)
}

// must sends a command that has to succeed, and gives its data.
func must(t *testing.T, played *chip.Chip, apdu string, data ...byte) []byte {
	t.Helper()
	answer := played.Transmit(append(unhex(t, apdu), data...))
	if !bytes.HasSuffix(answer, []byte{0x90, 0x00}) {
		t.Fatalf("%s is answered %X", apdu, answer)
	}
	return answer[:len(answer)-2]
}

// What the keys sign is good for the certificates that stand on the card, by every algorithm.
func TestSignatures(t *testing.T) {
	message := bytes.Repeat([]byte("ordonnance "), 30)
	digest := sha256.Sum256(message)
	digestInfo := append(unhex(t, "3031300D060960864801650304020105000420"), digest[:]...)
	key := func(c *card.Card, role string) *rsa.PublicKey {
		for _, cert := range c.Certificates {
			if cert.Role == role {
				return cert.Public.(*rsa.PublicKey)
			}
		}
		t.Fatalf("no %s certificate", role)
		return nil
	}
	check := func(name string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}

	c, played := fixed(t, card.CPS3)
	must(t, played, "002000010431323334")
	must(t, played, "002241A406800102840182")
	signature := must(t, played, fmt.Sprintf("00880000%02X%X00", len(digestInfo), digestInfo))
	check("CPS3, authentication", rsa.VerifyPKCS1v15(key(c, "authentication"), crypto.SHA256, digest[:], signature))

	// the state of SHA-256 after whole blocks, as software sends it
	h := sha256.New()
	whole := len(message) / 64 * 64
	h.Write(message[:whole])
	state, err := h.(interface{ MarshalBinary() ([]byte, error) }).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	content := append([]byte{0x90, 40}, state[4:36]...)
	content = binary.BigEndian.AppendUint64(content, uint64(whole)*8)
	content = append(append(content, 0x80, byte(len(message)-whole)), message[whole:]...)
	must(t, played, "002241AA03800140")
	must(t, played, fmt.Sprintf("002A90A0%02X%X", len(content), content))
	must(t, played, "002241B606800142840181")
	check("CPS3, signature", rsa.VerifyPKCS1v15(key(c, "signature"), crypto.SHA256, digest[:], must(t, played, "002A9E9A00")))

	// what somebody encrypted for the card, in a chain of commands since 257 bytes are more than
	// one takes
	public, block := key(c, "authentication"), append(append([]byte{0, 2}, bytes.Repeat([]byte{0x55}, 247)...), "\x00secret"...) // RFC 8017 §7.2.1
	secret := new(big.Int).Exp(new(big.Int).SetBytes(block), big.NewInt(int64(public.E)), public.N).FillBytes(make([]byte, 256))
	must(t, played, "002241B8068001 1A 840182")
	must(t, played, fmt.Sprintf("102A8086FF81%X", secret[:254]))
	if plain := must(t, played, fmt.Sprintf("002A808602%X00", secret[254:])); string(plain) != "secret" {
		t.Errorf("CPS3, deciphered: %q", plain)
	}

	c, played = fixed(t, card.CPS4)
	must(t, played, "01A4040C088025000001FF0100")
	must(t, played, "012000010431323334")
	for _, one := range []struct {
		name, role, set string
		verify          func(*rsa.PublicKey, []byte) error
	}{
		{"CPS4, PSS, authentication", "authentication", "91022CA0", func(k *rsa.PublicKey, s []byte) error {
			return rsa.VerifyPSS(k, crypto.SHA256, digest[:], s, &rsa.PSSOptions{SaltLength: 32})
		}},
		{"CPS4, PSS, signature", "signature", "91022C90", func(k *rsa.PublicKey, s []byte) error {
			return rsa.VerifyPSS(k, crypto.SHA256, digest[:], s, &rsa.PSSOptions{SaltLength: 32})
		}},
		{"CPS4, PKCS#1 v1.5", "signature", "91022890", func(k *rsa.PublicKey, s []byte) error {
			return rsa.VerifyPKCS1v15(k, crypto.SHA256, digest[:], s)
		}},
	} {
		must(t, played, "012281B604"+one.set)
		check(one.name, one.verify(key(c, one.role), must(t, played, fmt.Sprintf("012A9E9A20%X00", digest))))
	}
	// a block that software padded, sent to be deciphered, in one command of extended length
	padded := append([]byte{0, 1}, bytes.Repeat([]byte{0xFF}, 256-3-len(digestInfo))...)
	padded = append(append(padded, 0), digestInfo...)
	must(t, played, "012241B803830120")
	signature = must(t, played, fmt.Sprintf("012A8086000100%X0000", padded))
	check("CPS4, by deciphering", rsa.VerifyPKCS1v15(key(c, "authentication"), crypto.SHA256, digest[:], signature))
}

// The card is one, whoever asks it: what software writes and the tries that it loses are those of
// the folder.
func TestSharedState(t *testing.T) {
	c, played := fixed(t, card.CPS3)
	must(t, played, "002000010431323334")
	must(t, played, "00A4080C040001D107")
	must(t, played, "00D6000003", 'i', 'g', 'c')
	played.Transmit(unhex(t, "002000010439393939"))
	s, err := c.Status()
	if err != nil || string(s.Data) != "igc" || s.TriesLeft != 2 {
		t.Errorf("after a write and a wrong PIN: %+v, %v", s, err)
	}
	var wrong *card.WrongCode
	if _, err := c.Open("0000"); !errors.As(err, &wrong) {
		t.Fatal(err)
	}
	if answer := played.Transmit(unhex(t, "00200001")); !bytes.Equal(answer, []byte{0x63, 0xC1}) {
		t.Errorf("the chip says %X of one try left", answer)
	}
	again := insert(t, c)
	must(t, again, "00A4080C040001D107")
	if data := must(t, again, "00B0000004"); string(data) != "igc\x00" {
		t.Errorf("CPS_DATA is %q", data)
	}
}

// Keys that no chip has are refused before the card is in a reader.
func TestKeys(t *testing.T) {
	c, err := card.Read(cardtest.New(t).Issue(ca.P256, "1234"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chip.New(c); !errors.Is(err, chip.ErrKeys) {
		t.Errorf("a P-256 card: %v", err)
	}
}

// What a command costs beside what it computes: PC/SC waits for it.
func BenchmarkCommands(b *testing.B) {
	_, played := fixed(b, card.CPS3)
	send := func(apdu string) {
		if answer := played.Transmit(unhex(b, apdu)); answer[len(answer)-2] != 0x90 {
			b.Fatalf("%s is answered %X", apdu, answer)
		}
	}
	for _, one := range []struct{ name, before, apdu string }{
		{"select", "00A4000C", "00A4080C040001A001"},
		{"read", "00A4080C040001A001", "00B0000000"},
		{"verify", "00A4000C", "002000010431323334"},
		{"authenticate", "002241A406800102840182", "00880000040102030400"},
	} {
		b.Run(one.name, func(b *testing.B) {
			send("002000010431323334")
			send(one.before)
			for b.Loop() {
				send(one.apdu)
			}
		})
	}
}

// Whatever commands come, the card answers with a status word, and who knows no code wins no try
// back.
func FuzzTransmit(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join("testdata", "*.txt"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for part := range strings.SplitSeq(string(text), "\nreset\n") {
			seed := []byte{byte(len(f.Name()))}
			for line := range strings.Lines(part) {
				if kind, apdu, _ := strings.Cut(strings.TrimSpace(line), " "); kind == ">" || kind == ">~" {
					b := unhex(f, apdu)
					seed = append(binary.BigEndian.AppendUint16(seed, uint16(len(b))), b...)
				}
			}
			for mode := range 4 {
				seed[0] = byte(mode)
				f.Add(bytes.Clone(seed))
			}
		}
	}
	c, _ := fixed(f, card.CPS3)
	if err := os.WriteFile(filepath.Join(c.Dir, "unblocking-code"), []byte("83920174\n"), 0o600); err != nil {
		f.Fatal(err)
	}
	if err := c.ChangePIN("1234", "60417253"); err != nil {
		f.Fatal(err)
	}
	stateFile := filepath.Join(c.Dir, "state.json")
	state, err := os.ReadFile(stateFile)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			return
		}
		mode, data := data[0], data[1:]
		if err := os.WriteFile(stateFile, state, 0o600); err != nil {
			t.Fatal(err)
		}
		g := []card.ChipType{card.CPS3, card.CPS4}[mode&1]
		if err := c.SetChipType(g); err != nil {
			t.Fatal(err)
		}
		played := insert(t, c)
		knowsPIN := mode&2 != 0
		if knowsPIN {
			class := []string{"00", "01"}[mode&1]
			if g == card.CPS4 {
				must(t, played, "01A4040C088025000001FF0100")
			}
			must(t, played, class+"200001083630343137323533")
		}
		left, err := c.Status()
		if err != nil {
			t.Fatal(err)
		}
		for range 64 { // commands
			if len(data) < 2 {
				return
			}
			n := min(int(binary.BigEndian.Uint16(data)), len(data)-2)
			apdu := data[2 : 2+n]
			data = data[2+n:]
			answer := played.Transmit(apdu)
			if len(answer) < 2 || len(answer) > 1<<16+2 {
				t.Fatalf("%X is answered with %d bytes", apdu, len(answer))
			}
			if sw1 := answer[len(answer)-2]; sw1>>4 != 6 && sw1 != 0x90 && sw1 != 0x9F || sw1 == 0x60 {
				t.Fatalf("%X is answered %X", apdu, answer[len(answer)-2:])
			}
			if err := played.Err(); err != nil {
				t.Fatalf("%X: %v", apdu, err)
			}
			now, err := c.Status()
			if err != nil {
				t.Fatal(err)
			}
			if !knowsPIN && (now.TriesLeft > left.TriesLeft || now.UnblockingsLeft > left.UnblockingsLeft) {
				t.Fatalf("%X raised the tries from %d and %d to %d and %d", apdu, left.TriesLeft, left.UnblockingsLeft, now.TriesLeft, now.UnblockingsLeft)
			}
			left = now
		}
	})
}
