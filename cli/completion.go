package cli

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/profiles"
)

// flagValues are the values of flags that take one of a few words, or a code of the sector. After
// a colon stands what the word means, which zsh shows.
var flagValues = map[string]func() []string{
	"profession": codesOf("G15"),
	"speciality": codesOf("R01"),
	"department": codesOf("G09"),
	"card":       productWords,
	"product":    productWords,
	"fixture":    fixtures.Names,
	"key":        oneWordOf("faithful", "rsa3072", "rsa2048", "p256"),
	"generation": oneWordOf("gen2016", "gen2023"),
	"urls":       oneWordOf("lab", "real"),
	"status":     oneWordOf("good", "revoked", "hold", "expired"),
	"as":         oneWordOf("cps3", "cps4"),
	"mode":       oneWordOf("L", "S", "B"),
	"sector":     codesOf("R02"),
	"reason": func() (names []string) {
		for _, r := range ca.Reasons() {
			names = append(names, string(r))
		}
		return names
	},
}

func oneWordOf(list ...string) func() []string { return func() []string { return list } }

func codesOf(table string) func() []string {
	return func() (list []string) {
		for _, code := range profiles.Codes(table) {
			list = append(list, code.Code+":"+code.Label)
		}
		return list
	}
}

func productWords() (list []string) {
	for _, p := range profiles.Products() {
		list = append(list, p.ID+":"+tr(p.FR, p.EN))
	}
	return list
}

// completing gives every command what completes it, unless it has something better: the values of
// the flag before, else its subcommands and flags.
func completing(commands []*cli.Command) {
	for _, command := range commands {
		own := command.BashComplete
		command.BashComplete = func(c *cli.Context) {
			var previous string
			if len(os.Args) > 2 {
				previous = os.Args[len(os.Args)-2] // the last one asks for completion
			}
			values := flagValues[strings.TrimLeft(previous, "-")]
			if values != nil && strings.HasPrefix(previous, "-") {
				for _, v := range values() {
					fmt.Fprintln(c.App.Writer, v)
				}
				return
			}
			if own != nil {
				own(c)
			}
			for _, sub := range command.Subcommands {
				if !sub.Hidden && sub.Name != "help" {
					fmt.Fprintln(c.App.Writer, sub.Name+":"+sub.Usage)
				}
			}
			for _, f := range command.VisibleFlags() {
				fmt.Fprintln(c.App.Writer, "--"+f.Names()[0])
			}
		}
		completing(command.Subcommands)
	}
}

// The shells' side of completion: they call igc with a last word that asks for it.
var completionScripts = map[string]string{
	"bash": `_igc() {
  local IFS=$'\n'
  COMPREPLY=($(compgen -W "$("${COMP_WORDS[@]:0:$COMP_CWORD}" --generate-bash-completion 2>/dev/null | sed 's/:.*//')" -- "${COMP_WORDS[$COMP_CWORD]}"))
}
complete -o default -F _igc igc
`,
	"zsh": `#compdef igc
_igc() {
  local -a replies
  replies=("${(@f)$("${words[@]:0:$((CURRENT-1))}" --generate-bash-completion 2>/dev/null)}")
  _describe 'igc' replies || _files
}
compdef _igc igc
`,
}

func (p *program) completionCommand() *cli.Command {
	return &cli.Command{
		Name: "completion",
		Usage: tr("écrit le script de complétion : source <(igc completion bash)",
			"write the completion script: source <(igc completion bash)"),
		ArgsUsage:    "bash | zsh",
		OnUsageError: usageError,
		Action: func(c *cli.Context) error {
			shell, err := oneArg(c, "bash, zsh")
			if err != nil {
				return err
			}
			script, ok := completionScripts[shell]
			if !ok {
				return ca.Invalidate(errorf("pas de complétion pour %q : bash ou zsh",
					"no completion for %q: bash or zsh", shell))
			}
			_, err = io.WriteString(p.out, script)
			return err
		},
	}
}
