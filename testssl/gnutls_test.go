package testssl

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/card"
	"github.com/igc-lab/igc/internal/cardtest"
	"github.com/igc-lab/igc/internal/peer"
	"github.com/igc-lab/igc/verify"
)

// What the page says of GnuTLS: with a CPS3 it completes the handshake of TLS 1.3 without a
// certificate and without an error, and the fixes that the page gives work.
func TestGnuTLS(t *testing.T) {
	peer.Need(t, "gnutls-cli")
	module := cardtest.Module(t)
	s := newSite(t)
	s.move(time.Now()) // gnutls-cli has no other clock
	c := makeCard(t, s.lab, "good", time.Time{})
	root, err := s.lab.Authorities(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var roots bytes.Buffer
	for _, i := range root {
		pem.Encode(&roots, &pem.Block{Type: "CERTIFICATE", Bytes: i.DER})
	}
	put(t, filepath.Join(dir, "roots.pem"), roots.String())
	onChip := []string{"--provider=" + module, "--x509certfile=pkcs11:object=Certificat%20d%27Authentification%20CPS;type=cert",
		"--x509keyfile=pkcs11:object=CPS_PRIV_AUT;type=private"}
	inFile := []string{"--x509certfile=" + filepath.Join(c.dir, "authentication.pem"), "--x509keyfile=" + filepath.Join(c.dir, "authentication.key")}
	for _, test := range []struct {
		name    string
		chip    card.ChipType
		args    []string
		mode    string
		verdict verify.Code
	}{
		{"CPS3, TLS 1.3", card.CPS3, onChip, TLS13.Name, "TLS-NOCERT"},
		{"CPS3, TLS 1.2", card.CPS3, onChip, Default.Name, verify.OK},
		{"CPS3, the priority that the page gives", card.CPS3, append(onChip, "--priority=NORMAL:-VERS-TLS1.3"), Default.Name, verify.OK},
		{"CPS4, TLS 1.3", card.CPS4, onChip, TLS13.Name, verify.OK},
		{"a file, TLS 1.3", card.CPS3, inFile, TLS13.Name, verify.OK},
	} {
		t.Run(test.name, func(t *testing.T) {
			chip, err := card.Read(c.dir)
			if err == nil {
				err = chip.SetChipType(test.chip)
			}
			if err != nil {
				t.Fatal(err)
			}
			port := strings.TrimSuffix(s.urls[test.mode][strings.LastIndex(s.urls[test.mode], ":")+1:], "/")
			cmd := exec.CommandContext(t.Context(), "gnutls-cli", append([]string{"--x509cafile=" + filepath.Join(dir, "roots.pem"), "--port=" + port, "localhost"}, test.args...)...)
			cmd.Env = append(os.Environ(), "IGC_HOME="+c.home, "GNUTLS_PIN=1234")
			stdin, err := cmd.StdinPipe() // open until the answer is there: at its end gnutls-cli would go
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			io.WriteString(stdin, "GET /api/v1/card HTTP/1.0\r\nHost: localhost\r\n\r\n")
			err = cmd.Wait()
			said := out.String()
			if err != nil || !strings.Contains(said, fmt.Sprintf(`"verdict": "%s"`, test.verdict)) || !strings.Contains(said, "Handshake was completed") {
				t.Errorf("%v, the verdict is not %s:\n%s", err, test.verdict, said)
			}
			if without := strings.Contains(said, "No certificate was sent to peer"); without != (test.verdict == "TLS-NOCERT") {
				t.Errorf("gnutls-cli says that no certificate was sent: %v\n%s", without, said)
			}
		})
	}
}
