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
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/cardtest"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation"
)

// diagnosis is what igc doctor --json finds.
func diagnosis(t *testing.T, cmd *exec.Cmd) []finding {
	t.Helper()
	out, err := cmd.Output()
	var findings []finding
	if parseErr := json.Unmarshal(out, &findings); parseErr != nil {
		t.Fatalf("%v (%v): %s", parseErr, err, out)
	}
	toDo := slices.ContainsFunc(findings, func(f finding) bool { return f.State == todo })
	if code := cmd.ProcessState.ExitCode(); toDo != (code == 1) || !toDo && code != 0 {
		t.Errorf("exit code %d, and something to do: %v", code, toDo)
	}
	return findings
}

// of is the first finding of a check.
func of(t *testing.T, findings []finding, check string) finding {
	t.Helper()
	i := slices.IndexFunc(findings, func(f finding) bool { return f.Check == check })
	if i < 0 {
		t.Fatalf("nothing is said of %s", check)
	}
	return findings[i]
}

// The module and what is installed of it: missing, broken, gone stale; each is mended by the command, or by --fix.
func TestDoctorInstall(t *testing.T) {
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
	want := func(check string, state outcome, found string) finding {
		t.Helper()
		f := of(t, diagnosis(t, command(igc, "doctor", "--json")), check)
		if f.State != state || !strings.Contains(f.Found, found) {
			t.Fatalf("%s: %s, %q; want %s, %q", check, f.State, f.Found, state, found)
		}
		return f
	}
	must(igc, "init", "--gamme", "FO", "--key", "p256", "--port", labtest.FreePorts(t))

	want("nss", skipped, "see module")
	must("sh", "-c", want("module", noted, "is not there").Mend)
	want("module", well, module)
	built, err := os.ReadFile(module)
	if err != nil {
		t.Fatal(err)
	}
	labtest.Write(t, module, []byte("<html>404</html>"))
	if mend := want("module", todo, "is no library").Mend; mend != "rm "+module+" && make module MODULE="+module {
		t.Errorf("a module that is none is mended by %s", mend)
	}
	labtest.Write(t, module, built)

	must("sh", "-c", want("nss", noted, "nothing installed").Mend)
	want("nss", well, "~/.pki/nssdb: module, roots: 2")
	must("sh", "-c", want("java", noted, "nothing installed").Mend)
	want("java", well, "java.cfg")
	want("openssl", noted, "nothing installed")
	peer.Run(t, "modutil", "-force", "-dbdir", "sql:"+filepath.Join(user, ".pki", "nssdb"), "-delete", "CPS virtuelle (igc)")
	labtest.Write(t, filepath.Join(home, "module", "java.cfg"), []byte("name = other\n"))
	must("sh", "-c", want("nss", todo, "add the module").Mend)
	want("nss", well, "")
	want("java", todo, "java.cfg")
	labtest.Write(t, filepath.Join(home, "module", "libigc-cps.so"), []byte("stale"))
	findings := diagnosis(t, command(igc, "doctor", "--json", "--fix"))
	var done []string
	for _, f := range findings {
		if f.State == fixed {
			done = append(done, f.Check)
		}
	}
	if !slices.Equal(done, []string{"module", "java"}) {
		t.Errorf("--fix did %q", done)
	}
	want("module", well, module)
	want("java", well, "java.cfg")

	if err := os.Remove(module); err != nil {
		t.Fatal(err)
	}
	want("module", well, filepath.Join(home, "module", "libigc-cps.so")) // the one installed serves
	if err := os.Remove(filepath.Join(home, "module", "libigc-cps.so")); err != nil {
		t.Fatal(err)
	}
	want("module", todo, "has gone")
	labtest.Write(t, module, built)
	must("sh", "-c", want("module", todo, "is not as it was installed").Mend)
	want("module", well, module)
}

// A server that hangs holds the diagnostic up for a bounded time, and is said to hang.
func TestDoctorHung(t *testing.T) {
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
	for check, want := range map[string]outcome{"home": todo, "server": todo, "keys": skipped, "publication": skipped, "ocsp": skipped} {
		if f := of(t, findings, check); f.State != want {
			t.Errorf("%s: %s, %s", check, f.State, f.Found)
		}
	}
}

// inEnglish sets the language of messages to English, whatever the locale.
func inEnglish(t *testing.T) { t.Setenv("IGC_LANG", "en") }

// A check that never ends, or that panics, is a line like others, and the next ones are made.
func TestDoctorBounded(t *testing.T) {
	inEnglish(t)
	d := &doctor{home: t.TempDir()}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	for what, look := range map[string]func(*doctor, context.Context) []finding{
		"hangs":  func(*doctor, context.Context) []finding { select {} },
		"panics": func(*doctor, context.Context) []finding { panic("broken page") },
	} {
		found := d.one(ctx, check{name: what, look: look})
		if len(found) != 1 || found[0].State != todo || found[0].Mend == "" {
			t.Errorf("a check that %s: %+v", what, found)
		}
	}
}

