//go:build cgo && !nopkcs11

package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/doctor"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
	"github.com/igc-lab/igc/internal/postgrestest"
)

// A lab whose authorities' keys are in a PKCS#11 token issues, revokes and answers as any other, on
// each of its machines. Without the token it says so, and issues nothing.
func TestKeysInToken(t *testing.T) {
	h := peer.NewSoftHSM(t, "lab")
	l := labtest.New(t, "--key", "p256", "--store", postgrestest.Database(t), "--authority-keys", h.URI(),
		"--gamme", "FO")
	if n := h.PrivateKeys(t); n != 3 {
		t.Errorf("the token has %d keys, and ACR-FO and the two below it are three", n)
	}
	files, err := filepath.Glob(filepath.Join(l.Home, "keys", "AC*.key"))
	if err != nil || len(files) != 3 {
		t.Errorf("the files of authorities' keys are %q, %v", files, err)
	}
	for _, file := range files {
		text := labtest.Read(t, file)
		if !strings.Contains(text, "PKCS#11 PROVIDER URI") || strings.Contains(text, "PRIVATE KEY") {
			t.Errorf("%s is\n%s", file, text)
		}
	}
	other := newNode(t, l)
	for name, node := range map[string]*labtest.Lab{"the first machine": l, "the other": other} {
		card := node.Issue("--fixture", "alain")
		peer.Run(t, "openssl", "verify", "-CAfile", card.File("chain.pem"), card.File("authentication.pem"))
		server := node.Serve()
		records := node.List()
		r := records[card.Certificates[0].Serial]
		if got := ocspStatus(t, server, r, issuerOf(t, records, r)); got != ocsp.Good {
			t.Errorf("%s: OCSP says %d", name, got)
		}
		node.Must("revoke", r.Serial, "--reason", "keyCompromise")
		if got := ocspStatus(t, server, r, issuerOf(t, records, r)); got != ocsp.Revoked {
			t.Errorf("%s: OCSP says %d after the revocation", name, got)
		}
		server.Stop(t)
	}
	keysFound := func() doctor.Finding {
		t.Helper()
		cmd := exec.Command(labtest.Program(), "doctor", "--json")
		cmd.Env = append(os.Environ(), "IGC_HOME="+l.Home, "IGC_LANG=en")
		return findingOf(t, diagnosis(t, cmd), "keys")
	}
	if f := keysFound(); f.State != doctor.OK || !strings.Contains(f.Message, ", in a PKCS#11 token") {
		t.Errorf("doctor says %s, %s", f.State, f.Message)
	}
	missing := files[0]
	address := labtest.Read(t, missing)
	if err := os.Remove(missing); err != nil {
		t.Fatal(err)
	}
	if f := keysFound(); f.State != doctor.OK { // the other machine's is in the database
		t.Errorf("without the file of an address doctor says %s, %s", f.State, f.Message)
	}
	labtest.Write(t, missing, []byte(address[:40]))
	if f := keysFound(); f.State != doctor.Todo || f.Remedy == "" {
		t.Errorf("of half an address doctor says %s, %s", f.State, f.Message)
	}
	labtest.Write(t, missing, []byte(address))
	if err := os.Rename(filepath.Join(l.Home, "passphrase"), l.Home+".passphrase"); err != nil {
		t.Fatal(err)
	}
	if f := keysFound(); f.State != doctor.OK || !strings.Contains(f.Message, ", in a PKCS#11 token") {
		t.Errorf("without the passphrase doctor says %s, %s", f.State, f.Message)
	}
	if err := os.Rename(l.Home+".passphrase", filepath.Join(l.Home, "passphrase")); err != nil {
		t.Fatal(err)
	}
	before := l.Must("list", "--all")
	if err := os.Rename(h.Tokens, h.Tokens+"-away"); err != nil {
		t.Fatal(err)
	}
	out, errOut, err := l.Run("issue", "--fixture", "alain")
	if err == nil || !strings.Contains(errOut, "the token token=lab does not open") {
		t.Errorf("without the token: %v, %s%s", err, out, errOut)
	}
	if after := l.Must("list", "--all"); after != before {
		t.Errorf("without the token the lab became\n%s\nand was\n%s", after, before)
	}
	if f := keysFound(); f.State != doctor.Todo || !strings.Contains(f.Message, "does not open") {
		t.Errorf("without the token doctor says %s, %s", f.State, f.Message)
	}
}

// A setting that is not a token's URI, or that holds a PIN, makes no lab.
func TestKeysInNoToken(t *testing.T) {
	t.Parallel()
	for setting, says := range map[string]string{
		"softhsm": "is not the URI of a PKCS#11 token", "pkcs11:token=x": "pin-source",
		"pkcs11:token=x?pin-value=1234": "has its PIN", "pkcs11:token=x?pin-source=/none": "cannot read the PIN",
	} {
		l := &labtest.Lab{T: t, Home: filepath.Join(t.TempDir(), "lab")}
		_, errOut, err := l.Run("init", "--authority-keys", setting)
		if err == nil || !strings.Contains(errOut, says) || strings.Contains(errOut, "1234") {
			t.Errorf("%s: %v, %s", setting, err, errOut)
		}
		if _, err := os.Stat(l.Home); err == nil {
			t.Errorf("%s: a folder was made", setting)
		}
	}
}
