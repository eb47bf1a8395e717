package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
)

// Words that are of one language alone, in lower case.
var (
	englishWords = strings.Fields("the is are was were not cannot with without choose give unknown missing of and or no " +
		"such it its that this which from for must has have more than whose name names another already empty neither nor " +
		"there folder file card serial holder wrong password within between invalid too many by to be end try again")
	frenchWords = strings.Fields("le la les est sont pas ne avec sans donnez choisissez inconnu inconnue un une des du et " +
		"ou qui que ce cette dans pour par sur autre vide fichier dossier carte porteur plus aucun aucune déjà numéro " +
		"faux mot entre trop il elle ses son sa au aux")
)

// In French, no error has an English word, and in English none has a French one: those of every
// wrong input.
func TestErrorsInOneLanguage(t *testing.T) {
	t.Parallel()
	l := labtest.New(t, "--key", "p256")
	alain := l.Issue("--fixture", "alain", "--card-number", "2000000001")
	revoked := alain.Certificates[1].Serial
	l.Must("revoke", revoked, "--reason", "superseded")
	wrong := filepath.Join(t.TempDir(), "passphrase")
	labtest.Write(t, wrong, []byte("wrong\n"))
	full := filepath.Join(t.TempDir(), "full")
	if err := os.MkdirAll(filepath.Join(full, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	file := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		labtest.Write(t, path, []byte(text))
		return path
	}
	broken := file("broken.pem", "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n")
	sheet, rows := file("cards.xlsx", "PK\x03\x04not a workbook"), file("cards.yaml", "- card: [cps\n")
	yaml := filepath.Dir(file("igc.yaml", "key: p256\n  generation: gen2016\n"))
	listen := filepath.Dir(file("igc.yaml", "key: p256\nlisten: [a, b]\n"))
	l.Must("publish")
	chain, crl := alain.File("authentication.pem"), filepath.Join(l.Home, "publication", "CRL", "ACI-FO-PP-TEST.crl")
	all := wrongInputs(revoked, wrong, full)
	for name, args := range map[string][]string{
		"a card of several": {"card", "insert", "2"}, "no such card": {"card", "insert", "nobody"},
		"wrong code": {"card", "pin", "--pin", "9999", "--new", "8888"}, "not in a reader": {"card", "remove"},
		"renew": {"renew", "nobody"},
		"show":  {"show", "nobody"}, "show a file": {"show", wrong}, "lint": {"lint", wrong},
		"hold": {"unhold", revoked}, "list": {"list", "--status", "odd"}, "codes": {"codes", "G99"},
		"holder": {"revoke", "--holder", "nobody"}, "card": {"revoke", "--card", "nobody"},
		"root": {"revoke", "--authority", "ACR-FO"}, "batch": {"issue", "--batch", wrong},
		"no batch": {"issue", "--batch", wrong + "x"},
		"like":     {"issue", "--like", wrong}, "csr": {"issue", "--csr", wrong},
		"two sources": {"issue", "--random", "--fixture", "alain"}, "export": {"card", "export"},
		"future": {"revoke", revoked, "--at", "2999-01-01"}, "flag without a value": {"issue", "--card"},
		"broken file": {"inspect", broken}, "broken configuration": {"--home", yaml, "list"},
		"certificate and CRL": {"inspect", "--diff", chain, crl}, "a folder": {"inspect", full},
		"broken spreadsheet": {"issue", "--batch", sheet}, "broken rows": {"issue", "--batch", rows},
		"a lint of nothing": {"lint", broken}, "a list of addresses": {"--home", listen, "list"},
		"not a number": {"init", "--port", "x"}, "diff": {"inspect", "--diff", wrong}, "url": {"inspect", "https://"},
		"department": {"issue", "--fixture", "alain", "--department", "Atlantis"}, "dns": {"issue", "--card", "ssl-serv",
			"--organisation", "TEST", "--finess", "0B0057881", "--service", "https://hopital.test/"},
	} {
		all["more: "+name] = wrongInput{args: args}
	}
	for name, tc := range all {
		for language, foreign := range map[string][]string{"fr": englishWords, "en": frenchWords} {
			cmd := l.Command(tc.args...)
			cmd.Env = append(cmd.Env, "IGC_LANG="+language)
			var said bytes.Buffer
			cmd.Stderr = &said
			if err := cmd.Run(); err == nil && tc.code != 0 {
				t.Errorf("%s: no error", name)
			}
			if words := wordsOf(said.String(), foreign); len(words) > 0 {
				t.Errorf("%s, in %s: %q in %s", name, language, words, said.String())
			}
		}
	}
}

// The same for whatever the cases that people hand in make igc say, where they are beside the
// module.
func TestErrorsOfCasesInOneLanguage(t *testing.T) {
	folder, err := filepath.Abs("../../shared/cases")
	if err != nil {
		t.Fatal(err)
	}
	commands, err := filepath.Glob(filepath.Join(folder, "*", "cmd"))
	if err != nil || len(commands) == 0 {
		t.Skip("the cases are not beside the module")
	}
	bash := peer.Need(t, "bash")
	for language, foreign := range map[string][]string{"fr": englishWords, "en": frenchWords} {
		dir := t.TempDir()
		program := filepath.Join(dir, "igc")
		labtest.Write(t, program, []byte("#!/bin/bash\n\"$PROGRAM\" \"$@\" 2> >(tee -a \"$SAID\" >&2)\n"))
		if err := os.Chmod(program, 0o700); err != nil {
			t.Fatal(err)
		}
		port := labtest.FreePorts(t)
		for _, command := range commands {
			script, err := os.ReadFile(command)
			if err != nil || language == "en" && bytes.Contains(script, []byte("IGC_LANG=fr")) {
				continue // it chooses the language
			}
			said := filepath.Join(dir, filepath.Base(filepath.Dir(command)))
			cmd := exec.Command(bash, command)
			cmd.Env = append(os.Environ(), "IGC="+program, "PROGRAM="+labtest.Program(), "SAID="+said,
				"IGC_LANG="+language, "PORT="+port)
			_ = cmd.Run() // whether the case passes is not asked here
			text, _ := os.ReadFile(said)
			if words := wordsOf(string(text), foreign); len(words) > 0 {
				t.Errorf("%s, in %s: %q in %s", filepath.Base(said), language, words, text)
			}
		}
	}
}

// What is not in the language of a message: what somebody wrote, names of commands, flags, files,
// fields and codes.
var quoted = []*regexp.Regexp{
	regexp.MustCompile(`"(\\.|[^"\\])*"`),
	regexp.MustCompile(`« ?[^»]* ?»`),
	regexp.MustCompile("`[^`]*`"),
	regexp.MustCompile(`\b(sudo )?igc( -{0,2}[a-z][a-z-]*)+`),
	regexp.MustCompile(`\S*[/\\=@]\S*`),
	regexp.MustCompile(`--[a-z0-9-]+`),
	regexp.MustCompile(`\b[A-Za-z0-9_-]+\.[a-z0-9]{2,4}\b`),
	regexp.MustCompile(`\([^()]*\b(Médecin|Infirmier)[^()]*\)`),
}

var word = regexp.MustCompile(`[\p{L}]+(['’-][\p{L}]+)*`)

// wordsOf are the words of a list that a text has.
func wordsOf(text string, list []string) (found []string) {
	for _, q := range quoted {
		text = q.ReplaceAllString(text, " * ")
	}
	for _, w := range word.FindAllString(text, -1) {
		if slices.Contains(list, w) && !slices.Contains(found, w) { // names are in capitals
			found = append(found, w)
		}
	}
	return found
}
