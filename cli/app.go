// Package cli is the command line: one file a command. It parses, calls the packages below and
// prints; what it knows of certificates it asks them.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"os/user"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/batch"
	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
)

// Exit codes. Scripts may count on them.
var exitCodes = map[ca.Kind]int{ca.Internal: 1, ca.Invalid: 2, ca.NotFound: 3, ca.Conflict: 4, ca.Passphrase: 5, ca.Busy: 6,
	ca.Unwritable: 7, ca.Damaged: 7, ca.Unanswered: 8, ca.Unavailable: 6}

const exitInterrupted = 130

// program is what commands share: where they read and write.
type program struct {
	in       io.Reader
	stdin    []byte // from in, by [program.readFile], which is asked for it again
	out, err io.Writer
	now      func() time.Time // nil for the lab's clock
}

// Main runs the command line and returns the exit code.
func Main(args []string, in io.Reader, out, errOut io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p := &program{in: in, out: out, err: errOut}
	app := p.app()
	err := app.RunContext(ctx, permute(app, plainHelp(args)))
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(errOut, "igc: "+tr("interrompu", "interrupted"))
		return exitInterrupted
	case errors.Is(err, errToDo):
		return exitCodes[ca.Internal]
	case errors.Is(err, errDamaged):
		return exitCodes[ca.Damaged]
	}
	// one line, whatever was joined into the error; of a batch, one for each row
	var rows batch.RowErrors
	if !errors.As(err, &rows) {
		rows = batch.RowErrors{err}
	}
	for _, e := range rows {
		text := i18n.TextOf(e).In(i18n.FromEnvironment())
		fmt.Fprintln(errOut, "igc: "+strings.ReplaceAll(text, "\n", "; "))
	}
	return exitCodes[ca.KindOf(err)]
}

func (p *program) app() *cli.App {
	cli.HelpFlag = &cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: tr("affiche cette aide",
		"show this help")}
	cli.VersionFlag = &cli.BoolFlag{Name: "version", Aliases: []string{"v"}, Usage: tr("affiche la version",
		"print the version")}
	localizeHelp()
	app := &cli.App{
		Name: "igc",
		Usage: tr("une IGC-Santé de laboratoire : cartes CPS de test, révocation, TESTSSL",
			"an IGC-Santé for the lab: test CPS cards, revocation, TESTSSL"),
		Version:         version(),
		Reader:          p.in,
		Writer:          p.out,
		ErrWriter:       p.err,
		HideHelpCommand: true,
		Suggest:         true,

		EnableBashCompletion: true,
		ExitErrHandler:       func(*cli.Context, error) {}, // Main prints and exits
		OnUsageError:         usageError,
		CommandNotFound:      nil,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return unknownCommand(c.Args().First(), "igc", c.App.Commands)
			}
			return cli.ShowAppHelp(c)
		},
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "home", EnvVars: []string{"IGC_HOME"}, TakesFile: true, Usage: tr("dossier du laboratoire",
				"folder of the lab")},
			&cli.StringFlag{Name: "passphrase-file", TakesFile: true, Usage: tr("fichier dont la première ligne est la phrase secrète des clés (sinon IGC_PASSPHRASE, sinon celle que le laboratoire a faite)",
				"file whose first line is the passphrase of the keys (else IGC_PASSPHRASE, else the one that the lab made)")},
		},
		Commands: []*cli.Command{p.initCommand(), p.issueCommand(), p.csrCommand(), p.renewCommand(),
			p.serveCommand(), p.catalogueCommand(), p.publishCommand(), p.recoverCommand(), p.revokeCommand(),
			p.unholdCommand(), p.listCommand(), p.auditCommand(), p.storeCommand(),
			p.peopleCommand(), p.outboxCommand(), p.ecpsCommand(), p.pscCommand(), p.annuaireCommand(),
			p.orderCommand(), p.withdrawCommand(), p.followCommand(), p.roleCommand(), p.tokenCommand(),
			p.backupCommand(), p.restoreCommand(),
			p.showCommand(), p.inspectCommand(), p.lintCommand(), p.codesCommand(), p.fixturesCommand(), p.trustCommand(), p.cardCommand(), p.doctorCommand(), p.completionCommand(), p.benchCommand()},
	}
	completing(app.Commands)
	nameSubcommands(app.Commands, app.Name)
	return app
}

// home is the lab's folder, and options what opens it.
func (p *program) lab(c *cli.Context) (home string, opts lab.Options, err error) {
	if home = c.String("home"); home == "" {
		if home, err = lab.DefaultHome(); err != nil {
			return "", opts, err
		}
	}
	if file := c.String("passphrase-file"); file != "" {
		if opts.Passphrase, err = lab.ReadPassphraseFile(file); err != nil {
			return "", opts, err
		}
	} else if secret := os.Getenv("IGC_PASSPHRASE"); secret != "" {
		opts.Passphrase = []byte(secret)
	}
	opts.Now = p.now
	opts.Actor = "cli:" + userName()
	bar := newBar(p.err)
	opts.Progress = bar.show
	opts.Waiting = func(home string) {
		fmt.Fprintf(p.err, tr("igc : un autre processus tient le laboratoire de %s ; j'attends.\n",
			"igc: another process holds the lab in %s; waiting.\n"), home)
	}
	return home, opts, nil
}

