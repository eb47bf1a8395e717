package main_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/card"
	"github.com/igc-lab/igc/internal/cardtest"
	"github.com/igc-lab/igc/internal/peer"
)

// desk is a lab with a card in its first reader.
func desk(t *testing.T, key ca.KeyPolicy, g card.ChipType) (home string, c *card.Card) {
	t.Helper()
	lab := cardtest.New(t)
	c, err := card.Read(lab.Issue(key, "1234"))
	if err == nil {
		err = c.SetChipType(g)
	}
	if err == nil {
		_, err = card.NewReaders(lab.Home).Insert(c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return lab.Home, c
}

// at runs a program that finds the lab by the environment.
func at(t *testing.T, home, program string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = append(os.Environ(), "IGC_HOME="+home)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// A C program's dealings with the module, those that the standard forbids among them, and those of
// its children.
func TestConformance(t *testing.T) {
	module := cardtest.Module(t)
	program := filepath.Join(t.TempDir(), "conformance")
	peer.Run(t, "gcc", "-Wall", "-Werror", "-o", program, filepath.Join("testdata", "conformance.c"), "-ldl", "-lpthread")
	home, _ := desk(t, ca.RSA2048, card.CPS3)
	if out, err := at(t, home, program, module, "1234", "0"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// Nothing but the entry point is to be seen from outside, so that other libraries' names cannot
// come in its way.
func TestExports(t *testing.T) {
	var names []string
	for line := range strings.Lines(peer.Run(t, "nm", "-D", "--defined-only", cardtest.Module(t))) {
		fields := strings.Fields(line)
		names = append(names, fields[len(fields)-1])
	}
	if got := strings.Join(names, " "); got != "C_GetFunctionList igc_cps_path" {
		t.Errorf("exported: %s", got)
	}
}

// OpenSC's tool lists, tests and signs as it does through the Cryptolib 5.2.2 with the same chips:
// its own test takes the first mechanism that is announced for signing, which no such card does,
// and ends there. The keys of a fast lab pass it.
func TestPKCS11Tool(t *testing.T) {
	tool, module := peer.Need(t, "pkcs11-tool"), cardtest.Module(t)
	const refused = "C_SignFinal failed: rv = CKR_"
	for _, test := range []struct {
		name                      string
		key                       ca.KeyPolicy
		chip                      card.ChipType
		outcome                   string // of pkcs11-tool -t
		says, not                 []string
		authentication, signature []toolSignature
	}{
		{"CPS3", ca.RSA2048, card.CPS3, refused + "FUNCTION_NOT_SUPPORTED", []string{"RSA-PKCS, keySize", "SHA256-RSA-PKCS, keySize"}, []string{"PSS", "ECDSA"},
			[]toolSignature{{"RSA-PKCS", true, nil, ""}, {"SHA256-RSA-PKCS", false, nil, refused + "KEY_TYPE_INCONSISTENT"}, {"RSA-X-509", true, nil, refused + "FUNCTION_NOT_SUPPORTED"}},
			[]toolSignature{{"RSA-PKCS", true, nil, ""}, {"SHA256-RSA-PKCS", false, nil, ""}}},
		{"CPS4", ca.RSA2048, card.CPS4, refused + "FUNCTION_NOT_SUPPORTED", []string{"RSA-PKCS-PSS, keySize", "SHA256-RSA-PKCS-PSS, keySize"}, []string{"ECDSA"},
			[]toolSignature{{"SHA256-RSA-PKCS-PSS", false, nil, ""}, {"SHA256-RSA-PKCS", false, nil, refused + "GENERAL_ERROR"},
				{"RSA-PKCS", true, nil, refused + "ARGUMENTS_BAD"}}, // the tool's buffer is longer than the signature
			[]toolSignature{{"RSA-PKCS", true, nil, ""}, {"SHA256-RSA-PKCS", false, nil, ""}, {"SHA256-RSA-PKCS-PSS", false, nil, ""}}},
		{"P-256", ca.P256, card.CPS3, "No errors", []string{"ECDSA, keySize"}, []string{"RSA"},
			[]toolSignature{{"ECDSA-SHA256", false, []string{"--signature-format", "openssl"}, ""}},
			[]toolSignature{{"ECDSA-SHA256", false, []string{"--signature-format", "openssl"}, ""}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			home, c := desk(t, test.key, test.chip)
			out, _ := at(t, home, tool, "--module", module, "-t", "-l", "-p", "1234")
			if !strings.Contains(out, test.outcome) || !strings.Contains(out, "SHA256: OK") {
				t.Errorf("pkcs11-tool -t says %s, want %s", out, test.outcome)
			}
			out, err := at(t, home, tool, "--module", module, "-L", "-M")
			if err != nil || !strings.Contains(out, c.Label(test.chip)) || !strings.Contains(out, "IAS ECC") {
				t.Errorf("pkcs11-tool -L -M: %v\n%s", err, out)
			}
			for _, want := range test.says {
				if !strings.Contains(out, want) {
					t.Errorf("%s is missing:\n%s", want, out)
				}
			}
			for _, not := range test.not {
				if strings.Contains(out, not) {
					t.Errorf("%s is there:\n%s", not, out)
				}
			}
			for _, cert := range c.Certificates {
				signatures := test.authentication
				if cert.Role == "signature" {
					signatures = test.signature
				}
				for _, s := range signatures {
					t.Run(cert.Role+" "+s.mechanism, func(t *testing.T) { s.try(t, home, c, cert, cert.ID(test.chip)) })
				}
			}
		})
	}
}

// toolSignature is a signature by pkcs11-tool: of data, or of their DigestInfo, and what it says
// when there is none.
type toolSignature struct {
	mechanism string
	hashed    bool
	args      []string
	refused   string
}

func (s toolSignature) try(t *testing.T, home string, c *card.Card, cert card.Certificate, id []byte) {
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	text := []byte("à signer")
	digest := sha256.Sum256(text)
	prefix := []byte{0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}
	data, signature := file("data", text), filepath.Join(dir, "signature")
	in := data
	if s.hashed {
		in = file("digestinfo", append(prefix, digest[:]...))
	}
	out, err := at(t, home, "pkcs11-tool", append([]string{"--module", cardtest.Module(t), "-l", "-p", "1234", "--sign", "-m", s.mechanism, "--id", fmt.Sprintf("%x", id),
		"-i", in, "-o", signature}, s.args...)...)
	if s.refused != "" {
		if err == nil || !strings.Contains(out, s.refused) {
			t.Errorf("%v, want %s\n%s", err, s.refused, out)
		}
		return
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	key := file("pub", []byte(peer.Run(t, "openssl", "x509", "-in", filepath.Join(c.Dir, cert.Role+".pem"), "-noout", "-pubkey")))
	verify := []string{"dgst", "-sha256", "-verify", key, "-signature", signature}
	if strings.Contains(s.mechanism, "PSS") {
		verify = append(verify, "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest")
	}
	if out := peer.Run(t, "openssl", append(verify, data)...); !strings.Contains(out, "Verified OK") {
		t.Error(out)
	}
}

// The holder's and the unblocking code through OpenSC's tool, and its words for a blocked card.
func TestPINByTool(t *testing.T) {
	tool, module := peer.Need(t, "pkcs11-tool"), cardtest.Module(t)
	home, _ := desk(t, ca.P256, card.CPS3)
	says := func(want string, args ...string) {
		t.Helper()
		out, _ := at(t, home, tool, append([]string{"--module", module}, args...)...)
		if !strings.Contains(out, want) {
			t.Errorf("pkcs11-tool %q says %s, want %s", args, out, want)
		}
	}
	says("PIN successfully changed", "-l", "-p", "1234", "--change-pin", "--new-pin", "4321")
	says("CKR_PIN_INCORRECT", "-l", "-p", "1234", "-O")
	says("user PIN count low", "-L")
	says("CKR_PIN_INCORRECT", "-l", "-p", "1234", "-O")
	says("final user PIN try", "-L")
	says("CKR_PIN_LOCKED", "-l", "-p", "1234", "-O")
	says("user PIN locked", "-L")
	says("User PIN successfully initialized", "--login", "--login-type", "so", "--so-pin", "12345678", "--init-pin", "--new-pin", "1111")
	says("CPS_PRIV_AUT", "-l", "-p", "1111", "-O")
}

// TestLoad is a browser's day in short, 5 seconds of it or as IGC_SOAK says: threads that log in
// and sign while the card comes and goes. No wrong answer, no crash, no growth of memory.
func TestLoad(t *testing.T) {
	lasts := 5 * time.Second
	if soak := os.Getenv("IGC_SOAK"); soak != "" {
		var err error
		if lasts, err = time.ParseDuration(soak); err != nil {
			t.Fatal(err)
		}
	}
	module, program := cardtest.Module(t), filepath.Join(t.TempDir(), "load")
	peer.Run(t, "gcc", "-Wall", "-Werror", "-o", program, filepath.Join("testdata", "load.c"), "-ldl", "-lpthread")
	home, c := desk(t, ca.RSA2048, card.CPS4)
	readers := card.NewReaders(home)
	done := make(chan struct{})
	var hands sync.WaitGroup
	hands.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(150 * time.Millisecond):
			}
			if err := readers.Remove(c); err != nil {
				t.Error(err)
			}
			if _, err := readers.Insert(c); err != nil {
				t.Error(err)
			}
		}
	})
	out, err := at(t, home, program, module, "1234", fmt.Sprint(int(lasts.Seconds())))
	close(done)
	hands.Wait()
	var warm, end, signatures int
	if _, scan := fmt.Sscanf(out, "warm=%d end=%d signatures=%d", &warm, &end, &signatures); err != nil || scan != nil || signatures == 0 {
		t.Fatalf("%v, %v\n%s", err, scan, out)
	}
	t.Logf("%s", out)
	if end > warm*5/4+4<<10 {
		t.Errorf("memory grows from %d KiB to %d", warm, end)
	}
	if s, err := c.Status(); err != nil || s.TriesLeft != card.Tries {
		t.Errorf("%d tries left, %v", s.TriesLeft, err)
	}
}
