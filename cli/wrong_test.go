package cli

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
)

// Each wrong input is answered with one clear line and an exit code, and leaves the lab as it was.
func TestWrongInput(t *testing.T) {
	l := labtest.New(t, "--key", "p256")
	alain := l.Issue("--fixture", "alain", "--card-number", "2000000001")
	revoked := alain.Certificates[1].Serial
	l.Must("revoke", revoked, "--reason", "superseded")
	wrong := filepath.Join(t.TempDir(), "passphrase")
	if err := os.WriteFile(wrong, []byte("wrong\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	full := filepath.Join(t.TempDir(), "full")
	if err := os.MkdirAll(filepath.Join(full, "x"), 0o700); err != nil {
		t.Fatal(err)
	}

	before := labtest.Snapshot(t, l.Home)
	for name, tc := range wrongInputs(revoked, wrong, full) {
		t.Run(name, func(t *testing.T) {
			labtest.Refused(t, l.Command(tc.args...), tc.code, tc.want)
			if after := labtest.Snapshot(t, l.Home); after != before {
				t.Errorf("the lab changed:\n%s\nit was\n%s", after, before)
			}
		})
	}
	t.Run("no home at all", func(t *testing.T) {
		cmd := l.Command("issue", "--fixture", "alain")
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "IGC_LANG=en"}
		labtest.Refused(t, cmd, 3, "set IGC_HOME")
	})
	// and a wrong input makes no lab where there was none
	t.Run("no lab", func(t *testing.T) {
		cmd := l.Command(append([]string{"--home", filepath.Join(full, "new")}, issueWith("--rpps", "1")...)...)
		labtest.Refused(t, cmd, 2, "is not eleven digits")
		if _, err := os.Stat(filepath.Join(full, "new")); !errors.Is(err, fs.ErrNotExist) {
			t.Error("a lab was made for it")
		}
	})
}

// drop leaves a flag out of what [issueWith] makes.
const drop = "\x00"

// issueWith is a whole igc issue, but for what is changed in it: a flag and its value, or drop.
func issueWith(change ...string) []string {
	flags := map[string]string{"--card": "cps", "--profession": "10", "--given-name": "ALAIN",
		"--surname": "DODO0020981", "--rpps": "99700209812"}
	args := []string{"issue"}
	for i := 0; i+1 < len(change); i += 2 {
		flags[change[i]] = change[i+1]
	}
	for name, value := range flags {
		if value != drop {
			args = append(args, name, value)
		}
	}
	return args
}

// wrongInput is a command with a fault, its exit code, and what it says.
type wrongInput struct {
	args []string
	code int
	want string // words of the message
}

// wrongInputs are such commands on a lab with one revoked certificate, a file of a wrong passphrase
// and a folder that is not empty.
func wrongInputs(revoked, wrong, full string) map[string]wrongInput {
	return map[string]wrongInput{
		"RPPS too short":    {issueWith("--rpps", "9970020981"), 2, "is not eleven digits"},
		"RPPS with letters": {issueWith("--rpps", "9970020981X"), 2, "is not eleven digits"},
		"no identifier":     {issueWith("--rpps", drop), 2, "identifier is empty"},
		"two identifiers":   {issueWith("--adeli", "0B6077602"), 2, "--adeli, --rpps set the same value"},
		"unknown profession": {issueWith("--profession", "medecin"), 2,
			`unknown profession "medecin": did you mean 10 Médecin`},
		"no profession":        {issueWith("--profession", drop), 2, "profession is missing"},
		"empty given name":     {issueWith("--given-name", ""), 2, "given name is empty"},
		"empty surname":        {issueWith("--surname", " "), 2, "surname is empty"},
		"control characters":   {issueWith("--surname", "DO\x07DO"), 2, "control character U+0007"},
		"newline":              {issueWith("--surname", "DO\nDO"), 2, "control character U+000A"},
		"200 characters":       {issueWith("--surname", strings.Repeat("A", 200)), 2, "200 characters"},
		"not UTF-8":            {issueWith("--surname", "DO\xffDO"), 2, "not valid UTF-8"},
		"unknown product":      {issueWith("--card", "xyz"), 2, `unknown product "xyz"`},
		"an authority":         {issueWith("--card", "acr"), 2, "not issued on demand"},
		"unknown speciality":   {issueWith("--speciality", "SM00"), 2, `unknown speciality "SM00"`},
		"card number":          {issueWith("--card-number", "123"), 2, "is not ten digits"},
		"card number taken":    {issueWith("--card-number", "2000000001"), 4, "was issued already"},
		"PIN":                  {issueWith("--pin", "12"), 2, "four to eight digits"},
		"date":                 {issueWith("--not-before", "yesterday"), 2, "is not a date"},
		"before the authority": {issueWith("--not-before", "1999-01-01"), 2, "is not within"},
		"key":                  {issueWith("--key", "rsa512"), 2, "unknown key policy"},
		"generation":           {issueWith("--generation", "gen1999"), 2, "unknown generation"},
		"URLs":                 {issueWith("--urls", "fake"), 2, "choose lab or real"},
		"folder not empty":     {issueWith("--out", full), 4, "not empty"},
		"folder under a file":  {issueWith("--out", filepath.Join(wrong, "x")), 7, "not a directory"},
		"unknown fixture":      {[]string{"issue", "--fixture", "nobody"}, 2, "unknown fixture"},
		"argument":             {[]string{"issue", "alain"}, 2, "unexpected argument"},
		"unknown flag":         {[]string{"issue", "--nonsense"}, 2, "nonsense"},
		"unknown command":      {[]string{"isue"}, 2, "unknown command"},
		"wrong passphrase":     {append([]string{"--passphrase-file", wrong}, issueWith()...), 5, "wrong passphrase"},
		"no passphrase file":   {append([]string{"--passphrase-file", wrong + "x"}, issueWith()...), 5, "no such file"},
		"home is missing":      {[]string{"--home", filepath.Join(full, "none"), "list"}, 3, "no lab in"},
		"home not writable": {append([]string{"--home", filepath.Join(wrong, "lab")}, issueWith()...), 7,
			"cannot make the lab"},
		"revoke nothing":        {[]string{"revoke"}, 2, "a serial number"},
		"revoke the unknown":    {[]string{"revoke", "DEADBEEF"}, 3, "no certificate has the serial number"},
		"revoke the ambiguous":  {[]string{"revoke", "63DAFFCF"}, 2, "give more digits"},
		"revoke with no reason": {[]string{"revoke", revoked, "--reason", "bored"}, 2, `unknown reason "bored"`},
		"revoke otherwise":      {[]string{"revoke", revoked, "--reason", "keyCompromise"}, 4, "the reason stays"},
		"init over it":          {[]string{"init", "--key", "rsa2048"}, 4, "stays so"},
		"init a gamme":          {[]string{"init", "--key", "p256", "--gamme", "XX"}, 2, "unknown gamme"},
		"init a port":           {[]string{"init", "--port", "70000"}, 2, "--port 70000"},
		"show nothing":          {[]string{"show", "ACI-XX-PP"}, 2, "not a serial number"},
		"inspect nothing":       {[]string{"inspect", full + "/none"}, 3, "no such file"},
		"inspect a PIN":         {[]string{"inspect", wrong}, 2, "not a certificate"},
	}
}

// The same with a server in between.
func TestWrongInputThroughTheServer(t *testing.T) {
	t.Parallel()
	l := labtest.New(t, "--key", "p256")
	l.Issue("--fixture", "alain", "--card-number", "2000000001")
	l.Serve()
	wrong := l.Command("issue", "--fixture", "guy")
	wrong.Env = append(wrong.Env, "IGC_PASSPHRASE=wrong")
	labtest.Refused(t, wrong, 5, "wrong passphrase")
	labtest.Refused(t, l.Command("issue", "--fixture", "alain", "--card-number", "2000000001"), 4, "was issued already")
	labtest.Refused(t, l.Command("serve"), 6, "is igc serve running there already?")
	labtest.Refused(t, l.Command("revoke", "DEADBEEF"), 3, "no certificate has the serial number")
}

// On a disk that is full, a card is refused and the lab is as it was; with space again, it goes on.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", dir).CombinedOutput(); err != nil {
		peer.Missing(t, "the right to mount a small disk ("+strings.TrimSpace(string(out))+")")
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	l := &labtest.Lab{T: t, Home: filepath.Join(dir, "lab")}
	l.Must("init", "--key", "p256", "--gamme", "FO")
	issued := 0
	for {
		before := labtest.Snapshot(t, l.Home)
		cmd := l.Command("issue", "--fixture", "alain", "--key", "p256")
		var errOut bytes.Buffer
		cmd.Stderr = &errOut
		if cmd.Run() == nil {
			if issued++; issued > 40 {
				t.Fatal("the disk never fills")
			}
			continue
		}
		if cmd.ProcessState.ExitCode() != 7 || !strings.Contains(errOut.String(), "no space left") || strings.Count(errOut.String(), "\n") != 1 {
			t.Errorf("exit code %d: %s", cmd.ProcessState.ExitCode(), errOut.String())
		}
		if after := labtest.Snapshot(t, l.Home); after != before {
			t.Errorf("the lab changed:\n%s\nit was\n%s", after, before)
		}
		break
	}
	if issued == 0 {
		t.Error("not one card fitted: the test wants a disk that fills up")
	}
	peer.Run(t, "mount", "-o", "remount,size=2m", dir)
	l.Must("issue", "--fixture", "alain")
}