// userName is who runs the command, for the change feed.
func userName() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return fmt.Sprintf("uid=%d", os.Getuid())
}

// connect opens the lab for a command.
func (p *program) connect(c *cli.Context) (*lab.Client, error) {
	home, opts, err := p.lab(c)
	if err != nil {
		return nil, err
	}
	return lab.Connect(home, opts)
}

// connectOrCreate opens the lab, and makes an empty one first when there is none.
func (p *program) connectOrCreate(c *cli.Context, config lab.Config) (*lab.Client, error) {
	home, opts, err := p.lab(c)
	if err != nil {
		return nil, err
	}
	l, err := lab.Open(home, opts)
	if ca.KindOf(err) == ca.NotFound {
		l, err = lab.Create(home, config, opts)
	}
	if err != nil {
		return nil, err
	}
	// At most 10000 entries of a folder are looked at: all of a million cards would take a second.
	// igc doctor looks at all of them.
	if err := lab.RemoveLeftovers(lab.Leftovers(home, time.Now(), 10000)); err != nil {
		return nil, err
	}
	return l.Client(), nil
}

// printed is called with what a command ("igc card list") prints as JSON. A test makes its schema
// of that.
var printed = func(command string, facts any) {}

// printJSON writes facts as JSON, of a command that writes nothing else.
func (p *program) printJSON(c *cli.Context, facts any) error {
	printed(c.Command.HelpName, facts)
	return p.encode(facts)
}

// print writes facts: as JSON when asked for, in words otherwise.
func (p *program) print(c *cli.Context, facts any, words func(w io.Writer)) error {
	printed(c.Command.HelpName, facts)
	if !c.Bool("json") {
		words(p.out)
		return nil
	}
	return p.encode(facts)
}

func (p *program) encode(facts any) error {
	enc := json.NewEncoder(p.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(facts)
}

func jsonFlag() cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: tr("écrit du JSON", "write JSON")}
}

func keyFlag(usage string) cli.Flag {
	return &cli.StringFlag{Name: "key", Usage: usage + " (faithful, rsa3072, rsa2048, p256)"}
}

func urlsFlag() cli.Flag {
	return &cli.StringFlag{Name: "urls", Value: "lab", Usage: tr("adresses dans les certificats : lab, ou real (celles de l'IGC-Santé, pour comparer)",
		"addresses in certificates: lab, or real (those of the IGC-Santé, to compare)")}
}

// urls reads --urls; nil stands for the lab's own.
func urls(c values) (*profiles.URLs, error) {
	switch v := c.String("urls"); v {
	case "lab", "":
		return nil, nil
	case "real":
		return &profiles.RealURLs, nil
	default:
		return nil, ca.Invalidate(errorf("--urls %q : choisissez lab ou real",
			"--urls %q: choose lab or real", v))
	}
}

// oneArg takes the command's single argument.
func oneArg(c *cli.Context, what string) (string, error) {
	if c.NArg() != 1 {
		return "", ca.Invalidate(errorf("donnez %s, et rien d'autre (reçu : %d arguments)",
			"give %s and nothing else (got %d arguments)", what, c.NArg()))
	}
	return c.Args().First(), nil
}

// noArgs refuses arguments.
func noArgs(c *cli.Context) error {
	if c.Args().Present() {
		return ca.Invalidate(errorf("argument inattendu : %q", "unexpected argument: %q", c.Args().First()))
	}
	return nil
}

// permute puts the flags of each command before its arguments, where urfave/cli wants them: people
// write "igc revoke SERIAL --reason keyCompromise". What follows "--" stays where it is.
func permute(app *cli.App, args []string) []string {
	if len(args) == 0 {
		return args
	}
	out := args[:1:1]
	flags, commands := app.Flags, app.Commands
	var held []string
	for rest := args[1:]; len(rest) > 0; rest = rest[1:] {
		word := rest[0]
		if word == "--" {
			return append(append(out, "--"), append(held, rest[1:]...)...)
		}
		if len(word) > 1 && word[0] == '-' {
			out = append(out, word)
			name, _, assigned := strings.Cut(strings.TrimLeft(word, "-"), "=")
			if !assigned && takesValue(flags, name) && len(rest) > 1 {
				rest = rest[1:]
				out = append(out, rest[0])
			}
			continue
		}
		if command := find(commands, word); command != nil && held == nil {
			out = append(out, word)
			flags, commands = command.Flags, command.Subcommands
			continue
		}
		held = append(held, word)
	}
	return append(out, held...)
}

func takesValue(flags []cli.Flag, name string) bool {
	for _, f := range flags {
		for _, n := range f.Names() {
			if n == name {
				doc, ok := f.(cli.DocGenerationFlag)
				return ok && doc.TakesValue()
			}
		}
	}
	return false
}

func find(commands []*cli.Command, name string) *cli.Command {
	for _, c := range commands {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}
