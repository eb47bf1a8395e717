package cli

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/internal/peer"
)

var update = flag.Bool("update", false, "write docs/cli.md and the manual pages")

// The reference of the command line is made from the commands themselves: docs/cli.md in both
// languages, and a manual page for each language, where man(1) looks for it: man -M docs/man igc.
func TestReference(t *testing.T) {
	french, english := commandsIn(t, true), commandsIn(t, false)
	for file, content := range map[string][]byte{
		"../docs/cli.md":            referencePage(t, french, english),
		"../docs/man/man1/igc.1":    manualPage(t, english, englishManual),
		"../docs/man/fr/man1/igc.1": manualPage(t, french, frenchManual),
	} {
		if *update {
			if err := os.WriteFile(file, content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if have, err := os.ReadFile(file); err != nil || !bytes.Equal(have, content) {
			t.Errorf("%s differs from the commands: go test ./cli -run Reference -update (%v)", file, err)
		}
	}
}

// mandoc finds nothing to say of the manual pages, but for the date that they do not have.
func TestManualPages(t *testing.T) {
	mandoc := peer.Need(t, "mandoc")
	for _, file := range []string{"../docs/man/man1/igc.1", "../docs/man/fr/man1/igc.1"} {
		out, err := exec.Command(mandoc, "-T", "lint", "-W", "warning", file).CombinedOutput()
		for line := range strings.Lines(string(out)) {
			if !strings.Contains(line, "missing date") {
				t.Errorf("%s (%v)", line, err)
			}
		}
	}
}

// referenced is a command, or the program itself, as the reference shows it.
type referenced struct {
	name, usage, description string
	synopsis                 []string
	flags                    []cli.DocGenerationFlag
}

// commandsIn lists the program and its commands, in the order of the help, with their texts in one
// language.
func commandsIn(t *testing.T, inFrench bool) []referenced {
	templates := []string{cli.AppHelpTemplate, cli.CommandHelpTemplate, cli.SubcommandHelpTemplate}
	t.Cleanup(func() {
		cli.AppHelpTemplate, cli.CommandHelpTemplate, cli.SubcommandHelpTemplate = templates[0], templates[1], templates[2]
	})
	t.Setenv("IGC_LANG", map[bool]string{true: "fr", false: "en"}[inFrench])
	app := (&program{out: io.Discard, err: io.Discard}).app()
	all := []referenced{{
		name: app.Name, usage: app.Usage, flags: documented(app.Flags),
		synopsis: []string{tr("igc [options] commande [options de la commande]",
			"igc [options] command [command options]")},
	}}
	var add func(prefix string, commands []*cli.Command)
	add = func(prefix string, commands []*cli.Command) {
		for _, c := range commands {
			if c.Hidden {
				continue
			}
			name := prefix + " " + c.Name
			r := referenced{name: name, usage: c.Usage, description: strings.TrimSpace(c.Description), flags: documented(c.Flags)}
			switch {
			case c.UsageText != "":
				r.synopsis = strings.Split(strings.TrimSpace(c.UsageText), "\n")
			case len(c.Subcommands) > 0:
				r.synopsis = []string{name + tr(" commande", " command")}
			default:
				r.synopsis = []string{strings.TrimSpace(name + " [options] " + c.ArgsUsage)}
			}
			all = append(all, r)
			add(name, c.Subcommands)
		}
	}
	add(app.Name, app.Commands)
	return all
}

func documented(flags []cli.Flag) (all []cli.DocGenerationFlag) {
	for _, f := range flags {
		if visible, ok := f.(cli.VisibleFlag); ok && !visible.IsVisible() {
			continue
		}
		all = append(all, f.(cli.DocGenerationFlag))
	}
	return all
}

// spelled is how a flag is typed: --card VALUE, --product VALUE.
func spelled(f cli.DocGenerationFlag) string {
	var names []string
	for _, n := range f.(cli.Flag).Names() {
		n = "--" + n
		if f.TakesValue() {
			n += " VALUE"
		}
		names = append(names, n)
	}
	return strings.Join(names, ", ")
}

// explained is a flag's text, with the value that it has when it is not given and the variable that
// is read instead.
func explained(f cli.DocGenerationFlag) string {
	text := f.GetUsage()
	if value := strings.Trim(f.GetDefaultText(), `"`); f.TakesValue() && value != "" && value != "0" {
		text += " [" + value + "]"
	}
	if vars := f.GetEnvVars(); len(vars) > 0 {
		text += " [$" + strings.Join(vars, ", $") + "]"
	}
	return text
}

// exitMeaning says what an exit code means.
type exitMeaning struct {
	code            int
	french, english string
}

var exitMeanings = []exitMeaning{
	{0, "fait", "done"},
	{1, "erreur inattendue ; igc doctor a quelque chose à faire ; igc inspect --diff a trouvé une différence",
		"unexpected error; igc doctor has something to do; igc inspect --diff found a difference"},
	{2, "entrée fautive", "wrong input"},
	{3, "introuvable", "not found"},
	{4, "contredit ce qui est enregistré", "conflict with what is recorded"},
	{5, "phrase secrète", "passphrase"},
	{6, "occupé, ou la base de données ne répond pas : réessayer", "busy, or the database does not answer: try again"},
	{7, "le disque ou le dossier refuse, ou les enregistrements sont abîmés ou perdus (igc recover)",
		"the disk or folder refuses, or the records are damaged or lost (igc recover)"},
	{8, "le serveur s'est arrêté avant de répondre", "the server stopped before it answered"},
	{130, "interrompu", "interrupted"},
}

func TestExitMeanings(t *testing.T) {
	for kind, code := range exitCodes {
		if !slices.ContainsFunc(exitMeanings, func(m exitMeaning) bool { return m.code == code }) {
			t.Errorf("exit code %d (%v) is not in the reference", code, kind)
		}
	}
}

// referencePage is docs/cli.md.
func referencePage(t *testing.T, french, english []referenced) []byte {
	if len(french) != len(english) {
		t.Fatalf("%d commands in French, %d in English", len(french), len(english))
	}
	var b bytes.Buffer
	cell := strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace
	fmt.Fprint(&b, "# Commands\n\nMade from the commands themselves by `go test ./cli -run Reference -update`. The same in the terminal: `igc --help`,\n"+
		"`igc COMMAND --help`, `man -M docs/man igc`.\n")
	for i, fr := range french {
		en := english[i]
		fmt.Fprintf(&b, "\n## %s\n\n%s.\n<br>*%s.*\n\n```\n", fr.name, capital(fr.usage), capital(en.usage))
		for _, line := range en.synopsis {
			fmt.Fprintln(&b, line)
		}
		fmt.Fprint(&b, "```\n")
		if fr.description != "" {
			fmt.Fprintf(&b, "\n%s\n\n*%s*\n", fr.description, strings.ReplaceAll(en.description, "\n", "*\n*"))
		}
		if len(fr.flags) == 0 {
			continue
		}
		fmt.Fprint(&b, "\n| option | français | English |\n|---|---|---|\n")
		for j, f := range fr.flags {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", spelled(f), cell(explained(f)), cell(explained(en.flags[j])))
		}
	}
	fmt.Fprint(&b, "\n## Exit codes\n\n| code | français | English |\n|---|---|---|\n")
	for _, m := range exitMeanings {
		fmt.Fprintf(&b, "| %d | %s | %s |\n", m.code, m.french, m.english)
	}
	return b.Bytes()
}

func capital(s string) string {
	r := []rune(s)
	return strings.ToUpper(string(r[:1])) + string(r[1:])
}

// manual is what a manual page says beside the commands.
type manual struct {
	headings   map[string]string // of man(7), in the page's language
	inFrench   bool
	files, see string
}

var englishManual = manual{
	files: "$IGC_HOME, else igc among the user's data (~/.local/share/igc): the lab. Its igc.yaml explains itself.",
	see:   "The pages of docs in the source: README.md, docs/cards.md, docs/testssl.md, docs/revocation.md, docs/doctor.md.",
	headings: map[string]string{"NAME": "NAME", "SYNOPSIS": "SYNOPSIS", "OPTIONS": "OPTIONS", "COMMANDS": "COMMANDS",
		"EXIT STATUS": "EXIT STATUS", "FILES": "FILES", "SEE ALSO": "SEE ALSO"},
}

var frenchManual = manual{
	inFrench: true,
	files:    "$IGC_HOME, sinon igc parmi les données de l'utilisateur (~/.local/share/igc) : le laboratoire. Son igc.yaml s'explique.",
	see:      "Les pages de docs dans les sources : README.md, docs/cards.md, docs/testssl.md, docs/revocation.md, docs/doctor.md.",
	headings: map[string]string{"NAME": "NOM", "SYNOPSIS": "SYNOPSIS", "OPTIONS": "OPTIONS", "COMMANDS": "COMMANDES",
		"EXIT STATUS": "CODE DE SORTIE", "FILES": "FICHIERS", "SEE ALSO": "VOIR AUSSI"},
}

// manualPage writes the commands with the macros of man(7).
func manualPage(t *testing.T, commands []referenced, m manual) []byte {
	t.Helper()
	var b bytes.Buffer
	section := func(name string) { fmt.Fprintf(&b, ".SH \"%s\"\n", roff(m.headings[name])) }
	options := func(flags []cli.DocGenerationFlag) {
		for _, f := range flags {
			fmt.Fprintf(&b, ".TP\n\\fB%s\\fP\n%s\n", roff(spelled(f)), roff(explained(f)))
		}
	}
	program := commands[0]
	fmt.Fprintf(&b, ".\\\" go test ./cli -run Reference -update\n.TH IGC 1 \"\" \"igc\" \"igc\"\n")
	section("NAME")
	fmt.Fprintf(&b, "igc \\- %s\n", roff(program.usage))
	section("SYNOPSIS")
	fmt.Fprintf(&b, "%s\n", roff(program.synopsis[0]))
	section("OPTIONS")
	options(program.flags)
	section("COMMANDS")
	for _, c := range commands[1:] {
		fmt.Fprintf(&b, ".SS \"%s\"\n%s.\n", roff(c.name), roff(capital(c.usage)))
		for _, line := range c.synopsis {
			fmt.Fprintf(&b, ".PP\n\\fB%s\\fP\n", roff(line))
		}
		for line := range strings.Lines(c.description) {
			fmt.Fprintf(&b, ".PP\n%s\n", roff(strings.TrimSpace(line)))
		}
		options(c.flags)
	}
	section("EXIT STATUS")
	for _, e := range exitMeanings {
		meaning := e.english
		if m.inFrench {
			meaning = e.french
		}
		fmt.Fprintf(&b, ".TP\n\\fB%d\\fP\n%s\n", e.code, roff(meaning))
	}
	section("FILES")
	fmt.Fprintf(&b, "%s\n", roff(m.files))
	section("SEE ALSO")
	fmt.Fprintf(&b, "%s\n", roff(m.see))
	return b.Bytes()
}

// roff escapes a text for a line of man(7) source.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, `"`, `\(dq`, "\n", " ", "~", `\(ti`, "'", `\(aq`, "^", `\(ha`).Replace(s)
	if strings.HasPrefix(s, ".") {
		s = `\&` + s
	}
	return s
}
