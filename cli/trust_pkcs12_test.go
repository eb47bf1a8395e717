package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
)

// A card's PKCS#12 brings its root into a browser's database under a name of its own: install
// trusts that one, uninstall takes it out, and neither says that it did what it did not.
func TestTrustBesidePKCS12(t *testing.T) {
	for _, program := range []string{"certutil", "pk12util"} {
		peer.Need(t, program)
	}
	l := labtest.New(t, "--key", "p256", "--gamme", "FO")
	p12 := l.Issue("--fixture", "alain").File("authentication.p12")
	const root = "TEST AC RACINE IGC-SANTE FORT"
	home, bin := t.TempDir(), t.TempDir()
	newDatabase := func(parts ...string) string {
		t.Helper()
		dir := filepath.Join(append([]string{home}, parts...)...)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		peer.Run(t, "certutil", "-d", "sql:"+dir, "-N", "--empty-password")
		return dir
	}
	trust := func(code int, args ...string) string {
		t.Helper()
		cmd := l.Command(append([]string{"trust"}, append(args, "--no-system")...)...)
		cmd.Env = append(cmd.Env, "HOME="+home, "JAVA_HOME=", "IGC_LANG=en", "PATH="+bin+":"+os.Getenv("PATH"))
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		err := cmd.Run()
		if got := cmd.ProcessState.ExitCode(); got != code {
			t.Fatalf("igc trust %q: %v, exit code %d, want %d\n%s", args, err, got, code, out.String())
		}
		return out.String()
	}
	// flags are those of every entry of the database that is the root; the names of others are left
	// out.
	flags := func(dir string) (found []string) {
		t.Helper()
		for line := range strings.Lines(peer.Run(t, "certutil", "-d", "sql:"+dir, "-L")) {
			if strings.Contains(line, root) {
				found = append(found, strings.TrimSpace(line[strings.LastIndexByte(strings.TrimSpace(line), ' '):]))
			}
		}
		return found
	}
	before := newDatabase(".pki", "nssdb") // the PKCS#12 comes first
	peer.Run(t, "pk12util", "-d", "sql:"+before, "-i", p12, "-W", "1234")
	after := newDatabase(".mozilla", "firefox", "one.default") // the root comes first
	out := trust(0, "install")
	for _, want := range []string{"NSS " + before + ": " + root + ": added", "NSS " + after + ": " + root + ": added", "not found: Java (JAVA_HOME)"} {
		if !strings.Contains(out, want) {
			t.Errorf("install does not say %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "snap") {
		t.Errorf("install names a folder that is not there:\n%s", out)
	}
	peer.Run(t, "pk12util", "-d", "sql:"+after, "-i", p12, "-W", "1234")
	for _, dir := range []string{before, after} {
		if got := flags(dir); len(got) != 1 || !strings.HasPrefix(got[0], "C,") {
			t.Errorf("%s holds the root with the flags %q", dir, got)
		}
	}
	if out := trust(0, "install"); !strings.Contains(out, root+": there already") {
		t.Errorf("a second time says\n%s", out)
	}
	out = trust(0, "uninstall")
	for _, dir := range []string{before, after} {
		if got := flags(dir); len(got) != 0 {
			t.Errorf("%s still holds the root, flags %q:\n%s", dir, got, out)
		}
		if !strings.Contains(out, "NSS "+dir+": "+root+": removed") {
			t.Errorf("uninstall does not say it:\n%s", out)
		}
		if list := peer.Run(t, "certutil", "-d", "sql:"+dir, "-K"); !strings.Contains(list, "< 0>") {
			t.Errorf("the card's key is gone:\n%s", list)
		}
	}
	if out := trust(0, "uninstall"); !strings.Contains(out, "was not there") {
		t.Errorf("a second time says\n%s", out)
	}

	// A database that cannot be changed is an error, with what to type, and the others are done all
	// the same: one whose certutil fails, and one whose certutil says that it did and did not.
	certutil := peer.Need(t, "certutil")
	for name, answer := range map[string]string{"refuses": "exit 255", "does nothing": "exit 0"} {
		t.Run(name, func(t *testing.T) {
			trust(0, "install")
			labtest.Write(t, filepath.Join(bin, "certutil"), []byte("#!/bin/sh\ncase \"$*\" in *"+before+"' -D '*) "+answer+" ;; esac\nexec "+certutil+" \"$@\"\n"))
			if err := os.Chmod(filepath.Join(bin, "certutil"), 0o700); err != nil {
				t.Fatal(err)
			}
			defer os.Remove(filepath.Join(bin, "certutil"))
			out := trust(7, "uninstall")
			if !strings.Contains(out, root+": FAILED") || !strings.Contains(out, "→ certutil -d sql:"+before+" -D -n '"+root) {
				t.Errorf("a database that cannot be changed: %s", out)
			}
			if len(flags(before)) == 0 {
				t.Error("the test expects a database that cannot be changed")
			}
			if got := flags(after); len(got) != 0 {
				t.Errorf("the next one still holds the root: %q", got)
			}
		})
	}
}
