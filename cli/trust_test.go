package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
)

// The roots go into NSS (Chromium's two places and Firefox), Java and the system, and come out
// again.
func TestTrust(t *testing.T) {
	certutil, keytool := peer.Need(t, "certutil"), peer.Need(t, "keytool")
	l := labtest.New(t, "--key", "p256", "--gamme", "FO")
	home := t.TempDir()
	var stores []string
	for _, dir := range []string{".pki/nssdb", ".local/share/pki/nssdb", ".mozilla/firefox/abcd.default"} {
		dir = filepath.Join(home, dir)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		peer.Run(t, certutil, "-d", "sql:"+dir, "-N", "--empty-password")
		stores = append(stores, dir)
	}
	// a Java of its own, so that the machine's is left alone
	java := filepath.Join(home, "java")
	for _, dir := range []string{"bin", "lib/security"} {
		if err := os.MkdirAll(filepath.Join(java, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	real, err := filepath.EvalSymlinks(keytool)
	if err != nil {
		t.Fatal(err)
	}
	labtest.Write(t, filepath.Join(java, "bin/keytool"), []byte("#!/bin/sh\nexec "+real+" \"$@\"\n"))
	if err := os.Chmod(filepath.Join(java, "bin/keytool"), 0o700); err != nil {
		t.Fatal(err)
	}
	cacerts := filepath.Join(java, "lib/security/cacerts")
	peer.Run(t, keytool, "-genkeypair", "-keyalg", "EC", "-alias", "someone", "-dname", "CN=someone", "-keystore", cacerts, "-storepass", "changeit")

	trust := func(args ...string) string {
		t.Helper()
		cmd := l.Command(append([]string{"trust"}, args...)...)
		cmd.Env = append(cmd.Env, "HOME="+home, "JAVA_HOME="+java)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Run(); err != nil {
			t.Fatalf("igc trust %q: %v\n%s", args, err, out.String())
		}
		return out.String()
	}
	holds := func(want bool) {
		t.Helper()
		for _, dir := range stores {
			for _, root := range []string{"FORT", "ELEMENTAIRE"} { // the second is that of the TestSSL server
				if got := strings.Contains(peer.Run(t, certutil, "-d", "sql:"+dir, "-L"), "TEST AC RACINE IGC-SANTE "+root); got != want {
					t.Errorf("%s holds %s: %t, want %t", dir, root, got, want)
				}
			}
		}
		list := peer.Run(t, keytool, "-list", "-keystore", cacerts, "-storepass", "changeit")
		if got := strings.Contains(list, "test ac racine igc-sante fort"); got != want || !strings.Contains(list, "someone") {
			t.Errorf("Java holds it: %t, want %t\n%s", got, want, list)
		}
	}
	holds(false)
	out := trust("install", "--no-system")
	if !strings.Contains(out, "nssdb: TEST AC RACINE IGC-SANTE FORT") || !strings.Contains(out, cacerts+": TEST AC RACINE IGC-SANTE FORT: added") {
		t.Errorf("it says %s", out)
	}
	holds(true)
	trust("install", "--no-system") // again: nothing to do
	trust("uninstall", "--no-system")
	holds(false)

	t.Run("system", func(t *testing.T) {
		if os.Getenv("CI") == "" {
			t.Skip("SKIPPED: this machine's own store is touched in CI only")
		}
		url := l.Serve().URLs["testssl"]
		curl := func() bool { return exec.Command(peer.Need(t, "curl"), "-sS", "-o", "/dev/null", url).Run() == nil }
		if curl() {
			t.Error("curl trusts the lab before it was told to")
		}
		t.Cleanup(func() {
			trust("uninstall")
			if curl() {
				t.Error("curl trusts the lab still")
			}
		})
		trust("install")
		if !curl() {
			t.Error("curl does not trust the lab")
		}
	})
}
