package install

import (
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/igc-lab/igc/internal/cardtest"
	"github.com/igc-lab/igc/internal/nss"
	"github.com/igc-lab/igc/internal/peer"
)

// machine is a setting in folders of the test's own, with the lab's roots.
func machine(t *testing.T) Setting {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: the places of Debian")
	}
	for _, program := range []string{"certutil", "modutil"} {
		peer.Need(t, program)
	}
	lab := cardtest.New(t)
	lab.Issue("p256", "1234") // makes the authorities
	authorities, err := lab.Authorities(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := Setting{Lab: lab.Home, Module: cardtest.Module(t), User: filepath.Join(dir, "user"), Root: filepath.Join(dir, "root"), Config: filepath.Join(dir, "user", ".config")}
	for _, a := range authorities {
		cert, err := x509.ParseCertificate(a.DER)
		if err != nil {
			t.Fatal(err)
		}
		if cert.CheckSignatureFrom(cert) == nil {
			s.Roots = append(s.Roots, cert)
		}
	}
	// update-ca-certificates is the machine's own
	bin := filepath.Join(dir, "bin")
	put(t, filepath.Join(bin, "update-ca-certificates"), "#!/bin/sh\nexit 0\n")
	if err := os.Chmod(filepath.Join(bin, "update-ca-certificates"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	return s
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// picture is every file of the machine and what is in it; of a database, what it holds, since its
// bytes change as it is used.
func picture(t *testing.T, s Setting) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, dir := range []string{s.User, s.Root, s.folder()} {
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil
			case err != nil:
				return err
			case e.Name() == "cert9.db":
				at := "sql:" + filepath.Dir(path)
				files[path] = peer.Run(t, "certutil", "-d", at, "-L") + peer.Run(t, "modutil", "-dbdir", at, "-list")
				return nil
			case e.Name() == "key4.db", e.Name() == "pkcs11.txt":
				return nil
			case e.IsDir():
				files[path] = "folder"
				return nil
			}
			data, err := os.ReadFile(path)
			files[path] = string(data)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func same(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	for path, content := range want {
		if got[path] != content {
			t.Errorf("%s: %s is %q, was %q", what, path, got[path], content)
		}
	}
	for path := range got {
		if _, ok := want[path]; !ok {
			t.Errorf("%s: %s is left", what, path)
		}
	}
}

func install(t *testing.T, s Setting) []Change {
	t.Helper()
	plan, err := s.Plan(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range plan {
		if err := s.Make(c); err != nil {
			t.Fatalf("%s: %v", c.EN(), err)
		}
	}
	return plan
}

func uninstall(t *testing.T, s Setting) {
	t.Helper()
	made, err := s.Made()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range made {
		if err := s.Unmake(c); err != nil {
			t.Fatalf("%s: %v", c.EN(), err)
		}
	}
}

// What is installed is in place, a second time has nothing to do, and undone it leaves what was
// there, byte for byte: on a new machine, and on one where others have been before.
func TestInstall(t *testing.T) {
	for name, before := range map[string]func(t *testing.T, s Setting){
		"a new machine": func(t *testing.T, s Setting) {},
		"one in use": func(t *testing.T, s Setting) {
			put(t, filepath.Join(s.Root, "etc/firefox/policies/policies.json"),
				`{"policies":{"DisableTelemetry":true,"Certificates":{"Install":["/their/root.crt"]},"SecurityDevices":{"Add":{"Theirs":"/their.so"}}}}`)
			put(t, filepath.Join(s.Root, "etc/pkcs11/modules/theirs.module"), "module: /their.so\n")
			for _, dir := range []string{".pki/nssdb", ".local/share/pki/nssdb"} {
				dir = filepath.Join(s.User, dir)
				if err := os.MkdirAll(dir, 0o700); err != nil {
					t.Fatal(err)
				}
				peer.Run(t, "certutil", "-d", "sql:"+dir, "-N", "--empty-password")
			}
			// a root that the user had already, under a name of their own
			der := filepath.Join(t.TempDir(), "root.der")
			put(t, der, string(s.Roots[0].Raw))
			peer.Run(t, "certutil", "-d", "sql:"+filepath.Join(s.User, ".pki/nssdb"), "-A", "-n", "mine", "-t", "C,,", "-i", der)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := machine(t)
			before(t, s)
			was := picture(t, s)
			plan, err := s.Plan(nil)
			if err != nil || len(plan) < 10 {
				t.Fatalf("plan of %d changes, %v", len(plan), err)
			}
			same(t, "a plan", picture(t, s), was)
			install(t, s)
			now := picture(t, s)
			for _, db := range s.databases() {
				if held := now[filepath.Join(db, "cert9.db")]; !strings.Contains(held, ModuleName) || !strings.Contains(held, "Lecteur virtuel 1") || !strings.Contains(held, "C,,") {
					t.Errorf("%s holds %s", db, held)
				}
			}
			policy := now[filepath.Join(s.Root, "etc/firefox/policies/policies.json")]
			if !strings.Contains(policy, s.library()) || strings.Count(policy, ".crt") < len(s.Roots) || name == "one in use" && !strings.Contains(policy, "/their.so") {
				t.Errorf("the policy is %s", policy)
			}
			if again := install(t, s); len(again) != 0 {
				t.Errorf("a second time wants %d changes, the first of them: %s", len(again), again[0].EN())
			}
			uninstall(t, s)
			same(t, "undone", picture(t, s), was)
		})
	}
}

// Others' changes since are kept.
func TestUninstallKeepsOthers(t *testing.T) {
	s := machine(t)
	install(t, s)
	policy := filepath.Join(s.Root, "etc/firefox/policies/policies.json")
	data, err := os.ReadFile(policy)
	if err != nil {
		t.Fatal(err)
	}
	put(t, policy, strings.Replace(string(data), `"policies": {`, `"policies": {"DisableTelemetry": true,`, 1))
	db := s.databases()[0]
	der := filepath.Join(t.TempDir(), "root.der")
	put(t, der, string(s.Roots[0].Raw))
	uninstallButDatabase := func() {
		made, err := s.Made()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range made {
			if c.Kind == "database" { // something is put into it before its turn comes
				peer.Run(t, "certutil", "-d", "sql:"+db, "-A", "-n", "theirs", "-t", ",,", "-i", der)
			}
			if err := s.Unmake(c); err != nil {
				t.Fatalf("%s: %v", c.EN(), err)
			}
		}
	}
	uninstallButDatabase()
	data, err = os.ReadFile(policy)
	if err != nil || !strings.Contains(string(data), "DisableTelemetry") || strings.Contains(string(data), s.Lab) {
		t.Errorf("the policy is %s, %v", data, err)
	}
	if names, err := nss.Database(db).Nicknames(); err != nil || len(names) != 1 || names[0].Nickname != "theirs" {
		t.Errorf("the database holds %q", names)
	}
}

// What was cut short is undone as well, and a file that is none of JSON stops the plan.
func TestCutShort(t *testing.T) {
	s := machine(t)
	was := picture(t, s)
	plan, err := s.Plan(nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range plan[:6] {
		if i == 5 {
			c.do = func() error { return errors.New("the lights went out") }
		}
		if err := s.Make(c); (err != nil) != (i == 5) {
			t.Fatal(err)
		}
	}
	uninstall(t, s)
	same(t, "undone", picture(t, s), was)
	put(t, filepath.Join(s.Root, "etc/firefox/policies/policies.json"), "{")
	if _, err := s.Plan(nil); err == nil || !strings.Contains(err.Error(), "is not JSON") {
		t.Errorf("a broken policy: %v", err)
	}
	if _, err := (Setting{Module: "/nowhere.so"}).Plan(nil); err == nil || !strings.Contains(err.Error(), "make module") {
		t.Errorf("no module: %v", err)
	}
}

// The systems that cannot be tried here: what would be run, and that a PIN is not shown.
func TestOtherSystems(t *testing.T) {
	lab := cardtest.New(t)
	dir := lab.Issue("p256", "4321")
	s := Setting{Lab: lab.Home, User: "/Users/a", PKCS12: []string{filepath.Join(dir, "authentication.p12")}, PIN: "4321"}
	for system, plan := range map[string][]Change{"darwin": s.darwin(), "windows": s.windows()} {
		if len(plan) != 1 || !strings.Contains(plan[0].EN(), "authentication.p12") || strings.Contains(plan[0].EN(), "4321") {
			t.Errorf("%s: %v", system, plan)
		}
		if undo := strings.Join(plan[0].Undo, " "); !strings.Contains(undo, fingerprint(s.PKCS12[0])) || len(fingerprint(s.PKCS12[0])) != 40 {
			t.Errorf("%s is undone by %s", system, undo)
		}
	}
}
