package vpcd_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/card"
	"github.com/igc-lab/igc/card/chip"
	"github.com/igc-lab/igc/card/vpcd"
	"github.com/igc-lab/igc/internal/cardtest"
	"github.com/igc-lab/igc/internal/peer"
)

const patience = time.Minute // on a machine that has much else to do

// Stock OpenSC, through PC/SC, on a CPS3: it knows the card, takes its PIN, has it sign, changes
// the PIN; and sees that the card is gone.
func TestOpenSC(t *testing.T) {
	tool := peer.Need(t, "pkcs11-tool")
	address := cardtest.PCSC(t)
	c, err := card.Read(cardtest.New(t).Issue(ca.RSA2048, "1234"))
	if err == nil {
		err = c.SetChipType(card.CPS3)
	}
	if err != nil {
		t.Fatal(err)
	}
	d := &chips{in: c}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	events := make(chan vpcd.Event, 100)
	go func() {
		ended <- vpcd.Run(ctx, address, 1, d.source, func(string) error { return nil }, func(e vpcd.Event) { events <- e })
	}()
	defer func() { stop(); <-ended }()
	for inserted := false; !inserted; {
		select {
		case e := <-events:
			inserted = e.State == vpcd.Inserted
		case <-time.After(patience):
			t.Fatal("vpcd does not listen")
		}
	}
	until := func(words string, there bool, program string, args ...string) { // pcscd takes its time to notice
		t.Helper()
		for deadline := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
			out, err := peer.Try(t, program, args...)
			if strings.Contains(out, words) == there {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s %q: %v\n%s", program, args, err, out)
			}
		}
	}
	until("IAS", true, "opensc-tool", "-n")
	run := func(args ...string) string { t.Helper(); return peer.Run(t, tool, args...) }

	shows := func(out string, all ...string) {
		t.Helper()
		for _, want := range all {
			if !strings.Contains(out, want) {
				t.Errorf("%s is missing:\n%s", want, out)
			}
		}
	}
	shows(run("-L"), "CPS3v3-"+c.Number, "Labo IGC-Sante")
	shows(run("-O"), "Certificat d'Authentification CPS", "Certificat de Signature CPS", "CPS_NAME_PS")
	shows(run("-l", "-p", "1234", "-O"), "CPS_PRIV_AUT", "CPS_PRIV_SIG", "CPS_ACTIVITY_01_PS")
	if out, err := peer.Try(t, tool, "-l", "-p", "9999", "-O"); err == nil || !strings.Contains(out, "CKR_PIN_INCORRECT") {
		t.Errorf("a wrong PIN: %v\n%s", err, out)
	}
	if s, err := c.Status(); err != nil || s.TriesLeft != card.Tries-1 {
		t.Errorf("a wrong PIN leaves %d tries, %v", s.TriesLeft, err)
	}

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
	prefix, _ := hex.DecodeString("3031300D060960864801650304020105000420") // DigestInfo of SHA-256
	data, digestInfo := file("data", text), file("digestinfo", append(prefix, digest[:]...))
	public := file("public", []byte(peer.Run(t, "openssl", "x509", "-in", filepath.Join(c.Dir, "authentication.pem"), "-noout", "-pubkey")))
	signature := filepath.Join(dir, "signature")
	run("-l", "-p", "1234", "--sign", "-m", "RSA-PKCS", "--id", strings.ToLower(card.AID)+"02", "-i", digestInfo, "-o", signature)
	if out := peer.Run(t, "openssl", "dgst", "-sha256", "-verify", public, "-signature", signature, data); !strings.Contains(out, "Verified OK") {
		t.Error(out)
	}
	run("-l", "-p", "1234", "--change-pin", "--new-pin", "567890")
	if _, err := c.Open("567890"); err != nil {
		t.Errorf("the PIN that OpenSC set: %v", err)
	}

	d.remove()
	until("CPS3v3-", false, tool, "-L")
}

// chips is a reader for one card.
type chips struct {
	in *card.Card
	desk
}

func (d *chips) source(int) (string, func() (vpcd.Chip, error)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.in == nil {
		return "", nil
	}
	in := d.in
	return in.Dir, func() (vpcd.Chip, error) { return chip.New(in) }
}

func (d *chips) remove() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.in = nil
}
