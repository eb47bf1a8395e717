package main_test

import (
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
func desk(t *testing.T, key ca.KeyPolicy, g card.Generation) (home string, c *card.Card) {
	t.Helper()
	lab := cardtest.New(t)
	c, err := card.Read(lab.Issue(key, "1234"))
	if err == nil {
		err = c.SetGeneration(g)
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

// A C program's dealings with the module, those that the standard forbids among them, and those of its children.
func TestConformance(t *testing.T) {
	module := cardtest.Module(t)
	program := filepath.Join(t.TempDir(), "conformance")
	peer.Run(t, "gcc", "-Wall", "-Werror", "-o", program, filepath.Join("testdata", "conformance.c"), "-ldl", "-lpthread")
	home, _ := desk(t, ca.RSA2048, card.CPS3)
	if out, err := at(t, home, program, module, "1234", "0"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// Nothing but the door is to be seen from outside, so that other libraries' names cannot come in its way.
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

// OpenSC's own test of modules, on each chip, and what it writes of the token.
func TestPKCS11Tool(t *testing.T) {
	tool, module := peer.Need(t, "pkcs11-tool"), cardtest.Module(t)
	for _, test := range []struct {
		name string
		key  ca.KeyPolicy
		chip card.Generation
		says []string
		not  []string
	}{
		{"CPS3", ca.RSA2048, card.CPS3, []string{"RSA-PKCS, keySize", "SHA256-RSA-PKCS, keySize"}, []string{"PSS", "ECDSA"}},
		{"CPS4", ca.RSA2048, card.CPS4, []string{"RSA-PKCS, keySize", "RSA-PKCS-PSS, keySize", "SHA256-RSA-PKCS-PSS, keySize"}, []string{"ECDSA"}},
		{"P-256", ca.P256, card.CPS3, []string{"ECDSA, keySize"}, []string{"RSA"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			home, c := desk(t, test.key, test.chip)
			out, err := at(t, home, tool, "--module", module, "-t", "-l", "-p", "1234")
			if err != nil || !strings.Contains(out, "No errors") || strings.Contains(out, "ERR") {
				t.Errorf("pkcs11-tool -t: %v\n%s", err, out)
			}
			out, err = at(t, home, tool, "--module", module, "-L", "-M")
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
			dir := t.TempDir()
			data, signature := filepath.Join(dir, "data"), filepath.Join(dir, "signature")
			if err := os.WriteFile(data, []byte("à signer"), 0o600); err != nil {
				t.Fatal(err)
			}
			mechanism, format := "SHA256-RSA-PKCS", []string{}
			if test.key == ca.P256 {
				mechanism, format = "ECDSA-SHA256", []string{"--signature-format", "openssl"}
			}
			for _, cert := range c.Certificates {
				role, id := cert.Role, fmt.Sprintf("%x", cert.ID(test.chip))
				args := append([]string{"--module", module, "-l", "-p", "1234", "--sign", "-m", mechanism, "--id", id, "-i", data, "-o", signature}, format...)
				if out, err := at(t, home, tool, args...); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				key := filepath.Join(dir, role+".pub")
				public := peer.Run(t, "openssl", "x509", "-in", filepath.Join(c.Dir, role+".pem"), "-noout", "-pubkey")
				if err := os.WriteFile(key, []byte(public), 0o600); err != nil {
					t.Fatal(err)
				}
				if out := peer.Run(t, "openssl", "dgst", "-sha256", "-verify", key, "-signature", signature, data); !strings.Contains(out, "Verified OK") {
					t.Errorf("%s: %s", role, out)
				}
			}
		})
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

// TestLoad is a browser's day in short, 5 seconds of it or as IGC_SOAK says: threads that log in and sign while the card comes and
// goes. No wrong answer, no crash, no growth of memory.
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
