package peer

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// SoftHSM is a token of SoftHSM, with PIN 1234.
type SoftHSM struct {
	Library string // its PKCS#11 module
	Label   string // of the token
	PIN     string // the file that holds the PIN
	Tokens  string // the folder that holds the token
}

// NewSoftHSM makes a token that this process and those it starts find until the test ends.
func NewSoftHSM(t testing.TB, label string) *SoftHSM {
	t.Helper()
	Need(t, "softhsm2-util")
	Need(t, "pkcs11-tool")
	dir := t.TempDir()
	h := &SoftHSM{Library: "/usr/lib/softhsm/libsofthsm2.so", Label: label, PIN: filepath.Join(dir, "pin"),
		Tokens: filepath.Join(dir, "tokens")}
	if _, err := os.Stat(h.Library); err != nil {
		Missing(t, h.Library)
	}
	conf := filepath.Join(dir, "softhsm2.conf")
	for path, content := range map[string]string{h.PIN: "1234\n", conf: "directories.tokendir = " + h.Tokens + "\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(h.Tokens, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOFTHSM2_CONF", conf)
	Run(t, "softhsm2-util", "--init-token", "--free", "--label", label, "--pin", "1234", "--so-pin", "12345678")
	return h
}

// URI is the token's, as igc.yaml has it.
func (h *SoftHSM) URI() string {
	return "pkcs11:token=" + strings.ReplaceAll(url.QueryEscape(h.Label), "+", "%20") + "?module-path=" + h.Library +
		"&pin-source=file:" + h.PIN
}

// Tool runs pkcs11-tool, logged in.
func (h *SoftHSM) Tool(t testing.TB, args ...string) string {
	t.Helper()
	login := []string{"--module", h.Library, "--token-label", h.Label, "--login", "--pin", "1234"}
	return Run(t, "pkcs11-tool", append(login, args...)...)
}

// PrivateKeys counts the private keys of the token.
func (h *SoftHSM) PrivateKeys(t testing.TB) int {
	t.Helper()
	return strings.Count(h.Tool(t, "--list-objects", "--type", "privkey"), "Private Key Object")
}
