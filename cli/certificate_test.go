package cli

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
)

// Every command that takes a certificate reads the same forms of it, from a file and from standard
// input, and takes the password of a PKCS#12.
func TestEveryCommandReads(t *testing.T) {
	const password = "s3cret of its own"
	l := labtest.New(t, "--key", "p256")
	card := l.Issue("--product", "auth-cli", "--organisation", "HOPITAL FICTIF", "--department", "75", "--finess",
		"0B0057881", "--service", "dpi", "--key", "p256")
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string) {
		if err := os.WriteFile(file(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	read := func(name string) string {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	key, chain := file("key.pem"), card.File("client.pem")
	peer.Run(t, "openssl", "pkcs8", "-in", card.File("client.key"), "-passin", "pass:1234", "-out", key)
	peer.Run(t, "openssl", "x509", "-in", chain, "-out", file("leaf.pem"))
	peer.Run(t, "openssl", "x509", "-in", chain, "-outform", "DER", "-out", file("leaf.der"))
	leaf, der := read(file("leaf.pem")), read(file("leaf.der"))
	write("bom.pem", "\ufeff"+leaf)
	write("oneline.txt", strings.ReplaceAll(strings.TrimSpace(leaf), "\n", " "))
	write("leaf.b64", base64.StdEncoding.EncodeToString([]byte(der)))
	write("newline.der", der+"\n")
	write("jwk.json", `{"kty":"EC","x5c":["`+base64.StdEncoding.EncodeToString([]byte(der))+`"]}`)
	peer.Run(t, "openssl", "crl2pkcs7", "-nocrl", "-certfile", chain, "-outform", "DER", "-out", file("full.p7b"))
	export := []string{"pkcs12", "-export", "-inkey", key, "-in", chain}
	peer.Run(t, "openssl", append(export, "-passout", "pass:1234", "-out", file("std.p12"))...)
	peer.Run(t, "openssl", append(export, "-passout", "pass:1234", "-nomac", "-out", file("nomac.p12"))...)
	peer.Run(t, "openssl", append(export, "-passout", "pass:"+password, "-out", file("own.p12"))...)
	write("password", password+"\r\nsecond line\n")

	serial := card.Certificates[0].Serial
	run := func(stdin string, args ...string) (string, int) {
		cmd := l.Command(args...)
		cmd.Stdin = strings.NewReader(stdin)
		out, err := cmd.CombinedOutput()
		if err != nil {
			return string(out), cmd.ProcessState.ExitCode()
		}
		return string(out), 0
	}
	commands := map[string][]string{"inspect": {"inspect"}, "lint": {"lint"}, "show": {"show"}, "revoke": {"revoke",
		"--dry-run"}, "hold": {"unhold", "--dry-run"},
		"like": {"issue", "--key", "p256", "--like"}}
	wants := map[string]string{"inspect": "auth-cli/client", "lint": "", "show": serial, "revoke": serial,
		"hold": serial, "like": "AUTH_CLI"}
	names := []string{"bom.pem", "oneline.txt", "leaf.b64", "newline.der", "jwk.json", "full.p7b", "std.p12",
		"nomac.p12", "own.p12", "own.p12 by file"}
	for i, name := range names {
		for command, args := range commands {
			if command == "like" && i%3 != 0 { // issuing takes its time
				continue
			}
			var flags []string
			switch name {
			case "own.p12":
				flags = []string{"--password", password}
			case "own.p12 by file":
				flags = []string{"--password-file", file("password")}
			}
			base, _, _ := strings.Cut(name, " ")
			out, code := run("", append(append(args[:len(args):len(args)], file(base)), flags...)...)
			if code != 0 && command != "lint" || strings.Contains(out, "not an X.509") || !strings.Contains(out,
				wants[command]) {
				t.Errorf("%s %s: %d\n%s", command, name, code, out)
			}
			if i%2 == 0 {
				continue
			}
			out, code = run(read(file(base)), append(append(args[:len(args):len(args)], "-"), flags...)...)
			if code != 0 && command != "lint" || strings.Contains(out, "not an X.509") || !strings.Contains(out,
				wants[command]) {
				t.Errorf("%s - < %s: %d\n%s", command, name, code, out)
			}
		}
	}
	if out, code := run("", "inspect", "--diff", file("std.p12"), file("leaf.b64")); code != 0 ||
		!strings.Contains(out, "twins") {
		t.Error(code, out)
	}
	if out, code := run("# a list\n"+serial+"\n"+file("std.p12")+"\n", "revoke", "--dry-run", "-"); code != 0 ||
		!strings.Contains(out, serial) {
		t.Error(code, out)
	}

	// one clear error in both languages, with its exit code
	write("page.html", "<!doctype html><html></html>")
	write("empty", "")
	write("word.docx", "PK\x03\x04")
	peer.Run(t, "openssl", "req", "-new", "-key", key, "-subj", "/CN=x", "-out", file("csr.pem"))
	before := l.Must("list", "--json")
	for _, tc := range []struct {
		name, password string
		code           int
		en, fr         string
	}{
		{"own.p12", "", 5, "give it by --password", "donnez le sien par --password"},
		{"own.p12", "wrong", 5, "check --password", "vérifiez --password"},
		{"page.html", "", 2, "an HTML page", "une page HTML"},
		{"empty", "", 2, "is empty", "est vide"},
		{"word.docx", "", 2, "a Word", "un document Word"},
		{"csr.pem", "", 2, "a certificate request (CSR)", "une demande de certificat (CSR)"},
		{"key.pem", "", 2, "only a private key", "qu'une clé privée"},
		{"none.pem", "", 3, "no such file", "introuvable"},
	} {
		for command, args := range commands {
			if command == "inspect" && (tc.name == "csr.pem" || tc.name == "key.pem") {
				continue
			}
			args := append(args[:len(args):len(args)], file(tc.name))
			if tc.password != "" {
				args = append(args, "--password", tc.password)
			}
			for _, language := range []string{"en", "fr"} {
				cmd := l.Command(args...)
				cmd.Env = append(cmd.Env, "IGC_LANG="+language)
				out, _ := cmd.CombinedOutput()
				want := map[string]string{"en": tc.en, "fr": tc.fr}[language]
				if command == "show" && tc.name == "none.pem" { // taken for a serial number
					continue
				}
				if cmd.ProcessState.ExitCode() != tc.code || !bytes.Contains(out, []byte(want)) || bytes.Count(out,
					[]byte("\n")) != 1 {
					t.Errorf("%s %s, %s: exit code %d, %s", command, tc.name, language, cmd.ProcessState.ExitCode(),
						out)
				}
			}
		}
	}
	if after := l.Must("list", "--json"); after != before {
		t.Error("wrong input changed the records")
	}
}
