package cli

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/nearest"
)

// The messages of package flag, which know English only.
var (
	unknownFlag  = regexp.MustCompile(`^flag provided but not defined: -+(.+)$`)
	missingValue = regexp.MustCompile(`^flag needs an argument: -+(.+)$`)
	invalidValue = regexp.MustCompile(`^invalid (?:boolean )?value "(.*)" for (?:flag )?-+([^:]+): (.*)$`)
	badSyntax    = regexp.MustCompile(`^bad flag syntax: (.*)$`)
	requiredFlag = regexp.MustCompile(`^Required flags? "(.*)" not set$`)
)

// usageError says what is wrong with the flags of a command.
func usageError(c *cli.Context, err error, _ bool) error {
	text := err.Error()
	see := tr(" (voyez --help)", " (see --help)")
	switch {
	case unknownFlag.MatchString(text):
		name := unknownFlag.FindStringSubmatch(text)[1]
		var known []string
		for _, f := range append(c.Command.VisibleFlags(), c.App.VisibleFlags()...) {
			known = append(known, f.Names()...)
		}
		if near := nearest.Of(name, known); near != "" {
			see = fmt.Sprintf(tr(" : vouliez-vous dire --%s ?", ": did you mean --%s?"), near)
		}
		text = fmt.Sprintf(tr("option inconnue --%s", "unknown option --%s"), name)
	case missingValue.MatchString(text):
		text = fmt.Sprintf(tr("--%s demande une valeur",
			"--%s needs a value"), missingValue.FindStringSubmatch(text)[1])
	case invalidValue.MatchString(text):
		m := invalidValue.FindStringSubmatch(text)
		text = fmt.Sprintf(tr("--%s : valeur refusée : %q", "--%s: not a valid value: %q"), m[2], m[1])
	case badSyntax.MatchString(text):
		text = fmt.Sprintf(tr("option illisible : %s", "not an option: %s"), badSyntax.FindStringSubmatch(text)[1])
	case requiredFlag.MatchString(text):
		text = fmt.Sprintf(tr("il manque --%s", "--%s is missing"), requiredFlag.FindStringSubmatch(text)[1])
	}
	return ca.Invalidate(errors.New(text + see))
}

// unknownCommand is the error of a command that is not there, with the nearest one.
func unknownCommand(name, above string, commands []*cli.Command) error {
	var known []string
	for _, c := range commands {
		if !c.Hidden {
			known = append(known, c.Names()...)
		}
	}
	if near := nearest.Of(name, known); near != "" {
		return ca.Invalidate(errorf("commande inconnue %q : vouliez-vous dire %s ?",
			"unknown command %q: did you mean %s?",
			name, strings.TrimSpace(above+" "+near)))
	}
	return ca.Invalidate(errorf("commande inconnue %q : %s --help les montre",
		"unknown command %q: %s --help lists them", name, above))
}

// nameSubcommands has the commands that only hold others say which are there, and which one was
// meant.
func nameSubcommands(commands []*cli.Command, above string) {
	for _, command := range commands {
		name := above + " " + command.Name
		command.HideHelpCommand = true // urfave/cli's knows English only; igc help does the same
		if len(command.Subcommands) > 0 && command.Action == nil {
			command.Action = func(c *cli.Context) error {
				if c.Args().Present() {
					return unknownCommand(c.Args().First(), name, command.Subcommands)
				}
				return cli.ShowSubcommandHelp(c)
			}
		}
		nameSubcommands(command.Subcommands, name)
	}
}

// plainHelp turns "igc help issue" and "igc version" into the options that they mean.
func plainHelp(args []string) []string {
	if len(args) < 2 {
		return args
	}
	switch args[1] {
	case "help", "aide":
		return append(append([]string{args[0]}, args[2:]...), "--help")
	case "version":
		return append([]string{args[0], "--version"}, args[2:]...)
	}
	return args
}