// Authorities that are not what the lab's should be.
func TestDoctorChains(t *testing.T) {
	inEnglish(t)
	lab := cardtest.New(t)
	other := cardtest.New(t)
	wanted := []profiles.Authority{{Gamme: profiles.Fort, Domaine: profiles.Personnes}, {Gamme: profiles.Standard}}
	read := func(l *cardtest.Lab) map[string]ca.AuthorityInfo {
		t.Helper()
		if _, err := l.Ensure(t.Context(), wanted); err != nil {
			t.Fatal(err)
		}
		list, err := l.Authorities(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]ca.AuthorityInfo{}
		for _, a := range list {
			all[a.ID] = a
		}
		return all
	}
	ours, theirs := read(lab), read(other)
	root, aci := ours["ACR-FO"], ours["ACI-FO-PP"]
	for name, c := range map[string]struct {
		list []ca.AuthorityInfo
		want string
	}{
		"good":                 {[]ca.AuthorityInfo{root, aci}, ""},
		"another lab's root":   {[]ca.AuthorityInfo{theirs["ACR-FO"], aci}, "is not signed by ACR-FO"},
		"no root":              {[]ca.AuthorityInfo{aci}, "its root ACR-FO is missing"},
		"another authority's":  {[]ca.AuthorityInfo{{ID: "ACR-FO", DER: ours["ACR-ST"].DER}}, "the certificate is that of"},
		"no certificate":       {[]ca.AuthorityInfo{{ID: "ACR-FO", DER: []byte{0x30, 0}}}, "ACR-FO"},
		"an authority unheard": {[]ca.AuthorityInfo{{ID: "ACR-XX", DER: root.DER}}, "ACR-XX"},
	} {
		found := checkChains(c.list, "/lab")
		if (c.want == "") != (found[0].State == well) || !strings.Contains(found[0].Found, c.want) {
			t.Errorf("%s: %s, %s", name, found[0].State, found[0].Found)
		}
	}
}

// Dates of authorities, of lists and of the clock, on both sides of their ends.
func TestDoctorDates(t *testing.T) {
	inEnglish(t)
	lab := cardtest.New(t)
	if _, err := lab.Ensure(t.Context(), []profiles.Authority{{Gamme: profiles.Fort}}); err != nil {
		t.Fatal(err)
	}
	list, err := lab.Authorities(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := (&doctor{authorities: list}).each()
	begin, end, day := all[0].certificate.NotBefore, all[0].certificate.NotAfter, 24*time.Hour
	for _, c := range []struct {
		now  time.Time
		want outcome
		text string
	}{{begin.Add(-day), todo, "see clock"}, {begin.Add(day), well, "days left"}, {end.Add(-10*day - time.Hour), noted, "in 10 days"},
		{end.Add(-5 * time.Hour), noted, "in 5 h"}, {end, todo, "ended on"}} {
		found := checkDates(all, c.now, 30*day, "mend")
		if len(found) != 1 || found[0].State != c.want || !strings.Contains(found[0].Found, c.text) {
			t.Errorf("on %s: %+v", c.now, found)
		}
	}

	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	old := &revocation.CRL{Authority: all[0].Authority, Number: 7, ThisUpdate: now.Add(-9 * day), NextUpdate: now}
	good := &revocation.CRL{Authority: all[0].Authority, Number: 8, ThisUpdate: now, NextUpdate: now.Add(6 * day)}
	future := &revocation.CRL{Authority: all[0].Authority, Number: 9, ThisUpdate: now.Add(time.Hour), NextUpdate: now.Add(7 * day)}
	if first, errs := ended([]*revocation.CRL{good, old, future}, now); first != old || len(errs) != 2 ||
		!strings.Contains(errs[0].Error(), "number 7 ended on") || !strings.Contains(errs[1].Error(), "number 9 is of the future") {
		t.Errorf("lists: %v", errs)
	}
	if first, errs := ended([]*revocation.CRL{good}, now); first != good || errs != nil {
		t.Errorf("a good list: %v", errs)
	}

	found := checkClock(now, now.Add(time.Hour), "CRL ACR-FO")
	if found[0].State != todo || !strings.Contains(found[0].Found, "1h0m0s behind CRL ACR-FO") {
		t.Errorf("a clock that is late: %+v", found)
	}
	if found := checkClock(now, now, "CRL ACR-FO"); found[0].State == todo {
		t.Errorf("a clock that is right: %+v", found)
	}
}

func TestDoctorLines(t *testing.T) {
	inEnglish(t)
	if got := shell("igc", "--home", "/home/a b/it's", "card", "unblock", "28"); got != `igc --home '/home/a b/it'\''s' card unblock 28` {
		t.Errorf("a command: %s", got)
	}
	var b strings.Builder
	report := &doctorReport{w: &b}
	report.line(finding{Check: "keys", State: todo, Found: strings.Repeat("clé ", 30), Mend: strings.Repeat("x", 90)})
	report.line(finding{Check: "keys", State: noted, Found: "again"})
	lines := strings.Split(b.String(), "\n")
	blank := strings.Repeat(" ", doctorIndent)
	for i, begin := range []string{"to do    keys            clé", blank + "clé", blank + "→ xxx", "note" + blank[4:] + "again"} {
		if !strings.HasPrefix(lines[i], begin) {
			t.Errorf("line %d: %q", i, lines[i])
		}
	}
	for named, want := range map[string]string{"http://localhost:8080/x": "http://localhost:8080/x", "http://127.0.0.2:80": "http://127.0.0.2:80",
		"http://igc-sante.esante.gouv.fr/CRL/a.crl": "http://localhost:9090/CRL/a.crl", "http://a.localhost": "http://a.localhost"} {
		if got := reach(named, "0.0.0.0:9090"); got != want {
			t.Errorf("%s is asked for at %s, not %s", named, got, want)
		}
	}
}
