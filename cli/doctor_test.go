package cli

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/igc-lab/igc/doctor"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
)

// diagnosis is what igc doctor --json finds.
func diagnosis(t *testing.T, cmd *exec.Cmd) []doctor.Finding {
	t.Helper()
	out, err := cmd.Output()
	var findings []doctor.Finding
	if parseErr := json.Unmarshal(out, &findings); parseErr != nil {
		t.Fatalf("%v (%v): %s", parseErr, err, out)
	}
	toDo := slices.ContainsFunc(findings, func(f doctor.Finding) bool { return f.State == doctor.Todo })
	if code := cmd.ProcessState.ExitCode(); toDo != (code == 1) || !toDo && code != 0 {
		t.Errorf("exit code %d, and something to do: %v", code, toDo)
	}
	return findings
}

// findingOf is the first finding of a check.
func findingOf(t *testing.T, findings []doctor.Finding, check string) doctor.Finding {
	t.Helper()
	i := slices.IndexFunc(findings, func(f doctor.Finding) bool { return f.Check == check })
	if i < 0 {
		t.Fatalf("nothing is said of %s", check)
	}
	return findings[i]
}

// The module and what is installed of it: missing, broken, gone stale; each is put right by the
// command, or by --fix.
func TestDoctorInstall(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: the module is Linux's")
	}
	peer.Need(t, "certutil")
	peer.Need(t, "gcc")
	dir := t.TempDir()
	igc, module, user := filepath.Join(dir, "bin", "igc"), filepath.Join(dir, "bin", "libigc-cps.so"), filepath.Join(dir, "user")
	program, err := os.ReadFile(labtest.Program())
	if err := errors.Join(err, os.MkdirAll(user, 0o700), os.MkdirAll(filepath.Dir(igc), 0o700), os.WriteFile(igc, program, 0o700)); err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(dir, "lab")
	command := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(name, args...)
		cmd.Dir = ".." // where make module is
		cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(igc)+":"+os.Getenv("PATH"), "IGC_HOME="+home, "IGC_LANG=en", "HOME="+user, "XDG_CONFIG_HOME=")
		return cmd
	}
	must := func(name string, args ...string) {
		t.Helper()
		if out, err := command(name, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s %q: %v\n%s", name, args, err, out)
		}
	}
	want := func(check string, state doctor.State, found string) doctor.Finding {
		t.Helper()
		f := findingOf(t, diagnosis(t, command(igc, "doctor", "--json")), check)
		if f.State != state || !strings.Contains(f.Message, found) {
			t.Fatalf("%s: %s, %q; want %s, %q", check, f.State, f.Message, state, found)
		}
		return f
	}
	must(igc, "init", "--gamme", "FO", "--key", "p256", "--port", labtest.FreePorts(t))

	want("nss", doctor.Skipped, "see module")
	must("sh", "-c", want("module", doctor.Note, "is not there").Remedy)
	want("module", doctor.OK, module)
	built, err := os.ReadFile(module)
	if err != nil {
		t.Fatal(err)
	}
	labtest.Write(t, module, []byte("<html>404</html>"))
	if remedy := want("module", doctor.Todo, "is not a library").Remedy; remedy != "rm "+module+" && make module MODULE="+module {
		t.Errorf("a module that is none is put right by %s", remedy)
	}
	labtest.Write(t, module, built)

	must("sh", "-c", want("nss", doctor.Note, "nothing installed").Remedy)
	want("nss", doctor.OK, "~/.pki/nssdb: module, roots: 2")
	must("sh", "-c", want("java", doctor.Note, "nothing installed").Remedy)
	want("java", doctor.OK, "java.cfg")
	want("openssl", doctor.Note, "nothing installed")
	peer.Run(t, "modutil", "-force", "-dbdir", "sql:"+filepath.Join(user, ".pki", "nssdb"), "-delete", "CPS virtuelle (igc)")
	labtest.Write(t, filepath.Join(home, "module", "java.cfg"), []byte("name = other\n"))
	must("sh", "-c", want("nss", doctor.Todo, "add the module").Remedy)
	want("nss", doctor.OK, "")
	want("java", doctor.Todo, "java.cfg")
	labtest.Write(t, filepath.Join(home, "module", "libigc-cps.so"), []byte("stale"))
	findings := diagnosis(t, command(igc, "doctor", "--json", "--fix"))
	var done []string
	for _, f := range findings {
		if f.State == doctor.Fixed {
			done = append(done, f.Check)
		}
	}
	if !slices.Equal(done, []string{"module", "java"}) {
		t.Errorf("--fix did %q", done)
	}
	want("module", doctor.OK, module)
	want("java", doctor.OK, "java.cfg")

	if err := os.Remove(module); err != nil {
		t.Fatal(err)
	}
	want("module", doctor.OK, filepath.Join(home, "module", "libigc-cps.so")) // the one installed serves
	if err := os.Remove(filepath.Join(home, "module", "libigc-cps.so")); err != nil {
		t.Fatal(err)
	}
	want("module", doctor.Todo, "has gone")
	labtest.Write(t, module, built)
	must("sh", "-c", want("module", doctor.Todo, "is not as it was installed").Remedy)
	want("module", doctor.OK, module)
}

// A server that hangs holds the diagnostic up for a bounded time, and is said to hang.
func TestDoctorHung(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: a process cannot be stopped there")
	}
	l := labtest.New(t, "--gamme", "FO", "--key", "p256")
	s := l.Serve()
	if err := s.Cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer s.Cmd.Process.Signal(syscall.SIGCONT)
	ctx, cancel := context.WithTimeout(t.Context(), labtest.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, labtest.Program(), "doctor", "--json")
	cmd.Env = append(os.Environ(), "IGC_HOME="+l.Home, "IGC_LANG=en")
	findings := diagnosis(t, cmd)
	for check, want := range map[string]doctor.State{"home": doctor.Todo, "server": doctor.Todo, "keys": doctor.Skipped, "publication": doctor.Skipped, "ocsp": doctor.Skipped} {
		if f := findingOf(t, findings, check); f.State != want {
			t.Errorf("%s: %s, %s", check, f.State, f.Message)
		}
	}
}

// inEnglish sets the language of messages to English, whatever the locale.
func inEnglish(t *testing.T) { t.Setenv("IGC_LANG", "en") }

func TestDoctorLines(t *testing.T) {
	inEnglish(t)
	var b strings.Builder
	report := &doctorReport{w: &b}
	report.line(doctor.Finding{Check: "keys", State: doctor.Todo, Message: strings.Repeat("clé ", 30), Remedy: strings.Repeat("x", 90)})
	report.line(doctor.Finding{Check: "keys", State: doctor.Note, Message: "again"})
	lines := strings.Split(b.String(), "\n")
	blank := strings.Repeat(" ", doctorIndent)
	for i, begin := range []string{"to do    keys            clé", blank + "clé", blank + "→ xxx", "note" + blank[4:] + "again"} {
		if !strings.HasPrefix(lines[i], begin) {
			t.Errorf("line %d: %q", i, lines[i])
		}
	}
}

// What is not used is one line, each check once, and none where everything is used.
func TestDoctorFolds(t *testing.T) {
	inEnglish(t)
	var b strings.Builder
	report := &doctorReport{w: &b}
	report.unfold()
	for _, check := range []string{"module", "nss", "java", "java", "pcscd", "reader"} {
		report.fold(doctor.Finding{Check: check, State: doctor.Note, Unused: true})
	}
	report.unfold()
	const want = "note     not used        module, NSS databases, Java, pcscd, reader (details: igc doctor --all)\n"
	if b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}
